package guests

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// containers creates and changes containers.
type containers struct{ guests }

// containerCreation are parameters of POST lxc that are no configuration.
const containerCreation = `
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

func (a containers) routes() []*api.Route {
	return []*api.Route{
		{Method: "POST", Path: a.path(), Groups: []string{"guest", "lxc"}, Params: containerCreation, Handle: a.create},
		{Method: "PUT", Path: a.one() + "/config", Groups: []string{"guest", "lxc", "update"}, Handle: a.update,
			Check: api.NeedAny("/vms/{vmid}", "VM.Config.Disk", "VM.Config.CPU", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options")},
		{Method: "GET", Path: a.one() + "/interfaces", Groups: groups(), Handle: a.on(a.interfaces), Check: api.Need("/vms/{vmid}", "VM.Audit")},
	}
}

func (a containers) create(c *api.Call) (any, error) {
	if c.Bool("restore") || c.Bool("force") {
		return nil, refusal.Fail("the simulator does not restore containers")
	}
	if err := a.admit(c); err != nil {
		return nil, err
	}
	sent := a.settings(c)
	if _, ok := sent["rootfs"]; !ok {
		store := cmp.Or(c.Str("storage"), "local")
		sent["rootfs"] = store + ":4"
	}
	if sent["unprivileged"] != "1" {
		if err := c.User.Require("/", "Sys.Modify"); err != nil {
			return nil, err
		}
	}
	if err := rightsOf(c, a.guests, c.Str("pool")).container(nil, sent); err != nil {
		return nil, err
	}
	if store, _, ok := strings.Cut(c.Str("ostemplate"), ":"); ok {
		if _, err := a.cluster.Datastores.On(c.Node.Name, store); err != nil {
			return nil, err
		}
	}
	m := begin(a.cluster, store.NewGuest(c.VMID(), "lxc", c.Node.Name), "create")
	for k, v := range map[string]string{"hostname": fmt.Sprintf("CT%d", m.guest.VMID), "memory": "512", "swap": "512", "arch": "amd64"} {
		sent[k] = cmp.Or(sent[k], v)
	}
	a.cluster.Normalize("lxc", sent)
	return m.start(c, "vzcreate", func(t *task.Task) error { return a.build(c, m, sent, t) }), nil
}

// build does the work of a creation.
func (a containers) build(c *api.Call, m *creation, sent conf.File, t *task.Task) error {
	for _, k := range mounts(sent) {
		v, err := m.volume(k, sent[k], t)
		if err != nil {
			return err
		}
		sent[k] = v
		if len(m.volumes) > 0 {
			_, vol := a.cluster.Datastores.Volume(m.volumes[len(m.volumes)-1])
			logFilesystem(t, vol.Size, a.cluster.IDs.UUID())
		}
	}
	if err := a.unpack(c.Str("ostemplate"), sent, t); err != nil {
		return err
	}
	m.finish(sent, c.Str("pool"))
	switch {
	case !c.Bool("start"):
	case t.Faults.StaysDown:
		t.Logf("startup for container '%d' failed", m.guest.VMID)
		t.Faults.Warnings++
	default:
		a.cluster.SetRunning(m.guest, true)
	}
	return nil
}

// unpack fills the root file system from a template.
func (a containers) unpack(template string, sent conf.File, t *task.Task) error {
	_, archive := a.cluster.Datastores.Volume(template)
	if archive == nil {
		t.Logf("volume '%s' does not exist", template)
		return refusal.Fail("volume '%s' does not exist", template)
	}
	file := a.cluster.Datastores.FilePath(archive)
	t.Logf("extracting archive '%s'", file)
	root := store.ParseSize(a.cluster.Tables.Value("lxc", "rootfs", sent["rootfs"])["size"])
	if archive.Unpacked > root {
		return refusal.Fail("command 'tar xpf %s' failed: exit code 2", file)
	}
	t.Logf("Total bytes read: %d", archive.Unpacked)
	t.Logf("Detected container architecture: %s", sent["arch"])
	sent["ostype"] = cmp.Or(sent["ostype"], osType(template))
	return nil
}

func logFilesystem(t *task.Task, size int64, uuid string) {
	t.Logf("Creating filesystem with %d 4k blocks and %d inodes", size/4096, size/16384)
	t.Logf("Filesystem UUID: %s", uuid)
	t.Logf("Superblock backups stored on blocks: ")
	t.Logf("\t32768, 98304, 163840, 229376")
}

// mounts are the keys of volumes: rootfs first, as foreach_volume has it.
func mounts(sent conf.File) []string {
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
	for _, os := range []string{"debian", "devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux", "alpine", "gentoo", "nixos"} {
		if strings.HasPrefix(name, os) {
			return os
		}
	}
	return "unmanaged"
}

func (a containers) update(c *api.Call) (any, error) {
	ch, err := a.change(c)
	if err != nil {
		return nil, err
	}
	g, err := a.find(c)
	if err != nil {
		return nil, err
	}
	for _, part := range []conf.File{ch.Removed(), ch.Set} {
		if err := rightsOf(c, a.guests, "").containerChange(g, part); err != nil {
			return nil, err
		}
	}
	if err := cmp.Or(g.CheckLock(), g.CheckDigest(c.Str("digest"))); err != nil {
		return nil, err
	}
	for _, k := range slices.Sorted(maps.Keys(ch.Set)) {
		if slices.Contains([]string{"unprivileged", "ostype", "arch", "template"}, k) && ch.Set[k] != g.Config[k] {
			return nil, refusal.Fail("unable to modify read-only option: '%s'", k)
		}
	}
	for _, k := range ch.Delete {
		if slices.Contains([]string{"rootfs", "arch", "ostype", "unprivileged"}, k) {
			return nil, refusal.Fail("unable to delete required option '%s'", k)
		}
	}
	return nil, a.cluster.Apply(g, ch)
}

func (a containers) interfaces(_ *api.Call, g *store.Guest) (any, error) {
	if !g.Running {
		return nil, nil
	}
	out := []map[string]any{{"name": "lo", "hwaddr": "00:00:00:00:00:00", "inet": "127.0.0.1/8"}}
	for i := range 32 {
		k := "net" + strconv.Itoa(i)
		if g.Config[k] == "" {
			continue
		}
		net := a.cluster.Tables.Value("lxc", k, g.Config[k])
		entry := map[string]any{"name": net["name"], "hwaddr": strings.ToLower(net["hwaddr"])}
		if strings.Contains(net["ip"], "/") {
			entry["inet"] = net["ip"]
		}
		out = append(out, entry)
	}
	return out, nil
}
