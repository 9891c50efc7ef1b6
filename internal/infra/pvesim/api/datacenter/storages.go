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

// storageCreation are parameters that a datastore has from its creation on.
const storageCreation = `
authsupported str
base str
datastore str
export str
iscsiprovider str
path str
portal str
share str
target str
thinpool str
vgname str`

func (a storages) routes() []*api.Route {
	allocate := api.Need("/storage", "Datastore.Allocate")
	groups := []string{"datastore"}
	return []*api.Route{
		{Method: "GET", Path: "/storage", Params: "type str enum=" + storageTypes, Handle: a.list},
		{Method: "GET", Path: "/storage/{storage}", Params: "storage! storage", Check: api.Need("/storage/{storage}", "Datastore.Allocate"), Handle: a.get},
		{Method: "POST", Path: "/storage", Groups: groups, Params: "type! str enum=" + storageTypes + storageCreation, Check: allocate, Handle: a.create},
		{Method: "PUT", Path: "/storage/{storage}", Groups: groups, Params: "delete configids len=..4096\ndigest str len=..64", Check: allocate, Handle: a.update},
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
	for k, v := range st.Options {
		out[k] = a.cluster.Tables.Shown("datastore", k, v)
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

// create defines a datastore. What it needs on its server or its node is there.
func (a storages) create(c *api.Call) (any, error) {
	id, kind := c.Str("storage"), c.Str("type")
	needed := map[string][]string{"dir": {"path"}, "zfspool": {"pool"}, "lvm": {"vgname"}, "lvmthin": {"vgname", "thinpool"},
		"nfs": {"server", "export"}, "cifs": {"server", "share"}, "pbs": {"server", "datastore"}}
	for _, k := range needed[kind] {
		if !c.Has(k) {
			return nil, refusal.BadParam(k, schema.MissingParam)
		}
	}
	switch {
	case a.cluster.Datastores.Get(id) != nil:
		return nil, refusal.Fail("create storage failed: storage ID '%s' already defined", id)
	case a.cluster.Datastores.Unreachable[c.Str("server")]:
		return nil, refusal.Fail("create storage failed: storage '%s' is not online", id)
	}
	st := store.Storage{ID: id, Type: kind, Path: cmp.Or(c.Str("path"), c.Str("pool")), Options: conf.File{},
		Shared: slices.Contains([]string{"nfs", "cifs", "pbs", "cephfs", "rbd"}, kind)}
	if st.Path == "" && st.Shared {
		st.Path = "/mnt/pve/" + id
	}
	configure(c, &st)
	if len(st.Content) == 0 {
		st.Content = []string{"images", "rootdir"}
	}
	a.cluster.Datastores.Add(st)
	return a.answer(c, st), nil
}

// answer is what a change of a datastore returns. The key of a backup server is told this once.
func (a storages) answer(c *api.Call, st store.Storage) map[string]any {
	out := map[string]any{"storage": st.ID, "type": st.Type}
	if c.Has("encryption-key") {
		out["config"] = map[string]any{"encryption-key": c.Str("encryption-key")}
	}
	return out
}

// configure takes the settings of a call.
func configure(c *api.Call, st *store.Storage) {
	for _, k := range schema.SplitList(c.Str("delete")) {
		delete(st.Options, k)
		switch k {
		case "content":
			st.Content = []string{"images", "rootdir"}
		case "nodes":
			st.Nodes = nil
		case "shared":
			st.Shared = false
		}
	}
	for k, v := range c.Params {
		switch k {
		case "storage", "type", "path", "pool", "delete", "digest":
		case "content":
			st.Content = schema.SplitList(v)
		case "nodes":
			st.Nodes = schema.SplitList(v)
		case "shared":
			st.Shared = v == "1"
		case "password", "encryption-key", "keyring", "master-pubkey": // kept apart from the configuration
		default:
			st.Options[k] = v
		}
	}
}

func (a storages) update(c *api.Call) (any, error) {
	st := a.cluster.Datastores.Get(c.Str("storage"))
	switch {
	case st == nil:
		return nil, refusal.Fail("update storage failed: storage '%s' does not exist", c.Str("storage"))
	case c.Has("digest") && c.Str("digest") != conf.Digest(a.cluster.Datastores.Text()):
		return nil, refusal.Modified()
	}
	if st.Options == nil {
		st.Options = conf.File{}
	}
	configure(c, &st.Storage)
	return a.answer(c, st.Storage), nil
}

func (a storages) remove(c *api.Call) (any, error) {
	id := c.Str("storage")
	if a.cluster.Datastores.Get(id) == nil {
		return nil, refusal.Fail("delete storage failed: storage '%s' does not exist", id)
	}
	a.cluster.Datastores.Remove(id)
	return nil, nil
}
