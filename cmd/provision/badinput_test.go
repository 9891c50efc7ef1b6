package main

import (
	"os"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/workflow/workflowtest"
	"syslog-gateway/internal/testkit"
)

// Each of these stops before harm, with one clear sentence and exit code 1, and nothing
// is published.
func TestBadInputStopsBeforeHarm(t *testing.T) {
	t.Parallel()
	half := `{"domain": "ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]", "sops": {"age": [], "mac": "x"}}`
	for _, c := range []struct {
		name  string
		spoil func(w *world)
		says  string
	}{
		{"missing file", func(w *world) { remove(w, "deployment.json") }, "no such file"},
		{"empty file", func(w *world) { w.Write("deployment.json", "") }, "deployment.json"},
		{"truncated file", func(w *world) { w.Write("deployment.json", workflowtest.Estate[:len(workflowtest.Estate)/2]) }, "deployment.json"},
		{"wrong type", func(w *world) { w.Edit(`"vm_id": 103`, `"vm_id": "103"`) }, "$.containers.dns.vm_id"},
		{"unknown key", func(w *world) { w.Edit(`"memory_dedicated"`, `"memory_dedicate"`) }, "did you mean memory_dedicated?"},
		{"null for an object", func(w *world) { w.Write("deployment.json", "null") }, "deployment.json"},
		{"half-decrypted file", func(w *world) { w.Write("terraform.sops.json", half) }, "terraform.sops.json"},
		{"clear SOPS file", func(w *world) { w.Write("terraform.sops.json", `{"domain": "x.example"}`) }, "terraform.sops.json"},
		{"wrong token", func(w *world) { w.set("PROXMOX_VE_API_TOKEN=root@pam!sim=wrong") }, "401"},
		{"no endpoint", func(w *world) { w.set("PROXMOX_VE_ENDPOINT=") }, "PROXMOX_VE_ENDPOINT"},
		{"nobody listens", func(w *world) { w.set("PROXMOX_VE_ENDPOINT=http://127.0.0.1:1") }, "connection refused"},
		{"unknown node", func(w *world) { w.set("PROXMOX_VE_NODE=pve9") }, "no node pve9"},
		{"missing template", func(w *world) { testkit.Must(w.T, w.Sim.RemoveGuest(9000)) }, "9000"},
		{"template without a template", func(w *world) {
			testkit.Must(w.T, w.Sim.RemoveGuest(9000))
			testkit.Must(w.T, w.Sim.AddGuest("qemu", 9000, "pve", map[string]string{"name": "plain", "scsi0": "local-zfs:10"}))
		}, "9000"},
		{"missing container template", func(w *world) {
			w.Edit(`"domain"`, `"proxmox_ct_template_debian": "mine_1.0_amd64.tar.zst", "domain"`)
		}, "mine_1.0_amd64.tar.zst"},
		{"template larger than the disk", func(w *world) { w.Edit(`"size": 50`, `"size": 5`) }, "10G"},
		{"full storage", func(w *world) { testkit.Must(w.T, w.Sim.SetStorageUsed("local-zfs", 8<<40)) }, "local-zfs"},
		{"another's guest", func(w *world) {
			testkit.Must(w.T, w.Sim.AddGuest("qemu", 103, "pve", map[string]string{"name": "somebody"}))
		}, "103"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pvesim.Options{})
			c.spoil(w)
			w.stops(c.says)
			if writes := w.Sim.Writes(); len(writes) > 0 {
				t.Errorf("written nevertheless: %v", writes)
			}
		})
	}
}

func remove(w *world, name string) { testkit.Must(w.T, os.Remove(w.Path(name))) }

// set adds a variable; the last one of a name counts.
func (w *world) set(variable string) { w.env = append(w.env, variable) }

// stops applies, and wants it to fail with a sentence and without a trace.
func (w *world) stops(says string) {
	w.T.Helper()
	target := w.mkdir("published/inventory")
	a := w.provision("apply", "--yes", "--sync", w.Path("published"))
	switch {
	case a.code != 1:
		w.T.Errorf("exit code %d\n%s%s", a.code, a.out, a.errs)
	case !strings.Contains(a.out+a.errs, says):
		w.T.Errorf("%q is not in\n%s%s", says, a.out, a.errs)
	case strings.Contains(a.errs, "goroutine ") || strings.Contains(a.errs, pvesim.DefaultToken[len("root@pam!sim="):]):
		w.T.Errorf("not for people:\n%s", a.errs)
	}
	if entries, err := os.ReadDir(target); err != nil || len(entries) > 0 {
		w.T.Errorf("published: %v %v", entries, err)
	}
}

// Without the right to see or to make guests, the API's own reason is passed on.
func TestMissingPrivilege(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pvesim.Options{
		Users:  []pvesim.User{{ID: "ops@pve", Password: "x"}},
		Tokens: []pvesim.Token{{ID: "ops@pve!ci", Secret: "0-1"}},
		ACL:    []pvesim.ACL{{Path: "/", UGID: "ops@pve", Role: "PVEAuditor"}},
	})
	w.set("PROXMOX_VE_API_TOKEN=ops@pve!ci=0-1")
	w.expect(1, []string{"FAIL rights", "VM.Allocate"}, "check")
	w.stops("403")
	for vmid := range map[string]bool{"103": true, "200": true} {
		if w.Config(vmid) != "" {
			t.Errorf("guest %s was made", vmid)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	w := beside(t)
	for _, args := range [][]string{
		{"nonsense"}, {"plan", "--nonsense"}, {"plan", "dns"}, {"destroy"}, {"inventory", "--format", "toml"},
		{"--list", "--host", "dns"}, {"state", "show"}, {"state", "migrate"}, {"render", "gateway", "a", "b"}, {"apply", "--lock-timeout", "soon"},
	} {
		w.expect(2, nil, args...)
	}
	w.expect(1, []string{`--only nobody`}, "plan", "--only", "nobody")
	for _, args := range [][]string{{"destroy", "nobody", "--yes"}, {"destroy", "pool/logging", "--yes"}, {"adopt", "dns", "nobody"}} {
		testkit.Lacks(t, "a flag that was not given", w.expect(1, []string{"is no guest of the declaration"}, args...).errs, "--only")
	}
	// An empty variable of a script is not "everything".
	for _, args := range [][]string{
		{"plan", "--only", ""}, {"plan", "--only="}, {"apply", "--yes", "--only", "dns", ""}, {"plan", "--only", "dns,"},
		{"plan", "--allow-destroy", ""}, {"plan", "--allow-replace", ""}, {"plan", "--allow-reboot", ""}, {"plan", "--allow-reuse", ""},
		{"apply", "--yes", "--sync", ""},
	} {
		w.expect(2, []string{"names nothing"}, args...)
	}
	for _, flag := range []string{"--allow-destroy", "--allow-replace", "--allow-reboot", "--allow-reuse"} {
		w.expect(1, []string{flag, `"nobody"`}, "plan", flag, "nobody")
	}
	if writes := w.Sim.Writes(); len(writes) > 0 {
		t.Errorf("written: %v", writes)
	}
}
