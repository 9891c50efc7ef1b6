package datacenter

import (
	"maps"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/access"
	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
)

// users are the users and their tokens.
type users struct{ cluster *store.Cluster }

const userAttributes = `
comment str len=..2048
email str len=..254
enable bool
expire int 0..
firstname str len=..1024
groups groupids
keys str
lastname str len=..1024
userid! userid len=..64`

// modify wants the right to change the user of the path.
func modify(c *api.Call) error {
	if c.User.User == c.Str("userid") {
		return nil
	}
	return c.User.Require("/access/groups", "User.Modify")
}

// allocate wants the right to make and remove users of a realm.
func allocate(c *api.Call) error {
	_, realm, _ := strings.Cut(c.Str("userid"), "@")
	if err := c.User.Require("/access/realm/"+realm, "Realm.AllocateUser"); err != nil {
		return err
	}
	return c.User.Require("/access/groups", "User.Modify")
}

func (a users) routes() []*api.Route {
	const id = "userid! userid len=..64\n"
	one := "/access/users/{userid}"
	token := one + "/token/{tokenid}"
	return []*api.Route{
		{Method: "GET", Path: "/access/users", Params: "enabled bool\nfull bool", Handle: a.list},
		{Method: "POST", Path: "/access/users", Params: userAttributes + "\npassword str len=8..64", Check: allocate, Handle: a.create},
		{Method: "GET", Path: one, Params: id, Check: api.NeedAny("/access/groups", "User.Modify", "Sys.Audit"), Handle: api.On(a.find, a.get)},
		{Method: "PUT", Path: one, Params: userAttributes + "\nappend bool requires=groups", Check: api.Need("/access/groups", "User.Modify"), Handle: api.On(a.find, a.update)},
		{Method: "DELETE", Path: one, Params: id, Check: allocate, Handle: func(c *api.Call) (any, error) { return nil, a.cluster.Access.RemoveUser(c.Str("userid")) }},
		{Method: "GET", Path: one + "/token", Params: id, Check: modify, Handle: a.tokens},
		{Method: "GET", Path: token, Params: id + "tokenid! str", Check: modify, Handle: a.token},
		{Method: "POST", Path: token, Params: id + "comment str\nexpire int 0..\nprivsep bool\ntokenid! str", Check: modify, Handle: a.createToken},
		{Method: "PUT", Path: token, Params: id + "comment str\ndelete configids\nexpire int 0..\nprivsep bool\ntokenid! str", Check: modify, Handle: a.updateToken},
		{Method: "DELETE", Path: token, Params: id + "tokenid! str", Check: modify, Handle: a.removeToken},
		{Method: "PUT", Path: "/access/password", Params: id + "confirmation-password str len=5..64\npassword! str len=8..64", Check: modify, Handle: func(c *api.Call) (any, error) {
			return nil, a.cluster.Access.SetPassword(c.Str("userid"), c.Str("password"))
		}},
	}
}

func (a users) find(c *api.Call) (conf.File, error) { return a.cluster.Access.Account(c.Str("userid")) }

func (a users) list(c *api.Call) (any, error) {
	out := []map[string]any{}
	all := a.cluster.Access.Accounts()
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if id != c.User.User && c.User.RequireAny("/access/groups", "User.Modify", "Sys.Audit") != nil ||
			c.Has("enabled") && c.Bool("enabled") != (all[id]["enable"] == "1") {
			continue
		}
		e := shownUser(all[id])
		e["userid"] = id
		_, e["realm-type"], _ = strings.Cut(id, "@")
		delete(e, "groups")
		if c.Bool("full") {
			e["groups"] = all[id]["groups"]
			e["tokens"] = a.shownTokens(id)
		}
		out = append(out, e)
	}
	return out, nil
}

func shownUser(u conf.File) map[string]any {
	e := map[string]any{"enable": conf.Int(u["enable"]), "expire": conf.Int(u["expire"])}
	for _, k := range []string{"comment", "email", "firstname", "lastname", "keys"} {
		if u[k] != "" {
			e[k] = u[k]
		}
	}
	return e
}

// attributes are those of a user among the parameters.
func (a users) attributes(c *api.Call, u conf.File) error {
	for _, g := range schema.SplitList(c.Str("groups")) {
		if _, ok := a.cluster.Access.Groups()[g]; !ok {
			return refusal.Fail("no such group '%s'", g)
		}
	}
	for _, k := range []string{"comment", "email", "enable", "expire", "firstname", "lastname", "keys", "groups"} {
		if !c.Has(k) {
			continue
		}
		u[k] = c.Str(k)
		if k == "groups" {
			u[k] = strings.Join(schema.SplitList(c.Str(k)), ",")
		}
	}
	return nil
}

func (a users) create(c *api.Call) (any, error) {
	u := conf.File{"enable": "1"}
	if err := a.attributes(c, u); err != nil {
		return nil, err
	}
	return nil, a.cluster.Access.AddUser(c.Str("userid"), c.Str("password"), u)
}

func (a users) get(c *api.Call, u conf.File) (any, error) {
	e := shownUser(u)
	e["groups"] = schema.SplitList(u["groups"])
	tokens := map[string]any{}
	for _, t := range a.shownTokens(c.Str("userid")) {
		name, _ := t["tokenid"].(string)
		delete(t, "tokenid")
		tokens[name] = t
	}
	e["tokens"] = tokens
	return e, nil
}

func (a users) update(c *api.Call, u conf.File) (any, error) {
	before := u["groups"]
	if err := a.attributes(c, u); err != nil {
		return nil, err
	}
	if c.Bool("append") && c.Has("groups") {
		all := append(schema.SplitList(before), schema.SplitList(u["groups"])...)
		slices.Sort(all)
		u["groups"] = strings.Join(slices.Compact(all), ",")
	}
	return nil, nil
}

func shownToken(t access.Token) map[string]any {
	e := map[string]any{"expire": t.Expire, "privsep": 0}
	if t.PrivSep {
		e["privsep"] = 1
	}
	if t.Comment != "" {
		e["comment"] = t.Comment
	}
	return e
}

func (a users) shownTokens(user string) []map[string]any {
	out := []map[string]any{}
	all := a.cluster.Access.TokensOf(user)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		e := shownToken(all[name])
		e["tokenid"] = name
		out = append(out, e)
	}
	return out
}

func (a users) tokens(c *api.Call) (any, error) {
	if _, err := a.find(c); err != nil {
		return nil, err
	}
	return a.shownTokens(c.Str("userid")), nil
}

func fullID(c *api.Call) string { return c.Str("userid") + "!" + c.Str("tokenid") }

func (a users) token(c *api.Call) (any, error) {
	t, err := a.cluster.Access.Token(fullID(c))
	return shownToken(t), err
}

// createToken answers with the secret, which is shown this once.
func (a users) createToken(c *api.Call) (any, error) {
	if _, err := a.find(c); err != nil {
		return nil, err
	}
	id := fullID(c)
	if _, err := a.cluster.Access.Token(id); err == nil {
		return nil, refusal.BadParam("tokenid", "Token already exists.")
	}
	t := access.Token{ID: id, Secret: a.cluster.IDs.UUID(), PrivSep: !c.Has("privsep") || c.Bool("privsep"), Comment: c.Str("comment"), Expire: c.Int("expire")}
	a.cluster.Access.PutToken(t)
	info := map[string]any{"privsep": "0"}
	if t.PrivSep {
		info["privsep"] = "1"
	}
	for _, k := range []string{"comment", "expire"} {
		if c.Has(k) {
			info[k] = c.Str(k)
		}
	}
	return map[string]any{"full-tokenid": id, "value": t.Secret, "info": info}, nil
}

func (a users) updateToken(c *api.Call) (any, error) {
	t, err := a.cluster.Access.Token(fullID(c))
	if err != nil {
		return nil, err
	}
	if c.Has("comment") {
		t.Comment = c.Str("comment")
	}
	if c.Has("expire") {
		t.Expire = c.Int("expire")
	}
	if c.Has("privsep") {
		t.PrivSep = c.Bool("privsep")
	}
	if slices.Contains(schema.SplitList(c.Str("delete")), "comment") {
		t.Comment = ""
	}
	a.cluster.Access.PutToken(t)
	return shownToken(t), nil
}

func (a users) removeToken(c *api.Call) (any, error) {
	if _, err := a.cluster.Access.Token(fullID(c)); err != nil {
		return nil, err
	}
	a.cluster.Access.RemoveToken(fullID(c))
	return nil, nil
}
