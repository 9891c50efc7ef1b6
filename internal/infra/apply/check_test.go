package apply_test

import (
	"strings"
	"testing"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// TestStopsBeforeHarm plans what cannot work, and shows that one sentence says so before
// anything is written.
func TestStopsBeforeHarm(t *testing.T) {
	for name, tc := range map[string]struct {
		world func(*rig) error
		words []string
	}{
		"full storage": {func(b *rig) error { return b.sim.SetStorageUsed("local-zfs", 4<<40-90<<30) },
			[]string{"container minio: storage local-zfs on pve is full: it asks for 108 GiB, 90 GiB are free"}},
		"inactive storage": {func(b *rig) error { return b.sim.SetStorageOffline("local-zfs", true) },
			[]string{"storage local-zfs is not active on pve"}},
		"content type": {func(b *rig) error {
			b.sim.AddStorage(pvesim.Storage{ID: "local-zfs", Type: "zfspool", Content: []string{"images"}})
			return nil
		}, []string{"local-zfs does not take content rootdir", "pvesm set local-zfs"}},
		"no VM template":    {func(b *rig) error { return b.sim.RemoveGuest(9000) }, []string{"vm docker-host: there is no template 9000"}},
		"not a VM template": {func(b *rig) error { return b.sim.SetConfig(9000, "template", "") }, []string{"is not a template of a VM"}},
		"template too large": {func(b *rig) error {
			testkit.Must(b.t, b.sim.RemoveGuest(9000))
			return b.sim.AddTemplateVM(pvesim.TemplateVM{VMID: 9000, Disks: map[string]string{"scsi0": "64G"}})
		}, []string{"vm docker-host: scsi0 is declared with 50 GiB, but that of template 9000 has 64G"}},
		"template's interface": {func(b *rig) error {
			testkit.Must(b.t, b.sim.RemoveGuest(9200))
			return b.sim.AddTemplateVM(pvesim.TemplateVM{VMID: 9200, Disks: map[string]string{"scsi0": "20G"}})
		}, []string{"vm splunk: its boot disk is declared as virtio0, but template 9200 has scsi0"}},
		"no container template": {func(b *rig) error {
			b.sim.RemoveFile(ctTemplate)
			b.sim.Fail(pvesim.Failure{Method: "GET", Path: "/nodes/pve/aplinfo", Status: 403, Times: -1})
			return nil
		}, []string{ctTemplate, "pveam"}},
		"no snippet": {func(b *rig) error { b.sim.RemoveFile(snippet); return nil },
			[]string{"vm splunk: its cloud-init file " + snippet + " is not on pve", "PROXMOX_SSH_PRIVATE_KEY"}},
		"snippets not taken": {func(b *rig) error {
			b.sim.AddStorage(pvesim.Storage{ID: "local", Type: "dir", Content: []string{"iso", "vztmpl"}})
			return b.sim.AddTemplateFile(ctTemplate, 100<<20, 400<<20)
		}, []string{"local does not take content snippets"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, pvesim.Options{Seed: 11})
			testkit.Must(t, tc.world(b))
			b.refused(b.plan(estate(t, "small"), plan.Options{}), tc.words...)
		})
	}
}

func TestDownloadsAContainerTemplate(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 11})
	b.sim.RemoveFile(ctTemplate)
	e := estate(t, "small")
	p := b.plan(e, plan.Options{})
	if c := planned(t, p, "template/pve:"+ctTemplate); c.Action != change.Create {
		t.Fatalf("want a download:\n%s", show(t, p))
	}
	b.converge(e, plan.Options{})
}

func TestLockedGuest(t *testing.T) {
	b := made(t, 11)
	testkit.Must(t, b.sim.SetLock(175, "backup"))
	b.still(estate(t, "small"), plan.Options{}) // nothing to do is nothing to do
	e := estate(t, "small", set("containers", "haproxy", "memory_dedicated", 1024))
	b.refused(b.plan(e, plan.Options{}), "container haproxy: it is locked (backup)")
}

// TestFeaturesWithoutRoot leaves what only root@pam may do to somebody, and says what.
func TestFeaturesWithoutRoot(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 11})
	e := estate(t, "small")
	b.converge(e, plan.Options{})
	p := b.plan(e, plan.Options{})
	c := planned(t, p, "container/cribl-edge-01")
	if c.Action != change.Manual || !strings.Contains(c.Manual[0], "pct set 180 --features 'nesting=1,keyctl=1,fuse=1'") {
		t.Fatalf("want a step by hand:\n%s", show(t, p))
	}
	b.converge(e, plan.Options{Root: true})
	testkit.Holds(t, "features", b.config(180)["features"], "keyctl=1")
}

// TestRebootsOnlyWhenAllowed changes what a running VM takes over at its next start.
func TestRebootsOnlyWhenAllowed(t *testing.T) {
	b := made(t, 11)
	e := estate(t, "small", set("vms", "docker-host", "cpu_cores", 6))
	b.sim.ResetJournal()
	r := testkit.Try(b.apply(b.plan(e, plan.Options{}), apply.Options{}))(t)
	if !r.Outcomes[0].Reboot || b.rebooted() {
		t.Fatalf("want it marked, and no restart: %+v", r.Outcomes)
	}
	if p := b.plan(e, plan.Options{}); !p.Empty() {
		t.Fatalf("what waits for a restart is declared and set:\n%s", show(t, p))
	}
	o := plan.Options{AllowReboot: []string{"docker-host"}}
	testkit.Try(b.apply(b.plan(e, o), apply.Options{}))(t)
	if !b.rebooted() {
		t.Fatal("want a restart")
	}
	b.still(e, o)
}

func (b *rig) rebooted() bool { return b.wrote("/status/reboot") > 0 }

// TestCloudInitIsFirstBootOnly changes what is read at the first boot: nothing is planned.
func TestCloudInitIsFirstBootOnly(t *testing.T) {
	b := made(t, 11)
	e := estate(t, "small", set("vms", "docker-host", "ip", "192.168.0.66/24"), set("vms", "docker-host", "user_account",
		map[string]any{"username": "other", "password": "secret-word", "keys": []string{}}))
	b.noted(e, plan.Options{}, "first boot only")
}

// TestMigratedGuestIsFound finds a guest wherever it runs.
func TestMigratedGuestIsFound(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 11, Nodes: []string{"pve2"}})
	b.make(estate(t, "small"))
	testkit.Must(t, b.sim.MoveGuest(175, "pve2"))
	b.still(estate(t, "small"), plan.Options{})
	b.converge(estate(t, "small", set("containers", "haproxy", "cpu_cores", 2)), plan.Options{})
}
