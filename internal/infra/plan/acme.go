package plan

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// maxACMEDomains is how many domains a node's certificate may have by DNS challenge
// (acmedomain0 to acmedomain4); ours has one.
const maxACMEDomains = 5

// acmePlugin is a line of /cluster/acme/plugins.
type acmePlugin struct {
	Plugin string
	API    string
	Data   string
	Digest string
}

// acmeLive is what is set for certificates by ACME.
type acmeLive struct {
	accounts []string
	plugins  map[string]acmePlugin
	node     map[string]pve.Config // configuration by node
	names    map[string][]string   // of the certificate that is served, by node
}

// readACME reads what there is, if the declaration speaks of it. What is in an account
// only root@pam may read.
func (m *maker) readACME(r *reader) {
	x := m.estate.Extra
	if len(m.opts.Only) > 0 || len(x.ACMEAccounts)+len(x.DNSPlugins)+len(x.ACMECertificates) == 0 {
		return
	}
	a := &acmeLive{plugins: map[string]acmePlugin{}, node: map[string]pve.Config{}, names: map[string][]string{}}
	m.live.acme = a
	var accounts []struct{ Name string }
	r.get("/cluster/acme/account", nil, &accounts, func() {
		for _, acc := range accounts {
			a.accounts = append(a.accounts, acc.Name)
		}
	})
	var plugins []acmePlugin
	r.get("/cluster/acme/plugins", nil, &plugins, func() {
		for _, p := range plugins {
			a.plugins[p.Plugin] = p
		}
	})
	for _, c := range x.ACMECertificates {
		var conf pve.Config
		r.get(pve.Path("nodes", c.Node, "config"), nil, &conf, func() { a.node[c.Node] = conf })
		var served []struct {
			Filename string
			SAN      []string
		}
		r.get(pve.Path("nodes", c.Node, "certificates", "info"), nil, &served, func() {
			for _, s := range served {
				if s.Filename == "pveproxy-ssl.pem" {
					a.names[c.Node] = s.SAN
				}
			}
		})
	}
}

// acme compares accounts, DNS plugins and certificates. What is not declared stays.
func (m *maker) acme() {
	if m.live.acme == nil {
		return
	}
	for _, a := range m.estate.Extra.ACMEAccounts {
		m.acmeAccount(a)
	}
	for _, p := range m.estate.Extra.DNSPlugins {
		m.acmePlugin(p)
	}
	for _, c := range m.estate.Extra.ACMECertificates {
		m.acmeCertificate(c)
	}
}

func (m *maker) acmeAccount(a declaration.ACMEAccount) {
	if slices.Contains(m.live.acme.accounts, a.Name) {
		return
	}
	c := Change{Key: a.Name, Object: ObjectACMEAccount, Action: Create, Name: a.Name,
		Fields: []Diff{{Path: "contact", To: a.Email}, {Path: "directory", To: a.Directory}, {Path: "tos_url", To: a.TOS}}}
	step := write("register", "POST", "/cluster/acme/account",
		url.Values{"name": {a.Name}, "contact": {a.Email}, "directory": {a.Directory}, "tos_url": {a.TOS}})
	step.Root = true
	c.Steps = []Step{step}
	if !m.opts.Root {
		c.Action, c.Steps = Manual, nil
		c.Manual = []string{fmt.Sprintf("only root@pam itself may register an account, no token: log in with PROXMOX_VE_USERNAME=root@pam and "+
			"PROXMOX_VE_PASSWORD, or run on a node: pvenode acme account register %s %s --directory %s", a.Name, a.Email, a.Directory)}
	}
	m.add(c)
}

// acmePlugin compares a DNS plugin. Its data are credentials: they are never shown.
func (m *maker) acmePlugin(p declaration.DNSPlugin) {
	lv, exists := m.live.acme.plugins[p.ID]
	var lines []string
	for key, value := range p.Data {
		lines = append(lines, key+"="+string(value))
	}
	sort.Strings(lines)
	params := url.Values{"api": {p.API}, "data": {base64.StdEncoding.EncodeToString([]byte(strings.Join(lines, "\n")))}}
	c := Change{Key: p.ID, Object: ObjectACMEPlugin, Name: p.ID}
	if !exists {
		c.Action = Create
		c.Fields = []Diff{{Path: "api", To: p.API}, {Path: "data", Note: "set; not shown"}}
		params.Set("id", p.ID)
		params.Set("type", "dns")
		c.Steps = []Step{write("create", "POST", "/cluster/acme/plugins", params)}
		m.add(c)
		return
	}
	if lv.API != p.API {
		c.Fields = append(c.Fields, Diff{Path: "api", From: lv.API, To: p.API})
	}
	if !slices.Equal(dataLines(lv.Data), lines) {
		c.Fields = append(c.Fields, Diff{Path: "data", Note: "differs; not shown"})
	}
	if len(c.Fields) > 0 {
		c.Action = Update
		params.Set("digest", lv.Digest)
		c.Steps = []Step{write("change", "PUT", pve.Path("cluster", "acme", "plugins", p.ID), params)}
		m.add(c)
	}
}

// dataLines are the KEY=VALUE lines of a plugin's data, which come as they are or in
// base64.
func dataLines(s string) []string {
	if plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s)); err == nil {
		s = string(plain)
	}
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	sort.Strings(lines)
	return lines
}

// acmeCertificate compares what a node orders with, and orders when that changes or when
// the certificate that it serves is for another name. Renewal is the node's own business.
func (m *maker) acmeCertificate(cert declaration.ACMECertificate) {
	conf, base := m.live.acme.node[cert.Node], pve.Path("nodes", cert.Node)
	c := Change{Key: cert.Key, Object: ObjectACMECertificate, Action: Update, Name: cert.Domain, Node: cert.Node,
		After: []string{ObjectACMEAccount + "/" + cert.Account, ObjectACMEPlugin + "/" + cert.Plugin}}
	params := url.Values{}
	for _, f := range []struct{ key, def, want string }{
		{"acme", "account", "account=" + cert.Account}, {"acmedomain0", "domain", "domain=" + cert.Domain + ",plugin=" + cert.Plugin},
	} {
		if !pve.ParseProps(conf[f.key], f.def).Equal(pve.ParseProps(f.want, f.def)) {
			c.Fields = append(c.Fields, Diff{Path: f.key, From: conf[f.key], To: f.want})
			params.Set(f.key, f.want)
		}
	}
	for i := 1; i < maxACMEDomains; i++ {
		if key := "acmedomain" + strconv.Itoa(i); conf[key] != "" {
			m.note(cert.Key, "%s of %s (%s) is not declared and stays", key, cert.Node, conf[key])
		}
	}
	served := m.live.acme.names[cert.Node]
	if len(params) > 0 {
		c.Steps = append(c.Steps, write("set node options", "PUT", base+"/config", params).from(base+"/config", conf.Digest()))
	} else if slices.Contains(served, cert.Domain) {
		return
	}
	c.Fields = append(c.Fields, Diff{Path: "certificate", From: strings.Join(served, ","), To: cert.Domain, Note: "ordered by ACME"})
	order := url.Values{}
	if len(served) > 0 {
		order.Set("force", "1") // there is one already
	}
	c.Steps = append(c.Steps, write("order", "POST", base+"/certificates/acme/certificate", order))
	if account := m.change(ObjectACMEAccount + "/" + cert.Account); account != nil && account.Action == Manual {
		c.Action, c.Fields, c.Steps = Manual, nil, nil
		c.Manual = []string{"it waits for the account " + cert.Account + ": register that, and apply again"}
	}
	m.add(c)
}
