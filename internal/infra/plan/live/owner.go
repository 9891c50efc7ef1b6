package live

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
)

// Known is the record's entry of a guest.
type Known struct {
	Key       string
	Kind      declaration.Kind
	Name      string // as it was when it was recorded
	Class     string // of the firewall, when it was recorded
	Protected bool
	// Unprotected is true when the declaration literally had "protection": false: only
	// then may the guest's data be removed.
	Unprotected bool
	// Inputs are those that it was made from: see declaration.Estate.FirstBoot.
	Inputs map[string]string
}

// Unfinished is the description of a guest that is created in several steps. While it has
// it, the missing steps are planned from the live state, first boot included.
const Unfinished = "Being made by provision; not finished yet."

// Begun reports whether an earlier apply has begun to make the guest, and has not finished.
func (g *Guest) Begun() bool { return strings.TrimSpace(g.Get("description")) == Unfinished }

// Owner decides which guests belong to the estate.
type Owner struct {
	Estate *declaration.Estate
	Known  map[int]Known // by VMID
}

// Recorded reports whether a live guest is the one that an earlier apply recorded under
// its VMID. The VMID alone is not enough: another guest may have it by now.
func (o Owner) Recorded(lv *Guest) (Known, bool) {
	k, known := o.Known[lv.VMID]
	if !known || k.Kind != lv.Kind() || k.Name != lv.Name && !o.Marked(lv) {
		return Known{}, false
	}
	return k, true
}

// Marked reports whether a guest has the estate's tags: terraform and the name of the
// environment. Every declared guest except Splunk has them.
func (o Owner) Marked(lv *Guest) bool {
	tags := SplitTags(lv.Tags)
	env := strings.ToLower(o.Estate.Environment)
	return env != "" && slices.Contains(tags, "terraform") && slices.Contains(tags, env)
}

// Foreign returns why the live guest under a VMID is not the declared one, "" when it is. A
// recorded guest that has the estate's tags may have been renamed; without a record the tags
// are enough.
func (o Owner) Foreign(g *declaration.Guest, lv *Guest) string {
	id := strconv.Itoa(g.VMID)
	taken := "VMID " + id + " is taken by " + lv.Called() + " on " + lv.Node
	_, recorded := o.Recorded(lv)
	switch {
	case lv.Kind() != g.Kind:
		return taken + ", but " + Words(g.Kind) + " is declared: give " + g.Key + " another vm_id"
	case lv.Template:
		return "VMID " + id + " is the template " + lv.Name + ": give " + g.Key + " another vm_id"
	case o.Sure(g, lv), lv.Begun(), recorded, o.Known == nil && o.Marked(lv):
		return ""
	}
	return taken + ", which this estate has not made: give " + g.Key + " another vm_id, or, if it is the same guest, declare its name"
}

// Taken returns why a guest that has only the estate's tags is not the declared one, ""
// when it is. The user may say that it is.
func (o Owner) Taken(g *declaration.Guest, lv *Guest) string {
	if lv.Kind() != g.Kind || lv.Template || !o.Marked(lv) || o.Foreign(g, lv) == "" {
		return ""
	}
	return fmt.Sprintf("VMID %d is taken by %s on %s, which has the tags terraform and %s, but was neither applied nor adopted here: "+
		"if it belongs to another declaration, give %s another vm_id and this declaration an environment of its own (environment); "+
		"to make it, with its disks, into %s in place, say so by name", g.VMID, lv.Called(), lv.Node, o.Estate.Environment, g.Key, g.Key)
}

// Sure reports whether the live guest has the declared name, or the one that is recorded.
func (o Owner) Sure(g *declaration.Guest, lv *Guest) bool {
	k, known := o.Recorded(lv)
	return lv.Name == g.Name || known && k.Name == lv.Name
}

// Settled reports whether the record has the guest as it is declared, with the same class.
func (o Owner) Settled(g *declaration.Guest, lv *Guest) bool {
	k, recorded := o.Recorded(lv)
	return recorded && k.Key == g.Key && k.Class == g.Class
}

// Reuses returns which other guest of the estate is live under the VMID of a declared one,
// "" for none: it would be turned into the declared one, with its data. A guest that was
// renamed, or that has another key, is not another guest.
func (o Owner) Reuses(g *declaration.Guest, lv *Guest) string {
	if lv.Name == g.Name {
		return ""
	}
	what := fmt.Sprintf("VMID %d is %s on %s", g.VMID, lv.Called(), lv.Node)
	for _, other := range o.Estate.Guests() {
		if other.Key != g.Key && (lv.Name == other.Name || lv.Name == other.Key) {
			return fmt.Sprintf("%s, and %s is declared with VMID %d", what, other.Key, other.VMID)
		}
	}
	if k, known := o.Recorded(lv); known && k.Key != g.Key {
		return fmt.Sprintf("%s, which was applied as %s", what, k.Key)
	}
	return ""
}
