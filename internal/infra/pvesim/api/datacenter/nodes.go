package datacenter

import (
	"fmt"
	"slices"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// nodes are the members of the cluster.
type nodes struct{ cluster *store.Cluster }

func (a nodes) routes() []*api.Route {
	groups := []string{"node"}
	audit := api.Need("/nodes/{node}", "Sys.Audit")
	return []*api.Route{
		{Method: "GET", Path: "/nodes/{node}", Groups: groups, Handle: func(*api.Call) (any, error) {
			return []map[string]string{{"name": "qemu"}, {"name": "lxc"}, {"name": "storage"}, {"name": "tasks"}, {"name": "status"}}, nil
		}},
		{Method: "GET", Path: "/nodes/{node}/status", Groups: groups, Check: audit, Handle: a.status},
		{Method: "GET", Path: "/nodes/{node}/version", Groups: groups, Handle: func(*api.Call) (any, error) { return version(), nil }},
		{Method: "GET", Path: "/nodes/{node}/config", Groups: groups, Check: api.Need("/", "Sys.Audit"), Handle: a.config,
			Params: "property str enum=acme|acmedomain0|acmedomain1|acmedomain2|acmedomain3|acmedomain4|acmedomain5|ballooning-target|description|startall-onboot-delay|wakeonlan"},
		{Method: "PUT", Path: "/nodes/{node}/config", Groups: []string{"node", "nodeconfig"}, Params: "delete configids\ndigest str len=..40", Check: api.Need("/", "Sys.Modify"), Handle: a.setConfig},
		{Method: "POST", Path: "/nodes/{node}/execute", Groups: groups, Params: "commands! str", Check: api.OnlyRoot, Handle: func(*api.Call) (any, error) {
			return nil, refusal.Fail("the simulator does not run batches of commands")
		}},
		{Method: "GET", Path: "/nodes/{node}/aplinfo", Groups: groups, Handle: func(c *api.Call) (any, error) { return appliances(), nil }},
		{Method: "POST", Path: "/nodes/{node}/aplinfo", Groups: groups, Params: "storage! storage\ntemplate! str len=..255",
			Check: api.Need("/storage/{storage}", "Datastore.AllocateTemplate"), Handle: on(a.cluster, a.downloadAppliance)},
	}
}

func (a nodes) status(c *api.Call) (any, error) {
	return map[string]any{
		"pveversion": "pve-manager/9.2.11/14a22df35955d97d", "kversion": "Linux 6.17.2-1-pve", "uptime": uptime(a.cluster),
		"cpu": 0.02, "wait": 0, "idle": 0, "loadavg": []string{"0.10", "0.12", "0.15"},
		"memory":         map[string]any{"total": int64(64) << 30, "used": int64(8) << 30, "free": int64(56) << 30, "available": int64(55) << 30},
		"swap":           map[string]any{"total": 0, "used": 0, "free": 0},
		"rootfs":         map[string]any{"total": int64(100) << 30, "used": int64(10) << 30, "free": int64(90) << 30, "avail": int64(90) << 30},
		"ksm":            map[string]any{"shared": 0},
		"boot-info":      map[string]any{"mode": "efi", "secureboot": 0},
		"cpuinfo":        map[string]any{"cpus": 16, "cores": 8, "sockets": 1, "model": "Simulated CPU", "mhz": "3000.000", "hvm": "1", "user_hz": 100, "flags": "fpu vmx"},
		"current-kernel": map[string]any{"sysname": "Linux", "release": "6.17.2-1-pve", "machine": "x86_64", "version": "#1 SMP"},
	}, nil
}

func (a nodes) config(c *api.Call) (any, error) {
	out := map[string]any{}
	if len(c.Node.Config) > 0 {
		out["digest"], out["description"] = conf.Digest(c.Node.Text()), ""
	}
	for k, v := range c.Node.Config {
		if c.Has("property") && k != c.Str("property") {
			continue
		}
		out[k] = v
		if a.cluster.Tables.IsNumber("nodeconfig", k) {
			out[k] = conf.Int(v)
		}
	}
	return out, nil
}

func (a nodes) setConfig(c *api.Call) (any, error) {
	if d := c.Str("digest"); d != "" && d != conf.Digest(c.Node.Text()) {
		return nil, refusal.Modified()
	}
	for _, k := range schema.SplitList(c.Str("delete")) {
		delete(c.Node.Config, k)
	}
	for k, v := range c.Params {
		if a.cluster.Tables.Has("nodeconfig", k) {
			c.Node.Config[k] = v
		}
	}
	return nil, nil
}

func appliances() []map[string]any {
	out := []map[string]any{}
	for _, t := range []struct{ name, os, version string }{
		{"debian-12-standard_12.12-1_amd64.tar.zst", "debian-12", "12.12-1"},
		{"debian-13-standard_13.1-2_amd64.tar.zst", "debian-13", "13.1-2"},
		{"ubuntu-24.04-standard_24.04-2_amd64.tar.zst", "ubuntu-24.04", "24.04-2"},
	} {
		out = append(out, map[string]any{"template": t.name, "os": t.os, "version": t.version, "type": "lxc", "section": "system", "architecture": "amd64",
			"package": t.os + "-standard", "source": "https://download.proxmox.com/debian/pve", "headline": t.os + " (standard)", "infopage": "https://pve.proxmox.com/wiki/Linux_Container"})
	}
	return out
}

func (a nodes) downloadAppliance(c *api.Call, st *store.Datastore) (any, error) {
	name := c.Str("template")
	if !slices.ContainsFunc(appliances(), func(a map[string]any) bool { return a["template"] == name }) {
		return nil, refusal.BadParam("template", "no such template")
	}
	if !slices.Contains(st.Content, "vztmpl") {
		return nil, refusal.BadParam("storage", "storage '%s' does not support templates", st.ID)
	}
	return c.Start("download", name, func(t *task.Task) error {
		id := fmt.Sprintf("%s:vztmpl/%s", st.ID, name)
		v := &store.Volume{ID: id, Content: "vztmpl", Format: store.FileFormat(name), Size: 120 << 20, Unpacked: 500 << 20}
		a.cluster.Datastores.PutFile(st, v)
		t.Logf("downloading %s to %s", name, a.cluster.Datastores.FilePath(v))
		return nil
	}).UPID, nil
}
