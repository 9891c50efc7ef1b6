package firewall

import (
	"maps"
	"slices"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
)

// Sets are IP sets by name.
type Sets map[string]*Set

// Set is an IP set.
type Set struct {
	comment string
	entries []conf.File
}

// Entries are the sets as the API lists them.
func (ss Sets) Entries() []Entry {
	var out []Entry
	for _, name := range slices.Sorted(maps.Keys(ss)) {
		out = append(out, named("name", name, ss[name].comment))
	}
	return out
}

// Get returns the set of that name.
func (ss Sets) Get(name string) (*Set, error) {
	if s := ss[name]; s != nil {
		return s, nil
	}
	return nil, refusal.Fail("no such IPSet '%s'", name)
}

// Put makes a set or, with the old name, gives it another one and, unless it is nil,
// another comment.
func (ss Sets) Put(name, old string, comment *string) error {
	if ss[name] != nil && old != name {
		return refusal.BadParam("name", "IPSet '%s' already exists", name)
	}
	s := &Set{}
	if old != "" {
		if s = ss[old]; s == nil {
			return refusal.BadParam("name", "IPSet '%s' does not exist", old)
		}
		delete(ss, old)
	}
	ss[name] = s
	if comment != nil {
		s.comment = *comment
	}
	return nil
}

// Remove takes a set away. One that is not empty needs force; a missing one is fine.
func (ss Sets) Remove(name string, force bool) error {
	if s := ss[name]; s != nil && len(s.entries) > 0 && !force {
		return refusal.Fail("IPSet '%s' is not empty", name)
	}
	delete(ss, name)
	return nil
}

// Entries are the members of a set.
func (s *Set) Entries() []Entry {
	var out []Entry
	for _, e := range s.entries {
		out = append(out, e.Shown(func(k string) bool { return k == "nomatch" }))
	}
	return out
}

// Add makes an address or network, with its comment and nomatch, a member.
func (s *Set) Add(member conf.File) error {
	cidr := member["cidr"]
	if slices.ContainsFunc(s.entries, func(o conf.File) bool { return o["cidr"] == cidr }) {
		return refusal.BadParam("cidr", "address '%s' already exists", cidr)
	}
	s.entries = append(s.entries, member)
	return nil
}

// Remove takes a member away; a missing one is fine.
func (s *Set) Remove(cidr, digest string) error {
	if err := CheckDigest(digest, s.Entries()); err != nil {
		return err
	}
	s.entries = slices.DeleteFunc(s.entries, func(e conf.File) bool { return e["cidr"] == cidr })
	return nil
}

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

// Aliases are names of addresses and networks.
type Aliases map[string]*Alias

// Alias is a named address or network.
type Alias struct{ CIDR, Comment string }

// Entry is the alias as the API shows it.
func (a *Alias) Entry(name string) Entry {
	e := named("name", name, a.Comment)
	e["cidr"] = a.CIDR
	if v := ipVersion(a.CIDR); v > 0 {
		e["ipversion"] = v
	}
	return e
}

// Entries are the aliases as the API lists them.
func (as Aliases) Entries() []Entry {
	var out []Entry
	for _, name := range slices.Sorted(maps.Keys(as)) {
		out = append(out, as[name].Entry(name))
	}
	return out
}

// Get returns the alias of that name.
func (as Aliases) Get(name string) (*Alias, error) {
	if a := as[name]; a != nil {
		return a, nil
	}
	return nil, refusal.BadParam("name", "no such alias")
}

// Add makes an alias.
func (as Aliases) Add(name string, a Alias) error {
	if as[name] != nil {
		return refusal.BadParam("name", "alias '%s' already exists", name)
	}
	as[name] = &a
	return nil
}

// Rename gives an alias another name.
func (as Aliases) Rename(old, name string) error {
	if as[name] != nil {
		return refusal.BadParam("name", "alias '%s' already exists", name)
	}
	as[name] = as[old]
	delete(as, old)
	return nil
}

// Remove takes an alias away; a missing one is fine.
func (as Aliases) Remove(name, digest string) error {
	if err := CheckDigest(digest, as.Entries()); err != nil {
		return err
	}
	delete(as, name)
	return nil
}
