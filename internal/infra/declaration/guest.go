package declaration

import (
	"fmt"
	"slices"

	"syslog-gateway/internal/infra/declaration/reader"
)

// The VMIDs that Proxmox VE takes.
const (
	minVMID = 100
	maxVMID = 999999999
)

// maxDescription is the limit of Proxmox VE for the description of a guest, in bytes.
const maxDescription = 8192

// kindDefaults is what containers and VMs have in common but read by other keys or with
// other defaults.
type kindDefaults struct {
	kind        Kind
	nameKey     string
	description string // before name and environment
	tags        []string
	cores       int
	memory      int // MiB
	minMemory   int // MiB
}

// guests reads what containers and VMs have in common. It needs what was read before:
// defaults, SSH and pools of the estate, and the network.
type guests struct {
	report    *reader.Report
	claims    *claims
	addresses *addresses
	accounts  accounts
	rules     *ownRules
	estate    *Estate
}

// guest reads what containers and VMs have in common, but for the interfaces.
func (b guests) guest(en reader.Entry, d kindDefaults) Guest {
	o := en.Object
	g := Guest{Key: en.Key, Kind: d.kind}
	g.VMID = o.NeedWhole("vm_id", minVMID, maxVMID)
	b.claims.vmid(g.VMID, o.Place("vm_id"))
	g.Name = o.NeedText(d.nameKey, nameRule)
	g.Description = o.Text("description", fmt.Sprintf("%s %s - %s", d.description, g.Name, b.estate.Environment), atMost(maxDescription))
	g.Tags = b.tags(o, d.tags)
	g.Pool = b.pool(o, "pool_id")
	g.Cores = o.Whole("cpu_cores", d.cores, 1, 32)
	g.Memory = o.Whole("memory_dedicated", d.memory, d.minMemory, 65536)
	b.placement(o, &g)
	g.Startup = b.startup(o, g.VMID)
	b.identity(o, &g, d.nameKey)
	b.classify(o, &g)
	b.rules.guest(o, &g)
	return g
}

// placement reads the fields that were not known to the modules this replaces.
func (b guests) placement(o *reader.Object, g *Guest) {
	g.Node = o.Text("node", b.estate.Node, nameRule)
	g.Address = b.addresses.read(o, g.VMID)
	g.Nameservers = b.addresses.nameservers(o)
	g.Domain = b.estate.Domain
}

// identity claims what else may be there once. A map key is a host of the inventory, so it
// is one over all maps.
func (b guests) identity(o *reader.Object, g *Guest, nameKey string) {
	if g.Name != "" {
		b.claims.unique("the name", g.Name, o.Place(nameKey))
	}
	b.claims.unique("the key", g.Key, o.Value)
}

func (b guests) tags(o *reader.Object, def []string) []string {
	tags := o.Texts("tags", def, tagRule)
	for i, t := range tags {
		if v := o.Place("tags"); slices.Contains(tags[:i], t) && i < len(v.Items) {
			b.report.Problem(v, fmt.Sprintf("has the tag %s twice", v.Items[i].Shown()), "remove one")
		}
	}
	if b.estate.Environment != "" && !slices.Contains(tags, b.estate.Environment) {
		tags = append(tags, b.estate.Environment)
	}
	return tags
}

// pool checks that the pool is declared; "" is none.
func (b guests) pool(o *reader.Object, key string) string {
	id := o.Text(key, "")
	if id == "" || slices.ContainsFunc(b.estate.Pools, func(p Pool) bool { return p.ID == id }) {
		return id
	}
	known := make([]string, len(b.estate.Pools))
	for i, p := range b.estate.Pools {
		known[i] = p.ID
	}
	fix := "declare it under pools"
	if len(known) > 0 {
		fix += "; " + reader.DidYouMean(id, known)
	}
	b.report.Problem(o.Place(key), o.Place(key).Shown()+" is not a declared pool", fix)
	return id
}

// classify resolves the firewall class. Two classes would fight over one set of rules.
func (b guests) classify(o *reader.Object, g *Guest) {
	switch names := classesOf(g.Kind, g.Tags); len(names) {
	case 0:
	case 1:
		g.Class = names[0]
		b.addresses.reachable(o, g, g.Address.CIDR)
		b.report.Record(reader.Below(o.Value.Path, "firewall_class"), fmt.Sprintf("%q", g.Class), "derived from tags")
	default:
		b.report.Problem(o.Place("tags"), fmt.Sprintf("the tags put the guest into the firewall classes %s and %s", names[0], names[1]), "a guest has one: drop the tags of the other")
	}
}

// tiers are the steps in which an estate boots: what others depend on comes first.
func tiers() []string { return []string{"dns", "storage", "db", "lb", "edge", "app"} }

// startDelay is how many seconds the node waits before it starts the next guest.
const startDelay = 30

// startup reads the tier. Without one the order is 256 - VMID, as it always was; where
// that is not positive none is set.
func (b guests) startup(o *reader.Object, vmid int) Startup {
	if o.Typed("startup", reader.KindText) != nil {
		tier := o.Word("startup", "", tiers()...)
		if i := slices.Index(tiers(), tier); i >= 0 {
			return Startup{Tier: tier, Order: i + 1, Up: startDelay}
		}
		return Startup{}
	}
	order := 256 - vmid
	if vmid == 0 || order <= 0 {
		return Startup{}
	}
	b.report.Record(reader.Below(o.Value.Path, "startup"), fmt.Sprintf("order=%d,up=%d", order, startDelay), "derived from vm_id")
	return Startup{Order: order, Up: startDelay}
}

// bootFlag reads on_boot, and start_on_boot, the older name for containers.
func (b guests) bootFlag(o *reader.Object, g *Guest) {
	g.OnBoot = true
	older := o.Typed("start_on_boot", reader.KindFlag)
	if older != nil {
		g.OnBoot = older.Text == "true"
	}
	if v := o.Typed("on_boot", reader.KindFlag); v != nil {
		if older != nil && older.Text != v.Text {
			b.report.Problem(v, "differs from start_on_boot", "keep one of them: they mean the same")
		}
		older = v
		g.OnBoot = v.Text == "true"
	}
	o.Set("on_boot", older, g.OnBoot)
}

// protect reads whether Proxmox VE is to refuse removal.
//
// Decision: guests with volumes besides the root disk are protected unless the
// declaration says otherwise; the default was false for all.
func (b guests) protect(o *reader.Object, g *Guest, data bool) {
	g.Protection = o.Flag("protection", data)
	g.ProtectionDeclared = o.Get("protection") != nil
}

// fixedSplunk makes sure that firewall rules can name a Splunk host.
func (b guests) fixedSplunk(o *reader.Object, g *Guest) {
	if g.Address.None {
		b.report.Problem(o.Place("ip"), "is none, and firewall rules name Splunk hosts by their IPv4 address", "give it one")
	}
	if g.Address.DHCP {
		b.report.Problem(o.Place("dhcp"), "is true, and firewall rules name Splunk hosts by address", "give it a fixed one")
	}
}

// nics reads the network interfaces of guests.
type nics struct {
	report *reader.Report
	claims *claims // optional
}

// maxNICs is Proxmox VE's limit: net0 to net31 (API, create_vm of lxc and qemu).
const maxNICs = 32

// read reads the NICs. Only the first one gets the guest's address.
func (b nics) read(o *reader.Object, g *Guest, firewalled bool) []NIC {
	var nics []NIC
	list := o.Objects("network_interfaces")
	declared := o.Get("network_interfaces")
	if declared == nil {
		list = []*reader.Object{b.report.Object(&reader.Value{Kind: reader.KindObject, Path: reader.Below(o.Value.Path, "network_interfaces") + "[0]", File: o.Value.File, Line: o.Value.Line})}
	} else if len(list) == 0 && declared.Kind == reader.KindList {
		b.report.Problem(declared, "is empty", "a guest needs an interface for its address; leave the key out for one on vmbr0")
	}
	atMostItems(b.report, o, "network_interfaces", maxNICs)
	for i, n := range list {
		nics = append(nics, b.nic(n, g.Kind, i, firewalled))
		n.End()
	}
	b.uniqueNames(list, nics, g.Kind)
	b.guestVLAN(o, list, nics)
	for i, nic := range nics {
		if g.Class != "" && !nic.Firewall {
			b.report.Problem(list[i].Place("firewall"), fmt.Sprintf("is false, so that the rules of the firewall class %s have no effect on this interface", g.Class),
				"set it to true, or drop the tags of the class")
		}
	}
	return nics
}

func (b nics) nic(n *reader.Object, k Kind, index int, firewalled bool) NIC {
	nic := NIC{Bridge: n.Text("bridge", "vmbr0", bridgeRule)}
	if k == LXC {
		nic.Name = n.Text("name", fmt.Sprintf("eth%d", index), pattern(bridgeName, "is not the name of an interface", "such as eth0"))
	} else {
		nic.Model = n.Word("model", "virtio", "virtio", "e1000", "e1000e", "rtl8139", "vmxnet3")
	}
	if v := n.Get("vlan_id"); v != nil {
		// Decision: for containers the key was dropped without a word; it works now.
		nic.VLAN = n.Whole("vlan_id", 0, 1, 4094)
	}
	nic.Firewall = n.Flag("firewall", firewalled)
	nic.MAC = b.mac(n)
	return nic
}

func (b nics) uniqueNames(list []*reader.Object, nics []NIC, k Kind) {
	if k != LXC {
		return
	}
	for i := range nics {
		for j := range i {
			if nics[i].Name == nics[j].Name {
				b.report.Problem(list[i].Place("name"), list[i].Place("name").Or(nics[i].Name)+" is the name of two interfaces", "every interface needs its own, such as eth1")
			}
		}
	}
}

// guestVLAN is the short form: the VLAN of the first interface.
func (b nics) guestVLAN(o *reader.Object, list []*reader.Object, nics []NIC) {
	if o.Get("vlan") == nil {
		return
	}
	vlan := o.Whole("vlan", 0, 1, 4094)
	if len(nics) == 0 {
		return
	}
	if nics[0].VLAN != 0 && nics[0].VLAN != vlan {
		b.report.Problem(o.Place("vlan"), "differs from "+list[0].Place("vlan_id").Path, "keep one of them")
	}
	nics[0].VLAN = vlan
}
