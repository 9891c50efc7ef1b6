package datacenter

import (
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/task"
)

// interfaces are the network interfaces of nodes. A change waits for a reload, and can be
// taken back until then.
type interfaces struct{}

func (a interfaces) routes() []*api.Route {
	at, on := "/nodes/{node}/network", []string{"node"}
	all := []string{"node", "interface"}
	modify := api.Need("/nodes/{node}", "Sys.Modify")
	one := at + "/{iface}"
	return []*api.Route{
		{Method: "GET", Path: at, Groups: on, Handle: a.list,
			Params: "type str enum=bridge|bond|eth|alias|vlan|fabric|OVSBridge|OVSBond|OVSPort|OVSIntPort|vnet|any_bridge|any_local_bridge|include_sdn"},
		{Method: "POST", Path: at, Groups: all, Check: modify, Handle: a.create},
		{Method: "PUT", Path: at, Groups: on, Params: "regenerate-frr bool", Check: modify, Handle: a.reload},
		{Method: "DELETE", Path: at, Groups: on, Check: modify, Handle: a.revert},
		{Method: "GET", Path: one, Groups: on, Params: "iface! iface len=2..20", Check: api.Need("/nodes/{node}", "Sys.Audit"), Handle: api.On(a.find, func(c *api.Call, i int) (any, error) {
			return c.Node.Networks[i], nil
		})},
		{Method: "PUT", Path: one, Groups: all, Params: "delete configids", Check: modify, Handle: api.On(a.find, a.update)},
		{Method: "DELETE", Path: one, Groups: on, Params: "iface! iface len=2..20", Check: modify, Handle: api.On(a.find, func(c *api.Call, i int) (any, error) {
			a.keep(c)
			c.Node.Networks = slices.Delete(c.Node.Networks, i, i+1)
			return nil, nil
		})},
	}
}

func (a interfaces) list(c *api.Call) (any, error) {
	out := []map[string]any{}
	for _, n := range c.Node.Networks {
		kind, _ := n["type"].(string)
		bridge := kind == "bridge" || kind == "OVSBridge"
		switch want := c.Str("type"); {
		case want == "" || want == kind || want == "include_sdn":
			out = append(out, n)
		case strings.HasPrefix(want, "any_") && bridge:
			out = append(out, n)
		}
	}
	return out, nil
}

// index is where the interface of the call is, or -1.
func (a interfaces) index(c *api.Call) int {
	return slices.IndexFunc(c.Node.Networks, func(n map[string]any) bool { return n["iface"] == c.Str("iface") })
}

func (a interfaces) find(c *api.Call) (int, error) {
	if i := a.index(c); i >= 0 {
		return i, nil
	}
	return 0, refusal.BadParam("iface", "interface does not exist")
}

// keep remembers what runs, before the first change.
func (a interfaces) keep(c *api.Call) {
	if c.Node.Running == nil {
		c.Node.Running = slices.Clone(c.Node.Networks)
	}
}

func (a interfaces) create(c *api.Call) (any, error) {
	if a.index(c) >= 0 {
		return nil, refusal.BadParam("iface", "interface already exists")
	}
	n, err := a.entry(c, map[string]any{"priority": len(c.Node.Networks) + 3})
	if err != nil {
		return nil, err
	}
	a.keep(c)
	c.Node.Networks = append(slices.Clone(c.Node.Networks), n)
	return nil, nil
}

func (a interfaces) update(c *api.Call, i int) (any, error) {
	old := maps.Clone(c.Node.Networks[i])
	if old["type"] != c.Str("type") {
		return nil, refusal.Fail("unable to change type of interface '%s'", c.Str("iface"))
	}
	for _, k := range schema.SplitList(c.Str("delete")) {
		delete(old, k)
		switch k {
		case "cidr":
			delete(old, "address")
			delete(old, "netmask")
		case "cidr6":
			delete(old, "address6")
			delete(old, "netmask6")
		}
	}
	n, err := a.entry(c, old)
	if err != nil {
		return nil, err
	}
	a.keep(c)
	c.Node.Networks = slices.Clone(c.Node.Networks)
	c.Node.Networks[i] = n
	return nil, nil
}

// taggedName is an interface with the number of its VLAN in its name.
var taggedName = regexp.MustCompile(`^(.+)\.(\d+)$`)

// entry puts the settings of a call into an interface and adds what follows from them
// (INotify.pm).
func (a interfaces) entry(c *api.Call, n map[string]any) (map[string]any, error) {
	for k, v := range c.Params {
		switch k {
		case "node", "delete":
		case "autostart", "bridge_vlan_aware":
			if n[k] = 1; v == "0" {
				delete(n, k)
			}
		case "comments", "comments6":
			n[k] = strings.TrimSuffix(v, "\n") + "\n"
		default:
			n[k] = v
		}
	}
	for _, suffix := range []string{"", "6"} {
		if prefix, err := netip.ParsePrefix(c.Str("cidr" + suffix)); err == nil {
			n["address"+suffix], n["netmask"+suffix] = prefix.Addr().String(), strconv.Itoa(prefix.Bits())
		}
		n["method"+suffix] = "manual"
		if n["address"+suffix] != nil {
			n["method"+suffix] = "static"
		}
	}
	families := []string{"inet"}
	if n["address6"] != nil {
		families = append(families, "inet6")
	}
	n["families"] = families
	if g, ok := n["gateway"]; ok {
		for _, other := range c.Node.Networks {
			if other["iface"] != n["iface"] && other["gateway"] != nil {
				return nil, refusal.BadParam("gateway", "Default gateway already exists on interface '%s'.", other["iface"])
			}
		}
		if n["address"] == nil {
			return nil, refusal.BadParam("address", "gateway %s requires an address", g)
		}
	}
	return n, a.complete(n)
}

// complete adds what an interface of its type has.
func (a interfaces) complete(n map[string]any) error {
	set := func(k, v string) {
		if n[k] == nil {
			n[k] = v
		}
	}
	switch n["type"] {
	case "bridge":
		set("bridge_ports", "")
		set("bridge_stp", "off")
		set("bridge_fd", "0")
		if n["bridge_vlan_aware"] != nil {
			set("bridge_vids", "2-4094")
		}
	case "bond":
		set("bond_mode", "balance-rr")
	case "vlan":
		name, _ := n["iface"].(string)
		if m := taggedName.FindStringSubmatch(name); m != nil {
			set("vlan-raw-device", m[1])
			set("vlan-id", m[2])
		}
		if n["vlan-raw-device"] == nil || n["vlan-id"] == nil {
			return refusal.BadParam("vlan-raw-device", "vlan-raw-device and vlan-id are needed for '%s'", name)
		}
	}
	return nil
}

// reload makes what is configured run.
func (a interfaces) reload(c *api.Call) (any, error) {
	node := c.Node
	return c.Start("srvreload", "networking", func(*task.Task) error {
		for i, n := range node.Networks {
			n = maps.Clone(n)
			n["active"] = 1
			node.Networks[i] = n
		}
		node.Running = nil
		return nil
	}).UPID, nil
}

func (a interfaces) revert(c *api.Call) (any, error) {
	if c.Node.Running != nil {
		c.Node.Networks, c.Node.Running = c.Node.Running, nil
	}
	return nil, nil
}
