package declaration

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
)

// OwnFirewall is what a guest declares beside its class.
type OwnFirewall struct {
	Rules     []Rule   // before those of the class
	Groups    []string // by its tags, after those of the class
	PolicyIn  string   // "" for that of the class
	PolicyOut string
	// KeepForeign leaves rules of the guest that nobody declared where they are.
	KeepForeign bool
}

// ownClass is the class of a guest that has rules of its own and no other class. Its
// policies are the defaults of Proxmox VE.
const ownClass = "own"

// ownRules reads firewall rules that the user declares.
type ownRules struct {
	report *reader.Report
	// peers are the sources and destinations that can only be the key of a guest: which
	// guests there are is known at the end.
	peers []*reader.Value
}

var (
	icmpNumber = regexp.MustCompile(`^(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])$`)
	portText   = regexp.MustCompile(`^\d{1,5}(:\d{1,5})?$`)
	setText    = regexp.MustCompile(`^\+((dc|guest|sdn)/)?[A-Za-z][A-Za-z0-9_-]+$`)
	alias      = regexp.MustCompile(`^(dc|guest)/[A-Za-z][A-Za-z0-9_-]+$`)
)

// protocols are those that rules may name, as /etc/protocols of Proxmox VE has them; true
// where they have ports.
var protocols = map[string]bool{"tcp": true, "udp": true, "sctp": true, "udplite": true, "dccp": true,
	"icmp": false, "ipv6-icmp": false, "vrrp": false, "igmp": false, "esp": false, "ah": false, "gre": false, "ospf": false, "pim": false}

// icmpTypes are the types of messages that rules may name beside 0 to 255, by protocol: those
// of `iptables -p icmp -h` and `ip6tables -p icmpv6 -h`, as Proxmox VE checks them.
var icmpTypes = map[string][]string{
	"icmp": strings.Fields("any echo-reply destination-unreachable network-unreachable host-unreachable protocol-unreachable port-unreachable " +
		"fragmentation-needed source-route-failed network-unknown host-unknown network-prohibited host-prohibited TOS-network-unreachable " +
		"TOS-host-unreachable communication-prohibited host-precedence-violation precedence-cutoff source-quench redirect network-redirect " +
		"host-redirect TOS-network-redirect TOS-host-redirect echo-request router-advertisement router-solicitation time-exceeded " +
		"ttl-zero-during-transit ttl-zero-during-reassembly parameter-problem ip-header-bad required-option-missing timestamp-request " +
		"timestamp-reply address-mask-request address-mask-reply"),
	"ipv6-icmp": strings.Fields("destination-unreachable no-route communication-prohibited beyond-scope address-unreachable port-unreachable " +
		"failed-policy reject-route packet-too-big time-exceeded ttl-zero-during-transit ttl-zero-during-reassembly parameter-problem bad-header " +
		"unknown-header-type unknown-option echo-request echo-reply router-solicitation router-advertisement neighbor-solicitation " +
		"neighbour-solicitation neighbor-advertisement neighbour-advertisement redirect"),
}

func protocolNames() []string {
	var names []string
	for name := range protocols {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// read reads the lists in and out of an object.
func (b *ownRules) read(o *reader.Object) []Rule {
	var rules []Rule
	for _, way := range []string{"in", "out"} {
		for _, r := range o.Objects(way) {
			rules = append(rules, b.rule(r, way))
			r.End()
		}
	}
	return rules
}

func (b *ownRules) rule(o *reader.Object, way string) Rule {
	r := Rule{Type: way, Action: o.Word("action", "ACCEPT", "ACCEPT", "DROP", "REJECT")}
	if o.Get("proto") != nil {
		r.Proto = o.Word("proto", "", protocolNames()...)
	}
	list := b.ports(o)
	r.DPort = strings.Join(list, ",")
	if n := len(list) + strings.Count(r.DPort, ":"); n > maxPorts {
		b.report.Problem(o.Place("ports"), fmt.Sprintf("has %d numbers, where a range has two", n), fmt.Sprintf("%d at most are possible: write several rules", maxPorts))
	}
	if r.DPort != "" && !protocols[r.Proto] {
		b.report.Problem(o.Place("ports"), "are given without a protocol that has ports", "set proto to tcp or udp")
	}
	if o.Get("icmp_type") != nil {
		types, known := icmpTypes[r.Proto]
		r.ICMP = o.Text("icmp_type", "", func(s string) (string, string) {
			if known && !slices.Contains(types, s) && !icmpNumber.MatchString(s) {
				return "is not a type of " + r.Proto + " that Proxmox VE knows", reader.DidYouMean(s, types)
			}
			return "", ""
		})
		if !known {
			b.report.Problem(o.Place("icmp_type"), "is given without proto icmp", "set proto to icmp or ipv6-icmp")
		}
	}
	r.Source = b.addresses(o, "sources")
	r.Dest = b.addresses(o, "destinations")
	return r
}

// maxPorts is the limit of a rule (pve-firewall, parse_port_name_number_or_range).
const maxPorts = 15

// ports reads numbers and ranges such as "1514:1518".
func (b *ownRules) ports(o *reader.Object) []string {
	v := o.Typed("ports", reader.KindList)
	if v == nil {
		return nil
	}
	var list []string
	for _, item := range v.Items {
		low, high, isRange := strings.Cut(item.Text, ":")
		first, _ := strconv.Atoi(low)
		last, _ := strconv.Atoi(high)
		if item.Kind != reader.KindNumber && item.Kind != reader.KindText || !portText.MatchString(item.Text) ||
			first < 1 || first > 65535 || isRange && (last <= first || last > 65535) {
			b.report.Problem(item, item.Shown()+" is not a port", `write a number of 1 to 65535, or a range such as "1514:1518"`)
			continue
		}
		list = append(list, item.Text)
	}
	o.Set("ports", v, list)
	return list
}

// maxAddresses is the limit of Proxmox VE for the text of a source or destination.
const maxAddresses = 512

// addresses reads addresses, networks, ranges, IP sets (+NAME), aliases (dc/NAME) and keys
// of guests.
func (b *ownRules) addresses(o *reader.Object, key string) string {
	v := o.Typed(key, reader.KindList)
	if v == nil {
		return ""
	}
	list := o.Texts(key, nil)
	for _, item := range v.Items {
		if s := item.Text; item.Kind == reader.KindText && !isAddress(s) && !setText.MatchString(s) && !alias.MatchString(s) {
			b.peers = append(b.peers, item)
		}
	}
	text := strings.Join(list, ",")
	switch {
	case len(list) == 0:
		b.report.Problem(v, "is empty", "leave it out for any address")
	case len(text) > maxAddresses:
		b.report.Problem(v, "is longer than Proxmox VE takes", "put the addresses into an IP set, and name that (+NAME)")
	}
	return text
}

// isAddress reports whether a text is an address, a network or a range.
func isAddress(s string) bool {
	if _, err := netip.ParsePrefix(s); err == nil {
		return true
	}
	low, high, isRange := strings.Cut(s, "-")
	first, err := netip.ParseAddr(low)
	if !isRange || err != nil {
		return err == nil
	}
	last, err := netip.ParseAddr(high)
	return err == nil && first.Less(last) && first.Is4() == last.Is4()
}

// resolve puts addresses into all rules where keys of guests are.
func (b *ownRules) resolve(e *Estate) {
	address := map[string]string{}
	var keys []string
	for _, g := range e.Guests() {
		keys = append(keys, g.Key)
		if fixed := g.Fixed(); fixed.IsValid() {
			address[g.Key] = fixed.String()
		}
	}
	for _, v := range b.peers {
		switch {
		case address[v.Text] != "":
		case slices.Contains(keys, v.Text):
			b.report.Problem(v, v.Shown()+" is a guest without a fixed address", "give it one, or write a network")
		default:
			b.report.Problem(v, v.Shown()+" is neither an address or network, nor an IP set (+NAME), an alias (dc/NAME) or the key of a guest", reader.DidYouMean(v.Text, keys))
		}
	}
	set := func(list string) string {
		words := strings.Split(list, ",")
		for i, w := range words {
			if a := address[w]; a != "" {
				words[i] = a
			}
		}
		return strings.Join(words, ",")
	}
	all := func(rules []Rule) (out []Rule) {
		for _, r := range rules {
			r.Source, r.Dest = set(r.Source), set(r.Dest)
			out = append(out, r)
		}
		return separated(out)
	}
	for _, g := range e.Guests() {
		g.Firewall.Rules = all(g.Firewall.Rules)
	}
	for i := range e.Firewall.Classes {
		c := &e.Firewall.Classes[i]
		c.Rules = all(c.Rules)
	}
}

// separated are the rules that rules with mixed lists have to be written as. ICMP over IPv6 is
// another protocol (RFC 4443).
func separated(rules []Rule) (out []Rule) {
	for _, r := range rules {
		for _, source := range apart(r.Source) {
			for _, dest := range apart(r.Dest) {
				one := r
				one.Source, one.Dest = source, dest
				six := func(list string) bool { return strings.Contains(list, ":") }
				switch {
				case source != "" && dest != "" && isAddressList(source) && isAddressList(dest) && six(source) != six(dest):
					continue // of two families
				case r.Proto == "icmp" && r.ICMP == "" && (six(source) || six(dest)):
					one.Proto = "ipv6-icmp"
				}
				out = append(out, one)
			}
		}
	}
	return out
}

func isAddressList(list string) bool { return !setText.MatchString(list) && !alias.MatchString(list) }

// apart are the lists that a list of addresses, IP sets and aliases has to be written as: a
// rule of Proxmox VE has one set, one alias, or addresses of one family (pve-firewall,
// verify_rule).
func apart(list string) []string {
	var out, addresses []string
	for word := range strings.SplitSeq(list, ",") {
		if setText.MatchString(word) || alias.MatchString(word) {
			out = append(out, word)
		} else {
			addresses = append(addresses, word)
		}
	}
	for _, six := range []bool{false, true} {
		family := slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return strings.Contains(a, ":") != six })
		if len(family) > 0 {
			out = append(out, strings.Join(family, ","))
		}
	}
	return out
}

// guest reads what a guest declares beside its class.
func (b *ownRules) guest(o *reader.Object, g *Guest) {
	if f := o.Object("firewall"); f != nil {
		g.Firewall.Rules = b.read(f)
		g.Firewall.PolicyIn = b.policy(f, "policy_in")
		g.Firewall.PolicyOut = b.policy(f, "policy_out")
		g.Firewall.KeepForeign = b.foreign(f)
		f.End()
	}
	for _, a := range additions {
		if !slices.Contains(g.Tags, a.tag) {
			continue
		}
		if g.Class == "" {
			g.Class = a.class
		} else {
			g.Firewall.Groups = append(g.Firewall.Groups, a.group)
		}
	}
	if g.Class == "" && len(g.Firewall.Rules) > 0 {
		g.Class = ownClass
	}
}

func (b *ownRules) policy(o *reader.Object, key string) string {
	if o.Get(key) == nil {
		return ""
	}
	return o.Word(key, "", "ACCEPT", "DROP", "REJECT")
}

// foreign reads whether rules that nobody declared are kept.
func (b *ownRules) foreign(o *reader.Object) bool {
	return o.Word("foreign_rules", "remove", "keep", "remove") == "keep"
}

// estate reads the object firewall of the whole declaration into the estate, whose classes
// are made.
func (b *ownRules) estate(r *reader.Object, e *Estate) {
	o := r.OrEmpty("firewall")
	f := &e.Firewall
	f.ManageCluster, f.ManageDeclared = o.Flag("manage_cluster", false), o.Get("manage_cluster") != nil
	if b.foreign(o) {
		for _, g := range e.Guests() {
			g.Firewall.KeepForeign = true
		}
	}
	var names []string
	for _, c := range f.Classes {
		names = append(names, c.Name)
	}
	for _, en := range o.Entries("classes") {
		i := slices.Index(names, en.Key)
		if i < 0 {
			b.report.Problem(en.Value, "there is no firewall class "+en.Key, reader.DidYouMean(en.Key, names))
			continue
		}
		f.Classes[i].Rules = b.read(en.Object)
		en.End()
	}
	o.End()
	b.resolve(e)
}
