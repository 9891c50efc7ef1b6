package pack

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pack reads a document that is one pack.
func (d *decoder) pack(root *yaml.Node) {
	problems := len(d.problems)
	to := draft{Pack: Pack{Pos: d.pos(root)}}
	if both := lookUp(root, "products"); both != nil {
		d.failAt(both.Line, "pack: and products: are in one document; put a line --- between them")
		return
	}
	seen := mapping(d, root, d.tables.pack, &to)
	if at := lookUp(root, "pack"); at != nil {
		to.Line = at.Line
	} else {
		d.failAt(root.Line, "pack: is missing; it is the name of the pack")
	}
	if seen["separator"] != nil && to.Read != KV {
		d.failAt(seen["separator"].Line, "separator: needs read: kv")
	}
	if d.rulesOnly(seen) {
		to.Classes = nil
	} else if seen["classes"] == nil {
		if to.Family != "" {
			d.failAt(to.Line, "a pack of a family has classes, each with when")
		} else {
			to.Classes = []Class{to.only}
			to.Classes[0].Pos = to.Pos
		}
	} else {
		for _, name := range d.tables.only {
			if n := seen[name]; n != nil {
				d.failAt(n.Line, "%s: belongs into the classes, because the pack has classes", name)
			}
		}
	}
	d.finish(&to.Pack, problems)
}

// row reads a row of a table of products.
func (d *decoder) row(n *yaml.Node) {
	problems := len(d.problems)
	to := draft{Pack: Pack{Pos: d.pos(n)}}
	seen := mapping(d, n, d.tables.row, &to)
	if seen == nil {
		return
	}
	d.within(&to.condition, seen)
	pinned := true
	for _, k := range d.tables.condition {
		if _, taken := seen[k.name]; taken && !slices.Contains(rowOnly, k.name) {
			pinned = false
		}
	}
	for _, name := range []string{"product", "test", "not"} {
		if seen[name] == nil && (name != "not" || !pinned) {
			d.failAt(n.Line, "%s: is missing in the row", name)
		}
	}
	if !pinned {
		to.condition.Pos = to.Pos
		to.Match = []Condition{to.condition}
	}
	to.only.Pos = to.Pos
	to.Classes = []Class{to.only}
	add := func(line *yaml.Node, pinned, not bool) {
		if line != nil {
			to.Tests = append(to.Tests, Test{Pos: d.pos(line), Line: line.Value, Pinned: pinned, Not: not, Profile: to.condition.Profile})
		}
	}
	add(to.test, pinned, false)
	if pinned { // it is found by nothing else
		add(to.test, false, true)
	}
	add(to.not, false, true)
	d.finish(&to.Pack, problems)
}

// rowOnly are the words of a condition that mean something else in a row.
var rowOnly = []string{"class", "host", "not", "role"}

// class reads a class.
func (d *decoder) class(n *yaml.Node) Class {
	c := Class{Pos: d.pos(n)}
	mapping(d, n, d.tables.class, &c)
	return c
}

// test reads a test.
func (d *decoder) test(n *yaml.Node) Test {
	t := Test{Pos: d.pos(n)}
	if seen := mapping(d, n, d.tables.test, &t); seen != nil && seen["line"] == nil {
		d.fail(n, "line is missing")
	}
	return t
}

// fields reads names of indexed fields with their values.
func (d *decoder) fields(n *yaml.Node) map[string]string {
	return byName(d, n, func(name *yaml.Node) (string, bool) {
		problems := len(d.problems)
		return d.checked(name, fieldName), len(d.problems) == problems
	}, func(v *yaml.Node) string { return d.checked(v, printable(maxValue)) })
}

// places are the keys of which a rule has one.
var places = []string{"key", "column", "word", "json", "cef", "leef", "sd", "program", "header", "sender", "text", "keys", "columns", "words"}

// onePlace reports a rule that does not have exactly one place.
func (d *decoder) onePlace(n *yaml.Node, seen map[string]*yaml.Node) {
	if seen == nil {
		return
	}
	var have []string
	for _, p := range places {
		if seen[p] != nil {
			have = append(have, p)
		}
	}
	switch len(have) {
	case 0:
		d.fail(n, "the rule does not say where the value is: add key, column, word, json, cef, leef or sd")
	case 1:
	default:
		d.fail(n, "%s and %s are in one rule; write a list of two rules", have[0], have[1])
	}
}

func (d *decoder) hostRule(n *yaml.Node) HostRule {
	h := HostRule{Pos: d.pos(n)}
	d.onePlace(n, mapping(d, n, d.tables.host, &h))
	return h
}

func (d *decoder) timeRule(n *yaml.Node) TimeRule {
	t := TimeRule{Pos: d.pos(n)}
	seen := mapping(d, n, d.tables.time, &t)
	d.onePlace(n, seen)
	if seen != nil && seen["as"] == nil {
		d.fail(n, "as is missing: iso, bsd, unix or a format of strftime")
	}
	if last := len(t.Values) - 1; last > 0 { // of the values, joined: cut behind the first, before the last
		t.Values[0].Before, t.Values[last].Before = "", t.Values[0].Before
	}
	return t
}

// finish completes a pack, checks what depends on several of its keys, and adds it.
func (d *decoder) finish(p *Pack, problems int) {
	d.key = ""
	if p.Within == 0 {
		p.Within = defaultWithin
	}
	if p.Vendor == "" && p.Product == "" && p.Family == "" {
		p.Vendor, p.Product, _ = strings.Cut(p.Name, "_")
	}
	if p.Name == "none" {
		d.failAt(p.Line, "none cannot be the name of a pack: in tests it means no pack")
	}
	c := checker{d: d, p: p, keys: make(map[string]bool)}
	c.classes()
	c.conditions()
	c.rules()
	c.actions()
	c.tests()
	if len(c.keys) > maxKeys {
		d.failAt(p.Line, "the pack uses %d keys, at most %d are allowed", len(c.keys), maxKeys)
	}
	d.add(*p, problems)
}

// checker checks a pack whose parts have been read.
type checker struct {
	d    *decoder
	p    *Pack
	keys map[string]bool // that the pack looks for in a message
}

func (c *checker) fail(at Pos, format string, args ...any) {
	c.d.failAt(at.Line, format, args...)
}

func (c *checker) classes() {
	p := c.p
	if len(p.Classes) > maxClasses {
		c.fail(p.Pos, "the pack has %d classes, at most %d are allowed", len(p.Classes), maxClasses)
	}
	names := make(map[string][]string) // profiles by class
	for i := range p.Classes {
		class, last := &p.Classes[i], i == len(p.Classes)-1
		switch {
		case p.Family != "" && len(class.When) == 0:
			c.fail(class.Pos, "a class of a family's pack needs when: the family has the class for the rest")
		case p.Family == "" && last && len(class.When) != 0:
			c.fail(class.Pos, "the last class has no when: it takes what the others leave")
		case !last && len(class.When) == 0:
			c.fail(class.Pos, "only the last class is without when: this one takes everything, and those behind it nothing")
		}
		switch {
		case len(p.Classes) > 1 && class.Name == "":
			c.fail(class.Pos, "name: is missing in the class")
		case taken(names[class.Name], profileOf(class.When)):
			c.fail(class.Pos, "the class %s is there twice", class.Name)
		}
		names[class.Name] = append(names[class.Name], profileOf(class.When))
		if class.Sourcetype == "" {
			c.fail(class.Pos, "sourcetype: is missing")
		}
		for _, n := range []*Names{&class.Names, &class.SC4S} {
			c.template(class.Pos, "sourcetype", n.Sourcetype)
			c.template(class.Pos, "source", n.Source)
		}
	}
	if len(p.Classes) == 1 { // its class is the pack's name
		for i := range p.Tests {
			if t := &p.Tests[i]; t.Class == p.Classes[0].Name && t.Pack == "" {
				t.Class = ""
			}
		}
		p.Classes[0].Name = ""
	}
}

// profileOf is the profile that all conditions name, or empty.
func profileOf(list []Condition) string {
	if len(list) == 0 || slices.ContainsFunc(list, func(c Condition) bool { return c.Profile != list[0].Profile }) {
		return ""
	}
	return list[0].Profile
}

// taken reports whether a class for a profile is there already.
func taken(profiles []string, profile string) bool {
	return len(profiles) != 0 && (profile == "" || slices.Contains(profiles, "") || slices.Contains(profiles, profile))
}

// template checks whether the pack reads what a template has.
func (c *checker) template(at Pos, what, text string) {
	t, _ := ParseTemplate(text) // a bad one is told already
	for _, p := range t {
		name := fmt.Sprintf("%s: {%s:%s}", what, p.From, p.Text)
		switch p.From {
		case "key":
			c.needs(at, name, KV)
			c.keys["key "+p.Text] = true
		case "json":
			c.needs(at, name, JSON)
			c.keys["json "+p.Text] = true
		case "column":
			c.needs(at, fmt.Sprintf("%s: {column:%d}", what, p.Place), CSV, Tab)
		}
	}
}

// needs reports a use of a reader that the pack does not have.
func (c *checker) needs(at Pos, what string, one ...Reader) {
	if slices.Contains(one, c.p.Read) {
		return
	}
	text := "read: " + string(one[0])
	if len(one) > 1 {
		text += " or " + string(one[1])
	}
	if c.p.Read != "" {
		text += ", the pack has read: " + string(c.p.Read)
	}
	c.fail(at, "%s needs %s", what, text)
}

func (c *checker) conditions() {
	for i := range c.p.Match {
		m := &c.p.Match[i]
		c.condition(m)
		if len(m.parts()) != 0 && !anchored(m) {
			or := "or header"
			if len(m.Header) != 0 {
				or = "or words of the text"
			}
			c.fail(m.Pos, "match: %s is no anchor: add program, text, sd, cef, leef or message_id, %s", partsOf(m), or)
		}
	}
	for i := range c.p.Not {
		c.condition(&c.p.Not[i])
	}
	for i := range c.p.Classes {
		for j := range c.p.Classes[i].When {
			c.condition(&c.p.Classes[i].When[j])
		}
	}
}

// condition checks whether the pack reads what a condition has. In when and not, contains
// can stand alone: there the pack is found already.
func (c *checker) condition(x *Condition) {
	for name := range x.Keys {
		c.keys["key "+name] = true
	}
	for name := range x.JSON {
		c.keys["json "+name] = true
	}
	if len(x.Keys) != 0 {
		c.needs(x.Pos, "keys:", KV)
	}
	if len(x.JSON) != 0 {
		c.needs(x.Pos, "json:", JSON)
	}
	if len(x.Columns) != 0 {
		c.needs(x.Pos, "columns:", CSV, Tab)
	}
	for i := range x.Any {
		c.condition(&x.Any[i])
	}
	for i := range x.Not {
		c.condition(&x.Not[i])
	}
}

// anchored reports whether a condition has a word by which messages are found without a
// search. "*" is none.
func anchored(c *Condition) bool {
	for _, words := range [][]string{c.Program, c.Text, c.SD, c.MessageID} {
		if len(words) != 0 && !slices.Contains(words, "*") {
			return true
		}
	}
	return c.CEF != nil || c.LEEF != nil ||
		len(c.Header) != 0 && (len(c.Words)+len(c.Columns)+len(c.Keys)+len(c.JSON)+len(c.Contains) != 0 || c.Regex != "")
}

// partsOf shows the parts of a condition.
func partsOf(c *Condition) string {
	var all []string
	for _, p := range c.parts() {
		if p.words[0] == "*" && slices.Contains(anchors, p.name) {
			p.name += ` "*"`
		}
		all = append(all, p.name)
	}
	return strings.Join(slices.Compact(all), ", ")
}

// rules checks the rules of host and time.
func (c *checker) rules() {
	for i := range c.p.Host {
		c.value(c.p.Host[i].Pos, "host", &c.p.Host[i].Value)
	}
	for i := range c.p.Time {
		for j := range c.p.Time[i].Values {
			c.value(c.p.Time[i].Pos, "time", &c.p.Time[i].Values[j])
		}
	}
}

func (c *checker) value(at Pos, what string, v *Value) {
	switch {
	case v.Key != "":
		c.needs(at, what+": key", KV)
		c.keys["key "+v.Key] = true
	case v.Column != 0:
		c.needs(at, what+": column", CSV, Tab)
	case v.JSON != "":
		c.needs(at, what+": json", JSON)
		c.keys["json "+v.JSON] = true
	case v.CEF != "":
		c.keys["cef "+v.CEF] = true
	case v.LEEF != "":
		c.keys["leef "+v.LEEF] = true
	}
}

func (c *checker) tests() {
	var known []string
	for i := range c.p.Classes {
		if name := c.p.Classes[i].Name; name != "" {
			known = append(known, name)
		}
	}
	for i := range c.p.Tests {
		t := &c.p.Tests[i]
		c.testOfRules(t)
		switch {
		case t.Class == "" || t.Pack != "" && t.Pack != c.p.Name:
		case len(known) == 0:
			c.fail(t.Pos, "class: the pack has one class, which has no name")
		case !slices.Contains(known, t.Class):
			c.fail(t.Pos, "class: %s is not a class of the pack: %s", quoted(t.Class), didYouMean(t.Class, known))
		}
	}
}
