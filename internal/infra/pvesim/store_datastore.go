package pvesim

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Storage is a datastore. Nodes empty means all.
type Storage struct {
	ID      string
	Type    string   // dir | zfspool | lvmthin | nfs | …
	Content []string // images, rootdir, iso, vztmpl, snippets, backup, import
	Path    string   // directory, or pool
	Total   int64    // bytes; 0 is 1 TiB
	Shared  bool
	Nodes   []string
	Offline bool // not active on any node
}

type storage struct {
	Storage
	volumes  map[string]*volume // by volume ID
	reserved int64              // used by what the simulator does not list
}

type volume struct {
	id, content, format string
	size, ctime         int64
	unpacked            int64 // of a container template
	vmid                int
	parent              string
}

func (s *Sim) addStorage(st Storage) {
	if st.Total == 0 {
		st.Total = 1 << 40
	}
	s.storages[st.ID] = &storage{Storage: st, volumes: map[string]*volume{}}
}

func (st *storage) used() int64 {
	used := st.reserved
	for _, v := range st.volumes {
		used += v.size
	}
	return used
}

func (st *storage) on(node string) bool {
	return len(st.Nodes) == 0 || slices.Contains(st.Nodes, node)
}

// files says whether volumes are files in directories.
func (st *storage) files() bool {
	return slices.Contains([]string{"dir", "nfs", "cifs", "btrfs", "cephfs"}, st.Type)
}

// store finds a storage on the call's node.
func (c *call) store(id string) (*storage, error) {
	st := c.storages[id]
	switch {
	case st == nil:
		return nil, fail("storage '%s' does not exist", id)
	case !st.on(c.node.name):
		return nil, fail("storage '%s' is not available on node '%s'", id, c.node.name)
	case st.Offline:
		return nil, fail("storage '%s' is not online", id)
	}
	return st, nil
}

// storeFor is store for volumes of a guest, with rights and content type.
func (c *call) storeFor(id, kind string) (*storage, error) {
	if err := c.require("/storage/"+id, "Datastore.AllocateSpace"); err != nil {
		return nil, err
	}
	st, err := c.store(id)
	if err != nil {
		return nil, err
	}
	if kind == "lxc" && !slices.Contains(st.Content, "rootdir") {
		return nil, badParam("storage", "storage '%s' does not support container directories", id)
	}
	if kind == "qemu" && !slices.Contains(st.Content, "images") {
		return nil, badParam("storage", "storage '%s' does not support vm images", id)
	}
	return st, nil
}

// allocate makes a volume for a guest. what is disk, cloudinit or subvol.
func (s *Sim) allocate(st *storage, vmid int, what, format string, size int64) (*volume, error) {
	name := s.volumeName(st, vmid, what, format)
	if st.used()+size > st.Total {
		if st.files() {
			return nil, fail("unable to create image: cannot allocate '%s/images/%d/%s': No space left on device", st.Path, vmid, name)
		}
		return nil, fail("zfs error: cannot create '%s/%s': out of space", st.Path, name)
	}
	v := &volume{size: size, ctime: s.opt.Now().Unix(), vmid: vmid, content: "images", format: format, id: st.ID + ":" + name}
	if what == "subvol" {
		v.content, v.format = "rootdir", "subvol"
	}
	if v.format == "" {
		v.format = "raw"
	}
	if st.files() {
		v.id = fmt.Sprintf("%s:%d/%s", st.ID, vmid, name)
		if what == "subvol" {
			v.format = "raw"
		}
	}
	st.volumes[v.id] = v
	return v, nil
}

func (s *Sim) volumeName(st *storage, vmid int, what, format string) string {
	ext := ""
	if st.files() {
		ext = ".raw"
		if format == "qcow2" || what == "cloudinit" {
			ext = ".qcow2"
		}
	}
	if what == "cloudinit" {
		return fmt.Sprintf("vm-%d-cloudinit%s", vmid, ext)
	}
	prefix := "vm"
	if what == "subvol" && !st.files() && st.Type == "zfspool" {
		prefix = "subvol"
	}
	taken := map[int]bool{}
	for id, v := range st.volumes {
		if v.vmid == vmid {
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

// volume finds a volume by its ID.
func (s *Sim) volume(id string) (*storage, *volume) {
	store, _, _ := strings.Cut(id, ":")
	st := s.storages[store]
	if st == nil {
		return nil, nil
	}
	return st, st.volumes[id]
}

// release removes a volume; a missing one is fine.
func (s *Sim) release(id string) {
	if st, v := s.volume(id); v != nil {
		delete(st.volumes, id)
	}
}

// gib turns a count of GiB, maybe with a fraction, into bytes.
func gib(text string) int64 {
	f, _ := strconv.ParseFloat(text, 64)
	return int64(math.Ceil(f * (1 << 30)))
}

// parseSize reads 4G, 512M, 1.5T or bytes.
func parseSize(text string) int64 {
	units := map[byte]float64{'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30, 'T': 1 << 40}
	if text == "" {
		return 0
	}
	unit, ok := units[text[len(text)-1]]
	if ok {
		text = text[:len(text)-1]
	} else {
		unit = 1
	}
	f, _ := strconv.ParseFloat(text, 64)
	return int64(math.Ceil(f * unit))
}

// formatSize is JSONSchema::format_size: the largest unit that stays whole.
func formatSize(n int64) string {
	for _, u := range []string{"", "K", "M", "G"} {
		if n%1024 != 0 || n == 0 {
			return strconv.FormatInt(n, 10) + u
		}
		n /= 1024
	}
	return strconv.FormatInt(n, 10) + "T"
}
