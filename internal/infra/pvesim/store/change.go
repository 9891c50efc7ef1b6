package store

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
)

// Change is a write to a guest's configuration.
type Change struct {
	Set    conf.File
	Delete []string
	Revert []string // pending keys to forget
	Force  bool     // deleted volumes are destroyed, and not unused
}

// Removed are the deleted keys as settings without value, for checks of rights.
func (ch *Change) Removed() conf.File {
	out := conf.File{}
	for _, k := range ch.Delete {
		out[k] = ""
	}
	return out
}

// Apply writes a change: volumes are allocated now; what a running guest cannot apply on
// the fly becomes pending.
func (c *Cluster) Apply(g *Guest, ch *Change) error {
	for _, k := range ch.Revert {
		delete(g.Pending, k)
		delete(g.Deleted, k)
	}
	for _, k := range ch.Delete {
		if g.Config["protection"] == "1" && (g.IsVolume(k) || IsUnused(k)) {
			return refusal.Fail("can't remove %s %d disk '%s' - protection mode enabled", g.Noun(), g.VMID, k)
		}
		c.Volumes.removeKey(g, k, ch.Force)
	}
	c.Normalize(g.Kind, ch.Set)
	for _, k := range slices.Sorted(maps.Keys(ch.Set)) {
		v := ch.Set[k]
		if g.IsVolume(k) {
			var made []string
			stored, err := c.Volumes.Make(g, k, v, nil, &made)
			if err != nil {
				return err
			}
			c.Volumes.replace(g, k, stored)
			v = stored
		}
		g.setKey(k, v)
	}
	return nil
}

// replace lets go of the volume that a key has so far, when the new value names another
// one, and takes that out of the unused ones.
func (vs *Volumes) replace(g *Guest, k, stored string) {
	vol := VolumeOf(vs.tables.Value(g.Kind, k, stored))
	if old, ok := g.Config[k]; ok && VolumeOf(vs.tables.Value(g.Kind, k, old)) != vol {
		vs.drop(g, k, false)
	}
	maps.DeleteFunc(g.Config, func(k, v string) bool { return IsUnused(k) && v == vol })
}

func (vs *Volumes) removeKey(g *Guest, k string, force bool) {
	if _, ok := g.Config[k]; !ok {
		delete(g.Pending, k)
		return
	}
	switch {
	case IsUnused(k):
		vs.drop(g, k, true)
	case g.Running && !g.takesNow(k, true):
		delete(g.Pending, k)
		g.Deleted[k] = true
	case g.IsVolume(k):
		vs.drop(g, k, force)
	default:
		delete(g.Config, k)
	}
}

func (g *Guest) setKey(k, v string) {
	delete(g.Deleted, k)
	delete(g.Pending, k)
	switch {
	case v == "" && k != "description":
		delete(g.Config, k)
	case k == "description" && strings.TrimSpace(v) == "":
		delete(g.Config, k)
	case g.Running && g.Config[k] != v && !g.takesNow(k, false):
		g.Pending[k] = v
	default:
		g.Config[k] = v
	}
}

var (
	hotQEMU = regexp.MustCompile(`^(name|onboot|shares|startup|description|protection|vmstatestorage|hookscript|tags|lock|net\d+|scsi\d+|virtio\d+|unused\d+|balloon|usb\d+)$`)
	hotLXC  = regexp.MustCompile(`^(description|onboot|startup|protection|hostname|hookscript|cores|tags|lock|memory|swap|cpulimit|cpuunits|net\d+|unused\d+)$`)
)

// takesNow reports whether the guest takes a change while it runs, with the default
// hotplug setting (network, disk, usb).
func (g *Guest) takesNow(k string, removal bool) bool {
	if g.Kind == "qemu" {
		return hotQEMU.MatchString(k)
	}
	if strings.HasPrefix(k, "mp") {
		_, exists := g.Config[k]
		return !removal && !exists
	}
	return hotLXC.MatchString(k)
}

// Normalize rewrites values as the server stores them: MAC addresses are drawn, tags
// sorted, passwords hashed. Volumes are left to [Volumes.Make].
func (c *Cluster) Normalize(kind string, values conf.File) {
	for _, k := range slices.Sorted(maps.Keys(values)) {
		v := values[k]
		switch {
		case IsNet(k) && kind == "lxc":
			net := c.Tables.Value("lxc", k, v)
			net["type"] = "veth"
			values[k] = c.Tables.Print("lxc", k, c.withMAC(net, "hwaddr"))
		case IsNet(k):
			values[k] = c.Tables.Print("qemu", k, c.withMAC(c.Tables.Value("qemu", k, v), "macaddr"))
		case k == "tags":
			values[k] = NormalTags(v)
		case k == "cipassword":
			values[k] = "$5$" + conf.Digest(v)
		case k == "cdrom":
			values["ide2"] = v + ",media=cdrom"
			delete(values, k)
		}
	}
	if kind == "qemu" {
		delete(values, "reboot")
	}
}

// withMAC draws the MAC address of an interface that has none.
func (c *Cluster) withMAC(net map[string]string, key string) map[string]string {
	if net[key] == "" {
		net[key] = c.IDs.MAC()
	}
	net[key] = strings.ToUpper(net[key])
	return net
}
