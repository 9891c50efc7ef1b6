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
}

// Profile has the names of all classes. It is immutable.
type Profile struct {
	sc4s      bool
	overrides map[dialect.ClassID]Override
}

// NewProfile returns the profile "default" or "sc4s" (the names of Splunk Connect for
// Syslog) with the overrides, whose keys are names of classes. The error about an
// unknown class suggests names that are like it.
func NewProfile(name string, overrides map[string]Override) (*Profile, error) {
	p := &Profile{overrides: make(map[dialect.ClassID]Override, len(overrides))}
	switch name {
	case "", "default":
	case "sc4s":
		p.sc4s = true
	default:
		return nil, fmt.Errorf("metadata.profile: %q is not a profile: choose default or sc4s", name)
	}
	for _, class := range slices.Sorted(maps.Keys(overrides)) {
		id, err := dialect.ClassNamed(class)
		if err != nil {
			return nil, fmt.Errorf("metadata.overrides: %w", err)
		}
		p.overrides[id] = overrides[class]
	}
	return p, nil
}

// Metadata returns what Splunk gets of messages of a class from a source. A class that
// does not exist gets what Fallback gets.
//
// The first of these that is set decides: for the sourcetype the source, the override,
// the profile; for the index the override, the profile, the source; for the source the
// override, the profile.
func (p *Profile) Metadata(class dialect.ClassID, src SourceInfo) Metadata {
	if int(class) >= len(table) {
		class = dialect.Fallback
	}
	m := standard(class, src)
	if p.sc4s {
		m = sc4s(&table[class].sc4s)
	}
	override := p.overrides[class]
	m.Index = cmp.Or(override.Index, m.Index)
	m.Sourcetype = cmp.Or(src.Sourcetype, override.Sourcetype, m.Sourcetype)
	if override.Source != "" {
		m.Source, m.SourceFromResult = override.Source, false
	}
	return m
}

// standard returns the names of the profile default.
func standard(id dialect.ClassID, src SourceInfo) Metadata {
	class, n := id.Class(), &table[id].standard
	m := Metadata{
		Sourcetype:       n.sourcetype,
		Index:            src.Index,
		Source:           cmp.Or(n.source, "syslog:"+strconv.Itoa(src.Port)),
		SourceFromResult: strings.HasSuffix(n.source, ":"),
		Fields:           fields("vendor_product", class.Product, "class", class.Name),
	}
	if n.index != "" && (src.Vendor == "" || src.Vendor == dialect.Auto || src.Vendor == class.Family) {
		m.Index = n.index
	}
	return m
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
