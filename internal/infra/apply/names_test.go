package apply_test

import (
	"net/url"
	"testing"

	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// TestNamesOfRulesAreForeseen declares rules with aliases and IP sets that are not there, and
// then makes them.
func TestNamesOfRulesAreForeseen(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 9})
	e := plain(t, set(ct, "web", "firewall", map[string]any{"in": []any{
		map[string]any{"proto": "tcp", "ports": []any{443}, "sources": []any{"+office", "dc/vpn"}},
		map[string]any{"proto": "tcp", "ports": []any{80}, "sources": []any{"10.20.30.7", "+sdn/zone-all"}},
	}}))
	b.refused(b.plan(e, plan.Options{}), "a rule names the IP set +office, which is not there", "the alias dc/vpn, which is not there: make it under Datacenter > Firewall")
	testkit.Lacks(t, "the plan", show(t, b.plan(e, plan.Options{})), "zone-all, which")
	b.by("POST", "/cluster/firewall/ipset", url.Values{"name": {"office"}})
	b.by("POST", "/cluster/firewall/aliases", url.Values{"name": {"vpn"}, "cidr": {"10.9.0.0/16"}})
	b.converge(e, plan.Options{})
	b.by("DELETE", "/cluster/firewall/ipset/office", nil)
	b.refused(b.plan(e, plan.Options{}), "+office")
	b.by("POST", "/nodes/pve/lxc/101/firewall/ipset", url.Values{"name": {"office"}})
	b.still(e, plan.Options{})
}

// TestUndeclaredOptionsStay drifts options of a live VM whose keys nobody declared.
func TestUndeclaredOptionsStay(t *testing.T) {
	b := made(t, 9)
	for key, value := range map[string]string{"cpu": "host", "balloon": "0", "agent": "0", "ostype": "win11"} {
		testkit.Must(t, b.sim.SetConfig(250, key, value))
		testkit.Must(t, b.sim.SetConfig(200, key, value))
	}
	testkit.Must(t, b.sim.SetConfig(250, "scsi0", b.config(250)["scsi0"]+",discard=on,ssd=1"))
	b.still(estate(t, "small"), plan.Options{})
	declared := estate(t, "small", set(vm, "docker-host", "cpu_type", "x86-64-v2-AES"), set(vm, "docker-host", "memory_floating", 8192), set(vm, "docker-host", "agent_enabled", true),
		set(vm, "docker-host", "os_type", "l26"), set(vm, "docker-host", "boot_disk", with(disk("scsi0", 50), "discard", "ignore")))
	c := planned(t, b.plan(declared, plan.Options{}), "vm/docker-host")
	paths := ""
	for _, f := range c.Fields {
		paths += f.Path + " "
	}
	testkit.Equal(t, "fields", paths, "cpu balloon agent ostype scsi0.discard ")
	b.converge(declared, plan.Options{})
	testkit.Holds(t, "scsi0", b.config(250)["scsi0"], "ssd=1")
}

// TestUndeclaredBalloonFollowsTheMemory shrinks and grows the memory.
func TestUndeclaredBalloonFollowsTheMemory(t *testing.T) {
	b := made(t, 9)
	for _, memory := range []int{4096, 16384} {
		b.converge(estate(t, "small", set(vm, "docker-host", "memory_dedicated", memory)), plan.Options{})
		testkit.Equal(t, "balloon", b.config(250)["balloon"], b.config(250)["memory"])
	}
	testkit.Must(t, b.sim.SetConfig(250, "balloon", "8192"))
	b.converge(estate(t, "small", set(vm, "docker-host", "memory_dedicated", 12288)), plan.Options{})
	testkit.Equal(t, "balloon", b.config(250)["balloon"], "8192")
	b.converge(estate(t, "small", set(vm, "docker-host", "memory_dedicated", 4096)), plan.Options{})
	testkit.Equal(t, "balloon", b.config(250)["balloon"], "4096")
}
