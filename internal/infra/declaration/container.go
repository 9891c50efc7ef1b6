package declaration

import (
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/redact"
)

// maxDisk is the largest disk in GiB: a slip of the finger ends here, not on a pool.
const maxDisk = 65536

func (b *builder) containers(r *object) {
	for _, en := range r.entries("containers", keyRule) {
		b.e.Containers = append(b.e.Containers, b.container(en))
		en.end()
	}
}

func (b *builder) container(en entry) Container {
	o := en.object
	c := Container{Guest: b.guest(en, ways{
		kind: LXC, name: "hostname", description: "TF CT", tags: []string{"terraform", "container"},
		cores: 2, memory: 512, minMemory: 64,
	})}
	if c.Class == "splunk_container" {
		b.fixedSplunk(o, &c.Guest)
	}
	c.Swap = o.whole("memory_swap", 512, 0, 1<<20)
	c.NICs = b.interfaces(o, &c.Guest, true)
	b.rootDisk(o, &c)
	b.mounts(o, &c)
	b.features(o, &c)
	c.OSType = o.text("os_type", "debian", oneOf("alpine", "archlinux", "centos", "debian", "devuan", "fedora", "gentoo", "nixos", "opensuse", "ubuntu", "unmanaged"))
	b.bootFlag(o, &c.Guest)
	b.rootAccount(o, &c)
	o.unused("ip_config", "addresses are derived from vm_id; ip and dhcp set another one")
	b.protect(o, &c.Guest, len(c.Mounts) > 0)
	return c
}

func (b *builder) rootDisk(o *object, c *Container) {
	d := o.orEmpty("root_disk")
	c.Root = Disk{
		Interface: "rootfs",
		Store:     d.text("datastore_id", b.e.DefaultStore, storeRule),
		Size:      d.whole("size", 16, 1, maxDisk),
	}
	d.end()
}

func (b *builder) mounts(o *object, c *Container) {
	for _, m := range o.objects("mount_points") {
		if v := m.get("volume"); v != nil && strings.HasPrefix(v.text, "/") {
			b.problem(v, v.shown()+" would be a bind mount of the node's directory", "name the datastore that the volume is made in; bind mounts are set by hand, as root@pam")
			m.typed("size", isText)
			m.typed("path", isText)
			m.end()
			continue
		}
		mount := Mount{Store: m.needText("volume", storeRule), Path: m.needText("path", absolute)}
		mount.Size, _ = gibibytes(m.needText("size", sizeRule))
		for _, other := range c.Mounts {
			if other.Path == mount.Path && mount.Path != "" {
				b.problem(m.place("path"), m.place("path").shown()+" is mounted twice", "every mount point needs its own path")
			}
		}
		c.Mounts = append(c.Mounts, mount)
		m.end()
	}
}

func (b *builder) features(o *object, c *Container) {
	c.Unprivileged = o.flag("unprivileged", false)
	f := o.orEmpty("features")
	c.Features = Features{
		Nesting: f.flag("nesting", false),
		Keyctl:  f.flag("keyctl", false),
		Fuse:    f.flag("fuse", false),
		Mount:   f.texts("mount", nil, pattern(wordText, "is not a type of file system", "such as nfs or cifs")),
	}
	f.end()
	beyond := c.Features
	beyond.Nesting = beyond.Nesting && !c.Unprivileged
	if beyond.Any() {
		b.note(o.place("features"), "Proxmox VE lets only root@pam itself set these ("+strings.Join(beyond.names(), ", ")+privilege(c)+"), no token and no other user",
			"give PROXMOX_VE_USERNAME=root@pam with PROXMOX_VE_PASSWORD for the apply that makes or changes them")
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

// bootFlag reads on_boot, and start_on_boot, the older name for containers.
func (b *builder) bootFlag(o *object, g *Guest) {
	g.OnBoot = true
	older := o.typed("start_on_boot", isFlag)
	if older != nil {
		g.OnBoot = older.text == "true"
	}
	if v := o.typed("on_boot", isFlag); v != nil {
		if older != nil && older.text != v.text {
			b.problem(v, "differs from start_on_boot", "keep one of them: they mean the same")
		}
		older = v
		g.OnBoot = v.text == "true"
	}
	o.set("on_boot", older, g.OnBoot)
}

// protect reads whether Proxmox VE is to refuse removal.
//
// Decision: guests with volumes besides the root disk are protected unless the
// declaration says otherwise; the default was false for all.
func (b *builder) protect(o *object, g *Guest, data bool) {
	g.Protection = o.flag("protection", data)
	g.ProtectionDeclared = o.get("protection") != nil
}

// rootAccount reads what lets root in.
//
// Decision: the operator's key is always among the keys; without user_account the
// modules left it out, and nobody could log in.
func (b *builder) rootAccount(o *object, c *Container) {
	var keys []string
	if a := o.object("user_account"); a != nil {
		if a.text("username", "root") != "root" {
			b.note(a.place("username"), "has no effect: the account of a container is root", "write root")
		}
		c.Password = b.password(a)
		keys = a.texts("keys", nil, publicKeyRule)
		a.end()
	}
	c.Keys = withKey(keys, b.e.SSH.GuestPublicKey)
}

// minPassword is Proxmox VE's limit for the root password of a container.
const minPassword = 5

func (b *builder) password(a *object) redact.Secret {
	p := a.secret("password")
	v := a.place("password")
	if p == "" {
		return ""
	}
	if len(p) < minPassword {
		b.problem(v, fmt.Sprintf("has fewer than %d characters", minPassword), "Proxmox VE refuses it")
	}
	if v.file == b.o.Deployment {
		b.note(v, "a password lies open in the declaration", "log in by key and leave it out")
	}
	return p
}

// withKey adds the operator's key to those of the declaration.
func withKey(keys []string, own string) []string {
	var all []string
	for _, k := range append(slices.Clone(keys), own) {
		if k = strings.TrimSpace(k); k != "" && !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}
