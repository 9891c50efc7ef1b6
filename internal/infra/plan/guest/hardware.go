package guest

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pve"
)

// ofRoot are the settings of a new container that only root@pam itself may make: features,
// directories and devices of the node.
func (c *container) ofRoot() url.Values {
	v := url.Values{}
	if _, rest := splitFeatures(c.Container); rest {
		v.Set("features", featureString(c.Features))
	}
	for i, mp := range c.Mounts {
		if mp.Bind != "" {
			v.Set("mp"+strconv.Itoa(i), mountString(mp))
		}
	}
	for i, dev := range c.Devices {
		v.Set("dev"+strconv.Itoa(i), deviceString(dev))
	}
	return v
}

// rootStep makes settings as root@pam.
func rootStep(values url.Values, path, digest string) change.Step {
	s := change.Write("set what only root@pam may", "PUT", path+"/config", values).From(path+"/config", digest)
	s.Root = true
	return s
}

// asked returns the step for what only root@pam may set of a live container, or says how to
// do it by hand.
func (d *delta) asked(asRoot bool, g *declaration.Guest, lv *live.Guest) []change.Step {
	switch {
	case len(d.asRoot) == 0:
		return nil
	case !asRoot:
		d.fields = slices.DeleteFunc(d.fields, func(f change.Diff) bool { return d.asRoot.Has(f.Path) })
		d.byHand(g, d.asRoot)
		return nil
	}
	for i, f := range d.fields {
		if d.asRoot.Has(f.Path) && lv.Running() && !strings.HasPrefix(f.Path, "usb") { // USB is plugged in at once
			d.fields[i].Note, d.reboot = atReboot, true
		}
	}
	return []change.Step{rootStep(d.asRoot, lv.Path(), lv.Get("digest"))}
}

// unprotected begins a way that Proxmox VE bars for a protected container.
func unprotected(lv *live.Guest) string {
	if !lv.Protected() {
		return ""
	}
	return fmt.Sprintf("take its protection off (`pct set %d --protection 0`), ", lv.VMID)
}

// bind compares a directory of the node that is mounted into the container. key is where it
// is, "" for nowhere; i is its declared place.
func (d *delta) bind(mp declaration.Mount, key string, i int, lv *live.Guest) {
	if key == "" {
		key = freeMount(d, lv, i)
		d.differs(key, "", mountShown(mp), "")
		d.asRoot.Set(key, mountString(mp))
		return
	}
	p := pve.ParseProps(lv.Get(key), "volume")
	if have := p.Default(); have != mp.Bind {
		d.differs(key, have, mountShown(mp), "")
		d.block("%s at %s is %s, declared is %s of the node: to keep it, declare it as it is; to change it, %sstop the guest, run `pct set %d --delete %s` on %s, and apply",
			key, mp.Path, have, mp.Bind, unprotected(lv), lv.VMID, key, lv.Node)
		return
	}
	fields := len(d.fields)
	if d.mountOptions(key, &p, mp) {
		d.asRoot.Set(key, p.String())
		for f := fields; f < len(d.fields); f++ {
			d.fields[f].Path = key // one difference of what is set as a whole
		}
	}
}

// mountOptions compares the declared options of a mount point.
func (d *delta) mountOptions(key string, p *pve.Props, mp declaration.Mount) bool {
	changed, want := false, pve.ParseProps(mp.Options, "")
	for _, option := range want.Keys() {
		from, to := p.Get(option), want.Get(option)
		if option == "mountoptions" {
			from = sortedList(from)
		} else {
			from = cmp.Or(from, map[bool]string{true: "1", false: "0"}[option == "replicate"])
		}
		if from == to {
			continue
		}
		changed = true
		d.differs(key+"."+option, from, to, "")
		if p.Delete(option); to != "" {
			p.Set(option, to)
		}
	}
	return changed
}

func deviceString(dev declaration.Device) string {
	p := pve.ParseProps(dev.Path, "path")
	if dev.DenyWrite {
		p.Set("deny-write", "1")
	}
	for _, id := range []struct {
		key string
		n   int
	}{{"gid", dev.GID}, {"uid", dev.UID}} {
		if id.n > 0 {
			p.Set(id.key, strconv.Itoa(id.n))
		}
	}
	if dev.Mode != "" {
		p.Set("mode", dev.Mode)
	}
	return p.String()
}

// maxDevices is how many devices a container can have.
const maxDevices = 256

// nodeDevices compares the devices of the node by their path. Undeclared ones stay.
func (d *delta) nodeDevices(c *declaration.Container, lv *live.Guest) {
	byPath := map[string]string{} // path -> key
	free := 0
	for i := range maxDevices {
		key := "dev" + strconv.Itoa(i)
		if s := lv.Get(key); s != "" {
			byPath[pve.ParseProps(s, "path").Default()] = key
		}
	}
	for _, dev := range c.Devices {
		key := byPath[dev.Path]
		delete(byPath, dev.Path)
		for key == "" {
			if place := "dev" + strconv.Itoa(free); lv.Get(place) == "" {
				key = place
			}
			free++
		}
		if have, want := pve.ParseProps(lv.Get(key), "path"), pve.ParseProps(deviceString(dev), "path"); !have.Equal(want) {
			d.differs(key, lv.Get(key), want.String(), "")
			d.asRoot.Set(key, want.String())
		}
	}
	for path, key := range byPath {
		d.addNote("the device %s (%s) is not declared and stays", path, key)
	}
}

// undeclared is a live mount point or disk that is not declared: it stays, unless it may be
// taken off by its name. Its volume is kept, as unusedN.
func (d *delta) undeclared(guest, key, name, what string, lv *live.Guest) {
	if !d.detach[name] {
		d.addNote("%s is not declared and stays (--allow-detach %s:%s takes it off, and keeps what is in it)", what, guest, name)
		return
	}
	d.taken = append(d.taken, name)
	if lv.Detaches(key) {
		return
	}
	d.differs(key, lv.Get(key), "", "taken off; its volume stays as unused")
	if lv.Protected() {
		d.block("it is protected, so that Proxmox VE takes no disk off: declare \"protection\": false and apply that first")
		return
	}
	d.remove(key)
	if lv.Kind() == declaration.LXC {
		d.restarts(lv)
	}
}

// remove takes a key out of the configuration.
func (d *delta) remove(key string) {
	d.set.Set("delete", strings.Trim(d.set.Get("delete")+","+key, ","))
}

// cpuLimit is how a limit is written, "" where none is declared.
func cpuLimit(g *declaration.Guest) string {
	if !g.Declares("cpulimit") {
		return ""
	}
	return strconv.FormatFloat(g.CPULimit, 'f', -1, 64)
}

func (d *delta) cpuLimit(g *declaration.Guest, lv *live.Guest) {
	want := cpuLimit(g)
	if have, err := strconv.ParseFloat(cmp.Or(lv.Get("cpulimit"), "0"), 64); want == "" || err == nil && have == g.CPULimit {
		return
	}
	d.differs("cpulimit", cmp.Or(lv.Get("cpulimit"), "0"), want, "")
	d.set.Set("cpulimit", want)
}
