package apply_test

import (
	"strings"
	"testing"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// certified declares a certificate of the node, with an account and a DNS plugin.
func certified(domain, secret string) func(map[string]any) {
	return func(d map[string]any) {
		d["acme_accounts"] = map[string]any{"le": map[string]any{"email": "a@example.com", "directory": "https://acme.example/directory", "tos": "https://acme.example/tos"}}
		d["dns_plugins"] = map[string]any{"route": map[string]any{"plugin_type": "aws", "data": map[string]any{"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": secret}}}
		d["acme_certificates"] = map[string]any{"pve": map[string]any{"node_name": "pve", "domain": domain, "account_id": "le", "dns_plugin_id": "route"}}
	}
}

func (b *rig) orders() int { return b.wrote("/certificates/acme/certificate") }

// TestACME registers, sets up and orders, and orders again for another name only.
func TestACME(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 29})
	o := plan.Options{Root: true}
	e := estate(t, "small", certified("pve.example.com", "secret-word"))
	p := b.plan(e, o)
	for _, id := range []string{"acme-account/le", "acme-plugin/route", "acme-certificate/pve"} {
		planned(t, p, id)
	}
	testkit.Lacks(t, "the plan", show(t, p), "secret-word")
	b.converge(e, o)
	e = estate(t, "small", certified("pve.example.com", "secret-changed"))
	if p := b.plan(e, o); len(p.Changes) != 1 || planned(t, p, "acme-plugin/route").Action != change.Update {
		t.Errorf("want the plugin's data to change:\n%s", show(t, p))
	}
	b.converge(e, o)
	e = estate(t, "small", certified("node.example.com", "secret-changed"))
	b.sim.ResetJournal()
	testkit.Try(b.apply(b.plan(e, o), apply.Options{}))(t)
	if b.orders() != 1 {
		t.Errorf("%d orders, want 1", b.orders())
	}
	b.still(e, o)
}

// TestACMEWithoutRoot leaves the account to somebody, and what needs it.
func TestACMEWithoutRoot(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 29})
	e := estate(t, "small", certified("pve.example.com", "secret-word"))
	p := b.plan(e, plan.Options{})
	account, cert := planned(t, p, "acme-account/le"), planned(t, p, "acme-certificate/pve")
	if account.Action != change.Manual || !strings.Contains(account.Manual[0], "pvenode acme account register le a@example.com --directory https://acme.example/directory") ||
		cert.Action != change.Manual || len(cert.Steps) > 0 {
		t.Errorf("want steps by hand:\n%s", show(t, p))
	}
	b.converge(e, plan.Options{})
	b.converge(e, plan.Options{Root: true})
}

// TestACMEOrderThatFails is not done, and done by the next apply.
func TestACMEOrderThatFails(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 29})
	e, o := estate(t, "small", certified("pve.example.com", "secret-word")), plan.Options{Root: true}
	b.sim.Fail(pvesim.Failure{Method: "POST", Path: "/nodes/pve/certificates/acme/certificate", TaskError: "validating challenge failed"})
	if r, err := b.apply(b.plan(e, o), apply.Options{}); err == nil || r.Converged {
		t.Errorf("got %v", err)
	}
	b.sim.ResetJournal()
	testkit.Try(b.apply(b.plan(e, o), apply.Options{}))(t)
	if b.orders() != 1 {
		t.Errorf("%d orders, want 1", b.orders())
	}
	b.still(e, o)
}
