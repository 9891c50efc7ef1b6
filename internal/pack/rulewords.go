package pack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// String says in words what a rule does: "drop", "mask key user (hash), card".
func (r *Rule) String() string {
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if r.Drop {
		add("drop")
	}
	if r.Sample != 0 {
		add("keep one of %d", r.Sample)
	}
	if s := r.Suppress; s != nil {
		add("let one through in %s by %s", s.OneIn, parts(s.By))
	}
	if r.Lookup != "" {
		add("look up %s by %s", r.Lookup, r.By)
	}
	if r.Index != "" {
		add("index %s", r.Index)
	}
	if r.Sourcetype != "" {
		add("sourcetype %s", r.Sourcetype)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		add("field %s=%s", name, r.Fields[name])
	}
	for i := range r.Masks {
		add("mask %s", r.Masks[i].String())
	}
	if t := r.Trim; t != nil {
		if len(t.Keys) != 0 {
			add("remove %s", strings.Join(t.Keys, ", "))
		}
		if t.Spaces {
			add("make one of runs of blanks")
		}
		if t.Tabs {
			add("decode #011")
		}
	}
	return strings.Join(all, "; ")
}

// String says in words what a mask hides.
func (m *Mask) String() string {
	text := m.Find
	switch {
	case m.Key != "":
		text = "key " + m.Key
	case m.Regex != "":
		text = "regex " + m.Regex
	case m.Find == "":
		text = fmt.Sprintf("between %q and %q", m.Between[0], m.Between[1])
	}
	if m.With == Hash {
		text += " by a hash"
	}
	return text
}

func parts(list []Place) string {
	all := make([]string, len(list))
	for i := range list {
		all[i] = list[i].String()
	}
	return strings.Join(all, ", ")
}
