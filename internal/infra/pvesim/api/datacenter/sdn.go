package datacenter

import (
	"maps"
	"net/netip"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// sdn is the software-defined network: zones, virtual networks and their subnets. What was
// changed runs when it is applied.
type sdn struct{ cluster *store.Cluster }

const (
	sdnZones   = "sdn zones"
	sdnVNets   = "sdn vnets"
	sdnSubnets = "sdn subnets"
	running    = "running " // before the name of a section: what runs
)

func (a sdn) sections() []section {
	both, lock := "pending bool\nrunning bool", "lock-token str"
	rights := func(find func(*api.Call, string) string) func(*api.Call, string) string {
		return ofEach(func(c *api.Call, id string) string { return "/sdn/zones/" + find(c, id) })
	}
	net := func(vnet string) string { return a.cluster.Sections.Of(sdnVNets)[vnet]["zone"] + "/" + vnet }
	common := section{cluster: a.cluster, read: both, remove: lock, see: []string{"SDN.Audit", "SDN.Allocate"}, modify: "SDN.Allocate"}

	zones := common
	zones.name, zones.path, zones.key, zones.group = sdnZones, "/cluster/sdn/zones", "zone! sdnid", "sdnzone"
	zones.list, zones.create = "type str enum=evpn|faucet|qinq|simple|vlan|vxlan", "type! configid enum=evpn|faucet|qinq|simple|vlan|vxlan"
	zones.taken, zones.missing = "sdn zone object ID '%s' already defined", "sdn zone '%s' does not exist"
	zones.rights, zones.show = rights(func(_ *api.Call, id string) string { return id }), a.shows(sdnZones, "sdnzone")
	zones.view = a.view(sdnZones)
	zones.complete, zones.free = a.zone, a.unused(sdnVNets, "zone", "sdn zone '%s' is used by vnet '%s'")

	vnets := common
	vnets.name, vnets.path, vnets.key, vnets.group = sdnVNets, "/cluster/sdn/vnets", "vnet! sdnid", "sdnvnet"
	vnets.create, vnets.change = "type str enum=vnet\nzone! str", "zone str"
	vnets.taken, vnets.missing = "sdn vnet object ID '%s' already defined", "sdn vnet '%s' does not exist"
	vnets.rights, vnets.show = rights(func(_ *api.Call, id string) string { return net(id) }), a.shows(sdnVNets, "sdnvnet")
	vnets.view = a.view(sdnVNets)
	vnets.complete, vnets.free = a.vnet, a.unused(sdnSubnets, "vnet", "can't delete vnet '%s': subnet '%s' exists")

	subnets := common
	subnets.name, subnets.path, subnets.key, subnets.group = sdnSubnets, "/cluster/sdn/vnets/{vnet}/subnets", "subnet! str", "sdnsubnet"
	subnets.create, subnets.change = "type! str enum=subnet", "vnet str"
	subnets.taken, subnets.missing = "sdn subnet object ID '%s' already defined", "sdn subnet '%s' does not exist"
	subnets.rights = rights(func(c *api.Call, _ string) string { return net(c.Str("vnet")) })
	subnets.within = func(c *api.Call, o conf.File) bool { return o["vnet"] == c.Str("vnet") }
	subnets.id, subnets.complete, subnets.show = a.subnetID, a.subnet, a.shows(sdnSubnets, "sdnsubnet")
	subnets.view = a.view(sdnSubnets)
	return []section{zones, vnets, subnets}
}

func (a sdn) routes() []*api.Route {
	out := []*api.Route{
		{Method: "GET", Path: "/cluster/sdn", Check: api.Need("/sdn", "SDN.Audit"), Handle: func(*api.Call) (any, error) {
			return []map[string]any{{"id": "vnets"}, {"id": "zones"}}, nil
		}},
		{Method: "PUT", Path: "/cluster/sdn", Params: "lock-token str\nrelease-lock bool", Check: api.Need("/sdn", "SDN.Allocate"), Handle: a.apply},
	}
	for _, s := range a.sections() {
		out = append(out, s.routes()...)
	}
	return out
}

// apply makes what is configured run.
func (a sdn) apply(c *api.Call) (any, error) {
	c.Node = a.cluster.Nodes.First()
	return c.Start("reloadnetworkall", "", func(*task.Task) error {
		for _, name := range []string{sdnZones, sdnVNets, sdnSubnets} {
			runs := a.cluster.Sections.Of(running + name)
			clear(runs)
			for id, o := range a.cluster.Sections.Of(name) {
				runs[id] = maps.Clone(o)
			}
		}
		return nil
	}).UPID, nil
}

// ranges are the addresses that DHCP gives away, as objects.
func (a sdn) ranges(texts []string) []map[string]string {
	out := []map[string]string{}
	for _, text := range texts {
		values, _ := a.cluster.Tables.ParseProps("dhcprange", "dhcp-range", text)
		out = append(out, values)
	}
	return out
}

// view are the objects that run, those that are configured, or both.
func (a sdn) view(name string) func(*api.Call) map[string]conf.File {
	return func(c *api.Call) map[string]conf.File {
		runs, configured := a.cluster.Sections.Of(running+name), a.cluster.Sections.Of(name)
		switch {
		case c.Bool("running"):
			return runs
		case c.Bool("pending"):
			both := maps.Clone(runs)
			maps.Copy(both, configured)
			return both
		}
		return configured
	}
}

// shows adds what differs between the configuration and what runs, as Network/SDN.pm
// pending_config does.
func (a sdn) shows(name, group string) func(*api.Call, string, map[string]any) {
	return func(c *api.Call, id string, out map[string]any) {
		if v, ok := out["dhcp-range"].([]string); ok {
			out["dhcp-range"] = a.ranges(v)
		}
		if !c.Bool("pending") {
			return
		}
		runs, configured := a.cluster.Sections.Of(running + name)[id], a.cluster.Sections.Of(name)[id]
		if configured == nil {
			out["state"], out["pending"] = "deleted", map[string]any{}
			return
		}
		pending := map[string]any{}
		for k, v := range configured {
			if k != "type" && k != "vnet" && runs[k] != v {
				pending[k] = out[k]
				delete(out, k)
			}
		}
		for k, v := range runs {
			if out[k] = a.cluster.Tables.Shown(group, k, v); k == "dhcp-range" {
				out[k] = a.ranges(schema.Elements(v))
			}
			if _, ok := configured[k]; !ok {
				pending[k] = "deleted"
			}
		}
		switch {
		case runs == nil:
			out["state"], out["pending"] = "new", pending
		case len(pending) > 0:
			out["state"], out["pending"] = "changed", pending
		}
	}
}

// unused refuses to remove what another object names by a key.
func (a sdn) unused(by, key, text string) func(string) error {
	return func(id string) error {
		for other, o := range a.cluster.Sections.Of(by) {
			if o[key] == id {
				return refusal.Fail(text, id, other)
			}
		}
		return nil
	}
}

// zone checks what a zone of its type has to have.
func (a sdn) zone(_ *api.Call, _ string, o conf.File) error {
	needed := map[string][]string{"vlan": {"bridge"}, "qinq": {"bridge", "tag"}, "vxlan": {"peers"}, "evpn": {"controller", "vrf-vxlan"}}
	for _, k := range needed[o["type"]] {
		if o[k] == "" && !(k == "peers" && o["fabric"] != "") {
			return refusal.BadParam(k, schema.MissingParam)
		}
	}
	return nil
}

func (a sdn) vnet(_ *api.Call, _ string, o conf.File) error {
	zone := a.cluster.Sections.Of(sdnZones)[o["zone"]]
	switch {
	case zone == nil:
		return refusal.Fail("sdn zone '%s' does not exist", o["zone"])
	case zone["type"] == "simple" && o["tag"] != "":
		return refusal.BadParam("tag", "vlan tag is not allowed on simple zone")
	case zone["type"] != "simple" && o["tag"] == "":
		return refusal.BadParam("tag", "missing vlan tag")
	}
	o["type"] = "vnet"
	return nil
}

// subnetID is the zone and the network, such as lab-10.98.0.0-24.
func (a sdn) subnetID(c *api.Call) string {
	return a.cluster.Sections.Of(sdnVNets)[c.Str("vnet")]["zone"] + "-" + strings.ReplaceAll(c.Str("subnet"), "/", "-")
}

func (a sdn) subnet(c *api.Call, id string, o conf.File) error {
	zone := a.cluster.Sections.Of(sdnVNets)[c.Str("vnet")]["zone"]
	if zone == "" {
		return refusal.Fail("sdn vnet '%s' does not exist", c.Str("vnet"))
	}
	cidr := strings.Replace(strings.TrimPrefix(id, zone+"-"), "-", "/", 1)
	network, err := netip.ParsePrefix(cidr)
	if err != nil {
		return refusal.BadParam("subnet", "invalid format - value '%s' is no CIDR network\n", cidr)
	}
	if gateway, err := netip.ParseAddr(o["gateway"]); err == nil && !network.Contains(gateway) {
		return refusal.BadParam("gateway", "gateway %s is not in subnet %s", gateway, network)
	}
	for k, v := range map[string]string{"type": "subnet", "zone": zone, "vnet": c.Str("vnet"), "cidr": cidr, "network": network.Addr().String(), "mask": strconv.Itoa(network.Bits())} {
		o[k] = v
	}
	return nil
}
