package store

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/firewall"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
)

// Guest is a container or VM.
type Guest struct {
	VMID      int
	Kind      string // lxc | qemu
	Node      string
	Config    conf.File
	Pending   conf.File       // set while running, active after the next start
	Deleted   map[string]bool // as Pending, for removed keys
	Running   bool
	Paused    bool      // runs, but stands still
	Since     time.Time // of the last start
	Flocked   bool      // some other process holds the file lock
	Firewall  *firewall.File
	Snapshots []Snapshot // in the order in which they were taken
	Parent    string     // the snapshot that the guest was taken to, or rolled back to, last

	measured *Measurement // by pvestatd, last
}

// NewGuest is a guest without configuration.
func NewGuest(vmid int, kind, node string) *Guest {
	return &Guest{VMID: vmid, Kind: kind, Node: node, Config: conf.File{}, Pending: conf.File{}, Deleted: map[string]bool{}, Firewall: firewall.New()}
}

// Noun is how messages call it: CT or VM.
func (g *Guest) Noun() string {
	if g.Kind == "lxc" {
		return "CT"
	}
	return "VM"
}

// Name is the hostname of a container or the name of a VM; "" when it has none.
func (g *Guest) Name() string { return g.Config[g.NameKey()] }

// NameKey is the key of the name.
func (g *Guest) NameKey() string {
	if g.Kind == "lxc" {
		return "hostname"
	}
	return "name"
}

// IsTemplate reports whether guests are cloned from it.
func (g *Guest) IsTemplate() bool { return g.Config["template"] == "1" }

// ConfPath is a guest's file below /etc/pve.
func ConfPath(kind, node string, vmid int) string {
	dir := "qemu-server"
	if kind == "lxc" {
		dir = "lxc"
	}
	return fmt.Sprintf("nodes/%s/%s/%d.conf", node, dir, vmid)
}

// Text is the file under /etc/pve that the digest is made of.
func (g *Guest) Text() string {
	var b strings.Builder
	if d := g.Config["description"]; d != "" {
		conf.WriteDescription(&b, strings.TrimSuffix(d, "\n"))
	}
	g.Config.Write(&b)
	if len(g.Pending)+len(g.Deleted) > 0 {
		title := "[PENDING]"
		if g.Kind == "lxc" {
			title = "[pve:pending]"
		}
		b.WriteString("\n" + title + "\n")
		if len(g.Deleted) > 0 {
			b.WriteString("delete: " + strings.Join(slices.Sorted(maps.Keys(g.Deleted)), ",") + "\n")
		}
		g.Pending.Write(&b)
	}
	return b.String()
}

// Digest is that of the configuration file.
func (g *Guest) Digest() string { return conf.Digest(g.Text()) }

// Effective is the configuration with what is pending (what GET config shows unless
// current=1).
func (g *Guest) Effective() conf.File {
	out := maps.Clone(g.Config)
	maps.Copy(out, g.Pending)
	for k := range g.Deleted {
		delete(out, k)
	}
	return out
}

// Typed gives a value of the configuration the JSON type that the API gives it.
func (g *Guest) Typed(tables *schema.Tables, k, v string) any {
	if k == "cipassword" {
		return "**********"
	}
	if k == "description" && g.Kind == "lxc" && !strings.HasSuffix(v, "\n") {
		return v + "\n" // pve-container reads comments line by line
	}
	if tables.IsNumber(g.Kind, k) {
		if n, err := strconv.Atoi(v); err == nil {
			return n
		}
	}
	return v
}

var (
	driveKey  = regexp.MustCompile(`^(ide|sata|scsi|virtio)\d+$|^(efidisk|tpmstate)0$`)
	mountKey  = regexp.MustCompile(`^mp\d+$|^rootfs$`)
	netKey    = regexp.MustCompile(`^net\d+$`)
	unusedKey = regexp.MustCompile(`^unused\d+$`)
)

// IsDrive reports whether a key of a VM holds a volume.
func IsDrive(k string) bool { return driveKey.MatchString(k) }

// IsMount reports whether a key of a container holds a volume.
func IsMount(k string) bool { return mountKey.MatchString(k) }

// IsNet reports whether a key holds a network interface.
func IsNet(k string) bool { return netKey.MatchString(k) }

// IsUnused reports whether a key holds a volume that no drive uses.
func IsUnused(k string) bool { return unusedKey.MatchString(k) }

// IsVolume reports whether a key of the guest holds a volume.
func (g *Guest) IsVolume(k string) bool {
	if g.Kind == "lxc" {
		return IsMount(k)
	}
	return IsDrive(k)
}

// CheckLock refuses while another process holds the lock file or the lock field.
func (g *Guest) CheckLock() error {
	if g.Flocked {
		return g.LockTimeout()
	}
	if l := g.Config["lock"]; l != "" {
		return refusal.Fail("%s is locked (%s)", g.Noun(), l)
	}
	return nil
}

// LockSuspended is the lock of a VM that was suspended to disk.
const LockSuspended = "suspended"

// Hibernated reports whether the guest was suspended to disk.
func (g *Guest) Hibernated() bool { return g.Config["lock"] == LockSuspended }

// HasAgent reports whether the VM is configured to have a guest agent.
func (g *Guest) HasAgent() bool {
	return strings.HasPrefix(strings.TrimPrefix(g.Config["agent"], "enabled="), "1")
}

// LockTimeout is the error of waiting too long for the lock file.
func (g *Guest) LockTimeout() error {
	file := fmt.Sprintf("/var/lock/qemu-server/lock-%d.conf", g.VMID)
	if g.Kind == "lxc" {
		file = fmt.Sprintf("/run/lock/lxc/pve-config-%d.lock", g.VMID)
	}
	return refusal.Fail("can't lock file '%s' - got timeout", file)
}

// CheckDigest refuses a write that was made from an older read. "" is no digest.
func (g *Guest) CheckDigest(digest string) error {
	switch {
	case digest == "" || digest == g.Digest():
		return nil
	case g.Kind == "lxc":
		return refusal.Modified()
	}
	return refusal.Fail("checksum mismatch (file change by other user?)")
}

// FreeUnused is the first unusedN that the guest does not have.
func (g *Guest) FreeUnused() string {
	for i := 0; ; i++ {
		k := "unused" + strconv.Itoa(i)
		if _, taken := g.Config[k]; !taken {
			return k
		}
	}
}

// NormalTags sorts, lower-cases and unifies tags, as they are stored.
func NormalTags(v string) string {
	seen := map[string]bool{}
	for _, t := range schema.SplitList(v) {
		seen[strings.ToLower(t)] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(seen)), ";")
}

// Guests are all containers and VMs of the cluster, by VMID.
type Guests struct{ byID map[int]*Guest }

// Get returns the guest of a VMID, or nil.
func (gs *Guests) Get(vmid int) *Guest { return gs.byID[vmid] }

// Add puts a guest into the cluster. Its VMID must be free.
func (gs *Guests) Add(g *Guest) { gs.byID[g.VMID] = g }

// Remove takes a guest away; a missing one is fine.
func (gs *Guests) Remove(vmid int) { delete(gs.byID, vmid) }

// Sorted are all guests in the order of their VMIDs.
func (gs *Guests) Sorted() []*Guest {
	return slices.SortedFunc(maps.Values(gs.byID), func(a, b *Guest) int { return cmp.Compare(a.VMID, b.VMID) })
}

// NextFree is the lowest unused VMID from 100 on.
func (gs *Guests) NextFree() int {
	id := 100
	for gs.byID[id] != nil {
		id++
	}
	return id
}

// BootOrder is get_default_bootdevices: first disk, first CD-ROM, first network card.
func BootOrder(tables *schema.Tables, values conf.File) string {
	var disk, cdrom, net string
	for _, bus := range []string{"ide", "scsi", "virtio", "sata"} {
		for i := range 31 {
			k := bus + strconv.Itoa(i)
			v, ok := values[k]
			if !ok {
				continue
			}
			if tables.Value("qemu", k, v)["media"] == "cdrom" || strings.Contains(v, ":cloudinit") {
				if cdrom == "" && !strings.Contains(v, "cloudinit") {
					cdrom = k
				}
			} else if disk == "" {
				disk = k
			}
		}
	}
	for i := range 32 {
		if k := "net" + strconv.Itoa(i); net == "" && values[k] != "" {
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
