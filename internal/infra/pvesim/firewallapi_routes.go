package pvesim

import "slices"

// scope is one of the places that have a firewall.
type scope struct {
	path        string
	groups      []string
	options     string // parameter group of its options
	where       string
	read, write permission
	of          func(*call) *firewall
}

func scopes() []scope {
	guest := func(kind string) scope {
		return scope{
			path: "/nodes/{node}/" + kind + "/{vmid}/firewall", groups: []string{"guest"}, options: "guestfw", where: "guest",
			read: need("/vms/{vmid}", "VM.Audit"), write: need("/vms/{vmid}", "VM.Config.Network"),
			of: func(c *call) *firewall {
				if g := c.guests[c.vmid()]; g != nil {
					return g.fw
				}
				return newFirewall() // reading a missing guest's rules is no error
			},
		}
	}
	return []scope{
		{path: "/cluster/firewall", options: "clusterfw", where: "cluster", read: need("/", "Sys.Audit"), write: need("/", "Sys.Modify"),
			of: func(c *call) *firewall { return c.cluster.firewall }},
		{path: "/nodes/{node}/firewall", groups: []string{"node"}, options: "nodefw", where: "node",
			read: need("/nodes/{node}", "Sys.Audit"), write: need("/nodes/{node}", "Sys.Modify"),
			of: func(c *call) *firewall { return c.node.firewall }},
		guest("lxc"), guest("qemu"),
	}
}

func firewallRoutes() []*route {
	var out []*route
	for _, sc := range scopes() {
		rules := func(c *call) (*ruleset, error) { return &sc.of(c).rules, nil }
		out = append(out, ruleRoutes(sc, sc.path+"/rules", rules)...)
		out = append(out,
			&route{method: "GET", path: sc.path + "/options", groups: sc.groups, check: sc.read, handle: func(c *call) (any, error) {
				e := c.optionEntry(sc.options, sc.of(c).options)
				e["digest"] = digestOf(c.optionEntry(sc.options, sc.of(c).options))
				return e, nil
			}},
			&route{method: "PUT", path: sc.path + "/options", groups: append([]string{sc.options}, sc.groups...), check: sc.write, handle: func(c *call) (any, error) {
				return nil, c.setOptions(sc)
			}})
		if sc.where != "node" {
			out = append(out, setRoutes(sc)...)
			out = append(out, aliasRoutes(sc)...)
		}
	}
	return append(out, groupRoutes(scopes()[0])...)
}

func (c *call) setOptions(sc scope) error {
	options := sc.of(c).options
	if err := checkEntries(c.str("digest"), []entry{c.optionEntry(sc.options, options)}); err != nil {
		return err
	}
	for _, k := range splitList(c.str("delete")) {
		delete(options, k)
	}
	for k, v := range c.params {
		if c.tables.groups[sc.options].props[k] != nil && k != "delete" && k != "digest" {
			options[k] = v
		}
	}
	return nil
}

// ruleRoutes serve a list of rules; of finds it.
func ruleRoutes(sc scope, path string, of func(*call) (*ruleset, error)) []*route {
	groups := append([]string{"rule"}, sc.groups...)
	where := sc.where
	if path != sc.path+"/rules" {
		where = "group"
	}
	with := func(f func(*call, *ruleset) (any, error)) func(*call) (any, error) {
		return func(c *call) (any, error) {
			r, err := of(c)
			if err != nil {
				return nil, err
			}
			return f(c, r)
		}
	}
	name := ""
	if where == "group" {
		name = groupName + "\n"
	}
	return []*route{
		{method: "GET", path: path, groups: sc.groups, params: name, check: sc.read, handle: with(func(_ *call, r *ruleset) (any, error) { return r.shown(), nil })},
		{method: "POST", path: path, groups: groups, params: name + "type! str enum=in|out|forward|group\naction! str len=2..20 re=[A-Za-z][A-Za-z0-9_-]+", check: sc.write,
			handle: with(func(c *call, r *ruleset) (any, error) { return nil, r.insert(c, where) })},
		{method: "GET", path: path + "/{pos}", groups: sc.groups, params: name + "pos int 0..", check: sc.read, handle: with(func(c *call, r *ruleset) (any, error) {
			i, err := r.at(c)
			if err != nil {
				return nil, err
			}
			e := r.shown()[i]
			e["pos"] = c.str("pos") // a string here, as in reality
			return e, nil
		})},
		{method: "PUT", path: path + "/{pos}", groups: groups, params: name + "delete configids\nmoveto int 0..", check: sc.write,
			handle: with(func(c *call, r *ruleset) (any, error) { return nil, r.update(c, where) })},
		{method: "DELETE", path: path + "/{pos}", groups: sc.groups, params: name + "digest str len=..64\npos int 0..", check: sc.write,
			handle: with(func(c *call, r *ruleset) (any, error) { return nil, r.remove(c) })},
	}
}

const groupName = "group! str len=2..18 re=[A-Za-z][A-Za-z0-9_-]+"

func groupRoutes(sc scope) []*route {
	at := sc.path + "/groups"
	find := func(c *call) (*ruleset, error) {
		g := sc.of(c).groups[c.str("group")]
		if g == nil {
			return nil, fail("no such security group '%s'", c.str("group"))
		}
		return &g.rules, nil
	}
	out := []*route{
		{method: "GET", path: at, check: sc.read, handle: func(c *call) (any, error) { return withDigest(sc.of(c).groupEntries()), nil }},
		{method: "POST", path: at, params: "comment str\ndigest str len=..64\n" + groupName + "\nrename str len=2..18 re=[A-Za-z][A-Za-z0-9_-]+", check: sc.write,
			handle: func(c *call) (any, error) { return nil, sc.of(c).setGroup(c) }},
		{method: "DELETE", path: at + "/{group}", params: groupName, check: sc.write, handle: func(c *call) (any, error) {
			r, err := find(c)
			switch {
			case err != nil:
				return nil, nil // removing what is not there is fine
			case len(r.list) > 0:
				return nil, fail("Security group '%s' is not empty", c.str("group"))
			}
			delete(sc.of(c).groups, c.str("group"))
			return nil, nil
		}},
	}
	return append(out, ruleRoutes(sc, at+"/{group}", find)...)
}

func (f *firewall) groupEntries() []entry {
	var out []entry
	for _, name := range sortedKeys(f.groups) {
		e := entry{"group": name}
		if g := f.groups[name]; g.comment != "" {
			e["comment"] = g.comment
		}
		out = append(out, e)
	}
	return out
}

func (f *firewall) setGroup(c *call) error {
	name, old := c.str("group"), c.str("rename")
	if old == "" {
		if f.groups[name] != nil {
			return badParam("group", "Security group '%s' already exists", name)
		}
		f.groups[name] = &group{comment: c.str("comment")}
		return nil
	}
	if err := checkEntries(c.str("digest"), f.groupEntries()); err != nil {
		return err
	}
	g := f.groups[old]
	switch {
	case g == nil:
		return badParam("group", "Security group '%s' does not exist", old)
	case old != name && f.groups[name] != nil:
		return badParam("group", "Security group '%s' already exists", name)
	}
	delete(f.groups, old)
	f.groups[name] = g
	if c.has("comment") {
		g.comment = c.str("comment")
	}
	return nil
}

const setName = "name! str len=2..64 re=[A-Za-z][A-Za-z0-9_-]+"

func setRoutes(sc scope) []*route {
	at := sc.path + "/ipset"
	entryAt := at + "/{name}/{cidr}"
	return []*route{
		{method: "GET", path: at, groups: sc.groups, check: sc.read, handle: func(c *call) (any, error) { return withDigest(sc.of(c).setEntries()), nil }},
		{method: "POST", path: at, groups: sc.groups, params: "comment str\ndigest str len=..64\nrename str len=2..64\n" + setName, check: sc.write,
			handle: func(c *call) (any, error) { return nil, sc.of(c).putSet(c) }},
		{method: "GET", path: at + "/{name}", groups: sc.groups, params: setName, check: sc.read, handle: func(c *call) (any, error) {
			s := sc.of(c).ipsets[c.str("name")]
			if s == nil {
				return nil, fail("no such IPSet '%s'", c.str("name"))
			}
			return withDigest(s.shown()), nil
		}},
		{method: "DELETE", path: at + "/{name}", groups: sc.groups, params: "force bool\n" + setName, check: sc.write, handle: func(c *call) (any, error) {
			s := sc.of(c).ipsets[c.str("name")]
			if s != nil && len(s.entries) > 0 && !c.bool("force") {
				return nil, fail("IPSet '%s' is not empty", c.str("name"))
			}
			delete(sc.of(c).ipsets, c.str("name"))
			return nil, nil
		}},
		{method: "POST", path: at + "/{name}", groups: sc.groups, params: "cidr! ipcidralias\ncomment str\nnomatch bool\n" + setName, check: sc.write,
			handle: func(c *call) (any, error) { return nil, sc.of(c).addToSet(c) }},
		{method: "DELETE", path: entryAt, groups: sc.groups, params: "digest str len=..64\ncidr! ipcidralias\n" + setName, check: sc.write,
			handle: func(c *call) (any, error) {
				s := sc.of(c).ipsets[c.str("name")]
				if s == nil {
					return nil, fail("no such IPSet '%s'", c.str("name"))
				}
				if err := checkEntries(c.str("digest"), s.shown()); err != nil {
					return nil, err
				}
				s.entries = slices.DeleteFunc(s.entries, func(e config) bool { return e["cidr"] == c.str("cidr") })
				return nil, nil
			}},
	}
}

func (f *firewall) setEntries() []entry {
	var out []entry
	for _, name := range sortedKeys(f.ipsets) {
		e := entry{"name": name}
		if s := f.ipsets[name]; s.comment != "" {
			e["comment"] = s.comment
		}
		out = append(out, e)
	}
	return out
}

func (f *firewall) putSet(c *call) error {
	name, old := c.str("name"), c.str("rename")
	if f.ipsets[name] != nil && old != name {
		return badParam("name", "IPSet '%s' already exists", name)
	}
	if old == "" {
		f.ipsets[name] = &ipset{comment: c.str("comment")}
		return nil
	}
	s := f.ipsets[old]
	if s == nil {
		return badParam("name", "IPSet '%s' does not exist", old)
	}
	delete(f.ipsets, old)
	f.ipsets[name] = s
	if c.has("comment") {
		s.comment = c.str("comment")
	}
	return nil
}

func (s *ipset) shown() []entry {
	var out []entry
	for _, e := range s.entries {
		shown := entry{}
		for k, v := range e {
			shown[k] = v
			if k == "nomatch" {
				shown[k] = atoi(v)
			}
		}
		out = append(out, shown)
	}
	return out
}

func (f *firewall) addToSet(c *call) error {
	s := f.ipsets[c.str("name")]
	if s == nil {
		return fail("no such IPSet '%s'", c.str("name"))
	}
	e := config{"cidr": c.str("cidr")}
	if slices.ContainsFunc(s.entries, func(o config) bool { return o["cidr"] == e["cidr"] }) {
		return badParam("cidr", "address '%s' already exists", e["cidr"])
	}
	for _, k := range []string{"comment", "nomatch"} {
		if v := c.str(k); v != "" && v != "0" {
			e[k] = v
		}
	}
	s.entries = append(s.entries, e)
	return nil
}
