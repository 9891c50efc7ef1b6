package pack

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Rule says what becomes of messages besides their names. Every rule whose condition holds
// acts, in order; what leaves a message out ends.
type Rule struct {
	Pos
	// Name is unique in the pack. A rule has one that leaves messages out, masks or trims.
	Name string
	// Option says that the rule is off unless it is turned on by name.
	Option bool
	About  string
	When   []Condition // one must hold; empty: always

	Drop     bool
	Sample   int // one message in so many is kept; 0: all
	Suppress *Suppress

	// Lookup is the name of a table of the pack, and By is the value that it is searched for.
	Lookup string
	By     Place

	Index, Sourcetype string
	Fields            map[string]string

	Masks []Mask
	Trim  *Trim
}

// Suppress lets one message of each kind through in so long.
type Suppress struct {
	OneIn time.Duration
	// By are the parts of a message that make its kind.
	By []Place
	// AtMost is how many kinds are remembered.
	AtMost int
}

// Place is a part of a message: a word such as host, or a value of the text.
type Place struct {
	Word string // host, class, message_id, sender or program; else Value
	Value
}

// Mask hides a part of the event. One of Key, Between, Find and Regex is set.
type Mask struct {
	Pos
	Key     string    // the value of a key
	Between [2]string // what is between two texts
	Find    string    // card, email or address
	Regex   string    // RE2
	// With replaces the part; "hash" is a keyed hash of it.
	With string
}

// Hash is what a Mask has in With for a keyed hash.
const Hash = "hash"

// Trim makes an event shorter.
type Trim struct {
	Keys   []string // that are removed with their values
	Empty  bool     // keys without a value are removed
	Spaces bool     // runs of blanks become one
	Tabs   bool     // "#011" becomes a tab
}

// Lookup is a table of the site, in a CSV file.
type Lookup struct {
	Pos
	Name string
	File string
	// Key is what the first column has: networks, hosts or values.
	Key string
	// Columns says what the other columns give: field, index, sourcetype, timezone or host.
	Columns map[string]string
}

// RulesOnly reports whether a pack recognises nothing: it has rules for messages of others.
func (p *Pack) RulesOnly() bool { return len(p.Classes) == 0 }

// The bounds of the rules of a pack.
const (
	maxRules     = 64
	maxMasks     = 32
	maxSample    = 1000000
	maxSuppress  = 24 * time.Hour
	maxAtMost    = 1 << 20
	usualAtMost  = 1 << 16
	maxRuleParts = 8
)

var (
	finds         = []string{"card", "email", "address"}
	lookupKeys    = []string{"network", "host", "value"}
	lookupGives   = []string{"field", "index", "sourcetype", "timezone", "host"}
	suppressWords = []string{"host", "class", "message_id", "sender", "program"}
	lookupWords   = []string{"sender", "host", "program"}
)

// OwnField reports whether the gateway or Splunk uses an indexed field of this name.
func OwnField(name string) bool {
	return strings.HasPrefix(name, "sc4s_") || slices.Contains([]string{
		"vendor_product", "class", "facility", "severity", "transport", "sender_ip", // of profile default
		"proxy_ip", "truncated", "time_clamped", "sample_rate", "suppressed", // set by the gateway
		"time", "host", "source", "sourcetype", "index", "event", "fields", // of HEC
		"punct", "linecount", "splunk_server", "timestamp", "eventtype", "tag", // of Splunk
	}, name)
}

// setField allows the name of a field that a rule sets.
func setField(name string) string {
	if OwnField(name) {
		return quoted(name) + " is a field of the gateway's or Splunk's own"
	}
	return fieldName(name)
}

// addRules adds the tables of rules, and the keys of a pack that need them.
func (t *tables) addRules() {
	t.suppress = []key[Suppress]{
		{"one_in", "how long one message of a kind stands for all", func(d *decoder, n *yaml.Node, s *Suppress) {
			t, err := time.ParseDuration(d.text(n))
			if err != nil || t < time.Second || t > maxSuppress {
				d.fail(n, "%s is not a time from 1s to 24h", quoted(n.Value))
			}
			s.OneIn = t
		}},
		{"by", "what makes a kind: host, class, message_id, sender, program, {key: x}", func(d *decoder, n *yaml.Node, s *Suppress) {
			s.By = listOf(d, n, func(e *yaml.Node) Place { return d.part(e, suppressWords) })
			if len(s.By) > maxRuleParts {
				d.fail(n, "has %d parts, at most %d are allowed", len(s.By), maxRuleParts)
			}
		}},
		numberKey("at_most", "how many kinds are remembered; default 65536", maxAtMost, func(s *Suppress) *int { return &s.AtMost }),
	}
	t.mask = []key[Mask]{
		textKey("key", "the value of a key", keyName, func(m *Mask) *string { return &m.Key }),
		{"between", "what is between two texts", func(d *decoder, n *yaml.Node, m *Mask) {
			if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
				d.fail(n, "is not two texts: [\"token=\", \"&\"]")
				return
			}
			for i, e := range n.Content {
				m.Between[i] = d.checked(e, printable(longest))
			}
		}},
		textKey("find", "card, email or address", one("something that is found", finds), func(m *Mask) *string { return &m.Find }),
		{"regex", "expression of RE2; slow", func(d *decoder, n *yaml.Node, m *Mask) {
			m.Regex = d.regex(n)
			if re, err := regexp.Compile(m.Regex); err == nil && re.MatchString("") {
				d.fail(n, "matches the empty text")
			}
		}},
		textKey("with", "what stands there instead; hash is a keyed hash; default ***", maskText, func(m *Mask) *string { return &m.With }),
	}
	t.trim = []key[Trim]{
		textsKey("keys", "keys that are removed with their values", keyName, func(t *Trim) *[]string { return &t.Keys }),
		markKey("empty", "keys without a value are removed; in CEF with their labels", func(t *Trim) *bool { return &t.Empty }),
		markKey("spaces", "runs of blanks become one", func(t *Trim) *bool { return &t.Spaces }),
		markKey("tabs", "#011, as rsyslog writes a tab, becomes one", func(t *Trim) *bool { return &t.Tabs }),
	}
	t.lookup = []key[Lookup]{
		textKey("file", "CSV file, relative to the pack's", printable(maxValue), func(l *Lookup) *string { return &l.File }),
		textKey("key", "what the first column has: network, host or value", one("a kind of key", lookupKeys), func(l *Lookup) *string { return &l.Key }),
		{"columns", "what the other columns give", func(d *decoder, n *yaml.Node, l *Lookup) {
			l.Columns = byName(d, n, func(name *yaml.Node) (string, bool) {
				problems := len(d.problems)
				return d.checked(name, fieldName), len(d.problems) == problems
			}, func(v *yaml.Node) string { return d.checked(v, one("what a column gives", lookupGives)) })
			for name, gives := range l.Columns {
				if wrong := setField(name); gives == "field" && wrong != "" {
					d.fail(n, "%s", wrong)
				}
			}
		}},
	}
	t.rule = []key[Rule]{
		textKey("name", "name of the rule", packName, func(r *Rule) *string { return &r.Name }),
		boolKey("option", "off unless packs.options has it", func(r *Rule) *bool { return &r.Option }),
		textKey("about", "a line for people", printable(maxValue), func(r *Rule) *string { return &r.About }),
		conditionsKey("when", "condition; without it the rule always acts", func(r *Rule) *[]Condition { return &r.When }),
		markKey("drop", "the messages are left out", func(r *Rule) *bool { return &r.Drop }),
		{"sample", "one message in so many is kept", func(d *decoder, n *yaml.Node, r *Rule) {
			if r.Sample = d.number(n, maxSample); r.Sample == 1 && n.Value == "1" {
				d.fail(n, "1 keeps all; write 2 or more")
			}
		}},
		{"suppress", "one message of a kind in so long", func(d *decoder, n *yaml.Node, r *Rule) {
			r.Suppress = &Suppress{AtMost: usualAtMost}
			if seen := mapping(d, n, t.suppress, r.Suppress); seen != nil && (seen["one_in"] == nil || seen["by"] == nil) {
				d.fail(n, "one_in and by are needed: {one_in: 30s, by: [host, class]}")
			}
		}},
		textKey("lookup", "a table of the pack", packName, func(r *Rule) *string { return &r.Lookup }),
		{"by", "the value that the table is searched for: sender, host, program, {key: x}", func(d *decoder, n *yaml.Node, r *Rule) { r.By = d.part(n, lookupWords) }},
		textKey("index", "index", indexName, func(r *Rule) *string { return &r.Index }),
		textKey("sourcetype", "sourcetype", sourcetype, func(r *Rule) *string { return &r.Sourcetype }),
		{"fields", "indexed fields with their values", func(d *decoder, n *yaml.Node, r *Rule) {
			r.Fields = d.fields(n)
			for name := range r.Fields {
				if wrong := setField(name); wrong != "" {
					d.fail(n, "%s", wrong)
				}
			}
		}},
		{"mask", "what is hidden", func(d *decoder, n *yaml.Node, r *Rule) { r.Masks = listOf(d, n, d.mask) }},
		{"trim", "what is removed from the event", func(d *decoder, n *yaml.Node, r *Rule) {
			r.Trim = &Trim{}
			if seen := mapping(d, n, t.trim, r.Trim); seen != nil && len(seen) == 0 {
				d.fail(n, "says nothing: add keys, empty, spaces or tabs")
			}
			if len(r.Trim.Keys) > maxKeys*2 {
				d.fail(n, "has %d keys, at most %d are allowed", len(r.Trim.Keys), maxKeys*2)
			}
		}},
	}
	t.pack = append(t.pack,
		key[draft]{"lookups", "tables of the site, in CSV files", func(d *decoder, n *yaml.Node, to *draft) { to.Lookups = d.lookups(n) }},
		key[draft]{"rules", "what becomes of messages, in order", func(d *decoder, n *yaml.Node, to *draft) { to.Rules = listOf(d, n, d.rule) }},
	)
	t.test = append(t.test,
		textKey("dropped", "the rule that leaves the line out, or none", ruleName, func(t *Test) *string { return &t.Dropped }),
		textsKey("options", "options of the pack that are turned on", packName, func(t *Test) *[]string { return &t.Options }),
	)
}

// ruleName allows "rule" and "pack.rule".
func ruleName(text string) string {
	pack, rule, full := strings.Cut(text, ".")
	if wrong := packName(pack); wrong != "" || !full {
		return wrong
	}
	return packName(rule)
}

// maskText allows what stands for a hidden value. It must not end a value of any form.
func maskText(text string) string {
	if strings.ContainsAny(text, "\"'\\ =|{}[]<>,;&") {
		return quoted(text) + " has a blank, a quote or another sign that ends values"
	}
	return printable(maxName)(text)
}

// part reads a word or a place in the text.
func (d *decoder) part(n *yaml.Node, words []string) Place {
	if n.Kind == yaml.ScalarNode {
		return Place{Word: d.checked(n, one("a part of a message", words))}
	}
	v := d.hostRule(n).Value
	if v.Header || v.Sender || v.Program || v.Text != "" {
		d.fail(n, "write a word (%s) or a place in the text such as {key: x}", strings.Join(words, ", "))
	}
	return Place{Value: v}
}

func (d *decoder) mask(n *yaml.Node) Mask {
	m := Mask{Pos: d.pos(n), With: "***"}
	seen := mapping(d, n, d.tables.mask, &m)
	var have []string
	for _, name := range []string{"key", "between", "find", "regex"} {
		if seen[name] != nil {
			have = append(have, name)
		}
	}
	switch {
	case seen == nil:
	case len(have) == 0:
		d.fail(n, "the mask does not say what is hidden: add key, between, find or regex")
	case len(have) > 1:
		d.fail(n, "%s and %s are in one mask; write a list of two masks", have[0], have[1])
	}
	return m
}

func (d *decoder) lookups(n *yaml.Node) []Lookup {
	all := byName(d, n, func(name *yaml.Node) (string, bool) {
		problems := len(d.problems)
		return d.checked(name, packName), len(d.problems) == problems
	}, func(v *yaml.Node) Lookup {
		l := Lookup{Pos: d.pos(v)}
		if seen := mapping(d, v, d.tables.lookup, &l); seen != nil {
			for _, name := range []string{"file", "key", "columns"} {
				if seen[name] == nil {
					d.fail(v, "%s is missing in the look-up", name)
				}
			}
		}
		return l
	})
	list := make([]Lookup, 0, len(all))
	for name, l := range all {
		l.Name = name
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b Lookup) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (d *decoder) rule(n *yaml.Node) Rule {
	r := Rule{Pos: d.pos(n)}
	seen := mapping(d, n, d.tables.rule, &r)
	if seen == nil {
		return r
	}
	var acts, ends []string
	for _, name := range []string{"drop", "sample", "suppress", "lookup", "index", "sourcetype", "fields", "mask", "trim"} {
		if seen[name] == nil {
			continue
		}
		acts = append(acts, name)
		if name == "drop" || name == "sample" || name == "suppress" {
			ends = append(ends, name)
		}
	}
	named := len(ends) != 0 || seen["mask"] != nil || seen["trim"] != nil || r.Option
	switch {
	case len(acts) == 0:
		d.fail(n, "the rule does nothing: add drop, sample, suppress, lookup, index, sourcetype, fields, mask or trim")
	case len(ends) > 1:
		d.fail(n, "%s and %s are in one rule; write two rules", ends[0], ends[1])
	case r.Drop && len(acts) > 1:
		d.fail(n, "drop and %s are in one rule: what is left out has no %s", acts[1], acts[1])
	case named && r.Name == "":
		d.fail(n, "name: is missing; a rule has one that is an option, leaves messages out, masks or trims")
	case (seen["lookup"] == nil) != (seen["by"] == nil):
		d.fail(n, "lookup and by belong together: {lookup: sites, by: sender}")
	}
	return r
}

// rulesOnly reports whether a document with these keys is a pack of rules for messages of
// other packs.
func (d *decoder) rulesOnly(seen map[string]*yaml.Node) bool {
	if seen["rules"] == nil && seen["lookups"] == nil {
		return false
	}
	for _, name := range append([]string{"match", "not", "classes", "family", "host", "time", "event", "headers", "linux_server"}, d.tables.only...) {
		if seen[name] != nil {
			return false
		}
	}
	return true
}

// actions checks what depends on several rules.
func (c *checker) actions() {
	p := c.p
	if len(p.Rules) > maxRules {
		c.fail(p.Pos, "the pack has %d rules, at most %d are allowed", len(p.Rules), maxRules)
	}
	masks, keys := 0, make(map[string]bool)
	names := make(map[string]bool)
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Name != "" && names[r.Name] {
			c.fail(r.Pos, "the rule %s is there twice", r.Name)
		}
		if names[r.Name] = true; r.Option && r.Name == "on_linux" {
			c.fail(r.Pos, "name: on_linux is an option of packs for Linux servers")
		}
		masks += len(r.Masks)
		keysOf(r.When, keys)
		c.table(r)
		for _, part := range append(partsBy(r), r.By) {
			if part.Key != "" {
				keys["key "+part.Key] = true
			}
		}
	}
	if masks > maxMasks {
		c.fail(p.Pos, "the pack has %d masks, at most %d are allowed", masks, maxMasks)
	}
	if len(keys) > maxKeys {
		c.fail(p.Pos, "the rules of the pack use %d keys, at most %d are allowed; make two packs of rules", len(keys), maxKeys)
	}
}

func partsBy(r *Rule) []Place {
	if r.Suppress == nil {
		return nil
	}
	return slices.Clone(r.Suppress.By)
}

// table checks the look-up of a rule.
func (c *checker) table(r *Rule) {
	if r.Lookup == "" {
		return
	}
	known := make([]string, len(c.p.Lookups))
	for i, l := range c.p.Lookups {
		if known[i] = l.Name; l.Name == r.Lookup {
			if l.Key == "network" && (r.By.Word == "host" || r.By.Word == "program") {
				c.fail(r.Pos, "lookup: %s has networks, by: %s is none; write by: sender", l.Name, r.By.Word)
			}
			return
		}
	}
	c.fail(r.Pos, "lookup: %s is not a look-up of the pack: %s", quoted(r.Lookup), didYouMean(r.Lookup, known))
}

// keysOf adds the keys that conditions need.
func keysOf(list []Condition, keys map[string]bool) {
	for i := range list {
		for name := range list[i].Keys {
			keys["key "+name] = true
		}
		keysOf(list[i].Any, keys)
		keysOf(list[i].Not, keys)
	}
}

// testOfRules checks a test of the rules.
func (c *checker) testOfRules(t *Test) {
	if c.p.RulesOnly() && t.Pack == "" {
		c.fail(t.Pos, "pack: is missing in the test: the pack has rules only, so another one, or none, takes the line")
	}
	var known, options []string
	for i := range c.p.Rules {
		if r := &c.p.Rules[i]; r.Name != "" {
			known = append(known, r.Name)
			if r.Option {
				options = append(options, r.Name)
			}
		}
	}
	if d := t.Dropped; d != "" && d != "none" && !strings.Contains(d, ".") && !slices.Contains(known, d) {
		c.fail(t.Pos, "dropped: %s is not a rule of the pack: %s", quoted(d), didYouMean(d, known))
	}
	for _, o := range t.Options {
		if !slices.Contains(options, o) {
			c.fail(t.Pos, "options: %s is not an option of the pack: %s", quoted(o), didYouMean(o, options))
		}
	}
}

// String returns how the part is written.
func (p Place) String() string {
	if p.Word != "" {
		return p.Word
	}
	return p.Value.String()
}

// WrongIndex returns what is wrong with the name of an index, or nothing.
func WrongIndex(name string) string { return indexName(name) }

// WrongSourcetype returns what is wrong with a sourcetype, or nothing.
func WrongSourcetype(name string) string { return sourcetype(name) }
