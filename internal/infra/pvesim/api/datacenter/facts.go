package datacenter

import (
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
)

// facts are what clients read of a node and a cluster before they do anything, and nothing
// here changes: clock, resolver, hosts, packages, services, and lists that are empty.
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
			text := "127.0.0.1 localhost.localdomain localhost\n192.168.0.10 " + c.Node.Name + "\n"
			return map[string]any{"data": text, "digest": conf.Digest(text)}, nil
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
