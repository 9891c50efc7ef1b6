package plan

import (
	"net/url"
	"slices"
	"strconv"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// clusterOptions switch the firewall on and let everything through: guests filter.
var clusterOptions = []option{
	{"policy_in", "DROP", "ACCEPT"}, {"policy_out", "ACCEPT", "ACCEPT"}, {"ebtables", "1", "0"},
	{"log_ratelimit", "", "enable=1,burst=10,rate=5/second"}, {"enable", "0", "1"},
}

// nodeOptions let the node's own rules be looked at.
var nodeOptions = []option{{"enable", "1", "1"}}

// option is a firewall option with what an absent one stands for.
type option struct{ key, def, want string }

// guestOptions are the options of a guest that has a class.
func guestOptions(c declaration.Class, g *declaration.Guest) []option {
	return []option{
		{"policy_in", "DROP", c.PolicyIn}, {"policy_out", "ACCEPT", c.PolicyOut},
		{"log_level_in", "nolog", "warning"}, {"log_level_out", "nolog", "warning"},
		// Without this one a guest that asks for its address never gets it.
		{"dhcp", "0", flag(g.Address.DHCP)},
		{"ipfilter", "0", "0"}, {"macfilter", "1", "1"}, {"ndp", "1", "0"}, {"radv", "0", "1"},
		{"enable", "0", "1"},
	}
}

// compare returns the differences of options and the parameters that end them.
func compare(live pve.Config, options []option) ([]Diff, url.Values) {
	var fields []Diff
	params := url.Values{}
	for _, o := range options {
		from := live[o.key]
		if from == "" {
			from = o.def
		}
		same := from == o.want
		if o.key == "log_ratelimit" {
			same = pve.ParseProps(from, "enable").Equal(pve.ParseProps(o.want, "enable"))
		}
		if !same {
			fields = append(fields, Diff{Path: o.key, From: from, To: o.want})
			params.Set(o.key, o.want)
		}
	}
	return fields, params
}

// firewalled says whether the firewall is looked at: when a guest has a class, or the
// node has rules.
func (m *maker) firewalled() bool {
	if len(m.opts.Only) == 0 && len(m.estate.Firewall.Node) > 0 {
		return true
	}
	return slices.ContainsFunc(m.declared, func(g *declaration.Guest) bool { return g.Class != "" })
}

// groupNames are the security groups in use, in the order in which they are declared. A
// group that nothing is attached to is not made.
func (m *maker) groupNames() []string {
	used := map[string]bool{}
	for _, g := range m.declared {
		if class, ok := m.estate.Firewall.Class(g.Class); ok {
			for _, name := range class.Groups {
				used[name] = true
			}
		}
	}
	if len(m.opts.Only) == 0 {
		for _, r := range m.estate.Firewall.Node {
			if r.Type == "group" {
				used[r.Action] = true
			}
		}
	}
	var out []string
	for _, g := range m.estate.Firewall.Groups {
		if used[g.Name] {
			out = append(out, g.Name)
		}
	}
	return out
}

// groups compares the security groups. With Only, those that are there stay as they
// are: other guests have them, too.
func (m *maker) groups() {
	for _, name := range m.groupNames() {
		i := slices.IndexFunc(m.estate.Firewall.Groups, func(g declaration.Group) bool { return g.Name == name })
		g := m.estate.Firewall.Groups[i]
		c := Change{Key: g.Name, Object: ObjectGroup, Name: g.Name}
		lv := m.live.groups[g.Name]
		switch {
		case lv == nil:
			c.Action = Create
			c.Fields = append(c.Fields, Diff{Path: "comment", To: g.Comment})
			c.Steps = append(c.Steps, write("create", "POST", "/cluster/firewall/groups", url.Values{"group": {g.Name}, "comment": {g.Comment}}))
			lv = &liveGroup{}
		case len(m.opts.Only) > 0:
			continue
		case lv.comment != g.Comment:
			c.Action = Update
			c.Fields = append(c.Fields, Diff{Path: "comment", From: lv.comment, To: g.Comment})
			// A group is changed by being made again, under rename: the same name.
			params := url.Values{"group": {g.Name}, "rename": {g.Name}, "comment": {g.Comment}}
			c.Steps = append(c.Steps, write("change", "POST", "/cluster/firewall/groups", params))
		}
		if !sameRules(lv.rules, g.Rules) {
			if c.Action == "" {
				c.Action = Update
			}
			c.Fields = append(c.Fields, ruleDiffs(lv.rules, g.Rules)...)
			c.Steps = append(c.Steps, rulesStep(groupPath(g.Name), lv.rules, g.Rules))
		}
		if c.Action != "" {
			m.add(c)
		}
	}
}

// rulesStep brings the list at path to want.
func rulesStep(path string, live []LiveRule, want []declaration.Rule) Step {
	s := Step{Op: OpRules, Title: "set " + many(len(want), "rule"), Path: path, Source: path, Rules: want}
	if len(live) > 0 {
		s.Digest = live[0].Digest
	}
	return s
}

// ruleDiffs shows which rules come, go, or change their place.
func ruleDiffs(live []LiveRule, want []declaration.Rule) []Diff {
	var out []Diff
	place := match(live, want)
	for i, r := range want {
		if !slices.Contains(place, i) {
			out = append(out, Diff{Path: "rule[" + strconv.Itoa(i) + "]", To: signature(r)})
		}
	}
	kept := 0
	for pos, r := range live {
		if place[pos] < 0 {
			out = append(out, Diff{Path: "rule[" + strconv.Itoa(pos) + "]", From: r.signature()})
			continue
		}
		kept++
	}
	if len(longestRun(slices.DeleteFunc(slices.Clone(place), func(p int) bool { return p < 0 }))) < kept {
		out = append(out, Diff{Path: "rules", From: "another order", To: "in order"})
	}
	return out
}

// firewalls compares what guests, nodes and the cluster have. Rules come before what
// enables them, and the cluster's switch is last.
func (m *maker) firewalls() {
	for _, g := range m.declared {
		m.guestFirewall(g)
	}
	if !m.firewalled() {
		return
	}
	if len(m.opts.Only) == 0 && len(m.estate.Firewall.Node) > 0 {
		for _, node := range m.nodes() {
			m.nodeFirewall(node)
		}
	}
	m.clusterFirewall()
}

// clusterFirewall switches the firewall of the cluster on. One that is on already keeps
// its policies: opening it is not this estate's business. A part of the estate switches
// nothing on, which all guests would feel.
func (m *maker) clusterFirewall() {
	fields, params := compare(m.live.cluster, clusterOptions)
	on := m.live.cluster["enable"] == "1"
	if on {
		fields = slices.DeleteFunc(fields, func(f Diff) bool {
			if f.Path != "log_ratelimit" {
				m.note("cluster-firewall", "it is on, and its %s is %s, not %s: that stays", f.Path, f.From, f.To)
				params.Del(f.Path)
				return true
			}
			return false
		})
	}
	if len(fields) == 0 {
		return
	}
	c := Change{Key: "cluster", Object: ObjectClusterFirewall, Action: Update, Fields: fields}
	for _, other := range m.plan.Changes {
		switch other.Object {
		case ObjectGroup, ObjectGuestFirewall, ObjectNodeFirewall:
			c.After = append(c.After, other.ID())
		}
	}
	if len(m.opts.Only) > 0 {
		if on || len(c.After) == 0 {
			return
		}
		c.Action, c.Fields = Refuse, nil
		c.Blocks = []Block{{Why: "the cluster firewall is off, so that no rule of a guest has an effect: apply without --only, which switches it on"}}
		m.add(c)
		return
	}
	c.Steps = []Step{write("set options", "PUT", "/cluster/firewall/options", params).
		from("/cluster/firewall/options", m.live.cluster.Digest())}
	m.add(c)
}

// nodeFirewall makes sure that the node has the estate's groups. Its other rules are its
// owner's.
func (m *maker) nodeFirewall(node string) {
	base := pve.Path("nodes", node, "firewall")
	c := Change{Key: node, Object: ObjectNodeFirewall, Action: Update, Name: node, Node: node}
	for _, name := range m.groupNames() {
		c.After = append(c.After, ObjectGroup+"/"+name)
	}
	live := m.live.nodeRules[node]
	var names []string
	for _, r := range m.estate.Firewall.Node {
		names = append(names, r.Action)
	}
	if NextJoin(live, names).Method != "" {
		for _, name := range names {
			if !slices.ContainsFunc(live, func(r LiveRule) bool { return r.isGroup([]string{name}) && r.Enable == 1 }) {
				c.Fields = append(c.Fields, Diff{Path: "rule", To: "group " + name, Note: "below those that are there"})
			}
		}
		join := Step{Op: OpJoin, Title: "add its groups", Path: base + "/rules", Source: base + "/rules", Groups: names}
		if len(live) > 0 {
			join.Digest = live[0].Digest
		}
		c.Steps = append(c.Steps, join)
	}
	fields, params := compare(m.live.nodeOpts[node], nodeOptions)
	if len(fields) > 0 {
		c.Fields = append(c.Fields, fields...)
		c.Steps = append(c.Steps, write("set options", "PUT", base+"/options", params).
			from(base+"/options", m.live.nodeOpts[node].Digest()))
	}
	if len(c.Steps) > 0 {
		m.add(c)
	}
}

// guestFirewall compares the firewall of a guest: by its class, or none.
func (m *maker) guestFirewall(g *declaration.Guest) {
	lv := m.live.guests[g.VMID]
	own := m.change(guestID(g))
	if own != nil && (own.Action == Refuse) {
		return
	}
	class, ok := m.estate.Firewall.Class(g.Class)
	if !ok {
		if lv != nil && lv.fw != nil {
			m.leave(g, lv)
		}
		return
	}
	if own != nil && own.Action == Replace && own.Blocked() {
		return // it would not get there
	}
	path, fw := guestPath(g.Node, g.Kind, g.VMID), &guestFirewall{}
	if lv != nil && lv.fw != nil && (own == nil || own.Action != Replace) {
		path, fw = lv.path(), lv.fw
	}
	c := Change{Key: g.Key, Object: ObjectGuestFirewall, Action: Update, Name: g.Name, VMID: g.VMID, Node: g.Node}
	c.After = append(c.After, guestID(g))
	var want []declaration.Rule
	for _, name := range class.Groups {
		want = append(want, declaration.Rule{Type: "group", Action: name})
		c.After = append(c.After, ObjectGroup+"/"+name)
	}
	if !sameRules(fw.rules, want) {
		c.Fields = append(c.Fields, ruleDiffs(fw.rules, want)...)
		c.Steps = append(c.Steps, rulesStep(path+"/firewall/rules", fw.rules, want))
	}
	fields, params := compare(fw.options, guestOptions(class, g))
	if len(fields) > 0 {
		c.Fields = append(c.Fields, fields...)
		c.Steps = append(c.Steps, write("set options", "PUT", path+"/firewall/options", params).
			from(path+"/firewall/options", fw.options.Digest()))
	}
	if len(c.Steps) > 0 {
		m.add(c)
	}
}

// leave switches the firewall of a guest off that has lost its class, before its groups
// go: rules without groups, and policies that drop, would cut it off. That is before the
// guest's tags change, by which it is known.
func (m *maker) leave(g *declaration.Guest, lv *guest) {
	ours := m.ownGroups()
	if NextLeave(lv.fw.rules, ours).Method == "" {
		return
	}
	c := Change{Key: g.Key, Object: ObjectGuestFirewall, Action: Update, Name: g.Name, VMID: g.VMID, Node: lv.Node}
	base := lv.path() + "/firewall"
	if lv.fw.options["enable"] == "1" {
		c.Fields = append(c.Fields, Diff{Path: "enable", From: "1", To: "0", Note: "it has no firewall class any more"})
		c.Steps = append(c.Steps, write("disable", "PUT", base+"/options", url.Values{"enable": {"0"}}).
			from(base+"/options", lv.fw.options.Digest()))
	}
	drop := Step{Op: OpLeave, Title: "remove its groups", Path: base + "/rules", Source: base + "/rules", Digest: lv.fw.rules[0].Digest}
	drop.Groups = ours
	for pos, r := range lv.fw.rules {
		if r.isGroup(ours) {
			c.Fields = append(c.Fields, Diff{Path: "rule[" + strconv.Itoa(pos) + "]", From: r.signature()})
		}
	}
	c.Steps = append(c.Steps, drop)
	m.add(c)
	if own := m.change(guestID(g)); own != nil {
		own.After = append(own.After, c.ID())
	}
}

// ownGroups are the names of all security groups that the estate may make.
func (m *maker) ownGroups() []string {
	var ours []string
	for _, group := range m.estate.Firewall.Groups {
		ours = append(ours, group.Name)
	}
	return ours
}

// guestID is the ID of a guest's change.
func guestID(g *declaration.Guest) string { return objectOf(g) + "/" + g.Key }

func objectOf(g *declaration.Guest) string {
	if g.Kind == declaration.QEMU {
		return ObjectVM
	}
	return ObjectContainer
}
