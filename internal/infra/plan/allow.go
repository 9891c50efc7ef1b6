package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// allowed are the guests that the Allow lists of the options name, by VMID.
type allowed struct{ destroy, replace, reboot, reuse map[int]bool }

// called is what a guest can be named by.
type called struct {
	key, name string
	vmid      int
}

// resolve finds the guests that may be destroyed, replaced and so on. Each word stands
// for one guest, so that no other is hit by it. A plan that is made again keeps what was
// found: a guest that is gone by then was there.
func (m *maker) resolve() error {
	if m.opts.allowed != nil {
		return nil
	}
	var declared, leaving []called
	for _, g := range m.estate.Guests() {
		declared = append(declared, called{g.Key, g.Name, g.VMID})
	}
	for _, l := range m.leaving {
		leaving = append(leaving, called{l.key, l.Name, l.VMID})
	}
	a := &allowed{destroy: map[int]bool{}, replace: map[int]bool{}, reboot: map[int]bool{}, reuse: map[int]bool{}}
	for _, list := range []struct {
		flag  string
		words []string
		among []called
		other string // what is said of a word that names none
		found map[int]bool
	}{
		{"--allow-destroy", m.opts.AllowDestroy, leaving, m.notLeaving(), a.destroy},
		{"--allow-replace", m.opts.AllowReplace, declared, notDeclared, a.replace},
		{"--allow-reboot", m.opts.AllowReboot, declared, notDeclared, a.reboot},
		{"--allow-reuse", m.opts.AllowReuse, declared, notDeclared, a.reuse},
	} {
		for _, word := range list.words {
			vmid, err := find(list.flag, word, list.among, list.other)
			if err != nil {
				return err
			}
			list.found[vmid] = true
		}
	}
	m.opts.allowed = a
	m.plan.opts.allowed = a
	return nil
}

const notDeclared = "no guest of the declaration has that key, VMID or name"

// notLeaving says why a word may name no guest that would be destroyed.
func (m *maker) notLeaving() string {
	if len(m.opts.Only) > 0 {
		return "with --only nothing is destroyed"
	}
	return "no live guest with that key, VMID or name is ours and declared no more: leave it out if it is gone already; " +
		"what is declared is removed by `provision destroy`"
}

// find returns the one guest that a word names: by key, else by VMID, else by a name
// that no other has.
func find(flag, word string, among []called, none string) (int, error) {
	var hits []string
	vmid := 0
	for _, by := range []func(called) bool{
		func(c called) bool { return c.key == word },
		func(c called) bool { return strconv.Itoa(c.vmid) == word },
		func(c called) bool { return c.name == word && word != "" },
	} {
		for _, c := range among {
			if by(c) {
				hits = append(hits, strconv.Itoa(c.vmid))
				vmid = c.vmid
			}
		}
		if len(hits) > 0 {
			break
		}
	}
	switch len(hits) {
	case 0:
		return 0, fmt.Errorf("%s %q: %s", flag, word, none)
	case 1:
		return vmid, nil
	}
	return 0, fmt.Errorf("%s %q: that is the name of several guests, say which by VMID: %s", flag, word, strings.Join(hits, ", "))
}

// leaver is a live guest of ours that is declared no more.
type leaver struct {
	*guest
	key      string // unique among all guests
	known    Known
	recorded bool // and not only marked
}

// leavers takes those that are ours out of the live guests that are not declared, and
// notes the ones that only have the VMID of one of ours.
func (m *maker) leavers(undeclared []*guest) {
	used := map[string]bool{}
	for _, g := range m.estate.Guests() {
		used[g.Key] = true
	}
	names := map[string]int{}
	for _, lv := range undeclared {
		known, recorded := m.recorded(lv)
		if !recorded && !m.marked(lv) {
			m.noteStranger(lv)
			continue
		}
		m.leaving = append(m.leaving, leaver{guest: lv, known: known, recorded: recorded})
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

// noteStranger says that a guest is left alone of which one might think that it is ours.
func (m *maker) noteStranger(lv *guest) {
	what := strings.TrimSpace(words(lv.kind()) + " " + lv.Name)
	if k, known := m.opts.Known[lv.VMID]; known {
		m.note(strconv.Itoa(lv.VMID), "%s was applied under this VMID and is declared no more; what is there now is %s on %s, another guest: it is left alone; "+
			"`provision state forget %s` ends this note", k.Key, what, lv.Node, k.Key)
		return
	}
	if lv.splunk() {
		m.note(strconv.Itoa(lv.VMID), "%s on %s has the tags of a Splunk VM that provision makes, and is neither declared nor recorded: it is left alone", what, lv.Node)
	}
}

// splunk says whether a guest has the tags that a Splunk VM is made with.
func (g *guest) splunk() bool {
	tags := splitTags(g.Tags)
	for _, t := range []string{"terraform", "splunk", "enterprise"} {
		if !slices.Contains(tags, t) {
			return false
		}
	}
	return true
}
