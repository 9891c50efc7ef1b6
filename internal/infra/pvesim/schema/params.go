package schema

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Param is one parameter, or one key of a property string.
type Param struct {
	Name     string
	Kind     string // bool | int | num | str | array
	Required bool
	IsKey    bool // the default key of a property string
	Alias    string
	KeyAlias string // the key that keeps the name used instead of alias
	Min, Max *float64
	MinLen   int
	MaxLen   int
	Enum     []string
	re       *regexp.Regexp
	Format   string
	Grammar  string // name of the grammar of a property string
	Requires string
}

// Params is a set of parameters, or the grammar of a property string.
type Params struct {
	ByName map[string]*Param
	Key    string // default key
}

// Tables are the parsed parameter tables: read-only once built.
type Tables struct {
	Grammars map[string]*Params
	Groups   map[string]*Params
}

// NewTables parses the package's own tables: sections under a [name], one parameter a line:
//
//	name[!][[N]] kind [MIN..MAX] [len=MIN..MAX] [enum=a|b] [props=GRAMMAR] [requires=x] [re=PATTERN to the end]
//
// where ! means required, [N] a family name0…name(N-1), and a kind that is none of
// bool, int, num, str, array is a str of that format. The props of an array are those of each element. In grammars * marks the default key,
// and `name =target/keyalias` an alias.
func NewTables() (*Tables, error) {
	t := &Tables{Grammars: map[string]*Params{}, Groups: map[string]*Params{}}
	for name, text := range sections(grammarText + datacenterGrammars) {
		s, err := parseTable(text)
		if err != nil {
			return nil, fmt.Errorf("grammar %s: %w", name, err)
		}
		t.Grammars[name] = s
	}
	for name, text := range sections(parameterText + datacenterText) {
		s, err := parseTable(text)
		if err != nil {
			return nil, fmt.Errorf("parameters %s: %w", name, err)
		}
		t.Groups[name] = s
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

func parseTable(text string) (*Params, error) {
	s := &Params{ByName: map[string]*Param{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		p, family, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		if p.IsKey {
			s.Key = p.Name
		}
		if family == 0 {
			s.ByName[p.Name] = p
			continue
		}
		for i := range family {
			one := *p
			one.Name = p.Name + strconv.Itoa(i)
			s.ByName[one.Name] = &one
		}
	}
	return s, nil
}

func parseLine(line string) (p *Param, family int, err error) {
	name, rest, _ := strings.Cut(line, " ")
	p = &Param{}
	if name, p.IsKey = strings.CutPrefix(name, "*"); p.IsKey && name == "" {
		return nil, 0, fmt.Errorf("no name")
	}
	if i := strings.IndexByte(name, '['); i >= 0 {
		if family, err = strconv.Atoi(strings.TrimSuffix(name[i+1:], "]")); err != nil {
			return nil, 0, err
		}
		name = name[:i]
	}
	p.Name, p.Required = strings.CutSuffix(name, "!")
	rest = strings.TrimSpace(rest)
	if target, ok := strings.CutPrefix(rest, "="); ok {
		p.Alias, p.KeyAlias, _ = strings.Cut(target, "/")
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

func (p *Param) setKind(word string) {
	switch word {
	case "bool", "int", "num", "str", "array":
		p.Kind = word
	default:
		p.Kind, p.Format = "str", word
	}
}

func (p *Param) setConstraint(word string) error {
	k, v, ok := strings.Cut(word, "=")
	if !ok {
		lo, hi, ok := strings.Cut(word, "..")
		if !ok {
			return fmt.Errorf("unknown constraint %q", word)
		}
		var err error
		if p.Min, err = limit(lo); err != nil {
			return err
		}
		p.Max, err = limit(hi)
		return err
	}
	switch k {
	case "len":
		lo, hi, _ := strings.Cut(v, "..")
		p.MinLen, _ = strconv.Atoi(lo)
		p.MaxLen, _ = strconv.Atoi(hi)
	case "enum":
		p.Enum = strings.Split(v, "|")
	case "props":
		p.Grammar = v
	case "requires":
		p.Requires = v
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

// Merged returns the union of groups and extra lines: what an endpoint takes.
func (t *Tables) Merged(groups []string, extra string, without ...string) (*Params, error) {
	all, err := parseTable(extra)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		s, ok := t.Groups[g]
		if !ok {
			return nil, fmt.Errorf("no parameter group %q", g)
		}
		for k, p := range s.ByName {
			if _, ok := all.ByName[k]; !ok {
				all.ByName[k] = p
			}
		}
	}
	for _, w := range without {
		delete(all.ByName, w)
	}
	return all, nil
}

// Again separates the values of a parameter that a request has more than once.
const Again = "\x00"

// Elements are the values of an array.
func Elements(v string) []string { return strings.Split(v, Again) }

// Join makes one text of the values of a list that was sent as several parameters, as
// RESTHandler.pm handle does. Arrays stay what they are.
func (s *Params) Join(values map[string]string) {
	for k, v := range values {
		if p := s.ByName[k]; p != nil && p.Kind != "array" && strings.Contains(v, Again) {
			values[k] = strings.Join(Elements(v), ",")
		}
	}
}

// grammarOfKey is the property string of a guest's key that holds a volume or network.
func grammarOfKey(kind, k string) string {
	base := strings.TrimRight(k, "0123456789")
	switch {
	case base == "net" && kind == "lxc":
		return "ctnet"
	case base == "net":
		return "qemunet"
	case base == "unused" && kind == "lxc":
		return "ctunused"
	}
	return base
}

// Value reads the property string of a guest's key, which was checked before it was
// stored. kind is lxc or qemu.
func (t *Tables) Value(kind, k, v string) map[string]string {
	values, _ := t.ParseProps(grammarOfKey(kind, k), k, v)
	return values
}

// Print is the opposite of [Tables.Value].
func (t *Tables) Print(kind, k string, values map[string]string) string {
	return t.PrintProps(grammarOfKey(kind, k), values)
}

// Has reports whether a group of parameters has one of that name.
func (t *Tables) Has(group, name string) bool { return t.Groups[group].ByName[name] != nil }

// IsNumber reports whether a parameter of a group is an integer or a truth value, which
// answers carry as numbers.
func (t *Tables) IsNumber(group, name string) bool {
	p := t.Groups[group].ByName[name]
	return p != nil && (p.Kind == "int" || p.Kind == "bool")
}

// Shown is a value of a group as answers carry it: a number, a truth value as 0 or 1, a list,
// or text.
func (t *Tables) Shown(group, name, v string) any {
	if p := t.Groups[group].ByName[name]; p != nil {
		return p.shown(v)
	}
	return v
}

func (p *Param) shown(v string) any {
	switch p.Kind {
	case "int", "bool", "num":
		return json.Number(v)
	case "array":
		return Elements(v)
	}
	return v
}

// Object is a property string of a group as an object: its parts, each as answers carry it.
func (t *Tables) Object(group, name, v string) map[string]any {
	p := t.Groups[group].ByName[name]
	out := map[string]any{}
	values, _ := t.ParseProps(p.Grammar, name, v)
	for k, part := range values {
		out[k] = t.Grammars[p.Grammar].ByName[k].shown(part)
	}
	return out
}

// IsProps reports whether a parameter of a group is a property string.
func (t *Tables) IsProps(group, name string) bool {
	p := t.Groups[group].ByName[name]
	return p != nil && p.Grammar != "" && p.Kind == "str"
}

// CheckGroup holds values against the parameters of a group, as [Tables.Check] does.
func (t *Tables) CheckGroup(group string, values map[string]string) map[string]string {
	return t.Check(t.Groups[group], values, "")
}
