package declaration

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
)

// Device is a device of the node in a container: devN in the order of the declaration. Only
// root@pam itself may set one.
type Device struct {
	Path      string // /dev/dri/renderD128
	Mode      string // octal, such as 0660; "" for that of the node's device
	UID, GID  int    // owner inside the container
	DenyWrite bool
}

// HostDevice is a device of the node in a VM: one of the node itself, which only root@pam may
// set, or one of the cluster's resource mappings.
type HostDevice struct {
	Type    string // pci | usb
	Host    string // PCI: 0000:01:00.0, or without function all of them; USB: 1234:5678 (vendor and product) or 1-1.2 (bus and port)
	Mapping string // the name of a mapping; exactly one of Host and Mapping is set
	Options string // declared ones, as Proxmox VE writes them: pcie=1,x-vga=1
}

// Name is how the node or the cluster calls it.
func (d HostDevice) Name() string { return cmp.Or(d.Mapping, d.Host) }

// EFI is the disk for the variables of UEFI.
type EFI struct {
	Store          string
	Type           string // 4m | 2m
	PreEnrolledKey bool   // the keys of Microsoft and the distributions: Secure Boot is on
}

// CloudInit are the files that a VM's cloud-init reads beside what Proxmox VE makes, as
// volume IDs; "" for none.
type CloudInit struct {
	User, Vendor, Network string
	Upgrade               string // packages at the first boot: 0 or 1; "" for Proxmox VE's default
}

var (
	pciText     = regexp.MustCompile(`^([0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}(\.[0-7])?$`)
	usbText     = regexp.MustCompile(`^([0-9a-f]{4}:[0-9a-f]{4}|[0-9]+-[0-9]+(\.[0-9]+)*)$`)
	mappingText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]+$`)
	macText     = regexp.MustCompile(`^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$`)
	devicePath  = regexp.MustCompile(`^/dev/[^,\s]+$`)
	modeText    = regexp.MustCompile(`^0[0-7]{3}$`)
	machineText = regexp.MustCompile(`^(pc|q35|virt)(-[a-z0-9.+-]+)?$`)
)

// mountFlags are the options of a mount point that are switches: key of the declaration and
// of Proxmox VE, in the order in which they are written.
var mountFlags = []struct{ key, option string }{
	{"acl", "acl"}, {"backup", "backup"}, {"quota", "quota"}, {"replicate", "replicate"}, {"read_only", "ro"}, {"shared", "shared"},
}

// mountOptions reads the options of a mount point as Proxmox VE writes them. What is not
// declared is not among them.
func mountOptions(m *reader.Object) string {
	var out []string
	for _, f := range mountFlags {
		if m.Typed(f.key, reader.KindFlag) != nil {
			out = append(out, f.option+"="+map[bool]string{true: "1", false: "0"}[m.Flag(f.key, false)])
		}
	}
	if m.Typed("mount_options", reader.KindList) != nil {
		list := m.Words("mount_options", nil, "discard", "lazytime", "noatime", "nodev", "noexec", "nosuid")
		slices.Sort(list)
		out = append(out, "mountoptions="+strings.Join(slices.Compact(list), ";"))
	}
	return strings.Join(out, ",")
}

// devices reads the devices of the node that a container gets.
func (b containers) devices(o *reader.Object, c *Container) {
	atMostItems(b.report, o, "devices", maxDevices)
	for _, d := range o.Objects("devices") {
		dev := Device{Path: d.NeedText("path", pattern(devicePath, "is not a device", "such as /dev/dri/renderD128"))}
		if d.Get("mode") != nil {
			dev.Mode = d.Text("mode", "", pattern(modeText, "is not an octal mode", "such as 0660"))
		}
		dev.UID, dev.GID = d.Whole("uid", 0, 0, 1<<31-1), d.Whole("gid", 0, 0, 1<<31-1)
		dev.DenyWrite = d.Flag("deny_write", false)
		if slices.ContainsFunc(c.Devices, func(x Device) bool { return x.Path == dev.Path }) {
			b.report.Problem(d.Place("path"), d.Place("path").Shown()+" is there twice", "remove one")
		}
		c.Devices = append(c.Devices, dev)
		d.End()
	}
}

// hostOptions are the options of a device by its type: key of the declaration and of Proxmox VE.
var hostOptions = []struct{ kind, key, option string }{
	{"pci", "pcie", "pcie"}, {"pci", "rombar", "rombar"}, {"pci", "xvga", "x-vga"}, {"pci", "mdev", "mdev"}, {"pci", "rom_file", "romfile"}, {"usb", "usb3", "usb3"},
}

// MaxHostDevices are how many devices of a type a VM can have.
var MaxHostDevices = map[string]int{"pci": 16, "usb": 14}

// devices reads the devices of the node that a VM gets.
func (b vms) devices(o *reader.Object, v *VM) {
	var raw []string
	count := map[string]int{}
	for _, d := range o.Objects("devices") {
		d.Need("type")
		dev := b.device(d, v)
		if slices.ContainsFunc(v.Devices, func(x HostDevice) bool { return x.Type == dev.Type && x.Name() == dev.Name() }) {
			b.report.Problem(d.Value, dev.Name()+" is there twice", "remove one")
		}
		most, known := MaxHostDevices[dev.Type]
		if count[dev.Type]++; known && count[dev.Type] == most+1 {
			b.report.Problem(d.Value, fmt.Sprintf("is one more than the %d %s devices that a VM can have", most, dev.Type), "remove some")
		}
		if dev.Mapping == "" && dev.Host != "" {
			raw = append(raw, dev.Host)
		}
		v.Devices = append(v.Devices, dev)
		d.End()
	}
	if len(raw) > 0 {
		b.onlyRoot(o.Place("devices"), strings.Join(raw, ", ")+"; a mapping of the cluster may be set by others")
	}
}

func (b vms) device(d *reader.Object, v *VM) HostDevice {
	dev := HostDevice{Type: d.Word("type", "", "pci", "usb")}
	text, such := pciText, "such as 0000:01:00.0, or 0000:01:00 for all its functions (lspci -D)"
	if dev.Type == "usb" {
		text, such = usbText, "such as 0bda:2838 (lsusb), or 1-1.2 for a port"
	}
	if d.Get("host") != nil {
		dev.Host = d.Text("host", "", pattern(text, "is not a "+strings.ToUpper(dev.Type)+" device", such))
		if dev.Type == "pci" && strings.Count(dev.Host, ":") == 1 {
			dev.Host = "0000:" + dev.Host
		}
	}
	if d.Get("mapping") != nil {
		dev.Mapping = d.Text("mapping", "", pattern(mappingText, "is not the name of a mapping", "as Datacenter > Resource Mappings shows it"))
	}
	if (d.Get("host") == nil) == (d.Get("mapping") == nil) {
		b.report.Problem(d.Value, "needs host or mapping, and not both", "host is a device of the node, mapping one of Datacenter > Resource Mappings")
	}
	var options []string
	for _, x := range hostOptions {
		value := ""
		switch x.key {
		case "mdev", "rom_file":
			if d.Get(x.key) != nil {
				value = d.Text(x.key, "", pattern(fileName, "is not a name", map[string]string{"mdev": "such as nvidia-63", "rom_file": "that of a file in /usr/share/kvm"}[x.key]))
			}
		default:
			if d.Typed(x.key, reader.KindFlag) != nil {
				value = map[bool]string{true: "1", false: "0"}[d.Flag(x.key, false)]
			}
		}
		if value == "" {
			continue
		}
		if x.kind != dev.Type {
			b.report.Problem(d.Place(x.key), "is no option of a "+dev.Type+" device", "remove it")
		}
		options = append(options, x.option+"="+value)
	}
	if slices.Contains(options, "pcie=1") && !strings.HasPrefix(v.Machine, "q35") {
		b.report.Problem(d.Place("pcie"), "is true, and only the machine type q35 has PCI Express", `set "machine": "q35"`)
	}
	dev.Options = strings.Join(options, ",")
	return dev
}

// limited reads the share of a CPU's time.
func (b guests) limited(o *reader.Object, g *Guest) {
	g.CPULimit = o.Number("cpu_limit", 0, 0, 128)
	g.unless(o, "cpu_limit", "cpulimit")
}

// firmware reads BIOS or UEFI, and the machine type.
func (b vms) firmware(o *reader.Object, v *VM) {
	if o.Get("bios") != nil {
		v.BIOS = o.Word("bios", "", "seabios", "ovmf")
	}
	if o.Get("machine") != nil {
		v.Machine = o.Text("machine", "", pattern(machineText, "is not a machine type", "such as q35"))
	}
	e := o.OrEmpty("efi_disk")
	efi := &EFI{
		Store: e.Text("datastore_id", v.Disks[0].Store, storeRule), Type: e.Word("type", "4m", "2m", "4m"),
		PreEnrolledKey: e.Flag("pre_enrolled_keys", true),
	}
	e.End()
	switch {
	case v.BIOS == "ovmf":
		v.EFI = efi
	case o.Get("efi_disk") != nil:
		b.report.Problem(o.Place("efi_disk"), "is declared without UEFI", `set "bios": "ovmf"`)
	}
}

// cloudInit reads what cloud-init gets beside user, keys and address.
func (b vms) cloudInit(o *reader.Object, v *VM) {
	c := o.OrEmpty("cloud_init")
	volume := func(key string) string {
		if c.Get(key) == nil {
			return ""
		}
		return c.Text(key, "", pattern(snippetFile, "is not a snippet", "such as "+b.estate.FileStore+":snippets/"+v.Name+".yml"))
	}
	v.CloudInit = CloudInit{User: volume("user_data_file"), Vendor: volume("vendor_data_file"), Network: volume("network_data_file")}
	if c.Typed("upgrade", reader.KindFlag) != nil {
		v.CloudInit.Upgrade = map[bool]string{true: "1", false: "0"}[c.Flag("upgrade", true)]
	}
	if c.Get("vendor_data") != nil {
		v.Snippet = c.Text("vendor_data", "", func(s string) (string, string) {
			if strings.HasPrefix(s, "#cloud-config\n") || strings.HasPrefix(s, "#!") {
				return "", ""
			}
			return "is not read by cloud-init", `begin it with "#cloud-config\n" or "#!"`
		})
		v.SnippetFile = b.estate.FileStore + ":snippets/" + v.Name + "-vendor.yml"
		if v.CloudInit.Vendor != "" {
			b.report.Problem(c.Place("vendor_data"), "and vendor_data_file are both set", "keep one of them")
		}
		v.CloudInit.Vendor = v.SnippetFile
	}
	c.End()
}

var snippetFile = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]*:snippets/[A-Za-z0-9._+/-]+$`)

// read6 reads the IPv6 address of the first interface: auto, dhcp or an address with its
// prefix; none is derived.
func (b *addresses) read6(o *reader.Object, g *Guest) {
	if place := o.Typed("gateway6", reader.KindText); place != nil {
		gateway, err := netip.ParseAddr(place.Text)
		if err != nil || !gateway.Is6() || gateway.Is4In6() || gateway.Zone() != "" {
			b.report.Problem(place, place.Shown()+" is not an IPv6 address", "such as fe80::1")
		}
		g.Gateway6 = gateway
		o.Set("gateway6", place, place.Text)
	}
	place := o.Typed("ip6", reader.KindText)
	if place == nil {
		if g.Address.None {
			b.report.Problem(o.Place("ip"), "is none, and there is no ip6: the guest would have no address", "set ip6 to the address and its prefix, auto or dhcp")
		}
		if g.Gateway6.IsValid() {
			b.report.Problem(o.Place("gateway6"), "is set without ip6", "set ip6 to the address and its prefix, such as fd00:10::7/64")
		}
		return
	}
	o.Set("ip6", place, place.Text)
	if g.IP6 = place.Text; g.IP6 == "auto" || g.IP6 == "dhcp" {
		if g.Gateway6.IsValid() {
			b.report.Problem(o.Place("gateway6"), "is set, and ip6 is "+g.IP6, "remove it: routers announce themselves")
		}
		return
	}
	cidr, err := netip.ParsePrefix(g.IP6)
	if err != nil || !cidr.Addr().Is6() || cidr.Addr().Is4In6() {
		b.report.Problem(place, place.Shown()+" is not an IPv6 address with its prefix", "write auto, dhcp or such as fd00:10::7/64")
		return
	}
	g.IP6 = cidr.String()
	b.claims.unique("the address", cidr.Addr().String(), place)
	if g.Address.None && g.Class != "" {
		b.reachable(o, g, cidr)
	}
}

// mac reads the MAC address of an interface, in upper case as Proxmox VE stores it.
func (b nics) mac(n *reader.Object) string {
	v := n.Typed("mac_address", reader.KindText)
	if v == nil {
		return ""
	}
	mac := strings.ToUpper(n.Text("mac_address", "", pattern(macText, "is not a MAC address", "such as BC:24:11:00:00:01")))
	if b.claims != nil {
		b.claims.unique("the MAC address", mac, v)
	}
	if macText.MatchString(mac) && strings.ContainsAny(mac[1:2], "13579BDF") {
		b.report.Problem(v, fmt.Sprintf("%s is the address of a group", v.Shown()), "the second digit of a host's is even")
	}
	return mac
}
