package firewall

import (
	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/firewall"
	"syslog-gateway/internal/infra/pvesim/refusal"
)

const setName = "name! str len=2..64 re=" + names

// sets are the IP sets of a place.
type sets struct{ place }

func (a sets) routes() []*api.Route {
	at := a.path + "/ipset"
	one := at + "/{name}"
	return []*api.Route{
		{Method: "GET", Path: at, Groups: a.groups, Check: a.read, Handle: a.list},
		{Method: "POST", Path: at, Groups: a.groups, Params: "comment str\ndigest str len=..64\nrename str len=2..64\n" + setName, Check: a.write, Handle: a.put},
		{Method: "GET", Path: one, Groups: a.groups, Params: setName, Check: a.read, Handle: api.On(a.find, a.members)},
		{Method: "DELETE", Path: one, Groups: a.groups, Params: "force bool\n" + setName, Check: a.write, Handle: a.remove},
		{Method: "POST", Path: one, Groups: a.groups, Params: "cidr! ipcidralias\ncomment str\nnomatch bool\n" + setName, Check: a.write, Handle: api.On(a.find, a.addMember)},
		{Method: "DELETE", Path: one + "/{cidr}", Groups: a.groups, Params: "digest str len=..64\ncidr! ipcidralias\n" + setName, Check: a.write, Handle: api.On(a.find, a.removeMember)},
	}
}

func (a sets) find(c *api.Call) (*firewall.Set, error) { return a.file(c).Sets.Get(c.Str("name")) }

func (a sets) list(c *api.Call) (any, error) {
	return firewall.WithDigest(a.file(c).Sets.Entries()), nil
}

// put makes a set, or renames one.
func (a sets) put(c *api.Call) (any, error) {
	return nil, a.file(c).Sets.Put(c.Str("name"), c.Str("rename"), c.Optional("comment"))
}

func (a sets) members(_ *api.Call, s *firewall.Set) (any, error) {
	return firewall.WithDigest(s.Entries()), nil
}

func (a sets) remove(c *api.Call) (any, error) {
	return nil, a.file(c).Sets.Remove(c.Str("name"), c.Bool("force"))
}

func (a sets) addMember(c *api.Call, s *firewall.Set) (any, error) {
	member := conf.File{"cidr": c.Str("cidr")}
	for _, k := range []string{"comment", "nomatch"} {
		if v := c.Str(k); v != "" && v != "0" {
			member[k] = v
		}
	}
	return nil, s.Add(member)
}

func (a sets) removeMember(c *api.Call, s *firewall.Set) (any, error) {
	return nil, s.Remove(c.Str("cidr"), c.Str("digest"))
}

const groupName = "group! str len=2..18 re=" + names

// groups are the security groups of the cluster.
type groups struct{ place }

func (a groups) routes() []*api.Route {
	at := a.path + "/groups"
	out := []*api.Route{
		{Method: "GET", Path: at, Check: a.read, Handle: a.list},
		{Method: "POST", Path: at, Params: "comment str\ndigest str len=..64\n" + groupName + "\nrename str len=2..18 re=" + names, Check: a.write, Handle: a.put},
		{Method: "DELETE", Path: at + "/{group}", Params: groupName, Check: a.write, Handle: a.remove},
	}
	return append(out, ruleList{a.place, at + "/{group}", firewall.InGroup, groupName + "\n", a.rules}.routes()...)
}

func (a groups) rules(c *api.Call) (*firewall.Rules, error) {
	if g := a.file(c).Groups[c.Str("group")]; g != nil {
		return &g.Rules, nil
	}
	return nil, refusal.Fail("no such security group '%s'", c.Str("group"))
}

func (a groups) list(c *api.Call) (any, error) {
	return firewall.WithDigest(a.file(c).Groups.Entries()), nil
}

// put makes a group, or renames one.
func (a groups) put(c *api.Call) (any, error) {
	all := a.file(c).Groups
	if old := c.Str("rename"); old != "" {
		return nil, all.Rename(old, c.Str("group"), c.Optional("comment"), c.Str("digest"))
	}
	return nil, all.Add(c.Str("group"), c.Str("comment"))
}

func (a groups) remove(c *api.Call) (any, error) {
	return nil, a.file(c).Groups.Remove(c.Str("group"))
}

// aliases are the names of addresses in a place.
type aliases struct{ place }

func (a aliases) routes() []*api.Route {
	at := a.path + "/aliases"
	one := at + "/{name}"
	return []*api.Route{
		{Method: "GET", Path: at, Groups: a.groups, Check: a.read, Handle: a.list},
		{Method: "POST", Path: at, Groups: a.groups, Params: "cidr! ipcidr\ncomment str\n" + setName, Check: a.write, Handle: a.add},
		{Method: "GET", Path: one, Groups: a.groups, Params: setName, Check: a.read, Handle: api.On(a.find, a.get)},
		{Method: "PUT", Path: one, Groups: a.groups, Params: "cidr! ipcidr\ncomment str\ndigest str len=..64\nrename str len=2..64 re=" + names + "\n" + setName, Check: a.write, Handle: api.On(a.find, a.update)},
		{Method: "DELETE", Path: one, Groups: a.groups, Params: "digest str len=..64\n" + setName, Check: a.write, Handle: a.remove},
	}
}

func (a aliases) list(c *api.Call) (any, error) {
	return firewall.WithDigest(a.file(c).Aliases.Entries()), nil
}

func (a aliases) add(c *api.Call) (any, error) {
	return nil, a.file(c).Aliases.Add(c.Str("name"), firewall.Alias{CIDR: c.Str("cidr"), Comment: c.Str("comment")})
}

func (a aliases) find(c *api.Call) (*firewall.Alias, error) {
	return a.file(c).Aliases.Get(c.Str("name"))
}

func (a aliases) get(c *api.Call, alias *firewall.Alias) (any, error) {
	return alias.Entry(c.Str("name")), nil
}

func (a aliases) update(c *api.Call, alias *firewall.Alias) (any, error) {
	all, name := a.file(c).Aliases, c.Str("name")
	if err := firewall.CheckDigest(c.Str("digest"), all.Entries()); err != nil {
		return nil, err
	}
	if to := c.Str("rename"); to != "" && to != name {
		if err := all.Rename(name, to); err != nil {
			return nil, err
		}
	}
	alias.CIDR = c.Str("cidr")
	if v := c.Optional("comment"); v != nil {
		alias.Comment = *v
	}
	return nil, nil
}

func (a aliases) remove(c *api.Call) (any, error) {
	return nil, a.file(c).Aliases.Remove(c.Str("name"), c.Str("digest"))
}
