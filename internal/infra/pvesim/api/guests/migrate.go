package guests

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// migrations moves guests to other nodes. Volumes on a storage that the target has as well
// go with them, shared or not.
type migrations struct{ guests }

func (a migrations) routes() []*api.Route {
	params := a.pick("bwlimit num 0..\nrestart bool\ntarget-storage str\ntimeout int\n", `
		bwlimit int 0..
		force bool
		migration_network str
		migration_type str enum=secure|insecure
		targetstorage str
		with-conntrack-state bool
		with-local-disks bool
		`)
	return []*api.Route{{Method: "POST", Path: a.one() + "/migrate", Groups: groups(), Params: params + "online bool\ntarget! node",
		Check: api.Need("/vms/{vmid}", "VM.Migrate"), Handle: a.on(a.migrate)}}
}

func (a migrations) migrate(c *api.Call, g *store.Guest) (any, error) {
	target := a.cluster.Nodes.Get(c.Str("target"))
	switch {
	case target == c.Node:
		return nil, refusal.BadParam("target", "target is local node.")
	case target == nil:
		return nil, refusal.Fail("no such cluster node '%s'", c.Str("target"))
	case !target.Online:
		return nil, refusal.Fail("node '%s' seems to be offline", target.Name)
	case c.Bool("force") && !c.User.IsRoot():
		return nil, refusal.BadParam("force", "Only root may use this option.")
	case g.Running && a.kind == "qemu" && !c.Bool("online"):
		return nil, refusal.Fail("can't migrate running VM without --online")
	case g.Running && a.kind == "lxc" && !c.Bool("online") && !c.Bool("restart"):
		return nil, refusal.Fail("can't migrate running container without --online or --restart")
	}
	kind := a.pick("vzmigrate", "qmigrate")
	if a.cluster.HA.Resources[store.SID(g)] != nil {
		kind = "hamigrate"
	}
	return c.Start(kind, strconv.Itoa(g.VMID), func(t *task.Task) error {
		if err := a.move(c, g, target, t); err != nil {
			t.Logf("ERROR: %s", err)
			return refusal.Fail("migration aborted")
		}
		t.Logf("migration finished successfully")
		return nil
	}).UPID, nil
}

// move checks all volumes, and then moves the guest with them.
func (a migrations) move(c *api.Call, g *store.Guest, target *store.Node, t *task.Task) error {
	if err := g.CheckLock(); err != nil {
		return err
	}
	if g.Running && a.kind == "lxc" && !c.Bool("restart") {
		return refusal.Fail("lxc live migration is currently not implemented")
	}
	t.Logf("starting migration of %s %d to node '%s'", g.Noun(), g.VMID, target.Name)
	elsewhere := map[string]*store.Datastore{} // by key of the guest
	for _, k := range slices.Sorted(maps.Keys(g.Config)) {
		if !g.IsVolume(k) {
			continue
		}
		st, v, _ := a.cluster.Volumes.Of(g, k)
		if v == nil {
			continue
		}
		if g.Running && a.kind == "qemu" && !st.Shared && v.VMID == g.VMID && !c.Bool("with-local-disks") {
			return refusal.Fail("Problem found while scanning volumes - can't live migrate attached local disks without with-local-disks option")
		}
		to, err := a.cluster.Datastores.On(target.Name, targetStorage(c.Str("targetstorage")+c.Str("target-storage"), st.ID))
		if err != nil {
			return err
		}
		if to != st && v.VMID == g.VMID {
			elsewhere[k] = to
		}
	}
	for _, k := range slices.Sorted(maps.Keys(elsewhere)) {
		_, v, _ := a.cluster.Volumes.Of(g, k)
		if err := a.cluster.Volumes.Move(g, k, v, elsewhere[k], "", true, t); err != nil {
			return err
		}
	}
	g.Node = target.Name
	return nil
}

// targetStorage is where a storage's volumes go by a list of pairs FROM:TO; a single name is for
// all, and 1, like an empty list, means the storage of the same name.
func targetStorage(pairs, storage string) string {
	to := storage
	for _, e := range schema.SplitList(pairs) {
		from, mapped, isPair := strings.Cut(e, ":")
		switch {
		case isPair && from == storage:
			return mapped
		case !isPair && e != "1":
			to = e
		}
	}
	return to
}
