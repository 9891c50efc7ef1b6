package declaration

import (
	"slices"
	"strings"
)

func (b *builder) vms(r *object) {
	for _, en := range r.entries("vms", keyRule) {
		b.e.VMs = append(b.e.VMs, b.vm(en))
		en.end()
	}
}

func (b *builder) vm(en entry) VM {
	o := en.object
	v := VM{Guest: b.guest(en, ways{
		kind: QEMU, name: "name", description: "TF VM", tags: []string{"terraform"},
		cores: 4, memory: 2048, minMemory: 256,
	})}
	v.CPUType = o.text("cpu_type", "x86-64-v2-AES", pattern(cpuType, "is not a CPU type", "such as host or x86-64-v2-AES"))
	v.Balloon = o.whole("memory_floating", v.Memory, 0, 65536)
	if v.Balloon > v.Memory {
		b.problem(o.place("memory_floating"), "is more than memory_dedicated", "it is what remains when memory is short: at most memory_dedicated")
	}
	b.disks(o, &v)
	v.NICs = b.interfaces(o, &v.Guest, false)
	b.source(o, &v)
	b.cloudUser(o, &v)
	v.VGA = o.text("vga_type", "std", oneOf("std", "cirrus", "vmware", "qxl"))
	v.Agent = o.flag("agent_enabled", true)
	v.OSType = o.text("os_type", "l26", oneOf("other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11", "l24", "l26", "solaris"))
	b.bootFlag(o, &v.Guest)
	o.unused("ip_config", "addresses are derived from vm_id; ip and dhcp set another one")
	o.unused("cloud_init_user_data", "it was never handed to Proxmox VE")
	b.protect(o, &v.Guest, len(v.Disks) > 1)
	return v
}

// disks reads the boot disk and the additional ones.
func (b *builder) disks(o *object, v *VM) {
	boot := o.orEmpty("boot_disk")
	if boot.get("datastore_id") == nil {
		// As it was: the only default in the estate that is not datastore_default.
		b.note(boot.place("datastore_id"), "is missing, which means local-lvm for a boot disk", "name the datastore")
	}
	v.Disks = []Disk{b.disk(boot, "local-lvm", "scsi0", 64)}
	places := []*object{boot}
	for _, d := range o.objects("additional_disks") {
		if d.get("interface") == nil {
			d.missing("interface")
		}
		if d.get("size") == nil {
			d.missing("size")
		}
		v.Disks = append(v.Disks, b.disk(d, "local-zfs", "", 0))
		places = append(places, d)
	}
	for i, d := range v.Disks {
		if d.Interface != "" && slices.ContainsFunc(v.Disks[:i], func(x Disk) bool { return x.Interface == d.Interface }) {
			b.problem(places[i].place("interface"), places[i].place("interface").or(d.Interface)+" is the interface of two disks", "every disk needs its own, such as scsi1")
		}
	}
}

func (b *builder) disk(d *object, store, iface string, size int) Disk {
	disk := Disk{
		Store:     d.text("datastore_id", store, storeRule),
		Interface: d.text("interface", iface, diskRule),
		Size:      d.whole("size", size, 1, maxDisk),
		Format:    d.text("file_format", "raw", oneOf("raw", "qcow2", "vmdk")),
		IOThread:  d.flag("iothread", true),
		SSD:       d.flag("ssd", false),
		Discard:   d.text("discard", "ignore", oneOf("ignore", "on")),
	}
	bus := strings.TrimRight(disk.Interface, "0123456789")
	if disk.SSD && bus == "virtio" {
		b.problem(d.place("ssd"), "is true on "+disk.Interface+", and virtio has no such property", "drop it or use scsi")
	}
	if bus == "ide" || bus == "sata" {
		if d.get("iothread") != nil && disk.IOThread {
			b.problem(d.place("iothread"), "is true on "+disk.Interface+", and only scsi and virtio have threads", "drop it or use scsi")
		}
		disk.IOThread = false
	}
	d.end()
	return disk
}

// source is what the VM is made of: a template, an installation image, or nothing.
func (b *builder) source(o *object, v *VM) {
	if t := o.object("clone_template"); t != nil {
		if t.get("template_id") != nil {
			v.Template = t.whole("template_id", 0, minVMID, maxVMID)
			b.uses = append(b.uses, templateUse{v.Template, t.place("template_id")})
		}
		t.end()
	}
	// Decision: the volume that is named. Any value used to mean the estate's ISO.
	v.CDROM = o.text("cdrom_file_id", "", func(s string) (string, string) {
		if s == "" || volumeID.MatchString(s) {
			return "", ""
		}
		return "is not a volume ID", "such as " + b.e.ISO
	})
}

// cloudUser reads the user that cloud-init makes on first boot.
//
// Decision: keys of the declaration are let in beside the operator's; the modules
// dropped them.
func (b *builder) cloudUser(o *object, v *VM) {
	v.User = "debian"
	var keys []string
	if a := o.object("user_account"); a != nil {
		v.User = a.text("username", "debian", pattern(wordText, "is not a login name", ""))
		v.Password = b.password(a)
		keys = a.texts("keys", nil, publicKeyRule)
		a.end()
	} else {
		o.set("user_account.username", nil, v.User)
	}
	v.Keys = withKey(keys, b.e.SSH.GuestPublicKey)
}
