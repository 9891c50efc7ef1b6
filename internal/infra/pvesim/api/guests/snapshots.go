package guests

import (
	"strconv"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// snapshots are the snapshots of guests.
type snapshots struct{ guests }

func (a snapshots) routes() []*api.Route {
	at := a.one() + "/snapshot"
	one := at + "/{snapname}"
	const name = "snapname! configid len=..40\n"
	snap, audit := api.Need("/vms/{vmid}", "VM.Snapshot"), api.Need("/vms/{vmid}", "VM.Audit")
	back := api.NeedAny("/vms/{vmid}", "VM.Snapshot", "VM.Snapshot.Rollback")
	see := api.NeedAny("/vms/{vmid}", "VM.Snapshot", "VM.Snapshot.Rollback", "VM.Audit")
	return []*api.Route{
		{Method: "GET", Path: at, Groups: groups(), Check: audit, Handle: a.on(a.list)},
		{Method: "POST", Path: at, Groups: groups(), Params: name + "description str" + a.pick("", "\nvmstate bool"), Check: snap, Handle: api.On(a.unlocked, a.take)},
		{Method: "GET", Path: one, Groups: groups(), Params: name, Handle: a.on(func(*api.Call, *store.Guest) (any, error) {
			return []map[string]string{{"cmd": "rollback"}, {"cmd": "config"}}, nil
		})},
		{Method: "DELETE", Path: one, Groups: groups(), Params: name + "force bool", Check: snap, Handle: api.On(a.unlocked, a.remove)},
		{Method: "GET", Path: one + "/config", Groups: groups(), Params: name, Check: see, Handle: a.on(a.config)},
		{Method: "PUT", Path: one + "/config", Groups: groups(), Params: name + "description str", Check: snap, Handle: api.On(a.unlocked, a.describe)},
		{Method: "POST", Path: one + "/rollback", Groups: groups(), Params: name + "start bool", Check: back, Handle: api.On(a.unlocked, a.rollback)},
		{Method: "GET", Path: a.one() + "/feature", Groups: groups(), Params: "feature! str enum=snapshot|clone|copy\nsnapname configid len=..40", Check: audit, Handle: a.on(a.feature)},
	}
}

func entry(s store.Snapshot, kind string) map[string]any {
	out := map[string]any{"name": s.Name, "description": s.Description, "snaptime": s.Time}
	if s.Parent != "" {
		out["parent"] = s.Parent
	}
	if kind == "qemu" {
		out["vmstate"] = 0
		if s.State {
			out["vmstate"] = 1
		}
	}
	return out
}

// list has the snapshots, and the present state as "current".
func (a snapshots) list(_ *api.Call, g *store.Guest) (any, error) {
	out := []map[string]any{}
	for _, s := range g.Snapshots {
		out = append(out, entry(s, a.kind))
	}
	now := map[string]any{"name": "current", "description": "You are here!", "digest": g.Digest()}
	if g.Parent != "" {
		now["parent"] = g.Parent
	}
	if a.kind == "qemu" {
		now["running"] = 0
		if g.Running {
			now["running"] = 1
		}
	}
	return append(out, now), nil
}

// take is refused where a disk of a VM, or a volume of a container, cannot have snapshots.
func (a snapshots) take(c *api.Call, g *store.Guest) (any, error) {
	name := c.Str("snapname")
	if name == "current" {
		return nil, refusal.Fail("unable to use snapshot name 'current' (reserved name)")
	}
	return c.Start(a.pick("vzsnapshot", "qmsnapshot"), strconv.Itoa(g.VMID), func(*task.Task) error {
		if _, err := g.Snapshot(name); err == nil {
			return refusal.Fail("snapshot name '%s' already used", name)
		}
		if !a.capable(g) {
			return refusal.Fail("snapshot feature is not available")
		}
		g.Snap(store.Snapshot{Name: name, Description: c.Str("description"), Time: a.cluster.Now().Unix(), State: c.Bool("vmstate") && g.Running})
		return nil
	}).UPID, nil
}

// capable reports whether all volumes are on storages that can take snapshots.
func (a snapshots) capable(g *store.Guest) bool {
	for k := range g.Config {
		if !g.IsVolume(k) {
			continue
		}
		switch st, v, values := a.cluster.Volumes.Of(g, k); {
		case values["media"] == "cdrom", v == nil:
		case st.Type == "zfspool", st.Type == "lvmthin", st.Type == "rbd", st.Type == "cephfs", st.Type == "btrfs":
		case v.Format == "qcow2":
		default:
			return false
		}
	}
	return true
}

func (a snapshots) config(c *api.Call, g *store.Guest) (any, error) {
	s, err := g.Snapshot(c.Str("snapname"))
	if err != nil {
		return nil, err
	}
	out := a.shown(g, s.Config)
	out["snaptime"], out["description"] = s.Time, s.Description
	if s.Parent != "" {
		out["parent"] = s.Parent
	}
	return out, nil
}

func (a snapshots) describe(c *api.Call, g *store.Guest) (any, error) {
	s, err := g.Snapshot(c.Str("snapname"))
	if err == nil && c.Has("description") {
		s.Description = c.Str("description")
	}
	return nil, err
}

func (a snapshots) rollback(c *api.Call, g *store.Guest) (any, error) {
	return c.Start(a.pick("vzrollback", "qmrollback"), strconv.Itoa(g.VMID), func(*task.Task) error {
		s, err := g.Snapshot(c.Str("snapname"))
		if err != nil {
			return err
		}
		a.cluster.SetRunning(g, false)
		g.Rollback(s)
		if c.Bool("start") || s.State {
			a.cluster.SetRunning(g, true)
		}
		return nil
	}).UPID, nil
}

func (a snapshots) remove(c *api.Call, g *store.Guest) (any, error) {
	return c.Start(a.pick("vzdelsnapshot", "qmdelsnapshot"), strconv.Itoa(g.VMID), func(*task.Task) error {
		s, err := g.Snapshot(c.Str("snapname"))
		if err == nil {
			g.Unsnap(s)
		}
		return err
	}).UPID, nil
}

func (a snapshots) feature(_ *api.Call, g *store.Guest) (any, error) {
	out := map[string]any{"hasFeature": 0}
	if a.capable(g) {
		out["hasFeature"] = 1
	}
	if a.kind == "qemu" {
		out["nodes"] = a.cluster.Nodes.Names()
	}
	return out, nil
}
