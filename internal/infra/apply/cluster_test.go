package apply_test

import (
	"net/url"
	"testing"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// plain is an estate of one container without a class.
func plain(t testing.TB, edits ...func(map[string]any)) *declaration.Estate {
	t.Helper()
	return estate(t, "small", append([]func(map[string]any){func(d map[string]any) {
		for key := range d {
			if key != "network_prefix" && key != "ssh_public_key" && key != "firewall" {
				delete(d, key)
			}
		}
		d[ct] = map[string]any{"web": map[string]any{"vm_id": 101, "hostname": "web", "unprivileged": true}}
	}}, edits...)...)
}

// manages is an edit that says whether the cluster's firewall is managed; nil says nothing.
func manages(on any) func(map[string]any) {
	return func(d map[string]any) { d["firewall"] = map[string]any{"manage_cluster": on} }
}

func (b *rig) clusterFirewall() pve.Config {
	b.t.Helper()
	var options pve.Config
	testkit.Must(b.t, b.client.Get(b.t.Context(), "/cluster/firewall/options", nil, &options))
	return options
}

// TestClusterFirewallIsAsFound has a guest of others whose rules would wake.
func TestClusterFirewallIsAsFound(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 7})
	testkit.Must(t, b.sim.AddGuest("lxc", 140, "pve", map[string]string{"hostname": "db", "rootfs": "local-zfs:8", "net0": "name=eth0,bridge=vmbr0,firewall=1"}))
	b.by("PUT", "/nodes/pve/lxc/140/firewall/options", url.Values{"enable": {"1"}, "policy_in": {"DROP"}})
	b.by("PUT", "/nodes/pve/firewall/options", url.Values{"enable": {"0"}})
	b.by("POST", "/nodes/pve/firewall/rules", url.Values{"type": {"in"}, "action": {"DROP"}, "proto": {"tcp"}, "dport": {"8006"}, "enable": {"1"}})
	b.by("POST", "/cluster/firewall/rules", url.Values{"type": {"in"}, "action": {"DROP"}, "macro": {"SSH"}, "enable": {"1"}})
	b.converge(plain(t, manages(nil)), plan.Options{})
	var node pve.Config
	testkit.Must(t, b.client.Get(t.Context(), "/nodes/pve/firewall/options", nil, &node))
	if b.clusterFirewall()["enable"] == "1" || node["enable"] != "0" {
		t.Errorf("something was switched on: %v %v", b.clusterFirewall(), node)
	}
	b.refused(b.plan(estate(t, "small", manages(nil)), plan.Options{}), `"manage_cluster": true`, "haproxy")
	off := b.plan(estate(t, "small", manages(false)), plan.Options{})
	testkit.Holds(t, "the plan", show(t, off), "manage_cluster is false: it stays off")
	// The control: who says so switches it on, and is told whom that wakes.
	on := plain(t)
	testkit.Holds(t, "the plan", show(t, b.plan(on, plan.Options{})), "wakes the rules of 140, the container db on pve", "is DROP for incoming traffic and ACCEPT for outgoing",
		"wakes rules of the node pve, which have no effect now: in DROP proto=tcp dport=8006", "wakes rules of the cluster, which have no effect now: in DROP macro=SSH")
	b.converge(on, plan.Options{})
	testkit.Equal(t, "enable", b.clusterFirewall()["enable"], "1")
}

// TestTagsAloneAreNoClaim has guests of somebody else with the tags of the default
// environment: one beside the estate, and one under a declared VMID.
func TestTagsAloneAreNoClaim(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 8})
	tagged := func(id int, name string) {
		testkit.Must(t, b.sim.AddGuest("lxc", id, "pve", map[string]string{"hostname": name, "rootfs": "local-zfs:8", "tags": "homelab;terraform", "unprivileged": "1"}))
	}
	tagged(140, "theirs")
	o := plan.Options{Known: map[int]live.Known{}}
	b.converge(plain(t), o)
	b.noted(plain(t), o, "140: the container theirs on pve has the tags terraform and homelab, but was neither applied nor adopted here: it stays as it is")
	testkit.Holds(t, "the plan", show(t, b.plan(plain(t), o)), "environment")
	tagged(141, "other")
	e := plain(t, func(d map[string]any) { guestOf(d, ct, "web")["vm_id"] = 141 })
	b.refused(b.plan(e, o), "VMID 141 is taken by the container other", "environment", "--allow-reuse web")
	o.AllowReuse = []string{"web"}
	if p := b.plan(e, o); len(p.Blocks()) > 0 {
		t.Errorf("it was named, and is refused: %v", p.Blocks())
	}
}

// TestGroupOfOthersIsNamedFirst has a group with a rule that is not declared.
func TestGroupOfOthersIsNamedFirst(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 8})
	b.by("POST", "/cluster/firewall/groups", url.Values{"group": {"syslog"}})
	b.by("POST", groupFW, url.Values{"type": {"in"}, "action": {"ACCEPT"}, "proto": {"tcp"}, "dport": {"601"}, "enable": {"1"}})
	e := estate(t, "small")
	b.refused(b.plan(e, plan.Options{}), "security-group syslog", "dport=601", "--allow-reuse group/syslog")
	b.converge(e, plan.Options{AllowReuse: []string{"group/syslog"}})
	b.still(e, plan.Options{}) // from now on it is ours
}

// TestGroupOfTwoDeclarations has two estates with a class of the same name for other networks.
func TestGroupOfTwoDeclarations(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 8})
	of := func(environment string, vmid int, internal string) *declaration.Estate {
		return plain(t, func(d map[string]any) {
			d["environment"], d["internal_networks"], d["firewall"] = environment, []string{internal}, map[string]any{"manage_cluster": true}
			web := guestOf(d, ct, "web")
			web["vm_id"], web["hostname"], web["tags"] = vmid, "web-"+environment, []string{"terraform", "syslog-gateway"}
		})
	}
	x, y := of("x", 101, "192.168.0.0/16"), of("y", 102, "192.168.0.0/24")
	b.converge(x, plan.Options{Shared: map[string]bool{}})
	o := plan.Options{Shared: map[string]bool{}}
	b.refused(b.plan(y, o), "security-group syslog", "source=192.168.0.0/16", "internal_networks", "--allow-reuse group/syslog")
	for _, c := range plan.Shared(y) {
		o.Shared[c.ID()] = true // as an apply records it
	}
	b.converge(y, o)
	b.converge(of("z", 103, "192.168.0.0/24"), plan.Options{Shared: map[string]bool{}}) // the same rules are no reason
}

// TestNestedPool declares a pool in another one.
func TestNestedPool(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 8})
	of := func(ids ...string) *declaration.Estate {
		pools := map[string]any{}
		for _, id := range ids {
			pools[id] = map[string]any{}
		}
		return plain(t, func(d map[string]any) { d["pools"] = pools })
	}
	b.refused(b.plan(of("a/b"), plan.Options{}), "there is no pool a, which it is to be in")
	b.converge(of("a", "a/b", "a/b/c"), plan.Options{})
	b.converge(of("a/d"), plan.Options{}) // its parent is there
}

// TestPoolOfTwoDeclarations has two estates that both declare a pool.
func TestPoolOfTwoDeclarations(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 8})
	of := func(environment string, vmid int, pool map[string]any) *declaration.Estate {
		return plain(t, func(d map[string]any) {
			d["environment"], d["pools"] = environment, map[string]any{"a": pool}
			guestOf(d, ct, "web")["vm_id"] = vmid
			guestOf(d, ct, "web")["hostname"] = "web-" + environment
		})
	}
	x, y := of("x", 101, map[string]any{}), of("y", 102, map[string]any{})
	b.converge(x, plan.Options{})
	b.converge(y, plan.Options{})
	b.still(x, plan.Options{})
	// With a comment of its own one of them would take it from the other.
	o := plan.Options{Shared: map[string]bool{}}
	said := of("y", 102, map[string]any{"comment": "mine"})
	b.refused(b.plan(said, o), "pool a", "TF Pool A - x", "--allow-reuse pool/a")
	o.AllowReuse = []string{"pool/a"}
	b.converge(said, o)
}
