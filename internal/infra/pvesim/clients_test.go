package pvesim

import (
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/infra/pvesim/access"
	"syslog-gateway/internal/testkit"
)

// web is a container on a storage that can take snapshots.
func (r *rig) web() {
	r.Helper()
	testkit.Must(r, r.sim.AddGuest("lxc", 120, "", map[string]string{"hostname": "web", "rootfs": "local-zfs:8", "cores": "1"}))
}

// TestUsersOfTerraform makes what bpg's provider makes: role, group, user, rights, token; and
// then works with that token.
func TestUsersOfTerraform(t *testing.T) {
	r := newRig(t, Options{})
	r.web()
	r.ok("POST", "/access/roles", "roleid", "Ops", "privs", "VM.Audit,VM.PowerMgmt")
	r.ok("POST", "/access/groups", "groupid", "ops", "comment", "Operators")
	r.ok("POST", "/access/users", "userid", "ann@pve", "password", "secret-word", "groups", "ops", "enable", "1")
	r.ok("PUT", "/access/acl", "path", "/vms", "roles", "Ops", "groups", "ops")
	made := get[map[string]any](r, "/access/users/ann@pve")
	testkit.Equal(t, "groups", len(made["groups"].([]any)), 1)
	testkit.Holds(t, "members", r.ok("GET", "/access/groups/ops"), "ann@pve")
	testkit.Holds(t, "acl", r.ok("GET", "/access/acl"), `"type":"group"`, `"ugid":"ops"`)

	token := r.ok("POST", "/access/users/ann@pve/token/ci", "privsep", "0")
	_, secret, _ := strings.Cut(token, `"value":"`)
	secret, _, _ = strings.Cut(secret, `"`)
	root := r.token
	r.token = "ann@pve!ci=" + secret
	r.ok("POST", "/nodes/pve1/lxc/120/status/start")
	r.refused(403, "Permission check failed (/vms/120, VM.Snapshot)", r.do("POST", "/nodes/pve1/lxc/120/snapshot", "snapname", "a1"))
	r.refused(403, "Permission check failed (/access/realm/pve, Realm.AllocateUser)", r.do("POST", "/access/users", "userid", "bob@pve"))
	r.token = root

	r.ok("PUT", "/access/acl", "path", "/vms", "roles", "NoAccess", "users", "ann@pve") // the user's own entry wins
	r.token = "ann@pve!ci=" + secret
	r.refused(403, "Permission check failed (/vms/120, VM.PowerMgmt)", r.do("POST", "/nodes/pve1/lxc/120/status/stop"))
	r.token = root
	if _, csrf, err := r.sim.cluster.Access.NewTicket("ann@pve", "secret-word"); err != nil || csrf == "" {
		t.Errorf("no login: %v", err)
	}
	r.refused(500, "delete role failed: auto-generated role 'Administrator' can not be deleted", r.do("DELETE", "/access/roles/Administrator"))
	r.refused(500, "update ACL failed: user 'nobody@pve' does not exist", r.do("PUT", "/access/acl", "path", "/", "roles", "Ops", "users", "nobody@pve"))
	r.ok("DELETE", "/access/users/ann@pve")
	r.token = "ann@pve!ci=" + secret
	testkit.Equal(t, "status with the token of a removed user", r.do("GET", "/version").Status, 401)
	r.token = root
	for _, e := range r.sim.cluster.Access.ACL() {
		testkit.Equal(t, "what is left", e, access.ACL{Path: "/vms", UGID: "@ops", Role: "Ops"})
	}
}

// TestSnapshotsOfAnsible takes, goes back to, and removes snapshots as proxmox_snap does.
func TestSnapshotsOfAnsible(t *testing.T) {
	r := newRig(t, Options{})
	r.web()
	at := "/nodes/pve1/lxc/120"
	r.ok("POST", at+"/snapshot", "snapname", "before", "description", "as it was")
	r.ok("PUT", at+"/config", "cores", "4")
	r.ok("POST", at+"/snapshot", "snapname", "after")
	list := get[[]map[string]any](r, at+"/snapshot")
	testkit.Equal(t, "snapshots", len(list), 3)
	testkit.Equal(t, "parent of the last", list[1]["parent"].(string), "before")
	testkit.Equal(t, "the present", list[2]["name"].(string), "current")
	testkit.Holds(t, "its configuration", r.ok("GET", at+"/snapshot/before/config"), `"cores":1`)
	testkit.Holds(t, "its configuration", r.ok("GET", at+"/config", "snapshot", "before"), `"cores":1`)
	r.ok("POST", at+"/snapshot/before/rollback")
	testkit.Holds(t, "the guest", r.ok("GET", at+"/config"), `"cores":1`, `"parent":"before"`)
	r.ok("DELETE", at+"/snapshot/before")
	left := get[[]map[string]any](r, at+"/snapshot")
	if len(left) != 2 || left[0]["parent"] != nil {
		t.Errorf("left: %v", left)
	}
	testkit.Must(t, r.sim.AddGuest("lxc", 121, "", map[string]string{"hostname": "raw", "mp0": "local-zfs:1,mp=/a"}))
	testkit.Holds(t, "feature", r.ok("GET", "/nodes/pve1/lxc/121/feature", "feature", "snapshot"), `"hasFeature":1`)
}

// TestBackupsAndHA makes backups, a job, and a guest that is a resource of HA.
func TestBackupsAndHA(t *testing.T) {
	r := newRig(t, Options{})
	r.web()
	r.ok("POST", "/nodes/pve1/vzdump", "vmid", "120", "storage", "local", "compress", "zstd", "protected", "1", "notes-template", "{{guestname}} of {{node}}")
	list := get[[]map[string]any](r, "/nodes/pve1/storage/local/content", "content", "backup")
	if len(list) != 1 || list[0]["vmid"] != 120.0 || list[0]["notes"] != "web of pve1" || list[0]["subtype"] != "lxc" || list[0]["format"] != "tar.zst" {
		t.Fatalf("backups: %v", list)
	}
	r.refused(500, "storage 'local-zfs' does not support backups", r.do("POST", "/nodes/pve1/vzdump", "vmid", "120", "storage", "local-zfs"))
	testkit.Holds(t, "without a job", r.ok("GET", "/cluster/backup-info/not-backed-up"), `"vmid":120`)
	r.ok("POST", "/cluster/backup", "id", "nightly", "schedule", "02:00", "all", "1", "storage", "local")
	testkit.Equal(t, "without a job", r.ok("GET", "/cluster/backup-info/not-backed-up"), "[]")
	r.ok("PUT", "/cluster/backup/nightly", "enabled", "0")
	testkit.Holds(t, "jobs", r.ok("GET", "/cluster/backup"), `"enabled":0`, `"id":"nightly"`)
	r.ok("DELETE", "/cluster/backup/nightly")

	r.ok("POST", "/cluster/ha/resources", "sid", "120", "max_restart", "2")
	testkit.Holds(t, "the guest", r.ok("GET", "/nodes/pve1/lxc/120/status/current"), `"managed":1`)
	r.ok("POST", "/cluster/ha/rules", "rule", "near", "type", "node-affinity", "resources", "ct:120", "nodes", "pve1:2", "strict", "1")
	testkit.Holds(t, "rules", r.ok("GET", "/cluster/ha/rules", "resource", "ct:120"), `"rule":"near"`, `"strict":1`)
	testkit.Holds(t, "status", r.ok("GET", "/cluster/ha/status/current"), `"quorate":1`, `"sid":"ct:120"`)
	r.refused(500, "cannot index groups: ha groups have been migrated to rules", r.do("GET", "/cluster/ha/groups"))
	r.ok("DELETE", "/cluster/ha/rules/near")
	r.ok("DELETE", "/cluster/ha/resources/ct:120")
}

// TestNamesThatRulesMayRefer lists aliases and IP sets of the cluster and of a guest.
func TestNamesThatRulesMayRefer(t *testing.T) {
	r := newRig(t, Options{})
	r.web()
	r.ok("POST", "/cluster/firewall/aliases", "name", "vpn", "cidr", "10.9.0.0/16")
	r.ok("POST", "/nodes/pve1/lxc/120/firewall/ipset", "name", "office")
	testkit.Holds(t, "refs", r.ok("GET", "/nodes/pve1/lxc/120/firewall/refs"), `"ref":"dc/vpn"`, `"ref":"+guest/office"`)
	testkit.Lacks(t, "refs", r.ok("GET", "/cluster/firewall/refs", "type", "ipset"), "vpn", "office")
}

// TestNextRunOfAJob: proxmox_backup_info reads when a job runs next.
func TestNextRunOfAJob(t *testing.T) {
	r := newRig(t, Options{}) // it is Sunday, 2026-11-22 17:57:48 UTC
	for schedule, want := range map[string]string{
		"02:00": "2026-11-23 02:00", "*/15": "2026-11-22 18:00", "fri 03:30": "2026-11-27 03:30", "sat,sun": "2026-11-28 00:00", "fri..mon 17:58": "2026-11-22 17:58",
		"mon..fri 22..23:10/20": "2026-11-23 22:10", "Tue 7:05": "2026-11-24 07:05", "hourly": "2026-11-22 18:00", "daily": "2026-11-23 00:00", "weekly": "2026-11-23 00:00",
		"2030-01-01 02:00": "", "25:00": "", "*/0": "", "3..x": "",
	} {
		r.ok("POST", "/cluster/backup", "id", "job", "schedule", schedule, "all", "1", "storage", "local")
		got := ""
		if next, ok := get[[]map[string]any](r, "/cluster/backup")[0]["next-run"].(float64); ok {
			got = time.Unix(int64(next), 0).UTC().Format("2006-01-02 15:04")
		}
		testkit.Equal(t, schedule, got, want)
		r.ok("PUT", "/cluster/backup/job", "enabled", "0")
		testkit.Lacks(t, "a disabled job", r.ok("GET", "/cluster/backup"), "next-run")
		r.ok("DELETE", "/cluster/backup/job")
	}
}

// TestGroupsOfAUserAreSet: one that is appended twice is there once.
func TestGroupsOfAUserAreSet(t *testing.T) {
	r := newRig(t, Options{})
	for _, g := range []string{"ops", "dev"} {
		r.ok("POST", "/access/groups", "groupid", g)
	}
	r.ok("POST", "/access/users", "userid", "ann@pve", "groups", "ops")
	r.ok("PUT", "/access/users/ann@pve", "groups", "ops,dev", "append", "1", "comment", "")
	testkit.Holds(t, "groups", r.ok("GET", "/access/users/ann@pve"), `"groups":["dev","ops"]`)
}

// TestRolesOfEveryInstallation: those that Proxmox VE has need not be made.
func TestRolesOfEveryInstallation(t *testing.T) {
	r := newRig(t, Options{})
	r.web()
	r.ok("POST", "/access/users", "userid", "ann@pve")
	r.ok("PUT", "/access/acl", "path", "/vms/120", "roles", "PVEVMUser", "users", "ann@pve")
	testkit.Holds(t, "rights", r.ok("GET", "/access/permissions", "userid", "ann@pve"), `"VM.PowerMgmt"`, `"VM.Console"`)
	for role, want := range map[string]string{"PVETemplateUser": "VM.Clone", "PVESysAdmin": "Sys.Console", "PVEUserAdmin": "User.Modify", "PVEAdmin": "VM.Allocate", "PVEPoolUser": "Pool.Audit"} {
		testkit.Holds(t, role, r.ok("GET", "/access/roles/"+role), `"`+want+`":1`)
	}
	testkit.Lacks(t, "PVEAdmin", r.ok("GET", "/access/roles/PVEAdmin"), "Permissions.Modify", "Sys.Modify")
}
