package matcher

import (
	"cmp"
	"fmt"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/syslog"
)

// This file is what packs and rules share: rules have the conditions of packs, and look at
// messages whose class is known.

// Bits is a set of the numbers of classes.
type Bits []uint64

// Add adds a number.
func (b *Bits) Add(n int) {
	for len(*b) <= n/64 {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

// Has reports whether a number is in the set.
func (b Bits) Has(n int) bool { return n/64 < len(b) && b[n/64]&(1<<(n%64)) != 0 }

// Rules compiles the conditions of the rules of one pack.
type Rules struct {
	of  *compiled
	err error
}

// NewRules returns what compiles the conditions of a pack's rules. classes and roles return
// the classes with one of the names or roles.
func NewRules(p *pack.Pack, profile string, classes func(names []string) (Bits, error), roles func(roles []string) Bits) *Rules {
	r := &Rules{}
	within := p.Within
	if within <= defaultWithin { // the keys of a known message, not those that tell what it is
		within = withinRules
	}
	r.of = &compiled{pack: p, profile: profile, tabs: p.Read == pack.Tab, keys: newKeys(p.Separator, within)}
	r.of.keys.ofRules = true
	r.of.ofRule = func(d *pack.Condition) []part {
		var parts []part
		if len(d.Class) != 0 {
			bits, err := classes(d.Class)
			if err != nil {
				r.err = cmp.Or(r.err, fmt.Errorf("%s:%d: %w", d.File, d.Line, err))
			}
			parts = append(parts, part{kind: isClass, bits: bits})
		}
		if len(d.Role) != 0 {
			parts = append(parts, part{kind: isClass, bits: roles(d.Role)})
		}
		return parts
	}
	return r
}

// withinRules is how many bytes of a text are searched for the keys of rules.
const withinRules = 4096

// When is a list of conditions, of which one must hold. Without conditions it always does.
type When struct {
	of   *compiled
	list []condition
	all  bool
}

// When compiles conditions. A condition of the other profile is left out.
func (r *Rules) When(list []pack.Condition) (When, error) {
	w := When{of: r.of, list: r.of.newConditions(list), all: len(list) == 0}
	err := r.err
	r.err = nil
	return w, err
}

// Holds reports whether a condition holds for the line at hand.
func (w *When) Holds(s *Scratch) bool { return w.all || holdsAny(w.list, w.of, s) }

// Truth is what the class of a message says of a condition.
type Truth int8

// The truths.
const (
	Never Truth = iota
	Maybe
	Always
)

// For returns what is certain of the conditions for messages of a class.
func (w *When) For(class int) Truth {
	if w.all {
		return Always
	}
	return anyFor(w.list, class)
}

func anyFor(list []condition, class int) Truth {
	truth := Never
	for i := range list {
		truth = max(truth, list[i].forClass(class))
	}
	return truth
}

func (c *condition) forClass(class int) Truth {
	truth := Always
	for i := range c.parts {
		truth = min(truth, c.parts[i].forClass(class))
	}
	return truth
}

func (p *part) forClass(class int) Truth {
	switch p.kind {
	case isClass:
		if p.bits.Has(class) {
			return Always
		}
		return Never
	case isNever:
		return Never
	case isAny:
		return anyFor(p.any, class)
	case isNot:
		return Always - anyFor(p.any, class)
	default:
		return Maybe
	}
}

// Place is where in a message a value is.
type Place struct {
	of    *compiled
	value value
}

// Place compiles a value.
func (r *Rules) Place(v *pack.Value) Place { return Place{r.of, r.of.newValue(v)} }

// Get returns the value of the line at hand, or nil.
func (p *Place) Get(s *Scratch) []byte { return p.value.get(p.of, s) }

// Ready ends the compilation. All conditions and places are known.
func (r *Rules) Ready() {
	r.of.ofRule = nil
	for _, name := range r.of.keys.Names {
		r.of.keys.blanks = append(r.of.keys.blanks, []byte(" "+string(name)+"="))
		r.of.keys.paths = append(r.of.keys.paths, jsonPath(string(name)))
	}
}

// Identity is the identifier of a Cisco message without its '%', or the MSGID.
func (s *Scratch) Identity() []byte { return s.identity }

// ProgramName is the program without its folder.
func (s *Scratch) ProgramName() []byte { return s.program }

// readAny reads the keys of rules: of an object, of CEF and LEEF, or of key=value.
func (s *Scratch) readAny(k *keys) {
	values := s.values[:len(k.Names)]
	switch {
	case len(s.Text) != 0 && s.Text[0] == '{':
		for i := range values {
			values[i] = body.JSONPath(s.Text, k.paths[i])
		}
	case s.device == nil:
		pairs := k.Pairs
		pairs.Separator = cmp.Or(pairs.Separator, s.Separator)
		pairs.Read(s.Text, values)
	case s.isLEEF:
		for i := range values {
			values[i] = s.attribute(k.blanks[i][1:])
		}
	default:
		extension := s.extension()
		for i := range values {
			values[i] = body.ExtensionText(extension, k.blanks[i])
		}
	}
}

// Form is how the text of a message is divided into keys and values.
type Form struct {
	Object bool // a JSON object
	CEF    bool // values end where the next key begins
	// Separator ends values; 0 is a blank.
	Separator byte
}

// FormOf returns the form of a line. separator is that of the pack of its class.
func FormOf(l *Line, separator byte) Form {
	f := Form{Separator: separator}
	if len(l.Text) != 0 && l.Text[0] == '{' {
		f.Object = true
		return f
	}
	device, isLEEF := deviceHeader(l)
	switch {
	case device == nil:
	case !isLEEF:
		f.CEF = true
	default:
		s := Scratch{device: device, isLEEF: true}
		_, f.Separator = s.attributes()
	}
	return f
}

// Complete appends what completes the names of a class whose sourcetype or source has
// placeholders, from the line at hand. class is the number in Set.Classes.
func (s *Set) Complete(class int, sc *Scratch) (sourcetype, source []byte) {
	c := s.packs[s.classes[class].Pack.Name]
	if c == nil {
		return nil, nil
	}
	for i := range c.classes {
		if one := &c.classes[i]; one.id == class || one.pinnedID == class {
			if len(one.sourcetype.pieces) != 0 {
				sourcetype = one.sourcetype.fill(c, sc)
			}
			if len(one.source.pieces) != 0 {
				source = one.source.fill(c, sc)
			}
		}
	}
	return sourcetype, source
}

// NoLine is the line of a message that could not be read.
func NoLine(msg []byte) Line {
	return Line{Text: msg, Tagged: msg, Priority: syslog.NoPriority}
}
