package guest

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pve"
)

// vm is a declared VM.
type vm struct {
	*declaration.VM
	template *live.Guest // what it is cloned from; nil for none
	store    string      // of the cloud-init drive
	asRoot   bool        // somebody logs in as root@pam itself
}

func (v *vm) limited() []string {
	var limited []string
	for _, d := range v.Disks {
		limited = append(limited, "storage/"+d.Store)
	}
	if v.Template > 0 {
		limited = append(limited, "template/"+strconv.Itoa(v.Template))
	}
	slices.Sort(limited)
	return slices.Compact(limited)
}

// manual says what of a new VM's devices must be set by hand.
func (v *vm) manual(d *delta) {
	if rest := v.ofRoot(v.made()); len(rest) > 0 && !v.asRoot {
		d.byHand(&v.Guest, rest)
	}
}

// made is what the VM has from its template.
func (v *vm) made() pve.Config {
	if v.template == nil {
		return nil
	}
	return v.template.Conf
}

func (v *vm) show(d *delta) {
	if v.Template > 0 {
		d.differs("clone", "", "template "+strconv.Itoa(v.Template)+" in full", "")
	}
	showCommon(d, &v.Guest)
	d.differs("cpu", "", v.CPUType, "")
	for _, disk := range v.Disks {
		d.differs(disk.Interface, "", disk.Store+":"+gib(disk.Size), "")
	}
	for i, n := range v.NICs {
		d.differs("net"+strconv.Itoa(i), "", vmNIC(n).String(), "")
	}
	ip, gw := address(v.Address)
	d.differs("address", "", cmp.Or(strings.TrimSuffix(ip+" gateway "+gw, " gateway "), v.IP6), "")
	if custom := v.custom(); custom != "" {
		d.differs("cloud-init", "", custom, "")
	}
	if v.BIOS != "" {
		d.differs("bios", "", v.BIOS, "")
	}
	if v.Machine != "" {
		d.differs("machine", "", v.Machine, "")
	}
	devices, _ := hostDevices(v.Devices, v.made())
	for _, s := range devices {
		if !s.root || v.asRoot {
			d.differs(s.key, s.from, s.to, "")
		}
	}
}

// setting is an option of a VM, as it is set and compared.
type setting struct {
	key, def, want string
	prop           string // the key within a property string; "" for a scalar
	late           bool   // a running VM takes it over at its next start
	once           bool   // no key declares it: it is for new VMs only
}

func settings(v *declaration.VM) []setting {
	return []setting{
		{key: "name", def: "VM " + strconv.Itoa(v.VMID), want: v.Name},
		{key: "cores", def: "1", want: strconv.Itoa(v.Cores), late: true},
		{key: "sockets", def: "1", want: "1", once: true},
		{key: "cpu", def: "kvm64", want: v.CPUType, prop: "cputype", late: true},
		{key: "memory", def: "512", want: strconv.Itoa(v.Memory), prop: "current", late: true},
		{key: "balloon", want: strconv.Itoa(v.Balloon), late: false},
		{key: "agent", def: "0", want: pve.Flag(v.Agent), prop: "enabled", late: true},
		{key: "vga", def: "std", want: v.VGA, prop: "type", late: true},
		{key: "ostype", def: "other", want: v.OSType, late: true},
		{key: "machine", def: "pc", want: v.Machine, prop: "type", late: true},
		{key: "cpulimit", want: cpuLimit(&v.Guest), once: true},
	}
}

// diff compares a live VM. What cloud-init reads at the first boot is not compared: a
// change of it would take effect never, or with a rebuilt drive and a reboot.
func (v *vm) diff(d *delta, lv *live.Guest) []change.Step {
	memory := pve.ParseProps(lv.Get("memory"), "current").Default()
	for _, s := range settings(v.VM) {
		live := lv.Get(s.key)
		if s.key == "balloon" && live == "" {
			live = memory // without the option it is as large as the memory
		}
		if s.key == "sockets" && live != "" && live != s.want {
			d.addNote("%s=%s: no key declares it, it stays", s.key, live)
		}
		if s.key == "balloon" && !v.Declares(s.key) {
			s.want = follows(live, memory, v.Memory)
		} else if !v.Declares(s.key) {
			continue
		}
		if s.want == "" || s.once {
			continue
		}
		if s.prop == "" {
			d.setting(s, live, s.want, lv.Running())
			continue
		}
		p := pve.ParseProps(live, s.prop)
		d.setting(s, p.Get(s.prop), s.want, lv.Running())
		if d.set.Has(s.key) {
			p.Set(s.prop, s.want)
			d.set.Set(s.key, p.String())
		}
	}
	for i, n := range v.NICs {
		key := "net" + strconv.Itoa(i)
		d.network(key, pve.ParseNet(lv.Get(key)), vmNIC(n))
	}
	d.extra(lv, "net", len(v.NICs))
	d.cpuLimit(&v.Guest, lv)
	d.address(v.VM, lv)
	d.firmware(v.VM, lv)
	d.firstBoot(v.VM, lv)
	steps := d.disks(v.VM, lv)
	d.devices(v.VM, lv)
	return append(steps, d.asked(v.asRoot, &v.Guest, lv)...)
}

// firmware refuses another BIOS: what is installed for one does not boot with the other.
func (d *delta) firmware(v *declaration.VM, lv *live.Guest) {
	have := cmp.Or(lv.Get("bios"), "seabios")
	if v.BIOS == "" || v.BIOS == have {
		return
	}
	d.differs("bios", have, v.BIOS, "")
	d.block("its bios is %s, declared is %s, and a system that is installed for one does not boot with the other: declare %s, or change both by hand", have, v.BIOS, have)
}

// follows is an undeclared balloon: it stays as large as the memory if it was, and is never
// larger, which Proxmox VE refuses.
func follows(balloon, memory string, want int) string {
	n, err := strconv.Atoi(balloon)
	if balloon == memory || err == nil && n > want {
		return strconv.Itoa(want)
	}
	return balloon
}

// address compares what cloud-init gave the VM: a new address takes effect with a rebuilt
// drive and a restart, which are not done behind anybody's back.
func (d *delta) address(v *declaration.VM, lv *live.Guest) {
	live, want := lv.Get("ipconfig0"), ipconfig(&v.Guest)
	have := pve.ParseProps(live, "")
	if v.IP6 == "" {
		have.Delete("ip6", "gw6") // undeclared ones stay
	}
	if live == "" || have.Equal(pve.ParseProps(want, "")) {
		return
	}
	d.owed = true
	d.manual = append(d.manual, fmt.Sprintf("cloud-init gave it %s, declared is %s, and it is read at the first boot only: run on %s: "+
		"qm set %d --ipconfig0 %s && qm cloudinit update %d && qm reboot %d; nothing is published until then",
		live, want, lv.Node, v.VMID, want, v.VMID, v.VMID))
}

// firstBoot adds notes on settings that only count when a VM is created.
func (d *delta) firstBoot(v *declaration.VM, lv *live.Guest) {
	if v.CDROM != "" && !hasDrive(lv.Conf, v.CDROM) {
		d.addNote("its cdrom_file_id (%s) counts only when it is made: it is not inserted", v.CDROM)
	}
	for _, disk := range v.Disks {
		volume := live.VolumeOf(lv.Get(disk.Interface))
		if volume == "" || disk.Format == "" {
			continue
		}
		if live := format(volume); live != disk.Format {
			d.addNote("the file_format of %s is %s, declared is %s: that counts only when it is made, and stays", disk.Interface, live, disk.Format)
		}
	}
	order := bootOrder(lv.Conf)
	switch {
	case len(order) == 0 || len(v.Disks) == 0:
	case !slices.ContainsFunc(order, func(key string) bool { return slices.Contains(lv.DiskList(), key) }):
		d.addNote("its boot order (%s) has no disk: `qm set %d --boot order=%s` makes it boot from the declared one", strings.Join(order, ";"), v.VMID, v.Disks[0].Interface)
	case live.IsDisk(order[0], lv.Get(order[0])) && order[0] != v.Disks[0].Interface:
		d.addNote("it boots from %s, declared as boot disk is %s: that stays", order[0], v.Disks[0].Interface)
	}
}

// format is that of a volume: the ending of its file, raw where it is a block device.
func format(volume string) string {
	for _, f := range []string{"qcow2", "vmdk"} {
		if strings.HasSuffix(volume, "."+f) {
			return f
		}
	}
	return "raw"
}

func (d *delta) setting(s setting, live, want string, running bool) {
	if s.late {
		d.late(s.key, live, s.def, want, running)
		return
	}
	d.plain(s.key, live, s.def, want)
}

// disks compares the declared disks with those on the same interfaces. Others stay.
func (d *delta) disks(v *declaration.VM, lv *live.Guest) []change.Step {
	var steps []change.Step
	for i, disk := range v.Disks {
		key := disk.Interface
		value := lv.Get(key)
		switch {
		case value == "" && i == 0:
			d.block("its boot disk is declared as %s, but it has %s: a blank disk would not boot; declare the live one: %s",
				key, strings.Join(lv.DiskList(), ", "), declareDisks(v, lv))
		case value == "" && d.takesPlace(lv, key, looseDisks(v, lv), func(from string) string {
			if lv.Detaches(from) {
				return fmt.Sprintf("`qm set %d --revert %s`", v.VMID, from)
			}
			return fmt.Sprintf("`qm set %d --%s %s`", v.VMID, key, live.VolumeOf(lv.Get(from)))
		}):
		case value == "":
			d.differs(key, "", disk.Store+":"+gib(disk.Size), "")
			d.set.Set(key, newDisk(disk))
		case !live.IsDisk(key, value):
			d.block("%s is declared as a disk, but it is %s: declare another interface", key, value)
		default:
			steps = append(steps, d.disk(disk, lv)...)
		}
	}
	for _, key := range lv.DiskList() {
		if !slices.ContainsFunc(v.Disks, func(x declaration.Disk) bool { return x.Interface == key }) {
			d.undeclared(v.Key, key, key, "the disk "+key, lv)
		}
	}
	return steps
}

// declareDisks is what to write to declare the live disks of a VM.
func declareDisks(v *declaration.VM, lv *live.Guest) string {
	boot := bootDisk(lv)
	if v.Key != declaration.SplunkKey {
		return fmt.Sprintf(`"boot_disk": {"interface": %q}, and the others under additional_disks`, boot)
	}
	text := fmt.Sprintf(`"splunk_vm": {"boot_disk": {"interface": %q}}`, boot)
	for _, key := range lv.DiskList() {
		if key != boot {
			return fmt.Sprintf(`%s and "data_disk": {"interface": %q} in it`, text, key)
		}
	}
	return text
}

// bootOrder are the devices that a VM boots from, in order; bootdisk and the first disk
// where the order is in the form that Proxmox VE had before 6.3.
func bootOrder(conf pve.Config) []string {
	if order := pve.ParseProps(conf["boot"], "legacy").Get("order"); order != "" {
		return strings.FieldsFunc(order, func(r rune) bool { return r == ';' })
	}
	if first := conf["bootdisk"]; first != "" {
		return []string{first}
	}
	return nil
}

// bootDisk is the live disk that a VM boots from, "" where it has none.
func bootDisk(lv *live.Guest) string {
	for _, key := range bootOrder(lv.Conf) {
		if slices.Contains(lv.DiskList(), key) {
			return key
		}
	}
	if disks := lv.DiskList(); len(disks) > 0 {
		return disks[0]
	}
	return ""
}

// looseDisks are the live volumes of a VM without a declared disk, except the one that it
// boots from.
func looseDisks(v *declaration.VM, lv *live.Guest) []string {
	return slices.DeleteFunc(append(lv.DiskList(), lv.Unused()...), func(key string) bool {
		return key == bootDisk(lv) || !lv.Detaches(key) && slices.ContainsFunc(v.Disks, func(x declaration.Disk) bool { return x.Interface == key })
	})
}

// disk compares an existing disk: its options, where it is, and its size.
func (d *delta) disk(disk declaration.Disk, lv *live.Guest) []change.Step {
	key := disk.Interface
	p := pve.ParseProps(lv.Get(key), "file")
	changed := d.diskOptions(&p, disk, declared(disk))
	if changed {
		d.set.Set(key, p.String())
		d.restarts(lv)
	}
	var steps []change.Step
	if from := p.Default(); strings.HasPrefix(from, "/") {
		d.block("%s is %s of the node, declared is a volume on %s: it is not moved: take %s out of the declaration", key, from, disk.Store, key)
		return steps
	}
	if live := live.Store(p.Default()); live != disk.Store && live != "" {
		d.differs(key+".storage", live, disk.Store, "moved while it runs")
		if d.guarded != "" {
			d.block("%s is on %s, declared is %s: moving removes what it was on, and %s: move it by hand (qm disk move %d %s %s), or declare %s",
				key, live, disk.Store, d.guarded, lv.VMID, key, disk.Store, live)
			return steps
		}
		params := url.Values{"disk": {key}, "storage": {disk.Store}, "delete": {"1"}}
		steps = append(steps, change.Write("move "+key+" to "+disk.Store, "POST", lv.Path()+"/move_disk", params).
			From(lv.Path()+"/config", lv.Get("digest")))
	}
	return append(steps, d.grow(key, p.Get("size"), disk.Size, lv)...)
}

// declared are the options of a disk without those that are defaults.
func declared(disk declaration.Disk) []diskOption {
	return slices.DeleteFunc(diskOptions(disk), func(o diskOption) bool { return slices.Contains(disk.Undeclared, o.key) })
}

// diskOptions compares options of a disk: iothread, ssd and discard.
func (d *delta) diskOptions(p *pve.Props, disk declaration.Disk, options []diskOption) bool {
	changed := false
	for _, o := range options {
		from := cmp.Or(p.Get(o.key), o.def)
		if from == o.want {
			continue
		}
		changed = true
		d.differs(disk.Interface+"."+o.key, from, o.want, "")
		if p.Delete(o.key); o.want != o.def {
			p.Set(o.key, o.want)
		}
	}
	return changed
}

type diskOption struct{ key, def, want string }

// diskOptions are those that the interface has: virtio has no ssd, and only virtio and
// scsi have threads.
func diskOptions(disk declaration.Disk) []diskOption {
	var out []diskOption
	if strings.HasPrefix(disk.Interface, "virtio") || strings.HasPrefix(disk.Interface, "scsi") {
		out = append(out, diskOption{"iothread", "0", pve.Flag(disk.IOThread)})
	}
	if !strings.HasPrefix(disk.Interface, "virtio") {
		out = append(out, diskOption{"ssd", "0", pve.Flag(disk.SSD)})
	}
	if disk.Discard != "" {
		out = append(out, diskOption{"discard", "ignore", disk.Discard})
	}
	return out
}

// newDisk asks for a blank disk: STORAGE:GiB with its options.
func newDisk(disk declaration.Disk) string {
	s := fmt.Sprintf("%s:%d", disk.Store, disk.Size)
	if disk.Format != "" {
		s += ",format=" + disk.Format
	}
	for _, o := range diskOptions(disk) {
		if o.want != o.def {
			s += "," + o.key + "=" + o.want
		}
	}
	return s
}

func ipconfig(g *declaration.Guest) string {
	p := pve.ParseProps("", "")
	ip, gw := address(g.Address)
	if gw != "" {
		p.Set("gw", gw)
	}
	if ip != "" {
		p.Set("ip", ip)
	}
	address6(&p, g)
	return p.String()
}

// custom are the files that cloud-init reads beside what Proxmox VE makes.
func (v *vm) custom() string {
	p := pve.ParseProps("", "")
	for _, f := range []struct{ key, volume string }{{"user", v.CloudInit.User}, {"vendor", v.CloudInit.Vendor}, {"network", v.CloudInit.Network}} {
		if f.volume != "" {
			p.Set(f.key, f.volume)
		}
	}
	return p.String()
}
