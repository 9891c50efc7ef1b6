package guests

import (
	"net/url"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
)

// cloudinit is what cloud-init and the guest agent see inside a VM.
type cloudinit struct{ guests }

func (a cloudinit) routes() []*api.Route {
	at, audit := a.one()+"/cloudinit", api.Need("/vms/{vmid}", "VM.Audit")
	return []*api.Route{
		{Method: "GET", Path: at, Groups: groups(), Handle: a.on(a.pending), Check: audit},
		{Method: "PUT", Path: at, Groups: groups(), Handle: a.regenerate, Check: api.Need("/vms/{vmid}", "VM.Config.Cloudinit")},
		{Method: "GET", Path: at + "/dump", Groups: groups(), Params: "type! str enum=user|network|meta", Handle: a.on(a.dump), Check: audit},
		{Method: "GET", Path: a.one() + "/agent/network-get-interfaces", Groups: groups(), Handle: a.on(a.interfaces),
			Check: api.NeedAny("/vms/{vmid}", "VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted")},
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

// interfaces answers with the static addresses of ipconfigN, as a guest that took them would.
func (a cloudinit) interfaces(_ *api.Call, g *store.Guest) (any, error) {
	switch {
	case !g.Running:
		return nil, refusal.Fail("VM %d is not running", g.VMID)
	case !strings.HasPrefix(strings.TrimPrefix(g.Config["agent"], "enabled="), "1"):
		return nil, refusal.Fail("No QEMU guest agent configured")
	}
	out := []map[string]any{{"name": "lo", "hardware-address": "00:00:00:00:00:00",
		"ip-addresses": []map[string]any{{"ip-address-type": "ipv4", "ip-address": "127.0.0.1", "prefix": 8}}}}
	for i := range 32 {
		n := strconv.Itoa(i)
		net := a.cluster.Tables.Value("qemu", "net"+n, g.Config["net"+n])
		if g.Config["net"+n] == "" {
			continue
		}
		out = append(out, map[string]any{"name": "eth" + n, "hardware-address": strings.ToLower(net["macaddr"]),
			"ip-addresses": addresses(a.cluster.Tables.Value("qemu", "ipconfig"+n, g.Config["ipconfig"+n])["ip"])})
	}
	return map[string]any{"result": out}, nil
}

func addresses(cidr string) []map[string]any {
	ip, bits, ok := strings.Cut(cidr, "/")
	if !ok {
		return []map[string]any{}
	}
	return []map[string]any{{"ip-address-type": "ipv4", "ip-address": ip, "prefix": conf.Int(bits)}}
}
