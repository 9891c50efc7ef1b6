package declaration

import (
	"fmt"
	"slices"
	"strconv"
)

// The VMIDs that Proxmox VE takes.
const (
	minVMID = 100
	maxVMID = 999999999
)

// ways are the differences between containers and VMs in what they have in common.
type ways struct {
	kind        Kind
	name        string // key of the name
	description string // default, without name and environment
	tags        []string
	cores       int
	memory      int
	minMemory   int
}

// guest reads what containers and VMs have in common, but for the interfaces.
func (b *builder) guest(en entry, w ways) Guest {
	o := en.object
	g := Guest{Key: en.key, Kind: w.kind}
	g.VMID = o.needWhole("vm_id", minVMID, maxVMID)
	b.claimVMID(g.VMID, o.place("vm_id"))
	g.Name = o.needText(w.name, nameRule)
	g.Description = o.text("description", fmt.Sprintf("%s %s - %s", w.description, g.Name, b.e.Environment))
	g.Tags = b.tags(o, w.tags)
	g.Pool = b.pool(o, "pool_id")
	g.Cores = o.whole("cpu_cores", w.cores, 1, 32)
	g.Memory = o.whole("memory_dedicated", w.memory, w.minMemory, 65536)
	b.placement(o, &g)
	g.Startup = b.startup(o, g.VMID)
	b.identity(o, &g, w.name)
	b.classify(o, &g)
	return g
}

// placement reads the fields that were not known to the modules this replaces.
func (b *builder) placement(o *object, g *Guest) {
	g.Node = o.text("node", b.e.Node, nameRule)
	g.Address = b.address(o, g.VMID)
	g.Nameservers = b.nameservers(o)
	g.Domain = b.e.Domain
}

// identity claims what else may be there once. A map key is a host of the inventory, so it
// is one over all maps.
func (b *builder) identity(o *object, g *Guest, nameKey string) {
	if g.Name != "" {
		b.unique("the name", g.Name, o.place(nameKey))
	}
	b.unique("the key", g.Key, o.v)
}

func (b *builder) claimVMID(id int, owner *value) {
	if id != 0 {
		b.unique("VMID", strconv.Itoa(id), owner)
	}
}

func (b *builder) tags(o *object, def []string) []string {
	tags := o.texts("tags", def, tagRule)
	for i, t := range tags {
		if v := o.place("tags"); slices.Contains(tags[:i], t) && i < len(v.items) {
			b.problem(v, fmt.Sprintf("has the tag %s twice", v.items[i].shown()), "remove one")
		}
	}
	if b.e.Environment != "" && !slices.Contains(tags, b.e.Environment) {
		tags = append(tags, b.e.Environment)
	}
	return tags
}

// pool checks that the pool is declared; "" is none.
func (b *builder) pool(o *object, key string) string {
	id := o.text(key, "")
	if id == "" || slices.ContainsFunc(b.e.Pools, func(p Pool) bool { return p.ID == id }) {
		return id
	}
	known := make([]string, len(b.e.Pools))
	for i, p := range b.e.Pools {
		known[i] = p.ID
	}
	fix := "declare it under pools"
	if len(known) > 0 {
		fix += "; " + didYouMean(id, known)
	}
	b.problem(o.place(key), o.place(key).shown()+" is not a declared pool", fix)
	return id
}

// classify resolves the firewall class. Two classes would fight over one set of rules.
func (b *builder) classify(o *object, g *Guest) {
	switch names := classesOf(g.Kind, g.Tags); len(names) {
	case 0:
	case 1:
		g.Class = names[0]
		b.record(below(o.v.path, "firewall_class"), fmt.Sprintf("%q", g.Class), "derived from tags")
	default:
		b.problem(o.place("tags"), fmt.Sprintf("the tags put the guest into the firewall classes %s and %s", names[0], names[1]), "a guest has one: drop the tags of the other")
	}
}

// interfaces reads the NICs. Only the first one gets the guest's address.
func (b *builder) interfaces(o *object, g *Guest, firewalled bool) []NIC {
	var nics []NIC
	list := o.objects("network_interfaces")
	declared := o.get("network_interfaces")
	if declared == nil {
		list = []*object{b.reader(&value{kind: isObject, path: below(o.v.path, "network_interfaces") + "[0]", file: o.v.file, line: o.v.line})}
	} else if len(list) == 0 && declared.kind == isList {
		b.problem(declared, "is empty", "a guest needs an interface for its address; leave the key out for one on vmbr0")
	}
	for i, n := range list {
		nics = append(nics, b.nic(n, g.Kind, i, firewalled))
		n.end()
	}
	b.uniqueNames(list, nics, g.Kind)
	b.guestVLAN(o, list, nics)
	for i, nic := range nics {
		if g.Class != "" && !nic.Firewall {
			b.problem(list[i].place("firewall"), fmt.Sprintf("is false, so that the rules of the firewall class %s have no effect on this interface", g.Class),
				"set it to true, or drop the tags of the class")
		}
	}
	return nics
}

func (b *builder) nic(n *object, k Kind, index int, firewalled bool) NIC {
	nic := NIC{Bridge: n.text("bridge", "vmbr0", bridgeRule)}
	if k == LXC {
		nic.Name = n.text("name", fmt.Sprintf("eth%d", index), pattern(bridgeName, "is not the name of an interface", "such as eth0"))
	} else {
		nic.Model = n.text("model", "virtio", oneOf("virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"))
	}
	if v := n.get("vlan_id"); v != nil {
		// Decision: for containers the key was dropped without a word; it works now.
		nic.VLAN = n.whole("vlan_id", 0, 1, 4094)
	}
	nic.Firewall = n.flag("firewall", firewalled)
	return nic
}

func (b *builder) uniqueNames(list []*object, nics []NIC, k Kind) {
	if k != LXC {
		return
	}
	for i := range nics {
		for j := range i {
			if nics[i].Name == nics[j].Name {
				b.problem(list[i].place("name"), list[i].place("name").or(nics[i].Name)+" is the name of two interfaces", "every interface needs its own, such as eth1")
			}
		}
	}
}

// guestVLAN is the short form: the VLAN of the first interface.
func (b *builder) guestVLAN(o *object, list []*object, nics []NIC) {
	if o.get("vlan") == nil {
		return
	}
	vlan := o.whole("vlan", 0, 1, 4094)
	if len(nics) == 0 {
		return
	}
	if nics[0].VLAN != 0 && nics[0].VLAN != vlan {
		b.problem(o.place("vlan"), "differs from "+list[0].place("vlan_id").path, "keep one of them")
	}
	nics[0].VLAN = vlan
}

// tiers are the steps in which an estate boots: what others depend on comes first.
func tiers() []string { return []string{"dns", "storage", "db", "lb", "edge", "app"} }

// startDelay is how many seconds the node waits before it starts the next guest.
const startDelay = 30

// startup reads the tier. Without one the order is 256 - VMID, as it always was; where
// that is not positive none is set.
func (b *builder) startup(o *object, vmid int) Startup {
	if v := o.typed("startup", isText); v != nil {
		b.check(v, []rule{oneOf(tiers()...)})
		if i := slices.Index(tiers(), v.text); i >= 0 {
			o.set("startup", v, v.text)
			return Startup{Tier: v.text, Order: i + 1, Up: startDelay}
		}
		return Startup{}
	}
	order := 256 - vmid
	if vmid == 0 || order <= 0 {
		return Startup{}
	}
	b.record(below(o.v.path, "startup"), fmt.Sprintf("order=%d,up=%d", order, startDelay), "derived from vm_id")
	return Startup{Order: order, Up: startDelay}
}
