package declaration

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
)

// SplunkKey is the key of the Splunk VM in the inventory: playbooks expect it.
const SplunkKey = "splunk"

// splunkKeys are the top-level keys that are about nothing else.
func splunkKeys() []string {
	return []string{"splunk_vm_id", "splunk_vm_name", "splunk_vm_pool_id", "splunk_boot_disk_size", "splunk_data_disk_size",
		"splunk_cpu_cores", "splunk_memory", "template_id", "splunk_vm"}
}

// splunkVM reads the Splunk VM.
type splunkVM struct{ guests }

// read returns the VM, or nil when none is declared.
//
// Decision: without any of its keys none is declared, and with one of them
// splunk_vm_id has to be there. Its default was 100, the VMID of a container; a line
// that got lost would have meant another VM.
func (b splunkVM) read(r *reader.Object) *VM {
	declared := slices.ContainsFunc(splunkKeys(), func(k string) bool { return r.Get(k) != nil })
	// The datastore and the bridge of this VM have general names.
	store := r.Text("datastore_id", "local-zfs", storeRule)
	bridge := r.Text("bridge", "vmbr0", bridgeRule)
	if !declared {
		return nil
	}
	v := VM{Guest: Guest{Key: SplunkKey, Kind: QEMU, Class: "splunk_vm", OnBoot: true}}
	if r.Get("splunk_vm_id") == nil {
		r.Missing("splunk_vm_id")
	} else {
		v.VMID = r.Whole("splunk_vm_id", 0, minVMID, 9999)
		b.claims.vmid(v.VMID, r.Place("splunk_vm_id"))
	}
	v.Name = r.Text("splunk_vm_name", "splunk-vm", nameRule)
	v.Description = "Splunk Enterprise Docker - " + v.Name
	v.Tags = []string{"terraform", "splunk", "docker", "enterprise"} // without the environment
	v.Pool = b.pool(r, "splunk_vm_pool_id")
	v.Cores = r.Whole("splunk_cpu_cores", 8, 1, 32)
	v.Memory = r.Whole("splunk_memory", 12288, 1024, 65536)
	v.Balloon = v.Memory
	v.CPUType, v.OSType, v.Agent = "host", "l26", true
	v.Undeclared = []string{"cpu", "ostype", "agent", "balloon"} // no key declares them
	v.Template = r.Whole("template_id", 9201, minVMID, 9999)
	b.claims.template(v.Template, r.Place("template_id"))
	o := r.OrEmpty("splunk_vm")
	b.disks(r, o, &v, store)
	v.User, v.Keys = "debian", b.accounts.keys(nil)
	v.NICs = []NIC{{Model: "virtio", Bridge: bridge, Firewall: true}}
	b.object(r, o, &v)
	v.Snippet = cloudConfig(v.Name, b.estate.Domain, dataDevice(v.Disks))
	v.SnippetFile = b.estate.FileStore + ":snippets/" + v.Name + "-cloud-init.yml"
	v.CloudInit.User = v.SnippetFile
	b.claims.unique("the name", v.Name, r.Place("splunk_vm_name"))
	b.claims.unique("the key", SplunkKey, r.Place("splunk_vm_id"))
	return &v
}

// disks reads the sizes, which are top-level keys, and the interfaces, which are in the
// object splunk_vm: a VM that was cloned from a template on scsi0 has its disks there.
func (b splunkVM) disks(r, o *reader.Object, v *VM, store string) {
	disk := Disk{Store: store, Format: "raw", Discard: "ignore", Undeclared: []string{"iothread", "ssd", "discard"}}
	disk.Interface, disk.Size = b.diskInterface(o, "boot_disk", "virtio0"), r.Whole("splunk_boot_disk_size", 25, 1, 1000)
	disk.IOThread = threads(disk.Interface)
	v.Disks = []Disk{disk}
	disk.Interface, disk.Size = b.diskInterface(o, "data_disk", "virtio1"), r.Whole("splunk_data_disk_size", 200, 0, 1000)
	disk.IOThread = threads(disk.Interface)
	if disk.Size == 0 {
		return
	}
	if v.Disks = append(v.Disks, disk); disk.Interface == v.Disks[0].Interface {
		b.report.Problem(o.Place("data_disk"), disk.Interface+" is the interface of both disks", "every disk needs its own, such as scsi1")
	}
}

func (b splunkVM) diskInterface(o *reader.Object, key, def string) string {
	d := o.OrEmpty(key)
	iface := d.Text("interface", def, diskRule)
	d.End()
	return iface
}

// dataDevice is how Linux calls the data disk, "" where there is none. SCSI disks have a
// link by the name of their drive in QEMU; virtio disks without a serial number have only
// a letter, in the order of their interfaces.
func dataDevice(disks []Disk) string {
	if len(disks) < 2 {
		return ""
	}
	data := disks[1].Interface
	if strings.HasPrefix(data, "scsi") {
		return "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_drive-" + data
	}
	if boot := disks[0].Interface; !strings.HasPrefix(boot, "virtio") || len(boot) > len(data) || len(boot) == len(data) && boot > data {
		return "/dev/vda"
	}
	return "/dev/vdb"
}

// object reads the object splunk_vm: the fields that other guests have and this
// one had not. It is always protected.
func (b splunkVM) object(r, o *reader.Object, v *VM) {
	b.placement(o.With("vm_id", r.Get("splunk_vm_id"), "node", "ip", "dhcp", "gateway", "nameservers"), &v.Guest)
	if o.Get("vlan") != nil {
		v.NICs[0].VLAN = o.Whole("vlan", 0, 1, 4094)
	}
	b.addresses.reachable(o, &v.Guest, v.Address.CIDR)
	b.rules.guest(o, &v.Guest)
	b.fixedSplunk(o, &v.Guest)
	if o.Get("startup") != nil {
		v.Startup = b.startup(o, v.VMID)
	}
	v.OnBoot = o.Flag("on_boot", true)
	v.Protection = true
	if p := o.Typed("protection", reader.KindFlag); p != nil && p.Text == "false" {
		b.report.Problem(p, "is false, and the Splunk VM is always protected", "remove the key; who really wants to remove the VM takes protection off in Proxmox VE")
	}
	o.Set("protection", nil, true)
	o.End()
}

// cloudConfig is the user data of the Splunk VM's first boot: swap, and the data disk
// on /opt/splunk. It is done by runcmd, since disk_setup runs before user data is
// there on Proxmox VE's NoCloud drive and is skipped. It holds no secret and no Splunk
// configuration. A labelled file system is never formatted again.
// device is the data disk; "" for the default, which a VM without one may get later.
func cloudConfig(name, domain, device string) string {
	device = cmp.Or(device, "/dev/vdb")
	partition := device + "1"
	if strings.HasPrefix(device, "/dev/disk/") {
		partition = device + "-part1"
	}
	var b strings.Builder
	b.WriteString("#cloud-config\n")
	fmt.Fprintf(&b, "hostname: %s\n", name)
	if domain != "" {
		fmt.Fprintf(&b, "fqdn: %s.%s\nmanage_etc_hosts: true\n", name, domain)
	}
	b.WriteString(strings.NewReplacer("PARTITION", partition, "DEVICE", device).Replace(`runcmd:
  - |
    if ! blkid -L splunk-data >/dev/null; then
      parted --script DEVICE mklabel gpt mkpart primary ext4 0% 100%
      udevadm settle
      mkfs.ext4 -L splunk-data PARTITION
    fi
  - mkdir -p /opt/splunk
  - grep -q 'LABEL=splunk-data' /etc/fstab || echo 'LABEL=splunk-data /opt/splunk ext4 defaults,nofail 0 2' >> /etc/fstab
  - mountpoint -q /opt/splunk || mount /opt/splunk
  - |
    if [ ! -f /swapfile ]; then
      fallocate -l 8G /swapfile || dd if=/dev/zero of=/swapfile bs=1M count=8192
      chmod 0600 /swapfile
      mkswap /swapfile
    fi
    swapon --show=NAME --noheadings | grep -qx /swapfile || swapon /swapfile
    grep -q '^/swapfile ' /etc/fstab || echo '/swapfile none swap sw 0 0' >> /etc/fstab
  - mkdir -p /opt/splunk/var /opt/splunk/etc
  - chmod 777 /opt/splunk /opt/splunk/var /opt/splunk/etc
  - install -d -o root -g root /opt/splunk-config
`))
	return b.String()
}
