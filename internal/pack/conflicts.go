package pack

import (
	"fmt"
	"slices"
	"strings"
)

// Conflicts compares the packs of the site with one another and with the embedded ones.
// An error is what leaves open which of the site's packs takes a message. A warning is what
// the site's packs take from an embedded one without saying so in replaces: an upgrade
// brings new packs, and never makes a valid set invalid.
func Conflicts(site, embedded []Pack) (conflicts, warnings []Problem) {
	byName := make(map[string]*Pack, len(embedded))
	var names []string
	for i := range embedded {
		byName[embedded[i].Name] = &embedded[i]
		names = append(names, embedded[i].Name)
	}
	return between(site), overruled(site, byName, names)
}

// between finds conflicts between packs of the site.
func between(site []Pack) []Problem {
	var found []Problem
	packs := make(map[string]*Pack, len(site))
	first := make(map[literalOf][]owned)
	for i := range site {
		p := &site[i]
		if other := packs[p.Name]; other != nil {
			found = append(found, Problem{p.Pos, fmt.Sprintf("the pack %s is also in %s", p.Name, other.Pos)})
			continue
		}
		packs[p.Name] = p
		for _, c := range p.finders() {
			found = append(found, sameAs(first, p, c)...)
		}
	}
	return found
}

// literalOf is a literal by which messages are found.
type literalOf struct{ kind, word string }

// owned is a condition and its pack.
type owned struct {
	pack      *Pack
	condition *Condition
}

// sameAs reports an earlier condition of another pack that the condition is not
// distinguished from, and remembers the condition.
func sameAs(first map[literalOf][]owned, p *Pack, c *Condition) []Problem {
	var found []Problem
	for _, l := range c.literals() {
		folded := literalOf{l.kind, strings.ToLower(l.word)}
		for _, other := range first[folded] {
			if len(found) == 0 && other.pack != p && undistinguished(other.condition, c, l) {
				found = append(found, Problem{c.Pos, fmt.Sprintf(
					"%s %q is also in %s (pack %s): add to one of the conditions what only its product has",
					l.kind, l.word, other.condition.Pos, other.pack.Name)})
			}
		}
		const enough = 64 // conditions of one literal that are compared
		if len(first[folded]) < enough {
			first[folded] = append(first[folded], owned{p, c})
		}
	}
	return found
}

// finders are the conditions by which the pack takes messages: match, or what adds classes
// to a family.
func (p *Pack) finders() []*Condition {
	var all []*Condition
	for i := range p.Match {
		all = append(all, &p.Match[i])
	}
	if p.Family != "" {
		for i := range p.Classes {
			for j := range p.Classes[i].When {
				all = append(all, &p.Classes[i].When[j])
			}
		}
	}
	return all
}

// literals are the words of a condition that are anchors. The literal of CEF and LEEF is
// the vendor with the product.
func (c *Condition) literals() []literalOf {
	var all []literalOf
	for _, part := range []struct {
		kind  string
		words []string
	}{
		{"sd", c.SD}, {"cef", c.CEF.pairs()}, {"leef", c.LEEF.pairs()}, {"message_id", c.MessageID},
		{"program", c.Program}, {"text", c.Text},
	} {
		for _, w := range part.words {
			if w != "*" {
				all = append(all, literalOf{part.kind, w})
			}
		}
	}
	return all
}

// pairs are the vendors with the products of a device, "vendor|product", or "vendor|*" for
// any product.
func (d *Device) pairs() []string {
	if d == nil {
		return nil
	}
	vendors, products := d.Vendor, d.Product
	if len(vendors) == 0 {
		vendors = []string{"*"}
	}
	if len(products) == 0 {
		products = []string{"*"}
	}
	all := make([]string, 0, len(vendors)*len(products))
	for _, v := range vendors {
		for _, p := range products {
			all = append(all, v+"|"+p)
		}
	}
	return all
}

// undistinguished reports whether two conditions that share a literal have the same parts
// with a common word in each.
func undistinguished(a, b *Condition, shared literalOf) bool {
	fold := a.IgnoreCase || b.IgnoreCase
	if shared.kind != "cef" && shared.kind != "leef" && !fold &&
		(!slices.ContainsFunc(a.literals(), func(l literalOf) bool { return l == shared })) {
		return false // they differ in case
	}
	same := func(x, y string) bool { return x == y || fold && strings.EqualFold(x, y) }
	return slices.Equal(a.parts(), b.parts()) && compare(a, b, same)
}

// disjoint reports whether no message can have both conditions, as far as their words say.
func disjoint(a, b *Condition) bool {
	fold := a.IgnoreCase || b.IgnoreCase
	return !compare(a, b, func(x, y string) bool { return cover(x, y, fold) })
}

// cover reports whether a word can hold where another one holds.
func cover(x, y string, fold bool) bool {
	if fold {
		x, y = strings.ToLower(x), strings.ToLower(y)
	}
	bareX, bareY := strings.Trim(x, "*"), strings.Trim(y, "*")
	switch endX, endY := strings.HasSuffix(x, "*"), strings.HasSuffix(y, "*"); {
	case x == y || x == "*" || y == "*":
		return true
	case x[0] == '*' && y[0] == '*':
		return strings.HasSuffix(bareX, bareY) || strings.HasSuffix(bareY, bareX)
	case x[0] == '*':
		return endY || strings.HasSuffix(bareY, bareX)
	case y[0] == '*':
		return endX || strings.HasSuffix(bareX, bareY)
	default:
		return endX && strings.HasPrefix(bareY, bareX) || endY && strings.HasPrefix(bareX, bareY)
	}
}

// compare reports whether the parts that both conditions have meet: some word of one is
// like some word of the other.
func compare(a, b *Condition, like func(x, y string) bool) bool {
	meet := func(x, y []string) bool {
		return len(x) == 0 || len(y) == 0 || slices.ContainsFunc(x, func(x string) bool {
			return slices.ContainsFunc(y, func(y string) bool { return like(x, y) })
		})
	}
	begin := func(words []string) []string { // a text is a prefix
		all := make([]string, len(words))
		for i, w := range words {
			all[i] = strings.TrimSuffix(w, "*") + "*"
		}
		return all
	}
	device := func(x, y *Device) bool {
		folded := func(words []string) []string {
			all := make([]string, len(words))
			for i, w := range words {
				all[i] = strings.ToLower(w)
			}
			return all
		}
		return x == nil || y == nil || meet(folded(x.Vendor), folded(y.Vendor)) && meet(folded(x.Product), folded(y.Product)) && meet(folded(x.ID), folded(y.ID))
	}
	profile := a.Profile == "" || b.Profile == "" || a.Profile == b.Profile
	return profile && meet(a.Program, b.Program) && meet(begin(a.Text), begin(b.Text)) && meet(a.MessageID, b.MessageID) &&
		meet(a.Header, b.Header) && device(a.CEF, b.CEF) && device(a.LEEF, b.LEEF) && meet(a.SD, b.SD) && meet(a.Host, b.Host) &&
		meet(a.Level, b.Level) && meet(a.Facility, b.Facility) && meet(a.Role, b.Role) && meet(a.Class, b.Class) &&
		meetAll(a.Keys, b.Keys, meet) && meetAll(a.Columns, b.Columns, meet) && meetAll(a.Words, b.Words, meet) && meetAll(a.JSON, b.JSON, meet)
}

func meetAll[K comparable](a, b map[K][]string, meet func(x, y []string) bool) bool {
	for k, words := range a {
		if !meet(words, b[k]) {
			return false
		}
	}
	return true
}

// overruled finds what packs of the site take from embedded packs.
func overruled(site []Pack, embedded map[string]*Pack, names []string) []Problem {
	return nil
}
