package apply_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/rules"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// by writes as another person's hand would.
func (b *rig) by(method, path string, params url.Values) {
	b.t.Helper()
	testkit.Try(b.root.Write(b.t.Context(), method, path, params))(b.t)
}

// rules are the live rules at a path, as type and action.
func (b *rig) rules(path string) []string {
	b.t.Helper()
	var list []rules.Live
	testkit.Must(b.t, b.client.Get(b.t.Context(), path, nil, &list))
	var out []string
	for _, r := range list {
		out = append(out, strings.TrimSpace(r.Type+" "+r.Action+" "+r.DPort))
	}
	return out
}

// has compares the live rules at a path.
func (b *rig) has(path string, want ...string) {
	b.t.Helper()
	testkit.Equal(b.t, path, strings.Join(b.rules(path), "\n"), strings.Join(want, "\n"))
}

const (
	haproxyFW = "/nodes/pve/lxc/175/firewall"
	groupFW   = "/cluster/firewall/groups/syslog"
)

// wantHAProxy are the groups of the class pipeline, in order.
var wantHAProxy = []string{"group internal-access", "group pipeline-services", "group syslog", "group netflow", "group outbound-internal"}

func TestFirewallFromEmpty(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 9})
	b.converge(estate(t, "full"), plan.Options{})
	b.has(haproxyFW+"/rules", wantHAProxy...)
	b.has(groupFW, "in ACCEPT 514", "in ACCEPT 514", "in ACCEPT 1514:1518", "in ACCEPT 1514:1518")
	var groups []struct{ Group string }
	testkit.Must(t, b.client.Get(t.Context(), "/cluster/firewall/groups", nil, &groups))
	if len(groups) != 14 {
		t.Errorf("there are %d groups, want 14", len(groups))
	}
	var options pve.Config
	testkit.Must(t, b.client.Get(t.Context(), haproxyFW+"/options", nil, &options))
	if options["enable"] != "1" || options["policy_out"] != "DROP" {
		t.Errorf("HAProxy's options are %v", options)
	}
}

// TestRulesComeBeforeWhatEnables checks the order of the writes.
func TestRulesComeBeforeWhatEnables(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 9})
	testkit.Try(b.apply(b.plan(estate(t, "small"), plan.Options{}), apply.Options{}))(t)
	last := map[string]int{}
	for i, w := range b.sim.Writes() {
		last[w.Method+" "+w.Path] = i
	}
	for _, pair := range [][2]string{
		{"POST " + groupFW, "POST " + haproxyFW + "/rules"},
		{"POST " + haproxyFW + "/rules", "PUT " + haproxyFW + "/options"},
		{"PUT " + haproxyFW + "/options", "PUT /cluster/firewall/options"},
	} {
		if last[pair[0]] == 0 || last[pair[0]] >= last[pair[1]] {
			t.Errorf("%s must come before %s: %v", pair[0], pair[1], last)
		}
	}
}

func TestFirewallDrift(t *testing.T) {
	for name, drift := range map[string]func(*rig){
		"extra rule": func(b *rig) {
			b.by("POST", haproxyFW+"/rules", url.Values{"type": {"in"}, "action": {"ACCEPT"}, "proto": {"tcp"}, "dport": {"23"}, "enable": {"1"}})
		},
		"extra rule in a group": func(b *rig) {
			b.by("POST", groupFW, url.Values{"type": {"in"}, "action": {"DROP"}, "enable": {"1"}})
		},
		"missing rule":  func(b *rig) { b.by("DELETE", haproxyFW+"/rules/2", nil) },
		"reordered":     func(b *rig) { b.by("PUT", haproxyFW+"/rules/0", url.Values{"moveto": {"4"}}) },
		"disabled rule": func(b *rig) { b.by("PUT", haproxyFW+"/rules/1", url.Values{"enable": {"0"}}) },
		"disabled":      func(b *rig) { b.by("PUT", haproxyFW+"/options", url.Values{"enable": {"0"}}) },
		"open policy":   func(b *rig) { b.by("PUT", haproxyFW+"/options", url.Values{"policy_in": {"ACCEPT"}}) },
		"cluster off":   func(b *rig) { b.by("PUT", "/cluster/firewall/options", url.Values{"enable": {"0"}}) },
		"node off":      func(b *rig) { b.by("PUT", "/nodes/pve/firewall/options", url.Values{"enable": {"0"}}) },
		"group comment": func(b *rig) {
			b.by("POST", "/cluster/firewall/groups", url.Values{"group": {"syslog"}, "rename": {"syslog"}, "comment": {"?"}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, pvesim.Options{Seed: 9})
			e := estate(t, "small")
			b.make(e)
			drift(b)
			p := b.plan(e, plan.Options{})
			if len(p.Changes) == 0 || p.Count(change.Update) != 1 {
				t.Fatalf("want one change:\n%s", show(t, p))
			}
			b.converge(e, plan.Options{})
			b.has(haproxyFW+"/rules", wantHAProxy...)
		})
	}
}

// TestLeavingAClassDisablesFirst takes the tag away that a guest has its class by.
func TestLeavingAClassDisablesFirst(t *testing.T) {
	b := made(t, 9)
	b.by("POST", haproxyFW+"/rules", url.Values{"type": {"in"}, "action": {"ACCEPT"}, "proto": {"tcp"}, "dport": {"23"}, "enable": {"1"}})
	e := estate(t, "small", set("containers", "haproxy", "tags", []string{"terraform", "container"}))
	p := b.plan(e, plan.Options{})
	b.sim.ResetJournal()
	testkit.Try(b.apply(p, apply.Options{}))(t)
	var order []string
	for _, w := range b.sim.Writes() {
		order = append(order, w.Method+" "+w.Path)
	}
	if len(order) != 7 || order[0] != "PUT "+haproxyFW+"/options" || order[6] != "PUT /nodes/pve/lxc/175/config" {
		t.Fatalf("want disable, five removals, and the tags last: %v", order)
	}
	b.still(e, plan.Options{})
	b.has(haproxyFW+"/rules", "in ACCEPT 23")
}

// TestReconcileRules brings random lists to random wants.
func TestReconcileRules(t *testing.T) {
	rng, seed := seeded(t)
	b := newRig(t, pvesim.Options{Seed: 9})
	e := estate(t, "small")
	b.converge(e, plan.Options{})
	for range 15 {
		var have []string
		for n := range rng.IntN(8) {
			port := fmt.Sprint(7000 + rng.IntN(6))
			if rng.IntN(3) > 0 {
				port = []string{"514", "1514:1518"}[n%2]
			}
			have = append(have, port)
			b.by(http.MethodPost, groupFW, url.Values{"type": {"in"}, "action": {"ACCEPT"}, "proto": {"udp"}, "dport": {port},
				"enable": {"1"}, "source": {"172.16.0.0/12,10.0.0.0/8,192.168.0.0/16"}})
		}
		p := b.plan(e, plan.Options{})
		if _, err := b.apply(p, apply.Options{}); err != nil {
			t.Fatalf("seed %d, %v: %v", seed, have, err)
		}
		if p := b.plan(e, plan.Options{}); !p.Empty() {
			t.Fatalf("seed %d, %v: not there:\n%s", seed, have, show(t, p))
		}
	}
}

// TestDHCPNeedsDHCP lets a guest behind a dropping policy ask for its address.
func TestDHCPNeedsDHCP(t *testing.T) {
	b := made(t, 9)
	b.converge(estate(t, "small", set("containers", "haproxy", "dhcp", true)), plan.Options{})
	var options pve.Config
	testkit.Must(t, b.client.Get(t.Context(), haproxyFW+"/options", nil, &options))
	if net := b.config(175)["net0"]; options["dhcp"] != "1" || !strings.Contains(net, "ip=dhcp") || strings.Contains(net, "gw=") {
		t.Errorf("%v %s", options, net)
	}
}
