package apply_test

import (
	"net/url"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// destroys plans the removal of one declared guest.
func (b *rig) destroys(e *declaration.Estate, key string) *plan.Plan {
	b.t.Helper()
	return testkit.Try(plan.MakeDestroy(b.t.Context(), b.client, e, []string{key}, plan.Options{}))(b.t)
}

// TestDataKeepsItsGuest takes the disks of a guest out of the declaration: what is on
// them is still there, and so is its protection.
func TestDataKeepsItsGuest(t *testing.T) {
	for name, tc := range map[string]struct {
		key, field string
		vmid       int
		edits      []func(map[string]any)
	}{
		"mounts": {"minio", "protection", 107, []func(map[string]any){set(ct, "minio", "mount_points", nil)}},
		"disks":  {"docker-host", "protection", 250, []func(map[string]any){set(vm, "docker-host", "additional_disks", nil)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := made(t, 7)
			e := estate(t, "small", tc.edits...)
			b.still(e, plan.Options{})
			if b.config(tc.vmid)["protection"] != "1" {
				t.Error("it lost its protection")
			}
			b.refused(b.destroys(e, tc.key), "it is protected in Proxmox VE", `declare "protection": false first`)
			testkit.Must(t, b.sim.SetConfig(tc.vmid, "protection", "0"))
			b.refused(b.destroys(e, tc.key), "it has data (")
		})
	}
}

func TestReplaceKeepsData(t *testing.T) {
	b := made(t, 7)
	edits := []func(map[string]any){set(ct, "minio", "mount_points", nil), set(ct, "minio", "unprivileged", true)}
	o := plan.Options{AllowReplace: []string{"minio"}}
	p := b.plan(estate(t, "small", edits...), o)
	b.refused(p, "unprivileged (0 to 1) cannot be changed in place; it is protected in Proxmox VE")
	for _, c := range p.Changes {
		if c.Object == change.ObjectGuestFirewall {
			t.Errorf("what comes after the refused replacement is shown:\n%s", show(t, p))
		}
	}
	b.converge(estate(t, "small", append(edits, set(ct, "minio", "protection", false))...), o)
}

// TestHandSetProtectionStays protects a guest in Proxmox VE.
func TestHandSetProtectionStays(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 7})
	e := estate(t, "small")
	b.converge(e, plan.Options{})
	b.by("PUT", "/nodes/pve/lxc/175/config", url.Values{"protection": {"1"}})
	b.still(e, plan.Options{})
	testkit.Holds(t, "the plan", show(t, b.plan(e, plan.Options{})), "note: haproxy: it is protected, which is not declared: that stays")
	b.refused(b.destroys(e, "haproxy"), "it is protected in Proxmox VE")
	off := estate(t, "small", set(ct, "haproxy", "protection", false))
	b.converge(off, plan.Options{})
	testkit.Equal(t, "protection", b.config(175)["protection"], "0")
}

// TestDetachedVolumesCount has volumes that no key of a disk shows.
func TestDetachedVolumesCount(t *testing.T) {
	for name, tc := range map[string]struct {
		kind string
		vmid int
		conf map[string]string
		keys string
	}{
		"container": {"lxc", 150, map[string]string{"hostname": "old", "rootfs": "local-zfs:8", "unused0": "local-zfs:subvol-150-disk-7"}, "rootfs unused0"},
		"vm":        {"qemu", 150, map[string]string{"name": "old", "scsi0": "local-zfs:8", "unused3": "local-zfs:vm-150-disk-7"}, "scsi0 unused3"},
		"tpm":       {"qemu", 150, map[string]string{"name": "old", "scsi0": "local-zfs:8", "efidisk0": "local-zfs:1", "tpmstate0": "local-zfs:1"}, "scsi0 efidisk0 tpmstate0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, pvesim.Options{Seed: 7})
			tc.conf["tags"] = "terraform;homelab"
			unused := map[string]string{}
			for key, value := range tc.conf {
				if strings.HasPrefix(key, "unused") {
					unused[key] = value
					delete(tc.conf, key)
				}
			}
			testkit.Must(t, b.sim.AddGuest(tc.kind, tc.vmid, "pve", tc.conf))
			for key, value := range unused {
				testkit.Must(t, b.sim.SetConfig(tc.vmid, key, value))
			}
			p := b.plan(estate(t, "small"), plan.Options{AllowDestroy: []string{"old"}})
			b.refused(p, "it has data disks (")
			for _, key := range strings.Fields(tc.keys) {
				testkit.Holds(t, "the plan", show(t, p), "- "+key)
			}
		})
	}
}

// TestVanishedDataGoesOnlyWhenSaid takes a guest with data out of the declaration, whose
// protection somebody took off.
func TestVanishedDataGoesOnlyWhenSaid(t *testing.T) {
	b := made(t, 7)
	testkit.Must(t, b.sim.SetConfig(107, "protection", "0"))
	gone := estate(t, "small", drop("minio"))
	known := live.Known{Key: "minio", Kind: declaration.LXC, Name: "minio", Protected: true}
	destroy := func(k live.Known) *plan.Plan {
		return b.plan(gone, plan.Options{AllowDestroy: []string{"minio"}, Known: map[int]live.Known{107: k}})
	}
	b.refused(destroy(known), "it is protected and no longer declared", "run `provision state forget minio`")
	known.Protected = false
	b.refused(destroy(known), "it has data disks (mp0)")
	known.Unprotected, known.Name = true, "another"
	b.refused(destroy(known), "it has data disks (mp0)")
	known.Name = "minio"
	testkit.Try(b.apply(destroy(known), apply.Options{}))(t)
	if b.config(107) != nil {
		t.Error("it is still there")
	}
}

// TestDetachedWhileItRuns has a volume that only the next start makes an unused one.
func TestDetachedWhileItRuns(t *testing.T) {
	b := made(t, 7)
	testkit.Must(t, b.sim.SetConfig(107, "protection", "0"))
	b.by("PUT", "/nodes/pve/lxc/107/config", url.Values{"delete": {"mp0"}})
	p := b.destroys(estate(t, "small", set(ct, "minio", "mount_points", nil)), "minio")
	b.refused(p, "it has data (mp0)")
	testkit.Holds(t, "the plan", show(t, p), "- mp0     local-zfs:subvol-107-disk-1")
	gone := estate(t, "small", drop("minio"))
	b.refused(b.plan(gone, plan.Options{AllowDestroy: []string{"minio"}}), "it has data disks (mp0)")
	orphans := testkit.Try(plan.Orphans(t.Context(), b.client, gone, plan.Options{}))(t)
	if len(orphans) != 1 || orphans[0].Removable {
		t.Errorf("got %+v", orphans)
	}
}

// TestWayFromVolumeToDirectory declares a directory of the node where a protected guest has a
// volume: the way that is shown is one that Proxmox VE lets go.
func TestWayFromVolumeToDirectory(t *testing.T) {
	b := made(t, 11)
	e := estate(t, "small", set(ct, "minio", "mount_points", []any{map[string]any{"volume": "/srv/minio", "path": "/opt/minio"}}))
	b.refused(b.plan(e, plan.Options{}), "take its protection off (`pct set 107 --protection 0`), stop the guest, run `pct set 107 --delete mp0`")
	b.by("POST", "/nodes/pve/lxc/107/status/stop", nil)
	b.by("PUT", "/nodes/pve/lxc/107/config", url.Values{"protection": {"0"}})
	b.by("PUT", "/nodes/pve/lxc/107/config", url.Values{"delete": {"mp0"}})
	if p := b.plan(e, plan.Options{Root: true}); planned(t, p, "container/minio").Blocks != nil {
		t.Errorf("still refused:\n%s", show(t, p))
	}
}

// TestBindMountIsNoData declares a mount point beside a directory of the node.
func TestBindMountIsNoData(t *testing.T) {
	b := made(t, 7)
	testkit.Must(t, b.sim.SetConfig(175, "mp5", "/srv/shared,mp=/srv/shared"))
	b.converge(estate(t, "small", set(ct, "haproxy", "mount_points", []any{mount("5G", "/data")})), plan.Options{})
}

// TestBlankDiskIsNoSubstitute declares a disk that is not there while another volume of
// the guest is not declared.
func TestBlankDiskIsNoSubstitute(t *testing.T) {
	for name, tc := range map[string]struct {
		detach string // guest and key
		vmid   int
		edit   []func(map[string]any)
		words  []string
	}{
		"detached disk":          {"/nodes/pve/qemu/250/config scsi1", 250, nil, []string{"scsi1 is declared and not there, but it has unused0", "qm set 250 --scsi1 local-zfs:vm-250-disk-1"}},
		"detached splunk":        {"/nodes/pve/qemu/200/config virtio1", 200, nil, []string{"virtio1 is declared and not there, but it has unused0", "qm set 200 --virtio1"}},
		"detached mount":         {"/nodes/pve/lxc/107/config mp0", 107, nil, []string{"/opt/minio is declared and not there, but it has unused0", "pct set 107 --mp0 local-zfs:subvol-107-disk-1,mp=/opt/minio"}},
		"detached while it runs": {"/nodes/pve/lxc/107/config mp0 running", 107, nil, []string{"/opt/minio is declared and not there, but it has mp0", "pct set 107 --revert mp0"}},
		"other interface": {"", 250, []func(map[string]any){set(vm, "docker-host", "additional_disks", []any{disk("scsi2", 100)})},
			[]string{"scsi2 is declared and not there, but it has scsi1", "declare what scsi1 is"}},
		"other path": {"", 107, []func(map[string]any){set(ct, "minio", "mount_points", []any{mount("100G", "/opt/minio2")})},
			[]string{"/opt/minio2 is declared and not there, but it has mp0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := made(t, 7)
			if path, key, found := strings.Cut(tc.detach, " "); found {
				testkit.Must(t, b.sim.SetConfig(tc.vmid, "protection", "0"))
				key, running := strings.CutSuffix(key, " running")
				testkit.Must(t, b.sim.SetRunning(tc.vmid, running))
				b.by("PUT", path, url.Values{"delete": {key}})
			}
			b.refused(b.plan(estate(t, "small", tc.edit...), plan.Options{}), tc.words...)
		})
	}
}

// TestProtectedDiskIsNotMoved declares disks on another storage.
func TestProtectedDiskIsNotMoved(t *testing.T) {
	b := made(t, 7)
	e := estate(t, "small", func(d map[string]any) { d["datastore_id"] = "local-lvm" })
	b.refused(b.plan(e, plan.Options{}), "vm splunk: virtio1 is on local-zfs, declared is local-lvm: moving removes what it was on, and it is protected",
		"qm disk move 200 virtio1 local-lvm")
}

// TestMoveIsCheckedBefore moves a disk to where it cannot be.
func TestMoveIsCheckedBefore(t *testing.T) {
	for name, tc := range map[string]struct {
		store string
		world func(*rig) error
		words string
	}{
		"no such storage": {"nosuch", func(*rig) error { return nil }, "node pve has no storage nosuch"},
		"content":         {"local", func(*rig) error { return nil }, "storage local does not take content images"},
		"full":            {"local-lvm", func(b *rig) error { return b.sim.SetStorageUsed("local-lvm", 1<<40-50<<30) }, "it asks for 100 GiB, 50 GiB are free"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := made(t, 7)
			testkit.Must(t, tc.world(b))
			b.refused(b.plan(estate(t, "small", set(vm, "docker-host", "protection", false),
				set(vm, "docker-host", "additional_disks", []any{with(disk("scsi1", 100), "datastore_id", tc.store)})), plan.Options{}), tc.words)
		})
	}
}
