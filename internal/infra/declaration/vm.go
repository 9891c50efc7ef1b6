package declaration

import (
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
)

// vms reads the generic VMs.
type vms struct{ guests }

func (b vms) read(en reader.Entry) VM {
	o := en.Object
	v := VM{Guest: b.guest(en, kindDefaults{
		kind: QEMU, nameKey: "name", description: "TF VM", tags: []string{"terraform"},
		cores: 4, memory: 2048, minMemory: 256,
	})}
	v.CPUType = o.Text("cpu_type", "x86-64-v2-AES", pattern(cpuType, "is not a CPU type", "such as host or x86-64-v2-AES"))
	v.Balloon = o.Whole("memory_floating", v.Memory, 0, 65536)
	if v.Balloon > v.Memory {
		b.report.Problem(o.Place("memory_floating"), "is more than memory_dedicated", "it is what remains when memory is short: at most memory_dedicated")
	}
	b.disks(o, &v)
	v.unless(o, "cpu_type", "cpu")
	v.unless(o, "memory_floating", "balloon")
	v.unless(o, "agent_enabled", "agent")
	v.unless(o, "os_type", "ostype")
	v.NICs = nics{b.report, b.claims}.read(o, &v.Guest, false)
	b.firmware(o, &v)
	b.devices(o, &v)
	b.limited(o, &v.Guest)
	b.addresses.read6(o, &v.Guest)
	b.source(o, &v)
	b.cloudUser(o, &v)
	b.cloudInit(o, &v)
	v.VGA = o.Word("vga_type", "", "std", "cirrus", "vmware", "qxl", "serial0", "virtio", "none", "")
	v.Agent = o.Flag("agent_enabled", true)
	v.OSType = o.Word("os_type", "l26", "other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11", "l24", "l26", "solaris")
	b.bootFlag(o, &v.Guest)
	o.Unused("ip_config", "addresses are derived from vm_id; ip and dhcp set another one")
	o.Unused("cloud_init_user_data", "it was never handed to Proxmox VE; cloud_init has what is")
	b.protect(o, &v.Guest, len(v.Disks) > 1)
	return v
}

// disks reads the boot disk and the additional ones.
func (b vms) disks(o *reader.Object, v *VM) {
	boot := o.OrEmpty("boot_disk")
	if boot.Get("datastore_id") == nil {
		// As it was: the only default in the estate that is not datastore_default.
		b.report.AddNote(boot.Place("datastore_id"), "is missing, which means local-lvm for a boot disk", "name the datastore")
	}
	v.Disks = []Disk{b.disk(boot, "local-lvm", "scsi0", 64)}
	places := []*reader.Object{boot}
	for _, d := range o.Objects("additional_disks") {
		d.Need("interface")
		d.Need("size")
		v.Disks = append(v.Disks, b.disk(d, "local-zfs", "", 0))
		places = append(places, d)
	}
	for i, d := range v.Disks {
		if d.Interface != "" && slices.ContainsFunc(v.Disks[:i], func(x Disk) bool { return x.Interface == d.Interface }) {
			b.report.Problem(places[i].Place("interface"), places[i].Place("interface").Or(d.Interface)+" is the interface of two disks", "every disk needs its own, such as scsi1")
		}
	}
}

func (b vms) disk(d *reader.Object, store, iface string, size int) Disk {
	disk := Disk{
		Store:     d.Text("datastore_id", store, storeRule),
		Interface: d.Text("interface", iface, diskRule),
		Size:      d.Whole("size", size, 1, maxDisk),
		Format:    d.Word("file_format", "raw", "raw", "qcow2", "vmdk"),
		IOThread:  d.Flag("iothread", true),
		SSD:       d.Flag("ssd", false),
		Discard:   d.Word("discard", "ignore", "ignore", "on"),
	}
	for _, key := range []string{"iothread", "ssd", "discard"} {
		if d.Get(key) == nil {
			disk.Undeclared = append(disk.Undeclared, key)
		}
	}
	if disk.SSD && strings.HasPrefix(disk.Interface, "virtio") {
		b.report.Problem(d.Place("ssd"), "is true on "+disk.Interface+", and virtio has no such property", "drop it or use scsi")
	}
	if !threads(disk.Interface) {
		if d.Get("iothread") != nil && disk.IOThread {
			b.report.Problem(d.Place("iothread"), "is true on "+disk.Interface+", and only scsi and virtio have threads", "drop it or use scsi")
		}
		disk.IOThread = false
	}
	d.End()
	return disk
}

// threads reports whether a disk there can have a thread of its own.
func threads(iface string) bool {
	return strings.HasPrefix(iface, "scsi") || strings.HasPrefix(iface, "virtio")
}

// source is what the VM is made of: a template, an installation image, or nothing.
func (b vms) source(o *reader.Object, v *VM) {
	if t := o.Object("clone_template"); t != nil {
		if t.Get("template_id") != nil {
			v.Template = t.Whole("template_id", 0, minVMID, maxVMID)
			b.claims.template(v.Template, t.Place("template_id"))
		}
		t.End()
	}
	// Decision: the volume that is named. Any value used to mean the estate's ISO.
	v.CDROM = o.Text("cdrom_file_id", "", func(s string) (string, string) {
		if s == "" || volumeID.MatchString(s) {
			return "", ""
		}
		return "is not a volume ID", "such as " + b.estate.ISO
	})
}

// cloudUser reads the user that cloud-init makes on first boot.
//
// Decision: keys of the declaration are let in beside the operator's; the modules
// dropped them.
func (b vms) cloudUser(o *reader.Object, v *VM) {
	v.User = "debian"
	var keys []string
	if a := o.Object("user_account"); a != nil {
		v.User = a.Text("username", "debian", pattern(wordText, "is not a login name", ""))
		v.Password = b.accounts.password(a)
		keys = a.Texts("keys", nil, publicKeyRule)
		a.End()
	} else {
		o.Set("user_account.username", nil, v.User)
	}
	v.Keys = b.accounts.keys(keys)
}
