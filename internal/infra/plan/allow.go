package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/firewall"
)

// allowed are the guests that the Allow lists of the options name, by VMID.
type allowed struct {
	destroy, replace, reboot, reuse map[int]bool
	detach                          map[int]map[string]bool
}

// object is the prefix and name of what --allow-reuse names beside guests: group/NAME,
// pool/ID, acme-plugin/ID.
func (m *maker) object(word string) bool {
	if id, ok := strings.CutPrefix(word, change.ObjectPool+"/"); ok {
		return m.scope.DeclaresPool(id)
	}
	if id, ok := strings.CutPrefix(word, change.ObjectACMEPlugin+"/"); ok {
		return slices.ContainsFunc(m.scope.Extra.DNSPlugins, func(p declaration.DNSPlugin) bool { return p.ID == id })
	}
	name, ok := strings.CutPrefix(word, firewall.GroupPrefix)
	return ok && slices.Contains(m.scope.OwnGroups(), name)
}

// called are the words that a guest can be named by.
type called struct {
	key, name string
	vmid      int
}

// resolve finds the guests that the Allow lists name. Each word names exactly one guest.
// A plan that is made again keeps the result, since a guest may be gone by then.
func (m *maker) resolve() error {
	if m.opts.allowed != nil {
		return nil
	}
	var declared, leaving []called
	for _, g := range m.scope.Estate.Guests() {
		declared = append(declared, called{g.Key, g.Name, g.VMID})
	}
	for _, l := range m.leaving {
		leaving = append(leaving, called{l.key, l.Name, l.VMID})
	}
	detach, err := m.detach(declared)
	if err != nil {
		return err
	}
	a := &allowed{detach: detach, destroy: map[int]bool{}, replace: map[int]bool{}, reboot: map[int]bool{}, reuse: map[int]bool{}}
	for _, list := range []struct {
		flag  string
		words []string
		among []called
		other string // the error for a word that names no guest
		found map[int]bool
	}{
		{"--allow-destroy", m.opts.AllowDestroy, leaving, m.notLeaving(), a.destroy},
		{"--allow-replace", m.opts.AllowReplace, declared, notDeclared, a.replace},
		{"--allow-reboot", m.opts.AllowReboot, declared, notDeclared, a.reboot},
		{"--allow-reuse", m.opts.AllowReuse, declared, notDeclared, a.reuse},
	} {
		for _, word := range list.words {
			if list.flag == "--allow-reuse" && m.object(word) {
				continue
			}
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

// detach takes the words of --allow-detach apart: GUEST:PATH or GUEST:INTERFACE.
func (m *maker) detach(declared []called) (map[int]map[string]bool, error) {
	out := map[int]map[string]bool{}
	for _, word := range m.opts.AllowDetach {
		key, name, ok := strings.Cut(word, ":")
		if !ok || name == "" {
			return nil, fmt.Errorf("--allow-detach %q: write KEY:PATH for a mount point, KEY:INTERFACE for a disk", word)
		}
		vmid, err := find("--allow-detach", key, declared, notDeclared)
		if err != nil {
			return nil, err
		}
		if out[vmid] == nil {
			out[vmid] = map[string]bool{}
		}
		out[vmid][name] = true
	}
	return out, nil
}

// allDetached is an error if something that may be taken off is not there, most probably for a
// slip of the finger.
func (m *maker) allDetached(there map[int][]string) error {
	for _, g := range m.scope.Guests {
		for name := range m.opts.allowed.detach[g.VMID] {
			if !slices.Contains(there[g.VMID], name) {
				return fmt.Errorf("--allow-detach %s:%s: it has no undeclared mount point at that path, nor an undeclared disk of that name", g.Key, name)
			}
		}
	}
	return nil
}

const notDeclared = "no guest of the declaration has that key, VMID or name"

// notLeaving says why a word may name no guest that would be destroyed.
func (m *maker) notLeaving() string {
	if !m.scope.All() {
		return "with --only nothing is destroyed"
	}
	return "no live guest with that key, VMID or name is ours and no longer declared: leave it out if it is gone already; " +
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
