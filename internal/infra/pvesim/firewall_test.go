package pvesim

import (
	"fmt"
	"testing"

	"syslog-gateway/internal/testkit"
)

// digests of the firewall are those of the real API: recorded for equal objects.
func TestFirewallDigests(t *testing.T) {
	r := newRig(t, Options{})
	testkit.Equal(t, "digest of no options", r.object("/cluster/firewall/options")["digest"], "da39a3ee5e6b4b0d3255bfef95601890afd80709")
	r.ok("PUT", "/cluster/firewall/options", "enable", "0", "policy_in", "DROP")
	testkit.Equal(t, "digest of two options", r.object("/cluster/firewall/options")["digest"], "b0fb1c1b9a22ace2455acb1c9ce3c90eae0b6897")
}

// order is the comments of a list of rules.
func order(r *rig, path string) string {
	out := ""
	for i, rule := range r.list(path) {
		if rule["pos"] != float64(i) {
			r.Errorf("rule %d has the position %v", i, rule["pos"])
		}
		out += fmt.Sprint(rule["comment"])
	}
	return out
}

func TestRuleOrder(t *testing.T) {
	r := newRig(t, Options{})
	r.ok("POST", "/cluster/firewall/groups", "group", "web")
	const at = "/cluster/firewall/groups/web"
	for _, c := range []string{"d", "c", "b", "a"} {
		r.ok("POST", at, "type", "in", "action", "ACCEPT", "proto", "tcp", "dport", "80,8080:8090", "comment", c)
	}
	if got := order(r, at); got != "abcd" {
		t.Fatalf("new rules go on top: %s", got)
	}
	for _, c := range []struct{ pos, moveto, want string }{{"0", "2", "bacd"}, {"3", "0", "dbac"}, {"1", "4", "dacb"}, {"2", "2", "dacb"}} {
		r.ok("PUT", at+"/"+c.pos, "moveto", c.moveto)
		testkit.Equal(t, "after moving "+c.pos+" before "+c.moveto, order(r, at), c.want)
	}
	digest := r.list(at)[0]["digest"].(string)
	r.ok("PUT", at+"/0", "comment", "D", "enable", "1", "digest", digest)
	r.refused(500, "detected modified configuration - file changed by other user? Try again.", r.do("DELETE", at+"/0", "digest", digest))
	r.ok("DELETE", at+"/0")
	testkit.Equal(t, "after the removal", order(r, at), "acb")
	r.refused(500, "Security group 'web' is not empty", r.do("DELETE", at))
	if a := r.do("POST", at, "type", "in", "action", "ACCEPT", "dport", "1"); a.Errors["proto"] == "" {
		t.Errorf("dport without proto: %v", a.Errors)
	}
	if a := r.do("POST", at, "type", "in", "action", "ACCEPT", "proto", "tcp", "dport", "90:80"); a.Errors["dport"] == "" {
		t.Errorf("backwards range: %v", a.Errors)
	}
}

// TestEmptyRead: a guest that is not there has no rules, which is no error.
func TestEmptyRead(t *testing.T) {
	r := newRig(t, Options{})
	if got := r.list("/nodes/pve1/lxc/999/firewall/rules"); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
