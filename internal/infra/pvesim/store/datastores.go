package store

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
)

// Storage is what a datastore is configured to be. Nodes empty means all.
type Storage struct {
	ID      string
	Type    string   // dir | zfspool | lvmthin | nfs | …
	Content []string // images, rootdir, iso, vztmpl, snippets, backup, import
	Path    string   // directory, or pool
	Total   int64    // bytes; 0 is 1 TiB
	Shared  bool
	Nodes   []string
	Offline bool      // not active on any node
	Options conf.File // further settings
}

// Datastore is a storage with its volumes.
type Datastore struct {
	Storage
	Volumes map[string]*Volume // by volume ID

	reserved int64 // used by what the simulator does not list
}

// Volume is a disk, a file or a container's file system on a datastore.
type Volume struct {
	ID, Content, Format string
	Size                int64 // bytes
	Created             int64 // seconds since 1970
	Unpacked            int64 // bytes in a container template
	VMID                int   // of the guest that owns it; 0 is none
	Parent              string
	Notes, Subtype      string // of a backup: lxc or qemu
	Protected           bool   // of a backup: it is not removed
}

// Used is how many bytes are used in all.
func (st *Datastore) Used() int64 {
	used := st.reserved
	for _, v := range st.Volumes {
		used += v.Size
	}
	return used
}

// SetUsed makes the datastore use that many bytes in all.
func (st *Datastore) SetUsed(used int64) {
	st.reserved = 0
	st.reserved = used - st.Used()
}

// Fits reports whether that many more bytes fit.
func (st *Datastore) Fits(size int64) bool { return st.Used()+size <= st.Total }

// On reports whether a node has the datastore.
func (st *Datastore) On(node string) bool {
	return len(st.Nodes) == 0 || slices.Contains(st.Nodes, node)
}

// HoldsFiles reports whether volumes are files in directories.
func (st *Datastore) HoldsFiles() bool {
	return slices.Contains([]string{"dir", "nfs", "cifs", "btrfs", "cephfs"}, st.Type)
}

// Datastores are all datastores of the cluster, by ID.
type Datastores struct {
	Unreachable map[string]bool // hosts that downloads fail from

	now  func() time.Time
	byID map[string]*Datastore
}

func newDatastores(now func() time.Time) *Datastores {
	return &Datastores{Unreachable: map[string]bool{}, now: now, byID: map[string]*Datastore{}}
}

// Add adds a datastore, or replaces one with its volumes.
func (ds *Datastores) Add(st Storage) {
	st.Total = cmp.Or(st.Total, 1<<40)
	ds.byID[st.ID] = &Datastore{Storage: st, Volumes: map[string]*Volume{}}
}

// Get returns the datastore of that ID, or nil.
func (ds *Datastores) Get(id string) *Datastore { return ds.byID[id] }

// Remove takes a datastore away with its volumes.
func (ds *Datastores) Remove(id string) { delete(ds.byID, id) }

// IDs are the datastores in alphabetical order.
func (ds *Datastores) IDs() []string { return slices.Sorted(maps.Keys(ds.byID)) }

// On finds a datastore that a node can use now.
func (ds *Datastores) On(node, id string) (*Datastore, error) {
	st := ds.byID[id]
	switch {
	case st == nil:
		return nil, refusal.Fail("storage '%s' does not exist", id)
	case !st.On(node):
		return nil, refusal.Fail("storage '%s' is not available on node '%s'", id, node)
	case st.Offline:
		return nil, refusal.Fail("storage '%s' is not online", id)
	}
	return st, nil
}

// Volume finds a volume and its datastore by the volume ID.
func (ds *Datastores) Volume(id string) (*Datastore, *Volume) {
	store, _, _ := strings.Cut(id, ":")
	st := ds.byID[store]
	if st == nil {
		return nil, nil
	}
	return st, st.Volumes[id]
}

// Release removes a volume; a missing one is fine.
func (ds *Datastores) Release(id string) {
	if st, v := ds.Volume(id); v != nil {
		delete(st.Volumes, id)
	}
}

// ReleaseAll removes every volume of a guest, whether it names them or not.
func (ds *Datastores) ReleaseAll(vmid int) {
	for _, st := range ds.byID {
		maps.DeleteFunc(st.Volumes, func(_ string, v *Volume) bool { return v.VMID == vmid })
	}
}

// HasChild reports whether a volume is the base of a linked clone.
func (ds *Datastores) HasChild(id string) bool {
	for _, st := range ds.byID {
		for _, v := range st.Volumes {
			if v.Parent == id {
				return true
			}
		}
	}
	return false
}

// Allocate makes a volume for a guest. what is disk, cloudinit or subvol.
func (ds *Datastores) Allocate(st *Datastore, vmid int, what, format string, size int64) (*Volume, error) {
	name := st.volumeName(vmid, what, format)
	if !st.Fits(size) {
		if st.HoldsFiles() {
			return nil, refusal.Fail("unable to create image: cannot allocate '%s/images/%d/%s': No space left on device", st.Path, vmid, name)
		}
		return nil, refusal.Fail("zfs error: cannot create '%s/%s': out of space", st.Path, name)
	}
	v := &Volume{Size: size, Created: ds.now().Unix(), VMID: vmid, Content: "images", Format: format, ID: st.ID + ":" + name}
	if what == "subvol" {
		v.Content, v.Format = "rootdir", "subvol"
	}
	v.Format = cmp.Or(v.Format, "raw")
	if st.HoldsFiles() {
		v.ID = fmt.Sprintf("%s:%d/%s", st.ID, vmid, name)
		if what == "subvol" {
			v.Format = "raw"
		}
	}
	st.Volumes[v.ID] = v
	return v, nil
}

func (st *Datastore) volumeName(vmid int, what, format string) string {
	ext := ""
	if st.HoldsFiles() {
		ext = ".raw"
		if format == "qcow2" || what == "cloudinit" {
			ext = ".qcow2"
		}
	}
	if what == "cloudinit" {
		return fmt.Sprintf("vm-%d-cloudinit%s", vmid, ext)
	}
	prefix := "vm"
	if what == "subvol" && !st.HoldsFiles() && st.Type == "zfspool" {
		prefix = "subvol"
	}
	taken := map[int]bool{}
	for id, v := range st.Volumes {
		if v.VMID == vmid {
			taken[diskNumber(id)] = true
		}
	}
	n := 0
	for taken[n] {
		n++
	}
	return fmt.Sprintf("%s-%d-disk-%d%s", prefix, vmid, n, ext)
}

// diskNumber is N of vm-ID-disk-N.
func diskNumber(volid string) int {
	_, after, _ := strings.Cut(volid, "-disk-")
	digits, _, _ := strings.Cut(after, ".")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return -1
	}
	return n
}

// PutFile makes a file appear on a datastore, now.
func (ds *Datastores) PutFile(st *Datastore, v *Volume) {
	v.Created = ds.now().Unix()
	st.Volumes[v.ID] = v
}

// FilePath is where a volume lies, for logs.
func (ds *Datastores) FilePath(v *Volume) string {
	store, name, _ := strings.Cut(v.ID, ":")
	st := ds.byID[store]
	if !st.HoldsFiles() {
		return "/dev/zvol/" + st.Path + "/" + name
	}
	dir := map[string]string{"iso": "template/", "vztmpl": "template/", "images": "images/", "rootdir": "images/"}[v.Content]
	return st.Path + "/" + dir + strings.Replace(name, "vztmpl/", "cache/", 1)
}

// Text is storage.cfg, of which the digest is made.
func (ds *Datastores) Text() string {
	var b strings.Builder
	for _, id := range ds.IDs() {
		st := ds.byID[id]
		b.WriteString(st.Type + ": " + id + "\n\tcontent " + strings.Join(st.Content, ",") + "\n\tpath " + st.Path + "\n")
		st.Options.Write(&b)
		b.WriteString("\n")
	}
	return b.String()
}
