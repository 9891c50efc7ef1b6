package plan

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"syslog-gateway/internal/infra/spec"
)

// shutdownTimeout is how many seconds a guest has for a clean shutdown before it is
// stopped.
const shutdownTimeout = 60

// vanish plans the removal of guests that are live, ours, and declared no more. Each
// must be allowed by its name.
func (m *maker) vanish() {
	for _, lv := range m.vanished() {
		key := strconv.Itoa(lv.VMID)
		known, recorded := m.opts.Known[lv.VMID]
		switch {
		case recorded && known.Key != "" && m.byKey(known.Key) == nil:
			key = known.Key
		case lv.Name != "" && m.byKey(lv.Name) == nil:
			key = lv.Name
		}
		c := m.destroyChange(key, lv)
		switch {
		case lv.protected() || known.Protected:
			c.Blocks = append(c.Blocks, Block{Why: "it is protected and declared no more: declare it again with \"protection\": false, apply that, and remove it then"})
		case !recorded && len(lv.dataDisks()) > 0:
			c.Blocks = append(c.Blocks, Block{Why: fmt.Sprintf("it has data disks (%v) and is not in the record of what was applied: "+
				"declare it again with \"protection\": false, apply that, and remove it then", lv.dataDisks())})
		case !allows(m.opts.AllowDestroy, key, lv.Name, lv.VMID):
			c.Blocks = append(c.Blocks, Block{
				Why:  "it is declared no more and would be destroyed with its disks: say so by name",
				Flag: "--allow-destroy " + key,
			})
		}
		m.add(c)
	}
}

// destroyChange removes a live guest.
func (m *maker) destroyChange(key string, lv *guest) Change {
	object := ObjectContainer
	if lv.kind() == spec.QEMU {
		object = ObjectVM
	}
	c := Change{Key: key, Object: object, Action: Destroy, Name: lv.Name, VMID: lv.VMID, Node: lv.Node}
	for _, key := range lv.volumes() {
		c.Fields = append(c.Fields, Diff{Path: key, From: lv.get(key)})
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
	if g.kind() == spec.QEMU {
		return g.diskList()
	}
	return append([]string{"rootfs"}, g.dataDisks()...)
}

// dataDisks are the volumes beside the one that a guest boots from.
func (g *guest) dataDisks() []string {
	if g.kind() == spec.QEMU {
		disks := g.diskList()
		return disks[min(1, len(disks)):]
	}
	var out []string
	for i := range maxMounts {
		if key := "mp" + strconv.Itoa(i); g.get(key) != "" {
			out = append(out, key)
		}
	}
	return out
}

// replace turns a change that can't be made in place into a replacement, which must be
// allowed by name, and is never allowed for a protected guest.
func (m *maker) replace(c *Change, g *spec.Guest, p parts, lv *guest) {
	i := slices.IndexFunc(c.Fields, func(f Diff) bool { return f.isReplacement() })
	if i < 0 {
		return
	}
	f := c.Fields[i]
	what := fmt.Sprintf("%s (%s to %s) %s", f.Path, f.From, f.To, f.Note)
	c.Action = Replace
	c.Steps = append(m.unprotect(lv), m.destroySteps(lv)...)
	c.Steps = append(c.Steps, p.create(nil)...)
	switch {
	case g.Protection:
		c.Blocks = append(c.Blocks, Block{Why: what + "; it is protected: declare \"protection\": false first, if it and its data may go"})
	case !allows(m.opts.AllowReplace, g.Key, g.Name, g.VMID):
		c.Blocks = append(c.Blocks, Block{
			Why:  what + "; to destroy the guest with its data and make it anew, say so by name",
			Flag: "--allow-replace " + g.Key,
		})
	}
}

// unprotect takes the protection of a live guest away, whose declaration has none.
func (m *maker) unprotect(lv *guest) []Step {
	if !lv.protected() {
		return nil
	}
	path := lv.path() + "/config"
	return []Step{write("take protection off", "PUT", path, url.Values{"protection": {"0"}}).from(path, lv.conf.Digest())}
}

// MakeDestroy plans the removal of declared guests. Protected ones are refused until
// the declaration takes the protection off.
func MakeDestroy(ctx context.Context, api API, e *spec.Estate, keys []string, opts Options) (*Plan, error) {
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
	for _, g := range m.declared {
		lv := m.live.guests[g.VMID]
		if lv == nil {
			m.note(g.Key, "it is not there")
			continue
		}
		if why := m.foreign(g, lv); why != "" {
			m.add(Change{Key: g.Key, Object: objectOf(g), Action: Refuse, Name: g.Name, VMID: g.VMID, Node: lv.Node, Blocks: []Block{{Why: why}}})
			continue
		}
		c := m.destroyChange(g.Key, lv)
		c.Steps = append(m.unprotect(lv), c.Steps...)
		if g.Protection {
			c.Blocks = append(c.Blocks, Block{Why: "it is protected: declare \"protection\": false, if it and its data may go"})
		}
		m.add(c)
	}
	return m.plan, nil
}
