package firewall

import (
	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/firewall"
	"syslog-gateway/internal/infra/pvesim/refusal"
)

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
