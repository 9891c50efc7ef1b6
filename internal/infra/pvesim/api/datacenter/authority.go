package datacenter

import (
	"maps"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/access"
	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
)

// authority is who may do what: groups, roles and the access control list.
type authority struct{ cluster *store.Cluster }

func (a authority) routes() []*api.Route {
	allocate, roles := api.Need("/access/groups", "Group.Allocate"), api.Need("/access", "Sys.Modify")
	group, role := "/access/groups/{groupid}", "/access/roles/{roleid}"
	return []*api.Route{
		{Method: "GET", Path: "/access/groups", Handle: a.groups},
		{Method: "POST", Path: "/access/groups", Params: "comment str\ngroupid! groupid", Check: allocate, Handle: a.createGroup},
		{Method: "GET", Path: group, Params: "groupid! groupid", Check: api.NeedAny("/access/groups", "Sys.Audit", "Group.Allocate"), Handle: a.group},
		{Method: "PUT", Path: group, Params: "comment str\ngroupid! groupid", Check: allocate, Handle: a.updateGroup},
		{Method: "DELETE", Path: group, Params: "groupid! groupid", Check: allocate, Handle: func(c *api.Call) (any, error) {
			return nil, a.cluster.Access.RemoveGroup(c.Str("groupid"))
		}},
		{Method: "GET", Path: "/access/roles", Handle: a.roles},
		{Method: "POST", Path: "/access/roles", Params: "privs privs\nroleid! roleid", Check: roles, Handle: a.createRole},
		{Method: "GET", Path: role, Params: "roleid! roleid", Handle: a.role},
		{Method: "PUT", Path: role, Params: "append bool requires=privs\nprivs privs\nroleid! roleid", Check: roles, Handle: a.updateRole},
		{Method: "DELETE", Path: role, Params: "roleid! roleid", Check: roles, Handle: func(c *api.Call) (any, error) {
			return nil, a.cluster.Access.RemoveRole(c.Str("roleid"))
		}},
		{Method: "GET", Path: "/access/acl", Handle: a.list},
		{Method: "PUT", Path: "/access/acl", Handle: a.update, Params: `
			delete bool
			groups groupids
			path! str
			propagate bool
			roles! roleids
			tokens tokenids
			users userids`, Check: func(c *api.Call) error { return c.User.Require(c.Str("path"), "Permissions.Modify") }},
	}
}

func (a authority) groups(c *api.Call) (any, error) {
	out := []map[string]any{}
	all := a.cluster.Access.Groups()
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if c.User.RequireAny("/access/groups/"+id, "User.Modify", "Sys.Audit", "Group.Allocate") != nil {
			continue
		}
		e := map[string]any{"groupid": id, "users": strings.Join(a.cluster.Access.Members(id), ",")}
		if all[id] != "" {
			e["comment"] = all[id]
		}
		out = append(out, e)
	}
	return out, nil
}

func (a authority) known(c *api.Call) error {
	if _, ok := a.cluster.Access.Groups()[c.Str("groupid")]; !ok {
		return refusal.Fail("group '%s' does not exist", c.Str("groupid"))
	}
	return nil
}

func (a authority) group(c *api.Call) (any, error) {
	if err := a.known(c); err != nil {
		return nil, err
	}
	e := map[string]any{"members": append([]string{}, a.cluster.Access.Members(c.Str("groupid"))...)}
	if comment := a.cluster.Access.Groups()[c.Str("groupid")]; comment != "" {
		e["comment"] = comment
	}
	return e, nil
}

func (a authority) createGroup(c *api.Call) (any, error) {
	if a.known(c) == nil {
		return nil, refusal.Fail("create group failed: group '%s' already exists", c.Str("groupid"))
	}
	a.cluster.Access.Groups()[c.Str("groupid")] = c.Str("comment")
	return nil, nil
}

func (a authority) updateGroup(c *api.Call) (any, error) {
	if err := a.known(c); err != nil {
		return nil, refusal.Fail("update group failed: %s", err)
	}
	if c.Has("comment") {
		a.cluster.Access.Groups()[c.Str("groupid")] = c.Str("comment")
	}
	return nil, nil
}

func (a authority) roles(*api.Call) (any, error) {
	out := []map[string]any{}
	all := a.cluster.Access.Roles()
	for _, id := range slices.Sorted(maps.Keys(all)) {
		e := map[string]any{"roleid": id, "privs": strings.Join(slices.Sorted(slices.Values(all[id])), ","), "special": 0}
		if access.Builtin(id) {
			e["special"] = 1
		}
		out = append(out, e)
	}
	return out, nil
}

func (a authority) role(c *api.Call) (any, error) {
	privs, ok := a.cluster.Access.Roles()[c.Str("roleid")]
	if !ok {
		return nil, refusal.Fail("role '%s' does not exist", c.Str("roleid"))
	}
	out := map[string]any{}
	for _, p := range privs {
		out[p] = 1
	}
	return out, nil
}

func (a authority) createRole(c *api.Call) (any, error) {
	id := c.Str("roleid")
	if _, ok := a.cluster.Access.Roles()[id]; ok {
		return nil, refusal.Fail("create role failed: role '%s' already exists", id)
	}
	return nil, a.cluster.Access.PutRole(id, append([]string{}, schema.SplitList(c.Str("privs"))...))
}

func (a authority) updateRole(c *api.Call) (any, error) {
	id := c.Str("roleid")
	before, ok := a.cluster.Access.Roles()[id]
	switch {
	case !ok:
		return nil, refusal.Fail("update role failed: role '%s' does not exist", id)
	case access.Builtin(id):
		return nil, refusal.Fail("update role failed: auto-generated role '%s' cannot be modified", id)
	}
	privs := append([]string{}, schema.SplitList(c.Str("privs"))...)
	if c.Bool("append") {
		privs = append(privs, before...)
	}
	slices.Sort(privs)
	return nil, a.cluster.Access.PutRole(id, slices.Compact(privs))
}

// list shows what the user may change, all to who may see everything.
func (a authority) list(c *api.Call) (any, error) {
	out := []map[string]any{}
	for _, e := range a.cluster.Access.ACL() {
		if !c.User.Can("/access", "Sys.Audit") && !c.User.Can(e.Path, "Permissions.Modify") {
			continue
		}
		entry := map[string]any{"path": e.Path, "roleid": e.Role, "ugid": e.UGID, "type": "user", "propagate": 1}
		if group, ok := strings.CutPrefix(e.UGID, access.GroupMark); ok {
			entry["type"], entry["ugid"] = "group", group
		} else if strings.Contains(e.UGID, "!") {
			entry["type"] = "token"
		}
		if e.NoPropagate {
			entry["propagate"] = 0
		}
		out = append(out, entry)
	}
	return out, nil
}

func (a authority) update(c *api.Call) (any, error) {
	var who []string
	for _, g := range schema.SplitList(c.Str("groups")) {
		who = append(who, access.GroupMark+g)
	}
	who = slices.Concat(who, schema.SplitList(c.Str("users")), schema.SplitList(c.Str("tokens")))
	if len(who) == 0 {
		return nil, refusal.BadParam("users", "either 'users', 'groups' or 'tokens' is required.")
	}
	for _, ugid := range who {
		for _, role := range schema.SplitList(c.Str("roles")) {
			e := access.ACL{Path: c.Str("path"), UGID: ugid, Role: role, NoPropagate: c.Has("propagate") && !c.Bool("propagate")}
			if c.Bool("delete") {
				a.cluster.Access.Deny(e)
			} else if err := a.cluster.Access.Allow(e); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}
