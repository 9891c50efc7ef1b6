package declaration

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

func loadFile(t *testing.T, path string) *Estate {
	t.Helper()
	return testkit.Try(Load(t.Context(), Options{Deployment: path}))(t)
}

// withText writes a declaration into its own folder.
func withText(t *testing.T, text string) Options {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "deployment.json")
	testkit.Must(t, os.WriteFile(path, []byte(text), 0o600))
	return Options{Deployment: path, Home: dir}
}

func TestFullEstate(t *testing.T) {
	e := loadFile(t, "testdata/full/deployment.json")
	if len(e.Pools) != 3 || len(e.Containers) != 26 || len(e.VMs) != 2 || e.Splunk == nil || len(e.Firewall.Groups) != 16 {
		t.Fatalf("%d pools, %d containers, %d VMs, %d groups", len(e.Pools), len(e.Containers), len(e.VMs), len(e.Firewall.Groups))
	}
	classes := make(map[string][]string)
	for _, g := range e.Guests() {
		if g.Class != "" {
			classes[g.Class] = append(classes[g.Class], g.Key)
		}
	}
	want := map[string][]string{
		"splunk_vm":        {"splunk"},
		"splunk_container": {"splunk-mgmt"},
		"pipeline":         {"cribl-edge-01", "cribl-edge-02", "haproxy"},
		"cribl_stream":     {"cribl-stream-01", "cribl-stream-02"},
		"notification":     {"mailpit", "ntfy"},
		"apt_cacher_ng":    {"apt-cacher-ng"},
		"vectordb":         {"qdrant"},
		"rag":              {"llamaindex"},
		"minio":            {"minio"},
		"idrac_kvm":        {"idrac-kvm"},
	}
	if !reflect.DeepEqual(classes, want) {
		t.Errorf("classes are %v, want %v", classes, want)
	}
	testkit.Equal(t, "objects of the estate", countObjects(e), 80)
	testkit.Equal(t, "addresses of Splunk", joined(e.Network.Splunk), "192.168.0.200,192.168.0.199")
	var nas struct {
		NAS struct {
			Shares []struct{ Name string } `json:"shares"`
		} `json:"nas"`
	}
	if err := json.Unmarshal(e.HostServices, &nas); err != nil || len(nas.NAS.Shares) != 3 {
		t.Errorf("host services: %v, %d shares", err, len(nas.NAS.Shares))
	}
}

// countObjects counts what is managed: pools, guests, the snippet, groups, options and
// rules of guests with a class, options of cluster and node, rules of the node.
func countObjects(e *Estate) int {
	n := len(e.Pools) + len(e.Guests()) + 1 + len(e.Firewall.Groups) + 3
	for _, g := range e.Guests() {
		if g.Class != "" {
			n += 2
		}
	}
	return n
}

func TestGuestsOfTheFullEstate(t *testing.T) {
	e := loadFile(t, "testdata/full/deployment.json")
	byKey := make(map[string]Container)
	for _, c := range e.Containers {
		byKey[c.Key] = c
	}
	c := byKey["minio"]
	if c.Address.CIDR.String() != "192.168.0.107/24" || c.Address.Gateway.String() != "192.168.0.1" || c.Startup != (Startup{Order: 149, Up: 30}) {
		t.Errorf("minio: %+v %+v", c.Address, c.Startup)
	}
	if !slices.Equal(c.Mounts, []Mount{{Store: "local-zfs", Size: 100, Path: "/opt/minio"}}) || !c.Protection || !reflect.DeepEqual(c.Root, Disk{Interface: "rootfs", Store: "local-zfs", Size: 8}) {
		t.Errorf("minio: %+v, protected %v, %+v", c.Mounts, c.Protection, c.Root)
	}
	testkit.Equal(t, "tags of minio", strings.Join(c.Tags, " "), "terraform container minio storage infrastructure homelab")
	if c.Description != "TF CT minio - homelab" || c.Unprivileged || !c.OnBoot || c.OSType != "debian" || c.Domain != "example.com" || len(c.Keys) != 1 {
		t.Errorf("minio: %+v", c)
	}
	if c := byKey["haproxy"]; c.Protection || c.Swap != 1536 || c.Memory != 512 {
		t.Errorf("haproxy: %+v", c)
	}
	if f := byKey["openproject"]; !f.Unprivileged || !f.Features.Keyctl {
		t.Errorf("openproject: %+v", f)
	}
	v := e.VMs[0]
	if v.Key != "docker-host" || v.Name != "docker" || v.Template != 9000 || v.CPUType != "x86-64-v2-AES" || v.Balloon != 8192 || v.Startup.Order != 6 || !v.Protection {
		t.Errorf("docker-host: %+v", v)
	}
	if len(v.Disks) != 2 || !reflect.DeepEqual(v.Disks[1], Disk{Interface: "scsi1", Store: "local-zfs", Size: 100, Format: "raw", IOThread: true, Discard: "ignore", Undeclared: []string{"iothread", "ssd", "discard"}}) {
		t.Errorf("docker-host's disks: %+v", v.Disks)
	}
	s := e.Splunk
	if s.Key != "splunk" || s.VMID != 200 || s.Name != "splunk-aio" || !s.Protection || s.Startup != (Startup{}) || s.SnippetFile != "local:snippets/splunk-aio-cloud-init.yml" || s.Template != 9200 {
		t.Errorf("splunk: %+v", s)
	}
	if got := strings.Join(s.Tags, " "); got != "terraform splunk docker enterprise" || s.Disks[1].Interface != "virtio1" || s.Disks[1].Size != 200 || s.CPUType != "host" {
		t.Errorf("splunk: %s %+v", got, s.Disks)
	}
	root := 0
	for _, n := range e.Notes {
		if strings.Contains(n.What, "root@pam") {
			root++
		}
	}
	if root != 6 {
		t.Errorf("%d guests need root@pam, want 6: %v", root, e.Notes)
	}
}

func TestSmallEstateAndDefaults(t *testing.T) {
	e := loadFile(t, "testdata/small/deployment.json")
	if len(e.Containers) != 3 || len(e.VMs) != 1 || joined(e.Network.Splunk) != "192.168.0.200" {
		t.Errorf("%d containers, %d VMs, Splunk at %v", len(e.Containers), len(e.VMs), e.Network.Splunk)
	}
	o := withText(t, `{"network_prefix": "10.1.2",
		"containers": {"a": {"vm_id": 101, "hostname": "a"}},
		"vms": {"b": {"vm_id": 102, "name": "b"}},
		"pools": {"my-pool": {}}}`)
	e = testkit.Try(Load(t.Context(), o))(t)
	c, v := e.Containers[0], e.VMs[0]
	wantC := Container{
		Guest: Guest{
			Key: "a", Kind: LXC, VMID: 101, Name: "a", Node: "pve", Description: "TF CT a - homelab", Tags: []string{"terraform", "container", "homelab"},
			Cores: 2, Memory: 512, NICs: []NIC{{Name: "eth0", Bridge: "vmbr0", Firewall: true}}, Address: c.Address, OnBoot: true, Startup: Startup{Order: 155, Up: 30},
			Undeclared: []string{"cpulimit", "ostype"},
		},
		Swap: 512, Root: Disk{Interface: "rootfs", Store: "local-zfs", Size: 16}, OSType: "debian",
	}
	if !reflect.DeepEqual(c, wantC) {
		t.Errorf("container is\n%+v, want\n%+v", c, wantC)
	}
	wantV := VM{
		Guest: Guest{
			Key: "b", Kind: QEMU, VMID: 102, Name: "b", Node: "pve", Description: "TF VM b - homelab", Tags: []string{"terraform", "homelab"},
			Cores: 4, Memory: 2048, NICs: []NIC{{Model: "virtio", Bridge: "vmbr0"}}, Address: v.Address, OnBoot: true, Startup: Startup{Order: 154, Up: 30},
			Undeclared: []string{"cpu", "balloon", "agent", "ostype", "cpulimit"},
		},
		CPUType: "x86-64-v2-AES", Balloon: 2048, User: "debian", Agent: true, OSType: "l26",
		Disks: []Disk{{Interface: "scsi0", Store: "local-lvm", Size: 64, Format: "raw", IOThread: true, Discard: "ignore", Undeclared: []string{"iothread", "ssd", "discard"}}},
	}
	if !reflect.DeepEqual(v, wantV) {
		t.Errorf("VM is\n%+v, want\n%+v", v, wantV)
	}
	if e.Pools[0].Comment != "TF Pool My-Pool - homelab" || e.Splunk != nil || e.HostServices != nil {
		t.Errorf("%+v, Splunk %v, host services %s", e.Pools[0], e.Splunk, e.HostServices)
	}
	if e.ContainerTemplate != "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst" || e.ISO != "local:iso/debian-13.2.0-amd64-netinst.iso" {
		t.Errorf("%s, %s", e.ContainerTemplate, e.ISO)
	}
	if joined(e.Network.Internal) != "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16" || e.Network.Management.String() != "10.1.2.0/24" {
		t.Errorf("%+v", e.Network)
	}
}

func TestAdditiveFields(t *testing.T) {
	o := withText(t, `{"network_prefix": "10.1.2", "inventory_sync": ["apps", "/srv/inv.json", "~/splunk"],
		"containers": {
			"dns":  {"vm_id": 100000, "hostname": "dns", "node": "pve2", "vlan": 30, "ip": "10.3.0.53", "gateway": "10.3.0.1", "nameservers": ["9.9.9.9", "10.3.0.54"], "startup": "dns", "on_boot": false, "protection": true},
			"lease": {"vm_id": 300, "hostname": "lease", "dhcp": true, "startup": "app"},
			"data": {"vm_id": 101, "hostname": "data", "protection": false, "startup": "db", "mount_points": [{"volume": "tank", "size": "1T", "path": "/srv"}]}},
		"splunk_vm_id": 200, "splunk_vm": {"node": "pve2", "ip": "10.1.2.20/24", "vlan": 40, "startup": "db"}}`)
	e := testkit.Try(Load(t.Context(), o))(t)
	data, dns, lease := e.Containers[0], e.Containers[1], e.Containers[2]
	if dns.Node != "pve2" || dns.NICs[0].VLAN != 30 || dns.Address.CIDR.String() != "10.3.0.53/24" || dns.Address.Gateway.String() != "10.3.0.1" ||
		len(dns.Nameservers) != 2 || dns.Startup != (Startup{"dns", 1, 30}) || dns.OnBoot || !dns.Protection {
		t.Errorf("dns: %+v", dns)
	}
	if !lease.Address.DHCP || lease.Address.CIDR.IsValid() || lease.Startup.Order != 6 {
		t.Errorf("lease: %+v", lease)
	}
	if data.Protection || data.Mounts[0].Size != 1024 || data.Startup.Order != 3 {
		t.Errorf("data: %+v", data)
	}
	s := e.Splunk
	if s.Node != "pve2" || s.Address.CIDR.String() != "10.1.2.20/24" || s.NICs[0].VLAN != 40 || s.Startup.Order != 3 || joined(e.Network.Splunk) != "10.1.2.20" {
		t.Errorf("splunk: %+v", s)
	}
	dir := filepath.Dir(o.Deployment)
	want := []string{filepath.Join(dir, "apps/inventory/terraform_inventory.json"), "/srv/inv.json", filepath.Join(dir, "splunk/inventory/terraform_inventory.json")}
	if !slices.Equal(e.InventorySync, want) {
		t.Errorf("targets are %v", e.InventorySync)
	}
}

func TestBrokenFiles(t *testing.T) {
	for name, text := range map[string]string{
		"empty":         "",
		"blank":         " \n\n",
		"truncated":     `{"network_prefix": "10.1.2", "containers": {"a": {"vm_id": 101,`,
		"list":          `[]`,
		"null":          `null`,
		"text":          `"x"`,
		"trailing":      `{"network_prefix": "10.1.2"} {}`,
		"not JSON":      "network_prefix: 10.1.2\n",
		"binary":        "{\"a\": \"\xff\xfe\"}",
		"no prefix":     `{"containers": {}}`,
		"empty object":  `{}`,
		"deep":          strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100),
		"trailing text": `{"network_prefix": "10.1.2"} x`,
	} {
		t.Run(name, func(t *testing.T) {
			o := withText(t, text)
			e, err := Load(t.Context(), o)
			var ps Problems
			if e != nil || !errors.As(err, &ps) || len(ps) != 1 {
				t.Fatalf("estate %v, error %v", e != nil, err)
			}
			if ps[0].File != o.Deployment || ps[0].Fix == "" {
				t.Errorf("the problem names no file or no fix: %+v", ps[0])
			}
		})
	}
	missing := Options{Deployment: filepath.Join(t.TempDir(), "deployment.json")}
	testkit.Fails(t, testkit.Err(Load(t.Context(), missing)), "there is no such file")
}
