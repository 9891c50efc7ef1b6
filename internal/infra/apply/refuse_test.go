package apply_test

import (
	"errors"
	"fmt"
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

// refused shows that a plan is refused with the words, and that applying it writes nothing.
func (b *rig) refused(p *plan.Plan, words ...string) {
	b.t.Helper()
	b.sim.ResetJournal()
	r, err := b.apply(p, apply.Options{})
	var refused *apply.Refused
	if !errors.As(err, &refused) || r.Converged {
		b.t.Fatalf("want a refusal, got %v:\n%s", err, show(b.t, p))
	}
	testkit.Holds(b.t, "the refusal", strings.Join(refused.Reasons, "; "), words...)
	if w := b.sim.Writes(); len(w) > 0 {
		b.t.Errorf("it wrote nevertheless: %v", w)
	}
}

func TestRefusesWhatCantBeChangedInPlace(t *testing.T) {
	for name, tc := range map[string]struct {
		edit  func(map[string]any)
		words []string
	}{
		"unprivileged": {set("containers", "haproxy", "unprivileged", true), []string{"unprivileged", "--allow-replace haproxy"}},
		"smaller root": {set("containers", "haproxy", "root_disk", map[string]any{"datastore_id": "local-zfs", "size": 4}), []string{"8G", "only grow: declare 8G"}},
		"other store":  {set("containers", "haproxy", "root_disk", map[string]any{"datastore_id": "local-lvm", "size": 8}), []string{"pct move-volume 175 rootfs local-lvm"}},
		"smaller disk": {set("vms", "docker-host", "boot_disk", disk("scsi0", 20)), []string{"scsi0 has 50G", "only grow"}},
		"boot disk":    {set("vms", "docker-host", "boot_disk", disk("scsi5", 50)), []string{"boot disk is declared as scsi5", "scsi0, scsi1"}},
		"mount store": {set("containers", "minio", "mount_points", []any{
			map[string]any{"volume": "local-lvm", "size": "100G", "path": "/opt/minio"}}), []string{"mp0.storage", "pct move-volume 107 mp0 local-lvm"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, pvesim.Options{Seed: 5})
			o := plan.Options{Root: true}
			b.converge(estate(t, "small"), o)
			b.refused(b.plan(estate(t, "small", tc.edit), o), tc.words...)
		})
	}
}

func TestReplacesWhenAllowed(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 5})
	o := plan.Options{Root: true}
	b.converge(estate(t, "small"), o)
	e := estate(t, "small", set("containers", "haproxy", "unprivileged", true))
	o.AllowReplace = []string{"haproxy"}
	b.converge(e, o)
	if b.config(175)["unprivileged"] != "1" {
		t.Fatal("it was not replaced")
	}
}

// TestNothingLiftsAShrink allows everything, and takes the protection off.
func TestNothingLiftsAShrink(t *testing.T) {
	b := made(t, 5)
	e := estate(t, "small", set("vms", "docker-host", "boot_disk", disk("scsi0", 20)), set("vms", "docker-host", "protection", false),
		set("containers", "haproxy", "root_disk", map[string]any{"datastore_id": "local-lvm", "size": 4}))
	p := b.plan(e, plan.Options{AllowReplace: []string{"docker-host", "haproxy"}})
	b.refused(p, "declare 50G", "rootfs has 8G", "rootfs.storage is local-zfs")
	if p.Count(change.Replace) > 0 || strings.Contains(strings.Join(p.Blocks(), ""), "--allow") {
		t.Errorf("a flag is offered:\n%s", show(t, p))
	}
}

// vanished is the small estate without HAProxy.
func vanished(t testing.TB) *declaration.Estate {
	return estate(t, "small", drop("haproxy"))
}

func TestDestroysOnlyByName(t *testing.T) {
	b := made(t, 5)
	p := b.plan(vanished(t), plan.Options{})
	if c := planned(t, p, "container/haproxy"); c.Action != change.Destroy {
		t.Fatalf("want a destruction:\n%s", show(t, p))
	}
	b.refused(p, "--allow-destroy haproxy")
	b.converge(vanished(t), plan.Options{AllowDestroy: []string{"haproxy"}})
	if b.config(175) != nil {
		t.Fatal("it is still there")
	}
}

func TestNeverDestroysProtected(t *testing.T) {
	b := made(t, 5)
	gone := estate(t, "small", drop("minio"))
	gone.Splunk = nil
	known := map[int]live.Known{200: {Key: "splunk", Kind: declaration.QEMU, Name: "splunk-aio", Protected: true}, 107: {Key: "minio", Kind: declaration.LXC, Name: "minio"}}
	p := b.plan(gone, plan.Options{AllowDestroy: []string{"minio", "splunk", "107", "200"}, Known: known})
	b.refused(p, "container minio: it is protected", "vm splunk: it is protected", "remove it in Proxmox VE (qm destroy 200), and run `provision state forget splunk`")
}

func TestDataDisksOfUnknownGuestsStay(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 5})
	testkit.Must(t, b.sim.AddGuest("lxc", 150, "pve", map[string]string{
		"hostname": "old", "rootfs": "local-zfs:8", "mp0": "local-zfs:10,mp=/data", "tags": "homelab;terraform"}))
	b.refused(b.plan(estate(t, "small"), plan.Options{AllowDestroy: []string{"old"}}), "container old: it has data disks (mp0)")
}

func TestDestroyVerb(t *testing.T) {
	b := made(t, 5)
	destroy := func(e *declaration.Estate, keys ...string) *plan.Plan {
		return testkit.Try(plan.MakeDestroy(t.Context(), b.client, e, keys, plan.Options{}))(t)
	}
	b.refused(destroy(estate(t, "small"), "minio", "haproxy"), "container minio: it is protected")
	off := estate(t, "small", set("containers", "minio", "protection", false))
	r := testkit.Try(b.apply(destroy(off, "minio", "haproxy"), apply.Options{}))(t)
	if b.config(107) != nil || b.config(175) != nil || r.Count(apply.Done) != 2 || r.Converged {
		t.Fatalf("want both gone, and nothing to publish: %+v", r)
	}
}

func TestForeignGuests(t *testing.T) {
	for name, tc := range map[string]struct {
		kind  string
		conf  map[string]string
		words string
	}{
		"other kind": {"qemu", map[string]string{"name": "haproxy", "scsi0": "local-zfs:8"}, "is taken by the VM haproxy"},
		"other name": {"lxc", map[string]string{"hostname": "mail", "rootfs": "local-zfs:8"}, "is taken by the container mail on pve, which this estate has not made"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, pvesim.Options{Seed: 5})
			testkit.Must(t, b.sim.AddGuest(tc.kind, 175, "pve", tc.conf))
			b.refused(b.plan(estate(t, "small"), plan.Options{}), tc.words)
		})
	}
}

// TestAdopts takes guests over that somebody made by hand, in place.
func TestAdopts(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 5})
	testkit.Must(t, b.sim.AddGuest("lxc", 175, "pve", map[string]string{
		"hostname": "haproxy", "rootfs": "local-zfs:8", "memory": "256", "cores": "1", "unprivileged": "0",
		"net0": "name=eth0,bridge=vmbr0,mtu=1400,ip=dhcp"}))
	p := b.plan(estate(t, "small"), plan.Options{Known: map[int]live.Known{}})
	if c := planned(t, p, "container/haproxy"); c.Action != change.Update || !c.Adopts {
		t.Fatalf("want it taken over:\n%s", show(t, p))
	}
	b.make(estate(t, "small"))
	if net := b.config(175)["net0"]; !strings.Contains(net, "mtu=1400") || !strings.Contains(net, "ip=192.168.0.175/24") {
		t.Fatalf("net0 is %s: what is not declared must stay", net)
	}
}

func TestOrphans(t *testing.T) {
	b := made(t, 5)
	testkit.Must(t, b.sim.AddGuest("lxc", 300, "pve", map[string]string{"hostname": "stranger", "rootfs": "local-zfs:8"}))
	e := estate(t, "small", drop("minio"), drop("haproxy"))
	got := testkit.Try(plan.Orphans(t.Context(), b.client, e, plan.Options{}))(t)
	want := map[int][3]bool{107: {true, true, false}, 175: {true, false, true}, 300: {false, false, false}}
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for _, o := range got {
		testkit.Equal(t, fmt.Sprint(o.VMID, " is marked, protected, removable"), want[o.VMID], [3]bool{o.Marked, o.Protected, o.Removable})
	}
}

func TestOnly(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 5})
	e := estate(t, "small")
	b.filters()
	o := plan.Options{Only: []string{"haproxy"}}
	r := testkit.Try(b.apply(b.plan(e, o), apply.Options{}))(t)
	if r.Converged {
		t.Error("a part of the estate never converges")
	}
	b.still(e, o)
	if b.config(175) == nil || b.config(107) != nil {
		t.Error("want HAProxy, and nothing else")
	}
	testkit.Fails(t, testkit.Err(plan.Make(t.Context(), b.client, e, plan.Options{Only: []string{"nobody"}})), "nobody")
}

func TestUnknownNode(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 5})
	e := estate(t, "small", func(d map[string]any) { d["proxmox_node"] = "nosuch" })
	testkit.Fails(t, testkit.Err(plan.Make(t.Context(), b.client, e, plan.Options{})), "no node nosuch, it has pve")
}
