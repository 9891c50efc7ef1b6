// Package firewall is the part of the API below …/firewall of the cluster, of nodes and of
// guests: options, rules, security groups, IP sets and aliases, with a type for the handlers
// of each. [Routes] are its routes. The objects themselves are those of pvesim/firewall.
package firewall

import (
	"slices"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/firewall"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
)

// place is one of the places that have a firewall.
type place struct {
	path        string
	groups      []string // of the parameters that its path has
	kind        firewall.Place
	options     string // parameter group of its options
	read, write api.Permission
	file        func(*api.Call) *firewall.File
}

func cluster(c *store.Cluster) place {
	return place{
		path: "/cluster/firewall", kind: firewall.Cluster, options: "clusterfw",
		read: api.Need("/", "Sys.Audit"), write: api.Need("/", "Sys.Modify"),
		file: func(*api.Call) *firewall.File { return c.Firewall },
	}
}

func node() place {
	return place{
		path: "/nodes/{node}/firewall", groups: []string{"node"}, kind: firewall.Node, options: "nodefw",
		read: api.Need("/nodes/{node}", "Sys.Audit"), write: api.Need("/nodes/{node}", "Sys.Modify"),
		file: func(c *api.Call) *firewall.File { return c.Node.Firewall },
	}
}

func guest(c *store.Cluster, kind string) place {
	return place{
		path: "/nodes/{node}/" + kind + "/{vmid}/firewall", groups: []string{"guest"}, kind: firewall.Guest, options: "guestfw",
		read: api.Need("/vms/{vmid}", "VM.Audit"), write: api.Need("/vms/{vmid}", "VM.Config.Network"),
		file: func(call *api.Call) *firewall.File {
			if g := c.Guests.Get(call.VMID()); g != nil {
				return g.Firewall
			}
			return firewall.New() // reading a missing guest's rules is no error
		},
	}
}

// Routes are the routes on a cluster. Without one they can be read and not handled.
func Routes(c *store.Cluster) []*api.Route {
	var out []*api.Route
	for _, p := range []place{cluster(c), node(), guest(c, "lxc"), guest(c, "qemu")} {
		rules := func(c *api.Call) (*firewall.Rules, error) { return &p.file(c).Rules, nil }
		out = slices.Concat(out, ruleList{p, p.path + "/rules", p.kind, "", rules}.routes(), options{p, c}.routes())
		if p.kind != firewall.Node {
			out = slices.Concat(out, sets{p}.routes(), aliases{p}.routes(), refs{p, c}.routes())
		}
	}
	return append(out, groups{cluster(c)}.routes()...)
}

// names is the form of the names that users choose.
const names = "[A-Za-z][A-Za-z0-9_-]+"

// options are the options of a place.
type options struct {
	place
	cluster *store.Cluster
}

func (a options) routes() []*api.Route {
	return []*api.Route{
		{Method: "GET", Path: a.path + "/options", Groups: a.groups, Check: a.read, Handle: a.get},
		{Method: "PUT", Path: a.path + "/options", Groups: append([]string{a.options}, a.groups...), Check: a.write, Handle: a.set},
	}
}

// entry is the options with numbers where the table says so.
func (a options) entry(c *api.Call) firewall.Entry {
	return a.file(c).Options.Shown(func(k string) bool { return a.cluster.Tables.IsNumber(a.options, k) })
}

func (a options) get(c *api.Call) (any, error) {
	e := a.entry(c)
	e["digest"] = firewall.Digest(a.entry(c))
	return e, nil
}

func (a options) set(c *api.Call) (any, error) {
	if err := firewall.CheckDigest(c.Str("digest"), []firewall.Entry{a.entry(c)}); err != nil {
		return nil, err
	}
	set := a.file(c).Options
	for _, k := range schema.SplitList(c.Str("delete")) {
		delete(set, k)
	}
	for k, v := range c.Params {
		if a.cluster.Tables.Has(a.options, k) && k != "delete" && k != "digest" {
			set[k] = v
		}
	}
	return nil, nil
}
