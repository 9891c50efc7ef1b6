package guest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pve"
)

// create makes a VM: a full clone of its template that is then set up, grown and
// started, or one from nothing. Until the last step its description is live.Unfinished,
// and an apply after an interruption continues from lv.
func (v *vm) create(lv *live.Guest) []change.Step {
	var steps []change.Step
	path := live.GuestPath(v.Node, declaration.QEMU, v.VMID)
	base := lv
	if lv == nil {
		first := v.firstStep()
		first.Free = v.VMID
		steps = append(steps, first)
		base = v.template
	} else {
		path = lv.Path()
	}
	var conf pve.Config
	if base != nil {
		conf = base.Conf
	}
	if conf != nil && (lv == nil || !lv.Running()) { // without a template the first step has set everything
		steps = append(steps, v.setUp(path, base)...)
	}
	if rest := v.ofRoot(conf); len(rest) > 0 && v.asRoot {
		steps = append(steps, rootStep(rest, path, ""))
	}
	return append(steps, finish(path, lv, v.Description)...)
}

// firstStep clones, or makes a VM without template.
func (v *vm) firstStep() change.Step {
	id := strconv.Itoa(v.VMID)
	t := v.template
	if v.Template == 0 || t == nil {
		params := v.params(pve.Config{}, true)
		params.Set("vmid", id)
		params.Set("scsihw", "virtio-scsi-pci")
		params.Set("description", live.Unfinished)
		if v.Pool != "" {
			params.Set("pool", v.Pool)
		}
		step := change.Write("create", "POST", pve.Path("nodes", v.Node, "qemu"), params)
		step.Disks = v.Disks
		return step
	}
	params := url.Values{"newid": {id}, "name": {v.Name}, "full": {"1"}, "description": {live.Unfinished}}
	if v.Pool != "" {
		params.Set("pool", v.Pool)
	}
	if len(v.Disks) > 0 {
		params.Set("storage", v.Disks[0].Store)
	}
	if t.Node != v.Node {
		params.Set("target", v.Node)
	}
	return change.Write("clone template "+strconv.Itoa(v.Template), "POST", t.Path()+"/clone", params)
}

// setUp gives a clone its options, its cloud-init data and missing disks in one request,
// and grows the disks that it has from the template.
func (v *vm) setUp(path string, base *live.Guest) []change.Step {
	params := v.params(base.Conf, false)
	// It may allocate disks, which takes longer than the proxy waits for an answer: so
	// the form that works in a task.
	first := change.Write("set up", "POST", path+"/config", params).From(path+"/config", "")
	first.Disks = v.Disks
	steps := []change.Step{first}
	for _, disk := range v.Disks {
		value, exists := base.Conf[disk.Interface]
		if !exists {
			continue
		}
		size := pve.ParseProps(value, "file").Get("size")
		if live.Mebibytes(size) < float64(disk.Size*1024) {
			p := url.Values{"disk": {disk.Interface}, "size": {gib(disk.Size)}}
			steps = append(steps, change.Write("grow "+disk.Interface+" to "+gib(disk.Size), "PUT", path+"/resize", p).From(path+"/config", ""))
		}
	}
	return steps
}

// params are the options of a new VM. conf is what it has from its template.
func (v *vm) params(conf pve.Config, blank bool) url.Values {
	p := url.Values{
		"numa": {"0"}, "tags": {live.TagList(v.Tags)}, "onboot": {pve.Flag(v.OnBoot)}, "protection": {pve.Flag(v.Protection)},
		"ipconfig0": {ipconfig(&v.Guest)},
	}
	for _, s := range settings(v.VM) {
		if s.want != "" {
			p.Set(s.key, s.want)
		}
	}
	if v.Agent {
		p.Set("agent", "enabled=1,fstrim_cloned_disks=1,type=virtio")
	}
	if v.Startup.Order != 0 {
		p.Set("startup", startup(v.Startup.Order, v.Startup.Up))
	}
	for key, value := range map[string]string{
		"ciuser": v.User, "cipassword": v.Password.Reveal(), "sshkeys": sshKeys(v.Keys),
		"searchdomain": v.Domain, "nameserver": nameserverList(&v.Guest), "cicustom": v.custom(), "ciupgrade": v.CloudInit.Upgrade, "bios": v.BIOS,
	} {
		if value != "" {
			p.Set(key, value)
		}
	}
	v.firmware(p, conf)
	v.drives(p, conf, blank)
	for i, n := range v.NICs {
		p.Set("net"+strconv.Itoa(i), vmNIC(n).String())
	}
	devices, _ := hostDevices(v.Devices, conf)
	for _, s := range devices {
		if !s.root {
			p.Set(s.key, s.to)
		}
	}
	if extra := extraNICs(conf, len(v.NICs)); len(extra) > 0 {
		p.Set("delete", strings.Join(extra, ","))
	}
	return p
}

// firmware adds the disk for the variables of UEFI, unless the template has one.
func (v *vm) firmware(p url.Values, conf pve.Config) {
	if _, has := conf["efidisk0"]; v.EFI != nil && !has {
		p.Set("efidisk0", fmt.Sprintf("%s:1,efitype=%s,pre-enrolled-keys=%s", v.EFI.Store, v.EFI.Type, pve.Flag(v.EFI.PreEnrolledKey)))
	}
}

// drives adds the cloud-init drive and the CD-ROM, and says what a new VM boots from.
func (v *vm) drives(p url.Values, conf pve.Config, blank bool) {
	var boot []string
	if blank && len(v.Disks) > 0 {
		boot = append(boot, v.Disks[0].Interface)
	}
	if !hasCloudInit(conf) {
		p.Set(freeDrive(p, conf, "ide2"), v.store+":cloudinit")
	}
	if v.CDROM != "" && !hasDrive(conf, v.CDROM) {
		drive := freeDrive(p, conf, "ide3")
		p.Set(drive, v.CDROM+",media=cdrom")
		boot = append(boot, drive)
	}
	switch order := bootOrder(conf); {
	case blank:
		p.Set("boot", "order="+strings.Join(boot, ";"))
	case len(v.Disks) > 0 && (len(order) == 0 || order[0] != v.Disks[0].Interface):
		// A template that boots from its network card, or from nothing, makes a VM that never boots.
		p.Set("boot", "order="+v.Disks[0].Interface)
	}
}

func hasDrive(conf pve.Config, volume string) bool {
	for key, value := range conf {
		if live.DiskKeys.MatchString(key) && pve.ParseProps(value, "file").Default() == volume {
			return true
		}
	}
	return false
}

// Complete returns the parameters of a step with the disks that it is to bring about:
// missing ones are made, the options of the others are put to their volumes, which only
// conf, the live configuration, knows.
func Complete(s change.Step, conf pve.Config) url.Values {
	out := maps.Clone(s.Params)
	for _, disk := range s.Disks {
		value, exists := conf[disk.Interface]
		if !exists {
			out.Set(disk.Interface, newDisk(disk))
			continue
		}
		p := pve.ParseProps(value, "file")
		if newDelta().diskOptions(&p, disk, diskOptions(disk)) {
			out.Set(disk.Interface, p.String())
		}
	}
	return out
}

func hasCloudInit(conf pve.Config) bool {
	for key, value := range conf {
		if live.DiskKeys.MatchString(key) && strings.Contains(value, "cloudinit") {
			return true
		}
	}
	return false
}

// freeDrive is the wanted IDE place, or another one if that is taken.
func freeDrive(p url.Values, conf pve.Config, want string) string {
	for _, key := range []string{want, "ide2", "ide3", "ide1", "ide0"} {
		if _, taken := conf[key]; !taken && !p.Has(key) {
			return key
		}
	}
	return want
}

// extraNICs are the template's network cards beyond the declared ones.
func extraNICs(conf pve.Config, declared int) []string {
	var out []string
	for key := range conf {
		if m := live.NICKeys.FindStringSubmatch(key); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil && n >= declared {
				out = append(out, key)
			}
		}
	}
	slices.Sort(out)
	return out
}

// sshKeys are percent-encoded by themselves, before the form is.
func sshKeys(keys []string) string {
	return strings.ReplaceAll(url.QueryEscape(strings.Join(keys, "\n")), "+", "%20")
}
