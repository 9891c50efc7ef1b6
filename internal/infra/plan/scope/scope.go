// Package scope decides which part of a declaration a plan covers: all of it, or the
// guests and pools that the user named. It reads nothing from Proxmox VE.
package scope

import (
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
)

// Scope is the part of an estate that a plan covers.
type Scope struct {
	*declaration.Estate
	// Only are the keys that were named: of guests, or pool/ID; empty: everything.
	Only []string
	// Guests are the declared guests in scope.
	Guests []*declaration.Guest
}

// New is the scope of the keys in only; without keys it is the whole estate. verb is the
// verb that the keys were given to, "" for the flag --only. The error names a key that is
// not declared.
func New(e *declaration.Estate, only []string, verb string) (*Scope, error) {
	s := &Scope{Estate: e, Only: only}
	named := map[string]bool{}
	for _, k := range only {
		named[k] = true
	}
	for _, g := range e.Guests() {
		if s.All() || named[g.Key] {
			s.Guests = append(s.Guests, g)
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

// unknown is the error for a key that is not declared.
func unknown(key, verb string) error {
	const keys = "the keys are those of containers and vms in deployment.json, and splunk"
	if verb != "" {
		return fmt.Errorf("%s %s: that is no guest of the declaration; %s", verb, key, keys)
	}
	return fmt.Errorf("--only %s: neither a guest of the declaration nor pool/ID; %s", key, keys)
}

// All reports whether the whole estate is in scope.
func (s *Scope) All() bool { return len(s.Only) == 0 }

// Includes reports whether a declared guest is in scope.
func (s *Scope) Includes(g *declaration.Guest) bool { return slices.Contains(s.Guests, g) }

func poolID(id string) string { return change.ObjectPool + "/" + id }

// Pool reports whether a pool itself is in scope.
func (s *Scope) Pool(id string) bool { return s.All() || slices.Contains(s.Only, poolID(id)) }

// NeedsPool reports whether a guest in scope belongs to the pool.
func (s *Scope) NeedsPool(id string) bool {
	return slices.ContainsFunc(s.Guests, func(g *declaration.Guest) bool { return g.Pool == id })
}

// DeclaresPool reports whether the estate declares the pool.
func (s *Scope) DeclaresPool(id string) bool {
	return slices.ContainsFunc(s.Pools, func(p declaration.Pool) bool { return p.ID == id })
}

// Nodes are those that the guests are on, and the estate's own.
func (s *Scope) Nodes() []string {
	nodes := []string{s.Node}
	for _, g := range s.Guests {
		nodes = append(nodes, g.Node)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// Guest returns the guest in scope with that key, or nil.
func (s *Scope) Guest(key string) *declaration.Guest {
	for _, g := range s.Guests {
		if g.Key == key {
			return g
		}
	}
	return nil
}

// LXC are the declared containers in scope.
func (s *Scope) LXC() []*declaration.Container {
	var out []*declaration.Container
	for i := range s.Containers {
		if c := &s.Containers[i]; s.Includes(&c.Guest) {
			out = append(out, c)
		}
	}
	return out
}

// QEMU are the declared VMs in scope, Splunk included.
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

// Firewalled reports whether the firewall is in scope: a guest has a class, or the node
// has rules.
func (s *Scope) Firewalled() bool {
	return s.NodeFirewalled() || slices.ContainsFunc(s.Guests, func(g *declaration.Guest) bool { return g.Class != "" })
}

// Names are the aliases (dc/NAME) and IP sets (+NAME) that the rules of a guest name.
func (s *Scope) Names(g *declaration.Guest) []string {
	var out []string
	for _, r := range s.Firewall.Rules(g) {
		for _, word := range strings.Split(r.Source+","+r.Dest, ",") {
			name := strings.HasPrefix(word, "+") || strings.HasPrefix(word, "dc/") || strings.HasPrefix(word, "guest/")
			if name && !slices.Contains(out, word) {
				out = append(out, word)
			}
		}
	}
	return out
}

// NodeFirewalled reports whether the firewall of the nodes is in scope.
func (s *Scope) NodeFirewalled() bool { return s.All() && len(s.Firewall.Node) > 0 }

// Groups are the security groups in use, in the order in which they are declared. A group
// that no guest or node uses is not made.
func (s *Scope) Groups() []declaration.Group {
	used := map[string]bool{}
	for _, g := range s.Guests {
		if class, ok := s.Firewall.Class(g.Class); ok {
			for _, name := range slices.Concat(class.Groups, g.Firewall.Groups) {
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

// Container returns the container of a guest in scope, or nil for a VM.
func (s *Scope) Container(g *declaration.Guest) *declaration.Container {
	for _, c := range s.LXC() {
		if &c.Guest == g {
			return c
		}
	}
	return nil
}

// VM returns the VM of a guest in scope, or nil for a container.
func (s *Scope) VM(g *declaration.Guest) *declaration.VM {
	for _, v := range s.QEMU() {
		if &v.Guest == g {
			return v
		}
	}
	return nil
}
