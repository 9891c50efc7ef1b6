package pvesim

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// certificate is a node's own certificate beside the one of the cluster's CA.
type certificate struct {
	pem, file string
	names     []string // of an ordered one
}

func acmeRoutes() []*route {
	at, plugin := "/cluster/acme/account", "/cluster/acme/plugins"
	modify := need("/", "Sys.Modify")
	params := `
		api str
		data str
		disable bool
		id! configid
		nodes nodes
		validation-delay int 0..172800`
	return []*route{
		{method: "GET", path: at, handle: func(c *call) (any, error) {
			out := []map[string]any{}
			for _, name := range sortedKeys(c.cluster.accounts) {
				out = append(out, map[string]any{"name": name})
			}
			return out, nil
		}},
		{method: "POST", path: at, check: onlyRoot, handle: registerAccount, params: `
			contact! emails
			directory str re=https?://.*
			eab-hmac-key str requires=eab-kid
			eab-kid str requires=eab-hmac-key
			name configid
			tos_url str`},
		{method: "GET", path: at + "/{name}", params: "name configid", check: onlyRoot, handle: getAccount},
		{method: "PUT", path: at + "/{name}", params: "contact emails\nname configid", check: onlyRoot, handle: updateAccount},
		{method: "DELETE", path: at + "/{name}", params: "name configid", check: onlyRoot, handle: deactivateAccount},
		{method: "GET", path: plugin, params: "type str enum=dns|standalone", check: modify, handle: listPlugins},
		{method: "POST", path: plugin, params: params + "\ntype! str enum=dns|standalone", check: modify, handle: createPlugin},
		{method: "GET", path: plugin + "/{id}", params: "id! configid", check: modify, handle: getPlugin},
		{method: "PUT", path: plugin + "/{id}", params: params + "\ndelete configids len=..4096\ndigest str len=..64", check: modify, handle: updatePlugin},
		{method: "DELETE", path: plugin + "/{id}", params: "id! configid", check: modify, handle: deletePlugin},
	}
}

func (c *call) accountName() string {
	if n := c.str("name"); n != "" {
		return n
	}
	return "default"
}

func (c *call) account() (config, error) {
	if a := c.cluster.accounts[c.accountName()]; a != nil {
		return a, nil
	}
	return nil, fail("ACME account config file '%s' does not exist.", c.accountName())
}

// onFirstNode is for tasks of the cluster: they run where the request came in.
func (c *call) onFirstNode() { c.node = c.nodes[c.opt.Nodes[0]] }

func registerAccount(c *call) (any, error) {
	name := c.accountName()
	if c.cluster.accounts[name] != nil {
		return nil, badParam("name", "ACME account config file '%s' already exists.", name)
	}
	c.onFirstNode()
	directory := c.str("directory")
	if directory == "" {
		directory = "https://acme-v02.api.letsencrypt.org/directory"
	}
	_, upid := c.spawn("acmeregister", "", func(t *task) error {
		t.logf("Registering new ACME account..")
		c.cluster.accounts[name] = config{"contact": c.str("contact"), "directory": directory, "tos": c.str("tos_url")}
		return nil
	})
	return upid, nil
}

func getAccount(c *call) (any, error) {
	a, err := c.account()
	if err != nil {
		return nil, err
	}
	contact := []string{}
	for _, e := range splitList(a["contact"]) {
		contact = append(contact, "mailto:"+e)
	}
	return map[string]any{"directory": a["directory"], "tos": a["tos"], "location": a["directory"] + "/acct/1",
		"account": map[string]any{"contact": contact, "status": "valid"}}, nil
}

func updateAccount(c *call) (any, error) {
	a, err := c.account()
	if err != nil {
		return nil, err
	}
	c.onFirstNode()
	_, upid := c.spawn("acmeupdate", "", func(*task) error {
		if v := c.str("contact"); v != "" {
			a["contact"] = v
		}
		return nil
	})
	return upid, nil
}

func deactivateAccount(c *call) (any, error) {
	if _, err := c.account(); err != nil {
		return nil, err
	}
	c.onFirstNode()
	_, upid := c.spawn("acmedeactivate", "", func(*task) error {
		delete(c.cluster.accounts, c.accountName())
		return nil
	})
	return upid, nil
}

// pluginsRaw is the file that the digest is made of. The built-in plugin is not in it.
func (s *Sim) pluginsRaw() string {
	out := ""
	for _, id := range sortedKeys(s.cluster.plugins) {
		p := s.cluster.plugins[id]
		if id == "standalone" {
			continue
		}
		out += p["type"] + ": " + id + "\n"
		for _, k := range sortedKeys(p) {
			if k != "type" {
				out += "\t" + k + " " + p[k] + "\n"
			}
		}
		out += "\n"
	}
	return out
}

func (s *Sim) pluginEntry(id string) map[string]any {
	e := map[string]any{"plugin": id, "digest": sha1Hex(s.pluginsRaw())}
	for k, v := range s.cluster.plugins[id] {
		e[k] = v
		if k == "disable" || k == "validation-delay" {
			e[k] = atoi(v)
		}
	}
	return e
}

func listPlugins(c *call) (any, error) {
	out := []map[string]any{}
	for _, id := range sortedKeys(c.cluster.plugins) {
		if !c.has("type") || c.cluster.plugins[id]["type"] == c.str("type") {
			out = append(out, c.pluginEntry(id))
		}
	}
	return out, nil
}

func createPlugin(c *call) (any, error) {
	id := c.str("id")
	if c.cluster.plugins[id] != nil {
		return nil, fail("ACME plugin ID '%s' already exists", id)
	}
	c.cluster.plugins[id] = config{"type": c.str("type")}
	return nil, c.storePlugin(id)
}

func (c *call) storePlugin(id string) error {
	if d := c.str("data"); d != "" {
		if _, err := base64.StdEncoding.DecodeString(d); err != nil {
			return badParam("data", "value is not valid base64")
		}
	}
	for _, k := range []string{"api", "data", "disable", "nodes", "validation-delay"} {
		if c.has(k) {
			c.cluster.plugins[id][k] = c.str(k)
		}
	}
	return nil
}

func (c *call) plugin() error {
	if c.cluster.plugins[c.str("id")] == nil {
		return fail("ACME plugin '%s' not defined", c.str("id"))
	}
	return nil
}

func getPlugin(c *call) (any, error) {
	if err := c.plugin(); err != nil {
		return nil, err
	}
	return c.pluginEntry(c.str("id")), nil
}

func updatePlugin(c *call) (any, error) {
	if err := c.plugin(); err != nil {
		return nil, err
	}
	if d := c.str("digest"); d != "" && d != sha1Hex(c.pluginsRaw()) {
		return nil, errModified
	}
	before := maps.Clone(c.cluster.plugins[c.str("id")])
	for _, k := range splitList(c.str("delete")) {
		delete(c.cluster.plugins[c.str("id")], k)
	}
	if err := c.storePlugin(c.str("id")); err != nil {
		c.cluster.plugins[c.str("id")] = before
		return nil, err
	}
	return nil, nil
}

func deletePlugin(c *call) (any, error) {
	if err := c.plugin(); err != nil {
		return nil, err
	}
	delete(c.cluster.plugins, c.str("id"))
	return nil, nil
}

func certificateInfo(c *call) (any, error) {
	entry := func(file, subject string) map[string]any {
		return map[string]any{"filename": file, "subject": "/CN=" + subject, "issuer": "/CN=" + subject, "san": []string{subject},
			"notbefore": c.start.Unix(), "notafter": c.start.AddDate(2, 0, 0).Unix(), "public-key-type": "rsaEncryption", "public-key-bits": 2048}
	}
	out := []map[string]any{c.rootCA(), entry("pve-ssl.pem", c.node.name)}
	if c.node.certs != nil {
		e := entry(c.node.certs.file, c.node.name)
		e["pem"] = c.node.certs.pem
		if len(c.node.certs.names) > 0 {
			e["san"] = c.node.certs.names
		}
		out = append(out, e)
	}
	return out, nil
}

// rootCA is the authority of the cluster, which signs its nodes' certificates. Every
// simulated cluster has another one.
func (s *Sim) rootCA() map[string]any {
	sum := sha256.Sum256(fmt.Appendf(nil, "root CA %d %d", s.opt.Seed, s.start.UnixNano()))
	name := fmt.Sprintf("/CN=Proxmox Virtual Environment/OU=%x-%x-%x-%x-%x/O=PVE Cluster Manager CA", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	return map[string]any{"filename": "pve-root-ca.pem", "subject": name, "issuer": name, "san": []string{}, "fingerprint": fingerprint(sum),
		"notbefore": s.start.Unix(), "notafter": s.start.AddDate(10, 0, 0).Unix(), "public-key-type": "rsaEncryption", "public-key-bits": 4096}
}

// fingerprint is a digest as OpenSSL prints it.
func fingerprint(sum [sha256.Size]byte) string {
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(pairs, ":")
}

func setCertificate(c *call) (any, error) {
	if c.node.certs != nil && !c.bool("force") {
		return nil, badParam("force", "Custom certificate exists but 'force' is not set.")
	}
	c.node.certs = &certificate{pem: c.str("certificates"), file: "pveproxy-ssl.pem"}
	info, err := certificateInfo(c)
	all, _ := info.([]map[string]any)
	return all[len(all)-1], err
}

// orderCertificate succeeds when account and plugin exist: no CA is asked.
func orderCertificate(c *call) (any, error) {
	acme := c.parseNode("acme", "acme")
	account := acme["account"]
	if account == "" {
		account = "default"
	}
	_, upid := c.spawn("acmenewcert", "", func(t *task) error {
		if c.cluster.accounts[account] == nil {
			return fail("ACME account config file '%s' does not exist.", account)
		}
		var names []string
		for i := range 6 {
			d := c.parseNode("acmedomain"+string(rune('0'+i)), "acmedomain")
			if d["domain"] == "" {
				continue
			}
			if p := d["plugin"]; p != "" && c.cluster.plugins[p] == nil {
				return fail("plugin '%s' not found!", p)
			}
			names = append(names, d["domain"])
		}
		if len(names) == 0 {
			return fail("no domains configured to be ordered from an ACME server.")
		}
		if c.node.certs != nil && !c.bool("force") {
			return fail("Custom certificate exists but 'force' is not set.")
		}
		slices.Sort(names)
		t.logf("Loading ACME account details")
		t.logf("Placing ACME order")
		for _, n := range names {
			t.logf("The validation for %s succeeded!", n)
		}
		c.node.certs = &certificate{file: "pveproxy-ssl.pem", names: names}
		return nil
	})
	return upid, nil
}

func (c *call) parseNode(k, grammar string) map[string]string {
	values, _ := c.tables.parseProps(grammar, k, c.node.config[k])
	return values
}
