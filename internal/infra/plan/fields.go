package plan

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Notes of differences.
const (
	atReboot = "from the next start"
	replaces = "can't be changed in place"
)

// delta collects the differences of one guest and the parameters that end them.
type delta struct {
	fields []Diff
	set    url.Values // of one config request
	remove []string   // its delete= list
	reboot bool
	blocks []Block
	notes  []string
	manual []string
	owed   bool // until manual is done, nothing may be published

	guarded string // why the guest's volumes may not be removed; "" if they may
}

func newDelta() *delta { return &delta{set: url.Values{}} }

// differs records a difference; rebooting ones take effect at the next start.
func (d *delta) differs(path, from, to, note string) {
	d.fields = append(d.fields, Diff{Path: path, From: from, To: to, Note: note})
}

// plain compares a scalar, with the value that an absent key stands for, and sets it.
func (d *delta) plain(key, live, def, want string) bool {
	if live == "" {
		live = def
	}
	if live == want {
		return false
	}
	d.differs(key, live, want, "")
	d.set.Set(key, want)
	return true
}

// late is plain for what a running guest takes over at its next start.
func (d *delta) late(key, live, def, want string, running bool) {
	if d.plain(key, live, def, want) && running {
		d.fields[len(d.fields)-1].Note = atReboot
		d.reboot = true
	}
}

func (d *delta) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

func (d *delta) block(format string, args ...any) {
	d.blocks = append(d.blocks, Block{Why: fmt.Sprintf(format, args...)})
}

// params are those of the config request, nil when there is nothing to set.
func (d *delta) params() url.Values {
	if len(d.set) == 0 && len(d.remove) == 0 {
		return nil
	}
	if len(d.remove) > 0 {
		d.set.Set("delete", strings.Join(d.remove, ","))
	}
	return d.set
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// tagList is the form in which Proxmox VE stores tags: lower case, sorted, no doubles.
func tagList(tags []string) string {
	var out []string
	for _, t := range tags {
		if t = strings.ToLower(strings.TrimSpace(t)); t != "" {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ";")
}

func splitTags(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
}

// mebibytes reads a size of a property string: 8G, 512M, 1T, 4096K or bytes.
func mebibytes(s string) float64 {
	if s == "" {
		return 0
	}
	unit := map[byte]float64{'K': 1.0 / 1024, 'M': 1, 'G': 1024, 'T': 1024 * 1024}
	factor, known := unit[s[len(s)-1]]
	if known {
		s = s[:len(s)-1]
	} else {
		factor = 1.0 / 1024 / 1024
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return n * factor
}

func gib(n int) string { return strconv.Itoa(n) + "G" }

// startup is how a boot order is written.
func startup(order, up int) string {
	s := "order=" + strconv.Itoa(order)
	if up > 0 {
		s += ",up=" + strconv.Itoa(up)
	}
	return s
}

// store is the storage of a volume ID.
func store(volume string) string {
	s, _, _ := strings.Cut(volume, ":")
	return s
}
