package pvesim

import (
	"crypto/sha1" //nolint:gosec // the digest of Proxmox VE
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// config is a configuration file: every value as its text.
type config map[string]string

// guest is a container or VM.
type guest struct {
	vmid    int
	kind    string // lxc | qemu
	node    string
	config  config
	pending config          // set while running, active after the next start
	deleted map[string]bool // as pending, for removed keys
	running bool
	since   time.Time
	flocked bool // some other process holds the file lock
	fw      *firewall
	seen    *stat // what pvestatd saw last
}

func newGuest(vmid int, kind, node string) *guest {
	return &guest{vmid: vmid, kind: kind, node: node, config: config{}, pending: config{}, deleted: map[string]bool{}, fw: newFirewall()}
}

// noun is how messages call it.
func (g *guest) noun() string { return noun(g.kind) }

func noun(kind string) string {
	if kind == "lxc" {
		return "CT"
	}
	return "VM"
}

func (g *guest) name() string {
	if g.kind == "lxc" {
		return g.config["hostname"]
	}
	return g.config["name"]
}

func confPath(kind, node string, vmid int) string {
	dir := "qemu-server"
	if kind == "lxc" {
		dir = "lxc"
	}
	return fmt.Sprintf("nodes/%s/%s/%d.conf", node, dir, vmid)
}

// raw is the file under /etc/pve that the digest is made of.
func (g *guest) raw() string {
	var b strings.Builder
	if d := g.config["description"]; d != "" {
		for line := range strings.SplitSeq(strings.TrimSuffix(d, "\n"), "\n") {
			b.WriteString("#" + encodeText(line) + "\n")
		}
	}
	writeKeys(&b, g.config)
	if len(g.pending)+len(g.deleted) > 0 {
		title := "[PENDING]"
		if g.kind == "lxc" {
			title = "[pve:pending]"
		}
		b.WriteString("\n" + title + "\n")
		if len(g.deleted) > 0 {
			b.WriteString("delete: " + strings.Join(sortedKeys(g.deleted), ",") + "\n")
		}
		writeKeys(&b, g.pending)
	}
	return b.String()
}

func writeKeys(b *strings.Builder, c config) {
	for _, k := range sortedKeys(c) {
		if k != "description" {
			b.WriteString(k + ": " + c[k] + "\n")
		}
	}
}

// encodeText is PVE::Tools::encode_text.
func encodeText(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\x00", "%00").Replace(s)
}

func (g *guest) digest() string { return sha1Hex(g.raw()) }

func sha1Hex(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// effective is the configuration with what is pending (what GET config shows unless
// current=1).
func (g *guest) effective() config {
	out := maps.Clone(g.config)
	maps.Copy(out, g.pending)
	for k := range g.deleted {
		delete(out, k)
	}
	return out
}

// typed gives a value the JSON type that the API gives it.
func (s *Sim) typed(g *guest, k, v string) any {
	if k == "cipassword" {
		return "**********"
	}
	if k == "description" && g.kind == "lxc" && !strings.HasSuffix(v, "\n") {
		return v + "\n" // pve-container reads comments line by line
	}
	p := s.tables.groups[g.kind].props[k]
	if p != nil && (p.kind == "int" || p.kind == "bool") {
		if n, err := strconv.Atoi(v); err == nil {
			return n
		}
	}
	return v
}

var (
	driveKey   = regexp.MustCompile(`^(ide|sata|scsi|virtio)\d+$|^(efidisk|tpmstate)0$`)
	mountKey   = regexp.MustCompile(`^mp\d+$|^rootfs$`)
	netKey     = regexp.MustCompile(`^net\d+$`)
	unusedKey  = regexp.MustCompile(`^unused\d+$`)
	newDisk    = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]):(\d+(?:\.\d+)?)$`)
	cloudDrive = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]):cloudinit$`)
)

// volumeKey says whether a key holds a volume.
func (g *guest) volumeKey(k string) bool {
	if g.kind == "lxc" {
		return mountKey.MatchString(k)
	}
	return driveKey.MatchString(k)
}

// grammar is the property string that a key of a volume or network has.
func grammar(kind, k string) string {
	base := strings.TrimRight(k, "0123456789")
	switch {
	case base == "net" && kind == "lxc":
		return "ctnet"
	case base == "net":
		return "qemunet"
	case base == "unused" && kind == "lxc":
		return "ctunused"
	}
	return base
}

// parse reads a value that was checked before it was stored.
func (s *Sim) parse(kind, k, v string) map[string]string {
	values, _ := s.tables.parseProps(grammar(kind, k), k, v)
	return values
}

// volumeOf is the volume ID in a value, whatever the default key is called.
func volumeOf(values map[string]string) string {
	if v, ok := values["file"]; ok {
		return v
	}
	return values["volume"]
}

// guest finds the guest of the path.
func (c *call) guest(kind string) (*guest, error) {
	g := c.guests[c.vmid()]
	if g == nil || g.kind != kind || g.node != c.node.name {
		return nil, fail("Configuration file '%s' does not exist", confPath(kind, c.node.name, c.vmid()))
	}
	return g, nil
}

// checkLock refuses while another process holds the lock file or the lock field.
func (g *guest) checkLock() error {
	if g.flocked {
		return g.flockTimeout()
	}
	if l := g.config["lock"]; l != "" {
		return fail("%s is locked (%s)", g.noun(), l)
	}
	return nil
}

func (g *guest) flockTimeout() error {
	file := fmt.Sprintf("/var/lock/qemu-server/lock-%d.conf", g.vmid)
	if g.kind == "lxc" {
		file = fmt.Sprintf("/run/lock/lxc/pve-config-%d.lock", g.vmid)
	}
	return fail("can't lock file '%s' - got timeout", file)
}

// checkDigest refuses a write made from an older read.
func (g *guest) checkDigest(digest string) error {
	switch {
	case digest == "" || digest == g.digest():
		return nil
	case g.kind == "lxc":
		return errModified
	}
	return fail("checksum mismatch (file change by other user?)")
}

var errModified = &apiError{status: 500, reason: "detected modified configuration - file changed by other user? Try again."}

// freeUnused is the first unusedN.
func (g *guest) freeUnused() string {
	for i := 0; ; i++ {
		k := "unused" + strconv.Itoa(i)
		if _, taken := g.config[k]; !taken {
			return k
		}
	}
}

// decodeKeys is how sshkeys is stored: once percent-encoded.
func decodeKeys(v string) (string, error) { return url.PathUnescape(v) }

// normalTags sorts, lower-cases and unifies tags.
func normalTags(v string) string {
	seen := map[string]bool{}
	for _, t := range splitList(v) {
		seen[strings.ToLower(t)] = true
	}
	return strings.Join(sortedKeys(seen), ";")
}
