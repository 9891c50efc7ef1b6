package plan

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// storage is a line of /nodes/N/storage.
type storage struct {
	Storage string  `json:"storage"`
	Type    string  `json:"type"`
	Content string  `json:"content"`
	Enabled pve.Int `json:"enabled"`
	Active  pve.Int `json:"active"`
	Avail   pve.Int `json:"avail"` // bytes
}

// Content types of storages.
const (
	contentImages   = "images"
	contentRoot     = "rootdir"
	contentTemplate = "vztmpl"
	contentSnippets = "snippets"
	contentISO      = "iso"
)

// need is what a guest asks of a storage.
type need struct {
	key, node, store, content string
	gib                       int
}

// checks looks at what the planned creations and new disks need, before anything is
// made: storages, their content types and space, container templates, VM templates, the
// ISO image and the snippet.
func (m *maker) checks(ctx context.Context) error {
	var needs []need
	for _, c := range slices.Clone(m.plan.Changes) {
		if g := m.byKey(c.Key); c.Guest() && g != nil {
			needs = append(needs, m.needs(c, g)...)
		}
	}
	expects := len(m.opts.Only) == 0 && len(m.estate.Datastores) > 0
	if len(needs) == 0 && !expects {
		return nil
	}
	if err := m.readStorage(ctx, needs, expects); err != nil {
		return err
	}
	if expects {
		m.datastores()
	}
	m.space(needs)
	m.vmTemplates()
	return m.volumes(ctx)
}

// creates says whether the change makes a guest from nothing.
func (c Change) creates() bool { return c.Action == Create || c.Action == Replace }

func (m *maker) byKey(key string) *declaration.Guest {
	for _, g := range m.declared {
		if g.Key == key {
			return g
		}
	}
	return nil
}

func (m *maker) container(g *declaration.Guest) *declaration.Container {
	for i := range m.estate.Containers {
		if &m.estate.Containers[i].Guest == g {
			return &m.estate.Containers[i]
		}
	}
	return nil
}

func (m *maker) vm(g *declaration.Guest) *declaration.VM {
	for _, v := range m.vms() {
		if &v.Guest == g {
			return v
		}
	}
	return nil
}

// needs are the volumes that a change allocates.
func (m *maker) needs(c Change, g *declaration.Guest) []need {
	var out []need
	lv := m.live.guests[g.VMID]
	add := func(key, where, content string, size int) {
		have := 0.0
		if lv != nil && c.Action != Replace && store(volumeOf(lv.get(key))) == where {
			have = mebibytes(pve.ParseProps(lv.get(key), "file").Get("size")) / 1024
		}
		if more := size - int(have); more > 0 {
			out = append(out, need{key: c.Key, node: c.Node, store: where, content: content, gib: more})
		}
	}
	if ct := m.container(g); ct != nil {
		add("rootfs", ct.Root.Store, contentRoot, ct.Root.Size)
		paths := map[string]string{}
		if lv != nil {
			for key, value := range lv.conf {
				if strings.HasPrefix(key, "mp") {
					paths[pve.ParseProps(value, "volume").Get("mp")] = key
				}
			}
		}
		for _, mp := range ct.Mounts {
			add(paths[mp.Path], mp.Store, contentRoot, mp.Size)
		}
		return out
	}
	for _, d := range m.vm(g).Disks {
		add(d.Interface, d.Store, contentImages, d.Size)
	}
	return out
}

// readStorage reads the storages of the nodes that anything is needed of, and of the
// estate's own if asked for.
func (m *maker) readStorage(ctx context.Context, needs []need, own bool) error {
	r := newReader(ctx, m.api, m.opts.Parallel)
	var nodes []string
	for _, n := range needs {
		nodes = append(nodes, n.node)
	}
	if own {
		nodes = append(nodes, m.estate.Node)
	}
	for _, node := range nodes {
		if _, read := m.live.storage[node]; read {
			continue
		}
		byName := map[string]storage{}
		m.live.storage[node] = byName
		var list []storage
		r.get(pve.Path("nodes", node, "storage"), nil, &list, func() {
			for _, s := range list {
				byName[s.Storage] = s
			}
		})
	}
	return r.group.Wait()
}

// datastores notes what the declaration expects of the node's storages and does not find.
func (m *maker) datastores() {
	for _, d := range m.estate.Datastores {
		s := m.live.storage[m.estate.Node][d.Name]
		if s.Storage != "" && d.Type != "" && s.Type != d.Type {
			m.note(d.Name, "the datastore is declared as %s, but it is %s: it stays", d.Type, s.Type)
		}
		for _, content := range d.Content {
			if why := s.unfit(d.Name, m.estate.Node, content); why != "" {
				m.note(d.Name, "%s", why)
				if s.Storage == "" {
					break
				}
			}
		}
	}
}

// space compares what is asked with what is there. One guest that does not fit is
// refused; a sum that does not fit is noted, since most storages are thin.
func (m *maker) space(needs []need) {
	perGuest, total := map[string]int{}, map[string]int{}
	said := map[string]bool{}
	for _, n := range needs {
		id := n.key + " " + n.store
		why := m.live.storage[n.node][n.store].unfit(n.store, n.node, n.content)
		if why != "" && !said[id] {
			said[id] = true
			m.refuse(n.key, why)
		}
		perGuest[id] += n.gib
		total[n.node+"/"+n.store] += n.gib
		if free := int(m.live.storage[n.node][n.store].Avail >> 30); why == "" && perGuest[id] > free && !said[id] {
			said[id] = true
			m.refuse(n.key, fmt.Sprintf("storage %s on %s is full: it asks for %d GiB, %d GiB are free: make room, or declare a smaller disk or another storage",
				n.store, n.node, perGuest[id], free))
		}
	}
	for _, n := range needs {
		id := n.node + "/" + n.store
		if free := int(m.live.storage[n.node][n.store].Avail >> 30); total[id] > free && !said[id] && free > 0 {
			said[id] = true
			m.note(n.store, "storage %s on %s has %d GiB free, new disks may grow to %d GiB together", n.store, n.node, free, total[id])
		}
	}
}

// unfit says why a storage can't hold a kind of content, "" if it can.
func (s storage) unfit(name, node, content string) string {
	switch {
	case s.Storage == "":
		return fmt.Sprintf("node %s has no storage %s: declare one that it has", node, name)
	case s.Enabled == 0:
		return fmt.Sprintf("storage %s is disabled on %s: enable it", name, node)
	case s.Active == 0:
		return fmt.Sprintf("storage %s is not active on %s: look at it there", name, node)
	case !slices.Contains(strings.Split(s.Content, ","), content):
		return fmt.Sprintf("storage %s does not take content %s (it takes %s): add it with `pvesm set %s --content %s,%s`",
			name, content, s.Content, name, s.Content, content)
	}
	return ""
}

// refuse blocks the change of a guest.
func (m *maker) refuse(key, why string) {
	for i := range m.plan.Changes {
		if c := &m.plan.Changes[i]; c.Key == key && c.Guest() {
			c.Blocks = append(c.Blocks, Block{Why: why})
		}
	}
}

// vmTemplates looks at the templates of the VMs that are to be cloned.
func (m *maker) vmTemplates() {
	for _, v := range m.vms() {
		c := m.change(guestID(&v.Guest))
		if c == nil || !c.creates() || v.Template == 0 || c.resumes {
			continue
		}
		for _, why := range templateFaults(m.live.guests[v.Template], v) {
			m.refuse(v.Key, why)
		}
	}
}

func templateFaults(t *guest, v *declaration.VM) []string {
	id := strconv.Itoa(v.Template)
	switch {
	case t == nil:
		return []string{"there is no template " + id + ": make it (see docs), or declare the VMID of one that exists"}
	case t.kind() != declaration.QEMU || !t.Template:
		return []string{fmt.Sprintf("%s (%s %s) is not a template of a VM: run `qm template %s`, or declare another", id, t.Type, t.Name, id)}
	case len(v.Disks) == 0:
		return nil
	}
	var out []string
	boot := v.Disks[0]
	if value, ok := t.conf[boot.Interface]; !ok || !isDisk(boot.Interface, value) {
		out = append(out, fmt.Sprintf("its boot disk is declared as %s, but template %s has %s: a blank disk would not boot; declare the template's interface",
			boot.Interface, id, strings.Join(t.diskList(), ", ")))
	}
	for _, d := range v.Disks {
		size := pve.ParseProps(t.get(d.Interface), "file").Get("size")
		if mebibytes(size) > float64(d.Size*1024) {
			out = append(out, fmt.Sprintf("%s is declared with %d GiB, but that of template %s has %s, and disks only grow: declare at least that",
				d.Interface, d.Size, id, size))
		}
	}
	return out
}

// volumes looks for the files that new guests are made from.
func (m *maker) volumes(ctx context.Context) error {
	for _, g := range m.declared {
		c := m.change(guestID(g))
		if c == nil || !c.creates() || c.resumes {
			continue
		}
		if m.container(g) != nil {
			if err := m.containerTemplate(ctx, c); err != nil {
				return err
			}
			continue
		}
		v := m.vm(g)
		if v.CDROM != "" {
			if err := m.file(ctx, c, v.CDROM, contentISO, "upload the image to the storage"); err != nil {
				return err
			}
		}
		if v.SnippetFile != "" {
			if err := m.snippet(ctx, c, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// has says whether a node's storage has a volume.
func (m *maker) has(ctx context.Context, node, volume, content string) (bool, error) {
	key := node + " " + content + " " + store(volume)
	if _, read := m.content[key]; !read {
		var list []struct{ VolID string }
		path := pve.Path("nodes", node, "storage", store(volume), "content")
		if err := m.api.Get(ctx, path, url.Values{"content": {content}}, &list); err != nil {
			return false, fmt.Errorf("look for %s: %w", volume, err)
		}
		m.content[key] = map[string]bool{}
		for _, v := range list {
			m.content[key][v.VolID] = true
		}
	}
	return m.content[key][volume], nil
}

// file blocks a change whose file is not there.
func (m *maker) file(ctx context.Context, c *Change, volume, content, fix string) error {
	if s := m.live.storage[c.Node][store(volume)]; s.unfit(store(volume), c.Node, content) != "" {
		c.Blocks = append(c.Blocks, Block{Why: s.unfit(store(volume), c.Node, content)})
		return nil
	}
	ok, err := m.has(ctx, c.Node, volume, content)
	if err == nil && !ok {
		c.Blocks = append(c.Blocks, Block{Why: fmt.Sprintf("%s is not on %s: %s", volume, c.Node, fix)})
	}
	return err
}
