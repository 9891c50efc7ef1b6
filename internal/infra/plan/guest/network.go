package guest

import (
	"cmp"
	"strconv"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// containerNIC is a container's netN. The first one has the guest's address.
func containerNIC(g *declaration.Guest, i int) pve.Props {
	n := g.NICs[i]
	p := pve.ParseProps("", "")
	p.Set("name", n.Name)
	nicProps(&p, n)
	if i == 0 {
		ip, gw := address(g.Address)
		p.Set("ip", cmp.Or(ip, noAddress))
		if gw != "" {
			p.Set("gw", gw)
		}
		address6(&p, g)
	}
	if n.MAC != "" {
		p.Set("hwaddr", n.MAC)
	}
	return p
}

// vmNIC is a VM's netN; its address is cloud-init's matter.
func vmNIC(n declaration.NIC) pve.Props {
	p := pve.ParseNet(n.Model)
	nicProps(&p, n)
	if n.MAC != "" {
		p.Set("macaddr", n.MAC)
	}
	return p
}

func nicProps(p *pve.Props, n declaration.NIC) {
	p.Set("bridge", n.Bridge)
	if n.Firewall {
		p.Set("firewall", "1")
	}
	if n.VLAN > 0 {
		p.Set("tag", strconv.Itoa(n.VLAN))
	}
}

// noAddress is how a container's interface without IPv4 is written.
const noAddress = "manual"

// address gives ip= and gw= of an interface, "" for only IPv6.
func address(a declaration.Address) (ip, gw string) {
	switch {
	case a.DHCP:
		return "dhcp", ""
	case a.None:
		return "", ""
	}
	if a.Gateway.IsValid() {
		gw = a.Gateway.String()
	}
	return a.CIDR.String(), gw
}

// address6 adds ip6= and gw6=, where they are declared.
func address6(p *pve.Props, g *declaration.Guest) {
	if g.IP6 != "" {
		p.Set("ip6", g.IP6)
	}
	if g.Gateway6.IsValid() {
		p.Set("gw6", g.Gateway6.String())
	}
}

// owned are the keys of a network property that a declaration can set, with their
// defaults. Rate, MTU and the like stay as they are.
var owned = []struct{ key, def string }{
	{"name", ""}, {"model", ""}, {"bridge", ""}, {"firewall", "0"}, {"tag", ""}, {"ip", ""}, {"gw", ""},
	{"ip6", ""}, {"gw6", ""}, {"hwaddr", ""}, {"macaddr", ""},
}

// network compares netN, keeping what is not owned.
func (d *delta) network(key string, live, want pve.Props) {
	out := live.Clone()
	changed := false
	for _, o := range owned {
		from, to := cmp.Or(live.Get(o.key), o.def), cmp.Or(want.Get(o.key), o.def)
		if from == to || from == "" && to == noAddress || to == "" && o.key != "bridge" && o.key != "tag" && o.key != "gw" {
			continue // an undeclared address stays
		}
		changed = true
		d.differs(key+"."+o.key, from, to, "")
		if to == o.def {
			out.Delete(o.key)
		} else {
			out.Set(o.key, to)
		}
	}
	if changed {
		d.set.Set(key, netString(out))
	}
}

// netString writes a network property: a VM's begins with model=MAC.
func netString(p pve.Props) string {
	model, mac := p.Get("model"), p.Get("macaddr")
	if model == "" || mac == "" {
		return p.String()
	}
	rest := p.Clone()
	rest.Delete("model", "macaddr")
	s := model + "=" + mac
	if rest.Len() > 0 {
		s += "," + rest.String()
	}
	return s
}
