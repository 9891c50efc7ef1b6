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

// ha is high availability: its resources and rules as records. Nothing is moved by them.
type ha struct{ cluster *store.Cluster }

const haResource = `
comment str len=..4096
failback bool
group configid
max_relocate int 0..
max_restart int 0..
sid! sid
state str enum=started|stopped|enabled|disabled|ignored`

const haRule = `
affinity str enum=positive|negative
comment str len=..4096
disable bool
nodes hanodes
rule! configid
strict bool
type! str enum=node-affinity|resource-affinity`

const haUpdate = "\ndelete configids len=..4096\ndigest str len=..64"

func (a ha) routes() []*api.Route {
	see, set := api.Need("/", "Sys.Audit"), api.Need("/", "Sys.Console")
	resource, rule := "/cluster/ha/resources/{sid}", "/cluster/ha/rules/{rule}"
	return append([]*api.Route{
		{Method: "GET", Path: "/cluster/ha/resources", Params: "type str enum=ct|vm", Check: see, Handle: a.resources},
		{Method: "POST", Path: "/cluster/ha/resources", Params: haResource + "\ntype str enum=ct|vm", Check: set, Handle: a.createResource},
		{Method: "GET", Path: resource, Params: "sid! sid", Check: see, Handle: api.On(a.resource, func(c *api.Call, r conf.File) (any, error) { return a.shown("sid", a.sid(c), r), nil })},
		{Method: "PUT", Path: resource, Params: haResource + haUpdate, Check: set, Handle: api.On(a.resource, a.change)},
		{Method: "DELETE", Path: resource, Params: "purge bool\nsid! sid", Check: set, Handle: api.On(a.resource, func(c *api.Call, _ conf.File) (any, error) {
			delete(a.cluster.HA.Resources, a.sid(c))
			return nil, nil
		})},
		{Method: "GET", Path: "/cluster/ha/rules", Params: "resource str\ntype str enum=node-affinity|resource-affinity", Check: see, Handle: a.rules},
		{Method: "POST", Path: "/cluster/ha/rules", Params: haRule + "\nresources! sids", Check: set, Handle: a.createRule},
		{Method: "GET", Path: rule, Params: "rule! configid", Check: see, Handle: api.On(a.rule, func(c *api.Call, r conf.File) (any, error) { return a.shown("rule", c.Str("rule"), r), nil })},
		{Method: "PUT", Path: rule, Params: haRule + haUpdate + "\nresources sids", Check: set, Handle: api.On(a.rule, a.change)},
		{Method: "DELETE", Path: rule, Params: "rule! configid", Check: set, Handle: api.On(a.rule, func(c *api.Call, _ conf.File) (any, error) {
			delete(a.cluster.HA.Rules, c.Str("rule"))
			return nil, nil
		})},
		{Method: "GET", Path: "/cluster/ha/status/current", Check: see, Handle: a.status},
		{Method: "GET", Path: "/cluster/ha/status/manager_status", Check: see, Handle: func(*api.Call) (any, error) {
			return map[string]any{"manager_status": map[string]any{}, "quorum": map[string]any{"node": a.cluster.Nodes.First().Name, "quorate": "1"}}, nil
		}},
	}, a.groups(see, set)...)
}

// groups answer as Proxmox VE 9 does, which has rules in place of them.
func (a ha) groups(see, set api.Permission) []*api.Route {
	gone := func(what string) func(*api.Call) (any, error) {
		return func(*api.Call) (any, error) {
			return nil, refusal.Fail("cannot %s: ha groups have been migrated to rules", what)
		}
	}
	one := "/cluster/ha/groups/{group}"
	const attributes = "comment str len=..4096\ngroup! configid\nnofailback bool\nrestricted bool\n"
	return []*api.Route{
		{Method: "GET", Path: "/cluster/ha/groups", Check: see, Handle: gone("index groups")},
		{Method: "POST", Path: "/cluster/ha/groups", Params: attributes + "nodes! hanodes\ntype str enum=group", Check: set, Handle: gone("create group")},
		{Method: "GET", Path: one, Params: "group! configid", Check: see, Handle: gone("read group")},
		{Method: "PUT", Path: one, Params: attributes + "nodes hanodes" + haUpdate, Check: set, Handle: gone("update group")},
		{Method: "DELETE", Path: one, Params: "group! configid", Check: set, Handle: gone("delete group")},
	}
}

// sid is the resource of the call, by the guest's VMID alone where it is written so.
func (a ha) sid(c *api.Call) string {
	sid := c.Str("sid")
	if g := a.cluster.Guests.Get(conf.Int(sid)); g != nil {
		return store.SID(g)
	}
	return sid
}

func (a ha) list(key string) map[string]conf.File {
	if key == "sid" {
		return a.cluster.HA.Resources
	}
	return a.cluster.HA.Rules
}

// shown is a resource or rule as the API shows it.
func (a ha) shown(key, id string, f conf.File) map[string]any {
	out := f.Shown(func(k string) bool {
		return strings.HasPrefix(k, "max_") || k == "failback" || k == "strict" || k == "disable"
	})
	out[key], out["digest"] = id, conf.DigestOf(a.list(key))
	return out
}

func (a ha) resource(c *api.Call) (conf.File, error) {
	if r := a.cluster.HA.Resources[a.sid(c)]; r != nil {
		return r, nil
	}
	return nil, refusal.Fail("no such resource '%s'", a.sid(c))
}

func (a ha) resources(c *api.Call) (any, error) {
	out := []map[string]any{}
	for _, sid := range slices.Sorted(maps.Keys(a.cluster.HA.Resources)) {
		if r := a.cluster.HA.Resources[sid]; !c.Has("type") || r["type"] == c.Str("type") {
			out = append(out, a.shown("sid", sid, r))
		}
	}
	return out, nil
}

func (a ha) createResource(c *api.Call) (any, error) {
	sid := a.sid(c)
	kind, id, _ := strings.Cut(sid, ":")
	if g := a.cluster.Guests.Get(conf.Int(id)); g == nil || store.SID(g) != sid {
		return nil, refusal.Fail("unable to add resource '%s': no such guest", sid)
	}
	switch {
	case c.Has("group"):
		return nil, refusal.Fail("invalid parameter 'group': ha groups have been migrated to rules")
	case a.cluster.HA.Resources[sid] != nil:
		return nil, refusal.Fail("resource ID '%s' already defined", sid)
	}
	r := conf.File{"type": kind, "state": "started"}
	a.cluster.HA.Resources[sid] = r
	return a.change(c, r)
}

// change sets what was sent, of a resource or a rule.
func (a ha) change(c *api.Call, f conf.File) (any, error) {
	key := "sid"
	if c.Has("rule") {
		key = "rule"
	}
	if d := c.Str("digest"); d != "" && d != conf.DigestOf(a.list(key)) {
		return nil, refusal.Modified()
	}
	for _, k := range schema.SplitList(c.Str("delete")) {
		delete(f, k)
	}
	for k, v := range c.Params {
		if !slices.Contains([]string{"sid", "rule", "delete", "digest"}, k) {
			f[k] = v
		}
	}
	return nil, nil
}

func (a ha) rule(c *api.Call) (conf.File, error) {
	if r := a.cluster.HA.Rules[c.Str("rule")]; r != nil {
		return r, nil
	}
	return nil, refusal.Fail("no such ha rule '%s'", c.Str("rule"))
}

func (a ha) rules(c *api.Call) (any, error) {
	out := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(a.cluster.HA.Rules)) {
		r := a.cluster.HA.Rules[id]
		of := !c.Has("resource") || slices.Contains(schema.SplitList(r["resources"]), c.Str("resource"))
		if of && (!c.Has("type") || r["type"] == c.Str("type")) {
			out = append(out, a.shown("rule", id, r))
		}
	}
	return out, nil
}

func (a ha) createRule(c *api.Call) (any, error) {
	if a.cluster.HA.Rules[c.Str("rule")] != nil {
		return nil, refusal.Fail("HA rule '%s' already exists", c.Str("rule"))
	}
	for _, sid := range schema.SplitList(c.Str("resources")) {
		if a.cluster.HA.Resources[sid] == nil {
			return nil, refusal.BadParam("resources", "cannot use unmanaged resource(s) %s.", sid)
		}
	}
	r := conf.File{}
	a.cluster.HA.Rules[c.Str("rule")] = r
	return a.change(c, r)
}

func (a ha) status(*api.Call) (any, error) {
	first := a.cluster.Nodes.First().Name
	out := []map[string]any{{"id": "quorum", "type": "quorum", "node": first, "status": "OK", "quorate": 1}}
	for _, sid := range slices.Sorted(maps.Keys(a.cluster.HA.Resources)) {
		_, id, _ := strings.Cut(sid, ":")
		g := a.cluster.Guests.Get(conf.Int(id))
		if g == nil {
			continue
		}
		state := a.cluster.HA.Resources[sid]["state"]
		out = append(out, map[string]any{"id": "service:" + sid, "type": "service", "sid": sid, "node": g.Node, "state": state, "crm_state": state,
			"request_state": state, "status": sid + " (" + g.Node + ", " + state + ")"})
	}
	return out, nil
}
