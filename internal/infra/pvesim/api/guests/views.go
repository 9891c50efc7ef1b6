package guests

import (
	"maps"
	"slices"
	"strconv"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/store"
)

// views are what is read of a guest.
type views struct{ guests }

func (a views) routes() []*api.Route {
	audit := api.Need("/vms/{vmid}", "VM.Audit")
	return []*api.Route{
		{Method: "GET", Path: a.path(), Groups: []string{"node"}, Params: a.pick("", "full bool"), Handle: a.list},
		{Method: "GET", Path: a.one(), Groups: groups(), Handle: a.on(a.index)},
		{Method: "GET", Path: a.one() + "/config", Groups: groups(), Params: "current bool\nsnapshot configid len=..40", Check: audit, Handle: a.on(a.config)},
		{Method: "GET", Path: a.one() + "/pending", Groups: groups(), Check: audit, Handle: a.on(a.pending)},
		{Method: "GET", Path: a.one() + "/rrddata", Groups: groups(), Params: "cf str enum=AVERAGE|MAX\ntimeframe! str enum=hour|day|week|month|year", Check: audit, Handle: a.on(func(*api.Call, *store.Guest) (any, error) {
			return []any{}, nil // nothing is measured over time
		})},
		{Method: "GET", Path: a.one() + "/status/current", Groups: groups(), Check: audit, Handle: a.on(a.current)},
	}
}

func (a views) index(*api.Call, *store.Guest) (any, error) {
	return []map[string]string{{"subdir": "config"}, {"subdir": "pending"}, {"subdir": "status"}, {"subdir": "firewall"}, {"subdir": "resize"}}, nil
}

func (a views) list(c *api.Call) (any, error) {
	out := []map[string]any{}
	for _, g := range a.cluster.Guests.Sorted() {
		if g.Kind == a.kind && g.Node == c.Node.Name && c.User.Can("/vms/"+strconv.Itoa(g.VMID), "VM.Audit") {
			out = append(out, a.status(g))
		}
	}
	return out, nil
}

func (a views) config(c *api.Call, g *store.Guest) (any, error) {
	if c.Has("snapshot") {
		s, err := g.Snapshot(c.Str("snapshot"))
		if err != nil {
			return nil, err
		}
		return a.shown(g, s.Config), nil
	}
	values := g.Effective()
	if c.Bool("current") {
		values = g.Config
	}
	out := a.shown(g, values)
	out["digest"] = g.Digest()
	if g.Parent != "" {
		out["parent"] = g.Parent
	}
	return out, nil
}

func (a guests) shown(g *store.Guest, values conf.File) map[string]any {
	out := map[string]any{}
	for k, v := range values {
		out[k] = g.Typed(a.cluster.Tables, k, v)
	}
	return out
}

func (a views) pending(_ *api.Call, g *store.Guest) (any, error) {
	out := []map[string]any{{"key": "digest", "value": g.Digest()}}
	for _, k := range slices.Sorted(maps.Keys(g.Config)) {
		entry := map[string]any{"key": k, "value": g.Typed(a.cluster.Tables, k, g.Config[k])}
		if v, ok := g.Pending[k]; ok {
			entry["pending"] = g.Typed(a.cluster.Tables, k, v)
		}
		if g.Deleted[k] {
			entry["delete"] = 1
		}
		out = append(out, entry)
	}
	for _, k := range slices.Sorted(maps.Keys(g.Pending)) {
		if _, ok := g.Config[k]; !ok {
			out = append(out, map[string]any{"key": k, "pending": g.Typed(a.cluster.Tables, k, g.Pending[k])})
		}
	}
	return out, nil
}

func (a views) current(_ *api.Call, g *store.Guest) (any, error) {
	out := a.status(g)
	out["ha"] = map[string]any{"managed": 0}
	if r := a.cluster.HA.Resources[store.SID(g)]; r != nil {
		out["ha"] = map[string]any{"managed": 1, "state": r["state"]}
	}
	if a.kind == "qemu" {
		out["qmpstatus"] = out["status"]
		if g.Paused {
			out["qmpstatus"] = "paused"
		}
		if g.HasAgent() {
			out["agent"] = 1
		}
	}
	return out, nil
}

// status is a guest as lists and status/current show it.
func (a views) status(g *store.Guest) map[string]any {
	st := a.cluster.Monitor.Measure(g)
	out := map[string]any{
		"vmid": g.VMID, "name": st.Name, "status": st.Status, "cpus": st.CPUs, "maxmem": st.Memory, "maxdisk": st.Disk,
		"cpu": 0, "mem": 0, "disk": 0, "netin": 0, "netout": 0, "diskread": 0, "diskwrite": 0, "uptime": st.Uptime,
	}
	if g.Kind == "lxc" {
		out["type"], out["maxswap"], out["swap"] = "lxc", conf.Int(g.Config["swap"])<<20, 0
	}
	if g.Running {
		out["pid"] = 10000 + g.VMID
	}
	for _, k := range []string{"lock", "tags"} {
		if v := g.Config[k]; v != "" {
			out[k] = v
		}
	}
	if g.IsTemplate() {
		out["template"] = 1
	}
	return out
}
