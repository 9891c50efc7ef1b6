package firewall

import (
	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/firewall"
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
		{Method: "GET", Path: one, Groups: a.groups, Params: setName, Check: a.read, Handle: a.members},
		{Method: "DELETE", Path: one, Groups: a.groups, Params: "force bool\n" + setName, Check: a.write, Handle: a.remove},
		{Method: "POST", Path: one, Groups: a.groups, Params: "cidr! ipcidralias\ncomment str\nnomatch bool\n" + setName, Check: a.write, Handle: a.addMember},
		{Method: "DELETE", Path: one + "/{cidr}", Groups: a.groups, Params: "digest str len=..64\ncidr! ipcidralias\n" + setName, Check: a.write, Handle: a.removeMember},
	}
}

func (a sets) list(c *api.Call) (any, error) {
	return firewall.WithDigest(a.file(c).Sets.Entries()), nil
}

// put makes a set, or renames one.
func (a sets) put(c *api.Call) (any, error) {
	return nil, a.file(c).Sets.Put(c.Str("name"), c.Str("rename"), c.Optional("comment"))
}

func (a sets) members(c *api.Call) (any, error) {
	s, err := a.file(c).Sets.Get(c.Str("name"))
	if err != nil {
		return nil, err
	}
	return firewall.WithDigest(s.Entries()), nil
}

func (a sets) remove(c *api.Call) (any, error) {
	return nil, a.file(c).Sets.Remove(c.Str("name"), c.Bool("force"))
}

func (a sets) addMember(c *api.Call) (any, error) {
	s, err := a.file(c).Sets.Get(c.Str("name"))
	if err != nil {
		return nil, err
	}
	member := conf.File{"cidr": c.Str("cidr")}
	for _, k := range []string{"comment", "nomatch"} {
		if v := c.Str(k); v != "" && v != "0" {
			member[k] = v
		}
	}
	return nil, s.Add(member)
}

func (a sets) removeMember(c *api.Call) (any, error) {
	s, err := a.file(c).Sets.Get(c.Str("name"))
	if err != nil {
		return nil, err
	}
	return nil, s.Remove(c.Str("cidr"), c.Str("digest"))
}
