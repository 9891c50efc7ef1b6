package guests

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// CloneLimit is how many clones of one template may run at once.
type CloneLimit struct {
	Max     int           // 0: no limit
	Timeout time.Duration // how long a clone waits for a running one to end
}

// clones makes guests out of others.
type clones struct {
	guests
	limit CloneLimit
}

func (a clones) routes() []*api.Route {
	may := func(c *api.Call) error {
		if err := c.User.Require("/vms/"+c.Str("vmid"), "VM.Clone"); err != nil {
			return err
		}
		return c.RequireVM(c.Int("newid"), c.Str("pool"), "VM.Allocate")
	}
	params := a.pick("bwlimit num 0..\nhostname dns\n", "bwlimit int 0..\nformat str enum=raw|qcow2|vmdk\nname dns\n")
	return []*api.Route{
		{Method: "POST", Path: a.one() + "/clone", Groups: groups(), Check: may, Handle: api.On(a.present, a.clone),
			Params: params + "description str\nfull bool\nnewid! int 100..999999999\npool pool\nsnapname configid len=..40\nstorage storage\ntarget node"},
		{Method: "POST", Path: a.one() + "/template", Groups: groups(), Params: a.pick("", "disk str"), Check: api.Need("/vms/{vmid}", "VM.Allocate"), Handle: api.On(a.unlocked, a.template)},
	}
}

func (a clones) clone(c *api.Call, src *store.Guest) (any, error) {
	newid, target := c.Int("newid"), c.Node.Name
	if t := c.Str("target"); t != "" {
		if a.cluster.Nodes.Get(t) == nil {
			return nil, refusal.BadParam("target", "target node '%s' does not exist", t)
		}
		target = t
	}
	if err := a.admit(c, src, newid, target); err != nil {
		return nil, err
	}
	template := src.IsTemplate()
	full := c.Bool("full") || !template && !c.Has("full")
	if !full && !template {
		for _, k := range slices.Sorted(maps.Keys(src.Config)) {
			if src.IsVolume(k) && !strings.Contains(src.Config[k], "media=cdrom") {
				return nil, refusal.Fail("Linked clone feature is not supported for '%s' (%s)", store.VolumeOf(a.cluster.Tables.Value(a.kind, k, src.Config[k])), k)
			}
		}
	}
	m := begin(a.cluster, store.NewGuest(newid, a.kind, target), a.pick("create", "clone"))
	start, free := a.waitFor(src)
	t := c.Start(a.pick("vzclone", "qmclone"), strconv.Itoa(src.VMID), func(t *task.Task) error {
		if !free {
			return src.LockTimeout()
		}
		if err := a.copy(c, src, m, full, t); err != nil {
			return refusal.Fail("clone failed: %s", err)
		}
		return nil
	})
	t.Due, t.Undo = start, m.undo
	if free {
		t.Due = start.Add(a.cluster.Tasks.Delay())
	}
	return t.UPID, nil
}

func (a clones) admit(c *api.Call, src *store.Guest, newid int, target string) error {
	if pool := c.Str("pool"); pool != "" && a.cluster.Pools.Get(pool) == nil {
		return refusal.Forbidden("pool '%s' does not exist", pool)
	}
	if other := a.cluster.Guests.Get(newid); other != nil {
		return refusal.Fail("unable to create VM %d: config file already exists", newid)
	}
	if err := src.CheckLock(); err != nil {
		return err
	}
	if src.Kind == "lxc" && src.Running {
		return refusal.Fail("Full clone of a running container is only possible from a snapshot")
	}
	if s := c.Str("storage"); s != "" {
		st, err := rightsOf(c, a.guests, "").store(s)
		if err != nil {
			return err
		}
		if target != c.Node.Name && !st.Shared {
			return refusal.Fail("can't clone to non-shared storage '%s'", s)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(src.Config)) {
		if !src.IsVolume(k) {
			continue
		}
		st, v := a.cluster.Datastores.Volume(store.VolumeOf(a.cluster.Tables.Value(src.Kind, k, src.Config[k])))
		if v == nil || v.VMID != src.VMID {
			continue
		}
		if target != c.Node.Name && !st.Shared {
			return refusal.Fail("can't clone VM to node '%s' (VM uses local storage)", target)
		}
		if err := c.User.Require("/storage/"+st.ID, "Datastore.AllocateSpace"); err != nil {
			return err
		}
	}
	return nil
}

// waitFor returns when a clone of src can begin: now, or when a running clone has ended.
// It returns false and the end of the timeout if that comes first.
func (a clones) waitFor(src *store.Guest) (time.Time, bool) {
	now := a.cluster.Now()
	if a.limit.Max <= 0 {
		return now, true
	}
	var ends []time.Time
	for _, t := range a.cluster.Tasks.Newest() {
		if !t.Done && strings.HasSuffix(t.Kind, "clone") && t.ID == strconv.Itoa(src.VMID) && t.Node == src.Node {
			ends = append(ends, t.Due)
		}
	}
	if len(ends) < a.limit.Max {
		return now, true
	}
	slices.SortFunc(ends, time.Time.Compare)
	begin := ends[len(ends)-a.limit.Max]
	if begin.Sub(now) > a.limit.Timeout {
		return now.Add(a.limit.Timeout), false
	}
	return begin, true
}

// copy does the work of a clone.
func (a clones) copy(c *api.Call, src *store.Guest, m *creation, full bool, t *task.Task) error {
	g := m.guest
	volumes := store.CopyOptions{Full: full, Store: c.Str("storage"), Format: c.Str("format")}
	t.Logf("creating a clone of VM %d with ID %d", src.VMID, g.VMID)
	out := conf.File{}
	for _, k := range slices.Sorted(maps.Keys(src.Config)) {
		v := src.Config[k]
		switch {
		case slices.Contains([]string{"template", "lock", "parent", "snapshots"}, k) || store.IsUnused(k):
			continue
		case src.IsVolume(k):
			stored, err := a.cluster.Volumes.Copy(src, g, k, volumes, t, &m.volumes)
			if err != nil {
				return err
			}
			v = stored
		case store.IsNet(k):
			net := a.cluster.Tables.Value(g.Kind, k, v)
			net[a.pick("hwaddr", "macaddr")] = a.cluster.IDs.MAC()
			v = a.cluster.Tables.Print(g.Kind, k, net)
		case k == "vmgenid":
			v = a.cluster.IDs.UUID()
		case k == "smbios1":
			v = "uuid=" + a.cluster.IDs.UUID()
		}
		out[k] = v
	}
	nameKey := g.NameKey()
	switch {
	case c.Has(nameKey):
		out[nameKey] = c.Str(nameKey)
	case g.Kind == "qemu":
		out[nameKey] = "Copy-of-VM-" + src.Name()
	}
	if d := c.Str("description"); d != "" {
		out["description"] = d
	}
	m.finish(out, c.Str("pool"))
	return nil
}

// template turns a guest into a template: a container at once, a VM by a task.
func (a clones) template(c *api.Call, g *store.Guest) (any, error) {
	switch {
	case g.IsTemplate():
		return nil, refusal.Fail("you can't convert a template to a template")
	case g.Running && a.kind == "qemu":
		return nil, refusal.Fail("you can't convert a VM to template if VM is running")
	case g.Running:
		return nil, refusal.Fail("you can't convert a CT to template if the CT is running")
	case a.kind == "lxc":
		a.cluster.Volumes.MakeTemplate(g)
		return nil, nil
	}
	return c.Start("qmtemplate", strconv.Itoa(g.VMID), func(*task.Task) error {
		a.cluster.Volumes.MakeTemplate(g)
		return nil
	}).UPID, nil
}
