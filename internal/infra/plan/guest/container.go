package guest

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pve"
)

// container is a declared container.
type container struct {
	*declaration.Container
	template string // volume ID
	asRoot   bool   // somebody logs in as root@pam itself
}

func (c *container) limited() []string {
	limited := []string{"storage/" + c.Root.Store}
	for _, mp := range c.Mounts {
		if mp.Bind == "" {
			limited = append(limited, "storage/"+mp.Store)
		}
	}
	slices.Sort(limited)
	return slices.Compact(limited)
}

// create makes a container in one request; where something needs root@pam, in several, and
// then it is started last.
func (c *container) create(lv *live.Guest) []change.Step {
	allowed, _ := splitFeatures(c.Container)
	rest := c.ofRoot()
	path := live.GuestPath(c.Node, declaration.LXC, c.VMID)
	var steps []change.Step
	if lv == nil {
		params := containerParams(c.Container)
		params.Set("ostemplate", c.template)
		if allowed != "" {
			params.Set("features", allowed)
		}
		create := change.Write("create", "POST", pve.Path("nodes", c.Node, "lxc"), params)
		create.Free = c.VMID
		if len(rest) == 0 || !c.asRoot {
			params.Set("start", "1")
			return []change.Step{create, runs(path)}
		}
		params.Set("description", live.Unfinished)
		steps = append(steps, create)
	} else {
		path = lv.Path()
	}
	if len(rest) > 0 && c.asRoot {
		steps = append(steps, rootStep(rest, path, ""))
	}
	return append(steps, finish(path, lv, c.Description)...)
}

// runs checks that a guest was started: its creation succeeds even when the start failed.
func runs(path string) change.Step {
	return change.Step{Op: change.OpRunning, Title: "check that it runs", Path: path}
}

// finish starts a new guest and replaces live.Unfinished by its own description.
func finish(path string, lv *live.Guest, description string) []change.Step {
	var steps []change.Step
	if lv == nil || !lv.Running() {
		steps = append(steps, change.Write("start", "POST", path+"/status/start", url.Values{}))
	}
	final := url.Values{"description": {description}}
	return append(steps, change.Write("finish", "PUT", path+"/config", final).From(path+"/config", ""))
}

func containerParams(c *declaration.Container) url.Values {
	v := url.Values{
		"vmid": {strconv.Itoa(c.VMID)}, "ostype": {c.OSType}, "hostname": {c.Name},
		"description": {c.Description}, "tags": {live.TagList(c.Tags)}, "cores": {strconv.Itoa(c.Cores)},
		"memory": {strconv.Itoa(c.Memory)}, "swap": {strconv.Itoa(c.Swap)},
		"rootfs":       {fmt.Sprintf("%s:%d", c.Root.Store, c.Root.Size)},
		"unprivileged": {pve.Flag(c.Unprivileged)}, "onboot": {pve.Flag(c.OnBoot)}, "protection": {pve.Flag(c.Protection)},
	}
	for i, mp := range c.Mounts {
		if mp.Bind == "" {
			v.Set("mp"+strconv.Itoa(i), mountString(mp))
		}
	}
	for i := range c.NICs {
		v.Set("net"+strconv.Itoa(i), containerNIC(&c.Guest, i).String())
	}
	for key, value := range map[string]string{
		"pool": c.Pool, "searchdomain": c.Domain, "nameserver": nameserverList(&c.Guest),
		"timezone": c.Timezone, "cpulimit": cpuLimit(&c.Guest),
		"password": c.Password.Reveal(), "ssh-public-keys": strings.Join(c.Keys, "\n"),
	} {
		if value != "" {
			v.Set(key, value)
		}
	}
	if c.Startup.Order != 0 {
		v.Set("startup", startup(c.Startup.Order, c.Startup.Up))
	}
	return v
}

func mountString(mp declaration.Mount) string {
	text := fmt.Sprintf("%s:%d,mp=%s", mp.Store, mp.Size, mp.Path)
	if mp.Bind != "" {
		text = mp.Bind + ",mp=" + mp.Path
	}
	return strings.TrimSuffix(text+","+mp.Options, ",")
}

// mountShown is a declared mount point for people.
func mountShown(mp declaration.Mount) string {
	if mp.Bind != "" {
		return mp.Bind + " of the node at " + mp.Path
	}
	return mp.Store + ":" + gib(mp.Size) + " at " + mp.Path
}

func (c *container) show(d *delta) {
	showCommon(d, &c.Guest)
	d.differs("swap", "", strconv.Itoa(c.Swap), "")
	d.differs("rootfs", "", c.Root.Store+":"+gib(c.Root.Size), "")
	for i, mp := range c.Mounts {
		d.differs("mp"+strconv.Itoa(i), "", mountShown(mp), "")
	}
	for i, dev := range c.Devices {
		d.differs("dev"+strconv.Itoa(i), "", deviceString(dev), "")
	}
	if c.Timezone != "" {
		d.differs("timezone", "", c.Timezone, "")
	}
	for i := range c.NICs {
		d.differs("net"+strconv.Itoa(i), "", containerNIC(&c.Guest, i).String(), "")
	}
	d.differs("unprivileged", "", pve.Flag(c.Unprivileged), "")
	if c.Features.Any() {
		d.differs("features", "", featureString(c.Features), "")
	}
}

// diff compares a live container.
func (c *container) diff(d *delta, lv *live.Guest) []change.Step {
	running := lv.Running()
	d.late("hostname", lv.Get("hostname"), "CT"+strconv.Itoa(c.VMID), c.Name, running)
	d.plain("cores", lv.Get("cores"), "", strconv.Itoa(c.Cores))
	d.plain("memory", lv.Get("memory"), "512", strconv.Itoa(c.Memory))
	d.plain("swap", lv.Get("swap"), "512", strconv.Itoa(c.Swap))
	d.cpuLimit(&c.Guest, lv)
	if c.Timezone != "" {
		d.late("timezone", lv.Get("timezone"), "", c.Timezone, running)
	}
	for i := range c.NICs {
		key := "net" + strconv.Itoa(i)
		d.network(key, pve.ParseProps(lv.Get(key), ""), containerNIC(&c.Guest, i))
	}
	d.extra(lv, "net", len(c.NICs))
	if have := pve.Flag(lv.Unprivileged()); have != pve.Flag(c.Unprivileged) {
		d.differs("unprivileged", have, pve.Flag(c.Unprivileged), change.Replaces)
	}
	if have := lv.Get("ostype"); have != "" && have != c.OSType && c.Declares("ostype") {
		d.addNote("its os_type is %s, declared is %s: that counts only when it is made, and stays", have, c.OSType)
	}
	steps := d.root(c.Container, lv)
	steps = append(steps, d.mounts(c.Container, lv)...)
	d.nodeDevices(c.Container, lv)
	steps = append(steps, c.features(d, lv)...)
	return append(steps, d.asked(c.asRoot, &c.Guest, lv)...)
}

// root compares the root file system: it can grow.
func (d *delta) root(c *declaration.Container, lv *live.Guest) []change.Step {
	p := pve.ParseProps(lv.Get("rootfs"), "volume")
	d.sameStore("rootfs", p.Default(), c.Root.Store, c.VMID)
	return d.grow("rootfs", p.Get("size"), c.Root.Size, lv)
}

// grow returns the step that makes a volume as large as declared. None can be made
// smaller.
func (d *delta) grow(disk, size string, want int, lv *live.Guest) []change.Step {
	have, need := live.Mebibytes(size), float64(want*1024)
	switch {
	case have == 0 || have == need:
		return nil
	case have > need:
		d.differs(disk+".size", size, gib(want), "")
		d.block("%s has %s and is declared with %s, and disks only grow: declare %s", disk, size, gib(want), gib(int(math.Ceil(have/1024))))
		return nil
	}
	d.differs(disk+".size", size, gib(want), "")
	params := url.Values{"disk": {disk}, "size": {gib(want)}}
	return []change.Step{change.Write("grow "+disk+" to "+gib(want), "PUT", lv.Path()+"/resize", params).From(lv.Path()+"/config", lv.Get("digest"))}
}

// sameStore refuses a volume on another storage: a container's volume can only be moved
// while it is stopped.
func (d *delta) sameStore(key, volume, want string, vmid int) {
	if have := live.Store(volume); have != want && have != "" {
		d.differs(key+".storage", have, want, "")
		d.block("%s.storage is %s and declared is %s: stop it and run `pct move-volume %d %s %s --delete`, or declare %s", key, have, want, vmid, key, want, have)
	}
}

// mounts compares mount points by their path in the container.
func (d *delta) mounts(c *declaration.Container, lv *live.Guest) []change.Step {
	byPath := map[string]string{} // path -> key
	for i := range live.MaxMounts {
		key := "mp" + strconv.Itoa(i)
		if s := lv.Get(key); s != "" {
			byPath[pve.ParseProps(s, "volume").Get("mp")] = key
		}
	}
	var steps []change.Step
	for i, mp := range c.Mounts {
		key, exists := byPath[mp.Path]
		switch {
		case mp.Bind != "":
			d.bind(mp, key, i, lv)
			delete(byPath, mp.Path)
			continue
		case !exists:
			if d.takesPlace(lv, mp.Path, looseMounts(c, lv), func(key string) string {
				if lv.Detaches(key) {
					return fmt.Sprintf("`pct set %d --revert %s`", c.VMID, key)
				}
				return fmt.Sprintf("`pct set %d --%s %s,mp=%s`", c.VMID, freeMount(d, lv, i), live.VolumeOf(lv.Get(key)), mp.Path)
			}) {
				continue
			}
			key = freeMount(d, lv, i)
			d.differs(key, "", mountShown(mp), "")
			d.set.Set(key, mountString(mp))
			continue
		}
		delete(byPath, mp.Path)
		p := pve.ParseProps(lv.Get(key), "volume")
		if from := p.Default(); strings.HasPrefix(from, "/") {
			d.differs(key, from, mountShown(mp), "")
			d.block("%s at %s is %s of the node, declared is a volume on %s: to keep it, take %s out of mount_points; to change it, %sstop the guest, run "+
				"`pct set %d --delete %s` on %s as root, apply, and copy what is in %s", key, mp.Path, from, mp.Store, mp.Path, unprotected(lv), c.VMID, key, lv.Node, from)
			continue
		}
		d.sameStore(key, p.Default(), mp.Store, c.VMID)
		if d.mountOptions(key, &p, mp) {
			d.set.Set(key, p.String())
			d.restarts(lv)
		}
		steps = append(steps, d.grow(key, p.Get("size"), mp.Size, lv)...)
	}
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		d.undeclared(c.Key, byPath[path], path, fmt.Sprintf("%s at %s", byPath[path], path), lv)
	}
	return steps
}

// looseMounts are the live volumes of a container that no declared mount point stands
// for. What is mounted from the node's own directories is none.
func looseMounts(c *declaration.Container, lv *live.Guest) []string {
	return slices.DeleteFunc(lv.DataDisks(), func(key string) bool {
		if lv.Detaches(key) {
			return false
		}
		path := pve.ParseProps(lv.Get(key), "volume").Get("mp")
		return strings.HasPrefix(live.VolumeOf(lv.Get(key)), "/") ||
			path != "" && slices.ContainsFunc(c.Mounts, func(mp declaration.Mount) bool { return mp.Path == path })
	})
}

// takesPlace refuses a blank volume while the guest has one that is not declared, which
// most probably is the one meant. Only a detached one can be attached; attach is the command
// that puts it there.
func (d *delta) takesPlace(lv *live.Guest, what string, loose []string, attach func(key string) string) bool {
	if len(loose) == 0 {
		return false
	}
	detached := func(key string) bool { return lv.Detaches(key) || strings.HasPrefix(key, "unused") }
	advice := "declare what " + loose[0] + " is in place of " + what
	if i := slices.IndexFunc(loose, detached); i >= 0 {
		advice = fmt.Sprintf("attach %s (%s), or remove it in Proxmox VE if it may go", loose[i], attach(loose[i]))
	}
	d.block("%s is declared and not there, but it has %s, which is not declared: a blank volume would take its place: %s",
		what, strings.Join(loose, ", "), advice)
	return true
}

// freeMount is the declared place of a mount point, or the first one that is free.
func freeMount(d *delta, lv *live.Guest, i int) string {
	taken := func(key string) bool { return lv.Get(key) != "" || d.set.Has(key) }
	if key := "mp" + strconv.Itoa(i); !taken(key) {
		return key
	}
	for n := range live.MaxMounts {
		if key := "mp" + strconv.Itoa(n); !taken(key) {
			return key
		}
	}
	return "mp" + strconv.Itoa(i)
}

// extra adds notes on indexed keys that are not declared.
func (d *delta) extra(lv *live.Guest, family string, declared int) {
	for i := declared; i < 32; i++ {
		if key := family + strconv.Itoa(i); lv.Get(key) != "" {
			d.addNote("%s is not declared and stays", key)
		}
	}
}
