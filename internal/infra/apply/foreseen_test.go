package apply_test

import (
	"net/url"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// TestGatewayGetsNesting makes a container for the gateway, whose unit needs it.
func TestGatewayGetsNesting(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 3})
	tags := func(features map[string]any) *declaration.Estate {
		return plain(t, func(d map[string]any) {
			guestOf(d, ct, "web")["tags"] = []string{"terraform", "syslog-gateway"}
			guestOf(d, ct, "web")["features"] = features
		})
	}
	b.converge(tags(nil), plan.Options{})
	testkit.Equal(t, "features", b.config(101)["features"], "nesting=1")
	privileged := plain(t, set(ct, "web", "tags", []string{"terraform", "syslog-gateway"}), set(ct, "web", "unprivileged", false), set(ct, "web", "vm_id", 102))
	testkit.Holds(t, "the plan", show(t, b.plan(privileged, plan.Options{})), "web: the unit of its tag does not start without nesting")
	queue := plain(t, set(ct, "web", "tags", []string{"syslog-gateway-queue"}))
	if !queue.Containers[0].Features.Nesting {
		t.Error("the unit of the queue has the same sandbox, and no nesting")
	}
	if notes := tags(map[string]any{"nesting": false}).Notes; len(notes) != 1 || !strings.Contains(notes[0].What, "does not start") {
		t.Errorf("got %v", notes)
	}
}

// TestBridgeIsForeseen declares bridges that the node does not have.
func TestBridgeIsForeseen(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 3})
	on := func(bridge string) *declaration.Estate {
		return plain(t, set(ct, "web", "network_interfaces", []any{map[string]any{"bridge": bridge}}))
	}
	b.refused(b.plan(on("vmbr7"), plan.Options{}), "net0 is declared on the bridge vmbr7, and node pve has vmbr0")
	b.converge(on("vmbr0"), plan.Options{})
	b.refused(b.plan(on("vmbr7"), plan.Options{}), "vmbr7")
	testkit.Must(t, b.sim.AddBridge("pve", "vmbr7"))
	b.converge(on("vmbr7"), plan.Options{})
}

// TestTemplateOfAnotherNode clones from a storage that only the template's node sees.
func TestTemplateOfAnotherNode(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 3, Nodes: []string{"pve2"}})
	b.filters()
	e := estate(t, "small", set(vm, "docker-host", "node", "pve2"))
	b.refused(b.plan(e, plan.Options{Only: []string{"docker-host"}}), "template 9000 is on pve, and its scsi0 is on local-zfs, which is not shared")
}

// TestRotatedKeysAreNoted changes what counts only when a guest is made.
func TestRotatedKeysAreNoted(t *testing.T) {
	b := made(t, 3)
	e := estate(t, "small")
	known := record(e)
	for id, k := range known {
		for _, g := range e.Guests() {
			if g.VMID == id {
				k.Inputs = e.FirstBoot(g)
			}
		}
		known[id] = k
	}
	o := plan.Options{Known: known}
	b.still(e, o)
	next := estate(t, "small", func(d map[string]any) {
		d["ssh_public_key"] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICZUzpX4Slhk8yygcPvyLScXJ4ZloIvSNbIxGixHH4fC new"
		d["proxmox_ct_template_debian"] = "debian-14-standard_14.0-1_amd64.tar.zst"
	}, set(vm, "docker-host", "user_account", map[string]any{"username": "ops"}))
	for _, note := range []string{"haproxy: its SSH keys changed", "haproxy: its template changed", "docker-host: its cloud-init user changed", "splunk: its SSH keys changed"} {
		b.noted(next, o, note)
	}
	vendor := estate(t, "small", set(vm, "docker-host", "cloud_init", map[string]any{"vendor_data": "#cloud-config\n"}), set(ct, "haproxy", "user_account", map[string]any{"password": "hunter22"}))
	for _, note := range []string{"docker-host: its cloud-init file changed", "docker-host: its cloud_init changed", "haproxy: its password changed"} {
		b.noted(vendor, o, note)
	}
	b.noted(estate(t, "small", set(vm, "docker-host", "cloud_init", map[string]any{"upgrade": false})), o, "docker-host: its cloud_init changed")
	b.noted(next, plan.Options{Known: map[int]live.Known{}}, "") // nothing is known, nothing is said
}

// TestVGAIsTheTemplates clones a template with a serial console.
func TestVGAIsTheTemplates(t *testing.T) {
	b := made(t, 3)
	testkit.Equal(t, "vga", b.config(250)["vga"], "serial0")
	b.converge(estate(t, "small", set(vm, "docker-host", "vga_type", "std")), plan.Options{})
	testkit.Equal(t, "vga", b.config(250)["vga"], "std")
}

// TestEmptyRuleParameters sends what Terraform's provider sends.
func TestEmptyRuleParameters(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 3})
	b.by("POST", "/cluster/firewall/groups", url.Values{"group": {"mine"}})
	b.by("POST", "/cluster/firewall/groups/mine", url.Values{"type": {"in"}, "action": {"ACCEPT"}, "proto": {"icmp"}, "dport": {""}, "source": {""}, "dest": {""}, "sport": {""}})
	b.has("/cluster/firewall/groups/mine", "in ACCEPT")
}

// TestSocketsStay has a VM with two sockets, which no key declares.
func TestSocketsStay(t *testing.T) {
	b := made(t, 3)
	testkit.Must(t, b.sim.SetConfig(250, "sockets", "2"))
	b.noted(estate(t, "small"), plan.Options{}, "docker-host: sockets=2: no key declares it, it stays")
}
