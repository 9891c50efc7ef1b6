package rules

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
)

// Options say how rules are made ready.
type Options struct {
	// Profile is default or sc4s.
	Profile string
	// Options are the rules that are turned on: "pack.rule".
	Options []string
	// Disable lists packs whose rules are off.
	Disable []string
	// Classes are all classes, by their ClassID, and Role returns the role of one.
	Classes []dialect.Class
	Role    func(dialect.Class) string
	// Packs recognise the messages; nil if there are none.
	Packs *matcher.Set
	// Secret is the key of hashes.
	Secret []byte
}

// Set is rules made ready.
type Set struct {
	rules   []*rule
	byClass [][]step
	classes []class
	fields  []string
	packs   *matcher.Set
	secret  []byte
	masked  bool // there are masks
}

// step is a rule in the list of a class. sure says that its condition holds for the class.
type step struct {
	*rule
	sure bool
}

// class is what rules know of a class.
type class struct {
	name      string
	separator byte // ends values; 0 is a blank
	tabs      bool // divide columns
	open      bool // the text completes its names
	masked    bool // there are masks for it
}

// rule is a rule made ready.
type rule struct {
	name       string // pack.rule
	pack       string
	number     int         // in Set.rules
	definition *definition // nil: it remembers no messages
	masksSlow  bool        // its masks have a regular expression
	when       matcher.When
	drop       bool
	sample     uint32
	suppress   *suppress
	lookup     *table
	by         part

	index, sourcetype []byte // in JSON
	fields            []field
	masks             []mask
	trim              *trim
}

// field is a field that is set: its number, and "name":"value", in JSON.
type field struct {
	number int
	json   []byte
}

// MaxFields is how many fields rules and look-ups may set in all.
const MaxFields = 32

// Compile makes a set of the rules of packs, in their order. It returns all problems at once.
func Compile(packs []pack.Pack, o Options) (*Set, error) {
	s := &Set{packs: o.Packs, secret: o.Secret, byClass: make([][]step, len(o.Classes))}
	c := compiler{Set: s, Options: o, tables: tables{set: s}}
	for i := range o.Classes {
		one := class{name: o.Classes[i].Name}
		if p := o.Classes[i].Pack; p != nil {
			one.separator, one.tabs = p.Pack.Separator, p.Pack.Read == pack.Tab
			one.open = p.SourcetypeOpen || p.SourceOpen
		}
		s.classes = append(s.classes, one)
	}
	for i := range packs {
		if p := &packs[i]; !slices.Contains(o.Disable, p.Name) && len(p.Rules)+len(p.Lookups) != 0 {
			c.pack(p)
		}
	}
	if len(s.fields) > MaxFields {
		c.fail("rules set %d different fields, at most %d are allowed", len(s.fields), MaxFields)
	}
	s.keepMasked()
	for id := range s.byClass {
		for _, r := range s.rules {
			truth := r.when.For(id)
			if truth == matcher.Never {
				continue
			}
			s.byClass[id] = append(s.byClass[id], step{r, truth == matcher.Always})
			if len(r.masks) != 0 {
				s.masked, s.classes[id].masked = true, true
			}
		}
	}
	if len(c.errs) != 0 {
		return nil, errors.Join(c.errs...)
	}
	if len(s.rules) == 0 {
		return nil, nil
	}
	return s, nil
}

// keepMasked tells trims which keys masks look for.
func (s *Set) keepMasked() {
	var hidden [][]byte
	for _, r := range s.rules {
		for i := range r.masks {
			if m := &r.masks[i]; m.kind == maskKey || m.kind == maskBetween {
				hidden = append(hidden, m.first)
			}
		}
	}
	for _, r := range s.rules {
		if r.trim != nil {
			r.trim.hidden = hidden
		}
	}
}

// compiler compiles packs into a set.
type compiler struct {
	*Set
	Options
	tables tables
	errs   []error
}

func (c *compiler) fail(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *compiler) failAt(at pack.Pos, format string, args ...any) {
	c.fail("%s: %s", at, fmt.Sprintf(format, args...))
}

// pack compiles the rules of a pack.
func (c *compiler) pack(p *pack.Pack) {
	known := make(map[string]*table, len(p.Lookups))
	for i := range p.Lookups {
		t, errs := c.tables.load(p, &p.Lookups[i])
		c.errs = append(c.errs, errs...)
		known[p.Lookups[i].Name] = t
	}
	conditions := matcher.NewRules(p, c.Profile, func(names []string) (matcher.Bits, error) { return c.byName(p, names) }, c.byRole)
	for i := range p.Rules {
		d := &p.Rules[i]
		when, err := conditions.When(d.When)
		if err != nil {
			c.errs = append(c.errs, err)
		}
		if d.Option && !slices.Contains(c.Options.Options, p.Name+"."+d.Name) {
			continue
		}
		r := &rule{
			name: p.Name + "." + d.Name, pack: p.Name, number: len(c.rules), definition: newDefinition(p, d),
			when: when, drop: d.Drop, sample: uint32(d.Sample),
		}
		if d.Name == "" {
			r.name = fmt.Sprintf("%s.%d", p.Name, i+1)
		}
		if d.Suppress != nil {
			r.suppress = &suppress{oneIn: int64(d.Suppress.OneIn), atMost: d.Suppress.AtMost}
			for _, by := range d.Suppress.By {
				r.suppress.by = append(r.suppress.by, newPart(conditions, &by))
			}
		}
		if d.Lookup != "" {
			r.lookup, r.by = known[d.Lookup], newPart(conditions, &d.By)
		}
		r.index, r.sourcetype = event.AppendString(nil, []byte(d.Index)), event.AppendString(nil, []byte(d.Sourcetype))
		for _, name := range slices.Sorted(maps.Keys(d.Fields)) {
			r.fields = append(r.fields, c.field(name, d.Fields[name]))
		}
		for j := range d.Masks {
			r.masks = append(r.masks, c.mask(r, &d.Masks[j]))
		}
		r.trim = newTrim(d.Trim)
		c.rules = append(c.rules, r)
	}
	conditions.Ready()
}

// byName returns the classes with one of the names. A short name is one of the pack.
func (c *compiler) byName(p *pack.Pack, names []string) (matcher.Bits, error) {
	var bits matcher.Bits
	for _, name := range names {
		full := name
		if slices.ContainsFunc(p.Classes, func(own pack.Class) bool { return own.Name == name }) {
			full = p.Name + "_" + name
		}
		found := false
		for id := range c.Classes {
			if c.Classes[id].Name == full {
				bits.Add(id)
				found = true
			}
		}
		if !found && !c.isOff(name) {
			return nil, fmt.Errorf("class: %w", dialect.Unknown(name, c.Classes))
		}
	}
	return bits, nil
}

// isOff reports whether a class may be one of a pack that is disabled.
func (c *compiler) isOff(class string) bool {
	return slices.ContainsFunc(c.Disable, func(pack string) bool { return class == pack || strings.HasPrefix(class, pack+"_") })
}

func (c *compiler) byRole(roles []string) matcher.Bits {
	var bits matcher.Bits
	for id := range c.Classes {
		if slices.Contains(roles, c.Role(c.Classes[id])) {
			bits.Add(id)
		}
	}
	return bits
}

// field returns a field with its value in JSON.
func (s *Set) field(name, value string) field {
	n := slices.Index(s.fields, name)
	if n < 0 {
		n = len(s.fields)
		s.fields = append(s.fields, name)
	}
	json := append(event.AppendString([]byte{'"'}, []byte(name)), `":"`...)
	return field{n, append(event.AppendString(json, []byte(value)), `",`...)}
}

// mask compiles a mask.
func (c *compiler) mask(of *rule, d *pack.Mask) mask {
	m := mask{rule: of, with: []byte(d.With)}
	switch {
	case d.Key != "":
		m.kind, m.first = maskKey, []byte(d.Key)
	case d.Find != "":
		m.kind = map[string]maskKind{"card": maskCard, "email": maskEmail, "address": maskAddress}[d.Find]
	case d.Regex != "":
		m.kind, m.regex = maskRegex, regexp.MustCompile(d.Regex)
		of.masksSlow = true
	default:
		m.kind, m.first, m.second = maskBetween, []byte(d.Between[0]), []byte(d.Between[1])
	}
	if d.With == pack.Hash {
		if m.hash = true; len(c.Secret) == 0 {
			c.failAt(d.Pos, "with: hash needs a secret: packs.mask_secret_file, or the systemd credential mask_secret")
		}
	}
	return m
}

// Rule is what people see of a rule.
type Rule struct {
	Name, Pack string
	// Does are the keys of the rule that say what it does, such as drop and lookup.
	Does []string
}

// Rules returns the rules that are on, in order.
func (s *Set) Rules() []Rule {
	if s == nil {
		return nil
	}
	all := make([]Rule, 0, len(s.rules))
	for _, r := range s.rules {
		all = append(all, Rule{r.name, r.pack, r.does()})
	}
	return all
}

// does are the keys of a rule that say what it does, those that are counted first.
func (r *rule) does() (keys []string) {
	for _, a := range r.actions() {
		keys = append(keys, a.String())
	}
	if r.trim != nil {
		keys = append(keys, "trim")
	}
	if r.lookup != nil {
		keys = append(keys, "lookup")
	}
	if len(r.index) != 0 {
		keys = append(keys, "index")
	}
	if len(r.sourcetype) != 0 {
		keys = append(keys, "sourcetype")
	}
	if len(r.fields) != 0 {
		keys = append(keys, "fields")
	}
	return keys
}

// actions are those that are counted.
func (r *rule) actions() (all []Action) {
	for a, on := range [numActions]bool{r.drop, r.sample != 0, r.suppress != nil, len(r.masks) != 0} {
		if on {
			all = append(all, Action(a))
		}
	}
	return all
}

// Fields are the names of the fields that rules set, by their numbers.
func (s *Set) Fields() []string {
	if s == nil {
		return nil
	}
	return s.fields
}

// Of reports whether there are rules for a class.
func (s *Set) Of(id dialect.ClassID) bool { return len(s.byClass[id]) != 0 }

// AnyMasks reports whether there are masks.
func (s *Set) AnyMasks() bool { return s.masked }

// Masks reports whether a mask may hide something in the messages of a class.
func (s *Set) Masks(id dialect.ClassID) bool { return s.classes[id].masked }

// location loads zones once.
type locations map[string]*time.Location

func (l locations) load(name string) (*time.Location, error) {
	if loc := l[name]; loc != nil {
		return loc, nil
	}
	loc, err := time.LoadLocation(name)
	if err == nil {
		l[name] = loc
	}
	return loc, err
}
