package declaration

import (
	"fmt"
	"slices"

	"syslog-gateway/internal/redact"
)

// extra reads certificates by ACME: accounts, DNS plugins, one domain a node.
func (b *builder) extra(r *object) {
	x := &b.e.Extra
	for _, a := range r.entries("acme_accounts", pluginRule) {
		x.ACMEAccounts = append(x.ACMEAccounts, ACMEAccount{
			Name:      a.key,
			Email:     a.needText("email", emailRule),
			Directory: a.needText("directory", httpsRule),
			TOS:       a.needText("tos", httpsRule),
		})
		a.end()
	}
	for _, p := range r.entries("dns_plugins", pluginRule) {
		x.DNSPlugins = append(x.DNSPlugins, b.dnsPlugin(p))
		p.end()
	}
	nodes := make(map[string]string)
	for _, c := range r.entries("acme_certificates", keyRule) {
		cert := ACMECertificate{
			Key:     c.key,
			Node:    c.needText("node_name", nameRule),
			Domain:  c.needText("domain", notEmpty, domainRule),
			Account: c.needText("account_id"),
			Plugin:  c.needText("dns_plugin_id"),
		}
		b.certificate(c.object, cert, nodes)
		x.ACMECertificates = append(x.ACMECertificates, cert)
		c.end()
	}
	if len(x.ACMEAccounts) > 0 {
		b.note(r.v, "Proxmox VE lets only root@pam itself register ACME accounts, no token", "give PROXMOX_VE_USERNAME=root@pam with PROXMOX_VE_PASSWORD for that apply")
	}
}

func pluginRule(s string) (string, string) {
	return pattern(wordText, "is not an ID", "use letters, digits, hyphens and underscores")(s)
}

func (b *builder) dnsPlugin(p entry) DNSPlugin {
	plugin := DNSPlugin{ID: p.key, Data: make(map[string]redact.Secret)}
	plugin.API = p.needText("plugin_type", pattern(wordText, "is not the name of a DNS API", "such as aws or cf"), func(s string) (string, string) {
		if s == "route53" {
			return "is not what Proxmox VE calls it", "write aws"
		}
		return "", ""
	})
	data := p.object.object("data")
	if data == nil {
		p.missing("data")
		return plugin
	}
	for _, m := range data.v.members {
		v := data.typed(m.name, isText)
		if v == nil {
			continue
		}
		v.hidden = true
		b.check(v, []rule{singleLine})
		plugin.Data[m.name] = redact.Secret(v.text)
		if v.file == b.o.Deployment {
			b.note(v, "a credential lies open in the declaration", "move dns_plugins to the SOPS file, and change it")
		}
	}
	return plugin
}

// certificate checks what it refers to. A node has one.
func (b *builder) certificate(o *object, c ACMECertificate, nodes map[string]string) {
	if c.Account != "" && !slices.ContainsFunc(b.e.Extra.ACMEAccounts, func(a ACMEAccount) bool { return a.Name == c.Account }) {
		b.problem(o.place("account_id"), o.place("account_id").shown()+" is not a declared account", "declare it under acme_accounts")
	}
	if c.Plugin != "" && !slices.ContainsFunc(b.e.Extra.DNSPlugins, func(p DNSPlugin) bool { return p.ID == c.Plugin }) {
		b.problem(o.place("dns_plugin_id"), o.place("dns_plugin_id").shown()+" is not a declared plugin", "declare it under dns_plugins")
	}
	if other, taken := nodes[c.Node]; taken && c.Node != "" {
		b.problem(o.place("node_name"), fmt.Sprintf("%s gets its certificate from %s already", o.place("node_name").shown(), other), "a node has one")
	}
	nodes[c.Node] = o.v.path
}
