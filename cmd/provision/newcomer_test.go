package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

const guestKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICZUzpX4Slhk8yygcPvyLScXJ4ZloIvSNbIxGixHH4fC test\n"

// TestNewcomer goes the way of the documentation: init, validate, check, plan, apply, on a
// cluster that knows nothing of the estate.
func TestNewcomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pvesim.Options{Seed: 1})
	testkit.Must(t, os.Remove(w.Path("deployment.json")))
	w.mkdir(".ssh")
	w.Write(".ssh/id_ed25519.pub", guestKey)
	cmd := w.command("init", "--firewall", "yes")
	cmd.Stdin = strings.NewReader("10.20.30\n\n\n\n\n\n20G\n\n")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("init: %v\n%s", err, &said)
	}
	testkit.Holds(t, "init", said.String(), "three octets", "[pve]", "deployment.json is written", "next: provision check")
	w.expect(0, []string{"fine: 1 container, 0 VMs, 1 pool"}, "validate")
	w.expect(0, []string{"ok   rights"}, "check")
	w.expect(2, []string{"container gateway"}, "plan")
	w.expect(0, []string{"done"}, "apply", "--yes")
	w.expect(0, []string{"Nothing to do: 1 guest"}, "plan")
	testkit.Holds(t, "the guest", w.Config("175"), "hostname: gateway", "features: nesting=1", "size=20G", "ip=10.20.30.175/24")

	w.expect(1, []string{"deployment.json is there already"}, "init", "--yes", "--network", "10.1.1")
}

// TestNewcomerLacksSomething has no key and no container template: init and check say the first
// with what to do, and that apply downloads the other.
func TestNewcomerLacksSomething(t *testing.T) {
	w := beside(t)
	testkit.Must(t, os.Remove(w.Path("deployment.json")))
	w.Sim.RemoveFile("local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst")
	a := w.expect(0, []string{"no such file or directory (~/.ssh/id_ed25519.pub); make one (ssh-keygen -t ed25519)"}, "init", "--yes", "--network", "10.20.30")
	testkit.Equal(t, "times that the key is missed", strings.Count(a.out+a.errs, "cannot be read"), 1)
	w.expect(1, []string{"FAIL key of the guests: the public key", "is not on pve yet: apply downloads it", "1 of"}, "check")
	w.expect(1, []string{"ssh-keygen"}, "apply", "--yes")
	w.mkdir(".ssh")
	w.Write(".ssh/id_ed25519.pub", guestKey)
	w.expect(0, nil, "check")
	w.expect(0, []string{"done"}, "apply", "--yes")
}

// TestInitByFlags writes declarations without being asked, and refuses wrong answers.
func TestInitByFlags(t *testing.T) {
	w := beside(t)
	w.expect(0, []string{"is written"}, "init", "-f", "a/deployment.json", "--yes", "--network", "198.51.100.0/24", "--vmid", "201", "--bridge", "vmbr1")
	w.expect(0, []string{"fine: 1 container"}, "validate", "-f", "a/deployment.json")
	testkit.Holds(t, "declaration", w.Read("a/deployment.json"), `"network_prefix": "198.51.100"`, `"internal_networks"`, `"vmbr1"`, `"manage_cluster": false`)
	for name, args := range map[string][]string{
		"--network": {"--network", "10.1"}, "--vmid": {"--network", "10.1.1", "--vmid", "x"}, "--firewall": {"--network", "10.1.1", "--firewall", "maybe"},
		"no address can be derived": {"--network", "10.1.1", "--vmid", "700"}, "the answers end at --network": nil,
	} {
		args = append([]string{"init", "-f", "b/deployment.json", "--yes"}, args...)
		if len(args) == 4 {
			args = args[:3] // ask
		}
		w.expect(1, []string{name}, args...)
		if w.exists("b/deployment.json") {
			t.Fatalf("%s: a wrong declaration is left behind", name)
		}
	}
}

// TestSchemaIsPrinted, and a declaration may name it.
func TestSchemaIsPrinted(t *testing.T) {
	w := beside(t)
	var schema struct{ Properties map[string]any }
	testkit.Must(t, json.Unmarshal([]byte(w.expect(0, nil, "schema").out), &schema))
	if schema.Properties["containers"] == nil || schema.Properties["state"] == nil {
		t.Error("keys are missing")
	}
	w.Edit(`"domain"`, `"$schema": "./deployment.schema.json", "domain"`)
	w.expect(0, []string{"fine"}, "validate")
}

// TestImportOfATerraformState makes a declaration of a state of bpg/proxmox 0.106, shortened, and
// adopts what Terraform made without a difference but the startup order.
func TestImportOfATerraformState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pvesim.Options{Seed: 1})
	w.Write("terraform.tfstate", importedState)
	testkit.Must(t, os.Remove(w.Path("deployment.json")))
	a := w.expect(0, []string{"deployment.json is written", "1 × proxmox_virtual_environment_firewall_rules: not taken over"}, "import", "tfstate", "terraform.tfstate", "-o", "deployment.json")
	testkit.Lacks(t, "what is printed", a.out+a.errs+w.Read("deployment.json"), "hunter2")
	w.expect(0, []string{"fine: 1 container, 2 VMs, 2 pools"}, "validate")
	testkit.Holds(t, "declaration", w.Read("deployment.json"), `"environment": "lab"`, `"splunk_vm_id": 200`, `"volume": "/srv/media"`, `"ip6": "fd00:10::78/64"`, `"bios": "ovmf"`, `"mapping": "gpu"`, `"host": "0bda:2838"`)
	testkit.Lacks(t, "declaration", w.Read("deployment.json"), `"ip": "10.20.30.120`)

	for vmid, values := range map[int]map[string]string{
		120: {"hostname": "web", "rootfs": "local-zfs:8", "tags": "lab;web", "cores": "2", "memory": "512", "swap": "512", "unprivileged": "1", "onboot": "1", "description": "web",
			"features": "nesting=1", "ostype": "debian", "net0": "name=eth0,bridge=vmbr0,firewall=1,ip=10.20.30.120/24,gw=10.20.30.1,ip6=fd00:10::78/64",
			"mp0": "local-zfs:10,mp=/data", "mp1": "/srv/media,mp=/media,ro=1"},
	} {
		testkit.Must(t, w.Sim.AddGuest("lxc", vmid, "pve", values))
	}
	w.expect(0, nil, "state", "migrate", "terraform.tfstate")
	a = w.expect(0, []string{"web"}, "adopt", "web")
	testkit.Holds(t, "adopt", a.out, "startup")
	testkit.Lacks(t, "adopt", a.out, "memory", "mp0", "net0", "features", "tags", "cores")

	w.Write("broken", "{")
	w.expect(1, []string{"not a whole JSON document"}, "import", "tfstate", "broken")
	w.expect(1, []string{"there already"}, "import", "tfstate", "terraform.tfstate", "-o", "deployment.json")
}

const importedState = `{"version": 4, "terraform_version": "1.11.4", "serial": 7, "lineage": "a", "resources": [
{"mode": "managed", "type": "proxmox_virtual_environment_pool", "name": "lab", "instances": [{"attributes": {"pool_id": "lab", "comment": "Lab", "members": []}}]},
{"mode": "managed", "type": "proxmox_virtual_environment_container", "name": "web", "instances": [{"index_key": "web", "attributes": {
  "vm_id": 120, "id": "120", "node_name": "pve", "description": "web\n", "tags": ["lab", "web"], "pool_id": "", "unprivileged": true, "start_on_boot": true, "protection": false,
  "cpu": [{"cores": 2, "limit": 0}], "memory": [{"dedicated": 512, "swap": 512}], "disk": [{"datastore_id": "local-zfs", "size": 8, "mount_options": null}],
  "mount_point": [{"volume": "local-zfs:subvol-120-disk-1", "size": "10G", "path": "/data", "replicate": true, "mount_options": null},
    {"volume": "/srv/media", "size": "", "path": "/media", "read_only": true, "replicate": true}],
  "network_interface": [{"name": "eth0", "bridge": "vmbr0", "firewall": true, "mac_address": "BC:24:11:6D:0D:DE", "vlan_id": 0}],
  "features": [{"nesting": true, "keyctl": false, "fuse": false, "mount": null}], "operating_system": [{"type": "debian", "template_file_id": "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst"}],
  "initialization": [{"hostname": "web", "dns": [], "ip_config": [{"ipv4": [{"address": "10.20.30.120/24", "gateway": "10.20.30.1"}], "ipv6": [{"address": "fd00:10::78/64", "gateway": ""}]}],
    "user_account": [{"keys": [], "password": "hunter2"}]}]}}]},
{"mode": "managed", "type": "proxmox_virtual_environment_vm", "name": "vms", "instances": [
  {"index_key": "app", "attributes": {"vm_id": 121, "node_name": "pve", "name": "app", "description": null, "tags": ["lab"], "pool_id": "others", "on_boot": true, "bios": "ovmf", "machine": "q35",
    "agent": [{"enabled": true}], "cpu": [{"cores": 2, "sockets": 1, "type": "host", "limit": 1.5}], "memory": [{"dedicated": 2048, "floating": 0}], "clone": [{"vm_id": 9000}],
    "disk": [{"interface": "scsi0", "datastore_id": "local-zfs", "size": 20, "file_format": "raw", "discard": "ignore", "iothread": false, "ssd": false},
      {"interface": "scsi1", "datastore_id": "local-zfs", "size": 30, "file_format": "raw", "discard": "on", "iothread": true, "ssd": true}],
    "efi_disk": [{"datastore_id": "local-zfs", "type": "4m", "pre_enrolled_keys": false}],
    "hostpci": [{"device": "hostpci0", "id": null, "mapping": "gpu", "mdev": null, "pcie": true, "rombar": true, "rom_file": null, "xvga": false}], "usb": [{"host": "0bda:2838", "mapping": null, "usb3": false}], "network_device": [{"bridge": "vmbr0", "model": "virtio", "firewall": false, "vlan_id": 7}],
    "initialization": [{"ip_config": [{"ipv4": [{"address": "dhcp", "gateway": ""}], "ipv6": []}], "user_account": [{"username": "debian", "keys": [], "password": "hunter2"}], "vendor_data_file_id": "local:snippets/base.yml"}]}},
  {"index_key": "template", "attributes": {"vm_id": 9000, "name": "template", "template": true}}]},
{"mode": "managed", "type": "proxmox_virtual_environment_vm", "name": "splunk_vm", "instances": [{"attributes": {"vm_id": 200, "node_name": "pve", "name": "splunk-aio",
  "tags": ["docker", "enterprise", "splunk", "terraform"], "pool_id": "lab", "on_boot": true, "cpu": [{"cores": 8, "sockets": 1, "type": "host"}], "memory": [{"dedicated": 12288, "floating": 12288}],
  "clone": [{"vm_id": 9200}], "disk": [{"interface": "virtio0", "datastore_id": "local-zfs", "size": 25}, {"interface": "virtio1", "datastore_id": "local-zfs", "size": 200}],
  "network_device": [{"bridge": "vmbr0", "model": "virtio", "firewall": true}], "initialization": [{"ip_config": [{"ipv4": [{"address": "10.20.30.200/24", "gateway": "10.20.30.1"}]}]}]}}]},
{"mode": "managed", "type": "proxmox_virtual_environment_firewall_rules", "name": "web", "instances": [{"attributes": {"container_id": 120}}]},
{"mode": "data", "type": "proxmox_virtual_environment_nodes", "name": "n", "instances": [{"attributes": {}}]}]}`
