package dialect

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"syslog-gateway/internal/suggest"
)

// Metadata is what Splunk gets of an event besides its text. It is the same for
// all messages of one class from one source, but for the end of Source.
type Metadata struct {
	Sourcetype string
	Index      string
	Source     string
	// SourceFromResult says that Result.Source is to be appended to Source. When
	// it is empty, Source stands as it is, with its colon.
	SourceFromResult bool
	// Fields are the indexed fields that the class alone decides, in a fixed
	// order and without empty values.
	Fields []Field
	// CEF names the fields that take their values from Result.CEF: vendor, product,
	// signature. All are empty where the class has no such fields.
	CEF [3]string
}

// Field is one indexed field.
type Field struct{ Name, Value string }

// Override replaces what a profile says of a class; an empty string leaves it.
type Override struct{ Index, Sourcetype, Source string }

// SourceInfo is what the configuration says of the source that a message came
// in by.
type SourceInfo struct {
	// Name is the key in sources.
	Name string
	// Vendor is the name of the source's parser. It decides whether a class is at
	// home there: away from home it gets the port's index. Empty or "auto" is
	// everyone's home.
	Vendor string
	// Port is the port that is listened on.
	Port int
	// Index is the source's index.
	Index string
	// Sourcetype, when not empty, is the sourcetype of everything from the source.
	Sourcetype string
}

// Profile is a set of names for all classes. It is immutable.
type Profile struct {
	sc4s      bool
	overrides [classCount]Override
}

// NewProfile returns the profile of a name, "default" or "sc4s" (the names of
// Splunk Connect for Syslog), with the classes of overrides changed. The error of
// an unknown profile or class lists what was probably meant.
func NewProfile(name string, overrides map[string]Override) (*Profile, error) {
	p := &Profile{}
	switch name {
	case "", "default":
	case "sc4s":
		p.sc4s = true
	default:
		return nil, fmt.Errorf("metadata.profile: %q is not a profile: choose default or sc4s", name)
	}
	for _, class := range sortedKeys(overrides) {
		id, err := ClassNamed(class)
		if err != nil {
			return nil, fmt.Errorf("metadata.overrides: %w", err)
		}
		p.overrides[id] = overrides[class]
	}
	return p, nil
}

// Metadata returns what Splunk gets of messages of a class from a source. A
// class that does not exist gets what the fallback gets.
//
// The first that is set decides: for the sourcetype the source's own setting,
// the override, the profile; for the index the override, the profile, the
// source's own; for the source the override, the profile.
func (p *Profile) Metadata(class ClassID, src SourceInfo) Metadata {
	if class >= classCount {
		class = Fallback
	}
	row := &classTable[class]
	m := p.standard(row, src)
	if p.sc4s {
		m = p.connect(row)
	}
	override := p.overrides[class]
	m.Index = firstOf(override.Index, m.Index)
	m.Sourcetype = firstOf(src.Sourcetype, override.Sourcetype, m.Sourcetype)
	if override.Source != "" {
		m.Source, m.SourceFromResult = override.Source, false
	}
	return m
}

func (p *Profile) standard(row *classRow, src SourceInfo) Metadata {
	m := Metadata{
		Sourcetype: row.standard.sourcetype,
		Index:      src.Index,
		Source:     firstOf(row.standard.source, "syslog:"+strconv.Itoa(src.Port)),
		Fields:     fields("vendor_product", row.product, "class", row.name),
	}
	m.SourceFromResult = row.standard.source != "" && strings.HasSuffix(row.standard.source, ":")
	atHome := src.Vendor == "" || src.Vendor == Auto || src.Vendor == row.vendor
	if row.standard.index != "" && atHome {
		m.Index = row.standard.index
	}
	return m
}

// connect gives the names of Splunk Connect for Syslog.
func (p *Profile) connect(row *classRow) Metadata {
	n := &row.sc4s
	m := Metadata{
		Sourcetype:       n.sourcetype,
		Index:            n.index,
		Source:           firstOf(n.source, "sc4s"),
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

// fields pairs names and values and leaves out those without a value.
func fields(pairs ...string) []Field {
	var all []Field
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all = append(all, Field{pairs[i], pairs[i+1]})
		}
	}
	return all
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func sortedKeys(m map[string]Override) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// ClassNamed returns the class of a name. The error of an unknown one lists what was
// probably meant.
func ClassNamed(name string) (ClassID, error) {
	for i := range classTable {
		if classTable[i].name == name {
			return ClassID(i), nil
		}
	}
	known := make([]string, classCount)
	for i := range classTable {
		known[i] = classTable[i].name
	}
	near := suggest.Closest(name, known, 3)
	return 0, fmt.Errorf("%q is not a class: did you mean %s, %s or %s?", name, near[0], near[1], near[2])
}
