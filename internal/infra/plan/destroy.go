package plan

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
)

// shutdownTimeout is how many seconds a guest has for a clean shutdown before it is
// stopped.
const shutdownTimeout = 60

// vanish plans the removal of guests that are live, ours, and declared no more. Each
// must be allowed by its name.
func (m *maker) vanish() {
	for _, l := range m.leaving {
		c := m.destroyChange(l.key, l.guest)
		switch data := l.dataDisks(); {
		case l.protected() || l.known.Protected:
			c.Blocks = append(c.Blocks, Block{Why: "it is protected and declared no more: " + m.farewell(l)})
		case len(data) > 0 && !(l.known.Unprotected && l.known.Name == l.Name):
			c.Blocks = append(c.Blocks, Block{Why: fmt.Sprintf("it has data disks (%s), is declared no more, and \"protection\": false was never applied to it: %s",
				strings.Join(data, ", "), m.farewell(l))})
		case !m.opts.allowed.destroy[l.VMID]:
			c.Blocks = append(c.Blocks, Block{
				Why:  "it is declared no more and would be destroyed with its disks: to keep it, " + m.letGo(l) + "; to destroy it, say so by name",
				Flag: "--allow-destroy " + l.key,
			})
		}
		m.add(c)
	}
}

// farewell says how a guest that is not to be destroyed by a flag can go.
func (m *maker) farewell(l leaver) string {
	keep := "; to keep it, " + m.letGo(l)
	if l.known.Key == declaration.SplunkKey || l.splunk() {
		return fmt.Sprintf("if it and its data may go, take its protection off and remove it in Proxmox VE (qm destroy %d), and run `provision state forget %s`", l.VMID, l.key) + keep
	}
	return "declare it again with \"protection\": false, apply that, and remove it then" + keep
}

// letGo says how to stop managing a guest.
func (m *maker) letGo(l leaver) string {
	var how []string
	if m.marked(l.guest) {
		how = append(how, "take its tag terraform off")
	}
	if l.recorded {
		how = append(how, "run `provision state forget "+l.key+"`")
	}
	return strings.Join(how, " and ")
}

// destroyChange removes a live guest.
func (m *maker) destroyChange(key string, lv *guest) Change {
	object := ObjectContainer
	if lv.kind() == declaration.QEMU {
		object = ObjectVM
	}
	c := Change{Key: key, Object: object, Action: Destroy, Name: lv.Name, VMID: lv.VMID, Node: lv.Node}
	c.Fields = append(c.Fields, Diff{Path: "name", From: lv.Name})
	for _, key := range lv.volumes() {
		c.Fields = append(c.Fields, Diff{Path: key, From: lv.volume(key)})
	}
	c.Steps = m.destroySteps(lv)
	return c
}

// destroySteps shut a guest down, and remove it with its disks. Nothing is begun when
// somebody changed it since the plan.
func (m *maker) destroySteps(lv *guest) []Step {
	path := lv.path()
	var steps []Step
	if lv.running() {
		steps = append(steps, Step{
			Op: OpStop, Title: "shut down", Path: path, Source: path + "/config", Digest: lv.conf.Digest(), Timeout: shutdownTimeout,
		})
	}
	params := url.Values{"purge": {"1"}, "destroy-unreferenced-disks": {"1"}}
	s := write("destroy", "DELETE", path, params)
	s.Source, s.Digest = path+"/config", lv.conf.Digest()
	return append(steps, s)
}

// volumes are the keys of everything that goes with a guest.
func (g *guest) volumes() []string {
	if g.kind() == declaration.QEMU {
		out := g.diskList()
		for _, key := range []string{"efidisk0", "tpmstate0"} {
			if g.get(key) != "" {
				out = append(out, key)
			}
		}
		return append(out, g.unused()...)
	}
	return append([]string{"rootfs"}, g.dataDisks()...)
}

// dataDisks are the volumes beside the one that a guest boots from, those that were
// detached from it included.
func (g *guest) dataDisks() []string {
	var out []string
	if g.kind() == declaration.QEMU {
		disks := g.diskList()
		out = append(out, disks[min(1, len(disks)):]...)
		if g.get("tpmstate0") != "" {
			out = append(out, "tpmstate0")
		}
		return append(out, g.unused()...)
	}
	for i := range maxMounts {
		if key := "mp" + strconv.Itoa(i); g.get(key) != "" {
			out = append(out, key)
		}
	}
	return append(out, g.unused()...)
}

// maxUnused is how many detached volumes a guest may have (unused0 to unused255).
const maxUnused = 256

// volume is what is at a key, also if a restart takes it off.
func (g *guest) volume(key string) string {
	if g.detaches(key) {
		return g.detached[key]
	}
	return g.get(key)
}

// unused are the keys of the volumes that are detached, or are with the next start, and
// still the guest's: they are removed with it.
func (g *guest) unused() []string {
	out := slices.Sorted(maps.Keys(g.detached))
	for i := range maxUnused {
		if key := "unused" + strconv.Itoa(i); g.get(key) != "" {
			out = append(out, key)
		}
	}
	return out
}

// replace turns a change that can't be made in place into a replacement, which must be
// allowed by name, and is never allowed for a protected guest.
func (m *maker) replace(c *Change, g *declaration.Guest, p parts, lv *guest) {
	i := slices.IndexFunc(c.Fields, func(f Diff) bool { return f.isReplacement() })
	if i < 0 {
		return
	}
	f := c.Fields[i]
	what := fmt.Sprintf("%s (%s to %s) %s", f.Path, f.From, f.To, f.Note)
	c.Action = Replace
	c.Steps = append(m.unprotect(lv), m.destroySteps(lv)...)
	c.Steps = append(c.Steps, p.create(nil)...)
	switch why := guard(g, lv); {
	case why != "":
		c.Blocks = append(c.Blocks, Block{Why: what + "; " + why + ": " + unguard(g)})
	case !m.sure(g, lv):
		c.Blocks = append(c.Blocks, Block{Why: what + "; " + m.renameFirst(g, lv)})
	case !m.opts.allowed.replace[g.VMID]:
		c.Blocks = append(c.Blocks, Block{
			Why:  what + "; to destroy the guest with its data and make it anew, say so by name",
			Flag: "--allow-replace " + g.Key,
		})
	}
}

// renameFirst refuses to remove a guest by a name that it never had.
func (m *maker) renameFirst(g *declaration.Guest, lv *guest) string {
	return fmt.Sprintf("its name is %s, which is neither declared nor recorded for %s: apply the name first, or give %s another vm_id", lv.Name, g.Key, g.Key)
}

// unprotect takes the protection of a live guest away, whose declaration says that it
// has none.
func (m *maker) unprotect(lv *guest) []Step {
	if !lv.protected() {
		return nil
	}
	path := lv.path() + "/config"
	return []Step{write("take protection off", "PUT", path, url.Values{"protection": {"0"}}).from(path, lv.conf.Digest())}
}

// MakeDestroy plans the removal of declared guests. Protected ones, and those with data,
// are refused unless the declaration says that they are not protected.
func MakeDestroy(ctx context.Context, api API, e *declaration.Estate, keys []string, opts Options) (*Plan, error) {
	opts.Only = keys
	m := newMaker(api, e, opts)
	m.plan.destroy = true
	if err := m.choose(); err != nil {
		return nil, err
	}
	if err := m.readCluster(ctx); err != nil {
		return nil, err
	}
	if err := m.readGuests(ctx); err != nil {
		return nil, err
	}
	if err := m.readPending(ctx, m.looked()); err != nil {
		return nil, err
	}
	for _, g := range m.declared {
		lv := m.live.guests[g.VMID]
		if lv == nil {
			m.note(g.Key, "it is not there")
			continue
		}
		why := m.foreign(g, lv)
		if why == "" {
			why = m.reuses(g, lv)
		}
		if why == "" && !m.sure(g, lv) {
			why = m.renameFirst(g, lv)
		}
		if why != "" {
			m.add(Change{Key: g.Key, Object: objectOf(g), Action: Refuse, Name: g.Name, VMID: g.VMID, Node: lv.Node, Blocks: []Block{{Why: why}}})
			continue
		}
		c := m.destroyChange(g.Key, lv)
		c.Steps = append(m.unprotect(lv), c.Steps...)
		if why := guard(g, lv); why != "" {
			c.Blocks = append(c.Blocks, Block{Why: why + ": " + unguard(g)})
		}
		m.add(c)
	}
	return m.plan, nil
}
