package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// tree is a Terraform tree with the provider bpg/proxmox: what it makes of a deployment.json, in
// the requests that the provider sends, and the state that it keeps. It knows nothing of
// provision's own code.
type tree struct {
	t      *testing.T
	client *pve.Client
	estate treeEstate
	state  []any // resources
	made   int   // objects by request; files go over SSH
}

// treeEstate is deployment.json as the tree's variables read it.
type treeEstate struct {
	Pools      map[string]struct{ Comment string }
	Containers map[string]treeGuest
	VMs        map[string]treeGuest
	Prefix     string `json:"network_prefix"`
	Domain     string
	Key        string          `json:"ssh_public_key"`
	Template   string          `json:"proxmox_ct_template_debian"`
	SplunkID   int             `json:"splunk_vm_id"`
	SplunkName string          `json:"splunk_vm_name"`
	Services   json.RawMessage `json:"host_services"`
}

type treeGuest struct {
	VMID     int `json:"vm_id"`
	Hostname string
	Name     string
	Tags     []string
	Pool     string `json:"pool_id"`
	Cores    int    `json:"cpu_cores"`
	Memory   int    `json:"memory_dedicated"`
	Swap     int    `json:"memory_swap"`
	Root     struct {
		Store string `json:"datastore_id"`
		Size  int
	} `json:"root_disk"`
	Boot   treeDisk                              `json:"boot_disk"`
	Others []treeDisk                            `json:"additional_disks"`
	Mounts []struct{ Volume, Size, Path string } `json:"mount_points"`
	NICs   []struct {
		Bridge   string
		Firewall bool
	} `json:"network_interfaces"`
	Features     struct{ Nesting, Keyctl, Fuse bool }
	Unprivileged bool
	Clone        struct {
		ID int `json:"template_id"`
	} `json:"clone_template"`
}

type treeDisk struct {
	Store     string `json:"datastore_id"`
	Interface string
	Size      int
}

// treeGroups are the security groups: TYPE PROTO[/PORT] PEERS, where S are the internal
// networks and K the Splunk hosts.
var treeGroups = []struct {
	name, comment string
	rules         []string
}{
	{"internal-access", "Allow SSH and ICMP from internal RFC1918 networks", []string{"in tcp/22 S", "in icmp S"}},
	{"splunk-services", "Splunk ports accessible from internal RFC1918 networks", []string{"in tcp/8000 S", "in tcp/8088 S", "in tcp/9997 S"}},
	{"syslog", "Syslog ingestion", []string{"in udp/514 S", "in tcp/514 S", "in udp/1514:1518 S", "in tcp/1514:1518 S"}},
	{"pipeline-services", "HAProxy stats (8404), Cribl Edge API (9000)", []string{"in tcp/8404 S", "in tcp/9420 S"}},
	{"netflow", "NetFlow", []string{"in udp/2055 S"}},
	{"splunk-cluster", "Splunk among themselves", []string{"in tcp/8089 K", "in tcp/8080 K", "in tcp/9887 K"}},
	{"outbound-internal", "Outbound", []string{"out tcp S", "out udp S", "out icmp S", "out tcp/8089 K", "out tcp/8080 K", "out tcp/9887 K"}},
	{"notification-svc", "Notifications", []string{"in tcp/1025 S", "in tcp/8025 S", "in tcp/8080 S"}},
	{"vectordb-svc", "Vector database", []string{"in tcp/6333 S", "in tcp/6334 S"}},
	{"apt-cacher-ng-svc", "Packages", []string{"in tcp/3142 S"}},
	{"cribl-stream-svc", "Cribl Stream", []string{"in tcp/9000 S"}},
	{"minio-svc", "MinIO", []string{"in tcp/9000 S", "in tcp/9001 S"}},
	{"ntp-server", "NTP", []string{"in udp/123 S"}},
	{"idrac-kvm-svc", "iDRAC", []string{"in tcp/5800 S", "in tcp/5801 S"}},
}

// treeClasses are who gets which groups, by tags. A policy is that of what goes out.
var treeClasses = []struct {
	name   string
	tags   []string
	policy string
	groups []string
}{
	{"splunk_container", []string{"splunk"}, "DROP", []string{"internal-access", "splunk-services", "syslog", "splunk-cluster", "outbound-internal"}},
	{"pipeline_container", []string{"haproxy"}, "DROP", []string{"internal-access", "pipeline-services", "syslog", "netflow", "outbound-internal"}},
	{"pipeline_container", []string{"cribl", "edge"}, "DROP", []string{"internal-access", "pipeline-services", "syslog", "netflow", "outbound-internal"}},
	{"cribl_stream_container", []string{"cribl", "stream"}, "DROP", []string{"internal-access", "cribl-stream-svc", "syslog", "netflow", "outbound-internal"}},
	{"notification_container", []string{"notifications"}, "ACCEPT", []string{"internal-access", "notification-svc"}},
	{"apt_cacher_ng_container", []string{"apt-cache"}, "ACCEPT", []string{"internal-access", "apt-cacher-ng-svc"}},
	{"vectordb_container", []string{"vectordb"}, "DROP", []string{"internal-access", "vectordb-svc", "outbound-internal"}},
	{"rag_container", []string{"rag"}, "DROP", []string{"internal-access", "outbound-internal"}},
	{"minio_container", []string{"minio"}, "DROP", []string{"internal-access", "minio-svc", "outbound-internal"}},
	{"idrac_kvm", []string{"idrac"}, "DROP", []string{"internal-access", "idrac-kvm-svc", "outbound-internal"}},
}

// newTree reads the declaration of a world.
func newTree(w *world) *tree {
	w.T.Helper()
	tf := &tree{t: w.T}
	testkit.Must(w.T, json.Unmarshal([]byte(w.Read("deployment.json")), &tf.estate))
	tf.client = testkit.Try(pve.New(pve.Options{Endpoint: w.URL, Username: pvesim.DefaultUser, Password: pvesim.DefaultPassword, Node: "pve",
		Sleep: func(context.Context, time.Duration) error { return nil }}))(w.T)
	w.T.Cleanup(tf.client.Close)
	return tf
}

// send sends a request and waits for its task.
func (tf *tree) send(method, path string, params ...string) {
	tf.t.Helper()
	v := url.Values{}
	for i := 0; i < len(params); i += 2 {
		if params[i+1] != "" {
			v.Set(params[i], params[i+1])
		}
	}
	testkit.Must(tf.t, tf.client.Run(tf.t.Context(), pve.Request{Method: method, Path: path, Params: v}, nil, nil))
}

// keeps takes a resource into the state; its address is MODULE.TYPE.NAME[KEY].
func (tf *tree) keeps(module, kind, name, key string, attributes map[string]any) {
	instance := map[string]any{"schema_version": 0, "attributes": attributes}
	if key != "" {
		instance["index_key"] = key
	}
	tf.state = append(tf.state, map[string]any{"module": "module." + module, "mode": "managed", "type": "proxmox_virtual_environment_" + kind, "name": name,
		"provider": `provider["registry.opentofu.org/bpg/proxmox"]`, "instances": []any{instance}})
	if kind != "file" {
		tf.made++
	}
}

// apply makes everything, in the order of the graph.
func (tf *tree) apply() {
	tf.t.Helper()
	for _, id := range keysOf(tf.estate.Pools) {
		comment := tf.estate.Pools[id].Comment
		tf.send("POST", "/pools", "poolid", id, "comment", comment)
		tf.keeps("pools", "pool", "pools", id, map[string]any{"id": id, "pool_id": id, "comment": comment})
	}
	for _, key := range keysOf(tf.estate.VMs) {
		tf.vm(key, tf.estate.VMs[key])
	}
	for _, key := range keysOf(tf.estate.Containers) {
		tf.container(key, tf.estate.Containers[key])
	}
	tf.splunk()
	tf.firewall()
}

func keysOf[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

func flag(on bool) string { return map[bool]string{true: "1", false: "0"}[on] }

// sorted are the tags as they are sent.
func sorted(tags []string) string {
	return strings.Join(slices.Sorted(slices.Values(tags)), ";")
}

func (tf *tree) address(id int) string { return tf.estate.Prefix + "." + strconv.Itoa(id) }

// initialization is that block of a guest.
func (tf *tree) initialization(hostname string, id int) []any {
	return []any{map[string]any{"hostname": hostname, "dns": []any{map[string]any{"domain": tf.estate.Domain, "servers": nil}},
		"ip_config":    []any{map[string]any{"ipv4": []any{map[string]any{"address": tf.address(id) + "/24", "gateway": tf.estate.Prefix + ".1"}}, "ipv6": []any{}}},
		"user_account": []any{map[string]any{"keys": []string{tf.estate.Key}, "password": "hunter2", "username": ""}}}}
}

func (tf *tree) container(key string, g treeGuest) {
	tf.t.Helper()
	id, tags := strconv.Itoa(g.VMID), append(slices.Clone(g.Tags), "homelab")
	params := []string{"vmid", id, "ostemplate", "local:vztmpl/" + tf.estate.Template, "ostype", "debian", "hostname", g.Hostname,
		"description", "TF CT " + g.Hostname + " - homelab", "tags", sorted(tags), "pool", g.Pool, "cores", strconv.Itoa(g.Cores),
		"memory", strconv.Itoa(g.Memory), "swap", strconv.Itoa(g.Swap), "rootfs", g.Root.Store + ":" + strconv.Itoa(g.Root.Size),
		"net0", fmt.Sprintf("name=eth0,bridge=%s,firewall=%s,ip=%s/24,gw=%s.1", g.NICs[0].Bridge, flag(g.NICs[0].Firewall), tf.address(g.VMID), tf.estate.Prefix),
		"searchdomain", tf.estate.Domain, "ssh-public-keys", tf.estate.Key, "unprivileged", flag(g.Unprivileged), "protection", "0", "onboot", "1",
		"startup", "order=" + strconv.Itoa(256-g.VMID) + ",up=30", "start", "1", "tty", "2", "cmode", "tty", "console", "1", "arch", "amd64"}
	var mounts []any
	for i, m := range g.Mounts {
		params = append(params, "mp"+strconv.Itoa(i), m.Volume+":"+strings.TrimSuffix(m.Size, "G")+",mp="+m.Path)
		mounts = append(mounts, map[string]any{"volume": fmt.Sprintf("%s:subvol-%d-disk-%d", m.Volume, g.VMID, i+1), "size": m.Size, "path": m.Path, "replicate": true})
	}
	f := g.Features
	if f.Nesting || f.Keyctl || f.Fuse {
		params = append(params, "features", "nesting="+flag(f.Nesting)+",keyctl="+flag(f.Keyctl)+",fuse="+flag(f.Fuse))
	}
	tf.send("POST", "/nodes/pve/lxc", params...)
	tf.keeps("containers[0]", "container", "containers", key, map[string]any{"id": id, "vm_id": g.VMID, "node_name": "pve",
		"description": "TF CT " + g.Hostname + " - homelab\n", "tags": tags, "pool_id": g.Pool, "unprivileged": g.Unprivileged,
		"start_on_boot": true, "protection": false, "cpu": []any{map[string]any{"cores": g.Cores}}, "memory": []any{map[string]any{"dedicated": g.Memory, "swap": g.Swap}},
		"disk": []any{map[string]any{"datastore_id": g.Root.Store, "size": g.Root.Size}}, "mount_point": mounts,
		"network_interface": []any{map[string]any{"name": "eth0", "bridge": g.NICs[0].Bridge, "firewall": g.NICs[0].Firewall, "vlan_id": 0}},
		"features":          []any{map[string]any{"nesting": f.Nesting, "keyctl": f.Keyctl, "fuse": f.Fuse}},
		"operating_system":  []any{map[string]any{"type": "debian", "template_file_id": "local:vztmpl/" + tf.estate.Template}},
		"initialization":    tf.initialization(g.Hostname, g.VMID)})
}

// machine clones a template and configures it. The first disk is there; others are made.
func (tf *tree) machine(id, template int, name, description, pool string, params []string, disks []treeDisk) {
	tf.t.Helper()
	path := "/nodes/pve/qemu/" + strconv.Itoa(id)
	tf.send("POST", "/nodes/pve/qemu/"+strconv.Itoa(template)+"/clone", "newid", strconv.Itoa(id), "full", "1", "name", name, "description", description, "pool", pool)
	tf.send("PUT", path+"/config", "delete", "ide2")
	tf.send("POST", path+"/config", append(params, "agent", "enabled=1,fstrim_cloned_disks=1,type=virtio", "sockets", "1", "numa", "0", "ide2", "local-zfs:cloudinit",
		"ciuser", "debian", "sshkeys", strings.ReplaceAll(url.QueryEscape(tf.estate.Key), "+", "%20"), "ipconfig0", "gw="+tf.estate.Prefix+".1,ip="+tf.address(id)+"/24",
		"searchdomain", tf.estate.Domain, "ostype", "l26", "onboot", "1")...)
	for i, d := range disks {
		if i == 0 {
			volume, _, _ := strings.Cut(testkit.Try(tf.client.Config(tf.t.Context(), "pve", "qemu", id))(tf.t)[d.Interface], ",")
			tf.send("PUT", path+"/config", d.Interface, volume+",iothread=1")
			tf.send("PUT", path+"/resize", "disk", d.Interface, "size", strconv.Itoa(d.Size)+"G")
			continue
		}
		tf.send("POST", path+"/config", d.Interface, fmt.Sprintf("%s:%d,format=raw,iothread=1", d.Store, d.Size))
	}
	tf.send("POST", path+"/status/start")
}

func (tf *tree) vm(key string, g treeGuest) {
	tf.t.Helper()
	memory, tags, description := strconv.Itoa(g.Memory), append(slices.Clone(g.Tags), "homelab"), "TF VM "+g.Name+" - homelab"
	g.Boot.Interface = cmp.Or(g.Boot.Interface, "scsi0")
	disks := append([]treeDisk{g.Boot}, g.Others...)
	tf.machine(g.VMID, g.Clone.ID, g.Name, description, g.Pool, []string{"cores", strconv.Itoa(g.Cores), "cpu", "x86-64-v2-AES", "memory", memory, "balloon", memory,
		"net0", "virtio,bridge=vmbr0,firewall=" + flag(g.NICs[0].Firewall), "startup", "order=" + strconv.Itoa(256-g.VMID) + ",up=30", "tags", sorted(tags), "vga", "std"}, disks)
	tf.keeps("vms", "vm", "vms", key, tf.vmState(g.VMID, g.Clone.ID, g.Name, description, g.Pool, tags, g.Cores, g.Memory, "x86-64-v2-AES", g.NICs[0].Firewall, disks))
}

func (tf *tree) splunk() {
	tf.t.Helper()
	id, name := tf.estate.SplunkID, tf.estate.SplunkName
	const tags, file = "docker;enterprise;splunk;terraform", "splunk-aio-cloud-init.yml"
	disks := []treeDisk{{"local-zfs", "virtio0", 25}, {"local-zfs", "virtio1", 200}}
	tf.keeps("splunk_vm", "file", "cloud_init", "", map[string]any{"id": "local:snippets/" + file, "file_name": file, "node_name": "pve", "datastore_id": "local"})
	tf.machine(id, 9200, name, "Splunk Enterprise Docker - "+name, "logging", []string{"cores", "8", "cpu", "host", "memory", "12288", "balloon", "12288",
		"net0", "virtio,bridge=vmbr0,firewall=1", "tags", tags, "cicustom", "user=local:snippets/" + file}, disks)
	tf.keeps("splunk_vm", "vm", "splunk_vm", "", tf.vmState(id, 9200, name, "Splunk Enterprise Docker - "+name, "logging", strings.Split(tags, ";"), 8, 12288, "host", true, disks))
}

func (tf *tree) vmState(id, template int, name, description, pool string, tags []string, cores, memory int, cpu string, firewall bool, disks []treeDisk) map[string]any {
	var list []any
	for _, d := range disks {
		list = append(list, map[string]any{"interface": d.Interface, "datastore_id": d.Store, "size": d.Size, "file_format": "raw", "discard": "ignore", "iothread": true, "ssd": false})
	}
	return map[string]any{"id": strconv.Itoa(id), "vm_id": id, "node_name": "pve", "name": name, "description": description, "tags": tags, "pool_id": pool,
		"on_boot": true, "protection": false, "agent": []any{map[string]any{"enabled": true}}, "cpu": []any{map[string]any{"cores": cores, "sockets": 1, "type": cpu}},
		"memory": []any{map[string]any{"dedicated": memory, "floating": memory}}, "clone": []any{map[string]any{"vm_id": template}}, "disk": list,
		"network_device": []any{map[string]any{"bridge": "vmbr0", "model": "virtio", "firewall": firewall}}, "operating_system": []any{map[string]any{"type": "l26"}},
		"vga": []any{map[string]any{"type": "std"}}, "initialization": tf.initialization("", id)}
}

// firewall makes groups, and gives them to the guests with the tags of a class.
func (tf *tree) firewall() {
	tf.t.Helper()
	const module = "firewall"
	tf.send("PUT", "/cluster/firewall/options", "enable", "1", "ebtables", "0", "policy_in", "ACCEPT", "policy_out", "ACCEPT", "policy_forward", "ACCEPT",
		"log_ratelimit", "enable=1,burst=10,rate=5/second")
	tf.keeps(module, "cluster_firewall", "main", "", map[string]any{"id": "cluster-firewall"})
	peers := map[string]string{"S": "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16", "K": tf.address(tf.estate.SplunkID)}
	for _, key := range keysOf(tf.estate.Containers) {
		if slices.Contains(tf.estate.Containers[key].Tags, "splunk") {
			peers["K"] += "," + tf.address(tf.estate.Containers[key].VMID)
		}
	}
	for _, g := range treeGroups {
		tf.send("POST", "/cluster/firewall/groups", "group", g.name, "comment", g.comment)
		for _, rule := range slices.Backward(g.rules) { // a new rule is the first
			words := strings.Fields(rule)
			proto, port, _ := strings.Cut(words[1], "/")
			side := map[string]string{"in": "source", "out": "dest"}[words[0]]
			tf.send("POST", "/cluster/firewall/groups/"+g.name, "type", words[0], "action", "ACCEPT", "enable", "1", "proto", proto, "dport", port, side, peers[words[2]], "pos", "0")
		}
		tf.keeps(module, "cluster_firewall_security_group", strings.ReplaceAll(g.name, "-", "_"), "", map[string]any{"id": g.name, "name": g.name})
	}
	tf.send("PUT", "/nodes/pve/firewall/options", "enable", "1", "ndp", "1", "nosmurfs", "1")
	tf.keeps(module, "node_firewall", "node", "", map[string]any{"id": "pve", "node_name": "pve"})
	tf.send("POST", "/nodes/pve/firewall/rules", "type", "group", "action", "ntp-server", "enable", "1")
	tf.keeps(module, "firewall_rules", "node", "", map[string]any{"id": "pve", "node_name": "pve"})

	filter := func(class, key, kind string, id int, policy string, groups []string) {
		path := fmt.Sprintf("/nodes/pve/%s/%d/firewall", kind, id)
		tf.send("PUT", path+"/options", "enable", "1", "policy_in", "DROP", "policy_out", policy, "log_level_in", "warning", "log_level_out", "warning",
			"dhcp", "0", "ipfilter", "0", "macfilter", "1", "ndp", "0", "radv", "1")
		which := map[string]any{"node_name": "pve", map[string]string{"lxc": "container_id", "qemu": "vm_id"}[kind]: id}
		tf.keeps(module, "firewall_options", class, key, which)
		for _, group := range slices.Backward(groups) {
			tf.send("POST", path+"/rules", "type", "group", "action", group, "enable", "1", "pos", "0")
		}
		tf.keeps(module, "firewall_rules", class, key, which)
	}
	classes := func(kind string, guests map[string]treeGuest) {
		for _, key := range keysOf(guests) {
			for _, c := range treeClasses {
				if !slices.ContainsFunc(c.tags, func(tag string) bool { return !slices.Contains(guests[key].Tags, tag) }) {
					filter(c.name, key, kind, guests[key].VMID, c.policy, c.groups)
				}
			}
		}
	}
	filter("splunk_vm", "splunk", "qemu", tf.estate.SplunkID, "DROP", treeClasses[0].groups)
	classes("lxc", tf.estate.Containers)
	classes("qemu", tf.estate.VMs)
}

// states writes the state as the tree keeps it.
func (tf *tree) states(w *world) {
	tf.t.Helper()
	w.Write("terraform.tfstate", string(testkit.Try(json.Marshal(map[string]any{"version": 4, "terraform_version": "1.10.5", "serial": 412,
		"lineage": "1b2c3d4e-0000-4000-8000-000000000001", "outputs": map[string]any{}, "resources": tf.state}))(tf.t)))
}

// inventory is the output ansible_inventory.
func (tf *tree) inventory() map[string]any {
	containers, vms, docker := map[string]any{}, map[string]any{}, map[string]any{}
	for key, g := range tf.estate.Containers {
		containers[key] = map[string]any{"vmid": g.VMID, "hostname": g.Hostname, "ip": tf.address(g.VMID), "node": "pve", "ansible_connection": "community.proxmox.proxmox_pct_remote",
			"ansible_pct_vmid": g.VMID, "tags": append(slices.Clone(g.Tags), "homelab"), "pool_id": g.Pool}
	}
	for key, g := range tf.estate.VMs {
		vms[key] = map[string]any{"vmid": g.VMID, "hostname": g.Name, "ip": tf.address(g.VMID), "node": "pve", "ansible_connection": "ssh",
			"tags": append(slices.Clone(g.Tags), "homelab"), "pool_id": g.Pool}
		if slices.Contains(g.Tags, "docker") {
			docker[key] = vms[key]
		}
	}
	return map[string]any{"containers": containers, "vms": vms, "docker_vms": docker, "domain": tf.estate.Domain, "host_services": tf.estate.Services,
		"splunk_vm": map[string]any{"splunk": map[string]any{"vmid": tf.estate.SplunkID, "hostname": tf.estate.SplunkName, "ip": tf.address(tf.estate.SplunkID), "node": "pve", "ansible_connection": "ssh"}},
		"constants": map[string]map[string]int{
			"service_ports": {"haproxy_stats": 8404, "splunk_web": 8000, "splunk_hec": 8088, "splunk_mgmt": 8089, "cribl_edge_api": 9420, "cribl_stream_api": 9000,
				"apt_cacher_ng": 3142, "minio_api": 9000, "minio_console": 9001},
			"syslog_ports":  {"unifi": 1514, "palo_alto": 1515, "cisco_asa": 1516, "linux": 1517, "windows": 1518},
			"netflow_ports": {"unifi": 2055}, "notification_ports": {"mailpit_smtp": 1025, "mailpit_web": 8025, "ntfy_http": 8080},
			"vector_db_ports": {"qdrant_http": 6333, "qdrant_grpc": 6334}}}
}
