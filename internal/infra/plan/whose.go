package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
)

// recorded says whether a live guest is the one that an earlier apply has put down under
// its VMID. The VMID alone does not make it so: it may be another one's by now.
func (m *maker) recorded(lv *guest) (Known, bool) {
	k, known := m.opts.Known[lv.VMID]
	if !known || k.Kind != lv.kind() || k.Name != lv.Name && !m.marked(lv) {
		return Known{}, false
	}
	return k, true
}

// marked says whether a guest bears the estate's mark: the tag terraform and the name of
// the environment, which every declared guest but Splunk has.
func (m *maker) marked(lv *guest) bool {
	tags := splitTags(lv.Tags)
	env := strings.ToLower(m.estate.Environment)
	return env != "" && slices.Contains(tags, "terraform") && slices.Contains(tags, env)
}

// foreign says why what is live under a VMID is not the declared guest, "" if it is. A
// guest that bears the estate's mark may have been renamed.
func (m *maker) foreign(g *declaration.Guest, lv *guest) string {
	id := strconv.Itoa(g.VMID)
	if lv.kind() != g.Kind {
		return "VMID " + id + " is taken by " + words(lv.kind()) + " " + lv.Name + " on " + lv.Node +
			", but " + words(g.Kind) + " is declared: give " + g.Key + " another vm_id"
	}
	if lv.Template {
		return "VMID " + id + " is the template " + lv.Name + ": give " + g.Key + " another vm_id"
	}
	if m.sure(g, lv) || m.marked(lv) || strings.TrimSpace(lv.get("description")) == making {
		return ""
	}
	return "VMID " + id + " is taken by " + words(lv.kind()) + " " + lv.Name + " on " + lv.Node +
		", which this estate has not made: give " + g.Key + " another vm_id, or, if it is the same guest, declare its name"
}

// sure says whether the live guest has the declared name, or the one that is recorded.
func (m *maker) sure(g *declaration.Guest, lv *guest) bool {
	k, known := m.recorded(lv)
	return lv.Name == g.Name || known && k.Name == lv.Name
}

// reuses says which other guest of the estate is live under the VMID of a declared one,
// "" for none: that one would become another in place, with its data. A guest with a new
// name, or the same one under another key, is no other.
func (m *maker) reuses(g *declaration.Guest, lv *guest) string {
	if lv.Name == g.Name {
		return ""
	}
	what := fmt.Sprintf("VMID %d is %s %s on %s", g.VMID, words(lv.kind()), lv.Name, lv.Node)
	for _, other := range m.estate.Guests() {
		if other.Key != g.Key && (lv.Name == other.Name || lv.Name == other.Key) {
			return fmt.Sprintf("%s, and %s is declared with VMID %d", what, other.Key, other.VMID)
		}
	}
	if k, known := m.recorded(lv); known && k.Key != g.Key {
		return fmt.Sprintf("%s, which was applied as %s", what, k.Key)
	}
	return ""
}

func words(k declaration.Kind) string {
	if k == declaration.LXC {
		return "the container"
	}
	return "the VM"
}

// guard says why a live guest and its disks may not be removed, "" if they may. Only a
// literal "protection": false lifts what is there: a default follows the declared disks,
// and those may have been declared once.
func guard(g *declaration.Guest, lv *guest) string {
	switch {
	case g.ProtectionDeclared && !g.Protection:
		return ""
	case g.Protection:
		return "it is protected"
	case lv.protected():
		return "it is protected in Proxmox VE"
	case len(lv.dataDisks()) > 0:
		return "it has data (" + strings.Join(lv.dataDisks(), ", ") + ")"
	}
	return ""
}

// unguard says how to lift what guard found.
func unguard(g *declaration.Guest) string {
	if g.Key == declaration.SplunkKey {
		return "the Splunk VM always is: if it and its data may go, take it out of the declaration, take its protection off in Proxmox VE, " +
			"remove it there, and run `provision state forget " + g.Key + "`"
	}
	return "declare \"protection\": false first, if it and its data may go"
}
