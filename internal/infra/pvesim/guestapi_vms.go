package pvesim

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const qemuCreateOnly = `
archive str len=..255
bwlimit int 0..
force bool requires=archive
ha-managed bool
import-working-storage storage
live-restore bool
pool pool
start bool
storage storage
unique bool requires=archive`

var configPrivileges = []string{"VM.Config.Disk", "VM.Config.CDROM", "VM.Config.CPU", "VM.Config.Memory",
	"VM.Config.Network", "VM.Config.HWType", "VM.Config.Options", "VM.Config.Cloudinit"}

func qemuRoutes() []*route {
	update := []string{"guest", "qemu", "update"}
	may := needAny("/vms/{vmid}", configPrivileges...)
	return []*route{
		{method: "POST", path: "/nodes/{node}/qemu", groups: []string{"guest", "qemu"}, params: qemuCreateOnly, handle: createQEMU, without: []string{"skiplock"}},
		{method: "PUT", path: "/nodes/{node}/qemu/{vmid}/config", groups: update, params: "force bool requires=delete\nskiplock bool", handle: updateQEMU, check: may},
		{method: "POST", path: "/nodes/{node}/qemu/{vmid}/config", groups: update, handle: updateQEMUTask, check: may, params: `
			background_delay int 1..30
			force bool requires=delete
			import-working-storage storage
			skiplock bool`},
		{method: "POST", path: "/nodes/{node}/qemu/{vmid}/template", groups: []string{"guest"}, params: "disk str", handle: templateQEMU, check: need("/vms/{vmid}", "VM.Allocate")},
		{method: "PUT", path: "/nodes/{node}/qemu/{vmid}/unlink", groups: []string{"guest"}, params: "force bool\nidlist! configids", handle: unlink, check: need("/vms/{vmid}", "VM.Config.Disk")},
		{method: "POST", path: "/nodes/{node}/qemu/{vmid}/move_disk", groups: []string{"guest"}, params: `
			bwlimit int 0..
			delete bool
			digest str len=..40
			disk! str re=(ide|sata|scsi|virtio|unused)\d+|efidisk0|tpmstate0
			format str enum=raw|qcow2|vmdk
			storage storage
			target-digest str len=..40
			target-disk str
			target-vmid int 100..999999999`, handle: moveDisk, check: need("/vms/{vmid}", "VM.Config.Disk")},
		{method: "GET", path: "/nodes/{node}/qemu/{vmid}/cloudinit", groups: []string{"guest"}, handle: cloudinitPending, check: need("/vms/{vmid}", "VM.Audit")},
		{method: "PUT", path: "/nodes/{node}/qemu/{vmid}/cloudinit", groups: []string{"guest"}, handle: cloudinitRegenerate, check: need("/vms/{vmid}", "VM.Config.Cloudinit")},
		{method: "GET", path: "/nodes/{node}/qemu/{vmid}/cloudinit/dump", groups: []string{"guest"}, params: "type! str enum=user|network|meta", handle: cloudinitDump, check: need("/vms/{vmid}", "VM.Audit")},
		{method: "GET", path: "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces", groups: []string{"guest"}, handle: agentInterfaces,
			check: needAny("/vms/{vmid}", "VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted")},
	}
}

func createQEMU(c *call) (any, error) {
	if c.has("archive") {
		return nil, fail("the simulator does not restore VMs")
	}
	sent := c.settings("qemu")
	if err := c.admitQEMU(sent); err != nil {
		return nil, err
	}
	g := newGuest(c.vmid(), "qemu", c.node.name)
	g.config["lock"] = "create"
	c.guests[g.vmid] = g
	c.normalQEMU(sent)
	var made []string
	t, upid := c.spawn("qmcreate", strconv.Itoa(g.vmid), func(t *task) error {
		if err := c.buildQEMU(g, sent, t, &made); err != nil {
			return fail("unable to create VM %d - %s", g.vmid, err)
		}
		return nil
	})
	t.undo = c.abandon(g, &made)
	return upid, nil
}

func (c *call) admitQEMU(sent config) error {
	if err := c.admit("qemu", c.vmid()); err != nil {
		return err
	}
	return c.checkQEMU(sent, c.str("pool"))
}

// normalQEMU rewrites values as the server stores them.
func (c *call) normalQEMU(sent config) {
	for k, v := range sent {
		switch {
		case netKey.MatchString(k):
			net := c.parse("qemu", k, v)
			if net["macaddr"] == "" {
				net["macaddr"] = c.mac()
			}
			net["macaddr"] = strings.ToUpper(net["macaddr"])
			sent[k] = c.tables.printProps("qemunet", net)
		case k == "tags":
			sent[k] = normalTags(v)
		case k == "cipassword":
			sent[k] = "$5$" + sha1Hex(v)
		case k == "cdrom":
			sent["ide2"] = v + ",media=cdrom"
			delete(sent, k)
		}
	}
	delete(sent, "reboot")
}

func (c *call) buildQEMU(g *guest, sent config, t *task, made *[]string) error {
	for _, k := range sortedKeys(sent) {
		if !driveKey.MatchString(k) {
			continue
		}
		v, err := c.makeVolume(g, k, c.parse("qemu", k, sent[k]), t, made)
		if err != nil {
			return err
		}
		sent[k] = v
	}
	now := c.opt.Now().Unix()
	for k, v := range map[string]string{
		"meta": fmt.Sprintf("creation-qemu=10.1.2,ctime=%d", now), "vmgenid": c.uuid(), "smbios1": "uuid=" + c.uuid(), "boot": bootOrder(c.Sim, sent),
	} {
		if sent[k] == "" {
			sent[k] = v
		}
	}
	delete(sent, "lock")
	g.config = sent
	c.join(g, c.str("pool"))
	if c.bool("start") {
		c.setRunning(g, true)
	}
	return nil
}

// bootOrder is get_default_bootdevices: first disk, first CD-ROM, first network card.
func bootOrder(s *Sim, sent config) string {
	var disk, cdrom, net string
	for _, bus := range []string{"ide", "scsi", "virtio", "sata"} {
		for i := range 31 {
			k := bus + strconv.Itoa(i)
			v, ok := sent[k]
			if !ok {
				continue
			}
			if s.parse("qemu", k, v)["media"] == "cdrom" {
				if cdrom == "" && !strings.Contains(v, "-cloudinit") {
					cdrom = k
				}
			} else if disk == "" {
				disk = k
			}
		}
	}
	for i := range 32 {
		if k := "net" + strconv.Itoa(i); net == "" && sent[k] != "" {
			net = k
		}
	}
	var order []string
	for _, k := range []string{disk, cdrom, net} {
		if k != "" {
			order = append(order, k)
		}
	}
	return "order=" + strings.Join(order, ";")
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

var rootOnly = regexp.MustCompile(`^(args|lock|hookscript|parallel\d+|amd-sev|intel-tdx|freeze|usb\d+)$`)

// checkQEMU holds new or removed values against the rights of the user
// (check_vm_modify_config_perm and check_storage_access).
func (c *call) checkQEMU(sent config, pool string) error {
	for _, k := range sortedKeys(sent) {
		if err := c.checkQEMUKey(k, sent[k], pool); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) checkQEMUKey(k, v, pool string) error {
	base := strings.TrimRight(k, "0123456789")
	switch {
	case driveKey.MatchString(k) || k == "cdrom":
		values := c.parse("qemu", strings.Replace(k, "cdrom", "ide2", 1), v)
		priv := "VM.Config.Disk"
		if values["media"] == "cdrom" && !strings.HasSuffix(volumeOf(values), ":cloudinit") {
			priv = "VM.Config.CDROM"
		}
		if err := c.requireVM(c.vmid(), pool, priv); err != nil {
			return err
		}
		if v == "" {
			return nil
		}
		return c.checkVolume("qemu", k, values)
	case base == "unused":
		return c.requireVM(c.vmid(), pool, "VM.Config.Disk")
	case base == "net":
		if err := c.requireVM(c.vmid(), pool, "VM.Config.Network"); err != nil {
			return err
		}
		return c.checkBridge(c.parse("qemu", k, v))
	case base == "ipconfig":
		return c.requireVM(c.vmid(), pool, "VM.Config.Network")
	case base == "serial" && (v == "socket" || v == ""):
		return c.requireVM(c.vmid(), pool, "VM.Config.HWType")
	case base == "hostpci" && !strings.Contains(v, "mapping=") && !c.user.isRoot():
		return fail("only root can set '%s' config for non-mapped devices", k)
	case k == "sshkeys":
		if err := checkKeys(v); err != nil {
			return err
		}
	case k == "skiplock" && !c.user.isRoot():
		return badParam("skiplock", "Only root may use this option.")
	case (rootOnly.MatchString(k) || base == "serial") && !c.user.isRoot():
		return fail("only root can set '%s' config", k)
	}
	for priv, keys := range optionPrivileges {
		if slices.Contains(keys, k) || base == "numa" && priv == "VM.Config.CPU" {
			if priv == "VM.Config.Cloudinit" && c.requireVM(c.vmid(), pool, "VM.Config.Network") == nil {
				return nil
			}
			return c.requireVM(c.vmid(), pool, priv)
		}
	}
	return nil
}

var sshKey = regexp.MustCompile(`^(?:[^\s#]+ )?(ssh-(ed25519|rsa|dss)|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]+={0,3}( .*)?$`)

// checkKeys wants every line of sshkeys to look like a public key.
func checkKeys(v string) error {
	text, err := decodeKeys(v)
	if err != nil {
		return fail("SSH public key validation error")
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") && !sshKey.MatchString(line) {
			return fail("SSH public key validation error")
		}
	}
	return nil
}
