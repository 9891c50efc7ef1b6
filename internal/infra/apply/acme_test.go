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
	b.refused(b.plan(e, plan.Options{Root: true, Shared: map[string]bool{}}), "acme-plugin route", "credentials would be replaced", "--allow-reuse acme-plugin/route")
	b.converge(e, plan.Options{Root: true, Shared: map[string]bool{}, AllowReuse: []string{"acme-plugin/route"}})
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

// withDomains puts a list of domains in place of the one.
func withDomains(domains ...any) func(map[string]any) {
	return func(d map[string]any) {
		certified("", "secret-word")(d)
		cert := d["acme_certificates"].(map[string]any)["pve"].(map[string]any)
		delete(cert, "domain")
		cert["domains"] = domains
	}
}

// TestACMEDomains orders for several names at once, and gives up those that are no longer
// in the list. A single domain leaves the others alone.
func TestACMEDomains(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 31})
	o := plan.Options{Root: true}
	b.converge(estate(t, "small", withDomains("pve.example.com", "pve.example.org", "node.example.com")), o)
	conf := func() (all string) {
		var c map[string]any
		testkit.Must(t, b.client.Get(t.Context(), "/nodes/pve/config", nil, &c))
		for _, k := range []string{"acme", "acmedomain0", "acmedomain1", "acmedomain2"} {
			if c[k] != nil {
				all += k + " " + c[k].(string) + "\n"
			}
		}
		return all
	}
	testkit.Equal(t, "configuration", conf(), "acme account=le\nacmedomain0 domain=pve.example.com,plugin=route\nacmedomain1 domain=pve.example.org,plugin=route\nacmedomain2 domain=node.example.com,plugin=route\n")
	b.noted(estate(t, "small", certified("pve.example.com", "secret-word")), o, "acmedomain2 of pve (domain=node.example.com,plugin=route) is not declared and stays")
	fewer := estate(t, "small", withDomains("pve.example.com", "pve.example.net"))
	p := b.plan(fewer, o)
	testkit.Holds(t, "plan", show(t, p), "acmedomain2", "pve.example.com,pve.example.net")
	b.sim.ResetJournal()
	testkit.Try(b.apply(p, apply.Options{}))(t)
	testkit.Equal(t, "orders", b.orders(), 1)
	testkit.Equal(t, "configuration with fewer", conf(), "acme account=le\nacmedomain0 domain=pve.example.com,plugin=route\nacmedomain1 domain=pve.example.net,plugin=route\n")
	b.still(fewer, o)

	// Proxmox VE refuses a wildcard: nothing is ordered, and what was set stays.
	before := conf()
	b.sim.ResetJournal()
	_, err := b.apply(b.plan(estate(t, "small", withDomains("pve.example.com", "*.example.com")), o), apply.Options{})
	if err == nil {
		t.Fatal("a wildcard is taken")
	}
	testkit.Holds(t, "error", err.Error(), "acmedomain1", "does not look like a valid DNS name")
	testkit.Lacks(t, "error", err.Error(), "secret-word")
	testkit.Equal(t, "configuration after a refusal", conf(), before)
	testkit.Equal(t, "orders after a refusal", b.orders(), 0)
}
