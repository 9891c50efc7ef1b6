package datacenter

import (
	"fmt"
	"strconv"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
)

// resources are the cluster as a whole: what it consists of and how that is.
type resources struct{ cluster *store.Cluster }

func (a resources) routes() []*api.Route {
	return []*api.Route{
		{Method: "GET", Path: "/cluster/resources", Params: "type str enum=vm|storage|node|sdn", Handle: a.list},
		{Method: "GET", Path: "/cluster/status", Check: api.Need("/", "Sys.Audit"), Handle: a.status},
		{Method: "GET", Path: "/cluster/nextid", Params: "vmid int 100..999999999", Handle: a.nextID},
		{Method: "GET", Path: "/cluster/options", Handle: func(c *api.Call) (any, error) { return a.cluster.Settings, nil }},
		{Method: "GET", Path: "/nodes", Handle: a.nodes},
	}
}

func (a resources) nextID(c *api.Call) (any, error) {
	if c.Has("vmid") {
		if a.cluster.Guests.Get(c.VMID()) != nil {
			return nil, refusal.BadParam("vmid", "VM %d already exists", c.VMID())
		}
		return c.Str("vmid"), nil
	}
	return strconv.Itoa(a.cluster.Guests.NextFree()), nil
}

func (a resources) status(c *api.Call) (any, error) {
	out := []map[string]any{}
	if len(a.cluster.Nodes.Names()) > 1 {
		out = append(out, map[string]any{"type": "cluster", "id": "cluster", "name": "pvesim", "nodes": len(a.cluster.Nodes.Names()), "quorate": 1, "version": len(a.cluster.Nodes.Names())})
	}
	for i, name := range a.cluster.Nodes.Names() {
		e := map[string]any{"type": "node", "id": "node/" + name, "name": name, "nodeid": i + 1, "ip": fmt.Sprintf("192.168.0.%d", 10+i), "level": "", "local": 0, "online": 0}
		if i == 0 {
			e["local"] = 1
		}
		if a.cluster.Nodes.Get(name).Online {
			e["online"] = 1
		}
		out = append(out, e)
	}
	return out, nil
}

func (a resources) nodes(c *api.Call) (any, error) {
	out := []map[string]any{}
	for _, name := range a.cluster.Nodes.Names() {
		out = append(out, nodeEntry(a.cluster, name))
	}
	return out, nil
}

func (a resources) list(c *api.Call) (any, error) {
	out := []map[string]any{}
	kind := c.Str("type")
	if kind == "" || kind == "vm" {
		for _, g := range a.cluster.Guests.Sorted() {
			if c.User.Can("/vms/"+strconv.Itoa(g.VMID), "VM.Audit") {
				out = append(out, guestEntry(a.cluster, g))
			}
		}
	}
	if kind == "" || kind == "node" {
		for _, name := range a.cluster.Nodes.Names() {
			out = append(out, nodeEntry(a.cluster, name))
		}
	}
	if kind == "" || kind == "storage" {
		for _, id := range a.cluster.Datastores.IDs() {
			for _, name := range a.cluster.Nodes.Names() {
				if st := a.cluster.Datastores.Get(id); st.On(name) && visible(c, id) {
					out = append(out, storageEntry(a.cluster, st, name))
				}
			}
		}
	}
	if kind == "" {
		for _, id := range a.cluster.Pools.IDs() {
			if c.User.Can("/pool/"+id, "Pool.Audit") {
				out = append(out, map[string]any{"type": "pool", "id": "/pool/" + id, "pool": id})
			}
		}
	}
	if kind == "" || kind == "sdn" {
		for _, name := range a.cluster.Nodes.Names() {
			out = append(out, map[string]any{"type": "sdn", "id": "sdn/" + name + "/localnetwork", "node": name, "sdn": "localnetwork", "status": "ok"})
		}
	}
	return out, nil
}
