package datacenter

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

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
