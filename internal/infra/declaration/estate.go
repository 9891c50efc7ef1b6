package declaration

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
	"syslog-gateway/internal/redact"
)

// Estate is the whole desired state. Slices are sorted by Key (pools by ID), so the
// same declaration always gives the same estate.
type Estate struct {
	Node        string // the node of guests that name none
	Environment string // appended to the tags of every container and generic VM
	Domain      string // "" sets no search domain

	Network Network

	DefaultStore      string // datastore of disks that name none
	FileStore         string // datastore that holds ISO images, container templates and snippets
	ContainerTemplate string // volume ID, such as local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst
	ISO               string // volume ID of the installation image

	SSH SSH

	Pools      []Pool
	Containers []Container
	VMs        []VM // generic ones; Splunk is not among them
	Splunk     *VM  // nil when none is declared

	Firewall Firewall

	HostServices json.RawMessage // handed on to the inventory; nil when unset
	Extra        Extra

	DNS               *DNS               // nil when none is declared
	GuestCertificates []GuestCertificate // for which certbot is configured; by key

	Datastores    []Datastore // expected on the node: checked, never made
	InventorySync []string    // files that a complete inventory is published to

	// Notes are what the user should know and need not change, such as steps that
	// need root@pam itself.
	Notes Problems
}

// Network is the flat network that addresses are derived from: Prefix + "." + VMID.
type Network struct {
	Prefix     string         // three octets, such as 192.168.0
	Bits       int            // of the mask, such as 24
	Gateway    netip.Addr     // Prefix.1
	Management netip.Prefix   // Prefix.0/Bits
	Internal   []netip.Prefix // networks that may reach the guests
	Splunk     []netip.Addr   // the Splunk VM, then containers tagged splunk, by key
}

// SSH is how the node is reached for what its API cannot do. Keys are secrets.
type SSH struct {
	User           string
	PrivateKey     redact.Secret // PEM; "" where none was found
	GuestPublicKey string        // what guests let in, without line end; "" where none was found
	GuestKeyFault  string        // why the file that was named could not be read; "" otherwise
	GuestKeyPath   string        // file with the private half; handed on, never read
}

// Datastore is a storage that the declaration expects on the node.
type Datastore struct {
	Name    string
	Type    string   // zfspool, dir, nfs, …
	Content []string // images, vztmpl, iso, backup, …
}

// Pool is a resource pool.
type Pool struct {
	ID, Comment string
	// CommentDeclared says that Comment is in the declaration. A default is for a new pool
	// only.
	CommentDeclared bool
}

// Kind is what Proxmox VE calls the type of a guest: the element of its API paths.
type Kind string

// The kinds of guests.
const (
	LXC  Kind = "lxc"
	QEMU Kind = "qemu"
)

// Guest is what containers and VMs have in common. Its VMID is its identity.
type Guest struct {
	Key         string // of the declaration, and of the inventory
	Kind        Kind
	VMID        int
	Name        string // hostname of a container, name of a VM
	Node        string
	Description string
	Tags        []string // as declared, then the environment; Proxmox VE stores them sorted
	Pool        string   // "" for none
	Cores       int
	CPULimit    float64 `json:",omitempty"` // CPUs' worth of time; 0: no limit
	Memory      int     // MiB

	NICs        []NIC // NICs[0] has Address
	Address     Address
	IP6         string       `json:",omitempty"` // of NICs[0]: auto, dhcp or address/prefix; "": none is declared
	Gateway6    netip.Addr   `json:",omitzero"`
	Nameservers []netip.Addr // none: those of the node
	Domain      string       // search domain; "" for none

	OnBoot     bool
	Startup    Startup
	Protection bool // Proxmox VE refuses to remove it or its disks
	// ProtectionDeclared says that Protection is in the declaration, and not the default.
	ProtectionDeclared bool

	Class    string // firewall class by its tags; "" for none
	Firewall OwnFirewall

	// Undeclared are the options, in Proxmox VE's words, whose values are defaults. A new
	// guest gets them; those of a live one stay as they are.
	Undeclared []string `json:"-"`
}

// Declares reports whether an option is in the declaration, and not a default.
func (g *Guest) Declares(option string) bool { return !slices.Contains(g.Undeclared, option) }

// unless takes down that an option is a default unless its key is declared.
func (g *Guest) unless(o *reader.Object, key, option string) {
	if o.Get(key) == nil {
		g.Undeclared = append(g.Undeclared, option)
	}
}

// Host is how the guest is reached, as the declaration says; no guest is asked. Its name
// stands for an address that DHCP or a router gives.
func (g *Guest) Host() string {
	switch fixed := g.Fixed(); {
	case fixed.IsValid():
		return fixed.String()
	case g.Domain != "":
		return g.Name + "." + g.Domain
	}
	return g.Name
}

// Fixed is the address that the declaration says: the IPv4 one, or that of a guest with only
// IPv6; invalid where DHCP or a router gives it.
func (g *Guest) Fixed() netip.Addr {
	if g.Address.None {
		return g.Fixed6()
	}
	return g.Address.CIDR.Addr()
}

// Fixed6 is the IPv6 address that the declaration says; invalid for none.
func (g *Guest) Fixed6() netip.Addr {
	p, _ := netip.ParsePrefix(g.IP6) // auto and dhcp are none
	return p.Addr()
}

// Address is the first NIC's IPv4 address. Exactly one of DHCP, None and CIDR is set.
type Address struct {
	DHCP    bool
	None    bool         `json:",omitempty"` // only IPv6
	CIDR    netip.Prefix // host address with the mask
	Gateway netip.Addr
}

// Startup is the order at which the node boots its guests. A zero Order sends none.
type Startup struct {
	Tier  string // dns, storage, db, lb, edge, app; "" where the order comes from the VMID
	Order int
	Up    int // seconds until the next one is started
}

// NIC is a network interface.
type NIC struct {
	Name     string // inside a container: eth0
	Model    string // of a VM: virtio
	Bridge   string
	VLAN     int // 0: untagged
	Firewall bool
	MAC      string `json:",omitempty"` // BC:24:11:…; "": Proxmox VE draws one
}

// Disk is a disk of a VM, or the root file system of a container.
type Disk struct {
	Interface string // scsi0, virtio1; rootfs
	Store     string
	Size      int    // GiB
	Format    string // raw; "" for containers
	IOThread  bool
	SSD       bool
	Discard   string // ignore | on
	// Undeclared are its options whose values are defaults, as those of a guest.
	Undeclared []string `json:"-"`
}

// Container is an LXC guest.
type Container struct {
	Guest
	Swap         int // MiB
	Root         Disk
	Mounts       []Mount
	Features     Features
	Unprivileged bool
	OSType       string
	Password     redact.Secret
	Keys         []string // SSH public keys of root
	Timezone     string   `json:",omitempty"` // host, or such as Europe/Berlin; "" leaves it
	Devices      []Device `json:",omitempty"`
}

// Mount is a mount point: mpN in the order of the declaration.
type Mount struct {
	Store   string
	Size    int // GiB
	Path    string
	Bind    string `json:",omitempty"` // a directory of the node in place of a volume, which only root@pam itself may set
	Options string `json:",omitempty"` // declared ones, as Proxmox VE writes them: backup=1,mountoptions=noatime;nodev
}

// Features are the flags of a container. All but Nesting need root@pam itself, on a
// privileged container all of them.
type Features struct {
	Nesting, Keyctl, Fuse bool
	Mount                 []string // file system types: nfs, cifs
}

// Any reports whether one is set.
func (f Features) Any() bool { return f.Nesting || f.Keyctl || f.Fuse || len(f.Mount) > 0 }

// VM is a QEMU guest.
type VM struct {
	Guest
	CPUType  string
	Balloon  int    // MiB
	Disks    []Disk // the boot disk first
	Template int    // VMID to clone in full; 0: none
	CDROM    string // volume ID; "" for none
	User     string // made by cloud-init
	Password redact.Secret
	Keys     []string
	VGA      string // "" leaves that of the template, or of Proxmox VE
	Agent    bool
	OSType   string
	BIOS     string       `json:",omitempty"` // seabios | ovmf; "" leaves that of the template, or of Proxmox VE
	Machine  string       `json:",omitempty"` // such as q35; "" likewise
	EFI      *EFI         `json:",omitempty"` // nil without UEFI
	Devices  []HostDevice `json:",omitempty"`

	CloudInit CloudInit `json:",omitzero"`
	// Snippet is cloud-init data that is put on the node over SSH as one of CloudInit's files;
	// "" for none.
	Snippet     string
	SnippetFile string // volume ID, such as local:snippets/splunk-aio-cloud-init.yml
}

// Firewall is what is to be on the cluster, on the node, and in the security groups.
// What a guest gets is its class.
type Firewall struct {
	Groups  []Group // in the order they are made
	Classes []Class
	Node    []Rule // of the node: group rules

	// ManageCluster says that the firewall of the cluster is switched on. Without it that
	// one, and the nodes' switches, stay as they are found.
	ManageCluster bool
	// ManageDeclared says that ManageCluster is in the declaration, and not the default.
	ManageDeclared bool
}

// Group is a security group. Its name has 18 characters at most.
type Group struct {
	Name    string
	Comment string
	Rules   []Rule
}

// Rule is a firewall rule in Proxmox VE's words. Rules are ordered.
type Rule struct {
	Type   string // in | out | group
	Action string // ACCEPT, DROP, REJECT, or the group's name
	Proto  string // tcp, udp, icmp, vrrp, …; "" for any
	DPort  string // 514 or 1514:1518
	Source string // comma-separated
	Dest   string
	ICMP   string // type of ICMP message; "" for any
}

// Class is what guests with certain tags get: groups in order, and the policies.
type Class struct {
	Name      string
	Groups    []string
	Rules     []Rule // before the groups
	PolicyIn  string
	PolicyOut string
}

// Rules are the rules of a guest, in order: its own, those of its class, the groups.
func (f Firewall) Rules(g *Guest) []Rule {
	class, _ := f.Class(g.Class)
	rules := slices.Concat(g.Firewall.Rules, class.Rules)
	for _, name := range slices.Concat(class.Groups, g.Firewall.Groups) {
		rules = append(rules, Rule{Type: "group", Action: name})
	}
	return rules
}

// Class returns the class of that name.
func (f Firewall) Class(name string) (Class, bool) {
	for _, c := range f.Classes {
		if c.Name == name {
			return c, true
		}
	}
	return Class{}, false
}

// Extra is what few estates use.
type Extra struct {
	ACMEAccounts     []ACMEAccount
	DNSPlugins       []DNSPlugin
	ACMECertificates []ACMECertificate
}

// ACMEAccount is an account at an ACME directory.
type ACMEAccount struct{ Name, Email, Directory, TOS string }

// DNSPlugin is how DNS challenges are answered. API is one of proxmox-acme's names (aws, cf, …).
type DNSPlugin struct {
	ID, API string
	Data    map[string]redact.Secret
}

// ACMECertificate is the certificate of a node. Complete says that Domains are all that it
// may have; otherwise the others that the node has stay.
type ACMECertificate struct {
	Key, Node, Account, Plugin string
	Domains                    []string // the first one is the common name; one at least
	Complete                   bool
}

// Guests are all guests: containers, VMs, Splunk.
func (e *Estate) Guests() []*Guest {
	var all []*Guest
	for i := range e.Containers {
		all = append(all, &e.Containers[i].Guest)
	}
	for i := range e.VMs {
		all = append(all, &e.VMs[i].Guest)
	}
	if e.Splunk != nil {
		all = append(all, &e.Splunk.Guest)
	}
	return all
}

// AllVMs gives the generic VMs and Splunk's.
func (e *Estate) AllVMs() []VM {
	all := slices.Clone(e.VMs)
	if e.Splunk != nil {
		all = append(all, *e.Splunk)
	}
	return all
}

// Nodes gives the default node and the nodes of all guests, sorted, each once.
func (e *Estate) Nodes() []string {
	nodes := []string{e.Node}
	for _, g := range e.Guests() {
		nodes = append(nodes, g.Node)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// Placed is the estate with its guests on the nodes where they are, by VMID; a guest that
// is not in nodes is where it is declared.
func (e *Estate) Placed(nodes map[int]string) *Estate {
	placed := *e
	placed.Containers, placed.VMs = slices.Clone(e.Containers), slices.Clone(e.VMs)
	if e.Splunk != nil {
		splunk := *e.Splunk
		placed.Splunk = &splunk
	}
	for _, g := range placed.Guests() {
		g.Node = cmp.Or(nodes[g.VMID], g.Node)
	}
	return &placed
}

// FirstBoot are the inputs of a guest that only count when it is made, by name. They hold no
// secret: keys and files are digests.
func (e *Estate) FirstBoot(g *Guest) map[string]string {
	digest := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "sha256:" + hex.EncodeToString(sum[:])
	}
	for _, c := range e.Containers {
		if c.VMID == g.VMID {
			return map[string]string{"template": e.ContainerTemplate, "ssh_keys": digest(strings.Join(c.Keys, "\n")), "password": c.Password.String()}
		}
	}
	for _, v := range e.AllVMs() {
		if v.VMID != g.VMID {
			continue
		}
		inputs := map[string]string{"template": strconv.Itoa(v.Template), "ssh_keys": digest(strings.Join(v.Keys, "\n")), "user": v.User,
			"password": v.Password.String(), "cloud_init": "",
			"cloud_init_options": strings.Join([]string{v.CloudInit.User, v.CloudInit.Vendor, v.CloudInit.Network, v.CloudInit.Upgrade}, ",")}
		if v.Snippet != "" {
			inputs["cloud_init"] = digest(v.Snippet)
		}
		return inputs
	}
	return nil
}

// StoreUse is a storage and a kind of content that it must hold, as Proxmox VE calls it.
type StoreUse struct{ Store, Content string }

// StoresOn gives what the guests of a node need of its storages, each use once.
func (e *Estate) StoresOn(node string) []StoreUse {
	var need []StoreUse
	want := func(store, content string) {
		if u := (StoreUse{store, content}); store != "" && !slices.Contains(need, u) {
			need = append(need, u)
		}
	}
	for _, c := range e.Containers {
		if c.Node != node {
			continue
		}
		want(c.Root.Store, "rootdir")
		for _, m := range c.Mounts {
			want(m.Store, "rootdir")
		}
		store, _, _ := strings.Cut(e.ContainerTemplate, ":")
		want(store, "vztmpl")
	}
	for _, v := range e.AllVMs() {
		if v.Node != node {
			continue
		}
		for _, d := range v.Disks {
			want(d.Store, "images")
		}
		if v.EFI != nil {
			want(v.EFI.Store, "images")
		}
		for _, volume := range []string{v.CloudInit.User, v.CloudInit.Vendor, v.CloudInit.Network} {
			store, _, _ := strings.Cut(volume, ":")
			want(store, "snippets")
		}
	}
	return need
}
