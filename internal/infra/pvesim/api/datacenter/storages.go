package datacenter

import (
	"cmp"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
)

// storages are the datastores as they are configured.
type storages struct{ cluster *store.Cluster }

// storageTypes are the kinds of storage that can be configured here.
const storageTypes = "btrfs|cephfs|cifs|dir|esxi|iscsi|iscsidirect|lvm|lvmthin|nfs|pbs|rbd|zfs|zfspool"

func (a storages) routes() []*api.Route {
	allocate := api.Need("/storage", "Datastore.Allocate")
	common := "content contents\ndisable bool\nnodes nodes\nshared bool\nstorage! storage\nmkdir bool\nprune-backups str\npreallocation str enum=off|metadata|falloc|full\nsparse bool\n"
	return []*api.Route{
		{Method: "GET", Path: "/storage", Params: "type str enum=" + storageTypes, Handle: a.list},
		{Method: "GET", Path: "/storage/{storage}", Params: "storage! storage", Check: api.Need("/storage/{storage}", "Datastore.Allocate"), Handle: a.get},
		{Method: "POST", Path: "/storage", Params: common + "type! str enum=" + storageTypes + "\npath str\nserver str\nexport str\npool str\nvgname str\nthinpool str", Check: allocate, Handle: a.create},
		{Method: "PUT", Path: "/storage/{storage}", Params: common + "delete configids len=..4096\ndigest str len=..64\npool str", Check: allocate, Handle: a.update},
		{Method: "DELETE", Path: "/storage/{storage}", Params: "storage! storage", Check: allocate, Handle: a.remove},
	}
}

func (a storages) entry(st *store.Datastore) map[string]any {
	out := map[string]any{"storage": st.ID, "type": st.Type, "content": strings.Join(st.Content, ","), "digest": conf.Digest(a.cluster.Datastores.Text())}
	switch {
	case st.HoldsFiles():
		out["path"] = st.Path
	case st.Type == "zfspool":
		out["pool"] = st.Path
	}
	if st.Shared {
		out["shared"] = 1
	}
	if len(st.Nodes) > 0 {
		out["nodes"] = strings.Join(st.Nodes, ",")
	}
	return out
}

func (a storages) list(c *api.Call) (any, error) {
	out := []map[string]any{}
	for _, id := range a.cluster.Datastores.IDs() {
		if visible(c, id) && (!c.Has("type") || c.Str("type") == a.cluster.Datastores.Get(id).Type) {
			out = append(out, a.entry(a.cluster.Datastores.Get(id)))
		}
	}
	return out, nil
}

func (a storages) get(c *api.Call) (any, error) {
	st := a.cluster.Datastores.Get(c.Str("storage"))
	if st == nil {
		return nil, refusal.Fail("storage '%s' does not exist", c.Str("storage"))
	}
	return a.entry(st), nil
}

// createStorage defines a datastore. Servers are never reachable from here.
func (a storages) create(c *api.Call) (any, error) {
	id := c.Str("storage")
	switch {
	case a.cluster.Datastores.Get(id) != nil:
		return nil, refusal.Fail("create storage failed: storage ID '%s' already defined", id)
	case c.Has("server"):
		return nil, refusal.Fail("create storage failed: storage '%s' is not online", id)
	}
	st := store.Storage{ID: id, Type: c.Str("type"), Path: c.Str("path"), Shared: c.Bool("shared"), Nodes: schema.SplitList(c.Str("nodes")), Content: schema.SplitList(c.Str("content"))}
	st.Path = cmp.Or(st.Path, c.Str("pool"))
	if len(st.Content) == 0 {
		st.Content = []string{"images", "rootdir"}
	}
	a.cluster.Datastores.Add(st)
	return map[string]any{"storage": id, "type": st.Type}, nil
}

func (a storages) update(c *api.Call) (any, error) {
	st := a.cluster.Datastores.Get(c.Str("storage"))
	switch {
	case st == nil:
		return nil, refusal.Fail("update storage failed: storage '%s' does not exist", c.Str("storage"))
	case c.Has("digest") && c.Str("digest") != conf.Digest(a.cluster.Datastores.Text()):
		return nil, refusal.Modified()
	}
	if c.Has("content") {
		st.Content = schema.SplitList(c.Str("content"))
	}
	if slices.Contains(schema.SplitList(c.Str("delete")), "content") {
		st.Content = []string{"images", "rootdir"}
	}
	if c.Has("nodes") {
		st.Nodes = schema.SplitList(c.Str("nodes"))
	}
	if c.Has("shared") {
		st.Shared = c.Bool("shared")
	}
	return map[string]any{"storage": st.ID, "type": st.Type}, nil
}

func (a storages) remove(c *api.Call) (any, error) {
	id := c.Str("storage")
	if a.cluster.Datastores.Get(id) == nil {
		return nil, refusal.Fail("delete storage failed: storage '%s' does not exist", id)
	}
	a.cluster.Datastores.Remove(id)
	return nil, nil
}
