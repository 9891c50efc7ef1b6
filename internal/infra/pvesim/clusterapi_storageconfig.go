package pvesim

import (
	"slices"
	"strings"
)

// storageTypes are the kinds of storage that can be configured here.
const storageTypes = "btrfs|cephfs|cifs|dir|esxi|iscsi|iscsidirect|lvm|lvmthin|nfs|pbs|rbd|zfs|zfspool"

func storageConfigRoutes() []*route {
	allocate := need("/storage", "Datastore.Allocate")
	common := "content contents\ndisable bool\nnodes nodes\nshared bool\nstorage! storage\nmkdir bool\nprune-backups str\npreallocation str enum=off|metadata|falloc|full\nsparse bool\n"
	return []*route{
		{method: "GET", path: "/storage", params: "type str enum=" + storageTypes, handle: listStorageConfig},
		{method: "GET", path: "/storage/{storage}", params: "storage! storage", check: need("/storage/{storage}", "Datastore.Allocate"), handle: getStorageConfig},
		{method: "POST", path: "/storage", params: common + "type! str enum=" + storageTypes + "\npath str\nserver str\nexport str\npool str\nvgname str\nthinpool str", check: allocate, handle: createStorage},
		{method: "PUT", path: "/storage/{storage}", params: common + "delete configids len=..4096\ndigest str len=..64\npool str", check: allocate, handle: updateStorage},
		{method: "DELETE", path: "/storage/{storage}", params: "storage! storage", check: allocate, handle: deleteStorage},
	}
}

// storageConfig is storage.cfg, of which the digest is made.
func (s *Sim) storageConfig() string {
	var b strings.Builder
	for _, id := range sortedKeys(s.storages) {
		st := s.storages[id]
		b.WriteString(st.Type + ": " + id + "\n\tcontent " + strings.Join(st.Content, ",") + "\n\tpath " + st.Path + "\n\n")
	}
	return b.String()
}

func (s *Sim) storageEntry(st *storage) map[string]any {
	out := map[string]any{"storage": st.ID, "type": st.Type, "content": strings.Join(st.Content, ","), "digest": sha1Hex(s.storageConfig())}
	switch {
	case st.files():
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

func listStorageConfig(c *call) (any, error) {
	out := []map[string]any{}
	for _, id := range sortedKeys(c.storages) {
		if c.visible(id) && (!c.has("type") || c.str("type") == c.storages[id].Type) {
			out = append(out, c.storageEntry(c.storages[id]))
		}
	}
	return out, nil
}

func getStorageConfig(c *call) (any, error) {
	st := c.storages[c.str("storage")]
	if st == nil {
		return nil, fail("storage '%s' does not exist", c.str("storage"))
	}
	return c.storageEntry(st), nil
}

// createStorage defines a datastore. Servers are never reachable from here.
func createStorage(c *call) (any, error) {
	id := c.str("storage")
	switch {
	case c.storages[id] != nil:
		return nil, fail("create storage failed: storage ID '%s' already defined", id)
	case c.has("server"):
		return nil, fail("create storage failed: storage '%s' is not online", id)
	}
	st := Storage{ID: id, Type: c.str("type"), Path: c.str("path"), Shared: c.bool("shared"), Nodes: splitList(c.str("nodes")), Content: splitList(c.str("content"))}
	if st.Path == "" {
		st.Path = c.str("pool")
	}
	if len(st.Content) == 0 {
		st.Content = []string{"images", "rootdir"}
	}
	c.addStorage(st)
	return map[string]any{"storage": id, "type": st.Type}, nil
}

func updateStorage(c *call) (any, error) {
	st := c.storages[c.str("storage")]
	switch {
	case st == nil:
		return nil, fail("update storage failed: storage '%s' does not exist", c.str("storage"))
	case c.has("digest") && c.str("digest") != sha1Hex(c.storageConfig()):
		return nil, errModified
	}
	if c.has("content") {
		st.Content = splitList(c.str("content"))
	}
	if slices.Contains(splitList(c.str("delete")), "content") {
		st.Content = []string{"images", "rootdir"}
	}
	if c.has("nodes") {
		st.Nodes = splitList(c.str("nodes"))
	}
	if c.has("shared") {
		st.Shared = c.bool("shared")
	}
	return map[string]any{"storage": st.ID, "type": st.Type}, nil
}

func deleteStorage(c *call) (any, error) {
	id := c.str("storage")
	if c.storages[id] == nil {
		return nil, fail("delete storage failed: storage '%s' does not exist", id)
	}
	delete(c.storages, id)
	return nil, nil
}
