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

var vrrp = url.Values{"type": {"in"}, "action": {"ACCEPT"}, "proto": {"vrrp"}, "enable": {"1"}}

// TestOwnRules declares rules of a guest and of a class.
func TestOwnRules(t *testing.T) {
	b := made(t, 9)
	b.by("POST", haproxyFW+"/rules", vrrp)
	own := map[string]any{
		"in": []any{map[string]any{"proto": "vrrp"},
			map[string]any{"proto": "tcp", "ports": []any{8405, "9000:9010"}, "sources": []any{"minio", "10.1.0.0/16"}},
			map[string]any{"proto": "icmp", "icmp_type": "echo-request", "action": "DROP"}},
		"out": []any{map[string]any{"proto": "udp", "ports": []any{53}, "destinations": []any{"192.168.0.1"}}},
	}
	e := estate(t, "small", set(ct, "haproxy", "firewall", own), func(d map[string]any) {
		d["firewall"].(map[string]any)["classes"] = map[string]any{"pipeline": map[string]any{"in": []any{map[string]any{"proto": "tcp", "ports": []any{601}}}}}
	})
	b.converge(e, plan.Options{})
	b.has(haproxyFW+"/rules", append([]string{"in ACCEPT", "in ACCEPT 8405,9000:9010", "in DROP", "out ACCEPT 53", "in ACCEPT 601"}, wantHAProxy...)...)
	var list []struct{ Source string }
	testkit.Must(t, b.client.Get(t.Context(), haproxyFW+"/rules", nil, &list))
	testkit.Equal(t, "source", list[1].Source, "192.168.0.107,10.1.0.0/16")
	b.by("PUT", haproxyFW+"/rules/0", url.Values{"moveto": {"4"}}) // drift
	b.converge(e, plan.Options{})
}

// TestForeignRulesByChoice has a rule of somebody's hand.
func TestForeignRulesByChoice(t *testing.T) {
	b := made(t, 9)
	b.by("POST", haproxyFW+"/rules", vrrp)
	b.by("PUT", haproxyFW+"/rules/0", url.Values{"moveto": {"3"}})
	testkit.Holds(t, "the plan", show(t, b.plan(estate(t, "small"), plan.Options{})), "proto=vrrp")
	keep := estate(t, "small", set(ct, "haproxy", "firewall", map[string]any{"foreign_rules": "keep"}))
	b.noted(keep, plan.Options{}, "the firewall rule in ACCEPT proto=vrrp is not declared and stays")
	for _, move := range [][2]string{{"0", "6"}, {"4", "0"}, {"5", "1"}} {
		b.by("PUT", haproxyFW+"/rules/"+move[0], url.Values{"moveto": {move[1]}})
		b.converge(keep, plan.Options{})
		if n := len(b.rules(haproxyFW + "/rules")); n != 6 {
			t.Fatalf("there are %d rules", n)
		}
	}
	b.converge(estate(t, "small"), plan.Options{})
	b.has(haproxyFW+"/rules", wantHAProxy...)
}

// TestKeepalivedPairAndQueueCluster has the tags of both.
func TestKeepalivedPairAndQueueCluster(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 9})
	e := plain(t, func(d map[string]any) {
		guestOf(d, ct, "web")["tags"] = []string{"terraform", "syslog-gateway", "keepalived"}
		d[ct].(map[string]any)["queue-01"] = map[string]any{"vm_id": 102, "hostname": "queue-01", "unprivileged": true, "tags": []string{"terraform", "syslog-gateway-queue"}}
	})
	b.converge(e, plan.Options{})
	b.has("/nodes/pve/lxc/101/firewall/rules", append(append([]string{}, wantHAProxy...), "group keepalived-svc")...)
	b.has("/nodes/pve/lxc/102/firewall/rules", "group internal-access", "group queue-svc", "group outbound-internal")
	b.has("/cluster/firewall/groups/queue-svc", "in ACCEPT 4222", "in ACCEPT 6222", "in ACCEPT 8222")
	b.has("/cluster/firewall/groups/keepalived-svc", "in ACCEPT", "out ACCEPT")
}

// TestOwnRulesWithoutClass declares rules of a guest that has no class, and takes them away.
func TestOwnRulesWithoutClass(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 9})
	e := plain(t, set(ct, "web", "firewall", map[string]any{"in": []any{map[string]any{"proto": "tcp", "ports": []any{443}}}}))
	b.converge(e, plan.Options{})
	options := func() (o pve.Config) {
		testkit.Must(t, b.client.Get(t.Context(), "/nodes/pve/lxc/101/firewall/options", nil, &o))
		return o
	}
	if o := options(); o["enable"] != "1" || o["policy_in"] == "ACCEPT" || o["policy_out"] == "DROP" {
		t.Errorf("got %v", o)
	}
	b.converge(plain(t), plan.Options{Known: map[int]live.Known{101: {Key: "web", Kind: declaration.LXC, Name: "web", Class: "own"}}})
	testkit.Equal(t, "enable", options()["enable"], "0")
}
