package apply_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// TestNodesOwnInAContainer makes a container with a directory and a device of the node: as
// root@pam, and with a token alone.
func TestNodesOwnInAContainer(t *testing.T) {
	own := func(d map[string]any) {
		guestOf(d, ct, "web")["mount_points"] = []any{mount("5G", "/data"), map[string]any{"volume": "/srv/media", "path": "/media", "mount_options": []string{"noexec"}}}
		guestOf(d, ct, "web")["devices"] = []any{map[string]any{"path": "/dev/net/tun"}}
		guestOf(d, ct, "web")["protection"] = false
	}
	b := newRig(t, pvesim.Options{Seed: 3})
	e := plain(t, own)
	if notes := fmt.Sprint(e.Notes); !strings.Contains(notes, "directories of the node: /srv/media") || !strings.Contains(notes, "/dev/net/tun") {
		t.Errorf("notes: %s", notes)
	}
	b.converge(e, plan.Options{})
	c := planned(t, b.plan(e, plan.Options{}), "container/web")
	testkit.Equal(t, "action", c.Action, change.Manual)
	testkit.Holds(t, "by hand", c.Manual[0], "pct set 101 --dev0 '/dev/net/tun' --mp1 '/srv/media,mp=/media,mountoptions=noexec'")
	b.converge(e, plan.Options{Root: true})
	testkit.Holds(t, "mp1", b.config(101)["mp1"], "/srv/media,mp=/media,mountoptions=noexec")
	testkit.Equal(t, "dev0", b.config(101)["dev0"], "/dev/net/tun")

	b = newRig(t, pvesim.Options{Seed: 3})
	b.converge(e, plan.Options{Root: true})
	testkit.Equal(t, "dev0", b.config(101)["dev0"], "/dev/net/tun")
	testkit.Holds(t, "mp0", b.config(101)["mp0"], "mp=/data")
	b.refused(b.plan(plain(t, own, func(d map[string]any) {
		guestOf(d, ct, "web")["mount_points"].([]any)[1].(map[string]any)["volume"] = "/srv/other"
	}), plan.Options{Root: true}), "mp1 at /media is /srv/media, declared is /srv/other of the node")
}

// TestNodesOwnInAVM gives VMs devices of the node and of the cluster's mappings: with a token and
// as root@pam, to one that runs and to new ones.
func TestNodesOwnInAVM(t *testing.T) {
	pci := map[string]any{"type": "pci", "host": "01:00", "pcie": true, "xvga": true}
	usb := map[string]any{"type": "usb", "host": "0bda:2838"}
	mapped := map[string]any{"type": "pci", "mapping": "gpu", "rombar": false}
	with := func(devices ...any) *declaration.Estate {
		return estate(t, "small", set(vm, "docker-host", "machine", "q35"), set(vm, "docker-host", "devices", devices))
	}
	b := newRig(t, pvesim.Options{Seed: 3})
	b.converge(estate(t, "small", set(vm, "docker-host", "machine", "q35")), plan.Options{})
	e := with(pci, usb, mapped)
	testkit.Holds(t, "notes", fmt.Sprint(e.Notes), "only root@pam itself set these (0000:01:00, 0bda:2838; a mapping of the cluster")

	// With a token: the mapping is set, the rest is said.
	c := planned(t, b.plan(e, plan.Options{}), "vm/docker-host")
	testkit.Equal(t, "fields", fmt.Sprint(c.Fields), "[{hostpci1  mapping=gpu,rombar=0 from the next start}]")
	testkit.Holds(t, "by hand", c.Manual[0], "qm set 250 --hostpci0 '0000:01:00,pcie=1,x-vga=1' --usb0 '0bda:2838' && qm reboot 250")
	b.converge(e, plan.Options{})
	// As root@pam: the same plan shows and sets all.
	p := b.plan(e, plan.Options{Root: true, AllowReboot: []string{"docker-host"}})
	testkit.Holds(t, "the plan", show(t, p), "hostpci0", "from the next start", "usb0")
	testkit.Try(b.apply(p, apply.Options{}))(t)
	b.still(e, plan.Options{Root: true})
	conf := b.config(250)
	testkit.Equal(t, "hostpci0", conf["hostpci0"], "0000:01:00,pcie=1,x-vga=1")
	testkit.Equal(t, "hostpci1", conf["hostpci1"], "mapping=gpu,rombar=0")
	testkit.Equal(t, "usb0", conf["usb0"], "0bda:2838")

	// Drift: an option, a device that nobody declares, one that is gone; other words for the same.
	b.by("PUT", "/nodes/pve/qemu/250/config", url.Values{"hostpci0": {"01:00,x-vga=1,romfile=card.bin"}, "usb0": {"0x0BDA:0x2838,usb3=1"}, "usb3": {"1-2"}, "delete": {"hostpci1"}})
	b.by("POST", "/nodes/pve/qemu/250/status/reboot", url.Values{})
	p = b.plan(e, plan.Options{Root: true})
	c = planned(t, p, "vm/docker-host")
	testkit.Equal(t, "fields", fmt.Sprint(c.Fields),
		"[{hostpci0 01:00,x-vga=1,romfile=card.bin 01:00,x-vga=1,romfile=card.bin,pcie=1 from the next start} {hostpci1  mapping=gpu,rombar=0 from the next start}]")
	testkit.Holds(t, "the plan", show(t, p), "the device 1-2 (usb3) is not declared and stays")
	b.converge(e, plan.Options{Root: true})

	// New ones: cloned from a template and from nothing.
	for _, template := range []any{map[string]any{"template_id": 9000}, nil} {
		for _, root := range []bool{true, false} {
			b = newRig(t, pvesim.Options{Seed: 3})
			e = estate(t, "small", set(vm, "docker-host", "machine", "q35"), set(vm, "docker-host", "devices", []any{pci, mapped}), set(vm, "docker-host", "clone_template", template))
			p = b.plan(e, plan.Options{Root: root})
			c = planned(t, p, "vm/docker-host")
			testkit.Equal(t, "manual steps", len(c.Manual), map[bool]int{true: 0, false: 1}[root])
			b.converge(e, plan.Options{Root: root})
			testkit.Equal(t, "hostpci0", b.config(250)["hostpci0"], map[bool]string{true: "0000:01:00,pcie=1,x-vga=1"}[root])
			testkit.Equal(t, "hostpci1", b.config(250)["hostpci1"], "mapping=gpu,rombar=0")
		}
	}
}

// TestRemovedMountIsTakenOffByName removes a mount point and a disk from the declaration.
func TestRemovedMountIsTakenOffByName(t *testing.T) {
	b := made(t, 3)
	bare := func(protection any) *declaration.Estate {
		return estate(t, "small", set(ct, "minio", "mount_points", nil), set(ct, "minio", "protection", protection),
			set(vm, "docker-host", "additional_disks", nil), set(vm, "docker-host", "protection", protection))
	}
	b.noted(bare(true), plan.Options{}, "mp0 at /opt/minio is not declared and stays (--allow-detach minio:/opt/minio takes it off")
	o := plan.Options{AllowDetach: []string{"minio:/opt/minio", "docker-host:scsi1"}}
	b.refused(b.plan(bare(true), o), "container minio: it is protected", "vm docker-host: it is protected")
	b.converge(bare(false), plan.Options{})
	for _, word := range []string{"minio", "minio:", "minio:/opt", "nobody:/opt/minio", "docker-host:scsi0", "docker-host:scsi7"} {
		_, err := plan.Make(t.Context(), b.client, bare(false), plan.Options{AllowDetach: []string{word}})
		testkit.Fails(t, err, "--allow-detach")
	}
	volumes := []string{b.config(107)["mp0"], b.config(250)["scsi1"]}
	testkit.Holds(t, "the plan", show(t, b.plan(bare(false), o)), "mp0", "its volume stays as unused")
	testkit.Try(b.apply(b.plan(bare(false), o), apply.Options{}))(t)
	for i, vmid := range []int{107, 250} {
		b.by("POST", fmt.Sprintf("/nodes/pve/%s/%d/status/reboot", []string{"lxc", "qemu"}[i], vmid), url.Values{})
		conf := b.config(vmid)
		volume, _, _ := strings.Cut(volumes[i], ",")
		testkit.Equal(t, "unused0", conf["unused0"], volume)
		testkit.Equal(t, "what it was", conf[[]string{"mp0", "scsi1"}[i]], "")
	}
	b.still(bare(false), plan.Options{})
}

// TestUEFI makes a VM with UEFI from nothing, and refuses a template without it.
func TestUEFI(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 3})
	uefi := func(d map[string]any) {
		guestOf(d, vm, "docker-host")["bios"] = "ovmf"
		guestOf(d, vm, "docker-host")["machine"] = "q35"
		guestOf(d, vm, "docker-host")["efi_disk"] = map[string]any{"pre_enrolled_keys": false}
	}
	b.filters()
	o := plan.Options{Only: []string{"docker-host"}}
	b.refused(b.plan(estate(t, "small", uefi), o), "its bios is declared as ovmf, but template 9000 has seabios")
	e := estate(t, "small", uefi, set(vm, "docker-host", "clone_template", nil))
	testkit.Try(b.apply(b.plan(e, o), apply.Options{}))(t)
	b.still(e, o)
	conf := b.config(250)
	testkit.Equal(t, "bios", conf["bios"], "ovmf")
	testkit.Equal(t, "machine", conf["machine"], "q35")
	testkit.Holds(t, "efidisk0", conf["efidisk0"], "local-zfs:", "efitype=4m", "pre-enrolled-keys=0")
	back := estate(t, "small", set(vm, "docker-host", "bios", "seabios"), set(vm, "docker-host", "clone_template", nil))
	b.refused(b.plan(back, o), "its bios is ovmf, declared is seabios")
}

// TestCloudInitFiles gives a VM more cloud-init, and IPv6.
func TestCloudInitFiles(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 3})
	b.filters()
	o := plan.Options{Only: []string{"docker-host"}}
	files := func(init map[string]any) *declaration.Estate {
		return estate(t, "small", set(vm, "docker-host", "cloud_init", init), set(vm, "docker-host", "ip6", "fd00:10::fa/64"), set(vm, "docker-host", "gateway6", "fe80::1"))
	}
	e := files(map[string]any{"vendor_data_file": "local:snippets/base.yml", "upgrade": false})
	b.refused(b.plan(e, o), "local:snippets/base.yml is not on pve: put it into the folder snippets")
	testkit.Must(t, b.sim.AddFile("local:snippets/base.yml", 100))
	testkit.Try(b.apply(b.plan(e, o), apply.Options{}))(t)
	b.still(e, o)
	conf := b.config(250)
	testkit.Equal(t, "cicustom", conf["cicustom"], "vendor=local:snippets/base.yml")
	testkit.Equal(t, "ciupgrade", conf["ciupgrade"], "0")
	testkit.Equal(t, "ipconfig0", conf["ipconfig0"], "gw=192.168.0.1,ip=192.168.0.250/24,ip6=fd00:10::fa/64,gw6=fe80::1")
	b.still(estate(t, "small"), o) // undeclared, it stays

	b = newRig(t, pvesim.Options{Seed: 3})
	b.filters()
	e = files(map[string]any{"vendor_data": "#cloud-config\npackages: [qemu-guest-agent]\n"})
	b.refused(b.plan(e, o), "its cloud-init file local:snippets/docker-vendor.yml is not on pve, and the API cannot upload it")
	o.Upload = func(string) ([]byte, bool) { return []byte(e.VMs[0].Snippet), true }
	c := planned(t, b.plan(e, o), "vm/docker-host")
	testkit.Equal(t, "first step", c.Steps[0].Op, change.OpUpload)
}

// TestOnlyIPv6 makes guests without IPv4, and takes it from one that has it.
func TestOnlyIPv6(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 3})
	b.filters()
	only := func(d map[string]any) {
		d["internal_networks"] = []string{"192.168.0.0/16", "fd00::/8"}
		for kind, key := range map[string]string{ct: "minio", vm: "docker-host"} {
			g := guestOf(d, kind, key)
			g["ip"], g["ip6"], g["gateway6"] = "none", map[string]string{ct: "fd00:10::6b/64", vm: "fd00:10::fa/64"}[kind], "fe80::1"
		}
	}
	b.converge(estate(t, "small"), plan.Options{})
	e := estate(t, "small", only)
	c := planned(t, b.plan(e, plan.Options{}), "container/minio")
	testkit.Equal(t, "fields", fmt.Sprint(c.Fields), "[{net0.ip 192.168.0.107/24 manual } {net0.gw 192.168.0.1  } {net0.ip6  fd00:10::6b/64 } {net0.gw6  fe80::1 }]")
	c = planned(t, b.plan(e, plan.Options{}), "vm/docker-host")
	testkit.Holds(t, "by hand", c.Manual[0], "qm set 250 --ipconfig0 ip6=fd00:10::fa/64,gw6=fe80::1 && qm cloudinit update 250")

	b = newRig(t, pvesim.Options{Seed: 3})
	b.filters()
	b.converge(e, plan.Options{})
	testkit.Holds(t, "net0", b.config(107)["net0"], "ip=manual", "ip6=fd00:10::6b/64", "gw6=fe80::1")
	testkit.Equal(t, "ipconfig0", b.config(250)["ipconfig0"], "ip6=fd00:10::fa/64,gw6=fe80::1")
	for _, guest := range []string{"lxc/107", "lxc/175"} {
		var rules []map[string]any
		testkit.Must(t, b.client.Get(t.Context(), "/nodes/pve/"+guest+"/firewall/rules", nil, &rules))
		if len(rules) == 0 {
			t.Errorf("%s has no rules", guest)
		}
	}
	// As others write it: without a word about IPv4.
	b.by("PUT", "/nodes/pve/lxc/107/config", url.Values{"net0": {strings.Replace(b.config(107)["net0"], ",ip=manual", "", 1)}})
	testkit.Lacks(t, "net0", b.config(107)["net0"], "manual")
	b.still(e, plan.Options{})
}

// TestFirewallOfBothFamilies has internal networks of IPv4 and IPv6: no rule may mix them.
func TestFirewallOfBothFamilies(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 3})
	e := plain(t, func(d map[string]any) {
		d["internal_networks"] = []string{"192.168.0.0/16", "fd00::/8"}
		guestOf(d, ct, "web")["tags"] = []string{"terraform", "syslog-gateway", "keepalived"}
		guestOf(d, ct, "web")["ip6"] = "fd00:10::7/64"
	})
	b.converge(e, plan.Options{})
	b.has("/cluster/firewall/groups/internal-access", "in ACCEPT 22", "in ACCEPT 22", "in ACCEPT", "in ACCEPT")
	var rules []struct{ Proto, Source string }
	testkit.Must(t, b.client.Get(t.Context(), "/cluster/firewall/groups/internal-access", nil, &rules))
	testkit.Equal(t, "rules", fmt.Sprint(rules), "[{tcp 192.168.0.0/16} {tcp fd00::/8} {icmp 192.168.0.0/16} {ipv6-icmp fd00::/8}]")
	var options map[string]any
	testkit.Must(t, b.client.Get(t.Context(), "/nodes/pve/lxc/101/firewall/options", nil, &options))
	if fmt.Sprint(options["ndp"]) == "0" {
		t.Error("neighbours cannot be found: ndp is off")
	}
}
