// Package firewall compares the declared security groups, and the firewall of guests, of
// nodes and of the cluster, with the live ones. It reads nothing.
package firewall

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/plan/rules"
	"syslog-gateway/internal/infra/plan/scope"
	"syslog-gateway/internal/infra/pve"
)

// Planner plans the firewall of everything in scope.
type Planner struct {
	Scope *scope.Scope
	Live  *live.Cluster
	Owner live.Owner
	List  *change.List // what is planned goes here
	// Others reports whether a live object is another estate's: see plan.Options.
	Others func(id, word string, looks bool) bool
}

// GroupPrefix begins the name of a security group where it stands beside guests.
const GroupPrefix = "group/"

// clusterOptions switch the firewall on and let everything through: guests filter.
var clusterOptions = []option{
	{"policy_in", "DROP", "ACCEPT"}, {"policy_out", "ACCEPT", "ACCEPT"}, {"ebtables", "1", "0"},
	{"log_ratelimit", "", "enable=1,burst=10,rate=5/second"}, {"enable", "0", "1"},
}

// ManageKey is the key by which a declaration says that the firewall of the cluster is its own.
const ManageKey = `"firewall": {"manage_cluster": true}`

// nodeOptions make the node apply its own rules.
var nodeOptions = []option{{"enable", "1", "1"}}

// option is a firewall option with its default.
type option struct{ key, def, want string }

// guestOptions are the options of a guest that has a class.
func guestOptions(c declaration.Class, g *declaration.Guest) []option {
	return []option{
		{"policy_in", "DROP", cmp.Or(g.Firewall.PolicyIn, c.PolicyIn)}, {"policy_out", "ACCEPT", cmp.Or(g.Firewall.PolicyOut, c.PolicyOut)},
		{"log_level_in", "nolog", "warning"}, {"log_level_out", "nolog", "warning"},
		// Without this one a guest that asks for its address never gets it.
		{"dhcp", "0", pve.Flag(g.Address.DHCP)},
		{"ipfilter", "0", "0"}, {"macfilter", "1", "1"}, {"ndp", "1", pve.Flag(g.IP6 != "")}, {"radv", "0", "1"},
		{"enable", "0", "1"},
	}
}

// compare returns the differences of options and the parameters that end them.
func compare(have pve.Config, options []option) ([]change.Diff, url.Values) {
	var fields []change.Diff
	params := url.Values{}
	for _, o := range options {
		from := cmp.Or(have[o.key], o.def)
		same := from == o.want
		if o.key == "log_ratelimit" {
			same = pve.ParseProps(from, "enable").Equal(pve.ParseProps(o.want, "enable"))
		}
		if !same {
			fields = append(fields, change.Diff{Path: o.key, From: from, To: o.want})
			params.Set(o.key, o.want)
		}
	}
	return fields, params
}

// Groups compares the security groups. With Only, those that are there stay as they
// are: other guests have them, too.
func (p *Planner) Groups() {
	for _, g := range p.Scope.Groups() {
		c := change.Change{Key: g.Name, Object: change.ObjectGroup, Name: g.Name}
		lv := p.Live.Groups[g.Name]
		switch {
		case lv == nil:
			c.Action = change.Create
			c.Fields = append(c.Fields, change.Diff{Path: "comment", To: g.Comment})
			c.Steps = append(c.Steps, change.Write("create", "POST", "/cluster/firewall/groups", url.Values{"group": {g.Name}, "comment": {g.Comment}}))
			lv = &live.Group{}
		case !p.Scope.All():
			continue
		case lv.Comment != g.Comment:
			c.Action = change.Update
			c.Fields = append(c.Fields, change.Diff{Path: "comment", From: lv.Comment, To: g.Comment})
			// A group is changed by being made again, under rename: the same name.
			params := url.Values{"group": {g.Name}, "rename": {g.Name}, "comment": {g.Comment}}
			c.Steps = append(c.Steps, change.Write("change", "POST", "/cluster/firewall/groups", params))
		}
		if !rules.Same(lv.Rules, g.Rules, false) {
			c.Action = cmp.Or(c.Action, change.Update)
			c.Fields = append(c.Fields, rules.Diffs(lv.Rules, g.Rules, false)...)
			c.Steps = append(c.Steps, rules.Step(live.GroupPath(g.Name), lv.Rules, g.Rules))
			if extra := rules.Extra(lv.Rules, g.Rules); len(extra) > 0 && p.Others(c.ID(), GroupPrefix+g.Name, lv.Comment != g.Comment) {
				c.Blocks = append(c.Blocks, change.Block{
					Why: "a group of that name is there which this estate has not made, and these rules of it would be removed: " + strings.Join(extra, "; ") +
						": rename that group, declare the internal_networks that it was made for, or say by name that it is this estate's",
					Flag: "--allow-reuse " + GroupPrefix + g.Name,
				})
			}
		}
		if c.Action != "" {
			p.List.Add(c)
		}
	}
}

// Plan compares what guests, nodes and the cluster have. Rules come before what
// enables them, and the cluster's switch is last.
func (p *Planner) Plan() {
	for _, g := range p.Scope.Guests {
		p.guest(g)
	}
	if !p.Scope.Firewalled() {
		return
	}
	if p.Scope.NodeFirewalled() {
		for _, node := range p.Scope.Nodes() {
			p.node(node)
		}
	}
	p.cluster()
}

// cluster switches the firewall of the cluster on, if the declaration says so. One that is
// on already keeps its policies: opening it is not this estate's business. A part of the
// estate switches nothing on, which all guests would feel.
func (p *Planner) cluster() {
	if !p.Scope.Firewall.ManageCluster {
		p.asFound()
		return
	}
	fields, params := compare(p.Live.Firewall, clusterOptions)
	on := p.Live.Firewall["enable"] == "1"
	if on {
		fields = slices.DeleteFunc(fields, func(f change.Diff) bool {
			if f.Path != "log_ratelimit" {
				p.List.AddNote("cluster-firewall", "it is on, and its %s is %s, not %s: that stays", f.Path, f.From, f.To)
				params.Del(f.Path)
				return true
			}
			return false
		})
	}
	if len(fields) == 0 {
		return
	}
	c := change.Change{Key: "cluster", Object: change.ObjectClusterFirewall, Action: change.Update, Fields: fields}
	for _, other := range p.List.Changes {
		switch other.Object {
		case change.ObjectGroup, change.ObjectGuestFirewall, change.ObjectNodeFirewall:
			c.After = append(c.After, other.ID())
		}
	}
	if !p.Scope.All() {
		if on || len(c.After) == 0 {
			return
		}
		c.Action, c.Fields = change.Refuse, nil
		c.Blocks = []change.Block{{Why: "the cluster firewall is off, so that no rule of a guest has an effect: apply without --only, which switches it on"}}
		p.List.Add(c)
		return
	}
	c.Steps = []change.Step{change.Write("set options", "PUT", "/cluster/firewall/options", params).
		From("/cluster/firewall/options", p.Live.Firewall.Digest())}
	p.List.Add(c)
	for _, lv := range slices.SortedFunc(slices.Values(p.Live.Dormant), func(a, b *live.Guest) int { return a.VMID - b.VMID }) {
		p.List.AddNote("cluster-firewall", "switching it on wakes the rules of %d, %s on %s, which have no effect now: its policy is %s for incoming traffic and %s for outgoing",
			lv.VMID, lv.Called(), lv.Node, cmp.Or(lv.Firewall.Options["policy_in"], "DROP"), cmp.Or(lv.Firewall.Options["policy_out"], "ACCEPT"))
	}
	p.wakes("the cluster", p.Live.Rules)
	for _, node := range p.Scope.Nodes() {
		if fw := p.Live.Node[node]; fw != nil {
			p.wakes("the node "+node, fw.Rules)
		}
	}
}

// wakes adds a note on rules that are there and have no effect while the firewall is off: one
// of them may close the way to the nodes.
func (p *Planner) wakes(whose string, live []rules.Live) {
	var on []string
	for _, r := range live {
		if r.Enable == 1 && !r.IsGroup(p.Scope.OwnGroups()) {
			on = append(on, r.Signature())
		}
	}
	if len(on) > 0 {
		p.List.AddNote("cluster-firewall", "switching it on wakes rules of %s, which have no effect now: %s", whose, strings.Join(on, "; "))
	}
}

// asFound leaves the firewall of the cluster as it is. While it is off no rule of a guest
// has an effect: that is refused until the declaration says what is meant.
func (p *Planner) asFound() {
	var filtered []string
	for _, g := range p.Scope.Guests {
		if g.Class != "" {
			filtered = append(filtered, g.Key)
		}
	}
	if p.Live.Firewall["enable"] == "1" || len(filtered) == 0 {
		return
	}
	why := "the firewall of the cluster is off, so that the declared rules have no effect (" + strings.Join(filtered, ", ") + ")"
	if p.Scope.Firewall.ManageDeclared {
		p.List.AddNote("cluster-firewall", "%s, and manage_cluster is false: it stays off", why)
		return
	}
	p.List.Add(change.Change{Key: "cluster", Object: change.ObjectClusterFirewall, Action: change.Refuse, Blocks: []change.Block{{
		Why: why + ": declare " + ManageKey + " to switch it on for all guests of the cluster, or false there to leave it off",
	}}})
}

// node makes sure that the node has the estate's groups. Its other rules are its
// owner's.
func (p *Planner) node(node string) {
	base := pve.Path("nodes", node, "firewall")
	c := change.Change{Key: node, Object: change.ObjectNodeFirewall, Action: change.Update, Name: node, Node: node}
	for _, g := range p.Scope.Groups() {
		c.After = append(c.After, change.ObjectGroup+"/"+g.Name)
	}
	fw := p.Live.Node[node]
	var names []string
	for _, r := range p.Scope.Firewall.Node {
		names = append(names, r.Action)
	}
	if rules.Join(fw.Rules, names).Method != "" {
		for _, name := range names {
			if !slices.ContainsFunc(fw.Rules, func(r rules.Live) bool { return r.IsGroup([]string{name}) && r.Enable == 1 }) {
				c.Fields = append(c.Fields, change.Diff{Path: "rule", To: "group " + name, Note: "below those that are there"})
			}
		}
		join := change.Step{Op: change.OpJoin, Title: "add its groups", Path: base + "/rules", Source: base + "/rules", Groups: names}
		if len(fw.Rules) > 0 {
			join.Digest = fw.Rules[0].Digest
		}
		c.Steps = append(c.Steps, join)
	}
	want := nodeOptions
	if !p.Scope.Firewall.ManageCluster {
		want = nil
		if fw.Options["enable"] == "0" {
			p.List.AddNote(node, "the firewall of the node is off, so that its rules have no effect: it stays off without %s", ManageKey)
		}
	}
	p.add(c, base, fw, want)
}

// add plans a change that sets the options at a place as well, where they differ.
func (p *Planner) add(c change.Change, base string, fw *live.Firewall, want []option) {
	if fields, params := compare(fw.Options, want); len(fields) > 0 {
		c.Fields = append(c.Fields, fields...)
		c.Steps = append(c.Steps, change.Write("set options", "PUT", base+"/options", params).
			From(base+"/options", fw.Options.Digest()))
	}
	if len(c.Steps) > 0 || len(c.Blocks) > 0 {
		p.List.Add(c)
	}
}

// guest compares the firewall of a guest: by its class, or none.
func (p *Planner) guest(g *declaration.Guest) {
	lv := p.Live.Of(g)
	own := p.List.Find(change.GuestID(g))
	if own != nil && (own.Action == change.Refuse) {
		return
	}
	class, ok := p.Scope.Firewall.Class(g.Class)
	if !ok {
		if lv != nil && lv.Firewall != nil {
			p.leave(g, lv)
		}
		return
	}
	if own != nil && own.Action == change.Replace && own.Blocked() {
		return // it would not get there
	}
	path, fw := live.GuestPath(g.Node, g.Kind, g.VMID), &live.Firewall{}
	if lv != nil && lv.Firewall != nil && (own == nil || own.Action != change.Replace) {
		path, fw = lv.Path(), lv.Firewall
	}
	c := change.Change{Key: g.Key, Object: change.ObjectGuestFirewall, Action: change.Update, Name: g.Name, VMID: g.VMID, Node: g.Node}
	c.After = append(c.After, change.GuestID(g))
	want, keep := p.Scope.Firewall.Rules(g), g.Firewall.KeepForeign
	for _, r := range want {
		if r.Type == "group" {
			c.After = append(c.After, change.ObjectGroup+"/"+r.Action)
		}
	}
	if keep {
		for _, rule := range rules.Extra(fw.Rules, want) {
			p.List.AddNote(g.Key, "the firewall rule %s is not declared and stays", rule)
		}
	}
	if !rules.Same(fw.Rules, want, keep) {
		c.Fields = append(c.Fields, rules.Diffs(fw.Rules, want, keep)...)
		step := rules.Step(path+"/firewall/rules", fw.Rules, want)
		step.Keep = keep
		c.Steps = append(c.Steps, step)
	}
	c.Blocks = p.missing(g, fw.Names)
	p.add(c, path+"/firewall", fw, guestOptions(class, g))
}

// missing refuses rules that name aliases or IP sets which are not there: Proxmox VE
// takes no such rule. own are those of the guest itself.
func (p *Planner) missing(g *declaration.Guest, own live.Names) []change.Block {
	var out []change.Block
	for _, word := range p.Scope.Names(g) {
		what, rest := "alias", word
		if set, ok := strings.CutPrefix(word, "+"); ok {
			what, rest = "IP set", set
		}
		place, name, placed := strings.Cut(rest, "/")
		if !placed {
			place, name = "", rest
		}
		known := func(n live.Names) []string {
			if what == "alias" {
				return n.Aliases
			}
			return n.Sets
		}
		there := place == "sdn" // Proxmox VE makes those itself
		if place != "dc" {
			there = there || slices.Contains(known(own), name)
		}
		if place != "guest" {
			there = there || slices.Contains(known(*p.Live.Names), name)
		}
		where := "Datacenter > Firewall"
		if place == "guest" {
			where = "the firewall of the guest"
		}
		if !there {
			out = append(out, change.Block{Why: fmt.Sprintf("a rule names the %s %s, which is not there: make it under %s, or write the addresses", what, word, where)})
		}
	}
	return out
}

// leave switches the firewall of a guest off that has lost its class, before its groups
// go: rules without groups, and policies that drop, would cut it off. That is before the
// guest's tags change, by which it is known.
func (p *Planner) leave(g *declaration.Guest, lv *live.Guest) {
	ours := p.Scope.OwnGroups()
	left := rules.Leave(lv.Firewall.Rules, ours).Method != ""
	if known, _ := p.Owner.Recorded(lv); !left && (known.Class == "" || lv.Firewall.Options["enable"] != "1") {
		return
	}
	c := change.Change{Key: g.Key, Object: change.ObjectGuestFirewall, Action: change.Update, Name: g.Name, VMID: g.VMID, Node: lv.Node}
	base := lv.Path() + "/firewall"
	if lv.Firewall.Options["enable"] == "1" {
		c.Fields = append(c.Fields, change.Diff{Path: "enable", From: "1", To: "0", Note: "it has no firewall class any more"})
		c.Steps = append(c.Steps, change.Write("disable", "PUT", base+"/options", url.Values{"enable": {"0"}}).
			From(base+"/options", lv.Firewall.Options.Digest()))
	}
	if !left { // it had rules of its own: which those were, nobody knows
		p.List.Add(c)
		return
	}
	drop := change.Step{Op: change.OpLeave, Title: "remove its groups", Path: base + "/rules", Source: base + "/rules", Digest: lv.Firewall.Rules[0].Digest}
	drop.Groups = ours
	for pos, r := range lv.Firewall.Rules {
		if r.IsGroup(ours) {
			c.Fields = append(c.Fields, change.Diff{Path: "rule[" + strconv.Itoa(pos) + "]", From: r.Signature()})
		}
	}
	c.Steps = append(c.Steps, drop)
	p.List.Add(c)
	if own := p.List.Find(change.GuestID(g)); own != nil {
		own.After = append(own.After, c.ID())
	}
}
