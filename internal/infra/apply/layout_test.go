package apply_test

import (
	"net/url"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// TestSplunkAsItIs has a live Splunk VM on scsi0 and scsi1, as a template of the usual kind
// makes it.
func TestSplunkAsItIs(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 7})
	b.filters()
	testkit.Must(t, b.sim.AddGuest("qemu", 200, "pve", map[string]string{"name": "splunk-aio", "tags": "terraform;splunk;docker;enterprise",
		"scsi0": "local-zfs:50", "scsi1": "local-zfs:200", "net0": "virtio,bridge=vmbr0,firewall=1"}))
	o := plan.Options{Only: []string{"splunk"}}
	p := b.plan(estate(t, "small"), o)
	b.refused(p, `"splunk_vm": {"boot_disk": {"interface": "scsi0"}}`, `"data_disk": {"interface": "scsi1"}`)
	testkit.Lacks(t, "the plan", show(t, p), "--virtio1", "--virtio0", "local-zfs:vm-200-disk")
	e := estate(t, "small", func(d map[string]any) {
		d["splunk_boot_disk_size"] = 50
		d["splunk_vm"] = map[string]any{"boot_disk": map[string]any{"interface": "scsi0"}, "data_disk": map[string]any{"interface": "scsi1"}}
	})
	testkit.Try(b.apply(b.plan(e, o), apply.Options{}))(t)
	b.still(e, o)
	testkit.Holds(t, "first boot", e.Splunk.Snippet, "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_drive-scsi1")
	testkit.Lacks(t, "first boot", e.Splunk.Snippet, "/dev/vd")
}

// TestSplunkOnOtherBuses declares a live Splunk VM on SATA and IDE as the refusal says. A new one
// would not find such a data disk at its first boot.
func TestSplunkOnOtherBuses(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 7})
	b.filters()
	on := func(data string) *declaration.Estate {
		return estate(t, "small", func(d map[string]any) {
			d["splunk_vm"] = map[string]any{"boot_disk": map[string]any{"interface": "sata0"}, "data_disk": map[string]any{"interface": data}}
		})
	}
	o := plan.Options{Only: []string{"splunk"}}
	b.refused(b.plan(on("ide0"), o), "its data disk is declared on ide0, and the first boot only finds one on scsi or virtio")
	testkit.Must(t, b.sim.AddGuest("qemu", 200, "pve", map[string]string{"name": "splunk-aio", "tags": "terraform;splunk;docker;enterprise",
		"sata0": "local-zfs:25", "ide0": "local-zfs:200", "boot": "order=sata0", "net0": "virtio,bridge=vmbr0,firewall=1"}))
	b.refused(b.plan(estate(t, "small"), o), `"splunk_vm": {"boot_disk": {"interface": "sata0"}}`, `"data_disk": {"interface": "ide0"}`)
	testkit.Try(b.apply(b.plan(on("ide0"), o), apply.Options{}))(t)
	b.still(on("ide0"), o)
}

// TestAdviceNamesNoAttachedVolume moves a volume to another interface by hand.
func TestAdviceNamesNoAttachedVolume(t *testing.T) {
	b := made(t, 7)
	volume := b.config(250)["scsi1"]
	testkit.Must(t, b.sim.SetConfig(250, "scsi1", ""))
	testkit.Must(t, b.sim.SetConfig(250, "scsi7", volume))
	p := b.plan(estate(t, "small"), plan.Options{})
	b.refused(p, "scsi1 is declared and not there, but it has scsi7", "declare what scsi7 is")
	testkit.Lacks(t, "the plan", show(t, p), "qm set")
}

// TestBindMountIsToldApart has a directory or disk of the node where a volume is declared.
func TestBindMountIsToldApart(t *testing.T) {
	b := made(t, 7)
	testkit.Must(t, b.sim.SetConfig(175, "mp0", "/srv/data,mp=/data"))
	p := b.plan(estate(t, "small", set(ct, "haproxy", "mount_points", []any{mount("5G", "/data")})), plan.Options{})
	b.refused(p, "mp0 at /data is /srv/data of the node", "take /data out of mount_points", "pct set 175 --delete mp0")
	testkit.Lacks(t, "the plan", show(t, p), "move-volume", "declare /srv/data")
	testkit.Must(t, b.sim.SetConfig(250, "scsi1", "/dev/disk/by-id/x,size=100G"))
	p = b.plan(estate(t, "small"), plan.Options{Only: []string{"docker-host"}})
	b.refused(p, "scsi1 is /dev/disk/by-id/x of the node")
	testkit.Lacks(t, "the plan", show(t, p), "disk move")
}

// TestBootOrderOfTemplate clones templates that do not boot from the declared disk.
func TestBootOrderOfTemplate(t *testing.T) {
	for boot, want := range map[string]string{
		"order=net0": "order=scsi0", "order=ide2;net0": "order=scsi0", "order=scsi0;net0": "order=scsi0;net0",
		"order=net0;scsi0": "order=scsi0", "cdn": "order=scsi0", "": "order=scsi0",
	} {
		t.Run(boot, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, pvesim.Options{Seed: 7})
			b.filters()
			testkit.Must(t, b.sim.SetConfig(9000, "boot", boot))
			e, o := estate(t, "small"), plan.Options{Only: []string{"docker-host"}}
			testkit.Try(b.apply(b.plan(e, o), apply.Options{}))(t)
			testkit.Equal(t, "boot", b.config(250)["boot"], want)
			b.by("PUT", "/nodes/pve/qemu/250/config", url.Values{"boot": {"order=net0"}})
			testkit.Holds(t, "the plan", show(t, b.plan(e, o)), "boot order (net0) has no disk")
		})
	}
	b := newRig(t, pvesim.Options{Seed: 7})
	if boot := b.config(9000)["boot"]; !strings.HasPrefix(boot, "order=scsi0") {
		t.Errorf("the simulator's template boots from %s", boot)
	}
}
