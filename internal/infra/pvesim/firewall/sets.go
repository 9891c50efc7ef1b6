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
		shown := Entry{}
		for k, v := range e {
			shown[k] = v
			if k == "nomatch" {
				shown[k] = conf.Int(v)
			}
		}
		out = append(out, shown)
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
