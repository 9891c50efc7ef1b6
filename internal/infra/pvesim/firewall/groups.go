package firewall

import (
	"maps"
	"slices"

	"syslog-gateway/internal/infra/pvesim/refusal"
)

// Groups are security groups by name.
type Groups map[string]*Group

// Group is a security group.
type Group struct {
	Rules   Rules
	comment string
}

// Entries are the groups as the API lists them.
func (gs Groups) Entries() []Entry {
	var out []Entry
	for _, name := range slices.Sorted(maps.Keys(gs)) {
		out = append(out, named("group", name, gs[name].comment))
	}
	return out
}

// named is an entry with its comment, if it has one.
func named(key, name, comment string) Entry {
	e := Entry{key: name}
	if comment != "" {
		e["comment"] = comment
	}
	return e
}

// Add makes a group.
func (gs Groups) Add(name, comment string) error {
	if gs[name] != nil {
		return refusal.BadParam("group", "Security group '%s' already exists", name)
	}
	gs[name] = &Group{comment: comment}
	return nil
}

// Rename gives a group another name and, unless it is nil, another comment.
func (gs Groups) Rename(old, name string, comment *string, digest string) error {
	if err := CheckDigest(digest, gs.Entries()); err != nil {
		return err
	}
	g := gs[old]
	switch {
	case g == nil:
		return refusal.BadParam("group", "Security group '%s' does not exist", old)
	case old != name && gs[name] != nil:
		return refusal.BadParam("group", "Security group '%s' already exists", name)
	}
	delete(gs, old)
	gs[name] = g
	if comment != nil {
		g.comment = *comment
	}
	return nil
}

// Remove takes an empty group away; a missing one is fine.
func (gs Groups) Remove(name string) error {
	if g := gs[name]; g != nil && g.Rules.Len() > 0 {
		return refusal.Fail("Security group '%s' is not empty", name)
	}
	delete(gs, name)
	return nil
}
