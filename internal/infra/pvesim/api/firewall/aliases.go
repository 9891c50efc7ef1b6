package firewall

import (
	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/firewall"
)

// aliases are the names of addresses in a place.
type aliases struct{ place }

func (a aliases) routes() []*api.Route {
	at := a.path + "/aliases"
	one := at + "/{name}"
	return []*api.Route{
		{Method: "GET", Path: at, Groups: a.groups, Check: a.read, Handle: a.list},
		{Method: "POST", Path: at, Groups: a.groups, Params: "cidr! ipcidr\ncomment str\n" + setName, Check: a.write, Handle: a.add},
		{Method: "GET", Path: one, Groups: a.groups, Params: setName, Check: a.read, Handle: a.get},
		{Method: "PUT", Path: one, Groups: a.groups, Params: "cidr! ipcidr\ncomment str\ndigest str len=..64\nrename str len=2..64 re=" + names + "\n" + setName, Check: a.write, Handle: a.update},
		{Method: "DELETE", Path: one, Groups: a.groups, Params: "digest str len=..64\n" + setName, Check: a.write, Handle: a.remove},
	}
}

func (a aliases) list(c *api.Call) (any, error) {
	return firewall.WithDigest(a.file(c).Aliases.Entries()), nil
}

func (a aliases) add(c *api.Call) (any, error) {
	return nil, a.file(c).Aliases.Add(c.Str("name"), firewall.Alias{CIDR: c.Str("cidr"), Comment: c.Str("comment")})
}

func (a aliases) get(c *api.Call) (any, error) {
	alias, err := a.file(c).Aliases.Get(c.Str("name"))
	if err != nil {
		return nil, err
	}
	return alias.Entry(c.Str("name")), nil
}

func (a aliases) update(c *api.Call) (any, error) {
	all, name := a.file(c).Aliases, c.Str("name")
	alias, err := all.Get(name)
	if err != nil {
		return nil, err
	}
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
