package datacenter

import (
	"maps"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
)

// section is a list of objects that are records here: they are stored, checked and shown, and
// do nothing.
type section struct {
	cluster *store.Cluster
	name    string // in [store.Sections]
	path    string // of the list
	key     string // the parameter that names an object in its path, with its form
	group   string // parameters of a creation and a change
	create  string // further ones of a creation
	change  string // further ones of a change
	list    string // those of a list
	read    string // those of a list and of one object
	remove  string // those of a removal
	atID    bool   // an object is made at its own path, not at that of the list
	secret  string // a parameter that is never shown

	rights func(c *api.Call, id string) string // path of the rights on an object; of "", on the list
	see    []string                            // any of these privileges shows it
	modify string                              // this one changes it

	taken, missing string // texts for an ID that is taken, and one that is not there

	// Optional.
	id       func(c *api.Call) string                        // of a new object, else its key
	view     func(c *api.Call) map[string]conf.File          // what a read sees, else the list
	within   func(c *api.Call, o conf.File) bool             // whether the list of this path has it
	complete func(c *api.Call, id string, o conf.File) error // checks it, and adds what the server adds
	free     func(id string) error                           // whether it may be removed
	show     func(c *api.Call, id string, out map[string]any)
}

func (a section) routes() []*api.Route {
	name := a.keyName()
	one, made := a.path+"/{"+name+"}", a.path
	if a.atID {
		made = one
	}
	groups, key := []string{a.group}, a.key+"\n"
	return []*api.Route{
		{Method: "GET", Path: a.path, Params: a.list + "\n" + a.read, Handle: a.all},
		{Method: "POST", Path: made, Groups: groups, Params: a.create, Handle: a.add},
		{Method: "GET", Path: one, Params: key + a.read, Handle: a.on(a.get, a.see...)},
		{Method: "PUT", Path: one, Groups: groups, Params: a.change + "\ndelete configids len=..4096\ndigest str len=..64", Handle: a.on(a.update, a.modify)},
		{Method: "DELETE", Path: one, Params: key + a.remove, Handle: a.on(a.drop, a.modify)},
	}
}

// keyName is the name of the parameter that names an object.
func (a section) keyName() string {
	name, _, _ := strings.Cut(a.key, "!")
	return name
}

// on is a handler of one object, for who has any of the privileges on it.
func (a section) on(handle func(*api.Call, string, conf.File) (any, error), privs ...string) func(*api.Call) (any, error) {
	return func(c *api.Call) (any, error) {
		id := c.Str(a.keyName())
		if err := c.User.RequireAny(a.rights(c, id), privs...); err != nil {
			return nil, err
		}
		o := a.seen(c)[id]
		if o == nil {
			return nil, refusal.Fail(a.missing, id)
		}
		return handle(c, id, o)
	}
}

// seen are the objects that a call sees.
func (a section) seen(c *api.Call) map[string]conf.File {
	if a.view != nil {
		return a.view(c)
	}
	return a.cluster.Sections.Of(a.name)
}

func (a section) all(c *api.Call) (any, error) {
	if path := a.rights(c, ""); path != "" {
		if err := c.User.RequireAny(path, a.see...); err != nil {
			return nil, err
		}
	}
	out := []map[string]any{}
	objects := a.seen(c)
	for _, id := range slices.Sorted(maps.Keys(objects)) {
		o := objects[id]
		if a.within != nil && !a.within(c, o) || c.Has("type") && o["type"] != c.Str("type") || c.User.RequireAny(a.rights(c, id), a.see...) != nil {
			continue
		}
		out = append(out, a.shown(c, id, o))
	}
	return out, nil
}

func (a section) get(c *api.Call, id string, o conf.File) (any, error) { return a.shown(c, id, o), nil }

// shown is an object as the API shows it.
func (a section) shown(c *api.Call, id string, o conf.File) map[string]any {
	out := map[string]any{a.keyName(): id}
	for k, v := range o {
		if k != a.secret {
			out[k] = a.cluster.Tables.Shown(a.group, k, v)
		}
	}
	out["digest"] = conf.DigestOf(a.cluster.Sections.Of(a.name))
	if a.show != nil {
		a.show(c, id, out)
	}
	return out
}

func (a section) add(c *api.Call) (any, error) {
	id := c.Str(a.keyName())
	if a.id != nil {
		id = a.id(c)
	}
	if err := c.User.Require(a.rights(c, id), a.modify); err != nil {
		return nil, err
	}
	if a.cluster.Sections.Of(a.name)[id] != nil {
		return nil, refusal.Fail(a.taken, id)
	}
	return nil, a.set(c, id, conf.File{})
}

func (a section) update(c *api.Call, id string, o conf.File) (any, error) {
	if d := c.Str("digest"); d != "" && d != conf.DigestOf(a.cluster.Sections.Of(a.name)) {
		return nil, refusal.Modified()
	}
	return nil, a.set(c, id, maps.Clone(o))
}

// set puts what was sent into an object, and the object into the list.
func (a section) set(c *api.Call, id string, o conf.File) error {
	for _, k := range schema.SplitList(c.Str("delete")) {
		delete(o, k)
	}
	for k, v := range c.Params {
		if !slices.Contains([]string{a.keyName(), "delete", "digest", "lock-token", "node"}, k) {
			o[k] = v
		}
	}
	if a.complete != nil {
		if err := a.complete(c, id, o); err != nil {
			return err
		}
	}
	a.cluster.Sections.Of(a.name)[id] = o
	return nil
}

func (a section) drop(_ *api.Call, id string, _ conf.File) (any, error) {
	if a.free != nil {
		if err := a.free(id); err != nil {
			return nil, err
		}
	}
	delete(a.cluster.Sections.Of(a.name), id)
	return nil, nil
}

// at is the path of rights that are the same for all objects of a section.
func at(path string) func(*api.Call, string) string {
	return func(*api.Call, string) string { return path }
}

// ofEach is for objects that have a path of rights each. Their list has none: it leaves out what
// the user may not see.
func ofEach(path func(c *api.Call, id string) string) func(*api.Call, string) string {
	return func(c *api.Call, id string) string {
		if id == "" {
			return ""
		}
		return path(c, id)
	}
}

// metricServers are the servers that the nodes would send their statistics to.
func metricServers(c *store.Cluster) section {
	return section{cluster: c, name: "status", path: "/cluster/metrics/server", key: "id! configid", group: "metricserver", atID: true,
		create: "type! configid enum=graphite|influxdb|opentelemetry", secret: "token",
		rights: at("/"), see: []string{"Sys.Audit"}, modify: "Sys.Modify",
		taken: "Metric server '%s' already exists", missing: "status server entry '%s' does not exist"}
}

// mappings are the names under which guests get devices and directories of nodes.
func mappings(c *store.Cluster) []section {
	var out []section
	for _, kind := range []string{"pci", "usb", "dir"} {
		root := "/mapping/" + kind
		needed := ""
		if kind != "usb" { // a change of a USB mapping has to repeat it
			needed = "map! array props=" + kind + "map"
		}
		out = append(out, section{cluster: c, name: "mapping " + kind, path: "/cluster" + root, key: "id! configid", group: kind + "mapping", create: needed,
			list:   "check-node node",
			rights: ofEach(func(_ *api.Call, id string) string { return root + "/" + id }),
			see:    []string{"Mapping.Use", "Mapping.Modify", "Mapping.Audit"}, modify: "Mapping.Modify",
			taken: kind + " ID '%s' already defined", missing: kind + " mapping '%s' does not exist",
			show: func(call *api.Call, _ string, out map[string]any) {
				out["type"] = kind
				if call.Has("check-node") {
					out["checks"] = []any{}
				}
			}})
	}
	return out
}

// realms are where users come from. Nobody logs in by the added ones.
func realms(c *store.Cluster) section {
	return section{cluster: c, name: "realms", path: "/access/domains", key: "realm! realm len=..32", group: "realm", secret: "password",
		create: "type! configid enum=ad|ldap|openid|pam|pve\nusername-claim str",
		rights: ofEach(at("/access/realm")),
		see:    []string{"Realm.Allocate", "Sys.Audit"}, modify: "Realm.Allocate",
		taken: "domain '%s' already exists", missing: "domain '%s' does not exist",
		free: func(id string) error {
			if id == "pam" || id == "pve" {
				return refusal.Fail("unable to delete built-in realm '%s'", id)
			}
			return nil
		},
		complete: func(_ *api.Call, _ string, o conf.File) error {
			delete(o, "check-connection")
			return nil
		}}
}

// replications are the jobs of storage replication. No clock starts one.
func replications(c *store.Cluster) section {
	const form = "id! str re=[1-9][0-9]{2,8}-\\d{1,9}"
	guest := func(id string) string { id, _, _ = strings.Cut(id, "-"); return id }
	return section{cluster: c, name: "replication", path: "/cluster/replication", key: form, group: "replication",
		create: "target! node\ntype! str enum=local", remove: "force bool\nkeep bool",
		rights: ofEach(func(_ *api.Call, id string) string { return "/vms/" + guest(id) }),
		see:    []string{"VM.Audit"}, modify: "VM.Replicate",
		taken: "replication job '%s' already exists", missing: "replication job '%s' does not exist",
		complete: func(_ *api.Call, id string, o conf.File) error {
			g := c.Guests.Get(conf.Int(guest(id)))
			switch target := o["target"]; {
			case g == nil:
				return refusal.Fail("guest '%s' does not exist", guest(id))
			case c.Nodes.Get(target) == nil:
				return refusal.Fail("target '%s' does not exist", target)
			case g.Node == target:
				return refusal.Fail("source and target '%s' must not be the same node", target)
			}
			if o["source"] == "" {
				o["source"] = g.Node
			}
			return nil
		},
		show: func(_ *api.Call, id string, out map[string]any) {
			vmid, job, _ := strings.Cut(id, "-")
			out["guest"], out["jobnum"] = conf.Int(vmid), conf.Int(job)
		}}
}
