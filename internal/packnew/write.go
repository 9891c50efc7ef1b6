package packnew

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/syslog"
)

// test is a test that is written.
type test struct {
	line, class, host, profile string
	pinned, foreign            bool
}

// maxTests is how many lines become tests.
const maxTests = 12

// tests chooses lines and says what becomes of them: of each class and each kind of line at
// least one, the short ones first.
func (m *maker) tests() ([]test, error) {
	own, err := m.parser(false)
	if err != nil {
		return nil, err
	}
	pinned, err := m.parser(true)
	if err != nil {
		return nil, err
	}
	sorted := slices.Clone(m.samples)
	slices.SortStableFunc(sorted, func(a, b *sample) int { return cmp.Compare(len(a.line), len(b.line)) })
	const each = 2 // of a class and kind
	count := map[string]int{}
	lines := map[string]bool{}
	var all []test
	for _, s := range sorted {
		p := own
		if !s.found {
			p = pinned
		}
		class, host, ok := m.outcome(p, s.line)
		kind, word := mark(&s.view)
		if key := class + " " + kind + " " + word; ok && !lines[s.line] && count[key] < each && len(all) < maxTests {
			count[key]++
			lines[s.line] = true
			all = append(all, test{line: s.line, class: class, host: host, pinned: !s.found})
		}
	}
	for _, line := range m.foreign() {
		var r dialect.Result
		if parse(own, line, &r); r.Pack == "" {
			return append(all, test{line: line, foreign: true}), nil
		}
	}
	return all, nil
}

// foreign returns lines of other products, the most telling first: the texts by which the
// product is recognised stand in it, but not where they count.
func (m *maker) foreign() []string {
	const begin = "<13>Mar 14 14:28:52 host-z logger[7]: "
	for i := range m.match {
		for _, word := range slices.Concat(m.match[i].Text, m.match[i].Program) {
			if word = strings.TrimSuffix(word, "*"); word != `{"` {
				return []string{begin + "not " + word + " but another product", begin + "another product"}
			}
		}
	}
	return []string{begin + "another product"}
}

// parser returns a parser of a port that knows the new pack, or is pinned to it.
func (m *maker) parser(pinned bool) (*dialect.Parser, error) {
	packs, problems := pack.Load([]pack.File{{Name: m.name + ".yaml", Data: []byte(m.yaml(nil))}})
	if len(problems) != 0 {
		return nil, fmt.Errorf("the pack that was made cannot be loaded, which is a mistake of this program: %s", problems[0])
	}
	set, err := matcher.Compile(slices.Concat(m.site, packs), m.embedded, matcher.Options{Profile: "default"})
	if err != nil {
		return nil, err
	}
	if pinned {
		return dialect.New(dialect.Auto, set, m.name)
	}
	return dialect.New(dialect.Auto, set)
}

func parse(p *dialect.Parser, line string, r *dialect.Result) {
	var h syslog.Header
	syslog.Scan([]byte(line), &h)
	p.Parse([]byte(line), &h, &dialect.From{Address: nobody}, r)
}

// outcome returns class and host of a line. ok is false if the new pack does not have it.
func (m *maker) outcome(p *dialect.Parser, line string) (class, host string, ok bool) {
	var r dialect.Result
	parse(p, line, &r)
	if r.Pack != m.name {
		return "", "", false
	}
	class = strings.TrimPrefix(strings.TrimPrefix(p.Class(r.Class).Name, m.name), "_")
	return class, string(r.Host), true
}

// yaml writes the pack.
func (m *maker) yaml(tests []test) string {
	var b strings.Builder
	vendor, product, two := strings.Cut(m.name, "_")
	sourcetype := vendor
	if two {
		sourcetype += ":" + product
	}
	fmt.Fprintf(&b, "format: 1\npack: %s\nabout: %s # one line for people\n", m.name, yamlText(strings.ReplaceAll(m.name, "_", " ")))
	b.WriteString("# source: where the form of the lines is documented\n")
	switch len(m.match) {
	case 0:
		b.WriteString("# Nothing in the lines tells the product: name its senders in packs.senders, or give it a\n# port of its own with sources.NAME.packs.\n")
	case 1:
		fmt.Fprintf(&b, "match: %s\n", condition(&m.match[0]))
	default:
		b.WriteString("match:\n")
		for i := range m.match {
			fmt.Fprintf(&b, "  - %s\n", condition(&m.match[i]))
		}
	}
	if m.reader != pack.NoReader && m.reads() {
		fmt.Fprintf(&b, "read: %s\n", m.reader)
	}
	place := "key"
	if m.reader == pack.JSON {
		place = "json"
	}
	if m.host != "" {
		fmt.Fprintf(&b, "host: {%s: %s}\n", place, yamlText(m.host))
	}
	if m.isTimeKey != "" {
		fmt.Fprintf(&b, "time: {%s: %s, as: %s}\n", place, yamlText(m.isTimeKey), m.timeRule)
	}
	b.WriteString(roles())
	if len(m.classes) == 0 {
		fmt.Fprintf(&b, "sourcetype: %s\nrole: main\n", yamlText(sourcetype))
	} else {
		b.WriteString("classes:\n")
		for _, value := range m.classes {
			name := className(value)
			fmt.Fprintf(&b, "  - {name: %s, when: %s, sourcetype: %s, role: main}\n", yamlText(name), m.when(value), yamlText(sourcetype+":"+name))
		}
		fmt.Fprintf(&b, "  - {name: other, sourcetype: %s, role: main}\n", yamlText(sourcetype))
	}
	if len(tests) != 0 {
		b.WriteString("tests:\n")
	}
	for _, t := range tests {
		fmt.Fprintf(&b, "  - line: %s\n", yamlText(t.line))
		for _, f := range [][2]string{{"class", t.class}, {"host", t.host}, {"profile", t.profile}} {
			if f[1] != "" {
				fmt.Fprintf(&b, "    %s: %s\n", f[0], yamlText(f[1]))
			}
		}
		if t.pinned {
			b.WriteString("    pinned: true\n")
		}
		if t.foreign {
			b.WriteString("    pack: none\n")
		}
	}
	return b.String()
}

// roles returns a comment that names the roles.
func roles() string {
	all := pack.Roles()
	half := len(all) / 2
	return "# role: choose one, from which the index follows: " + strings.Join(all[:half], ", ") + ",\n#   " + strings.Join(all[half:], ", ") + "\n"
}

// reads reports whether the pack uses a value.
func (m *maker) reads() bool {
	return m.classKey != "" || m.host != "" || m.isTimeKey != "" ||
		slices.ContainsFunc(m.match, func(c pack.Condition) bool { return len(c.Keys)+len(c.JSON)+len(c.Columns) != 0 })
}

// condition writes a condition.
func condition(c *pack.Condition) string {
	var parts []string
	add := func(name string, words []string) {
		if len(words) != 0 {
			parts = append(parts, name+": "+yamlList(words))
		}
	}
	device := func(name string, d *pack.Device) {
		if d == nil {
			return
		}
		text := "vendor: " + yamlList(d.Vendor)
		if len(d.Product) != 0 {
			text += ", product: " + yamlList(d.Product)
		}
		parts = append(parts, name+": {"+text+"}")
	}
	add("sd", c.SD)
	device("cef", c.CEF)
	device("leef", c.LEEF)
	add("program", c.Program)
	add("text", c.Text)
	for _, byName := range []struct {
		name   string
		values map[string][]string
	}{{"keys", c.Keys}, {"json", c.JSON}} {
		var keys []string
		for _, key := range slices.Sorted(maps.Keys(byName.values)) {
			keys = append(keys, yamlText(key)+": "+yamlList(byName.values[key]))
		}
		if len(keys) != 0 {
			parts = append(parts, byName.name+": {"+strings.Join(keys, ", ")+"}")
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func yamlList(words []string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = yamlText(w)
	}
	if len(all) == 1 {
		return all[0]
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// yamlText writes a text: as it is where YAML reads it so, else in quotes.
func yamlText(text string) string {
	switch {
	case bareText.MatchString(text) && !strings.Contains(text, ": ") && !slices.Contains(reserved, strings.ToLower(text)):
		return text
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return strconv.QuoteToASCII(text)
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

var (
	bareText = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_.:/@ -]*[A-Za-z0-9])?$`)
	reserved = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
)
