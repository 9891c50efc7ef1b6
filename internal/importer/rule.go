package importer

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
)

// rule is a rule of a pack (docs/rules.md). Its tags are the keys.
type rule struct {
	at    Note
	table *table

	Name       string            `yaml:"name,omitempty"`
	About      string            `yaml:"about,omitempty"`
	When       when              `yaml:"when,flow,omitempty"`
	Drop       bool              `yaml:"drop,omitempty"`
	Sample     int               `yaml:"sample,omitempty"`
	Suppress   *suppress         `yaml:"suppress,flow,omitempty"`
	Lookup     string            `yaml:"lookup,omitempty"`
	By         any               `yaml:"by,omitempty,flow"`
	Index      string            `yaml:"index,omitempty"`
	Sourcetype string            `yaml:"sourcetype,omitempty"`
	Fields     map[string]string `yaml:"fields,flow,omitempty"`
	Mask       []mask            `yaml:"mask,flow,omitempty"`
	Trim       *trim             `yaml:"trim,flow,omitempty"`
}

type suppress struct {
	OneIn string `yaml:"one_in"`
	By    []any  `yaml:"by"`
}

type mask struct {
	Regex string `yaml:"regex,omitempty"`
	With  string `yaml:"with,omitempty"`
}

type trim struct {
	Keys []string `yaml:"keys"`
}

// table is a look-up with its rows; the first row names the columns.
type table struct {
	name string
	rows [][]string

	File    string            `yaml:"file"`
	Key     string            `yaml:"key"`
	Columns map[string]string `yaml:"columns,flow"`
}

func (t *table) csv() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.WriteAll(t.rows) // a buffer does not fail
	return b.Bytes()
}

// product is a pack that recognises a product by one condition, or by pins only.
type product struct {
	at Note

	Format     int    `yaml:"format"`
	Pack       string `yaml:"pack"`
	About      string `yaml:"about,omitempty"`
	Vendor     string `yaml:"vendor,omitempty"`
	Product    string `yaml:"product,omitempty"`
	Match      when   `yaml:"match,flow,omitempty"`
	Sourcetype string `yaml:"sourcetype"`
	Source     string `yaml:"event_source,omitempty"`
	Role       string `yaml:"role,omitempty"`
}

// ruleSet is a pack of rules.
type ruleSet struct {
	Format  int               `yaml:"format"`
	Pack    string            `yaml:"pack"`
	About   string            `yaml:"about,omitempty"`
	Lookups map[string]*table `yaml:"lookups,omitempty"`
	Rules   []rule            `yaml:"rules"`
}

func newRuleSet(name, about string, rules []rule) ruleSet {
	s := ruleSet{Format: 1, Pack: name, About: about, Rules: rules}
	for i := range rules {
		if t := rules[i].table; t != nil {
			if s.Lookups == nil {
				s.Lookups = map[string]*table{}
			}
			s.Lookups[t.name] = t
		}
	}
	return s
}

// wrong returns the first thing that the reader of packs does not accept in a document.
func wrong(document any) string {
	text, err := yaml.Marshal(document)
	if err != nil {
		return err.Error()
	}
	if _, problems := pack.Load([]pack.File{{Name: "imported.yaml", Data: text}}); len(problems) != 0 {
		return problems[0].Text
	}
	return ""
}

// The bounds of what is written.
const (
	maxRules    = 512
	maxProducts = 100
	maxFields   = 32 // of all rules
	maxRegexes  = 16 // the gateway has room for 32
	maxTries    = 4 * maxRules
	maxWork     = 20000 // statements, functions and parts of filters, counted each time they are used
)

// rule adds a rule, or lists what is wrong with it and returns false.
func (m *model) rule(r rule) bool {
	regexes := 0
	for i := range m.rules {
		regexes += m.rules[i].regexes()
	}
	switch n := r.regexes(); {
	case len(m.rules) == maxRules || m.tries >= maxTries:
		m.cannot(r.at, "there are more than %d rules, or too many that are refused", maxRules)
		return false
	case n != 0 && regexes+n > maxRegexes:
		m.cannot(r.at, "there are more than %d expressions; say some with class, program or contains", maxRegexes)
		return false
	}
	if r.Name == "" {
		r.Name = "rule"
	}
	if r.Name = name(r.Name, "rule"); m.named(r.Name) {
		r.Name += fmt.Sprintf("_%d", len(m.rules)+1)
	}
	r.About = clean(r.About)
	fields := map[string]bool{}
	for _, one := range append(slices.Clone(m.rules), r) {
		for name := range one.Fields {
			fields[name] = true
		}
		if one.table != nil {
			for name, gives := range one.table.Columns {
				fields[name] = fields[name] || gives == "field"
			}
			if r.table != nil && one.table != r.table && one.table.name == r.table.name { // each table is a file
				r.table.name = fmt.Sprintf("%s_%d", r.table.name, len(m.rules)+1)
				r.table.File, r.Lookup = r.table.name+".csv", r.table.name
			}
		}
	}
	if len(fields) > maxFields {
		m.cannot(r.at, "rules and look-ups set more than %d fields in all", maxFields)
		return false
	}
	m.tries++
	if text := wrong(newRuleSet("imported", "", []rule{r})); text != "" {
		m.cannot(r.at, "%s", text)
		return false
	}
	m.rules = append(m.rules, r)
	return true
}

func (m *model) named(name string) bool {
	for i := range m.rules {
		if m.rules[i].Name == name {
			return true
		}
	}
	return false
}

func (r *rule) regexes() int { return r.When.regexes() + len(r.Mask) }

func (w when) regexes() int {
	n := 0
	for i := range w {
		if w[i].Regex != "" {
			n++
		}
		n += w[i].Any.regexes() + w[i].Not.regexes()
	}
	return n
}

// conflict returns what is wrong with a product beside those that are there.
func (m *model) conflict(p product) string {
	var all []pack.File
	for _, one := range append(slices.Clone(m.packs), p) {
		text, err := yaml.Marshal(one)
		if err != nil {
			return err.Error()
		}
		all = append(all, pack.File{Name: "imported.yaml", Data: text})
	}
	site, problems := pack.Load(all)
	if len(problems) != 0 {
		return problems[0].Text
	}
	if errs, _ := pack.Conflicts(site, m.embedded); len(errs) != 0 {
		return errs[0].Text
	}
	if _, err := matcher.Compile(site, m.embedded, matcher.Options{Profile: "sc4s"}); err != nil {
		return err.Error()
	}
	return ""
}

// addProduct adds a pack for a product, or lists what is wrong with it.
func (m *model) addProduct(p product) bool {
	p.Format = 1
	for i := range m.packs {
		if m.packs[i].Pack == p.Pack {
			m.cannot(p.at, "the pack %s is there already", p.Pack)
			return false
		}
	}
	if m.tries++; len(m.packs) == maxProducts || m.tries >= maxTries {
		m.cannot(p.at, "there are more than %d packs", maxProducts)
		return false
	}
	if text := m.conflict(p); text != "" {
		m.cannot(p.at, "the pack %s: %s", p.Pack, text)
		return false
	}
	m.packs = append(m.packs, p)
	return true
}
