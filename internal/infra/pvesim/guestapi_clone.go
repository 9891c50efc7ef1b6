package pvesim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func cloneGuest(c *call, kind string) (any, error) {
	src := c.guests[c.vmid()]
	newid, target := c.int("newid"), c.node.name
	if src == nil || src.kind != kind || src.node != c.node.name {
		if kind == "lxc" {
			return nil, fail("Configuration file '%s' does not exist", confPath(kind, c.node.name, c.vmid()))
		}
		return nil, fail("unable to find configuration file for VM %d on node '%s'", c.vmid(), c.node.name)
	}
	if t := c.str("target"); t != "" {
		if c.nodes[t] == nil {
			return nil, badParam("target", "target node '%s' does not exist", t)
		}
		target = t
	}
	if err := c.admitClone(src, newid, target); err != nil {
		return nil, err
	}
	template := src.config["template"] == "1"
	full := c.bool("full") || !template && !c.has("full")
	if !full && !template {
		for _, k := range sortedKeys(src.config) {
			if src.volumeKey(k) && !strings.Contains(src.config[k], "media=cdrom") {
				return nil, fail("Linked clone feature is not supported for '%s' (%s)", volumeOf(c.parse(kind, k, src.config[k])), k)
			}
		}
	}
	g := newGuest(newid, kind, target)
	g.config["lock"] = "create"
	if kind == "qemu" {
		g.config["lock"] = "clone"
	}
	c.guests[newid] = g
	begin, slot := c.cloneSlot(src)
	var made []string
	t, upid := c.spawn(map[string]string{"lxc": "vzclone", "qemu": "qmclone"}[kind], strconv.Itoa(src.vmid), func(t *task) error {
		if !slot {
			return src.flockTimeout()
		}
		if err := c.copyGuest(src, g, full, t, &made); err != nil {
			return fail("clone failed: %s", err)
		}
		return nil
	})
	t.due = begin.Add(c.opt.TaskDelay)
	if !slot {
		t.due = begin
	}
	t.undo = c.abandon(g, &made)
	return upid, nil
}

func (c *call) admitClone(src *guest, newid int, target string) error {
	if pool := c.str("pool"); pool != "" && c.pools[pool] == nil {
		return forbidden("pool '%s' does not exist", pool)
	}
	if other := c.guests[newid]; other != nil {
		return fail("unable to create VM %d: config file already exists", newid)
	}
	if err := src.checkLock(); err != nil {
		return err
	}
	if src.kind == "lxc" && src.running {
		return fail("Full clone of a running container is only possible from a snapshot")
	}
	if s := c.str("storage"); s != "" {
		st, err := c.storeFor(s, src.kind)
		if err != nil {
			return err
		}
		if target != c.node.name && !st.Shared {
			return fail("can't clone to non-shared storage '%s'", s)
		}
	}
	for _, k := range sortedKeys(src.config) {
		if !src.volumeKey(k) {
			continue
		}
		st, v := c.volume(volumeOf(c.parse(src.kind, k, src.config[k])))
		if v == nil || v.vmid != src.vmid {
			continue
		}
		if target != c.node.name && !st.Shared {
			return fail("can't clone VM to node '%s' (VM uses local storage)", target)
		}
		if err := c.require("/storage/"+st.ID, "Datastore.AllocateSpace"); err != nil {
			return err
		}
	}
	return nil
}

// cloneSlot says when a clone of src can begin: at once, or when one of the running
// ones has ended. false: not within the lock timeout, and when that is over.
func (c *call) cloneSlot(src *guest) (time.Time, bool) {
	now := c.opt.Now()
	if c.opt.MaxClones <= 0 {
		return now, true
	}
	var ends []time.Time
	for _, t := range c.tasks {
		if !t.done && strings.HasSuffix(t.kind, "clone") && t.id == strconv.Itoa(src.vmid) && t.node == c.node.name {
			ends = append(ends, t.due)
		}
	}
	if len(ends) < c.opt.MaxClones {
		return now, true
	}
	slices.SortFunc(ends, time.Time.Compare)
	begin := ends[len(ends)-c.opt.MaxClones]
	if begin.Sub(now) > c.opt.LockTimeout {
		return now.Add(c.opt.LockTimeout), false
	}
	return begin, true
}

func (c *call) copyGuest(src, g *guest, full bool, t *task, made *[]string) error {
	t.logf("creating a clone of VM %d with ID %d", src.vmid, g.vmid)
	out := config{}
	for _, k := range sortedKeys(src.config) {
		v := src.config[k]
		switch {
		case slices.Contains([]string{"template", "lock", "parent", "snapshots"}, k) || unusedKey.MatchString(k):
			continue
		case src.volumeKey(k):
			stored, err := c.copyVolume(src, g, k, full, t, made)
			if err != nil {
				return err
			}
			v = stored
		case netKey.MatchString(k):
			net := c.parse(g.kind, k, v)
			net[map[string]string{"lxc": "hwaddr", "qemu": "macaddr"}[g.kind]] = c.mac()
			v = c.tables.printProps(grammar(g.kind, k), net)
		case k == "vmgenid":
			v = c.uuid()
		case k == "smbios1":
			v = "uuid=" + c.uuid()
		}
		out[k] = v
	}
	nameKey := map[string]string{"lxc": "hostname", "qemu": "name"}[g.kind]
	switch {
	case c.has(nameKey):
		out[nameKey] = c.str(nameKey)
	case g.kind == "qemu":
		out[nameKey] = "Copy-of-VM-" + src.name()
	}
	if d := c.str("description"); d != "" {
		out["description"] = d
	}
	g.config = out
	c.join(g, c.str("pool"))
	return nil
}

func (c *call) copyVolume(src, g *guest, k string, full bool, t *task, made *[]string) (string, error) {
	values := c.parse(src.kind, k, src.config[k])
	vol := volumeOf(values)
	from, v := c.volume(vol)
	if v == nil || v.vmid != src.vmid {
		return src.config[k], nil // an ISO image, or nothing
	}
	st := from
	if s := c.str("storage"); s != "" && full {
		st = c.storages[s]
	}
	what := "disk"
	switch {
	case strings.Contains(vol, "-cloudinit"):
		what = "cloudinit"
	case g.kind == "lxc":
		what = "subvol"
	}
	linked := !full && what != "cloudinit"
	size := v.size
	if linked {
		size = 0 // shares its blocks with the base
	}
	made1, err := c.allocate(st, g.vmid, what, c.str("format"), size)
	if err != nil {
		return "", err
	}
	*made = append(*made, made1.id)
	made1.size = v.size
	if linked {
		made1.parent = vol
		t.logf("create linked clone of drive %s (%s)", k, vol)
	} else {
		t.logf("create full clone of drive %s (%s)", k, vol)
		t.logf("allocated target volume '%s'", made1.id)
		if what == "disk" {
			total := formatSize(v.size)
			for _, percent := range []int{0, 25, 50, 75, 100} {
				t.logf("transferred %d%% of %s", percent, total)
			}
		}
	}
	delete(values, "file")
	delete(values, "volume")
	values[map[string]string{"lxc": "volume", "qemu": "file"}[g.kind]] = made1.id
	return c.tables.printProps(grammar(g.kind, k), values), nil
}

func templateQEMU(c *call) (any, error) {
	g, err := c.guest("qemu")
	if err != nil {
		return nil, err
	}
	if err := g.checkLock(); err != nil {
		return nil, err
	}
	if g.config["template"] == "1" {
		return nil, fail("you can't convert a template to a template")
	}
	if g.running {
		return nil, fail("you can't convert a VM to template if VM is running")
	}
	_, upid := c.spawn("qmtemplate", strconv.Itoa(g.vmid), func(*task) error {
		c.makeTemplate(g)
		return nil
	})
	return upid, nil
}

func templateLXC(c *call) (any, error) {
	g, err := c.guest("lxc")
	if err != nil {
		return nil, err
	}
	if err := g.checkLock(); err != nil {
		return nil, err
	}
	if g.config["template"] == "1" {
		return nil, fail("you can't convert a template to a template")
	}
	if g.running {
		return nil, fail("you can't convert a CT to template if the CT is running")
	}
	c.makeTemplate(g)
	return nil, nil
}

// makeTemplate turns the volumes into base volumes.
func (s *Sim) makeTemplate(g *guest) {
	g.config["template"] = "1"
	for _, k := range sortedKeys(g.config) {
		if !g.volumeKey(k) || strings.Contains(g.config[k], "media=cdrom") {
			continue
		}
		values := s.parse(g.kind, k, g.config[k])
		st, v := s.volume(volumeOf(values))
		if v == nil || v.vmid != g.vmid {
			continue
		}
		delete(st.volumes, v.id)
		for _, p := range []string{"vm-", "subvol-"} {
			v.id = strings.Replace(v.id, fmt.Sprintf("%s%d-disk", p, g.vmid), fmt.Sprintf("base%s-%d-disk", map[string]string{"vm-": "", "subvol-": "vol"}[p], g.vmid), 1)
		}
		st.volumes[v.id] = v
		values[map[string]string{"lxc": "volume", "qemu": "file"}[g.kind]] = v.id
		g.config[k] = s.tables.printProps(grammar(g.kind, k), values)
	}
}
