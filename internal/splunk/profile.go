package splunk

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/dialect"
)

// Metadata is what Splunk gets of an event besides its text. It is the same for all
// messages of one class from one configured source, except for the end of Source.
type Metadata struct {
	Sourcetype string
	Index      string
	Source     string
	// SourceFromResult says that dialect.Result.Source is appended to Source. If that
	// is empty, Source ends with its colon.
	SourceFromResult bool
	// SourcetypeFromResult says that dialect.Result.Sourcetype is appended to Sourcetype.
	SourcetypeFromResult bool
	// Fields are the indexed fields that depend on the class only, in a fixed order
	// and without empty values.
	Fields []Field
	// CEF names the fields whose values come from dialect.Result.CEF: vendor, product,
	// signature. All are empty if the class has no such fields.
	CEF [3]string
}

// Field is one indexed field.
type Field struct{ Name, Value string }

// Override replaces the names of a class. An empty string changes nothing.
type Override struct{ Index, Sourcetype, Source string }

// SourceInfo is the configuration of the source that received a message.
type SourceInfo struct {
	// Vendor is the name of the source's parser. A class has an index of its own only
	// on a source of its family, or where Vendor is empty or "auto".
	Vendor string
	// Port is the port that the source listens on.
	Port int
	// Index is the source's index.
	Index string
	// Sourcetype is the sourcetype of all events of the source; optional.
	Sourcetype string
	// Packs are the packs that the source is pinned to.
	Packs []string
}

// Profile has the names of all classes. It is immutable.
type Profile struct {
	sc4s bool
	Naming
}

// Naming is what a site has changed of the names.
type Naming struct {
	// Overrides are names by class.
	Overrides map[string]Override
	// Indexes are indexes by role, such as netfw; "*" is for the roles that are not there. They
	// count in the profile default only: in the profile sc4s the role is the index.
	Indexes map[string]string
	// OnLinux lists the packs for programs of Linux servers whose names count on ports of the
	// family linux too.
	OnLinux []string
}

// NewProfile returns the profile "default" or "sc4s" (the names of Splunk Connect for
// Syslog) with what a site has changed. The error about an unknown class suggests names that
// are like it.
func NewProfile(name string, n Naming, classes []dialect.Class) (*Profile, error) {
	p := &Profile{Naming: n}
	switch name {
	case "", "default":
	case "sc4s":
		p.sc4s = true
	default:
		return nil, fmt.Errorf("metadata.profile: %q is not a profile: choose default or sc4s", name)
	}
	for _, class := range slices.Sorted(maps.Keys(n.Overrides)) {
		if !slices.ContainsFunc(classes, func(c dialect.Class) bool { return c.Name == class }) {
			return nil, fmt.Errorf("metadata.overrides: %w", dialect.Unknown(class, classes))
		}
	}
	return p, nil
}

// Metadata returns what Splunk gets of messages of a class from a source.
//
// The first of these that is set decides: for the sourcetype the source, the override,
// the profile; for the index the override, the index of the role, the profile, the source;
// for the source the override, the profile.
func (p *Profile) Metadata(class dialect.Class, src SourceInfo) Metadata {
	var m Metadata
	switch {
	case class.Pack != nil && p.sc4s:
		m = packSC4S(class.Pack)
	case class.Pack != nil:
		m = p.pack(class, src)
	case p.sc4s:
		m = sc4s(&table[class.ID].sc4s)
	default:
		m = p.standard(class, src)
	}
	override := p.Overrides[class.Name]
	m.Index = cmp.Or(override.Index, m.Index)
	if own := cmp.Or(src.Sourcetype, override.Sourcetype); own != "" {
		m.Sourcetype, m.SourcetypeFromResult = own, false
	}
	if override.Source != "" {
		m.Source, m.SourceFromResult = override.Source, false
	}
	return m
}

// standard returns the names of the profile default for a class of a built-in family.
func (p *Profile) standard(class dialect.Class, src SourceInfo) Metadata {
	n := &table[class.ID].standard
	m := Metadata{
		Sourcetype:       n.sourcetype,
		Index:            p.index(table[class.ID].sc4s.index),
		Source:           cmp.Or(n.source, "syslog:"+strconv.Itoa(src.Port)),
		SourceFromResult: strings.HasSuffix(n.source, ":"),
		Fields:           fields("vendor_product", class.Product, "class", class.Name),
	}
	if n.index != "" && (src.Vendor == "" || src.Vendor == dialect.Auto || src.Vendor == class.Family) {
		m.Index = cmp.Or(m.Index, n.index)
	}
	m.Index = cmp.Or(m.Index, src.Index)
	return m
}

// index returns the site's index of a role, or "".
func (p *Profile) index(role string) string {
	return cmp.Or(p.Indexes[role], p.Indexes["*"])
}

// sc4s returns the names of the profile sc4s.
func sc4s(n *sc4sNames) Metadata {
	m := Metadata{
		Sourcetype:       n.sourcetype,
		Index:            n.index,
		Source:           cmp.Or(n.source, "sc4s"),
		SourceFromResult: strings.HasSuffix(n.source, ":"),
	}
	if n.vendor == fromCEF {
		m.CEF = [...]string{"sc4s_vendor", "sc4s_product", "sc4s_class"}
	} else {
		m.Fields = fields("sc4s_vendor", n.vendor, "sc4s_product", n.product, "sc4s_class", n.class)
	}
	return m
}

// LowerCaseHost reports whether the profile writes host names in lower case.
func (p *Profile) LowerCaseHost() bool { return p.sc4s }

// fields makes fields of pairs of name and value. Pairs without a value are omitted.
func fields(pairs ...string) []Field {
	var all []Field
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all = append(all, Field{pairs[i], pairs[i+1]})
		}
	}
	return all
}
