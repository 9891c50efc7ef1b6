package guests

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
)

// rights are what the user of a call may set on a guest.
type rights struct {
	guests
	call *api.Call
	pool string // that the guest is to join
}

func rightsOf(c *api.Call, a guests, pool string) rights { return rights{a, c, pool} }

// need wants a privilege on the guest, or on its pool.
func (r rights) need(priv string) error { return r.call.RequireVM(r.call.VMID(), r.pool, priv) }

// store finds a datastore on which the user may make volumes of the guest.
func (r rights) store(id string) (*store.Datastore, error) {
	if err := r.call.User.Require("/storage/"+id, "Datastore.AllocateSpace"); err != nil {
		return nil, err
	}
	st, err := r.cluster.Datastores.On(r.call.Node.Name, id)
	if err != nil {
		return nil, err
	}
	if r.kind == "lxc" && !slices.Contains(st.Content, "rootdir") {
		return nil, refusal.BadParam("storage", "storage '%s' does not support container directories", id)
	}
	if r.kind == "qemu" && !slices.Contains(st.Content, "images") {
		return nil, refusal.BadParam("storage", "storage '%s' does not support vm images", id)
	}
	return st, nil
}

// volume decides, before a task starts, whether a volume in a value may be used:
// the storage must exist, take such volumes, and be open to the user.
func (r rights) volume(k string, values map[string]string) error {
	vol := store.VolumeOf(values)
	if on := store.NewVolumeOn(r.kind, vol); on != "" {
		if _, err := r.store(on); err != nil || strings.HasSuffix(vol, ":cloudinit") {
			return err
		}
		return r.source(values["import-from"])
	}
	switch {
	case vol == "none" || vol == "cdrom":
		return nil
	case strings.HasPrefix(vol, "/") && !r.call.User.IsRoot():
		if r.kind == "lxc" {
			what := "bind"
			if strings.HasPrefix(vol, "/dev/") {
				what = "device"
			}
			return refusal.Forbidden("mount point type %s is only allowed for root@pam", what)
		}
		return refusal.Fail("Only root can pass arbitrary filesystem paths.")
	case strings.HasPrefix(vol, "/"):
		return nil
	}
	id, _, ok := strings.Cut(vol, ":")
	if !ok {
		return refusal.BadParam(k, "invalid format - unable to parse volume ID '%s'\n", vol)
	}
	_, err := r.cluster.Datastores.On(r.call.Node.Name, id)
	return err
}

// source decides whether a volume may be imported.
func (r rights) source(from string) error {
	if from == "" {
		return nil
	}
	if strings.HasPrefix(from, "/") {
		if !r.call.User.IsRoot() {
			return refusal.Fail("Only root can pass arbitrary filesystem paths. at pve-storage/src/PVE/Storage.pm line 651.")
		}
		return nil
	}
	id, _, _ := strings.Cut(from, ":")
	if _, err := r.cluster.Datastores.On(r.call.Node.Name, id); err != nil {
		return err
	}
	if _, v := r.cluster.Datastores.Volume(from); v == nil {
		return refusal.Fail("volume '%s' does not exist", from)
	}
	return nil
}

// container holds new values against the rights of the user (check_ct_modify_config_perm).
// old is nil at creation.
func (r rights) container(old *store.Guest, sent conf.File) error {
	for _, k := range slices.Sorted(maps.Keys(sent)) {
		var err error
		switch base := strings.TrimRight(k, "0123456789"); {
		case store.IsMount(k):
			if err = r.need("VM.Config.Disk"); err == nil {
				err = r.volume(k, r.cluster.Tables.Value("lxc", k, sent[k]))
			}
		case k == "features":
			err = r.features(old, sent)
		case k == "hookscript" || base == "dev":
			if !r.call.User.IsRoot() {
				err = refusal.Forbidden("configuring %s is only allowed for root@pam", map[bool]string{true: "hookscript", false: "device passthrough"}[k == "hookscript"])
			}
		case base == "net":
			if err = r.need("VM.Config.Network"); err == nil {
				err = r.bridge(r.cluster.Tables.Value("lxc", k, sent[k]))
			}
		case k == "nameserver" || k == "searchdomain" || k == "hostname":
			err = r.need("VM.Config.Network")
		case k == "memory" || k == "swap":
			err = r.need("VM.Config.Memory")
		case slices.Contains([]string{"cores", "cpulimit", "cpuunits"}, k):
			err = r.need("VM.Config.CPU")
		case slices.Contains([]string{"unprivileged", "arch", "ostype", "template"}, k) || base == "unused":
		default:
			err = r.need("VM.Config.Options")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bridge wants SDN.Use on the bridge of an interface.
func (r rights) bridge(net map[string]string) error {
	bridge := net["bridge"]
	if bridge == "" {
		return nil
	}
	path := "/sdn/zones/localnetwork/" + bridge
	if tag := net["tag"]; tag != "" {
		path += "/" + tag
	}
	return r.call.User.Require(path, "SDN.Use")
}

// features decides whether feature flags may be changed.
func (r rights) features(old *store.Guest, sent conf.File) error {
	if r.call.User.IsRoot() {
		return nil
	}
	unprivileged, before := sent["unprivileged"] == "1", map[string]string{}
	if old != nil {
		unprivileged = old.Config["unprivileged"] == "1"
		before = r.cluster.Tables.Value("lxc", "features", old.Config["features"])
	}
	if !unprivileged {
		return refusal.Forbidden("changing feature flags for privileged container is only allowed for root@pam")
	}
	after := r.cluster.Tables.Value("lxc", "features", sent["features"])
	for _, k := range []string{"force_rw_sys", "fuse", "keyctl", "mknod", "mount"} {
		if before[k] != after[k] {
			return refusal.Forbidden("changing feature flags (except nesting) is only allowed for root@pam")
		}
	}
	if before["nesting"] != after["nesting"] {
		return r.need("VM.Allocate")
	}
	return nil
}

// containerChange checks rights for LXC keys; an empty value is a removal.
func (r rights) containerChange(g *store.Guest, part conf.File) error {
	set := conf.File{}
	for k, v := range part {
		if v == "" && store.IsMount(k) {
			if err := r.need("VM.Config.Disk"); err != nil {
				return err
			}
			continue
		}
		set[k] = v
	}
	return r.container(g, set)
}

var optionPrivileges = map[string][]string{
	"VM.Config.Disk":      {"boot", "bootdisk", "vmstatestorage"},
	"VM.Config.CPU":       {"affinity", "cores", "cpu", "cpulimit", "cpuunits", "numa", "smp", "sockets", "vcpus"},
	"VM.Config.Memory":    {"memory", "balloon", "shares", "hugepages", "keephugepages", "allow-ksm"},
	"VM.Config.Cloudinit": {"cicustom", "cipassword", "citype", "ciuser", "ciupgrade", "nameserver", "searchdomain", "sshkeys"},
	"VM.Config.HWType":    {"acpi", "hotplug", "kvm", "machine", "scsihw", "smbios1", "tablet", "vga", "watchdog", "audio0", "arch", "rng0", "vmgenid", "ivshmem"},
	"VM.Config.Options": {"agent", "autostart", "bios", "description", "keyboard", "localtime", "migrate_downtime", "migrate_speed",
		"name", "onboot", "ostype", "protection", "reboot", "startdate", "startup", "tdf", "template", "tags", "spice_enhancements"},
}

var rootOnly = regexp.MustCompile(`^(args|lock|hookscript|parallel\d+|amd-sev|intel-tdx|freeze)$`)

// vm holds new or removed values against the rights of the user
// (check_vm_modify_config_perm and check_storage_access).
func (r rights) vm(sent conf.File) error {
	for _, k := range slices.Sorted(maps.Keys(sent)) {
		if err := r.vmKey(k, sent[k]); err != nil {
			return err
		}
	}
	return nil
}

func (r rights) vmKey(k, v string) error {
	base := strings.TrimRight(k, "0123456789")
	switch {
	case store.IsDrive(k) || k == "cdrom":
		values := r.cluster.Tables.Value("qemu", strings.Replace(k, "cdrom", "ide2", 1), v)
		priv := "VM.Config.Disk"
		if values["media"] == "cdrom" && !strings.HasSuffix(store.VolumeOf(values), ":cloudinit") {
			priv = "VM.Config.CDROM"
		}
		if err := r.need(priv); err != nil {
			return err
		}
		if v == "" {
			return nil
		}
		return r.volume(k, values)
	case base == "unused":
		return r.need("VM.Config.Disk")
	case base == "net":
		if err := r.need("VM.Config.Network"); err != nil {
			return err
		}
		return r.bridge(r.cluster.Tables.Value("qemu", k, v))
	case base == "ipconfig":
		return r.need("VM.Config.Network")
	case base == "serial" && (v == "socket" || v == ""):
		return r.need("VM.Config.HWType")
	case base == "hostpci" || base == "usb":
		return r.passthrough(k, base, v)
	case k == "sshkeys":
		if err := checkKeys(v); err != nil {
			return err
		}
	case k == "skiplock" && !r.call.User.IsRoot():
		return refusal.BadParam("skiplock", "Only root may use this option.")
	case (rootOnly.MatchString(k) || base == "serial") && !r.call.User.IsRoot():
		return refusal.Fail("only root can set '%s' config", k)
	}
	for priv, keys := range optionPrivileges {
		if slices.Contains(keys, k) || base == "numa" && priv == "VM.Config.CPU" {
			if priv == "VM.Config.Cloudinit" && r.need("VM.Config.Network") == nil {
				return nil
			}
			return r.need(priv)
		}
	}
	return nil
}

// passthrough holds a device of the node against the rights: one that is no mapping is root's
// (check_hostpci_perm and check_usb_perm).
func (r rights) passthrough(k, base, v string) error {
	values := r.cluster.Tables.Value("qemu", k, v)
	kind := strings.TrimPrefix(base, "host")
	switch mapping := values["mapping"]; {
	case v == "" || r.call.User.IsRoot():
	case mapping != "":
		if err := r.call.User.Require("/mapping/"+kind+"/"+mapping, "Mapping.Use"); err != nil {
			return err
		}
	case kind == "pci":
		return refusal.Fail("only root can set '%s' config for non-mapped devices", k)
	case !strings.EqualFold(values["host"], "spice"):
		return refusal.Fail("only root can set '%s' config for real devices", k)
	}
	return r.need("VM.Config.HWType")
}

var sshKey = regexp.MustCompile(`^(?:[^\s#]+ )?(ssh-(ed25519|rsa|dss)|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]+={0,3}( .*)?$`)

// checkKeys wants every line of sshkeys to look like a public key.
func checkKeys(v string) error {
	text, err := url.PathUnescape(v)
	if err != nil {
		return refusal.Fail("SSH public key validation error")
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") && !sshKey.MatchString(line) {
			return refusal.Fail("SSH public key validation error")
		}
	}
	return nil
}
