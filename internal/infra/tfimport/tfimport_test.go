package tfimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/testkit"
)

// tfstate is a small state with one of everything that is read.
const tfstate = `{"version": 4, "terraform_version": "1.11.4", "serial": 7, "lineage": "a", "resources": [
{"mode": "managed", "type": "proxmox_virtual_environment_pool", "name": "lab", "instances": [{"attributes": {"pool_id": "lab", "comment": "Lab"}}]},
{"mode": "managed", "type": "proxmox_virtual_environment_container", "name": "web", "instances": [{"index_key": "web", "attributes": {
  "vm_id": 120, "node_name": "pve", "tags": ["lab", "web"], "cpu": [{"cores": 2, "limit": 1.5}], "memory": [{"dedicated": 512, "swap": 512}], "disk": [{"datastore_id": "local-zfs", "size": 8}],
  "mount_point": [{"volume": "/srv/media", "path": "/media", "read_only": true}], "device_passthrough": [{"path": "/dev/net/tun", "mode": "0660"}],
  "network_interface": [{"name": "eth0", "bridge": "vmbr0", "firewall": true, "vlan_id": 0}], "features": [{"nesting": true, "mount": ["nfs"]}],
  "operating_system": [{"type": "debian", "template_file_id": "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst"}],
  "initialization": [{"hostname": "web", "dns": [{"domain": "lab.example", "servers": ["10.20.30.1"]}], "ip_config": [{"ipv4": [{"address": "10.20.30.120/24", "gateway": "10.20.30.1"}],
    "ipv6": [{"address": "fd00:10::78/64", "gateway": "fe80::1"}]}], "user_account": [{"keys": ["ssh-ed25519 AAAA a"], "password": "hunter2"}]}]}}]},
{"mode": "managed", "type": "proxmox_virtual_environment_vm", "name": "app", "instances": [{"attributes": {"id": "pve/121", "node_name": "pve", "name": "app", "tags": ["lab"], "bios": "ovmf",
  "clone": [{"vm_id": 9000}], "disk": [{"interface": "scsi0", "size": 20}, {"interface": "scsi1", "size": 30}], "efi_disk": [{"datastore_id": "local-zfs"}],
  "hostpci": [{"id": "0000:01:00", "rombar": false}], "usb": [{"host": "0bda:2838"}], "initialization": [{"ip_config": [{"ipv4": [{"address": "dhcp"}]}]}]}}]}]}`

// FuzzRead feeds states of any kind: there is a declaration or an error; the same state gives the
// same; what is in a declaration can be read, and no password is in it.
func FuzzRead(f *testing.F) {
	f.Add([]byte(tfstate))
	for _, old := range []string{`"10.20.30.120/24"`, `"web"`, "120", `["lab", "web"]`, `"10.20.30.1"`} {
		for _, new := range []string{`"fd00::1/64"`, `""`, "null", `"."`, "1e9", `"120"`, "[]", `"\u0000"`} {
			f.Add([]byte(strings.Replace(tfstate, old, new, 1)))
		}
	}
	f.Add([]byte(tfstate[:len(tfstate)/2]))
	f.Add([]byte(`{"version": 4, "resources": [{"mode": "managed", "type": "proxmox_vm", "instances": [{}, null]}, null]}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Read(data)
		again, same := Read(data)
		if (err == nil) != (d != nil) || (err == nil) != (same == nil) || !reflect.DeepEqual(d, again) {
			t.Fatalf("%+v, %v; then %+v, %v", d, err, again, same)
		}
		if err != nil {
			return
		}
		text := testkit.Try(json.Marshal(d.Document))(t)
		if strings.Contains(string(text), "hunter2") && strings.Count(string(data), "hunter2") == 1 && strings.Contains(string(data), `"password": "hunter2"`) {
			t.Errorf("a password: %s", text)
		}
		path := filepath.Join(dir, "deployment.json")
		testkit.Must(t, os.WriteFile(path, text, 0o600))
		e, err := declaration.Load(t.Context(), declaration.Options{Deployment: path, Home: dir})
		if problems := (declaration.Problems)(nil); err != nil && !errors.As(err, &problems) {
			t.Errorf("the declaration: %v", err)
		}
		if err == nil && len(e.Guests()) > len(data) {
			t.Errorf("%d guests of %d bytes", len(e.Guests()), len(data))
		}
	})
}

// TestImportedStateIsValid: the small state gives a declaration without a problem.
func TestImportedStateIsValid(t *testing.T) {
	d := testkit.Try(Read([]byte(tfstate)))(t)
	text := string(testkit.Try(json.Marshal(d.Document))(t))
	testkit.Holds(t, "declaration", text, `"devices":[{"host":"0000:01:00","rombar":false,"type":"pci"},{"host":"0bda:2838","type":"usb"}]`, `"vm_id":121`, `"gateway6":"fe80::1"`)
	testkit.Lacks(t, "declaration", text, "hunter2")
}

// TestHalfStates: a state that is cut off anywhere, and one whose objects are half made, is an
// error or a note, and never a guest less.
func TestHalfStates(t *testing.T) {
	for n := range len(tfstate) - 1 {
		if _, err := Read([]byte(tfstate[:n])); err == nil {
			t.Fatalf("cut off at %d, and read", n)
		}
	}
	for name, c := range map[string]struct{ old, new, says string }{
		"no attributes":      {`[{"index_key": "web", "attributes": {`, `[{"index_key": "web"}, {"index_key": "web", "attributes": {`, "proxmox_virtual_environment_container.web: has no attributes"},
		"another type":       {`"vm_id": 120`, `"vm_id": [120]`, "proxmox_virtual_environment_container.web: "},
		"IPv6 as IPv4":       {`"10.20.30.120/24"`, `"fd00::1/64"`, "web: its address fd00::1/64 is not taken over"},
		"only IPv6":          {`"ipv4": [{"address": "10.20.30.120/24", "gateway": "10.20.30.1"}]`, `"ipv4": []`, ""},
		"an address":         {`"10.20.30.120/24"`, `"ten"`, "web: its address ten is not taken over"},
		"no VMID":            {`"vm_id": 120, `, "", "web: it has no VMID: a creation ended half way; it is left out"},
		"tainted":            {`"instances": [{"index_key": "web",`, `"instances": [{"index_key": "web", "status": "tainted",`, "web: Terraform holds it for half made (tainted): look at it before you adopt it"},
		"one key, two":       {`"name": "app", "instances": [{"attributes"`, `"name": "app", "instances": [{"index_key": "web", "attributes"`, "121: its key web is that of another guest: it is declared as web-121"},
		"both keys, two":     {`"name": "app", "instances": [{"attributes"`, `"name": "app", "instances": [{"index_key": "web-121", "attributes": {"vm_id": 122, "name": "x"}}, {"index_key": "web", "attributes"`, "121: its key web is that of another guest, and so is web-121: it is left out"},
		"not of this tool":   {`"lineage": "a"`, `"lineage": "a", "encrypted_data": "AAAA"`, "OpenTofu has encrypted it"},
		"a disk without bus": {`{"interface": "scsi1", "size": 30}`, `{"interface": "", "size": 30}`, ""},
	} {
		state := strings.Replace(tfstate, c.old, c.new, 1)
		if state == tfstate {
			t.Fatalf("%s: nothing is replaced", name)
		}
		d, err := Read([]byte(state))
		said := fmt.Sprint(err)
		if err == nil {
			said = strings.Join(d.Notes, "\n")
		}
		testkit.Holds(t, name, said, c.says)
	}
}

// TestHugeState reads 20,000 guests that all have a tag in common.
func TestHugeState(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"version": 4, "resources": [{"mode": "managed", "type": "proxmox_virtual_environment_container", "name": "c", "instances": [`)
	const guests = 20000
	for i := range guests {
		fmt.Fprintf(&b, `{"index_key": "c%d", "attributes": {"vm_id": %d, "node_name": "pve", "tags": ["lab", "t%d"]}},`, i, 1000+i, i)
	}
	d := testkit.Try(Read([]byte(strings.TrimSuffix(b.String(), ",") + `]}]}`)))(t)
	testkit.Equal(t, "guests", len(d.Document["containers"].(object)), guests)
	testkit.Equal(t, "environment", d.Document["environment"].(string), "lab")
}
