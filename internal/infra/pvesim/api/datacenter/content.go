package datacenter

import (
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// content is what lies on the datastores of a node.
type content struct{ cluster *store.Cluster }

func (a content) routes() []*api.Route {
	at := "/nodes/{node}/storage/{storage}"
	audit := api.NeedAny("/storage/{storage}", "Datastore.Audit", "Datastore.AllocateSpace")
	groups := []string{"storage"}
	download := func(c *api.Call) error {
		if err := c.User.Require("/storage/"+c.Str("storage"), "Datastore.AllocateTemplate"); err != nil {
			return err
		}
		return mayAsk(c)
	}
	return []*api.Route{
		a.upload(),
		{Method: "GET", Path: "/nodes/{node}/storage", Groups: []string{"node"}, Params: "content contents\nenabled bool\nformat bool\nstorage storage\ntarget node", Handle: a.stores},
		{Method: "GET", Path: at + "/status", Groups: groups, Check: audit, Handle: on(a.cluster, a.status)},
		{Method: "GET", Path: at + "/content", Groups: groups, Params: "content content\nvmid int 100..999999999", Check: audit, Handle: on(a.cluster, a.list)},
		{Method: "POST", Path: at + "/content", Groups: groups, Check: api.Need("/storage/{storage}", "Datastore.AllocateSpace"), Handle: on(a.cluster, a.allocate), Params: `
			filename! str
			format str enum=raw|qcow2|subvol|vmdk requires=size
			size! str re=\d+[MG]?
			vmid! int 100..999999999`},
		{Method: "GET", Path: at + "/content/{volume...}", Groups: groups, Check: audit, Handle: on(a.cluster, a.get)},
		{Method: "DELETE", Path: at + "/content/{volume...}", Groups: groups, Params: "delay int 1..30", Handle: on(a.cluster, a.remove)},
		{Method: "POST", Path: at + "/download-url", Groups: groups, Check: download, Handle: on(a.cluster, a.download), Params: `
			checksum str requires=checksum-algorithm
			checksum-algorithm str enum=md5|sha1|sha224|sha256|sha384|sha512 requires=checksum
			compression str
			content! str enum=iso|vztmpl|import
			filename! str len=..255
			url! str re=https?://.*
			verify-certificates bool`},
		{Method: "GET", Path: "/nodes/{node}/query-url-metadata", Groups: []string{"node"}, Params: "url! str re=https?://.*\nverify-certificates bool", Check: mayAsk, Handle: a.metadata},
	}
}

// mayAsk wants the right to let a node ask others for files.
func mayAsk(c *api.Call) error {
	if c.User.Can("/nodes/"+c.Str("node"), "Sys.AccessNetwork") {
		return nil
	}
	return c.User.Require("/", "Sys.Audit", "Sys.Modify")
}

func (a content) stores(c *api.Call) (any, error) {
	out := []map[string]any{}
	for _, id := range a.cluster.Datastores.IDs() {
		st := a.cluster.Datastores.Get(id)
		wanted := !c.Has("content") || slices.ContainsFunc(schema.SplitList(c.Str("content")), func(e string) bool { return slices.Contains(st.Content, e) })
		if !st.On(c.Node.Name) || !visible(c, id) || c.Has("storage") && c.Str("storage") != id || !wanted {
			continue
		}
		entry := usage(st)
		entry["storage"], entry["used_fraction"] = id, float64(st.Used())/float64(st.Total)
		out = append(out, entry)
	}
	return out, nil
}

func (a content) status(_ *api.Call, st *store.Datastore) (any, error) {
	return usage(st), nil
}

func volumeEntry(v *store.Volume) map[string]any {
	out := map[string]any{"volid": v.ID, "content": v.Content, "format": v.Format, "size": v.Size, "ctime": v.Created}
	if v.VMID > 0 {
		out["vmid"] = v.VMID
	}
	if v.Parent != "" {
		out["parent"] = v.Parent
	}
	if v.Content == "backup" {
		out["subtype"], out["protected"], out["notes"] = v.Subtype, v.Protected, v.Notes
	}
	return out
}

func (a content) list(c *api.Call, st *store.Datastore) (any, error) {
	out := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(st.Volumes)) {
		v := st.Volumes[id]
		if c.Has("content") && v.Content != c.Str("content") || c.Has("vmid") && v.VMID != c.VMID() {
			continue
		}
		out = append(out, volumeEntry(v))
	}
	return out, nil
}

// volid is the volume of the path, with or without its storage.
func volid(c *api.Call) string {
	v := c.Str("volume")
	if strings.HasPrefix(v, c.Str("storage")+":") {
		return v
	}
	return c.Str("storage") + ":" + v
}

func (a content) get(c *api.Call, st *store.Datastore) (any, error) {
	v := st.Volumes[volid(c)]
	if v == nil {
		return nil, refusal.Fail("volume '%s' does not exist", volid(c))
	}
	return map[string]any{"path": a.cluster.Datastores.FilePath(v), "size": v.Size, "used": v.Size, "format": v.Format}, nil
}

func (a content) allocate(c *api.Call, st *store.Datastore) (any, error) {
	id, size := st.ID+":"+c.Str("filename"), c.Str("size")
	if st.HoldsFiles() {
		id = st.ID + ":" + c.Str("vmid") + "/" + c.Str("filename")
	}
	if !strings.ContainsAny(size, "MG") {
		size += "K"
	}
	if st.Volumes[id] != nil {
		return nil, refusal.Fail("disk image '%s' already exists", id)
	}
	v := &store.Volume{ID: id, Content: "images", Format: "raw", Size: store.ParseSize(size), VMID: c.VMID()}
	if !st.Fits(v.Size) {
		return nil, refusal.Fail("unable to create image: No space left on device")
	}
	a.cluster.Datastores.PutFile(st, v)
	return id, nil
}

func (a content) remove(c *api.Call, st *store.Datastore) (any, error) {
	id := volid(c)
	if err := c.User.Require("/storage/"+st.ID, "Datastore.Allocate"); err != nil {
		return nil, err
	}
	label := "@" + st.ID
	if v := st.Volumes[id]; v != nil && v.VMID > 0 {
		label = strconv.Itoa(v.VMID) + label
	}
	return c.Start("imgdel", label, func(*task.Task) error {
		switch v := st.Volumes[id]; {
		case v == nil:
			return refusal.Fail("volume '%s' does not exist", id)
		case v.Protected:
			return refusal.Fail("can't remove volume '%s' - it is marked as protected", id)
		}
		delete(st.Volumes, id)
		return nil
	}).UPID, nil
}

// extensions are those that a file of a kind may have.
func extensions(content string) []string {
	return map[string][]string{
		"iso":    {".iso", ".img"},
		"vztmpl": {".tar.gz", ".tar.xz", ".tar.zst", ".tar"},
		"import": {".ova", ".qcow2", ".raw", ".vmdk"},
	}[content]
}

// fileID is the volume that a file becomes, once its name and the datastore fit its content.
func fileID(c *api.Call, st *store.Datastore) (string, error) {
	name, content := c.Str("filename"), c.Str("content")
	if !slices.ContainsFunc(extensions(content), func(e string) bool { return strings.HasSuffix(name, e) }) {
		return "", refusal.BadParam("filename", "wrong file extension")
	}
	if !slices.Contains(st.Content, content) {
		return "", refusal.BadParam("storage", "storage '%s' is not configured for content-type '%s'", st.ID, content)
	}
	return st.ID + ":" + content + "/" + path.Base(name), nil
}

// fetchedSize is the size in bytes of all files that are not really downloaded.
const fetchedSize = 120 << 20

// metadata is what the server of a URL would say of it.
func (a content) metadata(c *api.Call) (any, error) {
	u, err := url.Parse(c.Str("url"))
	if err != nil || a.cluster.Datastores.Unreachable[u.Hostname()] {
		return nil, refusal.Fail("invalid server response: '500 Can't connect to %s'", c.Str("url"))
	}
	return map[string]any{"filename": path.Base(u.Path), "size": fetchedSize, "mimetype": "application/octet-stream"}, nil
}

// download fetches nothing: the file appears with a made-up size, unless the host is one
// that a test has made unreachable.
func (a content) download(c *api.Call, st *store.Datastore) (any, error) {
	id, err := fileID(c, st)
	if err != nil {
		return nil, err
	}
	name, content := c.Str("filename"), c.Str("content")
	return c.Start("download", name, func(t *task.Task) error {
		v := &store.Volume{ID: id, Content: content, Format: store.FileFormat(name), Size: fetchedSize, Unpacked: 500 << 20}
		t.Logf("downloading %s to %s", c.Str("url"), a.cluster.Datastores.FilePath(v))
		if st.Volumes[id] != nil {
			return refusal.Fail("refusing to override existing file '%s'", a.cluster.Datastores.FilePath(v))
		}
		if u, err := url.Parse(c.Str("url")); err != nil || a.cluster.Datastores.Unreachable[u.Hostname()] {
			return refusal.Fail("download failed: Connecting to %s... failed: Connection refused.", u.Host)
		}
		a.cluster.Datastores.PutFile(st, v)
		t.Logf("download of '%s' to '%s' finished", c.Str("url"), a.cluster.Datastores.FilePath(v))
		return nil
	}).UPID, nil
}
