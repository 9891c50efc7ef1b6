package pvesim

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// prop is one parameter, or one key of a property string.
type prop struct {
	name     string
	kind     string // bool | int | num | str
	required bool
	isKey    bool // the default key of a property string
	alias    string
	keyAlias string // the key that keeps the name used instead of alias
	min, max *float64
	minLen   int
	maxLen   int
	enum     []string
	re       *regexp.Regexp
	format   string
	props    string // name of the grammar of a property string
	requires string
}

// schema is a set of parameters, or the grammar of a property string.
type schema struct {
	props map[string]*prop
	key   string // default key
}

// tables are the parsed parameter tables: read-only once built.
type tables struct {
	grammars map[string]*schema
	groups   map[string]*schema
}

// newTables parses the package's own tables: sections under a [name], one parameter a line:
//
//	name[!][[N]] kind [MIN..MAX] [len=MIN..MAX] [enum=a|b] [props=GRAMMAR] [requires=x] [re=PATTERN to the end]
//
// where ! means required, [N] a family name0…name(N-1), and a kind that is none of
// bool, int, num, str is a str of that format. In grammars * marks the default key,
// and `name =target/keyalias` an alias.
func newTables() (*tables, error) {
	t := &tables{grammars: map[string]*schema{}, groups: map[string]*schema{}}
	for name, text := range sections(grammarText) {
		s, err := parseTable(text)
		if err != nil {
			return nil, fmt.Errorf("grammar %s: %w", name, err)
		}
		t.grammars[name] = s
	}
	for name, text := range sections(parameterText) {
		s, err := parseTable(text)
		if err != nil {
			return nil, fmt.Errorf("parameters %s: %w", name, err)
		}
		t.groups[name] = s
	}
	return t, nil
}

// sections cuts a text at its [headers].
func sections(text string) map[string]string {
	out := map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		if head, ok := strings.CutPrefix(strings.TrimSpace(line), "["); ok {
			name = strings.TrimSuffix(head, "]")
			continue
		}
		out[name] += line
	}
	return out
}

func parseTable(text string) (*schema, error) {
	s := &schema{props: map[string]*prop{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		p, family, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		if p.isKey {
			s.key = p.name
		}
		if family == 0 {
			s.props[p.name] = p
			continue
		}
		for i := range family {
			one := *p
			one.name = p.name + strconv.Itoa(i)
			s.props[one.name] = &one
		}
	}
	return s, nil
}

func parseLine(line string) (p *prop, family int, err error) {
	name, rest, _ := strings.Cut(line, " ")
	p = &prop{}
	if name, p.isKey = strings.CutPrefix(name, "*"); p.isKey && name == "" {
		return nil, 0, fmt.Errorf("no name")
	}
	if i := strings.IndexByte(name, '['); i >= 0 {
		if family, err = strconv.Atoi(strings.TrimSuffix(name[i+1:], "]")); err != nil {
			return nil, 0, err
		}
		name = name[:i]
	}
	p.name, p.required = strings.CutSuffix(name, "!")
	rest = strings.TrimSpace(rest)
	if target, ok := strings.CutPrefix(rest, "="); ok {
		p.alias, p.keyAlias, _ = strings.Cut(target, "/")
		return p, family, nil
	}
	before, pattern, hasRe := strings.Cut(rest, "re=")
	if hasRe {
		if p.re, err = regexp.Compile("^(?:" + pattern + ")$"); err != nil {
			return nil, 0, err
		}
	}
	for i, word := range strings.Fields(before) {
		if i == 0 {
			p.setKind(word)
		} else if err := p.setConstraint(word); err != nil {
			return nil, 0, err
		}
	}
	return p, family, nil
}

func (p *prop) setKind(word string) {
	switch word {
	case "bool", "int", "num", "str":
		p.kind = word
	default:
		p.kind, p.format = "str", word
	}
}

func (p *prop) setConstraint(word string) error {
	k, v, ok := strings.Cut(word, "=")
	if !ok {
		lo, hi, ok := strings.Cut(word, "..")
		if !ok {
			return fmt.Errorf("unknown constraint %q", word)
		}
		var err error
		if p.min, err = limit(lo); err != nil {
			return err
		}
		p.max, err = limit(hi)
		return err
	}
	switch k {
	case "len":
		lo, hi, _ := strings.Cut(v, "..")
		p.minLen, _ = strconv.Atoi(lo)
		p.maxLen, _ = strconv.Atoi(hi)
	case "enum":
		p.enum = strings.Split(v, "|")
	case "props":
		p.props = v
	case "requires":
		p.requires = v
	default:
		return fmt.Errorf("unknown constraint %q", word)
	}
	return nil
}

func limit(s string) (*float64, error) {
	if s == "" {
		return nil, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	return &f, err
}

// merged returns the union of groups and extra lines: what an endpoint takes.
func (t *tables) merged(groups []string, extra string, without ...string) (*schema, error) {
	all, err := parseTable(extra)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		s, ok := t.groups[g]
		if !ok {
			return nil, fmt.Errorf("no parameter group %q", g)
		}
		for k, p := range s.props {
			if _, ok := all.props[k]; !ok {
				all.props[k] = p
			}
		}
	}
	for _, w := range without {
		delete(all.props, w)
	}
	return all, nil
}
