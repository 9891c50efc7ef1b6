package declaration

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
)

// addresses is the flat network, and what derives and checks the addresses of guests in it.
type addresses struct {
	report    *reader.Report
	claims    *claims
	network   Network
	known     bool   // whether network_prefix is, so that addresses can be derived
	concealed string // the prefix, where it came encrypted
}

// readNetwork reads the flat network and derives gateway and management network.
func readNetwork(report *reader.Report, claims *claims, r *reader.Object) *addresses {
	b := &addresses{report: report, claims: claims}
	n := &b.network
	n.Bits = b.maskBits(r)
	place := r.Place("network_prefix")
	switch prefix, ok := threeOctets(place.Text); {
	case place.Kind == reader.KindNull:
		// Decision: the default was 192.168.0, so that an absent SOPS file moved
		// every guest. It has to be said now.
		b.report.Problem(place, "is missing", "say it in deployment.json or in the SOPS file, such as \"192.168.0\": addresses are derived from it, and a default would move guests without a word")
	case place.Kind != reader.KindText || !ok:
		b.report.Problem(place, place.Shown()+" is not the first three octets of an IPv4 network", "write three numbers of 0 to 255 without leading zeros, such as 192.168.0")
	default:
		r.Typed("network_prefix", reader.KindText)
		n.Prefix, b.known = prefix, true
		if place.Hidden {
			b.concealed = prefix
		}
		r.Set("network_prefix", place, prefix)
		n.Gateway = netip.MustParseAddr(prefix + ".1")
		n.Management = netip.PrefixFrom(netip.MustParseAddr(prefix+".0"), n.Bits)
	}
	def := []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"}
	place = r.Place("internal_networks")
	for i, s := range r.Texts("internal_networks", def) {
		at := place
		if place.Kind == reader.KindList && i < len(place.Items) {
			at = place.Items[i]
		}
		if p, what, fix := network(s); what != "" {
			b.report.Problem(at, at.Shown()+" "+what, fix)
		} else {
			n.Internal = append(n.Internal, p)
		}
	}
	for _, list := range apart(joined(n.Internal)) {
		if len(list) > maxAddresses-len("ff02::12,") {
			b.report.Problem(place, "is longer than Proxmox VE takes in a rule", "write fewer and larger networks, with 500 characters at most")
		}
	}
	if place.Kind == reader.KindList && len(place.Items) == 0 {
		b.report.Problem(place, "is empty", "without a network the firewall would block everything, SSH too; leave it out for the private ones of RFC 1918")
	}
	return b
}

func (b *addresses) maskBits(r *reader.Object) int {
	const def = 24
	v := r.Typed("network_cidr_mask", reader.KindText)
	bits := def
	if v != nil {
		n, err := strconv.Atoi(strings.TrimPrefix(v.Text, "/"))
		if err != nil || !strings.HasPrefix(v.Text, "/") || v.Text != fmt.Sprintf("/%d", n) || n < 8 || n > 30 {
			b.report.Problem(v, v.Shown()+" is not the length of a mask", "write /8 to /30; /32 leaves guests without a route to their gateway")
		} else {
			bits = n
		}
	}
	r.Set("network_cidr_mask", v, fmt.Sprintf("/%d", bits))
	return bits
}

// threeOctets checks a prefix such as 192.168.0.
func threeOctets(s string) (string, bool) {
	a, err := netip.ParseAddr(s + ".0")
	return s, err == nil && a.Is4()
}

// network parses a network.
func network(s string) (p netip.Prefix, what, fix string) {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return p, "is not a network", "write it as 10.0.0.0/8 or fd00::/8"
	case p.Masked() != p:
		return p, "has bits behind the mask", "write " + p.Masked().String()
	}
	return p, "", ""
}

// read reads or derives the address of a guest's first interface.
func (b *addresses) read(o *reader.Object, vmid int) Address {
	gateway, hasGateway := b.addr(o, "gateway")
	dhcp := o.Flag("dhcp", false)
	place := o.Typed("ip", reader.KindText)
	at := reader.Below(o.Value.Path, "address")
	if dhcp {
		if place != nil || hasGateway {
			b.report.Problem(o.Place("dhcp"), "is true, and an address or gateway is set as well", "keep one of dhcp and ip")
		}
		b.report.Record(at, "dhcp", o.Get("dhcp").From())
		return Address{DHCP: true}
	}
	if place != nil && place.Text == "none" {
		if hasGateway {
			b.report.Problem(o.Place("gateway"), "is set, and ip is none", "remove it; gateway6 is the IPv6 router")
		}
		b.report.Record(at, "none", place.From())
		return Address{None: true}
	}
	var cidr netip.Prefix
	from := "derived from network_prefix and vm_id"
	if place != nil {
		cidr, from = b.declared(place), place.From()
	} else {
		cidr, place = b.derived(o, vmid), o.Place("vm_id")
	}
	if !cidr.IsValid() {
		return Address{} // that is reported
	}
	if !hasGateway {
		gateway = b.network.Gateway
	}
	b.check(place, cidr, gateway)
	shown := reader.Quoted(b.conceal(cidr.String()))
	if place.Hidden {
		shown = reader.HiddenText
	}
	b.report.Record(at, shown, from)
	return Address{CIDR: cidr, Gateway: gateway}
}

// derived is network_prefix with the VMID as the last octet.
func (b *addresses) derived(o *reader.Object, vmid int) netip.Prefix {
	switch n := b.network; {
	case vmid == 0 || !b.known: // reported already
		return netip.Prefix{}
	case vmid > 254:
		b.report.Problem(o.Place("vm_id"), fmt.Sprintf("no address can be derived from %s: the last octet would be beyond 254", o.Place("vm_id").Shown()),
			fmt.Sprintf("set %s or dhcp, or choose a VMID of 100 to 254", reader.Below(o.Value.Path, "ip")))
		return netip.Prefix{}
	default:
		return netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("%s.%d", n.Prefix, vmid)), n.Bits)
	}
}

// declared takes an address with or without mask.
func (b *addresses) declared(v *reader.Value) netip.Prefix {
	if a, err := netip.ParseAddr(v.Text); err == nil && a.Is4() {
		return netip.PrefixFrom(a, b.network.Bits)
	}
	p, err := netip.ParsePrefix(v.Text)
	if err != nil || !p.Addr().Is4() {
		b.report.Problem(v, v.Shown()+" is not an IPv4 address", "write 192.168.5.7 or 192.168.5.7/24, or none for a guest with only IPv6")
		return netip.Prefix{}
	}
	return p
}

// check says why a guest could not use the address.
func (b *addresses) check(place *reader.Value, cidr netip.Prefix, gateway netip.Addr) {
	addr, shown := cidr.Addr(), b.conceal(cidr.String())
	if place.Hidden {
		shown = place.Shown()
	}
	switch {
	case !gateway.IsValid(): // reported already
	case addr == gateway:
		b.report.Problem(place, shown+" is the address of the gateway", "choose another VMID or set ip")
	case cidr.Bits() > 30 || addr == cidr.Masked().Addr() || addr == lastOf(cidr):
		b.report.Problem(place, shown+" is not the address of a host: it is the network's or the broadcast address", "choose another VMID or set ip")
	case !cidr.Contains(gateway):
		b.report.Problem(place, fmt.Sprintf("%s is not in the network of its gateway", shown), "set gateway to the router of its network; without it that is the first address of network_prefix")
	}
	// Two guests of one VMID have one derived address: that is said once.
	if first := b.claims.owner("VMID", place.Text); first == nil || first == place {
		b.claims.unique("the address", b.conceal(addr.String()), place)
	}
}

// reachable makes sure that the firewall lets the guest's own network in: the rules of a
// class let in what the internal networks are, and nothing else, SSH included.
func (b *addresses) reachable(o *reader.Object, g *Guest, own netip.Prefix) {
	own = own.Masked()
	if !own.IsValid() || slices.ContainsFunc(b.network.Internal, func(p netip.Prefix) bool { return p.Bits() <= own.Bits() && p.Contains(own.Addr()) }) {
		return
	}
	b.report.Problem(o.Value, fmt.Sprintf("the guest is in %s, which is not in internal_networks, so that the rules of the firewall class %s keep its own network out",
		b.conceal(own.String()), g.Class), "add its network to internal_networks")
}

// lastOf is the broadcast address.
func lastOf(p netip.Prefix) netip.Addr {
	raw := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		raw[bit/8] |= 1 << (7 - bit%8)
	}
	return netip.AddrFrom4(raw)
}

// addr reads an IPv4 address.
func (b *addresses) addr(o *reader.Object, key string) (netip.Addr, bool) {
	v := o.Typed(key, reader.KindText)
	if v == nil {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(v.Text)
	if err != nil || !a.Is4() {
		b.report.Problem(v, v.Shown()+" is not an IPv4 address", "")
		return netip.Addr{}, true
	}
	o.Set(key, v, v.Text)
	return a, true
}

// nameservers reads the resolvers of a guest.
func (b *addresses) nameservers(o *reader.Object) []netip.Addr {
	v := o.Typed("nameservers", reader.KindList)
	if v == nil {
		return nil
	}
	var list []netip.Addr
	for i, s := range o.Texts("nameservers", nil) {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			at := v.Items[min(i, len(v.Items)-1)]
			b.report.Problem(at, at.Shown()+" is not an IP address", "resolvers are given by address")
			continue
		}
		list = append(list, a)
	}
	return list
}

// conceal takes an encrypted prefix out of an address.
func (b *addresses) conceal(s string) string {
	if b.concealed == "" {
		return s
	}
	if rest, ok := strings.CutPrefix(s, b.concealed); ok && (rest == "" || rest[0] == '.') {
		return "<network_prefix>" + rest
	}
	return s
}

// syncTarget is the file that a target of the inventory names.
func syncTarget(o Options, path string) string {
	path = o.expand(path)
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(o.Deployment), path)
	}
	return InventoryFile(path)
}

// InventoryFile is the file of a target that the inventory is published to: a path that
// ends in .json is it, any other one is a repository that has it in its usual place.
func InventoryFile(path string) string {
	if filepath.Ext(path) == ".json" {
		return path
	}
	return filepath.Join(path, "inventory", "terraform_inventory.json")
}
