package pvesim

func aliasRoutes(sc scope) []*route {
	at := sc.path + "/aliases"
	missing := func(c *call) (*alias, error) {
		if a := sc.of(c).aliases[c.str("name")]; a != nil {
			return a, nil
		}
		return nil, badParam("name", "no such alias")
	}
	return []*route{
		{method: "GET", path: at, groups: sc.groups, check: sc.read, handle: func(c *call) (any, error) { return withDigest(sc.of(c).aliasEntries()), nil }},
		{method: "POST", path: at, groups: sc.groups, params: "cidr! ipcidr\ncomment str\n" + setName, check: sc.write, handle: func(c *call) (any, error) {
			f, name := sc.of(c), c.str("name")
			if f.aliases[name] != nil {
				return nil, badParam("name", "alias '%s' already exists", name)
			}
			f.aliases[name] = &alias{c.str("cidr"), c.str("comment")}
			return nil, nil
		}},
		{method: "GET", path: at + "/{name}", groups: sc.groups, params: setName, check: sc.read, handle: func(c *call) (any, error) {
			a, err := missing(c)
			if err != nil {
				return nil, err
			}
			return a.shown(c.str("name")), nil
		}},
		{method: "PUT", path: at + "/{name}", groups: sc.groups, params: "cidr! ipcidr\ncomment str\ndigest str len=..64\nrename str len=2..64 re=[A-Za-z][A-Za-z0-9_-]+\n" + setName, check: sc.write,
			handle: func(c *call) (any, error) {
				a, err := missing(c)
				if err != nil {
					return nil, err
				}
				f := sc.of(c)
				if err := checkEntries(c.str("digest"), f.aliasEntries()); err != nil {
					return nil, err
				}
				a.cidr = c.str("cidr")
				if c.has("comment") {
					a.comment = c.str("comment")
				}
				if to := c.str("rename"); to != "" && to != c.str("name") {
					if f.aliases[to] != nil {
						return nil, badParam("name", "alias '%s' already exists", to)
					}
					delete(f.aliases, c.str("name"))
					f.aliases[to] = a
				}
				return nil, nil
			}},
		{method: "DELETE", path: at + "/{name}", groups: sc.groups, params: "digest str len=..64\n" + setName, check: sc.write, handle: func(c *call) (any, error) {
			if err := checkEntries(c.str("digest"), sc.of(c).aliasEntries()); err != nil {
				return nil, err
			}
			delete(sc.of(c).aliases, c.str("name"))
			return nil, nil
		}},
	}
}

func (a *alias) shown(name string) entry {
	e := entry{"name": name, "cidr": a.cidr}
	if a.comment != "" {
		e["comment"] = a.comment
	}
	if v := ipVersion(a.cidr); v > 0 {
		e["ipversion"] = v
	}
	return e
}

func (f *firewall) aliasEntries() []entry {
	var out []entry
	for _, name := range sortedKeys(f.aliases) {
		out = append(out, f.aliases[name].shown(name))
	}
	return out
}
