package declaration

import (
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
)

// Key is a key of the declaration, as the reader asks for it.
type Key struct {
	reader.Key
	Means string
	// Derived is the default where it is derived from others, in words.
	Derived string
}

// Object is the path of the object that has the key, "" for the top level, and Name its name
// there: containers.KEY and vm_id.
func (k Key) Object() (path, name string) {
	p := strings.TrimPrefix(k.Path, "$.")
	i := strings.LastIndexByte(p, '.')
	if i < 0 {
		return "", p
	}
	return p[:i], p[i+1:]
}

// probe has each object once, and the keys that are only read where they are set. What is read
// of it is all that a declaration can have.
const probe = `{"network_prefix": "10.20.30", "ssh_public_key": "", "internal_networks": ["10.0.0.0/8"], "ansible_cloud_init_file": "cloud-init/a.yml",
"pools": {"KEY": {}}, "datastores": {"KEY": {}}, "inventory_sync": [],
"containers": {"KEY": {"vm_id": 101, "hostname": "NAME", "root_disk": {}, "features": {}, "user_account": {}, "startup": "db", "nameservers": ["10.0.0.1"], "vlan": 7, "timezone": "host", "ip6": "auto",
  "mount_points": [{"volume": "local-zfs", "acl": true, "backup": true, "quota": true, "replicate": true, "read_only": true, "shared": true, "mount_options": []}],
  "devices": [{"mode": "0660"}], "network_interfaces": [{"vlan_id": 1, "mac_address": "BC:24:11:00:00:01"}],
  "firewall": {"policy_in": "DROP", "policy_out": "DROP", "in": [{"proto": "icmp", "icmp_type": "any", "ports": [], "sources": ["10.0.0.1"], "destinations": ["10.0.0.1"]}],
    "out": [{"proto": "icmp", "icmp_type": "any", "ports": [], "sources": ["10.0.0.1"], "destinations": ["10.0.0.1"]}]}}},
"vms": {"KEY": {"vm_id": 102, "name": "NAME", "boot_disk": {}, "additional_disks": [{"interface": "scsi1"}], "user_account": {}, "startup": "db", "nameservers": ["10.0.0.1"], "vlan": 7, "ip6": "auto",
  "network_interfaces": [{"vlan_id": 1, "mac_address": "BC:24:11:00:00:02"}], "clone_template": {"template_id": 9000}, "bios": "ovmf", "machine": "q35", "efi_disk": {},
  "devices": [{"type": "pci", "host": "0000:01:00.0", "mapping": "NAME", "pcie": true, "rombar": true, "xvga": true, "mdev": "NAME", "rom_file": "NAME", "usb3": true}],
  "cloud_init": {"vendor_data": "#!", "vendor_data_file": "", "user_data_file": "", "network_data_file": "", "upgrade": true},
  "firewall": {"policy_in": "DROP", "policy_out": "DROP", "in": [{"proto": "icmp", "icmp_type": "any", "ports": [], "sources": ["10.0.0.1"], "destinations": ["10.0.0.1"]}],
    "out": [{"proto": "icmp", "icmp_type": "any", "ports": [], "sources": ["10.0.0.1"], "destinations": ["10.0.0.1"]}]}}},
"splunk_vm_id": 200, "splunk_vm": {"boot_disk": {}, "data_disk": {}, "startup": "db", "nameservers": ["10.0.0.1"], "vlan": 7,
  "firewall": {"policy_in": "DROP", "policy_out": "DROP", "in": [{"proto": "icmp", "icmp_type": "any", "ports": [], "sources": ["10.0.0.1"], "destinations": ["10.0.0.1"]}],
    "out": [{"proto": "icmp", "icmp_type": "any", "ports": [], "sources": ["10.0.0.1"], "destinations": ["10.0.0.1"]}]}},
"firewall": {"classes": {"pipeline": {"in": [{"proto": "icmp", "icmp_type": "any", "ports": [], "sources": ["10.0.0.1"], "destinations": ["10.0.0.1"]}],
  "out": [{"proto": "icmp", "icmp_type": "any", "ports": [], "sources": ["10.0.0.1"], "destinations": ["10.0.0.1"]}]}}},
"host_services": {"nas": {"managed_users": [{}], "shares": [{}]}}, "state": {},
"acme_accounts": {"KEY": {}}, "dns_plugins": {"KEY": {"data": {"KEY": ""}}}, "acme_certificates": {"KEY": {"domain": "NAME", "domains": ["NAME"]}},
"guest_certificates": {"KEY": {}}, "dns": {"route53": {"records": {"KEY": {"guest": "KEY", "a": ["10.0.0.1"], "aaaa": ["fd00::1"], "cname": "NAME"}}}}}`

// Keys are all keys of the declaration, by path.
func Keys() []Key {
	const file = "probe"
	report := &reader.Report{Keys: reader.Keys{}}
	root, _ := reader.Parse([]byte(probe), file, false)
	build(report, root, Options{Deployment: file})
	var out []Key
	for _, k := range report.Keys.Sorted() {
		k.Path = strings.Replace(k.Path, ".classes.pipeline", ".classes."+reader.AnyKey, 1)
		key := Key{Key: k}
		m := key.meaning()
		key.Means, key.Derived = m.means, m.def
		out = append(out, key)
	}
	return out
}

// meaning is the row of meanings with the most of the path: containers.KEY.os_type before os_type.
func (k Key) meaning() meaning {
	for p := strings.TrimPrefix(k.Path, "$."); ; {
		if m, ok := meanings[p]; ok {
			return m
		}
		_, rest, more := strings.Cut(p, ".")
		if !more {
			return meaning{}
		}
		p = rest
	}
}
