package disk

import (
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Model says what makes a change of names durable.
type Model string

// The models.
const (
	Journal Model = "journal"
	Strict  Model = "strict"
)

// Options say how a disk behaves.
type Options struct {
	Model Model
	// SyncTime is how long an fsync takes.
	SyncTime time.Duration
	// Lies makes every fsync report success and store nothing.
	Lies bool
}

// Disk is a file system in memory. It is safe for concurrent use.
type Disk struct {
	opts   Options
	first  *Disk         // what was there when it was made; only of a disk that lies
	serial atomic.Uint64 // of nodes

	mu      sync.Mutex
	root    *node
	tick    int64 // grows with each change and each fsync
	waiting []change
	off     bool
}

// node is a file or a folder.
type node struct {
	id       uint64
	mode     uint32 // with its type
	uid, gid uint32
	changed  time.Time

	content // of a file

	names  map[string]*node // of a folder; nil: a file
	stable map[string]*node // its names on stable storage
}

func (n *node) folder() bool { return n.names != nil }

// edit gives a name of a folder to a node, or to none.
type edit struct {
	folder *node
	name   string
	to     *node
}

// change is what happens to names at once.
type change struct {
	tick  int64
	edits []edit
}

func (c *change) touches(folders map[*node]bool) bool {
	return slices.ContainsFunc(c.edits, func(e edit) bool { return folders[e.folder] })
}

func (c *change) add(folders map[*node]bool) {
	for _, e := range c.edits {
		folders[e.folder] = true
	}
}

// store does the change in the names that namesOf gives for a folder.
func (c *change) store(namesOf func(*node) map[string]*node) {
	for _, e := range c.edits {
		if e.to == nil {
			delete(namesOf(e.folder), e.name)
		} else {
			namesOf(e.folder)[e.name] = e.to
		}
	}
}

// New makes an empty disk.
func New(o Options) *Disk {
	d := &Disk{opts: o}
	d.root = d.newNode(syscall.S_IFDIR | 0o755)
	d.remember()
	return d
}

func (d *Disk) remember() {
	if d.opts.Lies {
		d.first = &Disk{opts: d.opts}
		d.first.root = d.first.copy(d.root, nil, func(c *content) []byte { return c.live })
	}
}

func (d *Disk) newNode(mode uint32) *node {
	n := &node{id: d.serial.Add(1), mode: mode, changed: time.Now()}
	if mode&syscall.S_IFMT == syscall.S_IFDIR {
		n.names, n.stable = make(map[string]*node), make(map[string]*node)
	} else {
		n.dirty = make(map[int64]*page)
	}
	return n
}

// change changes names. The caller holds mu.
func (d *Disk) change(edits ...edit) {
	d.tick++
	for _, e := range edits {
		if e.to == nil {
			delete(e.folder.names, e.name)
		} else {
			e.folder.names[e.name] = e.to
		}
		e.folder.changed = time.Now()
	}
	d.waiting = append(d.waiting, change{d.tick, edits})
}

// sync is an fsync of a node.
func (d *Disk) sync(n *node) syscall.Errno {
	d.mu.Lock()
	d.tick++
	tick := d.tick
	var s snapshot
	if !n.folder() {
		s = n.snapshot(tick)
	}
	d.mu.Unlock()
	if d.opts.SyncTime > 0 {
		time.Sleep(d.opts.SyncTime)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return syscall.EIO
	}
	if !n.folder() {
		n.store(s)
	}
	d.storeNames(n, tick)
	return 0
}

// storeNames makes those changes of names durable that an fsync of the node covers.
func (d *Disk) storeNames(n *node, tick int64) {
	covered := make([]bool, len(d.waiting))
	needed := map[*node]bool{n: true}
	for i, c := range slices.Backward(d.waiting) {
		if c.tick < tick && (d.opts.Model == Journal || c.touches(needed)) {
			covered[i] = true
			c.add(needed) // what came before in the same folders
		}
	}
	var left []change
	for i, c := range d.waiting {
		if covered[i] {
			c.store(func(n *node) map[string]*node { return n.stable })
		} else {
			left = append(left, c)
		}
	}
	d.waiting = left
}

// Off cuts the power: from now on every request fails.
func (d *Disk) Off() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
}

// After is a disk that the machine may find when the power comes back. Call it after Off;
// it changes nothing, but a disk that lies gives the same one each time.
func (d *Disk) After(rnd *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.first != nil {
		d.first.remember()
		return d.first
	}
	kept := make(map[*node]map[string]*node) // names of folders that kept more than is stable
	namesOf := func(n *node) map[string]*node {
		if kept[n] == nil {
			kept[n] = maps.Clone(n.stable)
		}
		return kept[n]
	}
	keep := rates[rnd.IntN(len(rates))]
	lost := make(map[*node]bool)
	for _, c := range d.waiting {
		if (d.opts.Model == Journal && len(lost) > 0) || c.touches(lost) || rnd.Float64() >= keep {
			c.add(lost)
			continue
		}
		c.store(namesOf)
	}
	after := &Disk{opts: d.opts}
	after.root = after.copy(d.root, namesOf, func(c *content) []byte { return c.cut(rnd) })
	after.remember()
	return after
}

// copy copies what the names of a folder lead to; namesOf nil: those that are stable. What
// it makes is stable.
func (d *Disk) copy(n *node, namesOf func(*node) map[string]*node, left func(*content) []byte) *node {
	c := d.newNode(n.mode)
	c.uid, c.gid, c.changed = n.uid, n.gid, n.changed
	if !n.folder() {
		c.live = slices.Clone(left(&n.content))
		c.length = int64(len(c.live))
		return c
	}
	names := n.stable
	if namesOf != nil {
		names = namesOf(n)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c.names[name] = d.copy(names[name], namesOf, left)
	}
	maps.Copy(c.stable, c.names)
	return c
}

// File is a view of a file while nothing changes it: call it after Off, or before Mount.
type File struct {
	Path   string // with slashes, from the root
	Data   []byte // as programs see it
	Stable bool   // its name is on stable storage
	c      *content
}

// Syncs is how many fsyncs of it have ended.
func (f *File) Syncs() int { return f.c.syncs }

// Durable says whether a range is on stable storage.
func (f *File) Durable(from, to int) bool { return f.c.durable(int64(from), int64(to)) }

// Written is when the last byte of a range was written; zero: before this disk was made.
func (f *File) Written(from, to int) time.Time { return f.c.writtenAt(int64(from), int64(to)) }

// Files are all files that programs see.
func (d *Disk) Files() (all []File) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var walk func(at string, n *node, stable bool)
	walk = func(at string, n *node, stable bool) {
		for _, name := range slices.Sorted(maps.Keys(n.names)) {
			sub, p := n.names[name], path.Join(at, name)
			stable := stable && n.stable[name] == sub
			if sub.folder() {
				walk(p, sub, stable)
			} else {
				all = append(all, File{p, sub.live, stable, &sub.content})
			}
		}
	}
	walk("", d.root, true)
	return all
}
