package plan

import (
	"context"
	"encoding/json"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/testkit"
)

// canned answers every read from a map; what is not in there does not exist.
type canned map[string]string

func (c canned) Get(_ context.Context, path string, _ url.Values, out any) error {
	s, ok := c[path]
	if !ok {
		return &pve.Error{Method: "GET", Path: path, Status: 500, Reason: "Configuration file '" + path + "' does not exist"}
	}
	return json.Unmarshal([]byte(s), out)
}

func oneContainer() *declaration.Estate {
	return &declaration.Estate{
		Node: "pve", Environment: "lab", ContainerTemplate: "local:vztmpl/debian.tar.zst",
		Containers: []declaration.Container{{
			Guest: declaration.Guest{
				Key: "web", Kind: declaration.LXC, VMID: 101, Name: "web", Node: "pve", Description: "a\nb", Tags: []string{"terraform", "lab"},
				Cores: 2, Memory: 512, NICs: []declaration.NIC{{Name: "eth0", Bridge: "vmbr0", Firewall: true}},
				Address: declaration.Address{CIDR: netip.MustParsePrefix("192.0.2.101/24"), Gateway: netip.MustParseAddr("192.0.2.1")},
				OnBoot:  true, Startup: declaration.Startup{Order: 3, Up: 30},
			},
			Swap: 512, Root: declaration.Disk{Interface: "rootfs", Store: "zfs", Size: 8}, OSType: "debian", Password: "secret-word",
		}},
	}
}

func cannedContainer(conf string) canned {
	return canned{
		"/cluster/resources": `[{"type":"node","node":"pve","id":"node/pve"},{"type":"lxc","vmid":101,"node":"pve","name":"web","status":"running","tags":"lab;terraform"}]`,
		"/pools":             `[]`, "/nodes/pve/lxc/101/config": conf, "/nodes/pve/lxc/101/pending": `[]`,
		"/nodes/pve/lxc/101/firewall/options": `{}`, "/nodes/pve/lxc/101/firewall/rules": `[]`,
		"/nodes/pve/storage": `[{"storage":"zfs","type":"zfspool","content":"rootdir","enabled":1,"active":1,"avail":1099511627776},
			{"storage":"local","type":"dir","content":"vztmpl","enabled":1,"active":1,"avail":1099511627776}]`,
		"/nodes/pve/storage/local/content": `[{"volid":"local:vztmpl/debian.tar.zst"}]`,
	}
}

const converged = `{"hostname":"web","description":"a\nb\n","tags":"lab;terraform","cores":2,"memory":"512","swap":512,"onboot":1,"arch":"amd64",
 "startup":"order=3,up=30","rootfs":"zfs:subvol-101-disk-0,size=8G","ostype":"debian","digest":"abc","lxc":[["lxc.idmap","u 0 1 2"]],
 "net0":"name=eth0,bridge=vmbr0,firewall=1,gw=192.0.2.1,hwaddr=BC:24:11:00:00:01,ip=192.0.2.101/24,type=veth"}`

func TestNothingToDo(t *testing.T) {
	p, err := Make(t.Context(), cannedContainer(converged), oneContainer(), Options{})
	if err != nil || !p.Empty() || len(p.Changes) > 0 || len(p.Notes) > 0 {
		t.Fatalf("%v %+v", err, p)
	}
	var s strings.Builder
	if err := p.Text(&s, false); err != nil || s.String() != "Nothing to do: 1 guest is as declared.\n" {
		t.Fatalf("%q %v", s.String(), err)
	}
}

func TestText(t *testing.T) {
	conf := strings.NewReplacer(`"cores":2`, `"cores":1`, `size=8G`, `size=4G`, `"hostname":"web"`, `"hostname":"old"`).Replace(converged)
	p := testkit.Try(Make(t.Context(), cannedContainer(conf), oneContainer(), Options{}))(t)
	want := `~ container web (101 on pve) will be changed in place
    ~ hostname     old -> web  (from the next start)
    ~ cores        1 -> 2
    ~ rootfs.size  4G -> 8G

0 to create, 1 to change, 0 to replace, 0 to destroy, 1 in part from the next start.
`
	var s strings.Builder
	if err := p.Text(&s, false); err != nil || s.String() != want {
		t.Errorf("got\n%s\nwant\n%s", s.String(), want)
	}
	s.Reset()
	if err := p.Text(&s, true); err != nil || !strings.Contains(s.String(), "\x1b[33m~\x1b[0m") {
		t.Errorf("no colours in %q", s.String())
	}
}

// TestJSON pins the form for machines, and that no secret gets into either form.
func TestJSON(t *testing.T) {
	api := cannedContainer(converged)
	api["/cluster/resources"] = `[{"type":"node","node":"pve"}]`
	delete(api, "/nodes/pve/lxc/101/config")
	p := testkit.Try(Make(t.Context(), api, oneContainer(), Options{}))(t)
	out := testkit.Try(json.Marshal(p))(t)
	const want = `{"changes":[{"key":"web","object":"container","action":"create","name":"web","vmid":101,"node":"pve","fields":[{"path":"description","from":"","to":"a\nb"},`
	if !strings.HasPrefix(string(out), want) {
		t.Errorf("got %s", out)
	}
	var s strings.Builder
	testkit.Must(t, p.Text(&s, true))
	testkit.Lacks(t, "what is shown", string(out)+s.String(), "secret-word")
	testkit.Equal(t, "the password sent", p.Changes[0].Steps[0].Params.Get("password"), "secret-word")
}

// FuzzConfig plans against any configuration: it never panics, and what it finds equal
// it does not write.
func FuzzConfig(f *testing.F) {
	f.Add("name=eth0,bridge=vmbr0,firewall=1", "zfs:subvol,size=8G", "order=3,up=30", "nesting=1", "mp=/x,size=1G")
	f.Add(",,=,=", "size=", "up", "mount=nfs;cifs", ":")
	f.Fuzz(func(t *testing.T, net, rootfs, startup, features, mp string) {
		conf := testkit.Try(json.Marshal(map[string]string{
			"hostname": "web", "net0": net, "rootfs": rootfs, "startup": startup, "features": features, "mp0": mp, "digest": "d"}))(t)
		p := testkit.Try(Make(t.Context(), cannedContainer(string(conf)), oneContainer(), Options{Root: true, AllowReboot: []string{"web"}}))(t)
		for _, c := range p.Changes {
			if len(c.Steps) > 0 && len(c.Fields) == 0 {
				t.Errorf("%s has steps, but shows nothing: %+v", c.ID(), c.Steps)
			}
		}
	})
}

// FuzzVMConfig is the same with a VM.
func FuzzVMConfig(f *testing.F) {
	f.Add("virtio=BC:24:11:00:00:01,bridge=vmbr0", "zfs:vm-102-disk-0,size=8G", "order=scsi0", "ip=192.0.2.102/24,gw=192.0.2.1", "0000:01:00,pcie=1", "0bda:2838", "2048")
	f.Add("=", "none,media=cdrom", "cdn", "ip6=auto", "mapping=gpu;;", "spice,usb3=1", "current=0")
	f.Add("model", "/dev/sda", "", ",", "host=01:00;02:00", "0x0BDA:0x2838", "")
	f.Fuzz(func(t *testing.T, net, disk, boot, ipconfig, pci, usb, memory string) {
		conf := testkit.Try(json.Marshal(map[string]string{"name": "app", "net0": net, "scsi0": disk, "scsi1": disk, "boot": boot, "ipconfig0": ipconfig,
			"hostpci0": pci, "hostpci7": pci, "usb0": usb, "memory": memory, "balloon": memory, "vga": usb, "efidisk0": disk, "digest": "d"}))(t)
		api := canned{
			"/cluster/resources": `[{"type":"node","node":"pve","id":"node/pve"},{"type":"qemu","vmid":102,"node":"pve","name":"app","status":"running","tags":"lab;terraform"}]`,
			"/pools":             `[]`, "/nodes/pve/qemu/102/config": string(conf), "/nodes/pve/qemu/102/pending": `[]`,
			"/nodes/pve/qemu/102/firewall/options": `{}`, "/nodes/pve/qemu/102/firewall/rules": `[]`, "/nodes/pve/storage": cannedContainer("")["/nodes/pve/storage"],
		}
		e := oneContainer()
		e.VMs = []declaration.VM{{Guest: e.Containers[0].Guest, CPUType: "host", Balloon: 512, OSType: "l26", BIOS: "ovmf", Machine: "q35",
			Disks:   []declaration.Disk{{Interface: "scsi0", Store: "zfs", Size: 8, Format: "raw", Discard: "on"}},
			Devices: []declaration.HostDevice{{Type: "pci", Host: "0000:01:00", Options: "pcie=1"}, {Type: "pci", Mapping: "gpu"}, {Type: "usb", Host: "0bda:2838", Options: "usb3=0"}}}}
		e.VMs[0].Key, e.VMs[0].Kind, e.VMs[0].VMID, e.VMs[0].Name = "app", declaration.QEMU, 102, "app"
		e.Containers = nil
		for _, root := range []bool{true, false} {
			p := testkit.Try(Make(t.Context(), api, e, Options{Root: root, AllowReboot: []string{"app"}}))(t)
			for _, c := range p.Changes {
				if len(c.Steps) > 0 && len(c.Fields) == 0 {
					t.Errorf("%s has steps, but shows nothing: %+v", c.ID(), c.Steps)
				}
				for _, s := range c.Steps {
					if raw := s.Params.Get("hostpci0") + s.Params.Get("usb0"); !root && strings.Contains(raw, "0000:01:00") {
						t.Errorf("with a token it would set %s", raw)
					}
				}
			}
		}
	})
}

// TestShrinkNamesAWholeSize has a live size that no declaration can have.
func TestShrinkNamesAWholeSize(t *testing.T) {
	p := testkit.Try(Make(t.Context(), cannedContainer(strings.Replace(converged, "size=8G", "size=8704M", 1)), oneContainer(), Options{AllowReplace: []string{"web"}}))(t)
	testkit.Equal(t, "blocks", strings.Join(p.Blocks(), ""), "container web: rootfs has 8704M and is declared with 8G, and disks only grow: declare 9G")
}
