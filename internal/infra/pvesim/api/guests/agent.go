package guests

import (
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
)

// agent is the guest agent of a VM, as far as it can know something without an inside: that it
// is there, and what the configuration of the VM says about name, system and addresses.
type agent struct{ guests }

func (a agent) routes() []*api.Route {
	at := a.one() + "/agent/"
	audit := api.NeedAny("/vms/{vmid}", "VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted")
	var out []*api.Route
	for name, c := range agentCommands {
		out = append(out, &api.Route{Method: c.method, Path: at + name, Groups: groups(), Check: audit, Handle: api.On(a.answering, func(_ *api.Call, g *store.Guest) (any, error) {
			return map[string]any{"result": c.result(a, g)}, nil
		})})
	}
	return out
}

// agentCommands are those that are served, by name: the method of the API, and the result.
var agentCommands = map[string]struct {
	method string
	result func(agent, *store.Guest) any
}{
	"ping": {"POST", func(agent, *store.Guest) any { return map[string]any{} }},
	"info": {"GET", func(agent, *store.Guest) any {
		commands := []map[string]any{}
		for _, name := range []string{"guest-get-host-name", "guest-get-osinfo", "guest-info", "guest-network-get-interfaces", "guest-ping"} {
			commands = append(commands, map[string]any{"name": name, "enabled": true, "success-response": true})
		}
		return map[string]any{"version": "9.2.0", "supported_commands": commands}
	}},
	"get-host-name": {"GET", func(_ agent, g *store.Guest) any { return map[string]any{"host-name": g.Name()} }},
	"get-osinfo": {"GET", func(_ agent, g *store.Guest) any {
		if strings.HasPrefix(g.Config["ostype"], "w") {
			return map[string]any{"id": "mswindows", "name": "Microsoft Windows", "pretty-name": "Windows Server 2025 Standard", "version": "Microsoft Windows Server 2025",
				"version-id": "2025", "machine": "x86_64", "kernel-release": "26100", "kernel-version": "10.0"}
		}
		return map[string]any{"id": "debian", "name": "Debian GNU/Linux", "pretty-name": "Debian GNU/Linux 13 (trixie)", "version": "13 (trixie)", "version-id": "13",
			"machine": "x86_64", "kernel-release": "6.12.43+deb13-amd64", "kernel-version": "#1 SMP"}
	}},
	"network-get-interfaces": {"GET", agent.interfaces},
}

// answering is find, when the VM runs and has an agent.
func (a agent) answering(c *api.Call) (*store.Guest, error) {
	g, err := a.find(c)
	switch {
	case err != nil:
		return nil, err
	case !g.Running:
		return nil, refusal.Fail("VM %d is not running", g.VMID)
	case !g.HasAgent():
		return nil, refusal.Fail("No QEMU guest agent configured")
	}
	return g, nil
}

// interfaces answers with the static addresses of ipconfigN, as a guest that took them would.
func (a agent) interfaces(g *store.Guest) any {
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
	return out
}

func addresses(cidr string) []map[string]any {
	ip, bits, ok := strings.Cut(cidr, "/")
	if !ok {
		return []map[string]any{}
	}
	return []map[string]any{{"ip-address-type": "ipv4", "ip-address": ip, "prefix": conf.Int(bits)}}
}
