package pvesim

import (
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

func TestSuspendAndResume(t *testing.T) {
	r := newRig(t, Options{})
	testkit.Must(t, r.sim.AddGuest("qemu", 201, "", map[string]string{"name": "db"}))
	at := "/nodes/pve1/qemu/201"
	state := func() string {
		s := r.object(at + "/status/current")
		return strings.Trim(strings.Join([]string{s["status"].(string), s["qmpstatus"].(string)}, " "), " ")
	}
	r.refused(500, "VM 201 not running", r.do("POST", at+"/status/suspend"))
	r.refused(500, "VM 201 not running", r.do("POST", at+"/status/resume"))
	r.refused(500, "VM 201 not running", r.do("POST", at+"/status/reset"))
	r.ok("POST", at+"/status/start")
	r.ok("POST", at+"/status/suspend")
	testkit.Equal(t, "suspended", state(), "running paused")
	r.ok("POST", at+"/status/resume", "nocheck", "1")
	r.ok("POST", at+"/status/reset")
	testkit.Equal(t, "resumed", state(), "running running")
	r.ok("POST", at+"/status/suspend", "todisk", "1")
	testkit.Equal(t, "suspended to disk", state(), "stopped stopped")
	testkit.Equal(t, "its lock", r.object(at + "/status/current")["lock"].(string), "suspended")
	r.ok("POST", at+"/status/start")
	testkit.Equal(t, "woken", state(), "running running")
	testkit.Lacks(t, "its lock", r.ok("GET", at+"/config"), "suspended")
	r.ok("POST", at+"/status/suspend")
	r.ok("POST", at+"/status/stop")
	r.ok("POST", at+"/status/start")
	testkit.Equal(t, "stopped and started", state(), "running running")
}

func TestAgentKnowsTheConfiguration(t *testing.T) {
	r := newRig(t, Options{})
	testkit.Must(t, r.sim.AddGuest("qemu", 201, "", map[string]string{"name": "db", "agent": "enabled=1,fstrim_cloned_disks=1"}))
	testkit.Must(t, r.sim.AddGuest("qemu", 202, "", map[string]string{"name": "win", "agent": "1", "ostype": "win11"}))
	testkit.Must(t, r.sim.AddGuest("qemu", 203, "", map[string]string{"name": "bare"}))
	at := "/nodes/pve1/qemu/201/agent"
	r.refused(500, "VM 201 is not running", r.do("POST", at+"/ping"))
	for _, vmid := range []int{201, 202, 203} {
		testkit.Must(t, r.sim.SetRunning(vmid, true))
	}
	testkit.Equal(t, "ping", r.ok("POST", at+"/ping"), `{"result":{}}`)
	testkit.Holds(t, "name", r.ok("GET", at+"/get-host-name"), `"host-name":"db"`)
	testkit.Holds(t, "system", r.ok("GET", at+"/get-osinfo"), `"id":"debian"`)
	testkit.Holds(t, "system", r.ok("GET", "/nodes/pve1/qemu/202/agent/get-osinfo"), `"id":"mswindows"`)
	testkit.Holds(t, "commands", r.ok("GET", at+"/info"), `"name":"guest-ping"`)
	r.refused(500, "No QEMU guest agent configured", r.do("POST", "/nodes/pve1/qemu/203/agent/ping"))
	r.refused(501, "Method 'POST "+at+"/exec' not implemented", r.do("POST", at+"/exec", "command", "id"))
}

func TestMigration(t *testing.T) {
	r := newRig(t, Options{Nodes: []string{"pve1", "pve2", "pve3"}, Storages: []Storage{
		{ID: "local", Type: "dir", Content: []string{"images", "rootdir", "vztmpl"}, Path: "/var/lib/vz"},
		{ID: "fast", Type: "zfspool", Content: []string{"images", "rootdir"}, Path: "fast", Nodes: []string{"pve1"}},
		{ID: "shared", Type: "nfs", Content: []string{"images"}, Path: "/mnt/pve/shared", Shared: true},
	}})
	testkit.Must(t, r.sim.AddGuest("qemu", 201, "", map[string]string{"name": "db", "scsi0": "local:1"}))
	testkit.Must(t, r.sim.AddGuest("qemu", 202, "", map[string]string{"name": "mail", "scsi0": "shared:1"}))
	testkit.Must(t, r.sim.AddGuest("qemu", 203, "", map[string]string{"name": "quick", "scsi0": "fast:1"}))
	testkit.Must(t, r.sim.AddGuest("lxc", 301, "", map[string]string{"hostname": "web", "rootfs": "local:1"}))
	for _, vmid := range []int{201, 202, 301} {
		testkit.Must(t, r.sim.SetRunning(vmid, true))
	}
	move := func(kind, vmid string, kv ...string) reply {
		return r.do("POST", "/nodes/pve1/"+kind+"/"+vmid+"/migrate", append(kv, "target", "pve2")...)
	}
	r.wrong("target", "target is local node.", r.do("POST", "/nodes/pve1/qemu/201/migrate", "target", "pve1"))
	r.refused(500, "no such cluster node 'pve9'", r.do("POST", "/nodes/pve1/qemu/201/migrate", "target", "pve9"))
	r.wrong("force", "Only root may use this option.", move("qemu", "201", "force", "1"))
	r.refused(500, "can't migrate running VM without --online", move("qemu", "201"))
	r.refused(500, "can't migrate running container without --online or --restart", move("lxc", "301"))
	testkit.Equal(t, "live, with a local disk", r.ended(move("qemu", "201", "online", "1")), "migration aborted")
	testkit.Equal(t, "live container", r.ended(move("lxc", "301", "online", "1")), "migration aborted")
	testkit.Equal(t, "to a node without the storage", r.ended(move("qemu", "203")), "migration aborted")

	testkit.Equal(t, "live, with its local disk", r.ended(move("qemu", "201", "online", "1", "with-local-disks", "1")), "OK")
	testkit.Equal(t, "live, on shared storage", r.ended(move("qemu", "202", "online", "1")), "OK")
	testkit.Equal(t, "to another storage", r.ended(move("qemu", "203", "targetstorage", "fast:shared,local")), "OK")
	testkit.Equal(t, "a container that restarts", r.ended(move("lxc", "301", "restart", "1")), "OK")
	for _, path := range []string{"qemu/201", "qemu/202", "lxc/301"} {
		testkit.Equal(t, path, r.object("/nodes/pve2/" + path + "/status/current")["status"].(string), "running")
	}
	testkit.Holds(t, "its disk", r.ok("GET", "/nodes/pve2/qemu/203/config"), `"scsi0":"shared:203/vm-203-disk-0`)
	r.refused(500, "Configuration file 'nodes/pve1/qemu-server/201.conf' does not exist", r.do("GET", "/nodes/pve1/qemu/201/config"))

	testkit.Must(t, r.sim.SetNodeOnline("pve3", false))
	r.refused(500, "node 'pve3' seems to be offline", r.do("POST", "/nodes/pve2/qemu/203/migrate", "target", "pve3"))
}
