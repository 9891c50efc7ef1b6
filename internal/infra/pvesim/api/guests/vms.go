package guests

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// vms creates and changes VMs.
type vms struct{ guests }

// vmCreation are parameters of POST qemu that are no configuration.
const vmCreation = `
archive str len=..255
bwlimit int 0..
force bool requires=archive
ha-managed bool
import-working-storage storage
live-restore bool
pool pool
start bool
storage storage
unique bool requires=archive`

func (a vms) routes() []*api.Route {
	update := []string{"guest", "qemu", "update"}
	may := api.NeedAny("/vms/{vmid}", "VM.Config.Disk", "VM.Config.CDROM", "VM.Config.CPU", "VM.Config.Memory",
		"VM.Config.Network", "VM.Config.HWType", "VM.Config.Options", "VM.Config.Cloudinit")
	return []*api.Route{
		{Method: "POST", Path: a.path(), Groups: []string{"guest", "qemu"}, Params: vmCreation, Handle: a.create, Without: []string{"skiplock"}},
		{Method: "PUT", Path: a.one() + "/config", Groups: update, Params: "force bool requires=delete\nskiplock bool", Handle: a.update, Check: may},
		{Method: "POST", Path: a.one() + "/config", Groups: update, Handle: a.updateTask, Check: may, Params: `
			background_delay int 1..30
			force bool requires=delete
			import-working-storage storage
			skiplock bool`},
	}
}

func (a vms) create(c *api.Call) (any, error) {
	if c.Has("archive") {
		return nil, refusal.Fail("the simulator does not restore VMs")
	}
	sent := a.settings(c)
	if err := a.admit(c); err != nil {
		return nil, err
	}
	if err := rightsOf(c, a.guests, c.Str("pool")).vm(sent); err != nil {
		return nil, err
	}
	m := begin(a.cluster, store.NewGuest(c.VMID(), "qemu", c.Node.Name), "create")
	a.cluster.Normalize("qemu", sent)
	return m.start(c, "qmcreate", func(t *task.Task) error { return a.build(c, m, sent, t) }), nil
}

// build does the work of a creation.
func (a vms) build(c *api.Call, m *creation, sent conf.File, t *task.Task) error {
	for _, k := range slices.Sorted(maps.Keys(sent)) {
		if !store.IsDrive(k) {
			continue
		}
		v, err := m.volume(k, sent[k], t)
		if err != nil {
			return err
		}
		sent[k] = v
	}
	for k, v := range map[string]string{
		"meta": fmt.Sprintf("creation-qemu=10.1.2,ctime=%d", a.cluster.Now().Unix()), "vmgenid": a.cluster.IDs.UUID(),
		"smbios1": "uuid=" + a.cluster.IDs.UUID(), "boot": store.BootOrder(a.cluster.Tables, sent),
	} {
		sent[k] = cmp.Or(sent[k], v)
	}
	m.finish(sent, c.Str("pool"))
	if c.Bool("start") {
		a.cluster.SetRunning(m.guest, true)
	}
	return nil
}

func (a vms) update(c *api.Call) (any, error) {
	g, ch, err := a.checked(c)
	if err != nil {
		return nil, err
	}
	return nil, a.cluster.Apply(g, ch)
}

func (a vms) updateTask(c *api.Call) (any, error) {
	g, ch, err := a.checked(c)
	if err != nil {
		return nil, err
	}
	return c.Start("qmconfig", strconv.Itoa(g.VMID), func(t *task.Task) error {
		var shown []string
		for _, k := range slices.Sorted(maps.Keys(ch.Set)) {
			v := ch.Set[k]
			if k == "cipassword" {
				v = "<hidden>"
			}
			shown = append(shown, "-"+k+" "+v)
		}
		if len(ch.Delete) > 0 {
			shown = append(shown, "-delete "+strings.Join(ch.Delete, ","))
		}
		t.Logf("update VM %d: %s", g.VMID, strings.Join(shown, " "))
		return a.cluster.Apply(g, ch)
	}).UPID, nil
}

// checked is a change that may be made, with the guest that it is for.
func (a vms) checked(c *api.Call) (*store.Guest, *store.Change, error) {
	ch, err := a.change(c)
	if err != nil {
		return nil, nil, err
	}
	if c.Bool("skiplock") && !c.User.IsRoot() {
		return nil, nil, refusal.BadParam("skiplock", "Only root may use this option.")
	}
	for _, part := range []conf.File{ch.Removed(), ch.Set} {
		if err := rightsOf(c, a.guests, "").vm(part); err != nil {
			return nil, nil, err
		}
	}
	g, err := a.find(c)
	if err != nil {
		return nil, nil, err
	}
	if err := g.CheckDigest(c.Str("digest")); err != nil {
		return nil, nil, err
	}
	if !c.Bool("skiplock") {
		if err := g.CheckLock(); err != nil {
			return nil, nil, err
		}
	}
	return g, ch, nil
}

// cloudinit is what cloud-init sees inside a VM.
type cloudinit struct{ guests }

func (a cloudinit) routes() []*api.Route {
	at, audit := a.one()+"/cloudinit", api.Need("/vms/{vmid}", "VM.Audit")
	return []*api.Route{
		{Method: "GET", Path: at, Groups: groups(), Handle: a.on(a.pending), Check: audit},
		{Method: "PUT", Path: at, Groups: groups(), Handle: a.regenerate, Check: api.Need("/vms/{vmid}", "VM.Config.Cloudinit")},
		{Method: "GET", Path: at + "/dump", Groups: groups(), Params: "type! str enum=user|network|meta", Handle: a.on(a.dump), Check: audit},
	}
}

// pending is the settings that make up the cloud-init drive.
func (a cloudinit) pending(_ *api.Call, g *store.Guest) (any, error) {
	out, values := []map[string]any{}, g.Effective()
	for _, k := range []string{"cicustom", "cipassword", "citype", "ciuser", "nameserver", "searchdomain", "sshkeys"} {
		if v, ok := values[k]; ok {
			out = append(out, map[string]any{"key": k, "value": g.Typed(a.cluster.Tables, k, v)})
		}
	}
	return out, nil
}

func (a cloudinit) regenerate(c *api.Call) (any, error) {
	_, err := a.unlocked(c)
	return nil, err
}

func (a cloudinit) dump(c *api.Call, g *store.Guest) (any, error) {
	values := g.Effective()
	switch c.Str("type") {
	case "meta":
		return "instance-id: " + conf.Digest(g.Text()) + "\n", nil
	case "network":
		return "version: 1\nconfig:\n    - type: physical\n      name: eth0\n", nil
	}
	var b strings.Builder
	b.WriteString("#cloud-config\nhostname: " + g.Name() + "\nmanage_etc_hosts: true\n")
	if u := values["ciuser"]; u != "" {
		b.WriteString("user: " + u + "\n")
	}
	if p := values["cipassword"]; p != "" {
		b.WriteString("password: " + p + "\n")
	}
	if keys, err := url.PathUnescape(values["sshkeys"]); err == nil && keys != "" {
		b.WriteString("ssh_authorized_keys:\n")
		for line := range strings.Lines(keys) {
			b.WriteString("  - " + strings.TrimSpace(line) + "\n")
		}
	}
	b.WriteString("chpasswd:\n  expire: False\nusers:\n  - default\n")
	return b.String(), nil
}
