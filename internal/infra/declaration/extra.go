package declaration

import (
	"encoding/json"
	"fmt"
	"slices"

	"syslog-gateway/internal/infra/declaration/reader"
	"syslog-gateway/internal/redact"
)

// acme reads certificates by ACME: accounts, DNS plugins, and the domains of each node.
type acme struct {
	report     *reader.Report
	deployment string // file in which a credential is open to everybody
}

func (b acme) read(r *reader.Object) Extra {
	var x Extra
	x.ACMEAccounts = each(r, "acme_accounts", pluginRule, func(a reader.Entry) ACMEAccount {
		return ACMEAccount{
			Name:      a.Key,
			Email:     a.NeedText("email", emailRule),
			Directory: a.NeedText("directory", httpsRule),
			TOS:       a.NeedText("tos", httpsRule),
		}
	})
	x.DNSPlugins = each(r, "dns_plugins", pluginRule, b.dnsPlugin)
	nodes := make(map[string]string)
	x.ACMECertificates = each(r, "acme_certificates", keyRule, func(c reader.Entry) ACMECertificate {
		cert := ACMECertificate{
			Key:     c.Key,
			Node:    c.NeedText("node_name", nameRule),
			Account: c.NeedText("account_id"),
			Plugin:  c.NeedText("dns_plugin_id"),
		}
		cert.Domains, cert.Complete = b.domains(c.Object)
		b.check(c.Object, cert, x, nodes)
		return cert
	})
	if len(x.ACMEAccounts) > 0 {
		b.report.AddNote(r.Value, "Proxmox VE lets only root@pam itself register ACME accounts, no token", "give PROXMOX_VE_USERNAME=root@pam with PROXMOX_VE_PASSWORD for that apply")
	}
	return x
}

func (b acme) dnsPlugin(p reader.Entry) DNSPlugin {
	plugin := DNSPlugin{ID: p.Key, Data: make(map[string]redact.Secret)}
	plugin.API = p.NeedText("plugin_type", pattern(wordText, "is not the name of a DNS API", "such as aws or cf"), func(s string) (string, string) {
		if s == "route53" {
			return "is not what Proxmox VE calls it", "write aws"
		}
		return "", ""
	})
	data := p.Object.Object("data")
	if !p.Need("data") || data == nil {
		return plugin
	}
	for _, m := range data.Value.Members {
		v := data.Typed(m.Name, reader.KindText)
		if v == nil {
			continue
		}
		v.Hidden = true
		b.report.Check(v, []reader.Rule{singleLine})
		plugin.Data[m.Name] = redact.Secret(v.Text)
		if v.File == b.deployment {
			b.report.AddNote(v, "a credential is in clear text in the declaration", "move dns_plugins to the SOPS file, and change it")
		}
	}
	return plugin
}

// check finds the objects that it refers to. A node has one.
func (b acme) check(o *reader.Object, c ACMECertificate, x Extra, nodes map[string]string) {
	if c.Account != "" && !slices.ContainsFunc(x.ACMEAccounts, func(a ACMEAccount) bool { return a.Name == c.Account }) {
		b.report.Problem(o.Place("account_id"), o.Place("account_id").Shown()+" is not a declared account", "declare it under acme_accounts")
	}
	if c.Plugin != "" && !slices.ContainsFunc(x.DNSPlugins, func(p DNSPlugin) bool { return p.ID == c.Plugin }) {
		b.report.Problem(o.Place("dns_plugin_id"), o.Place("dns_plugin_id").Shown()+" is not a declared plugin", "declare it under dns_plugins")
	}
	if other, taken := nodes[c.Node]; taken && c.Node != "" {
		b.report.Problem(o.Place("node_name"), fmt.Sprintf("%s gets its certificate from %s already", o.Place("node_name").Shown(), other), "a node has one")
	}
	nodes[c.Node] = o.Value.Path
}

// hostServices checks what Ansible builds on the node itself and keeps it as it was
// written, for the inventory.
type hostServices struct{ report *reader.Report }

func (b hostServices) read(r *reader.Object) json.RawMessage {
	hs := r.Object("host_services")
	if hs == nil {
		return nil
	}
	if nas := hs.Object("nas"); nas != nil {
		b.nas(nas)
	}
	hs.End()
	return hs.Value.Raw()
}

func (b hostServices) nas(o *reader.Object) {
	for _, key := range []string{"zfs_dataset", "zfs_quota", "smb_share_name"} {
		o.NeedText(key, singleLine)
	}
	o.NeedText("mount_point", absolute)
	o.Need("directories")
	o.Texts("directories", nil, reader.NotEmpty, singleLine)
	o.Typed("group_name", reader.KindText)
	o.Typed("description", reader.KindText)
	for _, u := range o.Objects("managed_users") {
		u.NeedText("name", pattern(wordText, "is not a login name", ""))
		u.NeedText("password_secret_env", pattern(envName, "is not the name of a variable", "such as NAS_USER_PASSWORD; the password itself stays in the environment"))
		u.Texts("unix_groups", nil, reader.NotEmpty)
		u.Typed("shell", reader.KindText)
		u.Typed("create_home", reader.KindFlag)
		u.End()
	}
	for _, s := range o.Objects("shares") {
		s.NeedText("name", singleLine)
		s.NeedText("path", absolute)
		s.NeedText("valid_users", singleLine)
		s.Typed("browsable", reader.KindFlag)
		s.Typed("read_only", reader.KindFlag)
		s.Typed("force_group", reader.KindText)
		s.Typed("comment", reader.KindText)
		for _, mask := range []string{"create_mask", "directory_mask"} {
			if v := s.Typed(mask, reader.KindText); v != nil {
				b.report.Check(v, []reader.Rule{pattern(octal, "is not an octal mask", "such as 0664")})
			}
		}
		s.End()
	}
	o.End()
}
