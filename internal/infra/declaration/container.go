package declaration

import (
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
)

// maxDisk is the largest disk in GiB: a slip of the finger ends here, not on a pool.
const maxDisk = 65536

// containers reads the containers.
type containers struct{ guests }

func (b containers) read(en reader.Entry) Container {
	o := en.Object
	c := Container{Guest: b.guest(en, kindDefaults{
		kind: LXC, nameKey: "hostname", description: "TF CT", tags: []string{"terraform", "container"},
		cores: 2, memory: 512, minMemory: 64,
	})}
	if c.Class == "splunk_container" {
		b.fixedSplunk(o, &c.Guest)
	}
	c.Swap = o.Whole("memory_swap", 512, 0, 1<<20)
	c.NICs = nics{b.report, b.claims}.read(o, &c.Guest, true)
	b.rootDisk(o, &c)
	b.mounts(o, &c)
	b.features(o, &c)
	b.devices(o, &c)
	b.noteRoot(o, &c)
	if o.Get("timezone") != nil {
		c.Timezone = o.Text("timezone", "", timezoneRule)
	}
	b.limited(o, &c.Guest)
	b.addresses.read6(o, &c.Guest)
	c.OSType = o.Word("os_type", "debian", "alpine", "archlinux", "centos", "debian", "devuan", "fedora", "gentoo", "nixos", "opensuse", "ubuntu", "unmanaged")
	c.unless(o, "os_type", "ostype")
	b.bootFlag(o, &c.Guest)
	b.rootAccount(o, &c)
	o.Unused("ip_config", "addresses are derived from vm_id; ip and dhcp set another one")
	b.protect(o, &c.Guest, slices.ContainsFunc(c.Mounts, func(m Mount) bool { return m.Bind == "" }))
	return c
}

func (b containers) rootDisk(o *reader.Object, c *Container) {
	d := o.OrEmpty("root_disk")
	c.Root = Disk{
		Interface: "rootfs",
		Store:     d.Text("datastore_id", b.estate.DefaultStore, storeRule),
		Size:      d.Whole("size", 16, 1, maxDisk),
	}
	d.End()
}

// maxMounts and maxDevices are Proxmox VE's limits: mp0 to mp255, dev0 to dev255 (API,
// create_vm of lxc).
const (
	maxMounts  = 256
	maxDevices = 256
)

func (b containers) mounts(o *reader.Object, c *Container) {
	atMostItems(b.report, o, "mount_points", maxMounts)
	for _, m := range o.Objects("mount_points") {
		mount := Mount{Path: m.NeedText("path", absolute)}
		if v := m.Get("volume"); v != nil && strings.HasPrefix(v.Text, "/") {
			mount.Bind = m.NeedText("volume", absolute)
			if size := m.Typed("size", reader.KindText); size != nil {
				b.report.Problem(size, "is declared for "+v.Shown()+", a directory of the node", "remove it, or name the datastore that a volume is made in")
			}
		} else {
			mount.Store = m.NeedText("volume", storeRule)
			if m.Get("size") == nil {
				m.Missing("size")
			}
			mount.Size, _ = gibibytes(m.Text("size", "", sizeRule))
		}
		mount.Options = mountOptions(m)
		for _, other := range c.Mounts {
			if other.Path == mount.Path && mount.Path != "" {
				b.report.Problem(m.Place("path"), m.Place("path").Shown()+" is mounted twice", "every mount point needs its own path")
			}
		}
		c.Mounts = append(c.Mounts, mount)
		m.End()
	}
}

// sandboxed reports whether a unit of this project is to run in the container: systemd cannot
// give it its file systems without nesting.
func (c *Container) sandboxed() bool {
	return slices.ContainsFunc(c.Tags, func(t string) bool { return t == "syslog-gateway" || t == "syslog-gateway-queue" })
}

// LacksNesting reports whether the unit in the container would not start as it is declared.
func (c *Container) LacksNesting() bool { return c.sandboxed() && !c.Features.Nesting }

func (b containers) features(o *reader.Object, c *Container) {
	c.Unprivileged = o.Flag("unprivileged", false)
	f := o.OrEmpty("features")
	c.Features = Features{
		Nesting: f.Flag("nesting", c.sandboxed() && c.Unprivileged),
		Keyctl:  f.Flag("keyctl", false),
		Fuse:    f.Flag("fuse", false),
		Mount:   f.Texts("mount", nil, pattern(wordText, "is not a type of file system", "such as nfs or cifs")),
	}
	f.End()
	if c.LacksNesting() {
		b.report.AddNote(o.Place("features"), "the unit of syslog-gateway does not start in a container without nesting, nor does that of its queue", "set nesting to true")
	}
	beyond := c.Features
	beyond.Nesting = beyond.Nesting && !c.Unprivileged
	if beyond.Any() {
		b.onlyRoot(o.Place("features"), strings.Join(beyond.names(), ", ")+privilege(c))
	}
}

// onlyRoot adds a note on what a token may not set.
func (b guests) onlyRoot(place *reader.Value, what string) {
	b.report.AddNote(place, "Proxmox VE lets only root@pam itself set these ("+what+"), no token and no other user",
		"give PROXMOX_VE_USERNAME=root@pam with PROXMOX_VE_PASSWORD for the apply that makes or changes them")
}

// noteRoot adds notes on directories and devices of the node.
func (b containers) noteRoot(o *reader.Object, c *Container) {
	var binds, devices []string
	for _, m := range c.Mounts {
		if m.Bind != "" {
			binds = append(binds, m.Bind)
		}
	}
	for _, d := range c.Devices {
		devices = append(devices, d.Path)
	}
	if len(binds) > 0 {
		b.onlyRoot(o.Place("mount_points"), "directories of the node: "+strings.Join(binds, ", "))
	}
	if len(devices) > 0 {
		b.onlyRoot(o.Place("devices"), strings.Join(devices, ", "))
	}
}

func privilege(c *Container) string {
	if c.Unprivileged {
		return ""
	}
	return " on a privileged container"
}

func (f Features) names() []string {
	names := make([]string, 0, len(f.Mount)+3)
	for _, n := range []struct {
		is   bool
		name string
	}{{f.Nesting, "nesting"}, {f.Keyctl, "keyctl"}, {f.Fuse, "fuse"}} {
		if n.is {
			names = append(names, n.name)
		}
	}
	for _, m := range f.Mount {
		names = append(names, "mount="+m)
	}
	return names
}

// rootAccount reads what lets root in.
//
// Decision: the operator's key is always among the keys; without user_account the
// modules left it out, and a login was impossible.
func (b containers) rootAccount(o *reader.Object, c *Container) {
	var keys []string
	if a := o.Object("user_account"); a != nil {
		if a.Text("username", "root") != "root" {
			b.report.AddNote(a.Place("username"), "has no effect: the account of a container is root", "write root")
		}
		c.Password = b.accounts.password(a)
		keys = a.Texts("keys", nil, publicKeyRule)
		a.End()
	}
	c.Keys = b.accounts.keys(keys)
}
