package matcher

import (
	"net/netip"
	"regexp"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/syslog"
)

// condition holds if all its parts hold.
type condition struct{ parts []part }

// part is one requirement of a condition. Its kind says which of the fields it uses.
type part struct {
	kind   kind
	words  words
	slot   int      // of a key; number of a column or a word
	path   []string // of JSON
	within int
	mask   uint32 // header forms, levels or facilities, a bit each
	nets   []netip.Prefix
	regex  *regexp.Regexp
	any    []condition
	bits   Bits // of classes
}

type kind uint8

const (
	isProgram kind = iota
	isText
	isContains
	isIdentity
	isShape
	isCEF
	isLEEF
	isVendor
	isProduct
	isID
	isSD
	isKey
	isColumn
	isWord
	isJSON
	isHost
	isSender
	isLevel
	isFacility
	isRegex
	isAny
	isNot
	isClass // in rules
	isNever // what cannot be known here: the role or the class
)

// holds reports whether the line at hand has all parts.
func (c *condition) holds(of *compiled, s *Scratch) bool {
	for i := range c.parts {
		if !c.parts[i].holds(of, s) {
			return false
		}
	}
	return true
}

func (p *part) holds(of *compiled, s *Scratch) bool {
	switch p.kind {
	case isProgram:
		return p.words.match(s.program) || len(s.program) != len(s.Program) && p.words.match(s.Program)
	case isText:
		return p.words.begins(s.Text)
	case isContains:
		return p.words.in(s.Text[:min(len(s.Text), p.within)])
	case isIdentity:
		return p.words.match(s.identity)
	case isShape:
		return p.mask&(1<<s.Shape) != 0
	case isCEF:
		return s.device != nil && !s.isLEEF
	case isLEEF:
		return s.device != nil && s.isLEEF
	case isVendor:
		return p.words.match(s.part(0))
	case isProduct:
		return p.words.match(s.part(1))
	case isID:
		return p.words.match(s.part(3))
	case isSD:
		return p.structured(s)
	case isKey:
		return p.words.match(s.key(of, p.slot))
	case isColumn:
		return p.words.match(s.column(of, p.slot))
	case isWord:
		return p.words.match(s.word(p.slot))
	case isJSON:
		return p.words.match(body.JSONPath(s.Text, p.path))
	case isHost:
		return p.words.match(s.Host)
	case isSender:
		for _, n := range p.nets {
			if n.Contains(s.From) {
				return true
			}
		}
		return false
	case isLevel:
		return s.Priority >= 0 && p.mask&(1<<(s.Priority&7)) != 0
	case isFacility:
		return s.Priority >= 0 && p.mask&(1<<(s.Priority>>3)) != 0
	case isRegex:
		s.Searched = true
		return p.regex.Match(s.Text)
	case isAny:
		return holdsAny(p.any, of, s)
	case isNot:
		return !holdsAny(p.any, of, s)
	case isClass:
		return p.bits.Has(s.Class)
	default: // isNever
		return false
	}
}

func holdsAny(all []condition, of *compiled, s *Scratch) bool {
	for i := range all {
		if all[i].holds(of, s) {
			return true
		}
	}
	return false
}

// structured reports whether one of the SD-IDs of the message is one of the words.
func (p *part) structured(s *Scratch) bool {
	for rest := s.Data; ; {
		id, next := nextID(rest)
		if id == nil {
			return false
		}
		if p.words.match(id) {
			return true
		}
		rest = next
	}
}

// newCondition compiles a condition of a pack. It returns false if the profile is not that
// of the condition, which then never holds.
func (c *compiled) newCondition(d *pack.Condition) (condition, bool) {
	var out condition
	if d.Profile != "" && d.Profile != c.profile {
		return out, false
	}
	list := func(k kind, text []string) {
		if len(text) != 0 {
			out.parts = append(out.parts, part{kind: k, words: newWords(text, d.IgnoreCase), within: d.Within})
		}
	}
	list(isProgram, d.Program)
	list(isText, d.Text)
	list(isIdentity, d.MessageID)
	list(isSD, d.SD)
	list(isHost, d.Host)
	c.device(&out, isCEF, d.CEF)
	c.device(&out, isLEEF, d.LEEF)
	if len(d.Header) != 0 {
		out.parts = append(out.parts, part{kind: isShape, mask: shapes(d.Header)})
	}
	if len(d.Level) != 0 {
		out.parts = append(out.parts, part{kind: isLevel, mask: codes(d.Level, syslog.SeverityName, 8)})
	}
	if len(d.Facility) != 0 {
		out.parts = append(out.parts, part{kind: isFacility, mask: codes(d.Facility, syslog.FacilityName, 24)})
	}
	if len(d.Sender) != 0 {
		out.parts = append(out.parts, part{kind: isSender, nets: d.Sender})
	}
	for _, n := range sorted(d.Words) {
		out.parts = append(out.parts, part{kind: isWord, slot: n, words: newWords(d.Words[n], d.IgnoreCase)})
	}
	for _, n := range sorted(d.Columns) {
		out.parts = append(out.parts, part{kind: isColumn, slot: n, words: newWords(d.Columns[n], d.IgnoreCase)})
	}
	for _, name := range sorted(d.Keys) {
		out.parts = append(out.parts, part{kind: isKey, slot: c.keySlot(name), words: newWords(d.Keys[name], d.IgnoreCase)})
	}
	for _, name := range sorted(d.JSON) {
		out.parts = append(out.parts, part{kind: isJSON, path: jsonPath(name), words: newWords(d.JSON[name], d.IgnoreCase)})
	}
	if len(d.Contains) != 0 {
		within := d.Within
		if within == 0 {
			within = defaultWithin
		}
		out.parts = append(out.parts, part{kind: isContains, words: newWords(d.Contains, d.IgnoreCase), within: within})
	}
	if len(d.Any) != 0 {
		out.parts = append(out.parts, part{kind: isAny, any: c.newConditions(d.Any)})
	}
	if not := c.newConditions(d.Not); len(not) != 0 {
		out.parts = append(out.parts, part{kind: isNot, any: not})
	}
	if c.ofRule != nil {
		out.parts = append(c.ofRule(d), out.parts...)
	} else if len(d.Role) != 0 || len(d.Class) != 0 {
		out.parts = append(out.parts, part{kind: isNever})
	}
	if d.Regex != "" {
		out.parts = append(out.parts, part{kind: isRegex, regex: regexp.MustCompile(d.Regex)})
		c.Slow = true
	}
	return out, true
}

// defaultWithin is how many bytes of the text are searched unless a pack says otherwise.
const defaultWithin = 256

func (c *compiled) newConditions(all []pack.Condition) []condition {
	var out []condition
	for i := range all {
		if one, ok := c.newCondition(&all[i]); ok {
			out = append(out, one)
		}
	}
	return out
}

func (c *compiled) device(out *condition, k kind, d *pack.Device) {
	if d == nil {
		return
	}
	out.parts = append(out.parts, part{kind: k})
	for i, text := range [...][]string{d.Vendor, d.Product, d.ID} {
		if len(text) != 0 {
			out.parts = append(out.parts, part{kind: [...]kind{isVendor, isProduct, isID}[i], words: newWords(text, true)})
		}
	}
}

// shapes returns a bit for each form of header.
func shapes(names []string) (mask uint32) {
	for shape := syslog.Bare; shape <= syslog.CiscoSequence; shape++ {
		for _, name := range names {
			if shape.String() == name {
				mask |= 1 << shape
			}
		}
	}
	return mask
}

// codes returns a bit for each level or facility.
func codes(names []string, nameOf func(int) string, n int) (mask uint32) {
	for code := range n {
		for _, name := range names {
			if nameOf(code) == name {
				mask |= 1 << code
			}
		}
	}
	return mask
}
