package datacenter

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// acme is the accounts and plugins for certificates by ACME.
type acme struct{ cluster *store.Cluster }

func (a acme) routes() []*api.Route {
	at, plugin := "/cluster/acme/account", "/cluster/acme/plugins"
	modify := api.Need("/", "Sys.Modify")
	params := `
		api str
		data str
		disable bool
		id! configid
		nodes nodes
		validation-delay int 0..172800`
	return []*api.Route{
		{Method: "GET", Path: at, Handle: func(c *api.Call) (any, error) {
			out := []map[string]any{}
			for _, name := range slices.Sorted(maps.Keys(a.cluster.ACME.Accounts)) {
				out = append(out, map[string]any{"name": name})
			}
			return out, nil
		}},
		{Method: "POST", Path: at, Check: api.OnlyRoot, Handle: a.register, Params: `
			contact! emails
			directory str re=https?://.*
			eab-hmac-key str requires=eab-kid
			eab-kid str requires=eab-hmac-key
			name configid
			tos_url str`},
		{Method: "GET", Path: at + "/{name}", Params: "name configid", Check: api.OnlyRoot, Handle: api.On(a.find, a.account)},
		{Method: "PUT", Path: at + "/{name}", Params: "contact emails\nname configid", Check: api.OnlyRoot, Handle: api.On(a.find, a.updateAccount)},
		{Method: "DELETE", Path: at + "/{name}", Params: "name configid", Check: api.OnlyRoot, Handle: api.On(a.find, a.deactivate)},
		{Method: "GET", Path: plugin, Params: "type str enum=dns|standalone", Check: modify, Handle: a.plugins},
		{Method: "POST", Path: plugin, Params: params + "\ntype! str enum=dns|standalone", Check: modify, Handle: a.createPlugin},
		{Method: "GET", Path: plugin + "/{id}", Params: "id! configid", Check: modify, Handle: api.On(a.findPlugin, a.plugin)},
		{Method: "PUT", Path: plugin + "/{id}", Params: params + "\ndelete configids len=..4096\ndigest str len=..64", Check: modify, Handle: api.On(a.findPlugin, a.updatePlugin)},
		{Method: "DELETE", Path: plugin + "/{id}", Params: "id! configid", Check: modify, Handle: api.On(a.findPlugin, a.deletePlugin)},
	}
}

func accountName(c *api.Call) string { return cmp.Or(c.Str("name"), "default") }

// find returns the account of a call. Tasks of the cluster run on the node where the
// request came in.
func (a acme) find(c *api.Call) (conf.File, error) {
	c.Node = a.cluster.Nodes.First()
	if account := a.cluster.ACME.Accounts[accountName(c)]; account != nil {
		return account, nil
	}
	return nil, refusal.Fail("ACME account config file '%s' does not exist.", accountName(c))
}

func (a acme) register(c *api.Call) (any, error) {
	name := accountName(c)
	if _, err := a.find(c); err == nil {
		return nil, refusal.BadParam("name", "ACME account config file '%s' already exists.", name)
	}
	directory := cmp.Or(c.Str("directory"), "https://acme-v02.api.letsencrypt.org/directory")
	return c.Start("acmeregister", "", func(t *task.Task) error {
		t.Logf("Registering new ACME account..")
		a.cluster.ACME.Accounts[name] = conf.File{"contact": c.Str("contact"), "directory": directory, "tos": c.Str("tos_url")}
		return nil
	}).UPID, nil
}

func (a acme) account(_ *api.Call, account conf.File) (any, error) {
	contact := []string{}
	for _, e := range schema.SplitList(account["contact"]) {
		contact = append(contact, "mailto:"+e)
	}
	return map[string]any{"directory": account["directory"], "tos": account["tos"], "location": account["directory"] + "/acct/1",
		"account": map[string]any{"contact": contact, "status": "valid"}}, nil
}

func (a acme) updateAccount(c *api.Call, account conf.File) (any, error) {
	return c.Start("acmeupdate", "", func(*task.Task) error {
		if v := c.Str("contact"); v != "" {
			account["contact"] = v
		}
		return nil
	}).UPID, nil
}

func (a acme) deactivate(c *api.Call, _ conf.File) (any, error) {
	return c.Start("acmedeactivate", "", func(*task.Task) error {
		delete(a.cluster.ACME.Accounts, accountName(c))
		return nil
	}).UPID, nil
}

func (a acme) pluginEntry(id string) map[string]any {
	e := a.cluster.ACME.Plugins[id].Shown(func(k string) bool { return k == "disable" || k == "validation-delay" })
	e["plugin"], e["digest"] = id, conf.Digest(a.cluster.ACME.Text())
	return e
}

func (a acme) plugins(c *api.Call) (any, error) {
	out := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(a.cluster.ACME.Plugins)) {
		if !c.Has("type") || a.cluster.ACME.Plugins[id]["type"] == c.Str("type") {
			out = append(out, a.pluginEntry(id))
		}
	}
	return out, nil
}

func (a acme) createPlugin(c *api.Call) (any, error) {
	id := c.Str("id")
	if a.cluster.ACME.Plugins[id] != nil {
		return nil, refusal.Fail("ACME plugin ID '%s' already exists", id)
	}
	plugin, err := withParams(c, conf.File{"type": c.Str("type")})
	if err == nil {
		a.cluster.ACME.Plugins[id] = plugin
	}
	return nil, err
}

// withParams is a plugin with the settings of a call.
func withParams(c *api.Call, plugin conf.File) (conf.File, error) {
	if _, err := base64.StdEncoding.DecodeString(c.Str("data")); err != nil {
		return nil, refusal.BadParam("data", "value is not valid base64")
	}
	for _, k := range []string{"api", "data", "disable", "nodes", "validation-delay"} {
		if c.Has(k) {
			plugin[k] = c.Str(k)
		}
	}
	return plugin, nil
}

func (a acme) findPlugin(c *api.Call) (conf.File, error) {
	if p := a.cluster.ACME.Plugins[c.Str("id")]; p != nil {
		return p, nil
	}
	return nil, refusal.Fail("ACME plugin '%s' not defined", c.Str("id"))
}

func (a acme) plugin(c *api.Call, _ conf.File) (any, error) {
	return a.pluginEntry(c.Str("id")), nil
}

func (a acme) updatePlugin(c *api.Call, old conf.File) (any, error) {
	if d := c.Str("digest"); d != "" && d != conf.Digest(a.cluster.ACME.Text()) {
		return nil, refusal.Modified()
	}
	plugin := maps.Clone(old)
	for _, k := range schema.SplitList(c.Str("delete")) {
		delete(plugin, k)
	}
	plugin, err := withParams(c, plugin)
	if err == nil {
		a.cluster.ACME.Plugins[c.Str("id")] = plugin
	}
	return nil, err
}

func (a acme) deletePlugin(c *api.Call, _ conf.File) (any, error) {
	delete(a.cluster.ACME.Plugins, c.Str("id"))
	return nil, nil
}

// certificates are those of the nodes.
type certificates struct{ cluster *store.Cluster }

func (a certificates) routes() []*api.Route {
	groups, modify := []string{"node"}, api.Need("/nodes/{node}", "Sys.Modify")
	return []*api.Route{
		{Method: "GET", Path: "/nodes/{node}/certificates/info", Groups: groups, Handle: a.info},
		{Method: "POST", Path: "/nodes/{node}/certificates/custom", Groups: groups, Check: modify, Handle: a.upload,
			Params: "certificates! str\nforce bool\nkey str\nrestart bool"},
		{Method: "DELETE", Path: "/nodes/{node}/certificates/custom", Groups: groups, Params: "restart bool", Check: modify, Handle: func(c *api.Call) (any, error) {
			c.Node.Certificate = nil
			return nil, nil
		}},
		{Method: "POST", Path: "/nodes/{node}/certificates/acme/certificate", Groups: groups, Params: "force bool", Check: modify, Handle: a.order},
	}
}

func (a certificates) info(c *api.Call) (any, error) {
	entry := func(file, subject string) map[string]any {
		return map[string]any{"filename": file, "subject": "/CN=" + subject, "issuer": "/CN=" + subject, "san": []string{subject},
			"notbefore": a.cluster.Start.Unix(), "notafter": a.cluster.Start.AddDate(2, 0, 0).Unix(), "public-key-type": "rsaEncryption", "public-key-bits": 2048}
	}
	out := []map[string]any{a.rootCA(), entry("pve-ssl.pem", c.Node.Name)}
	if c.Node.Certificate != nil {
		e := entry(c.Node.Certificate.File, c.Node.Name)
		e["pem"] = c.Node.Certificate.PEM
		if len(c.Node.Certificate.Names) > 0 {
			e["san"] = c.Node.Certificate.Names
		}
		out = append(out, e)
	}
	return out, nil
}

// rootCA is the authority of the cluster, which signs its nodes' certificates. Every
// simulated cluster has another one.
func (a certificates) rootCA() map[string]any {
	sum := sha256.Sum256(fmt.Appendf(nil, "root CA %d %d", a.cluster.Seed, a.cluster.Start.UnixNano()))
	name := fmt.Sprintf("/CN=Proxmox Virtual Environment/OU=%x-%x-%x-%x-%x/O=PVE Cluster Manager CA", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	return map[string]any{"filename": "pve-root-ca.pem", "subject": name, "issuer": name, "san": []string{}, "fingerprint": fingerprint(sum),
		"notbefore": a.cluster.Start.Unix(), "notafter": a.cluster.Start.AddDate(10, 0, 0).Unix(), "public-key-type": "rsaEncryption", "public-key-bits": 4096}
}

// fingerprint is a digest as OpenSSL prints it.
func fingerprint(sum [sha256.Size]byte) string {
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(pairs, ":")
}

func (a certificates) upload(c *api.Call) (any, error) {
	if c.Node.Certificate != nil && !c.Bool("force") {
		return nil, refusal.BadParam("force", "Custom certificate exists but 'force' is not set.")
	}
	c.Node.Certificate = &store.Certificate{PEM: c.Str("certificates"), File: "pveproxy-ssl.pem"}
	info, err := a.info(c)
	all, _ := info.([]map[string]any)
	return all[len(all)-1], err
}

// order succeeds when account and plugin exist: no CA is asked.
func (a certificates) order(c *api.Call) (any, error) {
	account := cmp.Or(a.setting(c.Node, "acme", "acme")["account"], "default")
	return c.Start("acmenewcert", "", func(t *task.Task) error {
		if a.cluster.ACME.Accounts[account] == nil {
			return refusal.Fail("ACME account config file '%s' does not exist.", account)
		}
		var names []string
		for i := range 6 {
			d := a.setting(c.Node, "acmedomain"+string(rune('0'+i)), "acmedomain")
			if d["domain"] == "" {
				continue
			}
			if p := d["plugin"]; p != "" && a.cluster.ACME.Plugins[p] == nil {
				return refusal.Fail("plugin '%s' not found!", p)
			}
			names = append(names, d["domain"])
		}
		if len(names) == 0 {
			return refusal.Fail("no domains configured to be ordered from an ACME server.")
		}
		if c.Node.Certificate != nil && !c.Bool("force") {
			return refusal.Fail("Custom certificate exists but 'force' is not set.")
		}
		slices.Sort(names)
		t.Logf("Loading ACME account details")
		t.Logf("Placing ACME order")
		for _, n := range names {
			t.Logf("The validation for %s succeeded!", n)
		}
		c.Node.Certificate = &store.Certificate{File: "pveproxy-ssl.pem", Names: names}
		return nil
	}).UPID, nil
}

// setting reads a property string of the node's configuration.
func (a certificates) setting(n *store.Node, k, grammar string) map[string]string {
	values, _ := a.cluster.Tables.ParseProps(grammar, k, n.Config[k])
	return values
}
