package main

import (
	"net/http"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/pvesim"
)

// A guest that is neither declared nor there is forgotten: whoever takes its VMID next is
// not ours.
func TestRecordForgetsWhatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{})
	w.expect(0, nil, "apply", "--yes")
	must(t, w.sim.RemoveGuest(103))
	w.edit(w.block("dns"), "")
	w.expect(0, []string{"Nothing to do"}, "apply", "--yes")
	if a := w.expect(0, []string{"175"}, "state", "list"); strings.Contains(a.out, "103") {
		t.Errorf("still recorded:\n%s", a.out)
	}
	must(t, w.sim.AddGuest("lxc", 103, "pve", map[string]string{"hostname": "dns", "rootfs": "local-zfs:8"}))
	w.expect(0, []string{"Nothing to do"}, "plan")
	w.expect(0, []string{"somebody else's"}, "orphans")
	w.expect(1, []string{"--allow-destroy"}, "apply", "--yes", "--allow-destroy", "103")
	if w.config("103") == "" {
		t.Error("a colleague's guest was destroyed")
	}
}

// A guest that was renamed by somebody stays in the record until it is forgotten.
func TestStateForget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{})
	w.expect(0, nil, "apply", "--yes")
	must(t, w.sim.SetConfig(103, "tags", "mine"))
	w.edit(w.block("dns"), "")
	w.expect(2, []string{"state forget dns"}, "plan")
	w.expect(1, []string{`nothing called "nobody"`}, "state", "forget", "nobody")
	w.expect(0, []string{"forgotten: lxc/dns"}, "state", "forget", "dns")
	w.expect(0, []string{"Nothing to do"}, "plan")
	w.expect(0, []string{`"key": "gateway"`}, "state", "forget", "175", "--json")
	w.expect(0, []string{"forgotten: pool/logging"}, "state", "forget", "pool/logging")
	w.expect(2, nil, "state", "forget")
	if w.config("103") == "" || w.config("175") == "" {
		t.Error("a guest that was forgotten is gone")
	}
}

// A record speaks of one cluster. Its VMIDs are other guests' on any other.
func TestRecordOfAnotherClusterIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{})
	w.expect(0, nil, "apply", "--yes")
	w.reset(pvesim.Options{}) // the same address, nodes and seed
	must(t, w.sim.AddGuest("lxc", 103, "pve", map[string]string{"hostname": "mail", "rootfs": "local-zfs:8"}))
	for _, args := range [][]string{{"plan"}, {"apply", "--yes"}, {"destroy", "dns", "--yes"}, {"adopt"}, {"orphans"}} {
		w.expect(1, []string{"to another Proxmox VE", "--state-dir"}, args...)
	}
	w.expect(1, []string{"mail"}, "apply", "--yes", "--state-dir", "other")
	w.expect(1, []string{"mail"}, "destroy", "dns", "--yes", "--state-dir", "other")
	if writes := w.sim.Writes(); len(writes) > 0 {
		t.Errorf("written: %v", writes)
	}
}

// Two declarations with one record would each take the other's guests for left over.
func TestRecordOfAnotherDeclarationIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{})
	w.expect(0, nil, "apply", "--yes")
	w.write("lab.json", strings.Replace(smallEstate, w.block("dns"), "", 1))
	for _, args := range [][]string{{"plan"}, {"apply", "--yes"}, {"adopt"}, {"inventory", "--sync"}} {
		want := "not to lab.json"
		if args[0] == "inventory" {
			want = "names no target"
		}
		w.expect(1, []string{want}, append(args, "-f", "lab.json")...)
	}
	w.expect(0, nil, "plan", "-f", w.path("deployment.json")) // another name of the same
	remove(w, "lab.json")
	w.write("estate.json", w.read("deployment.json"))
	remove(w, "deployment.json")
	w.expect(0, nil, "plan", "-f", "estate.json") // renamed
}

// Only what was applied last is published, and only when the guests have the addresses
// that are published.
func TestOnlyWhatIsInForceIsPublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(smallEstate, `"domain"`, `"inventory_sync": ["repo"], "domain"`, 1), pvesim.Options{})
	w.mkdir("repo/inventory")
	w.expect(1, []string{"nothing is published"}, "inventory", "--sync")
	a := w.expect(0, []string{"repo/inventory/terraform_inventory.json: written for the first time"}, "apply", "--yes", "--sync", "repo")
	if n := strings.Count(a.out, "terraform_inventory.json"); n != 1 {
		t.Errorf("one target that is named twice is shown %d times", n)
	}
	w.expect(0, []string{"unchanged"}, "inventory", "--sync")
	declared := w.read("deployment.json")
	published := w.read("repo/inventory/terraform_inventory.json")
	for _, edit := range [][2]string{{w.block("dns"), ""}, {`"vm_id": 103`, `"vm_id": 104`}, {`"containers"`, `"_containers"`}} {
		w.write("deployment.json", strings.Replace(declared, edit[0], edit[1], 1))
		w.expect(1, nil, "inventory", "--sync")
		w.expect(1, nil, "apply", "--yes")
	}
	w.write("deployment.json", strings.Replace(declared, `"vm_id": 250`, `"ip": "10.20.30.78", "vm_id": 250`, 1))
	w.expect(1, []string{"by hand", "not published", "docker-host"}, "apply", "--yes")
	w.expect(1, []string{"nothing is published"}, "inventory", "--sync")
	if w.read("repo/inventory/terraform_inventory.json") != published {
		t.Error("published what is not in force")
	}
	must(t, w.sim.SetConfig(250, "ipconfig0", "ip=10.20.30.78/24,gw=10.20.30.1"))
	w.expect(0, []string{`~ vms.docker-host.ip "10.20.30.250" -> "10.20.30.78"`}, "apply", "--yes")
}

// A step that needs root@pam is not found out in the middle of an apply.
func TestWrongRootPasswordIsKnownBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(smallEstate, `"unprivileged": true, "root_disk"`, `"features": {"keyctl": true}, "unprivileged": true, "root_disk"`, 1),
		pvesim.Options{
			Users:  []pvesim.User{{ID: "root@pam", Password: "right"}, {ID: "ops@pve", Password: "x"}},
			Tokens: []pvesim.Token{{ID: "ops@pve!ci", Secret: "0-1"}},
			ACL:    []pvesim.ACL{{Path: "/", UGID: "ops@pve", Role: "Administrator"}},
		})
	w.set("PROXMOX_VE_API_TOKEN=ops@pve!ci=0-1")
	w.expect(0, []string{"warn root@pam"}, "check")
	w.set("PROXMOX_VE_USERNAME=root@pam")
	w.set("PROXMOX_VE_PASSWORD=wrong")
	w.expect(1, []string{"FAIL root@pam", "401"}, "check")
	w.expect(1, []string{"nothing was done", "root@pam", "401"}, "apply", "--yes")
	for _, r := range w.sim.Writes() {
		if r.Path != "/access/ticket" {
			t.Errorf("written: %v", r)
		}
	}
	w.set("PROXMOX_VE_PASSWORD=right")
	w.expect(0, []string{"ok   root@pam"}, "check")
	w.expect(0, nil, "apply", "--yes")
	w.expect(0, nil, "plan")
}

// What is live can hold anything; a terminal must not obey it.
func TestLiveTextDoesNotReachTheTerminalRaw(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{})
	w.expect(0, nil, "apply", "--yes")
	const evil = "x\x1b[31mRED\x1b]0;owned\x07\r+ y"
	must(t, w.sim.SetConfig(103, "description", evil))
	must(t, w.sim.AddGuest("lxc", 300, "pve", map[string]string{"hostname": "stranger", "rootfs": "local-zfs:8"}))
	w.sim.Fail(pvesim.Failure{Method: http.MethodPut, Path: "/nodes/*/lxc/103/config", Status: 500, Reason: "no\x1b[2Jway"})
	for _, run := range []struct {
		code int
		args []string
	}{{2, []string{"plan"}}, {0, []string{"adopt"}}, {0, []string{"orphans"}}, {1, []string{"apply", "--yes"}}} {
		if a := w.expect(run.code, nil, run.args...); strings.ContainsAny(a.out+a.errs, "\x1b\x07\r") {
			t.Errorf("%v: %q", run.args, a.out+a.errs)
		}
	}
	if got := safe("a\nb\x1bc\u202ed é→"); got != "a\nb"+`\x1bc\u202ed é→` {
		t.Error(got)
	}
}

func TestSentencesCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallEstate, pvesim.Options{})
	w.expect(1, []string{"there is no folder nowhere"}, "render", "gateway", "-o", "nowhere")
	w.edit(`"vm_id": 103`, `"vm_id": 9`)
	w.expect(1, []string{"1 problem:"}, "validate")
	w.expect(1, []string{"1 problem in"}, "validate", "--json")
	w.write("deployment.json", `{"network_prefix": "10.20.30", "containers": null}`)
	w.expect(0, []string{"note: ", "no container is declared", "fine: 0 containers, 0 VMs"}, "validate")
}
