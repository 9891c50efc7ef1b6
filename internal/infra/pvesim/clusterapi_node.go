package pvesim

import (
	"fmt"
	"slices"
	"strings"
)

func nodeRoutes() []*route {
	groups := []string{"node"}
	audit, modify := need("/nodes/{node}", "Sys.Audit"), need("/nodes/{node}", "Sys.Modify")
	return []*route{
		{method: "GET", path: "/nodes/{node}", groups: groups, handle: func(*call) (any, error) {
			return []map[string]string{{"name": "qemu"}, {"name": "lxc"}, {"name": "storage"}, {"name": "tasks"}, {"name": "status"}}, nil
		}},
		{method: "GET", path: "/nodes/{node}/status", groups: groups, check: audit, handle: nodeStatus},
		{method: "GET", path: "/nodes/{node}/version", groups: groups, handle: func(*call) (any, error) {
			return map[string]any{"version": "9.2.11", "release": "9.2", "repoid": "14a22df35955d97d"}, nil
		}},
		{method: "GET", path: "/nodes/{node}/config", groups: groups, check: need("/", "Sys.Audit"), handle: nodeConfig,
			params: "property str enum=acme|acmedomain0|acmedomain1|acmedomain2|acmedomain3|acmedomain4|acmedomain5|ballooning-target|description|startall-onboot-delay|wakeonlan"},
		{method: "PUT", path: "/nodes/{node}/config", groups: []string{"node", "nodeconfig"}, params: "delete configids\ndigest str len=..40", check: need("/", "Sys.Modify"), handle: setNodeConfig},
		{method: "GET", path: "/nodes/{node}/network", groups: groups, handle: nodeNetwork,
			params: "type str enum=bridge|bond|eth|alias|vlan|fabric|OVSBridge|OVSBond|OVSPort|OVSIntPort|vnet|any_bridge|any_local_bridge|include_sdn"},
		{method: "POST", path: "/nodes/{node}/execute", groups: groups, params: "commands! str", check: onlyRoot, handle: func(*call) (any, error) {
			return nil, fail("the simulator does not run batches of commands")
		}},
		{method: "GET", path: "/nodes/{node}/aplinfo", groups: groups, handle: func(c *call) (any, error) { return appliances(), nil }},
		{method: "POST", path: "/nodes/{node}/aplinfo", groups: groups, params: "storage! storage\ntemplate! str len=..255",
			check: need("/storage/{storage}", "Datastore.AllocateTemplate"), handle: downloadAppliance},
		{method: "GET", path: "/nodes/{node}/certificates/info", groups: groups, handle: certificateInfo},
		{method: "POST", path: "/nodes/{node}/certificates/custom", groups: groups, check: modify, handle: setCertificate,
			params: "certificates! str\nforce bool\nkey str\nrestart bool"},
		{method: "DELETE", path: "/nodes/{node}/certificates/custom", groups: groups, params: "restart bool", check: modify, handle: func(c *call) (any, error) {
			c.node.certs = nil
			return nil, nil
		}},
		{method: "POST", path: "/nodes/{node}/certificates/acme/certificate", groups: groups, params: "force bool", check: modify, handle: orderCertificate},
	}
}

func nodeStatus(c *call) (any, error) {
	return map[string]any{
		"pveversion": "pve-manager/9.2.11/14a22df35955d97d", "kversion": "Linux 6.17.2-1-pve", "uptime": int64(c.opt.Now().Sub(c.start).Seconds()) + 3600,
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

// raw is the node's configuration file.
func (n *node) raw() string {
	var b strings.Builder
	if d := n.config["description"]; d != "" {
		for line := range strings.SplitSeq(d, "\n") {
			b.WriteString("#" + encodeText(line) + "\n")
		}
	}
	writeKeys(&b, n.config)
	return b.String()
}

func nodeConfig(c *call) (any, error) {
	out := map[string]any{}
	if len(c.node.config) > 0 {
		out["digest"], out["description"] = sha1Hex(c.node.raw()), ""
	}
	for k, v := range c.node.config {
		if c.has("property") && k != c.str("property") {
			continue
		}
		out[k] = v
		if c.tables.groups["nodeconfig"].props[k].kind == "int" {
			out[k] = atoi(v)
		}
	}
	return out, nil
}

func setNodeConfig(c *call) (any, error) {
	if d := c.str("digest"); d != "" && d != sha1Hex(c.node.raw()) {
		return nil, errModified
	}
	for _, k := range splitList(c.str("delete")) {
		delete(c.node.config, k)
	}
	for k, v := range c.params {
		if c.tables.groups["nodeconfig"].props[k] != nil {
			c.node.config[k] = v
		}
	}
	return nil, nil
}

func nodeNetwork(c *call) (any, error) {
	out := []map[string]any{}
	for _, n := range c.node.networks {
		kind, _ := n["type"].(string)
		bridge := kind == "bridge" || kind == "OVSBridge"
		switch want := c.str("type"); {
		case want == "" || want == kind || want == "include_sdn":
			out = append(out, n)
		case strings.HasPrefix(want, "any_") && bridge:
			out = append(out, n)
		}
	}
	return out, nil
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

func downloadAppliance(c *call) (any, error) {
	st, err := c.store(c.str("storage"))
	if err != nil {
		return nil, err
	}
	name := c.str("template")
	if !slices.ContainsFunc(appliances(), func(a map[string]any) bool { return a["template"] == name }) {
		return nil, badParam("template", "no such template")
	}
	if !slices.Contains(st.Content, "vztmpl") {
		return nil, badParam("storage", "storage '%s' does not support templates", st.ID)
	}
	_, upid := c.spawn("download", name, func(t *task) error {
		id := fmt.Sprintf("%s:vztmpl/%s", st.ID, name)
		v := &volume{id: id, content: "vztmpl", format: fileFormat(name), size: 120 << 20, unpacked: 500 << 20, ctime: c.opt.Now().Unix()}
		st.volumes[id] = v
		t.logf("downloading %s to %s", name, c.filePath(v))
		return nil
	})
	return upid, nil
}
