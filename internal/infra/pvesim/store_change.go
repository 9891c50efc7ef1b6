package pvesim

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// change is a configuration write, taken apart.
type change struct {
	set    config
	delete []string
	revert []string
}

// parseChange checks what every configuration write has in common.
func (c *call) parseChange(kind string) (*change, error) {
	ch := &change{set: c.settings(kind), delete: splitList(c.str("delete")), revert: splitList(c.str("revert"))}
	if len(ch.set)+len(ch.delete)+len(ch.revert) == 0 {
		return nil, fail("no options specified")
	}
	for _, k := range ch.revert {
		if c.tables.groups[kind].props[k] == nil {
			return nil, badParam("revert", "unknown option '%s'", k)
		}
		if _, both := ch.set[k]; both {
			return nil, badParam("revert", "you can't use '-%s' and '-revert %s' at the same time", k, k)
		}
	}
	for _, k := range ch.delete {
		if _, both := ch.set[k]; both {
			return nil, badParam("delete", "you can't use '-%s' and -delete %s' at the same time", k, k)
		}
		if c.tables.groups[kind].props[k] == nil {
			return nil, badParam("delete", "unknown option '%s'", k)
		}
	}
	return ch, nil
}

// removed are the deleted keys as settings without value, for checks of rights.
func (ch *change) removed() config {
	out := config{}
	for _, k := range ch.delete {
		out[k] = ""
	}
	return out
}

func updateLXC(c *call) (any, error) {
	ch, err := c.parseChange("lxc")
	if err != nil {
		return nil, err
	}
	g, err := c.guest("lxc")
	if err != nil {
		return nil, err
	}
	for _, part := range []config{ch.removed(), ch.set} {
		if err := c.checkRemovable(g, part); err != nil {
			return nil, err
		}
	}
	if err := g.checkLock(); err != nil {
		return nil, err
	}
	if err := g.checkDigest(c.str("digest")); err != nil {
		return nil, err
	}
	for _, k := range sortedKeys(ch.set) {
		if slices.Contains([]string{"unprivileged", "ostype", "arch", "template"}, k) && ch.set[k] != g.config[k] {
			return nil, fail("unable to modify read-only option: '%s'", k)
		}
	}
	for _, k := range ch.delete {
		if slices.Contains([]string{"rootfs", "arch", "ostype", "unprivileged"}, k) {
			return nil, fail("unable to delete required option '%s'", k)
		}
	}
	return nil, c.apply(g, ch)
}

// checkRemovable checks rights for LXC keys; an empty value is a removal.
func (c *call) checkRemovable(g *guest, part config) error {
	set := config{}
	for k, v := range part {
		if v == "" && mountKey.MatchString(k) {
			if err := c.requireVM(g.vmid, "", "VM.Config.Disk"); err != nil {
				return err
			}
			continue
		}
		set[k] = v
	}
	return c.checkLXC(g, set, "")
}

func updateQEMU(c *call) (any, error) {
	g, ch, err := c.qemuChange()
	if err != nil {
		return nil, err
	}
	return nil, c.apply(g, ch)
}

func updateQEMUTask(c *call) (any, error) {
	g, ch, err := c.qemuChange()
	if err != nil {
		return nil, err
	}
	_, upid := c.spawn("qmconfig", strconv.Itoa(g.vmid), func(t *task) error {
		var shown []string
		for _, k := range sortedKeys(ch.set) {
			v := ch.set[k]
			if k == "cipassword" {
				v = "<hidden>"
			}
			shown = append(shown, "-"+k+" "+v)
		}
		if len(ch.delete) > 0 {
			shown = append(shown, "-delete "+strings.Join(ch.delete, ","))
		}
		t.logf("update VM %d: %s", g.vmid, strings.Join(shown, " "))
		return c.apply(g, ch)
	})
	return upid, nil
}

func (c *call) qemuChange() (*guest, *change, error) {
	ch, err := c.parseChange("qemu")
	if err != nil {
		return nil, nil, err
	}
	if c.bool("skiplock") && !c.user.isRoot() {
		return nil, nil, badParam("skiplock", "Only root may use this option.")
	}
	for _, part := range []config{ch.removed(), ch.set} {
		if err := c.checkQEMU(part, ""); err != nil {
			return nil, nil, err
		}
	}
	g, err := c.guest("qemu")
	if err != nil {
		return nil, nil, err
	}
	if err := g.checkDigest(c.str("digest")); err != nil {
		return nil, nil, err
	}
	if !c.bool("skiplock") {
		if err := g.checkLock(); err != nil {
			return nil, nil, err
		}
	}
	return g, ch, nil
}

// apply writes a change: volumes are allocated now; what a running guest can't take on
// the fly becomes pending.
func (c *call) apply(g *guest, ch *change) error {
	for _, k := range ch.revert {
		delete(g.pending, k)
		delete(g.deleted, k)
	}
	for _, k := range ch.delete {
		if g.config["protection"] == "1" && (g.volumeKey(k) || unusedKey.MatchString(k)) {
			return fail("can't remove %s %d disk '%s' - protection mode enabled", g.noun(), g.vmid, k)
		}
		c.removeKey(g, k, c.bool("force"))
	}
	if g.kind == "qemu" {
		c.normalQEMU(ch.set)
	}
	for _, k := range sortedKeys(ch.set) {
		v := ch.set[k]
		switch {
		case g.volumeKey(k):
			var made []string
			stored, err := c.makeVolume(g, k, c.parse(g.kind, k, v), nil, &made)
			if err != nil {
				return err
			}
			v = stored
			if old, ok := g.config[k]; ok && volumeOf(c.parse(g.kind, k, old)) != volumeOf(c.parse(g.kind, k, v)) {
				c.drop(g, k, false)
			}
			c.claim(g, volumeOf(c.parse(g.kind, k, v)))
		case g.kind == "lxc" && netKey.MatchString(k):
			v = c.ctNet(v)
		case k == "tags":
			v = normalTags(v)
		}
		c.setKey(g, k, v)
	}
	return nil
}

// claim takes a volume out of the unused ones once a drive uses it.
func (c *call) claim(g *guest, vol string) {
	for k, v := range g.config {
		if unusedKey.MatchString(k) && v == vol {
			delete(g.config, k)
		}
	}
}

func (c *call) removeKey(g *guest, k string, force bool) {
	if _, ok := g.config[k]; !ok {
		delete(g.pending, k)
		return
	}
	switch {
	case unusedKey.MatchString(k):
		c.drop(g, k, true)
	case g.running && !hotPluggable(g, k, true):
		delete(g.pending, k)
		g.deleted[k] = true
	case g.volumeKey(k):
		c.drop(g, k, force)
	default:
		delete(g.config, k)
	}
}

func (c *call) setKey(g *guest, k, v string) {
	delete(g.deleted, k)
	delete(g.pending, k)
	switch {
	case v == "" && k != "description":
		delete(g.config, k)
	case k == "description" && strings.TrimSpace(v) == "":
		delete(g.config, k)
	case g.running && g.config[k] != v && !hotPluggable(g, k, false):
		g.pending[k] = v
	default:
		g.config[k] = v
	}
}

var (
	hotQEMU = regexp.MustCompile(`^(name|onboot|shares|startup|description|protection|vmstatestorage|hookscript|tags|lock|net\d+|scsi\d+|virtio\d+|unused\d+|balloon)$`)
	hotLXC  = regexp.MustCompile(`^(description|onboot|startup|protection|hostname|hookscript|cores|tags|lock|memory|swap|cpulimit|cpuunits|net\d+|unused\d+)$`)
)

// hotPluggable says whether a running guest takes the change at once, with the default
// hotplug setting (network, disk, usb).
func hotPluggable(g *guest, k string, removal bool) bool {
	if g.kind == "qemu" {
		return hotQEMU.MatchString(k)
	}
	if strings.HasPrefix(k, "mp") {
		_, exists := g.config[k]
		return !removal && !exists
	}
	return hotLXC.MatchString(k)
}

// settlePending makes what is pending active: at a start.
func (s *Sim) settlePending(g *guest) {
	for k := range g.deleted {
		if g.volumeKey(k) {
			s.drop(g, k, false)
		}
		delete(g.config, k)
	}
	for k, v := range g.pending {
		g.config[k] = v
	}
	g.pending, g.deleted = config{}, map[string]bool{}
}
