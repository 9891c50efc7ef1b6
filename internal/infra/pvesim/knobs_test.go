package pvesim

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

func TestFailures(t *testing.T) {
	r := newRig(t, Options{})
	r.sim.Fail(Failure{Method: "POST", Path: "/pools", Nth: 2, Status: 595})
	r.sim.Fail(Failure{Method: "POST", Path: "/pools", Nth: 3, Status: 596, After: true})
	r.sim.Fail(Failure{Path: "/cluster/**", Times: -1, Status: 503})
	r.sim.Fail(Failure{Path: "/nodes/*/status", Drop: true, Times: -1})
	r.ok("POST", "/pools", "poolid", "a1")
	a := r.do("POST", "/pools", "poolid", "a2")
	r.refused(595, "Connection refused", a)
	if a.Raw != "" {
		t.Errorf("a 595 with the body %q", a.Raw)
	}
	r.refused(596, "Connection timed out", r.do("POST", "/pools", "poolid", "a3"))
	testkit.Equal(t, "pools: the third, whose work was done, and not the second", fmt.Sprint(r.list("/pools")), "[map[poolid:a1] map[poolid:a3]]")
	r.refused(503, "Service Unavailable", r.do("GET", "/cluster/status"))
	r.refused(503, "Service Unavailable", r.do("GET", "/cluster/firewall/options"))
	if a := r.do("GET", "/nodes/pve1/status"); a.Status != 0 || !strings.Contains(a.Reason, "EOF") {
		t.Errorf("cut connection: %+v", a)
	}
	r.sim.ClearFailures()
	r.ok("GET", "/cluster/status")
}

func TestTaskGrowsAndDies(t *testing.T) {
	r := newRig(t, Options{TaskDelay: 10 * time.Second})
	create := []string{"ostemplate", "local:vztmpl/debian.tar.zst", "rootfs", "local-zfs:4", "unprivileged", "1"}
	upid := r.ok("POST", "/nodes/pve1/lxc", append(create, "vmid", "300")...)
	status := "/nodes/pve1/tasks/" + upid + "/status"
	if st := r.object(status); st["status"] != "running" || st["exitstatus"] != nil || st["user"] != "root@pam" || st["tokenid"] != "sim" {
		t.Errorf("running: %v", st)
	}
	if conf := r.object("/nodes/pve1/lxc/300/config"); conf["lock"] != "create" || len(conf) != 2 {
		t.Errorf("config during the creation: %v", conf)
	}
	r.refused(500, "CT is locked (create)", r.do("PUT", "/nodes/pve1/lxc/300/config", "memory", "64"))
	r.clock.advance(11 * time.Second)
	if st := r.object(status); st["exitstatus"] != "OK" {
		t.Errorf("after the delay: %v", st)
	}
	a := r.do("GET", "/nodes/pve1/tasks/"+upid+"/log", "start", "1", "limit", "2")
	var lines []struct {
		N int
		T string
	}
	if err := json.Unmarshal(a.Data, &lines); err != nil || len(lines) != 2 || lines[0].N != 2 || a.Total == nil || *a.Total < 5 {
		t.Errorf("log %s, total %v", a.Raw, a.Total)
	}

	r.sim.Fail(Failure{Method: "POST", Path: "/nodes/*/lxc", TaskDies: true})
	r.ends("unexpected status", "POST", "/nodes/pve1/lxc", append(create, "vmid", "301")...)
	if conf := r.object("/nodes/pve1/lxc/301/config"); conf["lock"] != "create" {
		t.Errorf("after the worker's death: %v", conf)
	}
	r.sim.Fail(Failure{Method: "POST", Path: "/nodes/*/lxc", TaskWarnings: 2})
	r.ends("WARNINGS: 2", "POST", "/nodes/pve1/lxc", append(create, "vmid", "302")...)
	r.sim.Fail(Failure{Method: "POST", Path: "/nodes/*/lxc", TaskError: "no luck"})
	r.ends("no luck", "POST", "/nodes/pve1/lxc", append(create, "vmid", "303")...)
	r.refused(500, "Configuration file 'nodes/pve1/lxc/303.conf' does not exist", r.do("GET", "/nodes/pve1/lxc/303/config"))
}

func TestCloneLimit(t *testing.T) {
	r := newRig(t, Options{TaskDelay: 8 * time.Second, MaxClones: 1})
	testkit.Must(t, r.sim.AddTemplateVM(TemplateVM{VMID: 9000, Disks: map[string]string{"scsi0": "2G"}}))
	var upids []string
	for i := range 3 {
		upids = append(upids, r.ok("POST", "/nodes/pve1/qemu/9000/clone", "newid", fmt.Sprint(200+i), "full", "1"))
	}
	exit := func(i int) any { return r.object("/nodes/pve1/tasks/" + upids[i] + "/status")["exitstatus"] }
	r.clock.advance(9 * time.Second)
	if exit(0) != "OK" || exit(1) != nil {
		t.Errorf("after 9 s: %v %v", exit(0), exit(1))
	}
	r.clock.advance(8 * time.Second)
	if exit(1) != "OK" || exit(2) != "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout" {
		t.Errorf("after 17 s: %v %v", exit(1), exit(2))
	}
}

func TestStorageFull(t *testing.T) {
	r := newRig(t, Options{})
	testkit.Must(t, r.sim.SetStorageUsed("local-zfs", 1<<40-2<<30))
	r.ends("unable to create CT 300 - zfs error: cannot create 'rpool/data/subvol-300-disk-0': out of space", "POST", "/nodes/pve1/lxc", container("300")...)
	if got := r.list("/nodes/pve1/lxc"); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	if st := r.object("/nodes/pve1/storage/local-zfs/status"); st["avail"] != float64(2<<30) {
		t.Errorf("avail %v", st["avail"])
	}
	testkit.Must(t, r.sim.SetStorageUsed("local-zfs", 0))
	testkit.Holds(t, "a root file system smaller than the template", r.task("POST", "/nodes/pve1/lxc", "vmid", "301", "ostemplate", "local:vztmpl/debian.tar.zst", "rootfs", "local-zfs:0.1", "unprivileged", "1"), "'tar xpf ")
	r.refused(500, "storage 'nope' does not exist", r.do("GET", "/nodes/pve1/storage/nope/content"))
}

func TestLocks(t *testing.T) {
	r := newRig(t, Options{})
	r.createCT("300")
	testkit.Must(t, r.sim.SetLock(300, "backup"))
	r.refused(500, "CT is locked (backup)", r.do("PUT", "/nodes/pve1/lxc/300/config", "memory", "64"))
	r.refused(500, "CT is locked (backup)", r.do("DELETE", "/nodes/pve1/lxc/300"))
	testkit.Must(t, r.sim.SetLock(300, ""))
	testkit.Must(t, r.sim.HoldLock(300, true))
	r.refused(500, "can't lock file '/run/lock/lxc/pve-config-300.lock' - got timeout", r.do("PUT", "/nodes/pve1/lxc/300/config", "memory", "64"))
	testkit.Must(t, r.sim.HoldLock(300, false))
	r.ok("PUT", "/nodes/pve1/lxc/300/config", "memory", "64", "protection", "1")
	r.refused(500, "can't remove CT 300 - protection mode enabled", r.do("DELETE", "/nodes/pve1/lxc/300"))
}

func TestResourceLag(t *testing.T) {
	r := newRig(t, Options{ResourceLag: 10 * time.Second})
	r.createCT("300", "hostname", "web", "tags", "x")
	res := r.list("/cluster/resources", "type", "vm")[0]
	if res["status"] != "unknown" || res["name"] != nil || res["tags"] != "x" {
		t.Errorf("a new guest: %v", res)
	}
	r.clock.advance(11 * time.Second)
	r.task("POST", "/nodes/pve1/lxc/300/status/start")
	testkit.Equal(t, "just started", r.list("/cluster/resources", "type", "vm")[0]["status"], "stopped")
	testkit.Equal(t, "status/current", r.object("/nodes/pve1/lxc/300/status/current")["status"], "running")
	r.clock.advance(10 * time.Second)
	testkit.Equal(t, "after the lag", r.list("/cluster/resources", "type", "vm")[0]["status"], "running")
}

func TestNodes(t *testing.T) {
	r := newRig(t, Options{Nodes: []string{"pve1", "pve2"}})
	r.createCT("300")
	r.refused(500, "hostname lookup 'nosuch' failed - failed to get address info for: nosuch: Name or service not known", r.do("GET", "/nodes/nosuch/status"))
	testkit.Must(t, r.sim.MoveGuest(300, "pve2"))
	r.refused(500, "Configuration file 'nodes/pve1/lxc/300.conf' does not exist", r.do("GET", "/nodes/pve1/lxc/300/config"))
	r.ok("GET", "/nodes/pve2/lxc/300/config")
	r.refused(500, "CT 300 already exists on node 'pve2'", r.do("POST", "/nodes/pve1/lxc", "vmid", "300", "ostemplate", "local:vztmpl/debian.tar.zst", "unprivileged", "1", "rootfs", "local-zfs:1"))
	testkit.Must(t, r.sim.SetNodeOnline("pve2", false))
	r.refused(595, "No route to host", r.do("GET", "/nodes/pve2/lxc/300/config"))
	if got := r.list("/cluster/resources", "type", "vm")[0]; got["node"] != "pve2" || got["status"] != "unknown" {
		t.Errorf("a guest of a lost node: %v", got)
	}
}

func TestJournalAndDump(t *testing.T) {
	r := newRig(t, Options{})
	r.ok("GET", "/version")
	r.ok("POST", "/pools", "poolid", "prod", "comment", "c")
	if w := r.sim.Writes(); len(w) != 1 || w[0].Params["comment"] != "c" || w[0].User != "root@pam!sim" || w[0].String() != "POST /pools: 200 OK" {
		t.Errorf("writes %v", w)
	}
	r.sim.ResetJournal()
	if got := r.sim.Journal(); len(got) != 0 {
		t.Errorf("journal %v", got)
	}
	r.createCT("300", "pool", "prod")
	r.ok("PUT", "/nodes/pve1/lxc/300/firewall/options", "enable", "1", "policy_in", "DROP")
	r.ok("POST", "/nodes/pve1/lxc/300/firewall/rules", "type", "in", "action", "ACCEPT", "proto", "tcp", "dport", "22", "enable", "0", "comment", "ssh")
	d := r.sim.Dump()
	if got := d["firewall/300.fw"]; got != "[OPTIONS]\n\nenable: 1\npolicy_in: DROP\n\n[RULES]\n\n|IN ACCEPT -p tcp -dport 22 # ssh\n\n" {
		t.Errorf("firewall file %q", got)
	}
	if !strings.Contains(d["nodes/pve1/lxc/300.conf"], "hostname: CT300\n") || d["user.cfg"] != "pool:prod:c:300::\n" {
		t.Errorf("dump %q", d)
	}
	testkit.Must(t, r.sim.RemoveGuest(300))
	testkit.Equal(t, "pools after the removal", r.sim.Dump()["user.cfg"], "pool:prod:c:::\n")
}

// TestSeed: equal seeds give equal worlds.
func TestSeed(t *testing.T) {
	world := func(seed uint64) string {
		r := newRig(t, Options{Seed: seed})
		r.createCT("300")
		return fmt.Sprint(r.sim.Dump(), r.list("/cluster/tasks"))
	}
	if a, b := world(7), world(7); a != b {
		t.Errorf("seed 7 twice:\n%s\n%s", a, b)
	}
	if world(7) == world(8) {
		t.Error("seeds 7 and 8 give the same MAC addresses")
	}
}
