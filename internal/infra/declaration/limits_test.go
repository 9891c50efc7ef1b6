package declaration

import (
	"fmt"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// TestForeseen has what Proxmox VE, or the firewall, would refuse later.
func TestForeseen(t *testing.T) {
	const base = `{"network_prefix": %q, "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICZUzpX4Slhk8yygcPvyLScXJ4ZloIvSNbIxGixHH4fC t",
		"containers": {"web": {"vm_id": 101, "hostname": "web"%s}}}`
	for name, tc := range map[string]struct{ prefix, extra, want string }{
		"fine":        {"10.20.30", `, "tags": ["haproxy"]`, ""},
		"network":     {"203.0.113", `, "tags": ["haproxy"]`, "is not in internal_networks"},
		"no class":    {"203.0.113", ``, ""},
		"description": {"10.20.30", `, "description": "` + strings.Repeat("x", 9000) + `"`, "has 9000 characters; 8192 at most"},
		"word":        {"10.20.30", `, "cores": 2`, "did you mean cpu_cores?"},
		"cut value":   {"10.20.30", `, "description": "` + strings.Repeat("x", 9000) + `"`, strings.Repeat("x", 80) + `"… has`},
		"zone":        {"10.20.30", `, "timezone": "Nowhere/City"`, "is not a time zone"},
		"alias zone":  {"10.20.30", `, "timezone": "Etc/UTC"`, "such as Europe/Berlin or UTC"},
		"fine zone":   {"10.20.30", `, "timezone": "Europe/Berlin"`, ""},
		"interfaces":  {"10.20.30", `, "network_interfaces": [{}` + strings.Repeat(`, {}`, 32) + `]`, "has 33 elements; 32 at most"},
		"mounts":      {"10.20.30", `, "mount_points": [` + mounts(257) + `]`, "has 257 elements; 256 at most"},
		"most mounts": {"10.20.30", `, "mount_points": [` + mounts(256) + `]`, ""},
		"other word":  {"10.20.30", `, "swap": 2`, "did you mean memory_swap?"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(t.Context(), withText(t, fmt.Sprintf(base, tc.prefix, tc.extra)))
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("want %s, got %v", tc.want, err)
			}
		})
	}
}

// mounts are n mount points.
func mounts(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"volume": "local-zfs", "size": "1G", "path": "/srv/%d"}`, i)
	}
	return strings.Join(list, ", ")
}

// TestInternalNetworksFitIntoARule has more networks than the source of a rule has room for.
func TestInternalNetworksFitIntoARule(t *testing.T) {
	for n, want := range map[int]string{30: "", 60: "longer than Proxmox VE takes"} {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`"10.%d.0.0/16"`, 20+i)
		}
		_, err := Load(t.Context(), withText(t, `{"network_prefix": "10.20.30", "internal_networks": [`+strings.Join(list, ",")+`]}`))
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d networks: %v", n, err)
		}
	}
}

// TestNamesOfOthers has keys as Proxmox VE and bpg/proxmox call them, which are nearer to
// another key by letters.
func TestNamesOfOthers(t *testing.T) {
	for key, want := range map[string]string{
		`"name": "x"`: "hostname", `"node_name": "pve"`: "node", `"rootfs": {}`: "root_disk", `"nesting": true`: "features.nesting", `"started": true`: "on_boot",
		`"password": "secret-word"`: "user_account.password", `"memory": {"dedicated": 512}`: "memory_dedicated", `"cpu": {"cores": 2}`: "cpu_cores",
		`"network_device": []`: "network_interfaces", `"tag": []`: "tags", `"ostype": "debian"`: "os_type", `"hostnam": "x"`: "hostname",
	} {
		_, err := Load(t.Context(), withText(t, `{"network_prefix": "10.20.30", "containers": {"web": {"vm_id": 101, "hostname": "web", `+key+`}}}`))
		testkit.Fails(t, err, "did you mean "+want+"?")
		testkit.Lacks(t, "the error", err.Error(), "secret-word")
	}
	_, err := Load(t.Context(), withText(t, `{"network_prefix": "10.20.30", "lxc": {}, "vms": {"a": {"vm_id": 102, "name": "a", "template_id": 9000, "boot_disk": {"storage": "x"}, "network_interfaces": [{"tag": 3}]}}}`))
	testkit.Fails(t, err, "did you mean containers?", "did you mean clone_template.template_id?", "did you mean datastore_id?", "did you mean vlan_id?")
}

// TestOwnRulesAreChecked has mistakes in firewall rules.
func TestOwnRulesAreChecked(t *testing.T) {
	for rule, want := range map[string]string{
		`{"proto": "tpc"}`: "is not possible here", `{"ports": [80]}`: "without a protocol that has ports",
		`{"proto": "tcp", "ports": [70000]}`: "is not a port", `{"proto": "tcp", "ports": ["90:80"]}`: "is not a port",
		`{"sources": ["wbe"]}`: "did you mean web?", `{"sources": ["dyn"]}`: "without a fixed address", `{"sources": []}`: "is empty",
		`{"icmp_type": "any"}`: "without proto icmp", `{"dport": 80}`: `the key "dport" is not known here`,
		`{"proto": "icmp", "icmp_type": "echo-requst"}`: "did you mean echo-request?", `{"proto": "icmp", "icmp_type": "256"}`: "is not a type of icmp",
		`{"proto": "icmp", "icmp_type": "no-route"}`: "is not a type of icmp that Proxmox VE knows; known here are ", `{"proto": "ipv6-icmp", "icmp_type": "no-route"}`: "", `{"proto": "icmp", "icmp_type": "8"}`: "",
		`{"proto": "tcp", "ports": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]}`: "", `{"proto": "tcp", "ports": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}`: "16 numbers",
		`{"proto": "tcp", "ports": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,"15:16"]}`:          "16 numbers, where a range has two; 15 at most",
		`{"sources": ["web", "+blocked", "dc/office", "10.0.0.1-10.0.0.9", "fd00::/8"]}`: "",
	} {
		_, err := Load(t.Context(), withText(t, fmt.Sprintf(`{"network_prefix": "10.20.30", "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICZUzpX4Slhk8yygcPvyLScXJ4ZloIvSNbIxGixHH4fC t",
			"containers": {"web": {"vm_id": 101, "hostname": "web", "firewall": {"in": [%s]}}, "dyn": {"vm_id": 102, "hostname": "dyn", "dhcp": true}}}`, rule)))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", rule, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: want %s, got %v", rule, want, err)
		}
	}
}
