package tfimport

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/state"
)

// Declaration is what a state became.
type Declaration struct {
	Document map[string]any // deployment.json
	Notes    []string       // what was not taken over, and what to look at
}

// object is an object of the declaration.
type object = map[string]any

// importer collects the declaration.
type importer struct {
	root     object
	notes    []string
	prefix   string // of the network
	left     map[string]int
	template map[string]int // of containers, by how often
	tags     [][]string     // of the guests
	keys     map[string]bool
}

// Read makes a declaration of a Terraform state. Its errors are those of a file that is none.
func Read(data []byte) (*Declaration, error) {
	if err := state.Form(data); err != nil {
		return nil, err
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("it is not as Terraform writes it: %w", err)
	}
	var containers []named[container]
	var vms []named[vm]
	m := &importer{root: object{}, left: map[string]int{}, template: map[string]int{}, keys: map[string]bool{}}
	pools := object{}
	for _, r := range f.Resources {
		for _, in := range r.Instances {
			if r.Mode != "managed" || in.Deposed != "" {
				continue
			}
			if len(in.Attributes) == 0 {
				return nil, fmt.Errorf("%s.%s: has no attributes: the state is not whole", r.Type, r.Name)
			}
			var err error
			switch kind := kindOf(r.Type); kind {
			case "pool":
				var p pool
				if err = json.Unmarshal(in.Attributes, &p); err == nil {
					pools[p.PoolID] = set(object{}, "comment", p.Comment)
				}
			case "container":
				containers, err = add(containers, in.IndexKey, in.Attributes, in.Status)
			case "vm", "cloned_vm":
				vms, err = add(vms, in.IndexKey, in.Attributes, in.Status)
			default:
				m.left[r.Type]++
			}
			if err != nil {
				return nil, fmt.Errorf("%s.%s: %w", r.Type, r.Name, err)
			}
		}
	}
	if len(pools) > 0 {
		m.root["pools"] = pools
	}
	m.shared(containers, vms)
	m.guests(containers, vms)
	return m.end(), nil
}

// named is a resource with its key of for_each, "" for none.
type named[T any] struct {
	key    string
	status string // tainted; "" for whole
	is     T
}

func add[T any](list []named[T], index, attributes json.RawMessage, status string) ([]named[T], error) {
	n := named[T]{status: status}
	_ = json.Unmarshal(index, &n.key) // a number is no key
	if err := json.Unmarshal(attributes, &n.is); err != nil {
		return nil, err
	}
	return append(list, n), nil
}

// set sets a key that is not empty.
func set(o object, key string, value any) object {
	switch v := value.(type) {
	case string:
		if v == "" {
			return o
		}
	case int:
		if v == 0 {
			return o
		}
	case []string:
		if len(v) == 0 {
			return o
		}
	}
	o[key] = value
	return o
}

// shared finds what most guests have in common: network, node, environment, search domain.
func (m *importer) shared(containers []named[container], vms []named[vm]) {
	prefixes, nodes, domains := map[string]int{}, map[string]int{}, map[string]int{}
	bits := map[string]int{}
	count := func(g guest) {
		nodes[g.NodeName]++
		init := g.Initialization.only()
		domains[init.DNS.only().Domain]++
		if p, err := netip.ParsePrefix(init.IPConfig.only().IPv4.only().Address); err == nil && p.Addr().Is4() {
			text := p.Addr().String()
			prefixes[text[:strings.LastIndexByte(text, '.')]]++
			bits["/"+strconv.Itoa(p.Bits())]++
		}
		m.tags = append(m.tags, g.Tags)
	}
	for _, c := range containers {
		count(c.is.guest)
		m.template[c.is.OperatingSystem.only().Template]++
	}
	for _, v := range vms {
		if v.is.Template {
			continue
		}
		count(v.is.guest)
		if v.is.splunk() {
			m.tags = m.tags[:len(m.tags)-1] // those of the Splunk VM are fixed
		}
	}
	m.prefix = most(prefixes)
	set(m.root, "network_prefix", m.prefix)
	if mask := most(bits); mask != "/24" {
		set(m.root, "network_cidr_mask", mask)
	}
	set(m.root, "proxmox_node", most(nodes))
	set(m.root, "domain", most(domains))
	if store, name, ok := strings.Cut(most(m.template), ":vztmpl/"); ok {
		m.root["datastore_iso"], m.root["proxmox_ct_template_debian"] = store, name
	}
	m.environment()
	if m.prefix == "" {
		m.note("no guest has a fixed address: set network_prefix")
	}
}

// environment is a tag that all guests have: the declaration adds one to all of them.
func (m *importer) environment() {
	var common []string
	if len(m.tags) > 0 {
		common = slices.Clone(m.tags[0])
	}
	for _, tags := range m.tags {
		common = slices.DeleteFunc(common, func(t string) bool { return !slices.Contains(tags, t) })
	}
	common = slices.DeleteFunc(common, func(t string) bool { return t == "terraform" && len(common) > 1 })
	switch {
	case slices.Contains(common, "homelab"):
	case len(common) > 0:
		m.root["environment"] = common[0]
	case len(m.tags) > 0:
		m.note("the guests have no tag in common: each gets the tag homelab, or what you declare as environment")
	}
}

// most is the text that is there most often.
func most(count map[string]int) string {
	best := ""
	for _, text := range slices.Sorted(maps.Keys(count)) {
		if text != "" && (best == "" || count[text] > count[best]) {
			best = text
		}
	}
	return best
}

func (m *importer) note(format string, args ...any) {
	m.notes = append(m.notes, fmt.Sprintf(format, args...))
}

func (m *importer) guests(containers []named[container], vms []named[vm]) {
	cts, machines := object{}, object{}
	for _, c := range containers {
		if key := m.key(c.status, c.is.guest, c.key, c.is.Initialization.only().Hostname); key != "" {
			cts[key] = m.container(key, c.is)
		}
	}
	for _, v := range vms {
		if v.is.Template {
			m.note("the template %s (%s) is not declared: it is made by hand", v.is.Name, v.is.ID)
			continue
		}
		key := m.key(v.status, v.is.guest, v.key, v.is.Name)
		switch {
		case key == "":
		case v.is.splunk() && m.root["splunk_vm_id"] == nil:
			m.splunk(v.is)
		default:
			machines[key] = m.vm(key, v.is)
		}
	}
	if len(cts) > 0 {
		m.root["containers"] = cts
	}
	if len(machines) > 0 {
		m.root["vms"] = machines
	}
}

// key is the guest's in the declaration, where a key is there once; "" where it is not declared.
func (m *importer) key(status string, g guest, names ...string) string {
	vmid := strconv.Itoa(g.vmid())
	key := cmp.Or(cmp.Or(names...), vmid)
	if g.vmid() == 0 {
		m.note("%s: it has no VMID: a creation ended half way; it is left out", key)
		return ""
	}
	if m.keys[key] {
		with := key + "-" + vmid
		if m.keys[with] {
			m.note("%s: its key %s is that of another guest, and so is %s: it is left out", vmid, key, with)
			return ""
		}
		m.note("%s: its key %s is that of another guest: it is declared as %s", vmid, key, with)
		key = with
	}
	m.keys[key] = true
	if status != "" {
		m.note("%s: Terraform holds it for half made (%s): look at it before you adopt it", key, status)
	}
	return key
}

// common is what containers and VMs have in common.
func (m *importer) common(key string, g guest) object {
	o := object{}
	vmid := g.vmid()
	o["vm_id"] = vmid
	o["description"] = strings.TrimRight(g.Description, "\n")
	environment, _ := m.root["environment"].(string)
	environment = cmp.Or(environment, "homelab")
	o["tags"] = slices.DeleteFunc(append([]string{}, g.Tags...), func(t string) bool { return t == environment })
	set(o, "pool_id", g.PoolID)
	if g.PoolID != "" {
		if pools, _ := m.root["pools"].(object); pools[g.PoolID] == nil {
			m.root["pools"] = merged(pools, g.PoolID)
		}
	}
	set(o, "cpu_cores", g.CPU.only().Cores)
	if limit := g.CPU.only().Limit; limit > 0 {
		o["cpu_limit"] = limit
	}
	set(o, "memory_dedicated", g.Memory.only().Dedicated)
	if g.NodeName != m.root["proxmox_node"] {
		set(o, "node", g.NodeName)
	}
	o["protection"] = g.Protection
	m.address(o, key, vmid, g)
	init := g.Initialization.only()
	set(o, "nameservers", init.DNS.only().Servers)
	if domain, _ := m.root["domain"].(string); init.DNS.only().Domain != domain {
		m.note("%s: its search domain %q is not the estate's %q, which a container gets", key, init.DNS.only().Domain, domain)
	}
	if account := init.UserAccount.only(); len(account.Keys) > 0 || account.Username != "" {
		user := set(object{}, "username", account.Username)
		var keys []string
		for _, k := range account.Keys {
			keys = append(keys, strings.TrimSpace(k))
		}
		o["user_account"] = set(user, "keys", keys)
	}
	return o
}

// merged is a map of pools with one more, which Terraform does not manage.
func merged(pools object, id string) object {
	if pools == nil {
		pools = object{}
	}
	pools[id] = object{}
	return pools
}

// address is left out where it is derived from the VMID.
func (m *importer) address(o object, key string, vmid int, g guest) {
	ip := g.Initialization.only().IPConfig.only()
	v4, v6 := ip.IPv4.only(), ip.IPv6.only()
	prefix, err := netip.ParsePrefix(v4.Address)
	derived := m.prefix + "." + strconv.Itoa(vmid)
	switch {
	case v4.Address == "" && v6.Address != "":
		o["ip"] = "none"
	case v4.Address == "dhcp", v4.Address == "":
		o["dhcp"] = true
		if v4.Address == "" {
			m.note("%s: the state has no IPv4 address of it: it is declared with DHCP", key)
		}
	case err != nil || !prefix.Addr().Is4():
		m.note("%s: its address %s is not taken over", key, v4.Address)
	default:
		if prefix.Addr().String() != derived {
			o["ip"] = v4.Address
		}
		if v4.Gateway != "" && v4.Gateway != m.prefix+".1" {
			o["gateway"] = v4.Gateway
		}
	}
	if v6.Address == "auto" || v6.Address == "dhcp" || strings.Contains(v6.Address, "/") {
		o["ip6"] = v6.Address
		set(o, "gateway6", v6.Gateway)
	}
}

func (m *importer) interfaces(list []nic, isContainer bool) []object {
	var out []object
	for _, n := range list {
		o := object{"bridge": cmp.Or(n.Bridge, "vmbr0"), "firewall": n.Firewall}
		if isContainer {
			set(o, "name", n.Name)
		} else {
			set(o, "model", n.Model)
		}
		out = append(out, set(o, "vlan_id", n.VLAN))
	}
	return out
}

func (m *importer) container(key string, c container) object {
	o := m.common(key, c.guest)
	o["hostname"] = cmp.Or(c.Initialization.only().Hostname, key)
	o["memory_swap"] = c.Memory.only().Swap
	o["unprivileged"], o["on_boot"] = c.Unprivileged, c.StartOnBoot
	set(o, "os_type", c.OperatingSystem.only().Type)
	root := set(object{}, "datastore_id", c.Disk.only().Datastore)
	o["root_disk"] = set(root, "size", c.Disk.only().Size)
	if list := m.interfaces(c.Interfaces, true); len(list) > 0 {
		o["network_interfaces"] = list
	}
	f := c.Features.only()
	features := object{}
	for name, on := range map[string]bool{"nesting": f.Nesting, "keyctl": f.Keyctl, "fuse": f.Fuse} {
		if on {
			features[name] = true
		}
	}
	if set(features, "mount", f.Mount); len(features) > 0 {
		o["features"] = features
	}
	var mounts []object
	for _, p := range c.MountPoints {
		mp := object{"path": p.Path, "volume": p.Volume}
		if !strings.HasPrefix(p.Volume, "/") {
			mp["volume"], _, _ = strings.Cut(p.Volume, ":")
			mp["size"] = p.Size
		}
		for name, on := range map[string]bool{"acl": p.ACL, "backup": p.Backup, "quota": p.Quota, "read_only": p.ReadOnly, "shared": p.Shared} {
			if on {
				mp[name] = true
			}
		}
		mounts = append(mounts, set(mp, "mount_options", p.Options))
	}
	if mounts != nil {
		o["mount_points"] = mounts
	}
	var devices []object
	for _, d := range c.Devices {
		dev := set(object{"path": d.Path}, "mode", d.Mode)
		if d.DenyWrite {
			dev["deny_write"] = true
		}
		devices = append(devices, set(set(dev, "uid", d.UID), "gid", d.GID))
	}
	if devices != nil {
		o["devices"] = devices
	}
	return o
}

func (m *importer) vm(key string, v vm) object {
	o := m.common(key, v.guest)
	o["name"] = cmp.Or(v.Name, key)
	o["on_boot"] = v.OnBoot
	o["agent_enabled"] = v.Agent.only().Enabled
	set(o, "cpu_type", v.CPU.only().Type)
	o["memory_floating"] = v.Memory.only().Floating
	set(o, "os_type", v.OperatingSystem.only().Type)
	if v.BIOS == "ovmf" {
		o["bios"] = v.BIOS
	}
	set(o, "machine", v.Machine)
	if v.CPU.only().Sockets > 1 {
		m.note("%s: it has %d sockets, for which there is no key: they stay", key, v.CPU.only().Sockets)
	}
	for i, d := range v.Disks {
		disk := object{"interface": d.Interface, "size": d.Size, "iothread": d.IOThread, "ssd": d.SSD}
		for name, value := range map[string]string{"datastore_id": d.Datastore, "file_format": d.Format, "discard": d.Discard} {
			set(disk, name, value)
		}
		if i == 0 {
			o["boot_disk"] = disk
			continue
		}
		others, _ := o["additional_disks"].([]object)
		o["additional_disks"] = append(others, disk)
	}
	if e := v.EFI.only(); e.Datastore != "" && v.BIOS == "ovmf" {
		o["efi_disk"] = object{"datastore_id": e.Datastore, "type": cmp.Or(e.Type, "4m"), "pre_enrolled_keys": e.Keys}
	}
	if list := m.interfaces(v.Devices, false); len(list) > 0 {
		o["network_interfaces"] = list
	}
	if id := v.Clone.only().VMID; id > 0 {
		o["clone_template"] = object{"template_id": id}
	}
	if list := devices(v); list != nil {
		o["devices"] = list
	}
	set(o, "vga_type", v.VGA.only().Type)
	init, files := v.Initialization.only(), object{}
	for name, volume := range map[string]string{"user_data_file": init.UserData, "vendor_data_file": init.VendorData, "network_data_file": init.NetworkData} {
		set(files, name, volume)
	}
	if len(files) > 0 {
		o["cloud_init"] = files
	}
	return o
}

// devices are those of the node in a VM. The mapping of a device goes before what it stands for.
func devices(v vm) (list []object) {
	device := func(kind, host, mapping string, flags map[string]bool) object {
		dev := object{"type": kind}
		if set(dev, "mapping", mapping); mapping == "" {
			dev["host"] = host
		}
		for key, on := range flags {
			if on {
				dev[key] = true
			}
		}
		list = append(list, dev)
		return dev
	}
	for _, d := range v.PCI {
		dev := device("pci", d.ID, d.Mapping, map[string]bool{"pcie": d.PCIe, "xvga": d.XVGA})
		if d.ROMBar != nil && !*d.ROMBar {
			dev["rombar"] = false
		}
		set(set(dev, "mdev", d.Mdev), "rom_file", d.ROM)
	}
	for _, d := range v.USB {
		device("usb", d.Host, d.Mapping, map[string]bool{"usb3": d.USB3})
	}
	return list
}

// splunk is the Splunk VM, which has keys of its own.
func (m *importer) splunk(v vm) {
	m.root["splunk_vm_id"], m.root["splunk_vm_name"] = v.vmid(), v.Name
	set(m.root, "splunk_vm_pool_id", v.PoolID)
	set(m.root, "template_id", v.Clone.only().VMID)
	set(m.root, "splunk_cpu_cores", v.CPU.only().Cores)
	set(m.root, "splunk_memory", v.Memory.only().Dedicated)
	rest := object{}
	m.address(rest, "splunk", v.vmid(), v.guest)
	delete(rest, "ip6")
	delete(rest, "gateway6")
	if v.NodeName != m.root["proxmox_node"] {
		set(rest, "node", v.NodeName)
	}
	m.root["splunk_data_disk_size"] = 0
	for i, d := range v.Disks {
		if i == 0 {
			m.root["splunk_boot_disk_size"] = d.Size
			set(m.root, "datastore_id", d.Datastore)
			rest["boot_disk"] = object{"interface": d.Interface}
		} else if i == 1 {
			m.root["splunk_data_disk_size"] = d.Size
			rest["data_disk"] = object{"interface": d.Interface}
		}
	}
	if len(v.Devices) > 0 {
		set(m.root, "bridge", v.Devices[0].Bridge)
		set(rest, "vlan", v.Devices[0].VLAN)
	}
	m.root["splunk_vm"] = rest
}

// end says what was left out.
func (m *importer) end() *Declaration {
	for _, kind := range slices.Sorted(maps.Keys(m.left)) {
		m.note("%d × %s: not taken over", m.left[kind], kind)
	}
	if len(m.template) > 1 {
		m.note("containers have different templates: the one that most have is declared, and counts for new ones only")
	}
	return &Declaration{Document: m.root, Notes: m.notes}
}
