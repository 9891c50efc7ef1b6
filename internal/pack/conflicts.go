package pack

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Conflicts compares the packs of the site with one another and with the embedded ones.
// An error is what leaves open which of the site's packs takes a message. A warning is what
// the site's packs take from an embedded one without saying so in replaces: an upgrade
// brings new packs, and never makes a valid set invalid.
func Conflicts(site, embedded []Pack) (conflicts, warnings []Problem) {
	return between(site), overruled(site, embedded)
}

// between finds conflicts between packs of the site.
func between(site []Pack) []Problem {
	type place struct{ part, of, word string }
	var found []Problem
	packs := make(map[string]*Pack, len(site))
	index := make(map[place][]*finder) // by the words of the first part
	for i := range site {
		p := &site[i]
		if other := packs[p.Name]; other != nil {
			found = append(found, Problem{p.Pos, fmt.Sprintf("the pack %s is also in %s", p.Name, other.Pos)})
			continue
		}
		packs[p.Name] = p
		for _, f := range p.finders() {
			told := false
			for _, w := range f.parts[0].words {
				at := place{f.parts[0].name, f.parts[0].of, strings.ToLower(w)}
				for _, other := range index[at] {
					if !told && other.pack != p && undistinguished(f, other) {
						told = true
						found = append(found, Problem{f.Pos, fmt.Sprintf(
							"%s %q is also in %s (pack %s): add to one of them a word that only its product has",
							at.part, w, other.Pos, other.pack.Name)})
					}
				}
				index[at] = append(index[at], f)
			}
		}
	}
	return found
}

// overruled finds what packs of the site take from embedded packs.
func overruled(site, embedded []Pack) []Problem {
	var names []string
	replaced := make(map[string]bool) // by a pack of the same name
	for i := range embedded {
		names = append(names, embedded[i].Name)
	}
	for i := range site {
		replaced[site[i].Name] = true
	}
	var theirs []*finder
	for i := range embedded {
		if !replaced[embedded[i].Name] {
			theirs = append(theirs, embedded[i].finders()...)
		}
	}
	var found []Problem
	for i := range site {
		p := &site[i]
		if slices.Contains(names, p.Name) && !slices.Contains(p.Replaces, p.Name) {
			found = append(found, Problem{p.Pos, fmt.Sprintf(
				"the pack takes the place of the embedded pack %s; replaces: %s says that this is meant", p.Name, p.Name)})
		}
		for _, name := range p.Replaces {
			if !slices.Contains(names, name) {
				found = append(found, Problem{p.Pos, fmt.Sprintf("replaces: there is no embedded pack %q: %s", name, didYouMean(name, names))})
			}
		}
		for _, f := range p.finders() {
			var told []string
			for _, other := range theirs {
				if name := other.pack.Name; slices.Contains(p.Replaces, name) || slices.Contains(told, name) {
					continue
				}
				if part, word := shared(f, other); word != "" && !disjoint(f, other) {
					told = append(told, other.pack.Name)
					found = append(found, Problem{f.Pos, fmt.Sprintf("%s %q takes messages of the embedded pack %s", part, word, other.pack.Name)})
				}
			}
		}
	}
	return found
}

// finder is a condition by which a pack takes messages.
type finder struct {
	*Condition
	pack  *Pack
	parts []part
}

// finders returns the conditions of match, or those that add classes to a family.
func (p *Pack) finders() []*finder {
	var all []*finder
	add := func(list []Condition) {
		for i := range list {
			if parts := list[i].parts(); len(parts) != 0 {
				all = append(all, &finder{&list[i], p, parts})
			}
		}
	}
	add(p.Match)
	if p.Family != "" {
		for i := range p.Classes {
			add(p.Classes[i].When)
		}
	}
	return all
}

// undistinguished reports whether two conditions have the same parts with a common word in
// each.
func undistinguished(a, b *finder) bool {
	return slices.EqualFunc(a.parts, b.parts, func(x, y part) bool {
		return x.isLike(y) && x.meets(y, folds(x, a, b), func(x, y string) bool { return x == y })
	})
}

// disjoint reports whether no message can hold both conditions, as far as their words say.
func disjoint(a, b *finder) bool {
	for _, x := range a.parts {
		switch x.name {
		case "contains", "regex", "sender", "any", "not": // their words do not exclude one another
			continue
		}
		if i := slices.IndexFunc(b.parts, x.isLike); i >= 0 && !x.meets(b.parts[i], folds(x, a, b), covers) {
			return true
		}
	}
	return false
}

// shared returns an anchor of a condition that one of the other condition covers, or the
// reverse.
func shared(a, b *finder) (name, word string) {
	for _, x := range a.parts {
		i := slices.IndexFunc(b.parts, x.isLike)
		if i < 0 || x.of == "id" || !slices.Contains(anchors, x.name) {
			continue
		}
		generic := x.of == "" && (x.name == "cef" || x.name == "leef")
		if slices.Contains(b.parts[i].words, "*") && !generic { // they find by another part
			continue
		}
		for _, w := range x.words {
			if (w != "*" || generic) && (part{words: []string{w}}).meets(b.parts[i], folds(x, a, b), covers) {
				if x.name == "text" {
					w = strings.TrimSuffix(w, "*")
				}
				return x.name, w
			}
		}
	}
	return "", ""
}

// folds reports whether the case of a part's words makes no difference.
func folds(x part, a, b *finder) bool {
	switch x.name {
	case "cef", "leef":
		return true
	case "program", "text", "contains", "host", "keys", "columns", "words", "json":
		return a.IgnoreCase || b.IgnoreCase
	}
	return false
}

// anchors are the parts by which messages are found without a search.
var anchors = []string{"sd", "cef", "leef", "message_id", "program", "text"}

// part is a part of a condition: its name, the key, column or field that its words are of,
// and the words.
type part struct {
	name, of string
	words    []string
}

func (p part) isLike(other part) bool { return p.name == other.name && p.of == other.of }

// meets reports whether a word of one part is like a word of the other.
func (p part) meets(other part, fold bool, like func(x, y string) bool) bool {
	for _, x := range p.words {
		for _, y := range other.words {
			if like(x, y) || fold && like(strings.ToLower(x), strings.ToLower(y)) {
				return true
			}
		}
	}
	return false
}

// parts returns the parts of a condition. Those that find messages are first.
func (c *Condition) parts() []part {
	var all []part
	add := func(name, of string, words []string) {
		if len(words) != 0 {
			all = append(all, part{name, of, words})
		}
	}
	device := func(name string, d *Device) {
		switch {
		case d == nil:
		case isAny(d.Vendor) && isAny(d.Product) && isAny(d.ID):
			add(name, "", []string{"*"})
		default:
			add(name, "vendor", d.Vendor)
			add(name, "product", d.Product)
			add(name, "id", d.ID)
		}
	}
	begins := slices.Clone(c.Text)
	for i, w := range begins {
		begins[i] = strings.TrimSuffix(w, "*") + "*"
	}
	add("sd", "", c.SD)
	device("cef", c.CEF)
	device("leef", c.LEEF)
	add("message_id", "", c.MessageID)
	add("program", "", c.Program)
	add("text", "", begins)
	add("header", "", c.Header)
	add("contains", "", c.Contains)
	addAll(add, "keys", c.Keys)
	addAll(add, "columns", c.Columns)
	addAll(add, "words", c.Words)
	addAll(add, "json", c.JSON)
	add("host", "", c.Host)
	networks := make([]string, len(c.Sender))
	for i, network := range c.Sender {
		networks[i] = network.String()
	}
	add("sender", "", networks)
	add("level", "", c.Level)
	add("facility", "", c.Facility)
	add("role", "", c.Role)
	add("class", "", c.Class)
	for _, word := range []struct{ name, text string }{{"regex", c.Regex}, {"profile", c.Profile}, {"any", inner(c.Any)}, {"not", inner(c.Not)}} {
		if word.text != "" {
			add(word.name, "", []string{word.text})
		}
	}
	return all
}

// isAny reports whether a part of a device is left open.
func isAny(words []string) bool { return len(words) == 0 || slices.Contains(words, "*") }

// addAll adds the parts of a map, in the order of their names.
func addAll[K cmp.Ordered](add func(name, of string, words []string), name string, words map[K][]string) {
	for _, of := range slices.Sorted(maps.Keys(words)) {
		add(name, fmt.Sprint(of), words[of])
	}
}

// inner writes conditions inside a condition, so that they can be compared.
func inner(list []Condition) string {
	var b strings.Builder
	for i := range list {
		fmt.Fprintln(&b, list[i].IgnoreCase, list[i].parts())
	}
	return b.String()
}

// covers reports whether one of two words takes all that the other takes. A '*' stands for
// any text.
func covers(x, y string) bool {
	within := func(x, y string) bool { // y is within x
		begin, first := strings.CutSuffix(x, "*")
		end, last := strings.CutPrefix(x, "*")
		switch {
		case x == y || x == "*":
			return true
		case first:
			return y[0] != '*' && strings.HasPrefix(strings.TrimSuffix(y, "*"), begin)
		case last:
			return !strings.HasSuffix(y, "*") && strings.HasSuffix(strings.TrimPrefix(y, "*"), end)
		}
		return false
	}
	return within(x, y) || within(y, x)
}
