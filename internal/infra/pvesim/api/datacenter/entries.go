package datacenter

import (
	"maps"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/store"
)

func nodeEntry(c *store.Cluster, name string) map[string]any {
	e := map[string]any{"type": "node", "id": "node/" + name, "node": name, "status": "offline", "level": ""}
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
