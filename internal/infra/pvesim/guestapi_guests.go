package pvesim

import (
	"slices"
	"strconv"
	"strings"
)

// guestRoutes are what containers and VMs have in common.
func guestRoutes(kind string) []*route {
	at := "/nodes/{node}/" + kind
	one := at + "/{vmid}"
	groups := []string{"guest"}
	audit, power, alloc := need("/vms/{vmid}", "VM.Audit"), need("/vms/{vmid}", "VM.PowerMgmt"), need("/vms/{vmid}", "VM.Allocate")
	clone := func(c *call) error {
		if err := c.require("/vms/"+c.str("vmid"), "VM.Clone"); err != nil {
			return err
		}
		return c.requireVM(c.int("newid"), c.str("pool"), "VM.Allocate")
	}
	name, disk, extra := "name dns", "disk! str re=(ide|sata|scsi|virtio)\\d+|efidisk0|tpmstate0", "skiplock bool\n"
	destroy := "destroy-unreferenced-disks bool\npurge bool\nskiplock bool"
	start, stop := "force-cpu str\nmachine str props=machine\ntimeout int 0..\n"+extra, "keepActive bool\noverrule-shutdown bool\ntimeout int 0..\n"+extra
	shutdown := "forceStop bool\nkeepActive bool\ntimeout int 0..\n" + extra
	cloneFormat := "bwlimit int 0..\nformat str enum=raw|qcow2|vmdk\n"
	if kind == "lxc" {
		name, disk, extra, cloneFormat = "hostname dns", "disk! str re=rootfs|mp\\d+", "", "bwlimit num 0..\n"
		destroy = "destroy-unreferenced-disks bool\nforce bool\npurge bool"
		start, stop, shutdown = "debug bool\nskiplock bool", "overrule-shutdown bool\nskiplock bool", "forceStop bool\ntimeout int 0.."
	}
	of := func(h func(*call, string) (any, error)) func(*call) (any, error) {
		return func(c *call) (any, error) { return h(c, kind) }
	}
	list := "full bool"
	if kind == "lxc" {
		list = ""
	}
	return []*route{
		{method: "GET", path: at, groups: []string{"node"}, params: list, handle: of(listGuests)},
		{method: "GET", path: one, groups: groups, handle: of(guestIndex)},
		{method: "GET", path: one + "/config", groups: groups, params: "current bool\nsnapshot configid len=..40", check: audit, handle: of(getConfig)},
		{method: "GET", path: one + "/pending", groups: groups, check: audit, handle: of(getPending)},
		{method: "GET", path: one + "/status/current", groups: groups, check: audit, handle: of(currentStatus)},
		{method: "POST", path: one + "/status/start", groups: groups, params: start, check: power, handle: of(startGuest)},
		{method: "POST", path: one + "/status/stop", groups: groups, params: stop, check: power, handle: of(stopGuest)},
		{method: "POST", path: one + "/status/shutdown", groups: groups, params: shutdown, check: power, handle: of(shutdownGuest)},
		{method: "POST", path: one + "/status/reboot", groups: groups, params: "timeout int 0..", check: power, handle: of(rebootGuest)},
		{method: "POST", path: one + "/clone", groups: groups, check: clone, handle: of(cloneGuest),
			params: cloneFormat + "description str\nfull bool\nnewid! int 100..999999999\npool pool\nsnapname configid len=..40\nstorage storage\ntarget node\n" + name},
		{method: "PUT", path: one + "/resize", groups: groups, check: need("/vms/{vmid}", "VM.Config.Disk"), handle: of(resizeGuest),
			params: disk + "\ndigest str len=..40\n" + extra + "size! str re=\\+?\\d+(\\.\\d+)?[KMGT]?"},
		{method: "DELETE", path: one, groups: groups, params: destroy, check: alloc, handle: of(destroyGuest)},
	}
}

func guestIndex(c *call, kind string) (any, error) {
	if _, err := c.guest(kind); err != nil {
		return nil, err
	}
	return []map[string]string{{"subdir": "config"}, {"subdir": "pending"}, {"subdir": "status"}, {"subdir": "firewall"}, {"subdir": "resize"}}, nil
}

func listGuests(c *call, kind string) (any, error) {
	out := []map[string]any{}
	for _, g := range c.sortedGuests() {
		if g.kind == kind && g.node == c.node.name && c.user.can(c.Sim, "/vms/"+strconv.Itoa(g.vmid), "VM.Audit") {
			out = append(out, c.status(g))
		}
	}
	return out, nil
}

func (s *Sim) sortedGuests() []*guest {
	out := make([]*guest, 0, len(s.guests))
	for _, g := range s.guests {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b *guest) int { return a.vmid - b.vmid })
	return out
}

func getConfig(c *call, kind string) (any, error) {
	g, err := c.guest(kind)
	if err != nil {
		return nil, err
	}
	if c.has("snapshot") {
		return nil, fail("snapshot '%s' does not exist", c.str("snapshot"))
	}
	values := g.effective()
	if c.bool("current") {
		values = g.config
	}
	out := map[string]any{"digest": g.digest()}
	for k, v := range values {
		out[k] = c.typed(g, k, v)
	}
	return out, nil
}

func getPending(c *call, kind string) (any, error) {
	g, err := c.guest(kind)
	if err != nil {
		return nil, err
	}
	out := []map[string]any{{"key": "digest", "value": g.digest()}}
	for _, k := range sortedKeys(g.config) {
		entry := map[string]any{"key": k, "value": c.typed(g, k, g.config[k])}
		if v, ok := g.pending[k]; ok {
			entry["pending"] = c.typed(g, k, v)
		}
		if g.deleted[k] {
			entry["delete"] = 1
		}
		out = append(out, entry)
	}
	for _, k := range sortedKeys(g.pending) {
		if _, ok := g.config[k]; !ok {
			out = append(out, map[string]any{"key": k, "pending": c.typed(g, k, g.pending[k])})
		}
	}
	return out, nil
}

func currentStatus(c *call, kind string) (any, error) {
	g, err := c.guest(kind)
	if err != nil {
		return nil, err
	}
	out := c.status(g)
	out["ha"] = map[string]any{"managed": 0}
	if kind == "qemu" {
		out["qmpstatus"] = out["status"]
		if strings.HasPrefix(strings.TrimPrefix(g.config["agent"], "enabled="), "1") {
			out["agent"] = 1
		}
	}
	return out, nil
}

// status is a guest as lists and status/current show it.
func (s *Sim) status(g *guest) map[string]any {
	st := s.stat(g)
	out := map[string]any{
		"vmid": g.vmid, "name": st.name, "status": st.status, "cpus": st.cpus, "maxmem": st.memory, "maxdisk": st.disk,
		"cpu": 0, "mem": 0, "disk": 0, "netin": 0, "netout": 0, "diskread": 0, "diskwrite": 0, "uptime": st.uptime,
	}
	if g.kind == "lxc" {
		out["type"], out["maxswap"], out["swap"] = "lxc", atoi(g.config["swap"])<<20, 0
	}
	if g.running {
		out["pid"] = 10000 + g.vmid
	}
	for _, k := range []string{"lock", "tags"} {
		if v := g.config[k]; v != "" {
			out[k] = v
		}
	}
	if g.config["template"] == "1" {
		out["template"] = 1
	}
	return out
}

// stat is what pvestatd measures.
type stat struct {
	name, status string
	cpus         int
	memory, disk int64
	uptime       int64
	template     string
}

func (s *Sim) stat(g *guest) stat {
	st := stat{name: g.name(), status: "stopped", template: g.config["template"]}
	if st.name == "" {
		st.name = map[string]string{"lxc": "CT", "qemu": "VM "}[g.kind] + strconv.Itoa(g.vmid)
	}
	st.memory = int64(atoi(g.config["memory"])) << 20
	if st.memory == 0 {
		st.memory = 512 << 20
	}
	st.cpus = max(atoi(g.config["cores"]), 1) * max(atoi(g.config["sockets"]), 1)
	root := g.config["rootfs"]
	if g.kind == "qemu" {
		root = g.config[strings.Split(strings.TrimPrefix(g.config["boot"], "order="), ";")[0]]
	}
	if _, size, ok := strings.Cut(root, "size="); ok {
		size, _, _ = strings.Cut(size, ",")
		st.disk = parseSize(size)
	}
	if g.running {
		st.status, st.uptime = "running", int64(s.opt.Now().Sub(g.since).Seconds())+1
	}
	return st
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }
