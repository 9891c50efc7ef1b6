package rules

import (
	"reflect"
	"slices"

	"syslog-gateway/internal/pack"
)

// This file is what a change of the rules does to what they remember.

// Forgotten is what a suppress rule remembered when it was changed or removed.
type Forgotten struct {
	Rule string
	// Kinds had messages left out of which no event tells any more: Messages in all.
	Kinds, Messages int
}

// HasForgotten reports whether something was forgotten since the last call of Forgotten.
func (a *Actor) HasForgotten() bool { return len(a.forgotten) != 0 }

// Forgotten returns what was forgotten since the last call.
func (a *Actor) Forgotten() []Forgotten {
	all := a.forgotten
	a.forgotten = nil
	return all
}

// carry takes over what the rules of another set remember that are the same in this one. What
// the others had to tell is forgotten.
func (a *Actor) carry(old *Set, seen []uint32, kinds []*kinds) {
	if old == nil {
		return
	}
	kept := make(map[string]*rule)
	if a.set != nil {
		for _, r := range a.set.rules {
			kept[r.name] = r
		}
	}
	for i, r := range old.rules {
		switch same := kept[r.name]; {
		case r.definition == nil:
		case same != nil && reflect.DeepEqual(same.definition, r.definition):
			a.seen[same.number], a.kinds[same.number] = seen[i], kinds[i]
		case kinds[i] != nil:
			a.forget(r.name, kinds[i])
		}
	}
}

// forget notes what a rule had to tell. Lines of connections that are read by the rules of
// before for a while make it forget several times.
func (a *Actor) forget(rule string, k *kinds) {
	f := Forgotten{Rule: rule}
	for i := range k.entries {
		if left := k.entries[i].left; left != 0 {
			f.Kinds++
			f.Messages += int(left)
		}
	}
	if f.Kinds == 0 {
		return
	}
	if i := slices.IndexFunc(a.forgotten, func(other Forgotten) bool { return other.Rule == rule }); i >= 0 {
		a.forgotten[i].Kinds += f.Kinds
		a.forgotten[i].Messages += f.Messages
		return
	}
	a.forgotten = append(a.forgotten, f)
}

// definition is what decides on which messages a rule remembers, and how: what it does
// besides may change.
type definition struct {
	when      []pack.Condition
	suppress  *pack.Suppress
	sample    int
	read      pack.Reader
	separator byte
	within    int
}

// newDefinition is nil for a rule that remembers none.
func newDefinition(p *pack.Pack, r *pack.Rule) *definition {
	if r.Suppress == nil && r.Sample == 0 {
		return nil
	}
	return &definition{placeless(r.When), r.Suppress, r.Sample, p.Read, p.Separator, p.Within}
}

// placeless copies conditions without their places in files, which change with every line
// before them.
func placeless(all []pack.Condition) []pack.Condition {
	all = slices.Clone(all)
	for i := range all {
		c := &all[i]
		c.Pos, c.Any, c.Not = pack.Pos{}, placeless(c.Any), placeless(c.Not)
	}
	return all
}
