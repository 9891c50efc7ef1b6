package pvesim

import (
	"fmt"
	"strconv"
)

// clusterState is what belongs to the whole cluster.
type clusterState struct {
	firewall    *firewall
	options     config
	accounts    map[string]config
	plugins     map[string]config
	unreachable map[string]bool // hosts that downloads fail from
}

func newClusterState() *clusterState {
	return &clusterState{firewall: newFirewall(), options: config{"keyboard": "en-us"}, accounts: map[string]config{}, unreachable: map[string]bool{},
		plugins: map[string]config{"standalone": {"type": "standalone"}}}
}

func clusterRoutes() []*route {
	return []*route{
		{method: "GET", path: "/cluster/resources", params: "type str enum=vm|storage|node|sdn", handle: resources},
		{method: "GET", path: "/cluster/status", check: need("/", "Sys.Audit"), handle: clusterStatus},
		{method: "GET", path: "/cluster/nextid", params: "vmid int 100..999999999", handle: nextID},
		{method: "GET", path: "/cluster/options", handle: func(c *call) (any, error) { return c.cluster.options, nil }},
		{method: "GET", path: "/nodes", handle: listNodes},
	}
}

func nextID(c *call) (any, error) {
	if c.has("vmid") {
		if c.guests[c.vmid()] != nil {
			return nil, badParam("vmid", "VM %d already exists", c.vmid())
		}
		return c.str("vmid"), nil
	}
	id := 100
	for c.guests[id] != nil {
		id++
	}
	return strconv.Itoa(id), nil
}

func clusterStatus(c *call) (any, error) {
	out := []map[string]any{}
	if len(c.opt.Nodes) > 1 {
		out = append(out, map[string]any{"type": "cluster", "id": "cluster", "name": "pvesim", "nodes": len(c.opt.Nodes), "quorate": 1, "version": len(c.opt.Nodes)})
	}
	for i, name := range c.opt.Nodes {
		e := map[string]any{"type": "node", "id": "node/" + name, "name": name, "nodeid": i + 1, "ip": fmt.Sprintf("192.168.0.%d", 10+i), "level": "", "local": 0, "online": 0}
		if i == 0 {
			e["local"] = 1
		}
		if c.nodes[name].online {
			e["online"] = 1
		}
		out = append(out, e)
	}
	return out, nil
}

func listNodes(c *call) (any, error) {
	out := []map[string]any{}
	for _, name := range c.opt.Nodes {
		out = append(out, c.nodeResource(name))
	}
	return out, nil
}

func (s *Sim) nodeResource(name string) map[string]any {
	n := s.nodes[name]
	e := map[string]any{"type": "node", "id": "node/" + name, "node": name, "status": "online", "level": "", "maxcpu": 16, "cpu": 0.02,
		"maxmem": int64(64) << 30, "mem": int64(8) << 30, "maxdisk": int64(100) << 30, "disk": int64(10) << 30, "uptime": int64(s.opt.Now().Sub(s.start).Seconds()) + 3600}
	if !n.online {
		return map[string]any{"type": "node", "id": "node/" + name, "node": name, "status": "offline", "level": ""}
	}
	return e
}

func resources(c *call) (any, error) {
	out := []map[string]any{}
	kind := c.str("type")
	if kind == "" || kind == "vm" {
		for _, g := range c.sortedGuests() {
			if c.user.can(c.Sim, "/vms/"+strconv.Itoa(g.vmid), "VM.Audit") {
				out = append(out, c.resource(g))
			}
		}
	}
	if kind == "" || kind == "node" {
		for _, name := range c.opt.Nodes {
			out = append(out, c.nodeResource(name))
		}
	}
	if kind == "" || kind == "storage" {
		for _, id := range sortedKeys(c.storages) {
			for _, name := range c.opt.Nodes {
				if st := c.storages[id]; st.on(name) && c.visible(id) {
					out = append(out, c.storageResource(st, name))
				}
			}
		}
	}
	if kind == "" {
		for _, id := range sortedKeys(c.pools) {
			if c.user.can(c.Sim, "/pool/"+id, "Pool.Audit") {
				out = append(out, map[string]any{"type": "pool", "id": "/pool/" + id, "pool": id})
			}
		}
	}
	if kind == "" || kind == "sdn" {
		for _, name := range c.opt.Nodes {
			out = append(out, map[string]any{"type": "sdn", "id": "sdn/" + name + "/localnetwork", "node": name, "sdn": "localnetwork", "status": "ok"})
		}
	}
	return out, nil
}

// resource is a guest in cluster/resources: where it is, its pool, tags and lock come
// from the cluster file system and are current, the rest is what pvestatd sent last.
func (s *Sim) resource(g *guest) map[string]any {
	e := map[string]any{"id": g.kind + "/" + strconv.Itoa(g.vmid), "type": g.kind, "vmid": g.vmid, "node": g.node, "status": "unknown", "template": 0}
	if p := s.poolOf(g.vmid); p != nil {
		e["pool"] = p.id
	}
	for _, k := range []string{"tags", "lock"} {
		if v := g.config[k]; v != "" {
			e[k] = v
		}
	}
	if !s.nodes[g.node].online {
		return e
	}
	if st, ok := s.lagging(g); ok {
		e["name"], e["status"], e["maxcpu"], e["maxmem"], e["maxdisk"], e["uptime"] = st.name, st.status, st.cpus, st.memory, st.disk, st.uptime
		e["cpu"], e["mem"], e["disk"], e["netin"], e["netout"], e["diskread"], e["diskwrite"] = 0, 0, 0, 0, 0, 0, 0
		e["template"] = atoi(st.template)
	}
	return e
}

// lagging is the last measurement of pvestatd. A guest younger than the lag has none.
func (s *Sim) lagging(g *guest) (stat, bool) {
	if s.opt.ResourceLag == 0 {
		return s.stat(g), true
	}
	if g.seen == nil {
		return stat{}, false
	}
	return *g.seen, true
}

// poll measures all guests once in a ResourceLag, as pvestatd does.
func (s *Sim) poll() {
	if s.opt.ResourceLag == 0 {
		return
	}
	round := int64(s.opt.Now().Sub(s.start) / s.opt.ResourceLag)
	if round == s.polled {
		return
	}
	s.polled = round
	for _, g := range s.guests {
		st := s.stat(g)
		g.seen = &st
	}
}

func (s *Sim) storageResource(st *storage, node string) map[string]any {
	usage := st.usage()
	e := map[string]any{"type": "storage", "id": "storage/" + node + "/" + st.ID, "storage": st.ID, "node": node, "plugintype": st.Type,
		"content": usage["content"], "shared": usage["shared"], "status": "available", "disk": st.used(), "maxdisk": st.Total}
	if st.Offline || !s.nodes[node].online {
		e["status"] = "unknown"
		delete(e, "disk")
		delete(e, "maxdisk")
	}
	return e
}
