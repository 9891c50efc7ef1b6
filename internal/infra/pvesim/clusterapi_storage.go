package pvesim

import (
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

func storageRoutes() []*route {
	at := "/nodes/{node}/storage/{storage}"
	audit := needAny("/storage/{storage}", "Datastore.Audit", "Datastore.AllocateSpace")
	groups := []string{"storage"}
	download := func(c *call) error {
		if err := c.require("/storage/"+c.str("storage"), "Datastore.AllocateTemplate"); err != nil {
			return err
		}
		if c.user.can(c.Sim, "/nodes/"+c.str("node"), "Sys.AccessNetwork") {
			return nil
		}
		return c.require("/", "Sys.Audit", "Sys.Modify")
	}
	return []*route{
		{method: "GET", path: "/nodes/{node}/storage", groups: []string{"node"}, params: "content contents\nenabled bool\nformat bool\nstorage storage\ntarget node", handle: listStorages},
		{method: "GET", path: at + "/status", groups: groups, check: audit, handle: storageStatus},
		{method: "GET", path: at + "/content", groups: groups, params: "content content\nvmid int 100..999999999", check: audit, handle: listContent},
		{method: "POST", path: at + "/content", groups: groups, check: need("/storage/{storage}", "Datastore.AllocateSpace"), handle: allocContent, params: `
			filename! str
			format str enum=raw|qcow2|subvol|vmdk requires=size
			size! str re=\d+[MG]?
			vmid! int 100..999999999`},
		{method: "GET", path: at + "/content/{volume...}", groups: groups, check: audit, handle: getVolume},
		{method: "DELETE", path: at + "/content/{volume...}", groups: groups, params: "delay int 1..30", handle: deleteVolume},
		{method: "POST", path: at + "/download-url", groups: groups, check: download, handle: downloadURL, params: `
			checksum str requires=checksum-algorithm
			checksum-algorithm str enum=md5|sha1|sha224|sha256|sha384|sha512 requires=checksum
			compression str
			content! str enum=iso|vztmpl|import
			filename! str len=..255
			url! str re=https?://.*
			verify-certificates bool`},
	}
}

func (c *call) visible(id string) bool {
	return c.user.can(c.Sim, "/storage/"+id, "Datastore.Audit") || c.user.can(c.Sim, "/storage/"+id, "Datastore.AllocateSpace")
}

func (st *storage) usage() map[string]any {
	out := map[string]any{"type": st.Type, "content": strings.Join(st.Content, ","), "enabled": 1, "shared": 0, "active": 1, "total": st.Total, "used": st.used(), "avail": st.Total - st.used()}
	if st.Shared {
		out["shared"] = 1
	}
	if st.Offline {
		out["active"], out["total"], out["used"], out["avail"] = 0, 0, 0, 0
	}
	return out
}

func listStorages(c *call) (any, error) {
	out := []map[string]any{}
	for _, id := range sortedKeys(c.storages) {
		st := c.storages[id]
		wanted := !c.has("content") || slices.ContainsFunc(splitList(c.str("content")), func(e string) bool { return slices.Contains(st.Content, e) })
		if !st.on(c.node.name) || !c.visible(id) || c.has("storage") && c.str("storage") != id || !wanted {
			continue
		}
		entry := st.usage()
		entry["storage"], entry["used_fraction"] = id, float64(st.used())/float64(st.Total)
		out = append(out, entry)
	}
	return out, nil
}

func storageStatus(c *call) (any, error) {
	st, err := c.store(c.str("storage"))
	if err != nil {
		return nil, err
	}
	return st.usage(), nil
}

func (v *volume) entry() map[string]any {
	out := map[string]any{"volid": v.id, "content": v.content, "format": v.format, "size": v.size, "ctime": v.ctime}
	if v.vmid > 0 {
		out["vmid"] = v.vmid
	}
	if v.parent != "" {
		out["parent"] = v.parent
	}
	return out
}

func listContent(c *call) (any, error) {
	st, err := c.store(c.str("storage"))
	if err != nil {
		return nil, err
	}
	out := []map[string]any{}
	for _, id := range sortedKeys(st.volumes) {
		v := st.volumes[id]
		if c.has("content") && v.content != c.str("content") || c.has("vmid") && v.vmid != c.vmid() {
			continue
		}
		out = append(out, v.entry())
	}
	return out, nil
}

// volid is the volume of the path, with or without its storage.
func (c *call) volid() string {
	v := c.str("volume")
	if strings.HasPrefix(v, c.str("storage")+":") {
		return v
	}
	return c.str("storage") + ":" + v
}

func getVolume(c *call) (any, error) {
	st, err := c.store(c.str("storage"))
	if err != nil {
		return nil, err
	}
	v := st.volumes[c.volid()]
	if v == nil {
		return nil, fail("volume '%s' does not exist", c.volid())
	}
	return map[string]any{"path": c.filePath(v), "size": v.size, "used": v.size, "format": v.format}, nil
}

func allocContent(c *call) (any, error) {
	st, err := c.store(c.str("storage"))
	if err != nil {
		return nil, err
	}
	id, size := st.ID+":"+c.str("filename"), c.str("size")
	if st.files() {
		id = st.ID + ":" + c.str("vmid") + "/" + c.str("filename")
	}
	if !strings.ContainsAny(size, "MG") {
		size += "K"
	}
	if st.volumes[id] != nil {
		return nil, fail("disk image '%s' already exists", id)
	}
	v := &volume{id: id, content: "images", format: "raw", size: parseSize(size), vmid: c.vmid(), ctime: c.opt.Now().Unix()}
	if st.used()+v.size > st.Total {
		return nil, fail("unable to create image: No space left on device")
	}
	st.volumes[id] = v
	return id, nil
}

func deleteVolume(c *call) (any, error) {
	st, err := c.store(c.str("storage"))
	if err != nil {
		return nil, err
	}
	id := c.volid()
	if err := c.require("/storage/"+st.ID, "Datastore.Allocate"); err != nil {
		return nil, err
	}
	label := "@" + st.ID
	if v := st.volumes[id]; v != nil && v.vmid > 0 {
		label = strconv.Itoa(v.vmid) + label
	}
	_, upid := c.spawn("imgdel", label, func(*task) error {
		if st.volumes[id] == nil {
			return fail("volume '%s' does not exist", id)
		}
		delete(st.volumes, id)
		return nil
	})
	return upid, nil
}

var extensions = map[string][]string{
	"iso":    {".iso", ".img"},
	"vztmpl": {".tar.gz", ".tar.xz", ".tar.zst", ".tar"},
	"import": {".ova", ".qcow2", ".raw", ".vmdk"},
}

// downloadURL fetches nothing: the file appears with a made-up size, unless the host
// is one that can't be reached (Sim.SetUnreachable).
func downloadURL(c *call) (any, error) {
	st, err := c.store(c.str("storage"))
	if err != nil {
		return nil, err
	}
	name, content := c.str("filename"), c.str("content")
	if !slices.ContainsFunc(extensions[content], func(e string) bool { return strings.HasSuffix(name, e) }) {
		return nil, badParam("filename", "wrong file extension")
	}
	if !slices.Contains(st.Content, content) {
		return nil, badParam("storage", "storage '%s' is not configured for content-type '%s'", st.ID, content)
	}
	id := st.ID + ":" + content + "/" + path.Base(name)
	_, upid := c.spawn("download", name, func(t *task) error {
		v := &volume{id: id, content: content, format: fileFormat(name), size: 120 << 20, unpacked: 500 << 20, ctime: c.opt.Now().Unix()}
		t.logf("downloading %s to %s", c.str("url"), c.filePath(v))
		if st.volumes[id] != nil {
			return fail("refusing to override existing file '%s'", c.filePath(v))
		}
		if u, err := url.Parse(c.str("url")); err != nil || c.cluster.unreachable[u.Hostname()] {
			return fail("download failed: Connecting to %s... failed: Connection refused.", u.Host)
		}
		st.volumes[id] = v
		t.logf("download of '%s' to '%s' finished", c.str("url"), c.filePath(v))
		return nil
	})
	return upid, nil
}

// fileFormat is how content lists name the format of a file.
func fileFormat(name string) string {
	if before, ext, ok := strings.Cut(name, ".tar."); ok && before != "" {
		return "t" + ext
	}
	return strings.TrimPrefix(path.Ext(name), ".")
}
