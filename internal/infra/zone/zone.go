// Package zone has the words for DNS records: records, edits of them, and the marks by
// which the records of an estate are told from those of others. It sends nothing.
//
// A mark is a TXT record beside the name that it speaks for. It names the owner and the
// types of records that are the owner's:
//
//	_provision.gateway.example.com TXT "heritage=provision,owner=homelab,types=A+AAAA"
package zone

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Record is one set of records: a name, a type, and all its values.
type Record struct {
	Name   string // complete, in lower case, without a final dot and without escapes
	Type   string // A, AAAA, CNAME, TXT, …
	TTL    int64  // seconds
	Values []string
	// Special is why the set has no plain values, or is one of several of its name and
	// type: "alias", "set NAME". It is never ours.
	Special string
}

// Equal compares what a resolver would see. The order of values does not count.
func (r Record) Equal(o Record) bool {
	return r.Name == o.Name && r.Type == o.Type && r.TTL == o.TTL && r.Special == o.Special && slices.Equal(r.sorted(), o.sorted())
}

func (r Record) sorted() []string {
	var all []string
	for _, v := range r.Values {
		all = append(all, canonical(r.Type, v))
	}
	slices.Sort(all)
	return all
}

// String is values and time to live, for people.
func (r Record) String() string {
	if r.Special != "" {
		return r.Special
	}
	return strings.Join(r.sorted(), ",") + " ttl " + strconv.FormatInt(r.TTL, 10)
}

// canonical writes a value in the one form in which values are compared.
func canonical(kind, value string) string {
	switch kind {
	case "A", "AAAA":
		if a, err := netip.ParseAddr(value); err == nil {
			return a.String()
		}
	case "CNAME":
		return Name(value)
	}
	return value
}

// Name gives a name as records have it. Route 53 writes characters other than letters,
// digits, hyphens and underscores as \ooo, in octal, and ends names with a dot.
func Name(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return strings.ToLower(strings.TrimSuffix(b.String(), "."))
}

// Within says whether a name is the zone or below it.
func Within(name, zone string) bool { return name == zone || strings.HasSuffix(name, "."+zone) }

// Edit is one part of a change, which is made as a whole or not at all. A removal names
// the record exactly as it is: if somebody changed it, the whole change is refused.
type Edit struct {
	Remove bool
	Record Record
}

// Mark says whose records of a name are.
type Mark struct {
	Owner string
	Types []string // sorted
}

const (
	markLabel = "_provision"
	heritage  = "heritage=provision"
	markTTL   = 300
)

// Covers says whether records of a type are the owner's.
func (m Mark) Covers(kind string) bool { return slices.Contains(m.Types, kind) }

// Record is the mark of a name.
func (m Mark) Record(name string) Record {
	text := strings.Join([]string{heritage, "owner=" + m.Owner, "types=" + strings.Join(m.Types, "+")}, ",")
	return Record{Name: MarkName(name), Type: "TXT", TTL: markTTL, Values: []string{strconv.Quote(text)}}
}

// MarkName is the name of the mark of a name. An asterisk would be one inside the name.
func MarkName(name string) string {
	if rest, ok := strings.CutPrefix(name, "*."); ok {
		name = "_wildcard." + rest
	}
	return markLabel + "." + name
}

// MarkedName is the name that a mark speaks for; false if it is no name of a mark.
func MarkedName(name string) (string, bool) {
	name, ok := strings.CutPrefix(name, markLabel+".")
	if rest, wild := strings.CutPrefix(name, "_wildcard."); wild {
		name = "*." + rest
	}
	return name, ok
}

// ReadMark reads a TXT record; false if it is no mark.
func ReadMark(r Record) (Mark, bool) {
	if r.Type != "TXT" || len(r.Values) != 1 {
		return Mark{}, false
	}
	fields := strings.Split(strings.Trim(r.Values[0], `"`), ",")
	if fields[0] != heritage {
		return Mark{}, false
	}
	var m Mark
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(f, "=")
		switch key {
		case "owner":
			m.Owner = value
		case "types":
			m.Types = strings.FieldsFunc(value, func(r rune) bool { return r == '+' })
		}
	}
	return m, m.Owner != ""
}
