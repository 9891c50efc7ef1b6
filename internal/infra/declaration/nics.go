package declaration

import (
	"fmt"

	"syslog-gateway/internal/infra/declaration/reader"
)

// nics reads the network interfaces of guests.
type nics struct{ report *reader.Report }

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
		nic.Model = n.Text("model", "virtio", oneOf("virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"))
	}
	if v := n.Get("vlan_id"); v != nil {
		// Decision: for containers the key was dropped without a word; it works now.
		nic.VLAN = n.Whole("vlan_id", 0, 1, 4094)
	}
	nic.Firewall = n.Flag("firewall", firewalled)
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
