package declaration

import (
	"errors"
	"strings"
	"testing"
)

// ruleCase is one bad input and the problems that it gives: "path: what; fix".
type ruleCase struct {
	in   string
	want []string
}

// checkRules loads every case in its frame; %s in the frame is the input.
func checkRules(t *testing.T, frame string, cases []ruleCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.in, func(t *testing.T) {
			o := withText(t, strings.Replace(frame, "%s", c.in, 1))
			_, err := Load(t.Context(), o)
			var ps Problems
			if err != nil && !errors.As(err, &ps) {
				t.Fatal(err)
			}
			var got []string
			for _, p := range ps {
				if p.File != o.Deployment {
					t.Errorf("the problem is in %q", p.File)
				}
				p.File, p.Line = "", 0
				got = append(got, p.Error())
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestRootRules(t *testing.T) {
	checkRules(t, `{"network_prefix": "10.1.2", %s}`, []ruleCase{
		{`"containerz": {}`, []string{`$.containerz: the key "containerz" is not known here; did you mean containers?`}},
		{`"container": {}`, []string{`$.container: the key "container" is not known here; did you mean containers?`}},
		{`"proxmox_node": "pve 1"`, []string{`$.proxmox_node: "pve 1" is not a DNS label; use letters, digits and inner hyphens, 63 at most`}},
		{`"proxmox_node": 5`, []string{`$.proxmox_node: is a number where a string is needed; write it in quotes`}},
		{`"environment": "Home Lab"`, []string{`$.environment: "Home Lab" is not a tag; use a-z, 0-9, _ and inside also + . -`}},
		{`"environment": "HomeLab"`, []string{`$.environment: "HomeLab" has upper-case letters, which Proxmox VE changes, so that it would differ forever; write "homelab"`}},
		{`"domain": "exa mple.com"`, []string{`$.domain: "exa mple.com" is not a DNS name; use labels of letters, digits and inner hyphens, with dots between them`}},
		{`"datastore_default": "local zfs"`, []string{`$.datastore_default: "local zfs" is not the name of a datastore; use the ID that Datacenter > Storage shows, such as local-zfs`}},
		{`"datastore_iso": ""`, []string{`$.datastore_iso: "" is not the name of a datastore; use the ID that Datacenter > Storage shows, such as local-zfs`}},
		{`"proxmox_iso_debian": "local:iso/x.iso"`, []string{`$.proxmox_iso_debian: "local:iso/x.iso" is not a file name; give the name alone, without datastore and folder`}},
		{`"proxmox_ct_template_debian": ""`, []string{`$.proxmox_ct_template_debian: "" is not a file name; give the name alone, without datastore and folder`}},
		{`"ansible_cloud_init_file": "other/x.yml"`, []string{`$.ansible_cloud_init_file: "other/x.yml" is not a cloud-init file; it has the form cloud-init/NAME.yml`}},
		{`"network_cidr_mask": "24"`, []string{`$.network_cidr_mask: "24" is not the length of a mask; write /8 to /30; /32 leaves guests without a route to their gateway`}},
		{`"network_cidr_mask": "/32"`, []string{`$.network_cidr_mask: "/32" is not the length of a mask; write /8 to /30; /32 leaves guests without a route to their gateway`}},
		{`"network_cidr_mask": 24`, []string{`$.network_cidr_mask: is a number where a string is needed; write it in quotes`}},
		{`"internal_networks": []`, []string{`$.internal_networks: is empty; without a network the firewall would block everything, SSH too; leave it out for the private ones of RFC 1918`}},
		{`"internal_networks": ["not-a-cidr"]`, []string{`$.internal_networks[0]: "not-a-cidr" is not a network; write it as 10.0.0.0/8 or fd00::/8`}},
		{`"internal_networks": ["fd00::1/8"]`, []string{`$.internal_networks[0]: "fd00::1/8" has bits behind the mask; write fd00::/8`}},
		{`"internal_networks": ["10.0.0.1/8"]`, []string{`$.internal_networks[0]: "10.0.0.1/8" has bits behind the mask; write 10.0.0.0/8`}},
		{`"internal_networks": [10]`, []string{`$.internal_networks[0]: is a number where a string is needed`}},
		{`"internal_networks": "10.0.0.0/8"`, []string{`$.internal_networks: is a string where a list is needed; write it in [ ]`}},
		{`"ssh_public_key": "ssh-dss AAAA"`, []string{`$.ssh_public_key: "ssh-dss AAAA" is not an SSH public key; give one line as in a .pub file: ssh-ed25519 AAAA… name`}},
		{`"ssh_public_key": "ssh-ed25519 AAAA"`, []string{`$.ssh_public_key: "ssh-ed25519 AAAA" is not a whole SSH public key; give one line as in a .pub file: ssh-ed25519 AAAA… name`}},
		{`"vm_ssh_public_key_path": "~/.ssh/id_rsa"`, []string{`$.vm_ssh_public_key_path: "~/.ssh/id_rsa" is not the path of a public key; begin it with / or ~/ and end it with .pub`}},
		{`"vm_ssh_private_key_path": "keys/id"`, []string{`$.vm_ssh_private_key_path: "keys/id" is not a path; begin it with / or ~/`}},
		{`"proxmox_ssh_private_key": "id_rsa"`, []string{`$.proxmox_ssh_private_key: is neither a private key (-----BEGIN …) nor a path; begin a path with / or ~/`}},
		{`"proxmox_ssh_username": "root@pam"`, []string{`$.proxmox_ssh_username: "root@pam" is not a login name; such as root; root@pam is a user of the API`}},
		{`"pools": {"a b": {}}`, []string{`$.pools["a b"]: the key "a b" is not a pool ID; use letters, digits, hyphens, dots or underscores, in three levels (a/b/c) at most`}},
		{`"pools": {"a/b/c/d": {}}`, []string{`$.pools["a/b/c/d"]: the key "a/b/c/d" is not a pool ID; use letters, digits, hyphens, dots or underscores, in three levels (a/b/c) at most`}},
		{`"pools": {"a": {"comment": "x\ny"}}`, []string{`$.pools.a.comment: "x\ny" has several lines; write it in one line`}},
		{`"pools": {"a": {"coment": "x"}}`, []string{`$.pools.a.coment: the key "coment" is not known here; did you mean comment?`}},
		{`"pools": {"a": "x"}`, []string{`$.pools.a: is a string where an object is needed`}},
		{`"pools": []`, []string{`$.pools: is a list where an object is needed`}},
		{`"pools": {"a": {}, "a": {}}`, []string{`$.pools.a: the key is there twice, first in line 1; JSON readers keep only one of them: remove the other`}},
		{`"datastores": {"tank": {}}`, []string{`$.datastores.tank.type: is missing; it has no default: set it`}},
		{`"datastores": {"tank": {"type": "zfspool", "content": ["pictures"]}}`, []string{`$.datastores.tank.content[0]: "pictures" is not possible here; one of: images, rootdir, vztmpl, iso, backup, snippets, import`}},
		{`"inventory_sync": [""]`, []string{`$.inventory_sync[0]: "" is empty; set it`}},
		{`"bridge": "v mbr"`, []string{`$.bridge: "v mbr" is not the name of a bridge; use the name of the node's bridge, such as vmbr0`}},
		{`"datastore_id": ""`, []string{`$.datastore_id: "" is not the name of a datastore; use the ID that Datacenter > Storage shows, such as local-zfs`}},
		{`"containers": {"a b": {"vm_id": 101, "hostname": "a"}}`, []string{`$.containers["a b"]: the key "a b" cannot be the name of a host in the inventory; use letters, digits and inner hyphens, dots or underscores`}},
		{`"containers": null, "vms": 1`, []string{`$.vms: is a number where an object is needed`}},
	})
}

func TestNetworkRules(t *testing.T) {
	checkRules(t, `{%s}`, []ruleCase{
		{`"network_prefix": "999.999.999"`, []string{`$.network_prefix: "999.999.999" is not the first three octets of an IPv4 network; write three numbers of 0 to 255 without leading zeros, such as 192.168.0`}},
		{`"network_prefix": "01.2.3"`, []string{`$.network_prefix: "01.2.3" is not the first three octets of an IPv4 network; write three numbers of 0 to 255 without leading zeros, such as 192.168.0`}},
		{`"network_prefix": "10.1"`, []string{`$.network_prefix: "10.1" is not the first three octets of an IPv4 network; write three numbers of 0 to 255 without leading zeros, such as 192.168.0`}},
		{`"network_prefix": 10`, []string{`$.network_prefix: 10 is not the first three octets of an IPv4 network; write three numbers of 0 to 255 without leading zeros, such as 192.168.0`}},
		{`"network_prefix": null`, []string{`$.network_prefix: is missing; say it in deployment.json or in the SOPS file, such as "192.168.0": addresses are derived from it, and a default would move guests without a word`}},
		{`"network_prefix": "10.1.2", "network_prefix": "10.1.3"`, []string{`$.network_prefix: the key is there twice, first in line 1; JSON readers keep only one of them: remove the other`}},
	})
}

func TestContainerRules(t *testing.T) {
	checkRules(t, `{"network_prefix": "10.1.2", "pools": {"logging": {}}, "containers": {"a": {%s}}}`, []ruleCase{
		{`"hostname": "a"`, []string{`$.containers.a.vm_id: is missing; it has no default: set it`}},
		{`"vm_id": 101`, []string{`$.containers.a.hostname: is missing; it has no default: set it`}},
		{`"vm_id": 1, "hostname": "a"`, []string{`$.containers.a.vm_id: 1 is out of range; 100 to 999999999 are possible`}},
		{`"vm_id": 101.5, "hostname": "a"`, []string{`$.containers.a.vm_id: 101.5 is not a whole number`}},
		{`"vm_id": "101", "hostname": "a"`, []string{`$.containers.a.vm_id: is a string where a number is needed; write a number without quotes and unit`}},
		{`"vm_id": 300, "hostname": "a"`, []string{`$.containers.a.vm_id: no address can be derived from 300: the last octet would be beyond 254; set $.containers.a.ip or dhcp, or choose a VMID of 100 to 254`}},
		{`"vm_id": 101, "hostname": "a", "ip": "none"`, []string{`$.containers.a.ip: is none, and there is no ip6: the guest would have no address; set ip6 to the address and its prefix, auto or dhcp`}},
		{`"vm_id": 101, "hostname": "a", "ip": "none", "ip6": "auto", "gateway": "10.1.2.1"`, []string{`$.containers.a.gateway: is set, and ip is none; remove it; gateway6 is the IPv6 router`}},
		{`"vm_id": 101, "hostname": "a", "ip": "fd00::7/64"`, []string{`$.containers.a.ip: "fd00::7/64" is not an IPv4 address; write 192.168.5.7 or 192.168.5.7/24, or none for a guest with only IPv6`}},
		{`"vm_id": 101, "hostname": "a", "ip": "none", "ip6": "fd00::7/64", "tags": ["haproxy"]`, []string{`$.containers.a: the guest is in fd00::/64, which is not in internal_networks, so that the rules of the firewall class pipeline keep its own network out; add its network to internal_networks`}},
		{`"vm_id": 101, "hostname": "a", "ip": "none", "ip6": "fd00::7/64", "tags": ["splunk"]`, []string{
			`$.containers.a: the guest is in fd00::/64, which is not in internal_networks, so that the rules of the firewall class splunk_container keep its own network out; add its network to internal_networks`,
			`$.containers.a.ip: is none, and firewall rules name Splunk hosts by their IPv4 address; give it one`}},
		{`"vm_id": 1000000000, "hostname": "a"`, []string{`$.containers.a.vm_id: 1000000000 is out of range; 100 to 999999999 are possible`}},
		{`"vm_id": 101, "hostname": "a", "hostnam": "x"`, []string{`$.containers.a.hostnam: the key "hostnam" is not known here; did you mean hostname?`}},
		{`"vm_id": 101, "hostname": "a", "hostname": "b"`, []string{`$.containers.a.hostname: the key is there twice, first in line 1; JSON readers keep only one of them: remove the other`}},
		{`"vm_id": 101, "hostname": "a", "tags": ["Splunk"]`, []string{`$.containers.a.tags[0]: "Splunk" has upper-case letters, which Proxmox VE changes, so that it would differ forever; write "splunk"`}},
		{`"vm_id": 101, "hostname": "a", "tags": ["a b"]`, []string{`$.containers.a.tags[0]: "a b" is not a tag; use a-z, 0-9, _ and inside also + . -`}},
		{`"vm_id": 101, "hostname": "a", "tags": ["x", "x"]`, []string{`$.containers.a.tags: has the tag "x" twice; remove one`}},
		{`"vm_id": 101, "hostname": "a", "tags": [1]`, []string{`$.containers.a.tags[0]: is a number where a string is needed`}},
		{`"vm_id": 101, "hostname": "a", "tags": "x"`, []string{`$.containers.a.tags: is a string where a list is needed; write it in [ ]`}},
		{`"vm_id": 101, "hostname": "a", "pool_id": "loging"`, []string{`$.containers.a.pool_id: "loging" is not a declared pool; declare it under pools; did you mean logging?`}},
		{`"vm_id": 101, "hostname": "a", "pool_id": "ai"`, []string{`$.containers.a.pool_id: "ai" is not a declared pool; declare it under pools; known here: logging`}},
		{`"vm_id": 101, "hostname": "a", "cpu_cores": 64`, []string{`$.containers.a.cpu_cores: 64 is out of range; 1 to 32 are possible`}},
		{`"vm_id": 101, "hostname": "a", "cpu_cores": 0`, []string{`$.containers.a.cpu_cores: 0 is out of range; 1 to 32 are possible`}},
		{`"vm_id": 101, "hostname": "a", "memory_dedicated": 0`, []string{`$.containers.a.memory_dedicated: 0 is out of range; 64 to 65536 are possible`}},
		{`"vm_id": 101, "hostname": "a", "memory_dedicated": 65537`, []string{`$.containers.a.memory_dedicated: 65537 is out of range; 64 to 65536 are possible`}},
		{`"vm_id": 101, "hostname": "a", "memory_swap": -1`, []string{`$.containers.a.memory_swap: -1 is out of range; 0 to 1048576 are possible`}},
		{`"vm_id": 101, "hostname": "a", "root_disk": {"size": 0}`, []string{`$.containers.a.root_disk.size: 0 is out of range; 1 to 65536 are possible`}},
		{`"vm_id": 101, "hostname": "a", "root_disk": {"size": "16G"}`, []string{`$.containers.a.root_disk.size: is a string where a number is needed; write a number without quotes and unit`}},
		{`"vm_id": 101, "hostname": "a", "root_disk": {"datastore": "x"}`, []string{`$.containers.a.root_disk.datastore: the key "datastore" is not known here; did you mean datastore_id?`}},
		{`"vm_id": 101, "hostname": "a", "root_disk": {"datastore_id": "x y"}`, []string{`$.containers.a.root_disk.datastore_id: "x y" is not the name of a datastore; use the ID that Datacenter > Storage shows, such as local-zfs`}},
		{`"vm_id": 101, "hostname": "a", "mount_points": [{"size": "1G", "path": "/a"}]`, []string{`$.containers.a.mount_points[0].volume: is missing; it has no default: set it`}},
		{`"vm_id": 101, "hostname": "a", "mount_points": [{"volume": "tank", "path": "/a"}]`, []string{`$.containers.a.mount_points[0].size: is missing; it has no default: set it`}},
		{`"vm_id": 101, "hostname": "a", "mount_points": [{"volume": "tank", "size": "1G"}]`, []string{`$.containers.a.mount_points[0].path: is missing; it has no default: set it`}},
		{`"vm_id": 101, "hostname": "a", "mount_points": [{"volume": "tank", "size": "100GB", "path": "/a"}]`, []string{`$.containers.a.mount_points[0].size: "100GB" is not a size; write whole GiB or TiB, such as 100G or 1T`}},
		{`"vm_id": 101, "hostname": "a", "mount_points": [{"volume": "tank", "size": 100, "path": "/a"}]`, []string{`$.containers.a.mount_points[0].size: is a number where a string is needed; write it in quotes`}},
		{`"vm_id": 101, "hostname": "a", "mount_points": [{"volume": "tank", "size": "1G", "path": "a"}]`, []string{`$.containers.a.mount_points[0].path: "a" is not an absolute path below /; give one without a trailing slash, such as /opt/data`}},
		{`"vm_id": 101, "hostname": "a", "mount_points": [{"volume": "tank", "size": "1G", "path": "/"}]`, []string{`$.containers.a.mount_points[0].path: "/" is not an absolute path below /; give one without a trailing slash, such as /opt/data`}},
		{`"vm_id": 101, "hostname": "a", "mount_points": [{"volume": "/srv", "size": "1G", "path": "/a"}]`, []string{`$.containers.a.mount_points[0].size: is declared for "/srv", a directory of the node; remove it, or name the datastore that a volume is made in`}},
		{`"vm_id": 101, "hostname": "a", "mount_points": [{"volume": "tank", "size": "1G", "path": "/a"}, {"volume": "tank", "size": "2G", "path": "/a"}]`, []string{`$.containers.a.mount_points[1].path: "/a" is mounted twice; every mount point needs its own path`}},
		{`"vm_id": 101, "hostname": "a", "mount_points": {}`, []string{`$.containers.a.mount_points: is an object where a list is needed; write it in [ ]`}},
		{`"vm_id": 101, "hostname": "a", "network_interfaces": []`, []string{`$.containers.a.network_interfaces: is empty; a guest needs an interface for its address; leave the key out for one on vmbr0`}},
		{`"vm_id": 101, "hostname": "a", "network_interfaces": [{"bridge": "b r"}]`, []string{`$.containers.a.network_interfaces[0].bridge: "b r" is not the name of a bridge; use the name of the node's bridge, such as vmbr0`}},
		{`"vm_id": 101, "hostname": "a", "network_interfaces": [{"mac": "x"}]`, []string{`$.containers.a.network_interfaces[0].mac: the key "mac" is not known here; did you mean mac_address?`}},
		{`"vm_id": 101, "hostname": "a", "network_interfaces": [{}, {"name": "eth0"}]`, []string{`$.containers.a.network_interfaces[1].name: "eth0" is the name of two interfaces; every interface needs its own, such as eth1`}},
		{`"vm_id": 101, "hostname": "a", "network_interfaces": [{"vlan_id": 4095}]`, []string{`$.containers.a.network_interfaces[0].vlan_id: 4095 is out of range; 1 to 4094 are possible`}},
		{`"vm_id": 101, "hostname": "a", "vlan": 0`, []string{`$.containers.a.vlan: 0 is out of range; 1 to 4094 are possible`}},
		{`"vm_id": 101, "hostname": "a", "vlan": 5, "network_interfaces": [{"vlan_id": 6}]`, []string{`$.containers.a.vlan: differs from $.containers.a.network_interfaces[0].vlan_id; keep one of them`}},
		{`"vm_id": 101, "hostname": "a", "features": {"nestin": true}`, []string{`$.containers.a.features.nestin: the key "nestin" is not known here; did you mean nesting?`}},
		{`"vm_id": 101, "hostname": "a", "features": {"nesting": "true"}`, []string{`$.containers.a.features.nesting: is a string where true or false is needed; write true or false without quotes`}},
		{`"vm_id": 101, "hostname": "a", "features": {"mount": ["n f s"]}`, []string{`$.containers.a.features.mount[0]: "n f s" is not a type of file system; such as nfs or cifs`}},
		{`"vm_id": 101, "hostname": "a", "unprivileged": 1`, []string{`$.containers.a.unprivileged: is a number where true or false is needed`}},
		{`"vm_id": 101, "hostname": "a", "os_type": "windows"`, []string{`$.containers.a.os_type: "windows" is not possible here; one of: alpine, archlinux, centos, debian, devuan, fedora, gentoo, nixos, opensuse, ubuntu, unmanaged`}},
		{`"vm_id": 101, "hostname": "a", "start_on_boot": true, "on_boot": false`, []string{`$.containers.a.on_boot: differs from start_on_boot; keep one of them: they mean the same`}},
		{`"vm_id": 101, "hostname": "a", "user_account": {"username": "root", "password": "abc"}`, []string{`$.containers.a.user_account.password: has fewer than 5 characters; Proxmox VE refuses it`}},
		{`"vm_id": 101, "hostname": "a", "user_account": {"keys": ["hello"]}`, []string{`$.containers.a.user_account.keys[0]: "hello" is not an SSH public key; give one line as in a .pub file: ssh-ed25519 AAAA… name`}},
		{`"vm_id": 101, "hostname": "a", "user_account": {"pasword": "secret-word"}`, []string{`$.containers.a.user_account.pasword: the key "pasword" is not known here; did you mean password?`}},
		{`"vm_id": 101, "hostname": "a", "ip": "10.1.2"`, []string{`$.containers.a.ip: "10.1.2" is not an IPv4 address; write 192.168.5.7 or 192.168.5.7/24, or none for a guest with only IPv6`}},
		{`"vm_id": 101, "hostname": "a", "ip": "10.1.2.1"`, []string{`$.containers.a.ip: 10.1.2.1/24 is the address of the gateway; choose another VMID or set ip`}},
		{`"vm_id": 101, "hostname": "a", "ip": "10.1.2.0"`, []string{`$.containers.a.ip: 10.1.2.0/24 is not the address of a host: it is the network's or the broadcast address; choose another VMID or set ip`}},
		{`"vm_id": 101, "hostname": "a", "ip": "10.1.2.255"`, []string{`$.containers.a.ip: 10.1.2.255/24 is not the address of a host: it is the network's or the broadcast address; choose another VMID or set ip`}},
		{`"vm_id": 101, "hostname": "a", "ip": "10.9.0.5"`, []string{`$.containers.a.ip: 10.9.0.5/24 is not in the network of its gateway; set gateway to the router of its network; without it that is the first address of network_prefix`}},
		{`"vm_id": 101, "hostname": "a", "ip": "10.9.0.5", "gateway": "10.8.0.1"`, []string{`$.containers.a.ip: 10.9.0.5/24 is not in the network of its gateway; set gateway to the router of its network; without it that is the first address of network_prefix`}},
		{`"vm_id": 101, "hostname": "a", "ip": "10.1.2.5", "dhcp": true`, []string{`$.containers.a.dhcp: is true, and an address or gateway is set as well; keep one of dhcp and ip`}},
		{`"vm_id": 101, "hostname": "a", "ip": "fd00::5"`, []string{`$.containers.a.ip: "fd00::5" is not an IPv4 address; write 192.168.5.7 or 192.168.5.7/24, or none for a guest with only IPv6`}},
		{`"vm_id": 101, "hostname": "a", "gateway": "x"`, []string{`$.containers.a.gateway: "x" is not an IPv4 address`}},
		{`"vm_id": 101, "hostname": "a", "nameservers": ["dns.example.com"]`, []string{`$.containers.a.nameservers[0]: "dns.example.com" is not an IP address; resolvers are given by address`}},
		{`"vm_id": 101, "hostname": "a", "nameservers": "9.9.9.9"`, []string{`$.containers.a.nameservers: is a string where a list is needed; write it in [ ]`}},
		{`"vm_id": 101, "hostname": "a", "startup": "first"`, []string{`$.containers.a.startup: "first" is not possible here; one of: dns, storage, db, lb, edge, app`}},
		{`"vm_id": 101, "hostname": "a", "node": "pve_2"`, []string{`$.containers.a.node: "pve_2" is not a DNS label; use letters, digits and inner hyphens, 63 at most`}},
		{`"vm_id": 101, "hostname": "a", "protection": "yes"`, []string{`$.containers.a.protection: is a string where true or false is needed; write true or false without quotes`}},
		{`"vm_id": 101, "hostname": "a", "description": 5`, []string{`$.containers.a.description: is a number where a string is needed; write it in quotes`}},
		{`"vm_id": 101, "hostname": "a", "tags": ["haproxy", "minio"]`, []string{`$.containers.a.tags: the tags put the guest into the firewall classes pipeline and minio; a guest has one: drop the tags of the other`}},
		{`"vm_id": 101, "hostname": "a", "tags": ["haproxy"], "network_interfaces": [{"firewall": false}]`, []string{`$.containers.a.network_interfaces[0].firewall: is false, so that the rules of the firewall class pipeline have no effect on this interface; set it to true, or drop the tags of the class`}},
		{`"vm_id": 101, "hostname": "a", "tags": ["haproxy"], "network_interfaces": [{}, {"firewall": false}]`, []string{`$.containers.a.network_interfaces[1].firewall: is false, so that the rules of the firewall class pipeline have no effect on this interface; set it to true, or drop the tags of the class`}},
	})
}

func TestVMRules(t *testing.T) {
	checkRules(t, `{"network_prefix": "10.1.2", "vms": {"a": {"vm_id": 101, "name": "a", %s}}}`, []ruleCase{
		{`"hostname": "a"`, []string{`$.vms.a.hostname: the key "hostname" is not known here; did you mean name?`}},
		{`"cpu_cores": 64`, []string{`$.vms.a.cpu_cores: 64 is out of range; 1 to 32 are possible`}},
		{`"memory_dedicated": 131072`, []string{`$.vms.a.memory_dedicated: 131072 is out of range; 256 to 65536 are possible`}},
		{`"memory_dedicated": 1024, "memory_floating": 2048`, []string{`$.vms.a.memory_floating: is more than memory_dedicated; it is what remains when memory is short: at most memory_dedicated`}},
		{`"cpu_type": "x 86"`, []string{`$.vms.a.cpu_type: "x 86" is not a CPU type; such as host or x86-64-v2-AES`}},
		{`"vga_type": "invalid"`, []string{`$.vms.a.vga_type: "invalid" is not possible here; one of: std, cirrus, vmware, qxl, serial0, virtio, none`}},
		{`"os_type": "debian"`, []string{`$.vms.a.os_type: "debian" is not possible here; one of: other, wxp, w2k, w2k3, w2k8, wvista, win7, win8, win10, win11, l24, l26, solaris`}},
		{`"agent_enabled": "yes"`, []string{`$.vms.a.agent_enabled: is a string where true or false is needed; write true or false without quotes`}},
		{`"boot_disk": {"size": 0}`, []string{`$.vms.a.boot_disk.size: 0 is out of range; 1 to 65536 are possible`}},
		{`"boot_disk": {"interface": "hda"}`, []string{`$.vms.a.boot_disk.interface: "hda" is not a disk interface; use scsi0 to scsi30, virtio0 to virtio15, sata0 to sata5 or ide0 to ide3`}},
		{`"boot_disk": {"interface": "ide2"}`, []string{`$.vms.a.boot_disk.interface: "ide2" is where the cloud-init drive is; use scsi0 to scsi30 or virtio0 to virtio15`}},
		{`"boot_disk": {"interface": "scsi31"}`, []string{`$.vms.a.boot_disk.interface: "scsi31" is not a disk interface; use scsi0 to scsi30, virtio0 to virtio15, sata0 to sata5 or ide0 to ide3`}},
		{`"boot_disk": {"file_format": "vdi"}`, []string{`$.vms.a.boot_disk.file_format: "vdi" is not possible here; one of: raw, qcow2, vmdk`}},
		{`"boot_disk": {"discard": "off"}`, []string{`$.vms.a.boot_disk.discard: "off" is not possible here; one of: ignore, on`}},
		{`"boot_disk": {"interface": "virtio0", "ssd": true}`, []string{`$.vms.a.boot_disk.ssd: is true on virtio0, and virtio has no such property; drop it or use scsi`}},
		{`"boot_disk": {"interface": "sata0", "iothread": true}`, []string{`$.vms.a.boot_disk.iothread: is true on sata0, and only scsi and virtio have threads; drop it or use scsi`}},
		{`"additional_disks": [{"size": 5}]`, []string{`$.vms.a.additional_disks[0].interface: is missing; it has no default: set it`}},
		{`"additional_disks": [{"interface": "scsi1"}]`, []string{`$.vms.a.additional_disks[0].size: is missing; it has no default: set it`}},
		{`"additional_disks": [{"interface": "scsi0", "size": 5}]`, []string{`$.vms.a.additional_disks[0].interface: "scsi0" is the interface of two disks; every disk needs its own, such as scsi1`}},
		{`"additional_disks": [{"interface": "scsi1", "size": 5}, {"interface": "scsi1", "size": 5}]`, []string{`$.vms.a.additional_disks[1].interface: "scsi1" is the interface of two disks; every disk needs its own, such as scsi1`}},
		{`"network_interfaces": [{"model": "ne2k"}]`, []string{`$.vms.a.network_interfaces[0].model: "ne2k" is not possible here; one of: virtio, e1000, e1000e, rtl8139, vmxnet3`}},
		{`"network_interfaces": [{"name": "eth0"}]`, []string{`$.vms.a.network_interfaces[0].name: the key "name" is not known here; known here: bridge, firewall, mac_address, model, vlan_id`}},
		{`"tags": ["idrac"]`, []string{`$.vms.a.network_interfaces[0].firewall: is false, so that the rules of the firewall class idrac_kvm have no effect on this interface; set it to true, or drop the tags of the class`}},
		{`"tags": ["idrac", "splunk"], "network_interfaces": [{"firewall": true}]`, []string{`$.vms.a.tags: the tags put the guest into the firewall classes splunk_vm and idrac_kvm; a guest has one: drop the tags of the other`}},
		{`"clone_template": {"template": 9000}`, []string{`$.vms.a.clone_template.template: the key "template" is not known here; did you mean template_id?`}},
		{`"clone_template": {"template_id": 0}`, []string{`$.vms.a.clone_template.template_id: 0 is out of range; 100 to 999999999 are possible`}},
		{`"clone_template": {"template_id": 101}`, []string{`$.vms.a.clone_template.template_id: the template 101 is the guest $.vms.a as well; a template is not a guest that runs: give the guest another VMID or name the right template`}},
		{`"cdrom_file_id": "debian.iso"`, []string{`$.vms.a.cdrom_file_id: "debian.iso" is not a volume ID; such as local:iso/debian-13.2.0-amd64-netinst.iso`}},
		{`"devices": [{"host": "01:00"}]`, []string{`$.vms.a.devices[0].type: is missing; it has no default: set it`}},
		{`"devices": [{"type": "scsi", "host": "01:00"}]`, []string{`$.vms.a.devices[0].type: "scsi" is not possible here; one of: pci, usb`}},
		{`"devices": [{"type": "pci"}]`, []string{`$.vms.a.devices[0]: needs host or mapping, and not both; host is a device of the node, mapping one of Datacenter > Resource Mappings`}},
		{`"devices": [{"type": "pci", "host": "01:00", "mapping": "gpu"}]`, []string{`$.vms.a.devices[0]: needs host or mapping, and not both; host is a device of the node, mapping one of Datacenter > Resource Mappings`}},
		{`"devices": [{"type": "pci", "host": "0bda:2838"}]`, []string{`$.vms.a.devices[0].host: "0bda:2838" is not a PCI device; such as 0000:01:00.0, or 0000:01:00 for all its functions (lspci -D)`}},
		{`"devices": [{"type": "usb", "host": "01:00.0"}]`, []string{`$.vms.a.devices[0].host: "01:00.0" is not a USB device; such as 0bda:2838 (lsusb), or 1-1.2 for a port`}},
		{`"devices": [{"type": "pci", "mapping": "a,b"}]`, []string{`$.vms.a.devices[0].mapping: "a,b" is not the name of a mapping; as Datacenter > Resource Mappings shows it`}},
		{`"devices": [{"type": "usb", "mapping": "stick", "pcie": false}]`, []string{`$.vms.a.devices[0].pcie: is no option of a usb device; remove it`}},
		{`"devices": [{"type": "pci", "mapping": "gpu", "pcie": true}]`, []string{`$.vms.a.devices[0].pcie: is true, and only the machine type q35 has PCI Express; set "machine": "q35"`}},
		{`"devices": [{"type": "pci", "host": "01:00"}, {"type": "pci", "host": "0000:01:00"}]`, []string{`$.vms.a.devices[1]: 0000:01:00 is there twice; remove one`}},
		{`"user_account": {"username": "a b"}`, []string{`$.vms.a.user_account.username: "a b" is not a login name`}},
		{`"mac_address": "x"`, []string{`$.vms.a.mac_address: the key "mac_address" is not known here; remove it; the keys are listed in docs/provision.md`}},
		{`"protecton": true`, []string{`$.vms.a.protecton: the key "protecton" is not known here; did you mean protection?`}},
	})
}

func TestSplunkRules(t *testing.T) {
	checkRules(t, `{"network_prefix": "10.1.2", %s}`, []ruleCase{
		{`"splunk_vm_name": "splunk"`, []string{`$.splunk_vm_id: is missing; it has no default: set it`}},
		{`"splunk_vm_id": 99999`, []string{`$.splunk_vm_id: 99999 is out of range; 100 to 9999 are possible`}},
		{`"splunk_vm_id": 1`, []string{`$.splunk_vm_id: 1 is out of range; 100 to 9999 are possible`}},
		{`"splunk_vm_id": 255`, []string{`$.splunk_vm_id: no address can be derived from 255: the last octet would be beyond 254; set $.splunk_vm.ip or dhcp, or choose a VMID of 100 to 254`}},
		{`"splunk_vm_id": 200, "splunk_vm_name": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"`, []string{`$.splunk_vm_name: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" is not a DNS label; use letters, digits and inner hyphens, 63 at most`}},
		{`"splunk_vm_id": 200, "splunk_vm_pool_id": "logging"`, []string{`$.splunk_vm_pool_id: "logging" is not a declared pool; declare it under pools`}},
		{`"splunk_vm_id": 200, "splunk_boot_disk_size": 1001`, []string{`$.splunk_boot_disk_size: 1001 is out of range; 1 to 1000 are possible`}},
		{`"splunk_vm_id": 200, "splunk_data_disk_size": 1001`, []string{`$.splunk_data_disk_size: 1001 is out of range; 0 to 1000 are possible`}},
		{`"splunk_vm_id": 200, "splunk_cpu_cores": 64`, []string{`$.splunk_cpu_cores: 64 is out of range; 1 to 32 are possible`}},
		{`"splunk_vm_id": 200, "splunk_memory": 65537`, []string{`$.splunk_memory: 65537 is out of range; 1024 to 65536 are possible`}},
		{`"splunk_vm_id": 200, "template_id": 10000`, []string{`$.template_id: 10000 is out of range; 100 to 9999 are possible`}},
		{`"splunk_vm_id": 200, "template_id": 200`, []string{`$.template_id: the template 200 is the guest $.splunk_vm_id as well; a template is not a guest that runs: give the guest another VMID or name the right template`}},
		{`"splunk_vm_id": 200, "splunk_vm": {"dhcp": true}`, []string{`$.splunk_vm.dhcp: is true, and firewall rules name Splunk hosts by address; give it a fixed one`}},
		{`"splunk_vm_id": 200, "splunk_vm": {"protection": false}`, []string{`$.splunk_vm.protection: is false, and the Splunk VM is always protected; remove the key; who really wants to remove the VM takes protection off in Proxmox VE`}},
		{`"splunk_vm_id": 200, "splunk_vm": {"memory": 5}`, []string{`$.splunk_vm.memory: the key "memory" is not known here; known here: boot_disk, data_disk, dhcp, firewall, gateway, ip, nameservers, node, on_boot, protection, startup, vlan`}},
		{`"splunk_vm_id": 200, "splunk_vm": {"vm_id": 201}`, []string{`$.splunk_vm.vm_id: the key "vm_id" is not known here; known here: boot_disk, data_disk, dhcp, firewall, gateway, ip, nameservers, node, on_boot, protection, startup, vlan`}},
		{`"splunk_vm_id": 200, "splunk_vm": {"ip": "10.1.2.1"}`, []string{`$.splunk_vm.ip: 10.1.2.1/24 is the address of the gateway; choose another VMID or set ip`}},
	})
}

func TestAcrossGuestsRules(t *testing.T) {
	checkRules(t, `{"network_prefix": "10.1.2", %s}`, []ruleCase{
		{`"containers": {"a": {"vm_id": 101, "hostname": "a"}, "b": {"vm_id": 101, "hostname": "b"}}`, []string{`$.containers.b.vm_id: VMID 101 is already that of $.containers.a.vm_id (line 1); every guest needs its own`}},
		{`"containers": {"a": {"vm_id": 101, "hostname": "a"}}, "vms": {"b": {"vm_id": 101, "name": "b"}}`, []string{`$.vms.b.vm_id: VMID 101 is already that of $.containers.a.vm_id (line 1); every guest needs its own`}},
		{`"containers": {"a": {"vm_id": 200, "hostname": "a"}}, "splunk_vm_id": 200`, []string{`$.splunk_vm_id: VMID 200 is already that of $.containers.a.vm_id (line 1); every guest needs its own`}},
		{`"containers": {"a": {"vm_id": 101, "hostname": "same"}}, "vms": {"b": {"vm_id": 102, "name": "Same"}}`, []string{`$.vms.b.name: the name Same is already that of $.containers.a.hostname (line 1); every guest needs its own`}},
		{`"containers": {"a": {"vm_id": 101, "hostname": "a"}}, "vms": {"a": {"vm_id": 102, "name": "b"}}`, []string{`$.vms.a: the key a is already that of $.containers.a (line 1); every guest needs its own`}},
		{`"containers": {"a": {"vm_id": 101, "hostname": "a"}, "b": {"vm_id": 102, "hostname": "b", "ip": "10.1.2.101"}}`, []string{`$.containers.b.ip: the address 10.1.2.101 is already that of $.containers.a.vm_id (line 1); every guest needs its own`}},
		{`"containers": {"splunk": {"vm_id": 101, "hostname": "a"}}, "splunk_vm_id": 200`, []string{`$.splunk_vm_id: the key splunk is already that of $.containers.splunk (line 1); every guest needs its own`}},
		{`"containers": {"a": {"vm_id": 101, "hostname": "a"}}, "vms": {"b": {"vm_id": 102, "name": "b", "clone_template": {"template_id": 101}}}`, []string{`$.vms.b.clone_template.template_id: the template 101 is the guest $.containers.a as well; a template is not a guest that runs: give the guest another VMID or name the right template`}},
		{`"containers": {"a": {"vm_id": 101, "hostname": "a", "dhcp": true, "tags": ["splunk"]}}`, []string{`$.containers.a.dhcp: is true, and firewall rules name Splunk hosts by address; give it a fixed one`}},
		{`"containers": {"a": {"vm_id": 101, "hostname": "a"}, "a": {"vm_id": 102, "hostname": "b"}}`, []string{`$.containers.a: the key is there twice, first in line 1; JSON readers keep only one of them: remove the other`}},
	})
}

func TestHostServicesAndACMERules(t *testing.T) {
	checkRules(t, `{"network_prefix": "10.1.2", %s}`, []ruleCase{
		{`"host_services": {"nas": {}}`, []string{
			`$.host_services.nas.directories: is missing; it has no default: set it`,
			`$.host_services.nas.mount_point: is missing; it has no default: set it`,
			`$.host_services.nas.smb_share_name: is missing; it has no default: set it`,
			`$.host_services.nas.zfs_dataset: is missing; it has no default: set it`,
			`$.host_services.nas.zfs_quota: is missing; it has no default: set it`,
		}},
		{`"host_services": {"nfs": {}}`, []string{`$.host_services.nfs: the key "nfs" is not known here; did you mean nas?`}},
		{`"host_services": {"nas": {"zfs_dataset": "d", "zfs_quota": "1T", "mount_point": "mnt", "smb_share_name": "s", "directories": ["a"]}}`, []string{`$.host_services.nas.mount_point: "mnt" is not an absolute path below /; give one without a trailing slash, such as /opt/data`}},
		{`"host_services": {"nas": {"zfs_dataset": "d", "zfs_quota": "1T", "mount_point": "/mnt", "smb_share_name": "s", "directories": [], "managed_users": [{"name": "x", "password_secret_env": "not a name"}], "shares": [{"name": "n", "path": "/p", "create_mask": "999"}]}}`, []string{
			`$.host_services.nas.managed_users[0].password_secret_env: "not a name" is not the name of a variable; such as NAS_USER_PASSWORD; the password itself stays in the environment`,
			`$.host_services.nas.shares[0].create_mask: "999" is not an octal mask; such as 0664`,
			`$.host_services.nas.shares[0].valid_users: is missing; it has no default: set it`,
		}},
		{`"acme_accounts": {"default": {"email": "nobody", "directory": "http://x", "tos": "https://x"}}`, []string{
			`$.acme_accounts.default.directory: "http://x" is not an https URL`,
			`$.acme_accounts.default.email: "nobody" is not an email address`,
		}},
		{`"dns_plugins": {"r53": {"plugin_type": "route53", "data": {"AWS_SECRET_ACCESS_KEY": "secret-word"}}}`, []string{`$.dns_plugins.r53.plugin_type: "route53" is not what Proxmox VE calls it; write aws`}},
		{`"dns_plugins": {"r53": {"plugin_type": "aws", "data": {"KEY": "secret\nword"}}}`, []string{`$.dns_plugins.r53.data.KEY: the value (not shown) has several lines`}},
		{`"dns_plugins": {"r53": {"plugin_type": "aws"}}`, []string{`$.dns_plugins.r53.data: is missing; it has no default: set it`}},
		{`"acme_accounts": {"d": {"email": "a@example.com", "directory": "https://acme.example/directory", "tos": "https://acme.example/tos"}},
			"dns_plugins": {"aws": {"plugin_type": "aws", "data": {"AWS_ACCESS_KEY_ID": "x", "N": 5}}},
			"acme_certificates": {"one": {"node_name": "pve", "domain": "a.example.com", "account_id": "d", "dns_plugin_id": "aws"},
				"two": {"node_name": "pve", "domain": "b..example.com", "account_id": "d", "dns_plugin_id": "aws"}}`, []string{
			`$.dns_plugins.aws.data.N: is a number where a string is needed; write it in quotes`,
			`$.acme_certificates.two.domain: "b..example.com" is not a DNS name; use labels of letters, digits and inner hyphens, with dots between them`,
			`$.acme_certificates.two.node_name: "pve" gets its certificate from $.acme_certificates.one already; a node has one`,
		}},
		{`"acme_certificates": {"pve": {"node_name": "pve", "domain": "pve.example.com", "account_id": "x", "dns_plugin_id": "y"}}`, []string{
			`$.acme_certificates.pve.account_id: "x" is not a declared account; declare it under acme_accounts`,
			`$.acme_certificates.pve.dns_plugin_id: "y" is not a declared plugin; declare it under dns_plugins`,
		}},
	})
}
