package firewall

import (
	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/firewall"
	"syslog-gateway/internal/infra/pvesim/schema"
)

// ruleList is an ordered list of rules: of a place, or of a security group.
type ruleList struct {
	place
	path   string
	kind   firewall.Place // what its rules may say
	params string         // of every method
	find   func(*api.Call) (*firewall.Rules, error)
}

func (a ruleList) routes() []*api.Route {
	groups := append([]string{"rule"}, a.groups...)
	at := a.path + "/{pos}"
	return []*api.Route{
		{Method: "GET", Path: a.path, Groups: a.groups, Params: a.params, Check: a.read, Handle: api.On(a.find, a.list)},
		{Method: "POST", Path: a.path, Groups: groups, Unset: firewall.RuleKeys(), Params: a.params + "type! str enum=in|out|forward|group\naction! str len=2..20 re=" + names, Check: a.write, Handle: api.On(a.find, a.insert)},
		{Method: "GET", Path: at, Groups: a.groups, Params: a.params + "pos int 0..", Check: a.read, Handle: api.On(a.find, a.get)},
		{Method: "PUT", Path: at, Groups: groups, Unset: firewall.RuleKeys(), Params: a.params + "delete configids\nmoveto int 0..", Check: a.write, Handle: api.On(a.find, a.update)},
		{Method: "DELETE", Path: at, Groups: a.groups, Params: a.params + "digest str len=..64\npos int 0..", Check: a.write, Handle: api.On(a.find, a.remove)},
	}
}

func (a ruleList) list(_ *api.Call, r *firewall.Rules) (any, error) { return r.Shown(), nil }

func (a ruleList) get(c *api.Call, r *firewall.Rules) (any, error) {
	i, err := r.At(c.Str("pos"))
	if err != nil {
		return nil, err
	}
	e := r.Shown()[i]
	e["pos"] = c.Str("pos") // a string here, as in reality
	return e, nil
}

// ruleOf is the rule that the parameters of a call make.
func ruleOf(c *api.Call) conf.File {
	rule := conf.File{}
	for _, k := range firewall.RuleKeys() {
		if v := c.Str(k); v != "" {
			rule[k] = v
		}
	}
	return rule
}

// insert puts a rule on top, or at pos.
func (a ruleList) insert(c *api.Call, r *firewall.Rules) (any, error) {
	return nil, r.Insert(ruleOf(c), a.kind, c.Int("pos"), c.Str("digest"))
}

func (a ruleList) update(c *api.Call, r *firewall.Rules) (any, error) {
	i, err := r.Check(c.Str("pos"), c.Str("digest"))
	switch {
	case err != nil:
		return nil, err
	case c.Has("moveto"):
		r.Move(i, c.Int("moveto"))
		return nil, nil
	}
	return nil, r.Update(i, a.kind, ruleOf(c), schema.SplitList(c.Str("delete")))
}

func (a ruleList) remove(c *api.Call, r *firewall.Rules) (any, error) {
	i, err := r.Check(c.Str("pos"), c.Str("digest"))
	if err == nil {
		r.Remove(i)
	}
	return nil, err
}
