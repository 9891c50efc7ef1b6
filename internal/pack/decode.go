package pack

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/suggest"
)

// decoder reads nodes of YAML into the types of this package. A mistake becomes a problem,
// and reading goes on.
type decoder struct {
	tables   *tables
	file     string
	key      string // that is being read
	packs    []Pack
	problems []Problem

	count, literals, regexes, depth int
}

// key is a key of a mapping. The tables of keys are the whole of the format: they drive
// the decoder.
type key[T any] struct {
	name  string
	about string // for people
	read  func(d *decoder, n *yaml.Node, to *T)
}

// mapping reads a mapping by the table of its keys. It returns the values by their keys.
func mapping[T any](d *decoder, n *yaml.Node, keys []key[T], to *T) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "is %s; write keys such as {%s: …}", kindOf(n), keys[0].name)
		return nil
	}
	outer := d.key
	seen := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content) && !d.full(); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		at := slices.IndexFunc(keys, func(k key[T]) bool { return k.name == name.Value })
		switch {
		case at < 0:
			d.failAt(name.Line, "%s is not a key here: %s", quoted(name.Value), didYouMean(name.Value, names(keys)))
			continue
		case seen[name.Value] != nil:
			d.failAt(name.Line, "%s is there twice", name.Value)
			continue
		}
		seen[name.Value] = value
		d.key = name.Value
		if value.Kind == yaml.ScalarNode && value.Tag == "!!null" {
			d.fail(value, "has no value")
			continue
		}
		keys[at].read(d, value, to)
	}
	d.key = outer
	return seen
}

func names[T any](keys []key[T]) []string {
	all := make([]string, len(keys))
	for i, k := range keys {
		all[i] = k.name
	}
	return all
}

// lift makes keys of a part the keys of the whole.
func lift[Part, Whole any](keys []key[Part], part func(*Whole) *Part) []key[Whole] {
	lifted := make([]key[Whole], len(keys))
	for i, k := range keys {
		lifted[i] = key[Whole]{k.name, k.about, func(d *decoder, n *yaml.Node, to *Whole) { k.read(d, n, part(to)) }}
	}
	return lifted
}

// only returns the keys of these names.
func only[T any](keys []key[T], list ...string) []key[T] {
	return slices.DeleteFunc(slices.Clone(keys), func(k key[T]) bool { return !slices.Contains(list, k.name) })
}

// but returns the keys of other names.
func but[T any](keys []key[T], list ...string) []key[T] {
	return slices.DeleteFunc(slices.Clone(keys), func(k key[T]) bool { return slices.Contains(list, k.name) })
}

// fail records a mistake in the value of the key that is being read.
func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if d.key != "" {
		text = d.key + ": " + text
	}
	d.failAt(n.Line, "%s", text)
}

// full reports whether there are so many problems that nobody reads on.
func (d *decoder) full() bool { return len(d.problems) > maxProblems }

// failAt records a mistake in a line.
func (d *decoder) failAt(line int, format string, args ...any) {
	switch {
	case len(d.problems) < maxProblems:
		d.problems = append(d.problems, Problem{Pos{d.file, line}, fmt.Sprintf(format, args...)})
	case len(d.problems) == maxProblems:
		d.problems = append(d.problems, Problem{Pos{d.file, line}, "there are more problems"})
	}
}

func (d *decoder) pos(n *yaml.Node) Pos { return Pos{d.file, n.Line} }

// didYouMean names the known word that was probably meant.
func didYouMean(word string, known []string) string {
	const few = 8 // words that are all told
	last := len(known) - 1
	switch near := suggest.Nearest(word, known); {
	case near != "":
		return "did you mean " + near + "?"
	case last < 0:
		return "there is none"
	case last == 0:
		return "there is only " + known[0]
	case len(known) <= few:
		return "there are " + strings.Join(known[:last], ", ") + " and " + known[last]
	default:
		near := suggest.Closest(word, known, 3)
		return fmt.Sprintf("did you mean %s, %s or %s?", near[0], near[1], near[2])
	}
}

// quoted shows a word of a file, shortened.
func quoted(word string) string {
	const longest = 64
	if len(word) > longest {
		word = strings.ToValidUTF8(word[:longest], "") + "…"
	}
	return strconv.Quote(word)
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return quoted(n.Value)
	}
}

// text reads a scalar as it is written: 1.10 and yes are text.
func (d *decoder) text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, "is %s; write one value", kindOf(n))
		return ""
	}
	if n.Tag == "!!null" {
		d.fail(n, "has no value; put %s in quotes if it is meant as text", quoted(n.Value))
	}
	return n.Value
}

// list returns the elements of a list. One value is a list of one.
func (d *decoder) list(n *yaml.Node) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	if len(n.Content) == 0 {
		d.fail(n, "is an empty list")
	}
	return n.Content
}

// listOf reads a list of one kind of element.
func listOf[E any](d *decoder, n *yaml.Node, read func(*yaml.Node) E) []E {
	nodes := d.list(n)
	all := make([]E, 0, len(nodes))
	for _, e := range nodes {
		if d.full() {
			break
		}
		all = append(all, read(e))
	}
	return all
}

// check is a rule of a text. It returns what is wrong, or nothing.
type check func(text string) string

func (d *decoder) checked(n *yaml.Node, is check) string {
	problems := len(d.problems)
	text := d.text(n)
	if len(d.problems) == problems {
		if wrong := is(text); wrong != "" {
			d.fail(n, "%s", wrong)
		}
	}
	return text
}

// The kinds of keys, by what they read.

func textKey[T any](name, about string, is check, field func(*T) *string) key[T] {
	return key[T]{name, about, func(d *decoder, n *yaml.Node, to *T) { *field(to) = d.checked(n, is) }}
}

func textsKey[T any](name, about string, is check, field func(*T) *[]string) key[T] {
	return key[T]{name, about, func(d *decoder, n *yaml.Node, to *T) {
		*field(to) = listOf(d, n, func(e *yaml.Node) string { return d.checked(e, is) })
	}}
}

func boolKey[T any](name, about string, field func(*T) *bool) key[T] {
	return key[T]{name, about, func(d *decoder, n *yaml.Node, to *T) {
		text := d.text(n)
		if text != "true" && text != "false" {
			d.fail(n, "%s is not true or false", quoted(text))
		}
		*field(to) = text == "true"
	}}
}

// markKey reads a key that is true or not there.
func markKey[T any](name, about string, field func(*T) *bool) key[T] {
	return key[T]{name, about, func(d *decoder, n *yaml.Node, to *T) {
		if text := d.text(n); text != "true" {
			d.fail(n, "can only be true")
		}
		*field(to) = true
	}}
}

func numberKey[T any](name, about string, most int, field func(*T) *int) key[T] {
	return key[T]{name, about, func(d *decoder, n *yaml.Node, to *T) { *field(to) = d.number(n, most) }}
}

func (d *decoder) number(n *yaml.Node, most int) int {
	text := d.text(n)
	v, err := strconv.Atoi(text)
	if err != nil || v < 1 || v > most {
		d.fail(n, "%s is not a number from 1 to %d", quoted(text), most)
		return 1
	}
	return v
}

// wordsKey reads words of a condition, with '*' at an end.
func wordsKey[T any](name, about string, least int, field func(*T) *[]string) key[T] {
	return key[T]{name, about, func(d *decoder, n *yaml.Node, to *T) { *field(to) = d.words(n, least) }}
}

// beginsKey reads words that are prefixes or parts already: a '*' at their end says
// nothing.
func beginsKey[T any](name, about string, field func(*T) *[]string) key[T] {
	return key[T]{name, about, func(d *decoder, n *yaml.Node, to *T) {
		words := d.words(n, shortest)
		for i, w := range words {
			if len(w) < 2 {
				continue
			}
			if w[0] == '*' && name == "text" {
				d.fail(n, "%s: a text has its first bytes; contains finds what is behind them", quoted(w))
			}
			words[i] = strings.Trim(w, "*")
		}
		*field(to) = words
	}}
}

// The lengths of literals.
const (
	shortest = 2
	longest  = 128
)

func (d *decoder) words(n *yaml.Node, least int) []string {
	return listOf(d, n, func(e *yaml.Node) string {
		if d.literals++; d.literals == maxLiterals+1 {
			d.fail(e, "more than %d words in all packs", maxLiterals)
		}
		return d.checked(e, func(text string) string { return literal(text, least) })
	})
}

// literal checks a word of a condition.
func literal(word string, least int) string {
	if word == "*" {
		return ""
	}
	bare := strings.TrimPrefix(word, "*")
	if bare == word {
		bare = strings.TrimSuffix(word, "*")
	}
	switch {
	case strings.Contains(bare, "*"):
		return quoted(word) + ": one * is allowed, at the front or at the end"
	case len(bare) < least || len(bare) > longest:
		return fmt.Sprintf("%s: %d to %d bytes are allowed", quoted(word), least, longest)
	case !utf8.ValidString(bare):
		return quoted(word) + " is not valid UTF-8"
	}
	return ""
}

// byNameKey reads words by the names of keys.
func byNameKey[T any](name, about string, field func(*T) *map[string][]string) key[T] {
	return key[T]{name, about, func(d *decoder, n *yaml.Node, to *T) {
		*field(to) = byName(d, n, func(name *yaml.Node) (string, bool) {
			wrong := keyName(name.Value)
			if wrong != "" {
				d.fail(name, "%s", wrong)
			}
			return name.Value, wrong == ""
		}, func(v *yaml.Node) []string { return d.words(v, 1) })
	}}
}

// byPlaceKey reads words by the numbers of columns or words.
func byPlaceKey[T any](name, about string, field func(*T) *map[int][]string) key[T] {
	return key[T]{name, about, func(d *decoder, n *yaml.Node, to *T) {
		*field(to) = byName(d, n, func(name *yaml.Node) (int, bool) {
			problems := len(d.problems)
			return d.number(name, maxPlace), len(d.problems) == problems
		}, func(v *yaml.Node) []string { return d.words(v, 1) })
	}}
}

// maxPlace is the last column and the last word that are read.
const maxPlace = 32

// byName reads a mapping whose keys are free.
func byName[K comparable, V any](d *decoder, n *yaml.Node, name func(*yaml.Node) (K, bool), value func(*yaml.Node) V) map[K]V {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "is %s; write names with their values: {name: value}", kindOf(n))
		return nil
	}
	if len(n.Content) == 0 {
		d.fail(n, "is empty")
		return nil
	}
	all := make(map[K]V, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content) && !d.full(); i += 2 {
		k, ok := name(n.Content[i])
		if _, twice := all[k]; twice && ok {
			d.fail(n.Content[i], "%s is there twice", n.Content[i].Value)
		}
		v := value(n.Content[i+1])
		if ok {
			all[k] = v
		}
	}
	return all
}

// conditionsKey reads a condition or a list of them.
func conditionsKey[T any](name, about string, field func(*T) *[]Condition) key[T] {
	return key[T]{name, about, func(d *decoder, n *yaml.Node, to *T) {
		*field(to) = listOf(d, n, d.condition)
	}}
}

// maxDepth is how deep conditions may be inside conditions.
const maxDepth = 4

func (d *decoder) condition(n *yaml.Node) Condition {
	c := Condition{Pos: d.pos(n)}
	if d.depth == maxDepth {
		d.fail(n, "conditions are more than %d deep", maxDepth)
		return c
	}
	d.depth++
	problems := len(d.problems)
	seen := mapping(d, n, d.tables.condition, &c)
	d.depth--
	d.within(&c, seen)
	if len(c.parts()) == 0 && len(d.problems) == problems {
		d.fail(n, "the condition says nothing")
	}
	return c
}

// within sets and checks what depends on contains.
func (d *decoder) within(c *Condition, seen map[string]*yaml.Node) {
	switch w := seen["within"]; {
	case w != nil && seen["contains"] == nil:
		d.failAt(w.Line, "within: stands beside contains only")
	case w == nil && seen["contains"] != nil:
		c.Within = defaultWithin
	}
}

func deviceKey(name, about string, field func(*Condition) **Device) key[Condition] {
	return key[Condition]{name, about, func(d *decoder, n *yaml.Node, to *Condition) {
		device := &Device{}
		mapping(d, n, d.tables.device, device)
		*field(to) = device
	}}
}

func (d *decoder) prefix(n *yaml.Node) netip.Prefix {
	text := d.text(n)
	p, err := netip.ParsePrefix(text)
	switch a, wrong := netip.ParseAddr(text); {
	case err != nil && wrong == nil && a.Zone() == "":
		d.fail(n, "%s is an address; as a network it is %s/%d", quoted(text), a, a.BitLen())
	case err != nil:
		d.fail(n, "%s is not a network such as 192.0.2.0/24", quoted(text))
	case p.Addr().Is4In6():
		d.fail(n, "%s is IPv4 in the form of IPv6; write the IPv4 network", quoted(text))
	case p != p.Masked():
		d.fail(n, "%s has host bits; the network is %s", quoted(text), p.Masked())
	}
	return p
}

// regex checks an expression.
func (d *decoder) regex(n *yaml.Node) string {
	text := d.text(n)
	if d.regexes++; d.regexes == maxRegexes+1 {
		d.fail(n, "more than %d expressions in all packs", maxRegexes)
	}
	if len(text) > maxRegex || text == "" {
		d.fail(n, "has %d bytes, 1 to %d are allowed", len(text), maxRegex)
	} else if _, err := regexp.Compile(text); err != nil {
		d.fail(n, "is not an expression of RE2: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return text
}

// maxRegex is the length of the longest expression.
const maxRegex = 1024
