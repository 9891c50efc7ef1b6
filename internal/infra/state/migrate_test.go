package state

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// tfstate is a state as OpenTofu writes it, shortened.
const tfstate = `{
  "version": 4, "terraform_version": "1.12.6", "serial": 42, "lineage": "0c4e-1",
  "outputs": {"ansible_inventory": {"value": {"x": 1}, "type": "dynamic", "sensitive": false}},
  "resources": [
    {"module": "module.pools", "mode": "managed", "type": "proxmox_virtual_environment_pool", "name": "pools", "provider": "p",
     "instances": [{"index_key": "ai", "schema_version": 0, "attributes": {"id": "ai", "pool_id": "ai", "comment": "c", "members": []}},
                   {"index_key": "logging", "attributes": {"id": "logging", "pool_id": "logging"}}]},
    {"module": "module.storage", "mode": "data", "type": "proxmox_virtual_environment_datastores", "name": "x", "instances": [{"attributes": {"node_name": "pve"}}]},
    {"module": "module.vms", "mode": "managed", "type": "proxmox_virtual_environment_vm", "name": "vms",
     "instances": [{"index_key": "docker-host", "attributes": {"id": "250", "vm_id": 250, "name": "docker", "node_name": "pve",
        "initialization": [{"user_account": [{"password": "hunter2", "username": "debian"}]}], "template": false}, "sensitive_attributes": []}]},
    {"module": "module.containers[0]", "mode": "managed", "type": "proxmox_virtual_environment_container", "name": "containers",
     "instances": [{"index_key": "haproxy", "attributes": {"id": "175", "vm_id": 175, "node_name": "pve", "initialization": [{"hostname": "haproxy-1"}]}},
                   {"index_key": "old", "status": "tainted", "attributes": {"id": "pve/176", "node_name": "pve", "initialization": []}}]},
    {"module": "module.splunk_vm", "mode": "managed", "type": "proxmox_virtual_environment_vm", "name": "splunk_vm",
     "instances": [{"attributes": {"id": "200", "vm_id": "200", "name": "splunk-aio", "node_name": "pve"}}, {"deposed": "ab12", "attributes": {"vm_id": 201}}]},
    {"module": "module.splunk_vm", "mode": "managed", "type": "proxmox_virtual_environment_file", "name": "cloud_init",
     "instances": [{"attributes": {"id": "local:snippets/splunk-aio-cloud-init.yml", "file_name": "splunk-aio-cloud-init.yml", "node_name": "pve"}}]},
    {"module": "module.firewall", "mode": "managed", "type": "proxmox_virtual_environment_cluster_firewall", "name": "main", "instances": [{"attributes": {"id": "cluster"}}]},
    {"module": "module.firewall", "mode": "managed", "type": "proxmox_virtual_environment_cluster_firewall_security_group", "name": "syslog", "instances": [{"attributes": {"id": "syslog-in", "name": "syslog-in"}}]},
    {"module": "module.firewall", "mode": "managed", "type": "proxmox_virtual_environment_firewall_options", "name": "pipeline_container",
     "instances": [{"index_key": "haproxy", "attributes": {"container_id": 175, "vm_id": null, "node_name": "pve"}}]},
    {"module": "module.firewall", "mode": "managed", "type": "proxmox_virtual_environment_firewall_rules", "name": "splunk_vm",
     "instances": [{"index_key": "splunk", "attributes": {"vm_id": 200, "node_name": "pve"}}]},
    {"module": "module.firewall", "mode": "managed", "type": "proxmox_node_firewall", "name": "node", "instances": [{"attributes": {"node_name": "pve"}}]},
    {"module": "module.acme_certificates[0]", "mode": "managed", "type": "proxmox_acme_account", "name": "accounts", "instances": [{"index_key": "default", "attributes": {"name": "default"}}]},
    {"mode": "managed", "type": "null_resource", "name": "setup", "instances": [{"index_key": 0, "attributes": {"id": "7"}}]}
  ],
  "check_results": null
}`

const lockInfo = `{"ID":"0c4ea6c0-1","Operation":"OperationTypeApply","Info":"","Who":"root@vm","Version":"1.12.6","Created":"2026-11-22T18:15:06.791277187Z","Path":"b/k"}`

func items() []Item {
	return []Item{
		{Address: `module.pools.proxmox_virtual_environment_pool.pools["ai"]`, Kind: KindPool, Key: "ai", Name: "ai"},
		{Address: `module.pools.proxmox_virtual_environment_pool.pools["logging"]`, Kind: KindPool, Key: "logging", Name: "logging"},
		{Address: `module.vms.proxmox_virtual_environment_vm.vms["docker-host"]`, Kind: KindVM, Key: "docker-host", VMID: 250, Node: "pve", Name: "docker"},
		{Address: `module.containers[0].proxmox_virtual_environment_container.containers["haproxy"]`, Kind: KindContainer, Key: "haproxy", VMID: 175, Node: "pve", Name: "haproxy-1"},
		{Address: `module.containers[0].proxmox_virtual_environment_container.containers["old"]`, Kind: KindContainer, Key: "old", VMID: 176, Node: "pve", Note: "tainted"},
		{Address: `module.splunk_vm.proxmox_virtual_environment_vm.splunk_vm`, Kind: KindVM, Key: "splunk-aio", VMID: 200, Node: "pve", Name: "splunk-aio"},
		{Address: `module.splunk_vm.proxmox_virtual_environment_vm.splunk_vm`, Kind: KindVM, Key: "splunk_vm", VMID: 201, Note: "deposed ab12"},
		{Address: `module.splunk_vm.proxmox_virtual_environment_file.cloud_init`, Kind: KindFile, Key: "splunk-aio-cloud-init.yml", Node: "pve", Name: "splunk-aio-cloud-init.yml"},
		{Address: `module.firewall.proxmox_virtual_environment_cluster_firewall.main`, Kind: KindClusterFirewall, Key: "main"},
		{Address: `module.firewall.proxmox_virtual_environment_cluster_firewall_security_group.syslog`, Kind: KindSecurityGroup, Key: "syslog-in", Name: "syslog-in"},
		{Address: `module.firewall.proxmox_virtual_environment_firewall_options.pipeline_container["haproxy"]`, Kind: KindFirewallOptions, Key: "haproxy", VMID: 175, Node: "pve", Class: "pipeline_container"},
		{Address: `module.firewall.proxmox_virtual_environment_firewall_rules.splunk_vm["splunk"]`, Kind: KindFirewallRules, Key: "splunk", VMID: 200, Node: "pve", Class: "splunk_vm"},
		{Address: `module.firewall.proxmox_node_firewall.node`, Kind: KindNodeFirewall, Key: "node", Node: "pve"},
		{Address: `module.acme_certificates[0].proxmox_acme_account.accounts["default"]`, Kind: KindACMEAccount, Key: "default", Name: "default"},
		{Address: `null_resource.setup[0]`, Key: "setup"},
	}
}

func TestMigrateFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "terraform.tfstate")
	write(t, path, tfstate)
	m := testkit.Try(Migrate(context.Background(), Source{Location: path}))(t)
	want := items()
	for i, item := range m.Items {
		if i >= len(want) || item != want[i] {
			t.Errorf("item %d: %+v", i, item)
		}
	}
	if len(m.Items) != len(want) || m.Serial != 42 || m.Terraform != "1.12.6" || m.Lineage != "0c4e-1" || len(m.Locks) != 0 || m.Warning != "" {
		t.Errorf("got %+v", m)
	}
	if g := m.Guests(); len(g) != 5 || g[0].VMID != 250 {
		t.Errorf("guests: %+v", g)
	}
	write(t, filepath.Join(dir, ".terraform.tfstate.lock.info"), lockInfo)
	m, err := Migrate(context.Background(), Source{Location: path})
	if err != nil || len(m.Locks) != 1 || m.Locks[0].Who != "root@vm" || m.Locks[0].ID != "0c4ea6c0-1" {
		t.Fatalf("%+v, %v", m.Locks, err)
	}
	testkit.Holds(t, "the lock", m.Locks[0].String(), "locked by root@vm for Apply since 2026-11-22")
	if after, _ := os.ReadFile(path); string(after) != tfstate {
		t.Error("the state was changed")
	}
}

func TestMigrateRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "terraform.tfstate")
	for say, content := range map[string]string{
		"empty":                    " \n",
		"not a whole JSON":         tfstate[:len(tfstate)/2],
		"not a Terraform":          `{"resources":[]}`,
		"version 3":                `{"version":3,"modules":[]}`,
		"tofu state pull":          `{"serial":1,"lineage":"x","meta":{},"encrypted_data":"AAAA","encryption_version":"v0"}`,
		"not as Terraform":         `{"version":4,"resources":{}}`,
		"neither a string nor":     `{"version":4,"resources":[{"mode":"managed","type":"x","name":"y","instances":[{"index_key":true}]}]}`,
		"\\\"abc\\\" is not an ID": `{"version":4,"resources":[{"mode":"managed","type":"x","name":"y","instances":[{"attributes":{"vm_id":"abc"}}]}]}`,
	} {
		write(t, path, content)
		_, err := Migrate(context.Background(), Source{Location: path})
		testkit.Fails(t, err, strings.NewReplacer(`\"`, "").Replace(say), path)
	}
	for _, location := range []string{path + ".gone", t.TempDir(), "s3://bucket", "s3:///key", "gs://bucket/key"} {
		if _, err := Migrate(context.Background(), Source{Location: location}); err == nil {
			t.Errorf("%s was read", location)
		}
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte(tfstate))
	f.Add([]byte(`{"version":4,"resources":[{"mode":"managed","instances":[{"index_key":1e9}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeState(b)
		if err != nil {
			return
		}
		list, err := s.items()
		if err != nil {
			return
		}
		for _, i := range list {
			if i.VMID < 0 || i.Address == "" {
				t.Errorf("%+v", i)
			}
		}
	})
}

func TestItemsHoldNoSecrets(t *testing.T) {
	s := testkit.Try(decodeState([]byte(tfstate)))(t)
	list, err := s.items()
	if err != nil || !reflect.DeepEqual(list, items()) {
		t.Fatal(err)
	}
	for _, i := range list {
		v := reflect.ValueOf(i)
		for n := range v.NumField() {
			testkit.Lacks(t, "an item", v.Field(n).String(), "hunter2")
		}
	}
}
