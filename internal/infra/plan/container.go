package plan

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// maxMounts is how many mount points a container may have (mp0 to mp255).
const maxMounts = 256

func containerParts(m *maker, c *declaration.Container) parts {
	lanes := []string{"storage/" + c.Root.Store}
	for _, mp := range c.Mounts {
		lanes = append(lanes, "storage/"+mp.Store)
	}
	slices.Sort(lanes)
	return parts{
		object: ObjectContainer,
		create: func(lv *guest) []Step { return m.createContainer(c, lv) },
		shown:  func(d *delta) { showContainer(d, c) },
		diff:   func(d *delta, lv *guest) []Step { return m.diffContainer(d, c, lv) },
		manual: func(d *delta) { m.manualFeatures(d, c) },
		lanes:  slices.Compact(lanes),
	}
}

// createContainer makes a container in one request; where features need root@pam, in
// several, and then it is started last.
func (m *maker) createContainer(c *declaration.Container, lv *guest) []Step {
	allowed, rest := m.splitFeatures(c)
	path := guestPath(c.Node, declaration.LXC, c.VMID)
	var steps []Step
	if lv == nil {
		params := containerParams(c)
		params.Set("ostemplate", m.estate.ContainerTemplate)
		if allowed != "" {
			params.Set("features", allowed)
		}
		create := write("create", "POST", pve.Path("nodes", c.Node, "lxc"), params)
		create.Free = c.VMID
		if !rest || !m.opts.Root {
			params.Set("start", "1")
			return []Step{create, runs(path)}
		}
		params.Set("description", making)
		steps = append(steps, create)
	} else {
		path = lv.path()
	}
	if rest && m.opts.Root {
		features := write("set features", "PUT", path+"/config", url.Values{"features": {featureString(c.Features)}})
		features.Root = true
		steps = append(steps, features.from(path+"/config", ""))
	}
	return append(steps, finish(path, lv, c.Description)...)
}

// runs looks whether a guest was started: its creation is done also where that failed.
func runs(path string) Step { return Step{Op: OpRunning, Title: "look that it runs", Path: path} }

// finish starts a new guest and takes the mark of an unfinished one away.
func finish(path string, lv *guest, description string) []Step {
	var steps []Step
	if lv == nil || !lv.running() {
		steps = append(steps, write("start", "POST", path+"/status/start", url.Values{}))
	}
	final := url.Values{"description": {description}}
	return append(steps, write("finish", "PUT", path+"/config", final).from(path+"/config", ""))
}

func containerParams(c *declaration.Container) url.Values {
	v := url.Values{
		"vmid": {strconv.Itoa(c.VMID)}, "ostype": {c.OSType}, "hostname": {c.Name},
		"description": {c.Description}, "tags": {tagList(c.Tags)}, "cores": {strconv.Itoa(c.Cores)},
		"memory": {strconv.Itoa(c.Memory)}, "swap": {strconv.Itoa(c.Swap)},
		"rootfs":       {fmt.Sprintf("%s:%d", c.Root.Store, c.Root.Size)},
		"unprivileged": {flag(c.Unprivileged)}, "onboot": {flag(c.OnBoot)}, "protection": {flag(c.Protection)},
	}
	for i, mp := range c.Mounts {
		v.Set("mp"+strconv.Itoa(i), mountString(mp))
	}
	for i := range c.NICs {
		v.Set("net"+strconv.Itoa(i), containerNIC(&c.Guest, i).String())
	}
	for key, value := range map[string]string{
		"pool": c.Pool, "searchdomain": c.Domain, "nameserver": nameserverList(&c.Guest),
		"password": string(c.Password), "ssh-public-keys": strings.Join(c.Keys, "\n"),
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
	return fmt.Sprintf("%s:%d,mp=%s", mp.Store, mp.Size, mp.Path)
}

func showContainer(d *delta, c *declaration.Container) {
	showCommon(d, &c.Guest)
	d.differs("swap", "", strconv.Itoa(c.Swap), "")
	d.differs("rootfs", "", c.Root.Store+":"+gib(c.Root.Size), "")
	for i, mp := range c.Mounts {
		d.differs("mp"+strconv.Itoa(i), "", mp.Store+":"+gib(mp.Size)+" at "+mp.Path, "")
	}
	for i := range c.NICs {
		d.differs("net"+strconv.Itoa(i), "", containerNIC(&c.Guest, i).String(), "")
	}
	d.differs("unprivileged", "", flag(c.Unprivileged), "")
	if c.Features.Any() {
		d.differs("features", "", featureString(c.Features), "")
	}
}

// diffContainer compares a live container.
func (m *maker) diffContainer(d *delta, c *declaration.Container, lv *guest) []Step {
	running := lv.running()
	d.late("hostname", lv.get("hostname"), "CT"+strconv.Itoa(c.VMID), c.Name, running)
	d.plain("cores", lv.get("cores"), "", strconv.Itoa(c.Cores))
	d.plain("memory", lv.get("memory"), "512", strconv.Itoa(c.Memory))
	d.plain("swap", lv.get("swap"), "512", strconv.Itoa(c.Swap))
	for i := range c.NICs {
		key := "net" + strconv.Itoa(i)
		d.network(key, pve.ParseProps(lv.get(key), ""), containerNIC(&c.Guest, i))
	}
	d.extra(lv, "net", len(c.NICs))
	if live := flag(lv.conf.Bool("unprivileged", false)); live != flag(c.Unprivileged) {
		d.differs("unprivileged", live, flag(c.Unprivileged), replaces)
	}
	if live := lv.get("ostype"); live != "" && live != c.OSType {
		d.note("its os_type is %s, declared is %s: that counts only when it is made, and stays", live, c.OSType)
	}
	steps := d.root(c, lv)
	steps = append(steps, d.mounts(c, lv)...)
	return append(steps, m.features(d, c, lv)...)
}

// root compares the root file system: it can grow.
func (d *delta) root(c *declaration.Container, lv *guest) []Step {
	p := pve.ParseProps(lv.get("rootfs"), "volume")
	d.sameStore("rootfs", p.Default(), c.Root.Store, c.VMID)
	return d.grow("rootfs", p.Get("size"), c.Root.Size, lv)
}

// grow returns the step that makes a volume as large as declared. None can be made
// smaller.
func (d *delta) grow(disk, live string, want int, lv *guest) []Step {
	have, need := mebibytes(live), float64(want*1024)
	switch {
	case have == 0 || have == need:
		return nil
	case have > need:
		d.differs(disk+".size", live, gib(want), "")
		d.block("%s has %s and is declared with %s, and disks only grow: declare %s", disk, live, gib(want), gib(int(math.Ceil(have/1024))))
		return nil
	}
	d.differs(disk+".size", live, gib(want), "")
	params := url.Values{"disk": {disk}, "size": {gib(want)}}
	return []Step{write("grow "+disk+" to "+gib(want), "PUT", lv.path()+"/resize", params).from(lv.path()+"/config", lv.get("digest"))}
}

// sameStore refuses to have a volume elsewhere: a container's is only moved while it is
// stopped.
func (d *delta) sameStore(key, volume, want string, vmid int) {
	if live := store(volume); live != want && live != "" {
		d.differs(key+".storage", live, want, "")
		d.block("%s.storage is %s and declared is %s: stop it and run `pct move-volume %d %s %s --delete`, or declare %s", key, live, want, vmid, key, want, live)
	}
}

// mounts compares mount points by their path in the container.
func (d *delta) mounts(c *declaration.Container, lv *guest) []Step {
	live := map[string]string{} // path -> key
	for i := range maxMounts {
		key := "mp" + strconv.Itoa(i)
		if s := lv.get(key); s != "" {
			live[pve.ParseProps(s, "volume").Get("mp")] = key
		}
	}
	var steps []Step
	for i, mp := range c.Mounts {
		key, exists := live[mp.Path]
		if !exists {
			if d.takesPlace(lv, mp.Path, looseMounts(c, lv), func(key string) string {
				if lv.detaches(key) {
					return fmt.Sprintf("`pct set %d --revert %s`", c.VMID, key)
				}
				return fmt.Sprintf("`pct set %d --%s %s,mp=%s`", c.VMID, freeMount(d, lv, i), volumeOf(lv.get(key)), mp.Path)
			}) {
				continue
			}
			key = freeMount(d, lv, i)
			d.differs(key, "", mp.Store+":"+gib(mp.Size)+" at "+mp.Path, "")
			d.set.Set(key, mountString(mp))
			continue
		}
		delete(live, mp.Path)
		p := pve.ParseProps(lv.get(key), "volume")
		d.sameStore(key, p.Default(), mp.Store, c.VMID)
		steps = append(steps, d.grow(key, p.Get("size"), mp.Size, lv)...)
	}
	for _, path := range slices.Sorted(maps.Keys(live)) {
		d.note("%s at %s is not declared and stays", live[path], path)
	}
	return steps
}

// looseMounts are the live volumes of a container that no declared mount point stands
// for. What is mounted from the node's own directories is none.
func looseMounts(c *declaration.Container, lv *guest) []string {
	return slices.DeleteFunc(lv.dataDisks(), func(key string) bool {
		if lv.detaches(key) {
			return false
		}
		path := pve.ParseProps(lv.get(key), "volume").Get("mp")
		return strings.HasPrefix(volumeOf(lv.get(key)), "/") ||
			path != "" && slices.ContainsFunc(c.Mounts, func(mp declaration.Mount) bool { return mp.Path == path })
	})
}

func volumeOf(value string) string { return pve.ParseProps(value, "volume").Default() }

// takesPlace refuses a blank volume while the guest has one that is not declared, which
// most probably is the one meant. attach is the command that puts a volume there.
func (d *delta) takesPlace(lv *guest, what string, loose []string, attach func(key string) string) bool {
	if len(loose) == 0 {
		return false
	}
	key := loose[0]
	instead := "declare what " + key + " is"
	if lv.detaches(key) || strings.HasPrefix(key, "unused") {
		instead = "remove " + key + " in Proxmox VE if it may go"
	}
	d.block("%s is declared and not there, but it has %s, which is not declared: a blank volume would take its place: attach that one (%s), or %s",
		what, strings.Join(loose, ", "), attach(key), instead)
	return true
}

// freeMount is the declared place of a mount point, or the first one that is free.
func freeMount(d *delta, lv *guest, i int) string {
	taken := func(key string) bool { return lv.get(key) != "" || d.set.Has(key) }
	if key := "mp" + strconv.Itoa(i); !taken(key) {
		return key
	}
	for n := range maxMounts {
		if key := "mp" + strconv.Itoa(n); !taken(key) {
			return key
		}
	}
	return "mp" + strconv.Itoa(i)
}

// extra notes indexed keys beyond the declared ones.
func (d *delta) extra(lv *guest, family string, declared int) {
	for i := declared; i < 32; i++ {
		if key := family + strconv.Itoa(i); lv.get(key) != "" {
			d.note("%s is not declared and stays", key)
		}
	}
}
