package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/guest"
	"syslog-gateway/internal/infra/plan/live"
)

// leaver is a live guest of ours that is no longer declared.
type leaver struct {
	*live.Guest
	key      string // unique among all guests
	known    live.Known
	recorded bool // in the record, not only by its tags
}

// leavers picks our guests among the undeclared live ones, and adds a note on each guest
// that only has the VMID of one of ours.
func (m *maker) leavers(undeclared []*live.Guest) {
	used := map[string]bool{}
	for _, g := range m.scope.Estate.Guests() {
		used[g.Key] = true
	}
	names := map[string]int{}
	for _, lv := range undeclared {
		known, recorded := m.owner.Recorded(lv)
		if !recorded && !m.owner.Marked(lv) {
			m.reportStranger(lv)
			continue
		}
		m.leaving = append(m.leaving, leaver{Guest: lv, known: known, recorded: recorded})
		names[lv.Name]++
	}
	for i := range m.leaving {
		l := &m.leaving[i]
		id := strconv.Itoa(l.VMID)
		candidates := []string{l.known.Key, l.Name, id, "vmid-" + id}
		if names[l.Name] > 1 {
			candidates[1] = ""
		}
		j := slices.IndexFunc(candidates, func(k string) bool { return k != "" && !used[k] })
		l.key = candidates[max(j, 0)]
		used[l.key] = true
	}
}

// reportStranger adds a note on a guest that looks like ours and is not planned.
func (m *maker) reportStranger(lv *live.Guest) {
	what := strings.TrimSpace(lv.Called())
	if k, known := m.opts.Known[lv.VMID]; known {
		m.plan.AddNote(strconv.Itoa(lv.VMID), "%s was applied under this VMID and is no longer declared; the VMID now belongs to %s on %s, another guest: it stays as it is; "+
			"`provision state forget %s` ends this note", k.Key, what, lv.Node, k.Key)
		return
	}
	if lv.Splunk() {
		m.plan.AddNote(strconv.Itoa(lv.VMID), "%s on %s has the tags of a Splunk VM that provision makes, and is neither declared nor recorded: it stays as it is", what, lv.Node)
	}
}

// vanish plans the removal of live guests of ours that are no longer declared. Each must
// be allowed by its name. What was never recorded was never declared: its tags alone are
// worth a note.
func (m *maker) vanish() {
	for _, l := range m.leaving {
		if m.opts.Known != nil && !l.recorded && !m.opts.allowed.destroy[l.VMID] {
			m.plan.AddNote(strconv.Itoa(l.VMID), "%s on %s has the tags terraform and %s, but was neither applied nor adopted here: it stays as it is; "+
				"if it belongs to another declaration, give this one an environment of its own (environment), which is in the tags of its guests",
				l.Called(), l.Node, m.owner.Estate.Environment)
			continue
		}
		c := guest.Destroy(l.key, l.Guest)
		switch data := l.DataDisks(); {
		case l.Protected() || l.known.Protected:
			c.Blocks = append(c.Blocks, change.Block{Why: "it is protected and no longer declared: " + m.farewell(l)})
		case len(data) > 0 && !(l.known.Unprotected && l.known.Name == l.Name):
			c.Blocks = append(c.Blocks, change.Block{Why: fmt.Sprintf("it has data disks (%s), is no longer declared, and \"protection\": false was never applied to it: %s",
				strings.Join(data, ", "), m.farewell(l))})
		case !m.opts.allowed.destroy[l.VMID]:
			c.Blocks = append(c.Blocks, change.Block{
				Why:  "it is no longer declared and would be destroyed with its disks: to keep it, " + m.letGo(l) + "; to destroy it, say so by name",
				Flag: "--allow-destroy " + l.key,
			})
		}
		m.plan.Add(c)
	}
}

// farewell says how a guest that is not to be destroyed by a flag can go.
func (m *maker) farewell(l leaver) string {
	keep := "; to keep it, " + m.letGo(l)
	if l.known.Key == declaration.SplunkKey || l.Splunk() {
		return fmt.Sprintf("if it and its data may go, take its protection off and remove it in Proxmox VE (qm destroy %d), and run `provision state forget %s`", l.VMID, l.key) + keep
	}
	return "declare it again with \"protection\": false, apply that, and remove it then" + keep
}

// letGo says how to stop managing a guest.
func (m *maker) letGo(l leaver) string {
	var how []string
	if m.owner.Marked(l.Guest) {
		how = append(how, "take its tag terraform off")
	}
	if l.recorded {
		how = append(how, "run `provision state forget "+l.key+"`")
	}
	return strings.Join(how, " and ")
}
