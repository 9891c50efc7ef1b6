package datacenter

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
)

// resources are the cluster as a whole: what it consists of and how that is.
type resources struct{ cluster *store.Cluster }

func (a resources) routes() []*api.Route {
	return []*api.Route{
		{Method: "GET", Path: "/cluster/resources", Params: "type str enum=vm|storage|node|sdn", Handle: a.list},
		{Method: "GET", Path: "/cluster/status", Check: api.Need("/", "Sys.Audit"), Handle: a.status},
		{Method: "GET", Path: "/cluster/nextid", Params: "vmid int 100..999999999", Handle: a.nextID},
		{Method: "GET", Path: "/cluster/options", Handle: a.options},
		{Method: "PUT", Path: "/cluster/options", Groups: []string{"options"}, Check: api.Need("/", "Sys.Modify"), Handle: a.setOptions},
		{Method: "GET", Path: "/nodes", Handle: a.nodes},
	}
}

// options are the settings of the datacenter, property strings as objects. Only the limits of
// bandwidth stay text.
func (a resources) options(*api.Call) (any, error) {
	out, t := map[string]any{}, a.cluster.Tables
	for k, v := range a.cluster.Settings {
		switch {
		case k == "registered-tags":
			out[k] = schema.SplitList(v)
		case t.IsProps("options", k) && k != "bwlimit":
			o := t.Object("options", k, v)
			if list, ok := o["user-allow-list"].(string); ok {
				o["user-allow-list"] = schema.SplitList(list)
			}
			out[k] = o
		default:
			out[k] = t.Shown("options", k, v)
		}
	}
	return out, nil
}

func (a resources) setOptions(c *api.Call) (any, error) {
	for _, k := range schema.SplitList(c.Str("delete")) {
		delete(a.cluster.Settings, k)
	}
	for k, v := range c.Params {
		if k != "delete" {
			a.cluster.Settings[k] = v
		}
	}
	return nil, nil
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

func nodeEntry(c *store.Cluster, name string) map[string]any {
	e := map[string]any{"type": "node", "id": "node/" + name, "node": name, "status": "offline", "level": "", "ssl_fingerprint": fingerprint(sha256.Sum256([]byte(name)))}
	if c.Nodes.Get(name).Online {
		maps.Copy(e, map[string]any{"status": "online", "maxcpu": 16, "cpu": 0.02, "maxmem": int64(64) << 30, "mem": int64(8) << 30,
			"maxdisk": int64(100) << 30, "disk": int64(10) << 30, "uptime": uptime(c)})
	}
	return e
}

// uptime is how long a node has been up, in seconds.
func uptime(c *store.Cluster) int64 { return int64(c.Now().Sub(c.Start).Seconds()) + 3600 }

// guestEntry is a guest in cluster/resources: where it is, its pool, tags and lock come
// from the cluster file system and are current, the rest is what pvestatd sent last.
func guestEntry(c *store.Cluster, g *store.Guest) map[string]any {
	e := map[string]any{"id": g.Kind + "/" + strconv.Itoa(g.VMID), "type": g.Kind, "vmid": g.VMID, "node": g.Node, "status": "unknown", "template": 0}
	if p := c.Pools.Of(g.VMID); p != nil {
		e["pool"] = p.ID
	}
	for _, k := range []string{"tags", "lock"} {
		if v := g.Config[k]; v != "" {
			e[k] = v
		}
	}
	if !c.Nodes.Get(g.Node).Online {
		return e
	}
	if st, ok := c.Monitor.Last(g); ok {
		e["name"], e["status"], e["maxcpu"], e["maxmem"], e["maxdisk"], e["uptime"] = st.Name, st.Status, st.CPUs, st.Memory, st.Disk, st.Uptime
		e["cpu"], e["mem"], e["disk"], e["netin"], e["netout"], e["diskread"], e["diskwrite"] = 0, 0, 0, 0, 0, 0, 0
		e["template"] = conf.Int(st.Template)
	}
	return e
}

func storageEntry(c *store.Cluster, st *store.Datastore, node string) map[string]any {
	u := usage(st)
	e := map[string]any{"type": "storage", "id": "storage/" + node + "/" + st.ID, "storage": st.ID, "node": node, "plugintype": st.Type,
		"content": u["content"], "shared": u["shared"], "status": "available", "disk": st.Used(), "maxdisk": st.Total}
	if st.Offline || !c.Nodes.Get(node).Online {
		e["status"] = "unknown"
		delete(e, "disk")
		delete(e, "maxdisk")
	}
	return e
}

// usage is a datastore as status and lists show it.
func usage(st *store.Datastore) map[string]any {
	out := map[string]any{"type": st.Type, "content": strings.Join(st.Content, ","), "enabled": 1, "shared": 0, "active": 1, "total": st.Total, "used": st.Used(), "avail": st.Total - st.Used()}
	if st.Shared {
		out["shared"] = 1
	}
	if st.Offline {
		out["active"], out["total"], out["used"], out["avail"] = 0, 0, 0, 0
	}
	return out
}
