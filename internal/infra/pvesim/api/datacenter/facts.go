package datacenter

import (
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
)

// facts are what clients read of a node and a cluster before they do anything, and little
// here changes: clock, resolver, packages, services, devices, and lists that are empty.
type facts struct{ cluster *store.Cluster }

func (a facts) routes() []*api.Route {
	on := []string{"node"}
	audit := api.Need("/nodes/{node}", "Sys.Audit")
	empty := func(*api.Call) (any, error) { return []any{}, nil }
	return []*api.Route{
		{Method: "GET", Path: "/nodes/{node}/dns", Groups: on, Check: audit, Handle: func(c *api.Call) (any, error) {
			return answered(c.Node.DNS), nil
		}},
		{Method: "PUT", Path: "/nodes/{node}/dns", Groups: on, Params: "dns1 ip\ndns2 ip\ndns3 ip\nsearch! str", Check: api.Need("/nodes/{node}", "Sys.Modify"), Handle: a.setDNS},
		{Method: "GET", Path: "/nodes/{node}/time", Groups: on, Check: audit, Handle: a.time},
		{Method: "PUT", Path: "/nodes/{node}/time", Groups: on, Params: "timezone! str", Check: api.Need("/nodes/{node}", "Sys.Modify"), Handle: func(c *api.Call) (any, error) {
			c.Node.Timezone = c.Str("timezone")
			return nil, nil
		}},
		{Method: "GET", Path: "/nodes/{node}/hosts", Groups: on, Check: api.Need("/", "Sys.Audit"), Handle: func(c *api.Call) (any, error) {
			text := c.Node.Hosts
			return map[string]any{"data": text, "digest": conf.Digest(text)}, nil
		}},
		{Method: "POST", Path: "/nodes/{node}/hosts", Groups: on, Params: "data! str\ndigest str len=..64", Check: api.Need("/nodes/{node}", "Sys.Modify"), Handle: func(c *api.Call) (any, error) {
			if d := c.Str("digest"); d != "" && d != conf.Digest(c.Node.Hosts) {
				return nil, refusal.Modified()
			}
			c.Node.Hosts = c.Str("data")
			return nil, nil
		}},
		{Method: "GET", Path: "/nodes/{node}/subscription", Groups: on, Handle: func(*api.Call) (any, error) {
			return map[string]any{"status": "notfound", "message": "There is no subscription key", "url": "https://www.proxmox.com/en/proxmox-virtual-environment/pricing"}, nil
		}},
		{Method: "GET", Path: "/nodes/{node}/apt/versions", Groups: on, Check: audit, Handle: func(*api.Call) (any, error) {
			return []map[string]any{{"Package": "pve-manager", "Version": "9.2.11", "OldVersion": "9.2.11", "CurrentState": "Installed", "Arch": "amd64"}}, nil
		}},
		{Method: "GET", Path: "/nodes/{node}/apt/update", Groups: on, Check: api.Need("/nodes/{node}", "Sys.Modify"), Handle: empty},
		{Method: "GET", Path: "/nodes/{node}/disks/list", Groups: on, Params: "include-partitions bool\nskipsmart bool\ntype str enum=unused|journal_disks", Check: audit, Handle: func(*api.Call) (any, error) {
			return []map[string]any{{"devpath": "/dev/sda", "size": int64(100) << 30, "type": "ssd", "used": "ZFS", "health": "PASSED", "model": "Simulated disk", "serial": "0", "gpt": 1}}, nil
		}},
		{Method: "GET", Path: "/nodes/{node}/hardware/pci", Groups: on, Params: "pci-class-blacklist str\nverbose bool", Check: api.NeedAny("/", "Sys.Audit", "Sys.Modify"), Handle: pciDevices},
		{Method: "GET", Path: "/nodes/{node}/hardware/usb", Groups: on, Check: api.Need("/", "Sys.Modify"), Handle: func(*api.Call) (any, error) {
			return []map[string]any{{"busnum": 1, "devnum": 2, "port": 8, "level": 1, "class": 224, "speed": "12", "usbpath": "8.2", "vendid": "8087", "prodid": "0a2b", "manufacturer": "Intel Corp."}}, nil
		}},
		{Method: "GET", Path: "/nodes/{node}/services", Groups: on, Check: audit, Handle: func(*api.Call) (any, error) {
			out := []map[string]any{}
			for _, s := range []string{"pve-cluster", "pve-firewall", "pvedaemon", "pveproxy", "pvestatd", "sshd"} {
				out = append(out, map[string]any{"name": s, "service": s, "desc": s, "state": "running", "active-state": "active", "unit-state": "enabled"})
			}
			return out, nil
		}},
		{Method: "GET", Path: "/nodes/{node}/rrddata", Groups: on, Params: "cf str enum=AVERAGE|MAX\ntimeframe! str enum=hour|day|week|month|year|decade", Check: audit, Handle: empty},
		{Method: "GET", Path: "/cluster/log", Params: "max int 1..", Handle: empty},
	}
}

func (a facts) setDNS(c *api.Call) (any, error) {
	set := map[string]string{}
	for _, k := range []string{"search", "dns1", "dns2", "dns3"} {
		if v := c.Str(k); v != "" {
			set[k] = v
		}
	}
	if strings.ContainsAny(set["search"], " \n") {
		return nil, refusal.BadParam("search", "invalid search domain")
	}
	c.Node.DNS = set
	return nil, nil
}

func answered(values map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range values {
		out[k] = v
	}
	return out
}

func (a facts) time(c *api.Call) (any, error) {
	now := a.cluster.Now().Unix()
	return map[string]any{"timezone": c.Node.Timezone, "time": now, "localtime": now}, nil
}

// pciDevices are two of a small server: graphics and network, without those of left-out classes.
func pciDevices(c *api.Call) (any, error) {
	left := []string{"05", "06", "0b"} // memory, bridges, processors
	if c.Has("pci-class-blacklist") {
		left = schema.SplitList(c.Str("pci-class-blacklist"))
	}
	out := []map[string]any{}
	for _, d := range []map[string]any{
		{"id": "0000:00:00.0", "class": "0x060000", "vendor": "0x8086", "device": "0x5904", "device_name": "Host Bridge", "iommugroup": 1},
		{"id": "0000:00:02.0", "class": "0x030000", "vendor": "0x8086", "device": "0x5916", "device_name": "HD Graphics 620", "iommugroup": 0, "mdev": 1,
			"subsystem_vendor": "0x8086", "subsystem_device": "0x2068"},
		{"id": "0000:01:00.0", "class": "0x020000", "vendor": "0x8086", "device": "0x1533", "device_name": "I210 Gigabit Network Connection", "iommugroup": 2},
	} {
		class, _ := d["class"].(string)
		if slices.ContainsFunc(left, func(l string) bool {
			return strings.HasPrefix(strings.TrimPrefix(class, "0x"), strings.TrimPrefix(l, "0x"))
		}) {
			continue
		}
		d["vendor_name"] = "Intel Corporation"
		out = append(out, d)
	}
	return out, nil
}
