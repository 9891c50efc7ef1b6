package guest

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"

	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
)

// atReboot is the note of a field that takes effect at the guest's next start.
const atReboot = "from the next start"

// delta collects the differences of one guest and the parameters that end them.
type delta struct {
	fields []change.Diff
	set    url.Values // of one config request
	reboot bool
	blocks []change.Block
	notes  []string
	manual []string
	asRoot url.Values // what only root@pam may set
	owed   bool       // until manual is done, nothing may be published

	detach map[string]bool // what may be taken off: paths of mount points, interfaces of disks
	taken  []string        // of detach, what is there

	guarded string // why the guest's volumes may not be removed; "" if they may
}

func newDelta() *delta { return &delta{set: url.Values{}, asRoot: url.Values{}} }

// differs records a difference; rebooting ones take effect at the next start.
func (d *delta) differs(path, from, to, note string) {
	d.fields = append(d.fields, change.Diff{Path: path, From: from, To: to, Note: note})
}

// plain compares a scalar, where def is the value of an absent key, and sets it.
func (d *delta) plain(key, live, def, want string) bool {
	live = cmp.Or(live, def)
	if live == want {
		return false
	}
	d.differs(key, live, want, "")
	d.set.Set(key, want)
	return true
}

// late is plain for a key that takes effect at the guest's next start.
func (d *delta) late(key, live, def, want string, running bool) {
	if d.plain(key, live, def, want) && running {
		d.fields[len(d.fields)-1].Note = atReboot
		d.reboot = true
	}
}

// restarts says of the last difference that it takes effect at the next start, if lv runs.
func (d *delta) restarts(lv *live.Guest) {
	if lv.Running() {
		d.reboot = true
		d.fields[len(d.fields)-1].Note = atReboot
	}
}

func (d *delta) addNote(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

func (d *delta) block(format string, args ...any) {
	d.blocks = append(d.blocks, change.Block{Why: fmt.Sprintf(format, args...)})
}

// params are those of the config request, nil when there is nothing to set.
func (d *delta) params() url.Values {
	if len(d.set) == 0 {
		return nil
	}
	return d.set
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
