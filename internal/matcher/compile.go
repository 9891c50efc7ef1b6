package matcher

import (
	"cmp"
	"fmt"
	"maps"
	"time"

	"syslog-gateway/internal/pack"
)

// Options say how packs are made ready.
type Options struct {
	// Profile is default or sc4s. Conditions of the other profile never hold.
	Profile string
	// Disable lists packs that recognise nothing.
	Disable []string
}

// compiled is a pack made ready.
type compiled struct {
	pack     *pack.Pack
	profile  string
	keys     *keys
	tabs     bool
	rules    []*rule
	not      []condition
	classes  []class
	hosts    []hostRule
	times    []timeRule
	location *time.Location
	// Slow says that the pack is outside the promise of speed.
	Slow bool
	// ofRule returns the parts for role and class of a condition, while rules are compiled.
	ofRule func(d *pack.Condition) []part
}

// class is a class made ready.
type class struct {
	id                 int // in Set.classes
	pinnedID           int // the same, of messages that a pin gives to the pack
	when               []condition
	sourcetype, source template
	form               pack.Form
	fromCEF            bool
}

// Compile makes a set of the site's own and of the embedded packs. A site's pack with the
// name of an embedded one takes its place. The packs must be free of problems.
func Compile(site, embedded []pack.Pack, o Options) (*Set, error) {
	s := &Set{packs: map[string]*compiled{}, extended: map[string]*index{}}
	off := map[string]bool{}
	for _, name := range o.Disable {
		off[name] = true
	}
	if err := s.add(&s.site, site, o.Profile, off); err != nil {
		return nil, err
	}
	for i := range site {
		off[site[i].Name] = true
	}
	if err := s.add(&s.embedded, embedded, o.Profile, off); err != nil {
		return nil, err
	}
	s.siteMarks = s.site.marks()
	s.embedded.firstWords = o.Profile == "sc4s"
	return s, nil
}

// add compiles packs and enters their rules in an index.
func (s *Set) add(x *index, packs []pack.Pack, profile string, off map[string]bool) error {
	var rules []*rule
	extended := map[string][]*rule{}
	for i := range packs {
		p := &packs[i]
		if off[p.Name] || p.RulesOnly() {
			continue
		}
		c, err := s.compile(p, profile)
		if err != nil {
			return fmt.Errorf("%s:%d: pack %s: %w", p.File, p.Line, p.Name, err)
		}
		s.packs[p.Name] = c
		for _, form := range p.Headers {
			if form == pack.RepairNoTimeZ || form == pack.RepairNetScaler {
				s.addRepair(form, c)
			}
		}
		of := c.rulesOf(p)
		if p.Family != "" {
			extended[p.Family] = append(extended[p.Family], of...)
		} else {
			rules = append(rules, of...)
		}
	}
	x.add(rules)
	for family, rules := range extended {
		if s.extended[family] == nil {
			s.extended[family] = &index{}
		}
		s.extended[family].add(rules)
	}
	return nil
}

// rulesOf returns the rules by which the pack is found. A pack that extends a family is found
// by the conditions of its classes.
func (c *compiled) rulesOf(p *pack.Pack) []*rule {
	conditions := p.Match
	if p.Family != "" {
		for i := range p.Classes {
			conditions = append(conditions, p.Classes[i].When...)
		}
	}
	var all []*rule
	for i := range conditions {
		all = append(all, c.newRules(&conditions[i])...)
	}
	c.rules = all
	return all
}

func (s *Set) compile(p *pack.Pack, profile string) (*compiled, error) {
	c := &compiled{pack: p, profile: profile, tabs: p.Read == pack.Tab}
	c.keys = s.keysFor(p)
	c.not = c.newConditions(p.Not)
	for i := range p.Host {
		h := &p.Host[i]
		c.hosts = append(c.hosts, hostRule{c.newValue(&h.Value), h.Sender})
	}
	for i := range p.Time {
		t, err := c.newTime(&p.Time[i])
		if err != nil {
			return nil, fmt.Errorf("time: %w", err)
		}
		c.times = append(c.times, t)
	}
	if p.Timezone != "" {
		location, err := time.LoadLocation(p.Timezone)
		if err != nil {
			return nil, fmt.Errorf("timezone: %w", err)
		}
		c.location = location
	}
	for i := range p.Classes {
		if err := s.addClass(c, &p.Classes[i]); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// addClass compiles a class of a pack, unless it belongs to the other profile.
func (s *Set) addClass(c *compiled, d *pack.Class) error {
	one := class{id: len(s.classes), when: c.newConditions(d.When), form: cmp.Or(d.Event, c.pack.Event, pack.Raw), fromCEF: d.FieldsFromCEF}
	if len(d.When) != 0 && len(one.when) == 0 {
		return nil
	}
	names := c.namesOf(d)
	var err error
	if one.sourcetype, err = c.newTemplate(names.Sourcetype); err != nil {
		return fmt.Errorf("sourcetype: %w", err)
	}
	if one.source, err = c.newTemplate(names.Source); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	if one.form == pack.AsJSON {
		c.Slow = true
	}
	out := Class{
		Name: c.pack.Name, Pack: c.pack, Names: names, FieldsFromCEF: d.FieldsFromCEF, Fields: maps.Clone(d.Fields),
		SourcetypeOpen: len(one.sourcetype.pieces) != 0, SourceOpen: len(one.source.pieces) != 0,
	}
	out.Names.Sourcetype, out.Names.Source = one.sourcetype.prefix, one.source.prefix
	if d.Name != "" {
		out.Name += "_" + d.Name
	}
	one.pinnedID = one.id
	s.classes = append(s.classes, out)
	if c.pack.LinuxServer {
		s.classes[one.id].Soft = true
		one.pinnedID = len(s.classes)
		s.classes = append(s.classes, out)
	}
	c.classes = append(c.classes, one)
	return nil
}

// namesOf returns the names of a class in the profile.
func (c *compiled) namesOf(d *pack.Class) pack.Names {
	n := d.Names
	n.Vendor, n.Product = cmp.Or(n.Vendor, c.pack.Vendor), cmp.Or(n.Product, c.pack.Product)
	if c.profile == "sc4s" {
		n.Sourcetype = cmp.Or(d.SC4S.Sourcetype, n.Sourcetype)
		n.Source = cmp.Or(d.SC4S.Source, n.Source)
		n.Role = cmp.Or(d.SC4S.Role, n.Role)
		n.Vendor = cmp.Or(d.SC4S.Vendor, n.Vendor)
		n.Product = cmp.Or(d.SC4S.Product, n.Product)
		n.Class = cmp.Or(d.SC4S.Class, n.Class)
	}
	return n
}
