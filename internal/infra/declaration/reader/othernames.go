package reader

import (
	"slices"
	"strings"
)

// otherNames are what Proxmox VE, its tools and the Terraform provider bpg/proxmox call a
// key, and what it is here. Of several the first is meant that is known where it stands;
// features.nesting is a key in the object features.
var otherNames = map[string]string{
	"name": "hostname", "hostname": "name", "vmid": "vm_id", "id": "vm_id",
	"node_name": "node proxmox_node", "target_node": "node proxmox_node", "network": "network_interfaces network_prefix",
	"cores": "cpu_cores splunk_cpu_cores", "cpu": "cpu_cores", "cpus": "cpu_cores", "vcpus": "cpu_cores", "cpulimit": "cpu_limit", "cpu_units": "cpu_limit",
	"memory": "memory_dedicated splunk_memory", "memory_mb": "memory_dedicated", "ram": "memory_dedicated", "dedicated": "memory_dedicated",
	"balloon": "memory_floating", "floating": "memory_floating", "swap": "memory_swap",
	"disk": "root_disk boot_disk", "rootfs": "root_disk", "disks": "additional_disks", "disk_size": "root_disk boot_disk",
	"mount_point": "mount_points", "mounts": "mount_points", "mp0": "mount_points", "mp": "path",
	"network_interface": "network_interfaces", "network_device": "network_interfaces", "network_devices": "network_interfaces",
	"networks": "network_interfaces", "net": "network_interfaces", "net0": "network_interfaces", "nics": "network_interfaces",
	"vlan": "vlan_id", "vlan_tag": "vlan_id vlan", "tag": "vlan_id tags", "mac": "mac_address", "hwaddr": "mac_address", "macaddr": "mac_address",
	"clone": "clone_template", "template": "clone_template", "template_id": "clone_template.template_id", "vm_template": "clone_template",
	"agent": "agent_enabled", "vga": "vga_type", "efi": "efi_disk", "efidisk0": "efi_disk", "machine_type": "machine",
	"hostpci": "devices", "hostpci0": "devices", "usb": "devices", "usb0": "devices", "device_passthrough": "devices",
	"iso": "cdrom_file_id", "cdrom": "cdrom_file_id", "cicustom": "cloud_init", "user_data": "cloud_init", "user_data_file_id": "cloud_init",
	"operating_system": "os_type", "ostype": "os_type", "template_file_id": "proxmox_ct_template_debian", "ostemplate": "proxmox_ct_template_debian",
	"nesting": "features.nesting", "keyctl": "features.keyctl", "fuse": "features.fuse",
	"initialization": "user_account", "password": "user_account.password", "user": "user_account.username", "username": "user_account.username",
	"ssh_keys": "user_account.keys", "ssh_public_keys": "user_account.keys", "ssh_key": "user_account.keys ssh_public_key",
	"ip_address": "ip", "address": "ip", "ipv4": "ip", "ipv4_address": "ip", "ipv6": "ip6", "ipv6_address": "ip6", "gw": "gateway",
	"dns": "nameservers", "nameserver": "nameservers", "dns_servers": "nameservers", "searchdomain": "domain", "dns_domain": "domain",
	"started": "on_boot", "onboot": "on_boot", "start_on_create": "on_boot", "autostart": "on_boot", "start": "on_boot",
	"pool": "pool_id", "notes": "description", "storage": "datastore_id volume datastore_default", "datastore": "datastore_id volume datastore_default",
	"format": "file_format", "size_gb": "size", "lxc": "containers", "cts": "containers", "virtual_machines": "vms", "qemu": "vms",
	"dport": "ports", "source": "sources", "dest": "destinations", "macro": "ports",
}

// here is the key that is called name elsewhere, "" for none that is known at this place.
func here(name string, known []string) string {
	for key := range strings.FieldsSeq(otherNames[strings.ToLower(name)]) {
		if first, _, _ := strings.Cut(key, "."); slices.Contains(known, first) {
			return key
		}
	}
	return ""
}
