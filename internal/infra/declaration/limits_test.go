package declaration

import (
	"fmt"
	"strings"
	"testing"
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

// TestOwnRulesAreChecked has mistakes in firewall rules.
func TestOwnRulesAreChecked(t *testing.T) {
	for rule, want := range map[string]string{
		`{"proto": "tpc"}`: "is not possible here", `{"ports": [80]}`: "without a protocol that has ports",
		`{"proto": "tcp", "ports": [70000]}`: "is not a port", `{"proto": "tcp", "ports": ["90:80"]}`: "is not a port",
		`{"sources": ["wbe"]}`: "did you mean web?", `{"sources": ["dyn"]}`: "without a fixed address", `{"sources": []}`: "is empty",
		`{"icmp_type": "any"}`: "without proto icmp", `{"dport": 80}`: `the key "dport" is not known here`,
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
