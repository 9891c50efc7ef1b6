package declaration

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// network reads the flat network and derives gateway and management network.
func (b *builder) network(r *object) {
	n := &b.e.Network
	n.Bits = b.maskBits(r)
	place := r.place("network_prefix")
	switch prefix, ok := threeOctets(place.text); {
	case place.kind == isNull:
		// Decision: the default was 192.168.0, so that an absent SOPS file moved
		// every guest. It has to be said now.
		b.problem(place, "is missing", "say it in deployment.json or in the SOPS file, such as \"192.168.0\": addresses are derived from it, and a default would move guests without a word")
	case place.kind != isText || !ok:
		b.problem(place, place.shown()+" is not the first three octets of an IPv4 network", "write three numbers of 0 to 255 without leading zeros, such as 192.168.0")
	default:
		n.Prefix, b.prefix = prefix, true
		if place.hidden {
			b.concealed = prefix
		}
		r.set("network_prefix", place, prefix)
		n.Gateway = netip.MustParseAddr(prefix + ".1")
		n.Management = netip.PrefixFrom(netip.MustParseAddr(prefix+".0"), n.Bits)
	}
	def := []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"}
	place = r.place("internal_networks")
	for i, s := range r.texts("internal_networks", def) {
		at := place
		if place.kind == isList && i < len(place.items) {
			at = place.items[i]
		}
		if p, what, fix := network(s); what != "" {
			b.problem(at, at.shown()+" "+what, fix)
		} else {
			n.Internal = append(n.Internal, p)
		}
	}
	if place.kind == isList && len(place.items) == 0 {
		b.problem(place, "is empty", "without a network the firewall would let nobody in, not even SSH; leave it out for the private ones of RFC 1918")
	}
}

func (b *builder) maskBits(r *object) int {
	const def = 24
	v := r.typed("network_cidr_mask", isText)
	bits := def
	if v != nil {
		n, err := strconv.Atoi(strings.TrimPrefix(v.text, "/"))
		if err != nil || !strings.HasPrefix(v.text, "/") || v.text != fmt.Sprintf("/%d", n) || n < 8 || n > 30 {
			b.problem(v, v.shown()+" is not the length of a mask", "write /8 to /30; /32 leaves guests without a route to their gateway")
		} else {
			bits = n
		}
	}
	r.set("network_cidr_mask", v, fmt.Sprintf("/%d", bits))
	return bits
}

// threeOctets checks a prefix such as 192.168.0.
func threeOctets(s string) (string, bool) {
	a, err := netip.ParseAddr(s + ".0")
	return s, err == nil && a.Is4()
}

// network parses an IPv4 network.
func network(s string) (p netip.Prefix, what, fix string) {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return p, "is not an IPv4 network", "write it as 10.0.0.0/8"
	case !p.Addr().Is4():
		return p, "is not an IPv4 network", "rules for IPv6 are not made"
	case p.Masked() != p:
		return p, "has bits behind the mask", "write " + p.Masked().String()
	}
	return p, "", ""
}

// address reads or derives the address of a guest's first interface.
func (b *builder) address(o *object, vmid int) Address {
	gateway, hasGateway := b.addr(o, "gateway")
	dhcp := o.flag("dhcp", false)
	place := o.typed("ip", isText)
	at := below(o.v.path, "address")
	if dhcp {
		if place != nil || hasGateway {
			b.problem(o.place("dhcp"), "is true, and an address or gateway is set as well", "keep one of dhcp and ip")
		}
		b.record(at, "dhcp", o.get("dhcp").from())
		return Address{DHCP: true}
	}
	var cidr netip.Prefix
	from := "derived from network_prefix and vm_id"
	if place != nil {
		cidr, from = b.declaredAddress(place), place.from()
	} else {
		cidr, place = b.derivedAddress(o, vmid), o.place("vm_id")
	}
	if !cidr.IsValid() {
		return Address{} // that is reported
	}
	if !hasGateway {
		gateway = b.e.Network.Gateway
	}
	b.checkAddress(place, cidr, gateway)
	shown := quoted(b.conceal(cidr.String()))
	if place.hidden {
		shown = hiddenText
	}
	b.record(at, shown, from)
	return Address{CIDR: cidr, Gateway: gateway}
}

// derivedAddress is network_prefix with the VMID as the last octet.
func (b *builder) derivedAddress(o *object, vmid int) netip.Prefix {
	switch n := b.e.Network; {
	case vmid == 0 || !b.prefix: // reported already
		return netip.Prefix{}
	case vmid > 254:
		b.problem(o.place("vm_id"), fmt.Sprintf("no address can be derived from %s: the last octet would be beyond 254", o.place("vm_id").shown()),
			fmt.Sprintf("set %s or dhcp, or choose a VMID of 100 to 254", below(o.v.path, "ip")))
		return netip.Prefix{}
	default:
		return netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("%s.%d", n.Prefix, vmid)), n.Bits)
	}
}

// declaredAddress takes an address with or without mask.
func (b *builder) declaredAddress(v *value) netip.Prefix {
	if a, err := netip.ParseAddr(v.text); err == nil && a.Is4() {
		return netip.PrefixFrom(a, b.e.Network.Bits)
	}
	p, err := netip.ParsePrefix(v.text)
	if err != nil || !p.Addr().Is4() {
		b.problem(v, v.shown()+" is not an IPv4 address", "write 192.168.5.7 or 192.168.5.7/24")
		return netip.Prefix{}
	}
	return p
}

// checkAddress says why a guest could not use the address.
func (b *builder) checkAddress(place *value, cidr netip.Prefix, gateway netip.Addr) {
	addr, shown := cidr.Addr(), b.conceal(cidr.String())
	if place.hidden {
		shown = place.shown()
	}
	switch {
	case !gateway.IsValid(): // reported already
	case addr == gateway:
		b.problem(place, shown+" is the address of the gateway", "choose another VMID or set ip")
	case cidr.Bits() > 30 || addr == cidr.Masked().Addr() || addr == lastOf(cidr):
		b.problem(place, shown+" is not the address of a host: it is the network's or the broadcast address", "choose another VMID or set ip")
	case !cidr.Contains(gateway):
		b.problem(place, fmt.Sprintf("%s is not in the network of its gateway", shown), "set gateway to the router of its network; without it that is the first address of network_prefix")
	}
	// Two guests of one VMID have one derived address: that is said once.
	if first, taken := b.claims["VMID\x00"+place.text]; !taken || first.owner == place {
		b.unique("the address", b.conceal(addr.String()), place)
	}
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
func (b *builder) addr(o *object, key string) (netip.Addr, bool) {
	v := o.typed(key, isText)
	if v == nil {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(v.text)
	if err != nil || !a.Is4() {
		b.problem(v, v.shown()+" is not an IPv4 address", "")
		return netip.Addr{}, true
	}
	o.set(key, v, v.text)
	return a, true
}

// nameservers reads the resolvers of a guest.
func (b *builder) nameservers(o *object) []netip.Addr {
	v := o.typed("nameservers", isList)
	if v == nil {
		return nil
	}
	var list []netip.Addr
	for i, s := range o.texts("nameservers", nil) {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			at := v.items[min(i, len(v.items)-1)]
			b.problem(at, at.shown()+" is not an IP address", "resolvers are given by address")
			continue
		}
		list = append(list, a)
	}
	return list
}

// conceal takes an encrypted prefix out of an address.
func (b *builder) conceal(s string) string {
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
