package declaration

import (
	"fmt"
	"slices"
	"strings"
)

// SplunkKey is the key of the Splunk VM in the inventory: playbooks expect it.
const SplunkKey = "splunk"

// splunkKeys are the top-level keys that are about nothing else.
func splunkKeys() []string {
	return []string{"splunk_vm_id", "splunk_vm_name", "splunk_vm_pool_id", "splunk_boot_disk_size", "splunk_data_disk_size",
		"splunk_cpu_cores", "splunk_memory", "template_id", "splunk_vm"}
}

// splunk reads the Splunk VM.
//
// Decision: without any of its keys none is declared, and with one of them
// splunk_vm_id has to be there. Its default was 100, the VMID of a container; a line
// that got lost would have meant another VM.
func (b *builder) splunk(r *object) {
	declared := slices.ContainsFunc(splunkKeys(), func(k string) bool { return r.get(k) != nil })
	// The datastore and the bridge of this VM have general names.
	store := r.text("datastore_id", "local-zfs", storeRule)
	bridge := r.text("bridge", "vmbr0", bridgeRule)
	if !declared {
		return
	}
	v := VM{Guest: Guest{Key: SplunkKey, Kind: QEMU, Class: "splunk_vm", OnBoot: true}}
	if r.get("splunk_vm_id") == nil {
		r.missing("splunk_vm_id")
	} else {
		v.VMID = r.whole("splunk_vm_id", 0, minVMID, 9999)
		b.claimVMID(v.VMID, r.place("splunk_vm_id"))
	}
	v.Name = r.text("splunk_vm_name", "splunk-vm", nameRule)
	v.Description = "Splunk Enterprise Docker - " + v.Name
	v.Tags = []string{"terraform", "splunk", "docker", "enterprise"} // without the environment
	v.Pool = b.pool(r, "splunk_vm_pool_id")
	v.Cores = r.whole("splunk_cpu_cores", 8, 1, 32)
	v.Memory = r.whole("splunk_memory", 12288, 1024, 65536)
	v.Balloon = v.Memory
	v.CPUType, v.VGA, v.OSType, v.Agent = "host", "std", "l26", true
	v.Template = r.whole("template_id", 9201, minVMID, 9999)
	b.uses = append(b.uses, templateUse{v.Template, r.place("template_id")})
	b.splunkDisks(r, &v, store)
	v.User, v.Keys = "debian", withKey(nil, b.e.SSH.GuestPublicKey)
	v.NICs = []NIC{{Model: "virtio", Bridge: bridge, Firewall: true}}
	b.splunkExtra(r, &v)
	v.Snippet = cloudConfig(v.Name, b.e.Domain)
	v.SnippetFile = b.e.FileStore + ":snippets/" + v.Name + "-cloud-init.yml"
	b.claimSplunk(r, &v)
	b.e.Splunk = &v
}

func (b *builder) splunkDisks(r *object, v *VM, store string) {
	disk := Disk{Store: store, Format: "raw", IOThread: true, Discard: "ignore"}
	disk.Interface, disk.Size = "virtio0", r.whole("splunk_boot_disk_size", 25, 1, 1000)
	v.Disks = []Disk{disk}
	disk.Interface, disk.Size = "virtio1", r.whole("splunk_data_disk_size", 200, 0, 1000)
	if disk.Size > 0 {
		v.Disks = append(v.Disks, disk)
	}
}

// splunkExtra reads the object splunk_vm: the fields that other guests have and this
// one had not. It is always protected.
func (b *builder) splunkExtra(r *object, v *VM) {
	o := r.orEmpty("splunk_vm")
	b.placement(&object{l: o.l, v: o.v.with("vm_id", r.get("splunk_vm_id")), asked: nil}, &v.Guest)
	o.asked = append(o.asked, "node", "ip", "dhcp", "gateway", "nameservers")
	if o.get("vlan") != nil {
		v.NICs[0].VLAN = o.whole("vlan", 0, 1, 4094)
	}
	b.fixedSplunk(o, &v.Guest)
	if o.get("startup") != nil {
		v.Startup = b.startup(o, v.VMID)
	}
	v.OnBoot = o.flag("on_boot", true)
	v.Protection = true
	if p := o.typed("protection", isFlag); p != nil && p.text == "false" {
		b.problem(p, "is false, and the Splunk VM is always protected", "remove the key; who really wants to remove the VM takes protection off in Proxmox VE")
	}
	o.set("protection", nil, true)
	o.end()
}

// fixedSplunk makes sure that firewall rules can name a Splunk host.
func (b *builder) fixedSplunk(o *object, g *Guest) {
	if g.Address.DHCP {
		b.problem(o.place("dhcp"), "is true, and firewall rules name Splunk hosts by address", "give it a fixed one")
	}
}

// with is the object with one more member.
func (v *value) with(name string, m *value) *value {
	clone := *v
	if m != nil {
		clone.members = append(slices.Clone(v.members), member{name, m})
	}
	return &clone
}

func (b *builder) claimSplunk(r *object, v *VM) {
	b.unique("the name", v.Name, r.place("splunk_vm_name"))
	b.unique("the key", SplunkKey, r.place("splunk_vm_id"))
}

// cloudConfig is the user data of the Splunk VM's first boot: swap, and the data disk
// on /opt/splunk. It is done by runcmd, since disk_setup runs before user data is
// there on Proxmox VE's NoCloud drive and is skipped. It holds no secret and no Splunk
// configuration. A labelled file system is never formatted again.
func cloudConfig(name, domain string) string {
	var b strings.Builder
	b.WriteString("#cloud-config\n")
	fmt.Fprintf(&b, "hostname: %s\n", name)
	if domain != "" {
		fmt.Fprintf(&b, "fqdn: %s.%s\nmanage_etc_hosts: true\n", name, domain)
	}
	b.WriteString(`runcmd:
  - |
    if ! blkid -L splunk-data >/dev/null; then
      parted --script /dev/vdb mklabel gpt mkpart primary ext4 0% 100%
      udevadm settle
      mkfs.ext4 -L splunk-data /dev/vdb1
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
`)
	return b.String()
}
