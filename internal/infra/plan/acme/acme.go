// Package acme compares the declared ACME accounts, DNS plugins and certificates with the
// live ones. It reads nothing.
package acme

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pve"
)

// Planner plans certificates by ACME.
type Planner struct {
	Declared declaration.Extra
	Live     *live.ACME   // optional: without it nothing is planned
	List     *change.List // what is planned goes here
	Root     bool         // somebody logs in as root@pam itself
	// Others reports whether a live object is another estate's: see plan.Options.
	Others func(id, word string, looks bool) bool
}

// lastDomain is the last of the keys acmedomain0, acmedomain1, … that a node may have.
const lastDomain = 5

// Plan compares accounts, DNS plugins and certificates. What is not declared stays.
func (p *Planner) Plan() {
	if p.Live == nil {
		return
	}
	for _, a := range p.Declared.ACMEAccounts {
		p.account(a)
	}
	for _, d := range p.Declared.DNSPlugins {
		p.plugin(d)
	}
	for _, c := range p.Declared.ACMECertificates {
		p.certificate(c)
	}
}

func (p *Planner) account(a declaration.ACMEAccount) {
	if slices.Contains(p.Live.Accounts, a.Name) {
		return
	}
	c := change.Change{Key: a.Name, Object: change.ObjectACMEAccount, Action: change.Create, Name: a.Name,
		Fields: []change.Diff{{Path: "contact", To: a.Email}, {Path: "directory", To: a.Directory}, {Path: "tos_url", To: a.TOS}}}
	step := change.Write("register", "POST", "/cluster/acme/account",
		url.Values{"name": {a.Name}, "contact": {a.Email}, "directory": {a.Directory}, "tos_url": {a.TOS}})
	step.Root = true
	c.Steps = []change.Step{step}
	if !p.Root {
		c.Action, c.Steps = change.Manual, nil
		c.Manual = []string{fmt.Sprintf("only root@pam itself may register an account, no token: log in with PROXMOX_VE_USERNAME=root@pam and "+
			"PROXMOX_VE_PASSWORD, or run on a node: pvenode acme account register %s %s --directory %s", a.Name, a.Email, a.Directory)}
	}
	p.List.Add(c)
}

// plugin compares a DNS plugin. Its data are credentials: they are never shown.
func (p *Planner) plugin(want declaration.DNSPlugin) {
	lv, exists := p.Live.Plugins[want.ID]
	var lines []string
	for key, value := range want.Data {
		lines = append(lines, key+"="+value.Reveal())
	}
	sort.Strings(lines)
	params := url.Values{"api": {want.API}, "data": {base64.StdEncoding.EncodeToString([]byte(strings.Join(lines, "\n")))}}
	c := change.Change{Key: want.ID, Object: change.ObjectACMEPlugin, Name: want.ID}
	if !exists {
		c.Action = change.Create
		c.Fields = []change.Diff{{Path: "api", To: want.API}, {Path: "data", Note: "set; not shown"}}
		params.Set("id", want.ID)
		params.Set("type", "dns")
		c.Steps = []change.Step{change.Write("create", "POST", "/cluster/acme/plugins", params)}
		p.List.Add(c)
		return
	}
	if lv.API != want.API {
		c.Fields = append(c.Fields, change.Diff{Path: "api", From: lv.API, To: want.API})
	}
	if !slices.Equal(dataLines(lv.Data), lines) {
		c.Fields = append(c.Fields, change.Diff{Path: "data", Note: "differs; not shown"})
	}
	if len(c.Fields) > 0 {
		c.Action = change.Update
		if p.Others(c.ID(), c.ID(), false) {
			c.Blocks = []change.Block{{
				Why: "a DNS plugin of that name is there and was not applied here, and its credentials would be replaced: " +
					"declare another name, or say by name that it is this estate's",
				Flag: "--allow-reuse " + c.ID(),
			}}
		}
		params.Set("digest", lv.Digest)
		c.Steps = []change.Step{change.Write("change", "PUT", pve.Path("cluster", "acme", "plugins", want.ID), params)}
		p.List.Add(c)
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

// certificate compares what a node orders with, and orders when that changes or when
// the certificate that it serves lacks a name. Renewal is the node's own business.
func (p *Planner) certificate(cert declaration.ACMECertificate) {
	conf, base := p.Live.Node[cert.Node], pve.Path("nodes", cert.Node)
	c := change.Change{Key: cert.Key, Object: change.ObjectACMECertificate, Action: change.Update, Name: cert.Domains[0], Node: cert.Node,
		After: []string{change.ObjectACMEAccount + "/" + cert.Account, change.ObjectACMEPlugin + "/" + cert.Plugin}}
	var params url.Values
	c.Fields, params = p.options(cert, conf)
	served := p.Live.Names[cert.Node]
	lacks := func(domain string) bool { return !slices.Contains(served, domain) }
	if len(params) > 0 {
		c.Steps = append(c.Steps, change.Write("set node options", "PUT", base+"/config", params).From(base+"/config", conf.Digest()))
	} else if !slices.ContainsFunc(cert.Domains, lacks) {
		return
	}
	c.Fields = append(c.Fields, change.Diff{Path: "certificate", From: strings.Join(served, ","), To: strings.Join(cert.Domains, ","), Note: "ordered by ACME"})
	order := url.Values{}
	if len(served) > 0 {
		order.Set("force", "1") // there is one already
	}
	c.Steps = append(c.Steps, change.Write("order", "POST", base+"/certificates/acme/certificate", order))
	if account := p.List.Find(change.ObjectACMEAccount + "/" + cert.Account); account != nil && account.Action == change.Manual {
		c.Action, c.Fields, c.Steps = change.Manual, nil, nil
		c.Manual = []string{"it waits for the account " + cert.Account + ": register that, and apply again"}
	}
	p.List.Add(c)
}

// options compares the account and the domains that a node orders with.
func (p *Planner) options(cert declaration.ACMECertificate, conf pve.Config) (fields []change.Diff, params url.Values) {
	params = url.Values{}
	set := func(key, def, want string) {
		if !pve.ParseProps(conf[key], def).Equal(pve.ParseProps(want, def)) {
			fields = append(fields, change.Diff{Path: key, From: conf[key], To: want})
			params.Set(key, want)
		}
	}
	set("acme", "account", "account="+cert.Account)
	for i, domain := range cert.Domains {
		set("acmedomain"+strconv.Itoa(i), "domain", "domain="+domain+",plugin="+cert.Plugin)
	}
	var gone []string
	for i := len(cert.Domains); i <= lastDomain; i++ {
		switch key := "acmedomain" + strconv.Itoa(i); {
		case conf[key] == "":
		case cert.Complete:
			fields = append(fields, change.Diff{Path: key, From: conf[key]})
			gone = append(gone, key)
		default:
			p.List.AddNote(cert.Key, "%s of %s (%s) is not declared and stays; it goes if all names are declared as domains", key, cert.Node, conf[key])
		}
	}
	if len(gone) > 0 {
		params.Set("delete", strings.Join(gone, ","))
	}
	return fields, params
}
