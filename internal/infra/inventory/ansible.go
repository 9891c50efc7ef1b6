package inventory

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// AnsibleOptions are what the declaration does not say.
type AnsibleOptions struct {
	// NodeHost is the address of the node for SSH, for containers are entered through
	// it; "" takes the name of the guest's node.
	NodeHost string
}

// hostVars are the variables of one host.
type hostVars map[string]any

// The groups that always are there.
const (
	groupContainers = "lxc_containers"
	groupVMs        = "vms"
	groupSplunk     = "splunk_vms"
	groupDocker     = "docker_vms"
)

// byTags are the groups that containers join by their tags: all of a group's tags.
var byTags = []struct {
	group string
	tags  []string
}{
	{"syslog_gateway_group", []string{"syslog-gateway"}},
	{"syslog_gateway_queue_group", []string{"syslog-gateway-queue"}},
	{"keepalived_group", []string{"keepalived"}},
	{"haproxy_group", []string{"haproxy"}},
	{"cribl_edge", []string{"cribl", "edge"}},
	{"cribl_stream_group", []string{"cribl", "stream"}},
	{"mailpit_group", []string{"smtp"}},
	{"ntfy_group", []string{"push"}},
	{"qdrant_group", []string{"vectordb"}},
	{"llamaindex_group", []string{"rag"}},
	{"apt_cacher_group", []string{"apt-cache"}},
	{"minio_group", []string{"minio"}},
	{"mssql_group", []string{"database"}},
	{"technitium_dns_group", []string{"dns"}},
	{"openproject_group", []string{"openproject"}},
}

// group is one of the tree's: its hosts, sorted.
type group struct {
	name  string
	hosts []string
}

// hosts are the variables of every host, by name.
func (inv *Inventory) hosts(o AnsibleOptions) map[string]hostVars {
	all := make(map[string]hostVars)
	for key, c := range inv.Containers {
		node := cmp.Or(o.NodeHost, c.Node)
		// The plugin takes the last of its variables that is set, so that ansible_host
		// remains the address of the guest itself.
		all[key] = hostVars{
			"ansible_host": c.IP, "ansible_connection": c.Connection, "ansible_paramiko_host": node, "ansible_user": "root",
			"ansible_pct_vmid": c.PctVMID, "proxmox_vmid": c.VMID, "proxmox_vmtype": "lxc", "container_ip": c.IP,
			"vmid": c.VMID, "proxmox_node": c.Node, "tags": c.Tags, "host_tags": c.Tags,
		}
		declared(all[key], c.PoolID, c.IP6)
	}
	for key, v := range inv.VMs {
		all[key] = inv.machine(key, v.IP, v.Node, v.VMID)
		all[key]["tags"], all[key]["host_tags"] = v.Tags, v.Tags
		declared(all[key], v.PoolID, v.IP6)
	}
	for key, s := range inv.SplunkVM {
		all[key] = inv.machine(key, s.IP, s.Node, s.VMID)
	}
	return all
}

// machine are the variables that all VMs have.
func (inv *Inventory) machine(key, ip, node string, vmid int) hostVars {
	vars := hostVars{"ansible_host": ip, "ansible_connection": sshPlugin,
		"vmid": vmid, "proxmox_vmid": vmid, "proxmox_vmtype": "qemu", "proxmox_node": node}
	if user := inv.users[key]; user != "" {
		vars["ansible_user"] = user
	}
	return vars
}

// declared adds the variables that only some guests have.
func declared(vars hostVars, pool, ip6 string) {
	if pool != "" {
		vars["pool_id"] = pool
	}
	if ip6 != "" {
		vars["ip6"] = ip6
	}
}

// groups is the tree: the fixed groups first, then those by tags and by pool that
// have a host.
func (inv *Inventory) groups() []group {
	fixed := []group{
		{groupContainers, slices.Sorted(maps.Keys(inv.Containers))},
		{groupVMs, slices.Sorted(maps.Keys(inv.VMs))},
		{groupSplunk, slices.Sorted(maps.Keys(inv.SplunkVM))},
		{groupDocker, slices.Sorted(maps.Keys(inv.DockerVMs))},
	}
	members := make(map[string][]string)
	for key, c := range inv.Containers {
		for _, by := range byTags {
			if containsAll(c.Tags, by.tags) {
				members[by.group] = append(members[by.group], key)
			}
		}
		if c.PoolID != "" {
			members[poolGroup(c.PoolID)] = append(members[poolGroup(c.PoolID)], key)
		}
	}
	for key, v := range inv.VMs {
		if _, docker := inv.DockerVMs[key]; docker && slices.Contains(v.Tags, "idrac") {
			members["idrac_kvm_group"] = append(members["idrac_kvm_group"], key)
		}
		if v.PoolID != "" {
			members[poolGroup(v.PoolID)] = append(members[poolGroup(v.PoolID)], key)
		}
	}
	if len(inv.SplunkVM) > 0 {
		members["splunk_group"] = slices.Sorted(maps.Keys(inv.SplunkVM))
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		fixed = append(fixed, group{name, slices.Sorted(slices.Values(members[name]))})
	}
	return fixed
}

func containsAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) })
}

// poolGroup is the group of a pool. Ansible's group names are letters, digits and _.
func poolGroup(pool string) string {
	return "pool_" + strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, pool)
}

// groupVars are the variables of all hosts: what the loader playbooks hand to every
// host as terraform_data.
func (inv *Inventory) groupVars() map[string]any {
	return map[string]any{"terraform_data": inv}
}

// static is the tree of a static inventory.
func (inv *Inventory) static(o AnsibleOptions) map[string]any {
	vars := inv.hosts(o)
	children := make(map[string]any)
	for _, g := range inv.groups() {
		hosts := make(map[string]hostVars, len(g.hosts))
		for _, name := range g.hosts {
			hosts[name] = hostVars{}
			switch g.name { // the variables stand once, in the host's first group
			case groupContainers, groupVMs, groupSplunk:
				hosts[name] = vars[name]
			}
		}
		children[g.name] = map[string]any{"hosts": hosts}
	}
	return map[string]any{"all": map[string]any{"children": children, "vars": inv.groupVars()}}
}

// AnsibleYAML is a static Ansible inventory.
func (inv *Inventory) AnsibleYAML(o AnsibleOptions) ([]byte, error) { return asYAML(inv.static(o)) }

// AnsibleJSON is the same as JSON, which Ansible's YAML plugin reads, too.
func (inv *Inventory) AnsibleJSON(o AnsibleOptions) ([]byte, error) { return canonical(inv.static(o)) }

// List is the answer of a dynamic inventory to --list, with the variables of all hosts
// in _meta, so that Ansible does not ask for each.
func (inv *Inventory) List(o AnsibleOptions) ([]byte, error) {
	doc := map[string]any{"_meta": map[string]any{"hostvars": inv.hosts(o)}}
	names := []string{"ungrouped"}
	for _, g := range inv.groups() {
		// An empty group is written with its empty list of hosts: Ansible takes {} for a host.
		doc[g.name] = map[string]any{"hosts": append([]string{}, g.hosts...)}
		names = append(names, g.name)
	}
	doc["all"] = map[string]any{"children": names, "vars": inv.groupVars()}
	return canonical(doc)
}

// Host is the answer to --host: the variables of one host, {} for one of Ansible's own
// (localhost). Any other name that is not in the inventory is an error.
func (inv *Inventory) Host(name string, o AnsibleOptions) ([]byte, error) {
	vars, ok := inv.hosts(o)[name]
	switch {
	case ok:
		return canonical(vars)
	case name == "localhost":
		return canonical(json.RawMessage("{}"))
	}
	return nil, fmt.Errorf("inventory: no host is called %q; `provision inventory` lists all", name)
}
