package pvesim

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// createOnly are parameters of POST lxc that are no configuration.
const lxcCreateOnly = `
bwlimit num 0..
force bool
ha-managed bool
ignore-unpack-errors bool
ostemplate! str len=..255
password str len=5..
pool pool
restore bool
ssh-public-keys str
start bool
storage storage
unique bool requires=restore`

func lxcRoutes() []*route {
	return []*route{
		{method: "POST", path: "/nodes/{node}/lxc", groups: []string{"guest", "lxc"}, params: lxcCreateOnly, handle: createLXC},
		{method: "PUT", path: "/nodes/{node}/lxc/{vmid}/config", groups: []string{"guest", "lxc", "update"}, handle: updateLXC,
			check: needAny("/vms/{vmid}", "VM.Config.Disk", "VM.Config.CPU", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options")},
		{method: "POST", path: "/nodes/{node}/lxc/{vmid}/template", groups: []string{"guest"}, handle: templateLXC, check: need("/vms/{vmid}", "VM.Allocate")},
		{method: "POST", path: "/nodes/{node}/lxc/{vmid}/move_volume", groups: []string{"guest"}, params: `
			bwlimit num 0..
			delete bool
			digest str len=..40
			storage storage
			target-digest str len=..40
			target-vmid int 100..999999999
			target-volume str re=rootfs|mp\d+|unused\d+
			volume! str re=rootfs|mp\d+|unused\d+`, handle: moveVolume, check: need("/vms/{vmid}", "VM.Config.Disk")},
		{method: "GET", path: "/nodes/{node}/lxc/{vmid}/interfaces", groups: []string{"guest"}, handle: lxcInterfaces, check: need("/vms/{vmid}", "VM.Audit")},
	}
}

// admit are the checks that creating any guest begins with.
func (c *call) admit(kind string, vmid int) error {
	pool := c.str("pool")
	if pool != "" && c.pools[pool] == nil {
		return forbidden("pool '%s' does not exist", pool)
	}
	if err := c.requireVM(vmid, pool, "VM.Allocate"); err != nil {
		return err
	}
	if other := c.guests[vmid]; other != nil {
		text := fmt.Sprintf("%s %d already exists on node '%s'", other.noun(), vmid, other.node)
		if kind == "qemu" {
			text = fmt.Sprintf("unable to create VM %d - %s", vmid, text)
		}
		return fail("%s", text)
	}
	return nil
}

// settings are the configuration keys among the parameters.
func (c *call) settings(kind string) config {
	out := config{}
	for k, v := range c.params {
		if _, ok := c.tables.groups[kind].props[k]; ok {
			out[k] = v
		}
	}
	return out
}

func createLXC(c *call) (any, error) {
	if c.bool("restore") || c.bool("force") {
		return nil, fail("the simulator does not restore containers")
	}
	if err := c.admit("lxc", c.vmid()); err != nil {
		return nil, err
	}
	sent := c.settings("lxc")
	if _, ok := sent["rootfs"]; !ok {
		store := c.str("storage")
		if store == "" {
			store = "local"
		}
		sent["rootfs"] = store + ":4"
	}
	if sent["unprivileged"] != "1" {
		if err := c.require("/", "Sys.Modify"); err != nil {
			return nil, err
		}
	}
	if err := c.checkLXC(nil, sent, c.str("pool")); err != nil {
		return nil, err
	}
	if store, _, ok := strings.Cut(c.str("ostemplate"), ":"); ok {
		if _, err := c.store(store); err != nil {
			return nil, err
		}
	}
	g := newGuest(c.vmid(), "lxc", c.node.name)
	g.config["lock"] = "create"
	c.guests[g.vmid] = g
	for k, v := range map[string]string{"hostname": fmt.Sprintf("CT%d", g.vmid), "memory": "512", "swap": "512", "arch": "amd64"} {
		if sent[k] == "" {
			sent[k] = v
		}
	}
	for k, v := range sent {
		if netKey.MatchString(k) {
			sent[k] = c.ctNet(v)
		}
	}
	if v, ok := sent["tags"]; ok {
		sent["tags"] = normalTags(v)
	}
	var made []string
	t, upid := c.spawn("vzcreate", strconv.Itoa(g.vmid), func(t *task) error {
		if err := c.buildLXC(g, sent, t, &made); err != nil {
			return fail("unable to create CT %d - %s", g.vmid, err)
		}
		return nil
	})
	t.undo = c.abandon(g, &made)
	return upid, nil
}

// abandon takes a failed creation back.
func (c *call) abandon(g *guest, made *[]string) func() {
	return func() {
		for _, v := range *made {
			c.release(v)
		}
		delete(c.guests, g.vmid)
	}
}

func (c *call) buildLXC(g *guest, sent config, t *task, made *[]string) error {
	for _, k := range mountsOf(sent) {
		v, err := c.makeVolume(g, k, c.parse("lxc", k, sent[k]), t, made)
		if err != nil {
			return err
		}
		sent[k] = v
		if len(*made) > 0 {
			_, vol := c.volume((*made)[len(*made)-1])
			mkfsLog(t, vol.size, c.uuid())
		}
	}
	template := c.str("ostemplate")
	_, archive := c.volume(template)
	if archive == nil {
		t.logf("volume '%s' does not exist", template)
		return fail("volume '%s' does not exist", template)
	}
	t.logf("extracting archive '%s'", c.filePath(archive))
	root := parseSize(c.parse("lxc", "rootfs", sent["rootfs"])["size"])
	if archive.unpacked > root {
		return fail("command 'tar xpf %s' failed: exit code 2", c.filePath(archive))
	}
	t.logf("Total bytes read: %d", archive.unpacked)
	t.logf("Detected container architecture: %s", sent["arch"])
	if sent["ostype"] == "" {
		sent["ostype"] = osType(template)
	}
	delete(sent, "lock")
	g.config = sent
	c.join(g, c.str("pool"))
	switch {
	case !c.bool("start"):
	case t.staysDown:
		t.logf("startup for container '%d' failed", g.vmid)
		t.warnings++
	default:
		c.setRunning(g, true)
	}
	return nil
}

// mountsOf are the keys of volumes: rootfs first, as foreach_volume has it.
func mountsOf(sent config) []string {
	out := []string{"rootfs"}
	for i := range 256 {
		if k := "mp" + strconv.Itoa(i); sent[k] != "" {
			out = append(out, k)
		}
	}
	return out
}

// osType guesses as the real one finds out from the archive.
func osType(template string) string {
	name := path.Base(template)
	for _, os := range osTypes() {
		if strings.HasPrefix(name, os) {
			return os
		}
	}
	return "unmanaged"
}

func osTypes() []string {
	return []string{"debian", "devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux", "alpine", "gentoo", "nixos"}
}

// ctNet fills in what the server adds to a container's interface.
func (c *call) ctNet(v string) string {
	net := c.parse("lxc", "net0", v)
	if net["hwaddr"] == "" {
		net["hwaddr"] = c.mac()
	}
	net["hwaddr"] = strings.ToUpper(net["hwaddr"])
	net["type"] = "veth"
	return c.tables.printProps("ctnet", net)
}

// checkLXC holds new values against the rights of the user (check_ct_modify_config_perm).
// old is nil at creation.
func (c *call) checkLXC(old *guest, sent config, pool string) error {
	for _, k := range sortedKeys(sent) {
		var err error
		switch base := strings.TrimRight(k, "0123456789"); {
		case mountKey.MatchString(k):
			if err = c.requireVM(c.vmid(), pool, "VM.Config.Disk"); err == nil {
				err = c.checkVolume("lxc", k, c.parse("lxc", k, sent[k]))
			}
		case k == "features":
			err = c.checkFeatures(old, sent, pool)
		case k == "hookscript" || base == "dev":
			if !c.user.isRoot() {
				err = forbidden("configuring %s is only allowed for root@pam", map[bool]string{true: "hookscript", false: "device passthrough"}[k == "hookscript"])
			}
		case base == "net":
			if err = c.requireVM(c.vmid(), pool, "VM.Config.Network"); err == nil {
				err = c.checkBridge(c.parse("lxc", k, sent[k]))
			}
		case k == "nameserver" || k == "searchdomain" || k == "hostname":
			err = c.requireVM(c.vmid(), pool, "VM.Config.Network")
		case k == "memory" || k == "swap":
			err = c.requireVM(c.vmid(), pool, "VM.Config.Memory")
		case slices.Contains([]string{"cores", "cpulimit", "cpuunits"}, k):
			err = c.requireVM(c.vmid(), pool, "VM.Config.CPU")
		case slices.Contains([]string{"unprivileged", "arch", "ostype", "template"}, k) || base == "unused":
		default:
			err = c.requireVM(c.vmid(), pool, "VM.Config.Options")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkBridge wants SDN.Use on the bridge, and the bridge itself.
func (c *call) checkBridge(net map[string]string) error {
	bridge := net["bridge"]
	if bridge == "" {
		return nil
	}
	path := "/sdn/zones/localnetwork/" + bridge
	if tag := net["tag"]; tag != "" {
		path += "/" + tag
	}
	return c.require(path, "SDN.Use")
}

func (c *call) checkFeatures(old *guest, sent config, pool string) error {
	if c.user.isRoot() {
		return nil
	}
	unprivileged, before := sent["unprivileged"] == "1", map[string]string{}
	if old != nil {
		unprivileged = old.config["unprivileged"] == "1"
		before = c.parse("lxc", "features", old.config["features"])
	}
	if !unprivileged {
		return forbidden("changing feature flags for privileged container is only allowed for root@pam")
	}
	after := c.parse("lxc", "features", sent["features"])
	for _, k := range []string{"force_rw_sys", "fuse", "keyctl", "mknod", "mount"} {
		if before[k] != after[k] {
			return forbidden("changing feature flags (except nesting) is only allowed for root@pam")
		}
	}
	if before["nesting"] != after["nesting"] {
		return c.requireVM(c.vmid(), pool, "VM.Allocate")
	}
	return nil
}
