// Package scope says which part of a declaration a plan looks at: all of it, or what
// somebody has named. It reads nothing that is live.
package scope

import (
	"fmt"
	"slices"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
)

// Scope is the part of an estate that is looked at.
type Scope struct {
	*declaration.Estate
	// Only are the keys that were named: of guests, or pool/ID; empty: everything.
	Only []string
	// Looked are the declared guests that are looked at.
	Looked []*declaration.Guest
}

// New takes the guests that only names, all without it. verb is what the keys were given
// to, "" for the flag --only. The error says which key is none.
func New(e *declaration.Estate, only []string, verb string) (*Scope, error) {
	s := &Scope{Estate: e, Only: only}
	named := map[string]bool{}
	for _, k := range only {
		named[k] = true
	}
	for _, g := range e.Guests() {
		if s.All() || named[g.Key] {
			s.Looked = append(s.Looked, g)
			delete(named, g.Key)
		}
	}
	if verb == "" {
		for _, p := range e.Pools {
			delete(named, poolID(p.ID))
		}
	}
	for _, k := range only { // in the order given
		if named[k] {
			return nil, unknown(k, verb)
		}
	}
	return s, nil
}

// unknown says that a key is none.
func unknown(key, verb string) error {
	const keys = "the keys are those of containers and vms in deployment.json, and splunk"
	if verb != "" {
		return fmt.Errorf("%s %s: that is no guest of the declaration; %s", verb, key, keys)
	}
	return fmt.Errorf("--only %s: neither a guest of the declaration nor pool/ID; %s", key, keys)
}

// All says that the whole estate is looked at.
func (s *Scope) All() bool { return len(s.Only) == 0 }

// Includes says whether a declared guest is looked at.
func (s *Scope) Includes(g *declaration.Guest) bool { return slices.Contains(s.Looked, g) }

func poolID(id string) string { return change.ObjectPool + "/" + id }

// Pool says whether a pool itself is looked at.
func (s *Scope) Pool(id string) bool { return s.All() || slices.Contains(s.Only, poolID(id)) }

// NeedsPool says whether a guest that is looked at belongs into the pool.
func (s *Scope) NeedsPool(id string) bool {
	return slices.ContainsFunc(s.Looked, func(g *declaration.Guest) bool { return g.Pool == id })
}

// DeclaresPool says whether the estate declares the pool.
func (s *Scope) DeclaresPool(id string) bool {
	return slices.ContainsFunc(s.Pools, func(p declaration.Pool) bool { return p.ID == id })
}

// Nodes are those that the guests are on, and the estate's own.
func (s *Scope) Nodes() []string {
	nodes := []string{s.Node}
	for _, g := range s.Looked {
		nodes = append(nodes, g.Node)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// Guest is the guest of a key that is looked at, nil for none.
func (s *Scope) Guest(key string) *declaration.Guest {
	for _, g := range s.Looked {
		if g.Key == key {
			return g
		}
	}
	return nil
}

// LXC are the declared containers that are looked at.
func (s *Scope) LXC() []*declaration.Container {
	var out []*declaration.Container
	for i := range s.Containers {
		if c := &s.Containers[i]; s.Includes(&c.Guest) {
			out = append(out, c)
		}
	}
	return out
}

// QEMU are the declared VMs that are looked at, Splunk included.
func (s *Scope) QEMU() []*declaration.VM {
	var out []*declaration.VM
	for i := range s.VMs {
		if v := &s.VMs[i]; s.Includes(&v.Guest) {
			out = append(out, v)
		}
	}
	if v := s.Splunk; v != nil && s.Includes(&v.Guest) {
		out = append(out, v)
	}
	return out
}

// Firewalled says whether the firewall is looked at: when a guest has a class, or the
// node has rules.
func (s *Scope) Firewalled() bool {
	return s.NodeFirewalled() || slices.ContainsFunc(s.Looked, func(g *declaration.Guest) bool { return g.Class != "" })
}

// NodeFirewalled says whether the firewall of the nodes is looked at.
func (s *Scope) NodeFirewalled() bool { return s.All() && len(s.Firewall.Node) > 0 }

// Groups are the security groups in use, in the order in which they are declared. A group
// that nothing is attached to is not made.
func (s *Scope) Groups() []declaration.Group {
	used := map[string]bool{}
	for _, g := range s.Looked {
		if class, ok := s.Firewall.Class(g.Class); ok {
			for _, name := range class.Groups {
				used[name] = true
			}
		}
	}
	if s.All() {
		for _, r := range s.Firewall.Node {
			if r.Type == "group" {
				used[r.Action] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(s.Firewall.Groups), func(g declaration.Group) bool { return !used[g.Name] })
}

// OwnGroups are the names of all security groups that the estate may make.
func (s *Scope) OwnGroups() []string {
	var out []string
	for _, g := range s.Firewall.Groups {
		out = append(out, g.Name)
	}
	return out
}

// Container is the container of a guest that is looked at, nil where it is none.
func (s *Scope) Container(g *declaration.Guest) *declaration.Container {
	for _, c := range s.LXC() {
		if &c.Guest == g {
			return c
		}
	}
	return nil
}

// VM is the VM of a guest that is looked at, nil where it is none.
func (s *Scope) VM(g *declaration.Guest) *declaration.VM {
	for _, v := range s.QEMU() {
		if &v.Guest == g {
			return v
		}
	}
	return nil
}
