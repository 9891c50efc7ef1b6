package matcher

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/syslog"
)

// index finds the rule of a message by its anchors. A rule is a condition of a pack; its
// anchor is the part by which it is found, and its other parts must hold too.
type index struct {
	sd          trie
	sdEndings   []entry
	cef, leef   trie
	identities  trie
	anyIdentity []*rule // of a message with an identifier: any, with other parts
	programs    trie
	texts       trie
	headers     []*rule // with a form of header and no other anchor
	empty       bool
	firstWords  bool // count as programs
	anyCEF      []*rule
	anyLEEF     []*rule
}

// rule is a condition of a pack.
type rule struct {
	pack *compiled
	all  condition // with the anchor
	rest condition // without it
	by   string    // for people: what the rule is found by
}

// holds reports whether the parts besides the anchor hold.
func (r *rule) holds(s *Scratch) bool {
	return r.rest.holds(r.pack, s) && !holdsAny(r.pack.not, r.pack, s)
}

func (x *index) mark(s *Scratch, m *Match) bool {
	var r *rule
	if len(s.Data) != 0 {
		r = x.structured(s)
	}
	if r == nil && s.device != nil {
		if s.isLEEF {
			r = x.leef.find(s.device, s)
		} else {
			r = x.cef.find(s.device, s)
		}
	}
	if r == nil && s.identity != nil {
		if r = x.identities.find(s.identity, s); r == nil {
			r = holding(x.anyIdentity, s)
		}
	}
	return r.take(s, m)
}

// structured finds a rule by the SD-IDs of the message.
func (x *index) structured(s *Scratch) *rule {
	for rest := s.Data; ; {
		id, next := nextID(rest)
		if id == nil {
			return nil
		}
		if r := x.sd.find(id, s); r != nil {
			return r
		}
		for i := range x.sdEndings {
			if e := &x.sdEndings[i]; bytes.HasSuffix(id, []byte(e.word)) && e.rule.holds(s) {
				return e.rule
			}
		}
		rest = next
	}
}

// nextID returns the first SD-ID of structured data, and what follows its element.
func nextID(p []byte) (id, rest []byte) {
	if len(p) < 2 || p[0] != '[' {
		return nil, nil
	}
	p = p[1:]
	end := bytes.IndexAny(p, " ]")
	if end < 0 {
		return nil, nil
	}
	id = p[:end]
	for i := end; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '"':
			for i++; i < len(p) && p[i] != '"'; i++ {
				if p[i] == '\\' {
					i++
				}
			}
		case ']':
			return id, p[i+1:]
		}
	}
	return id, nil
}

func (x *index) match(s *Scratch, m *Match) bool {
	if len(s.program) != 0 {
		r := x.programs.find(s.program, s)
		if r == nil && len(s.program) != len(s.Program) { // "postfix/smtp"
			r = x.programs.find(s.Program, s)
		}
		if r != nil {
			return r.take(s, m)
		}
	}
	if x.matchText(s, m) {
		return true
	}
	firstWord := x.firstWords && len(s.program) == 0 && (s.Shape == syslog.BSD || s.Shape == syslog.ISO)
	return firstWord && x.byFirstWord(s).take(s, m)
}

// byFirstWord takes the first word of a text without a tag for the program, as Splunk Connect
// for Syslog does.
func (x *index) byFirstWord(s *Scratch) *rule {
	i := bytes.IndexByte(s.Text[:min(len(s.Text), maxFirstWord)], ' ')
	if i < 2 {
		return nil
	}
	s.program = s.Text[:i]
	r := x.programs.find(s.program, s)
	if r == nil {
		s.program = nil
	}
	return r
}

// maxFirstWord is how long a first word may be that is taken for a program.
const maxFirstWord = 48

func (x *index) matchText(s *Scratch, m *Match) bool {
	r := x.texts.find(s.Text, s)
	if r == nil && len(s.program) == 0 {
		r = holding(x.headers, s)
	}
	return r.take(s, m)
}

// holding returns the first of the rules that holds.
func holding(rules []*rule, s *Scratch) *rule {
	for _, r := range rules {
		if r.holds(s) {
			return r
		}
	}
	return nil
}

func (x *index) generic(s *Scratch, m *Match) bool {
	rules := x.anyCEF
	if s.isLEEF {
		rules = x.anyLEEF
	}
	return holding(rules, s).take(s, m)
}

// take reads the line at hand as the rule's pack does. It returns false if r is nil.
func (r *rule) take(s *Scratch, m *Match) bool {
	if r == nil {
		return false
	}
	r.pack.read(s, m, r.by, false)
	return true
}

// anchors are the kinds of parts by which rules are found, the most certain first.
var anchors = [...]kind{isSD, isCEF, isLEEF, isIdentity, isProgram, isText, isShape}

// anchor returns the part by which a condition is found; nil if it has none.
func (c *condition) anchor() *part {
	for _, k := range anchors {
		for i := range c.parts {
			if p := &c.parts[i]; p.kind == k && p.finds() {
				return p
			}
		}
	}
	return nil
}

// finds reports whether a part can be an anchor: an index does not find a word by its end,
// and "*" tells nothing.
func (p *part) finds() bool {
	switch p.kind {
	case isIdentity:
		return !slices.ContainsFunc(p.words.list, isEnding)
	case isProgram, isText:
		return !p.words.any && !slices.ContainsFunc(p.words.list, isEnding)
	case isSD:
		return !p.words.any
	default: // no words, or words that are an anchor in every form
		return true
	}
}

func isEnding(w word) bool { return w.form == ending }

// newRules returns the rules of a condition: one, or one for each alternative of its part
// any if only these have an anchor.
func (c *compiled) newRules(d *pack.Condition) []*rule {
	one, ok := c.newCondition(d)
	if !ok {
		return nil
	}
	if one.anchor() != nil {
		return []*rule{{pack: c, all: one}}
	}
	var out []*rule
	for i, p := range one.parts {
		if p.kind != isAny {
			continue
		}
		for _, alternative := range p.any {
			all := slices.Concat(alternative.parts, one.parts[:i], one.parts[i+1:])
			if r := (&rule{pack: c, all: condition{all}}); r.all.anchor() != nil {
				out = append(out, r)
			}
		}
	}
	return out
}

// add enters rules, those with more parts before those with fewer.
func (x *index) add(rules []*rule) {
	x.empty = len(rules) == 0
	slices.SortStableFunc(rules, func(a, b *rule) int { return cmp.Compare(len(b.all.parts), len(a.all.parts)) })
	for _, r := range rules {
		x.addRule(r)
	}
}

func (x *index) addRule(r *rule) {
	anchor := r.all.anchor()
	r.rest = r.all.without(anchor.kind)
	switch anchor.kind {
	case isSD:
		r.by = "SD-ID " + anchor.words.String()
		for _, w := range anchor.words.list {
			if w.form == ending {
				x.sdEndings = append(x.sdEndings, entry{word: w.text, rule: r})
			} else {
				x.sd.addWord(w, anchor.words.fold, r)
			}
		}
	case isCEF:
		r.by = "CEF"
		x.addDevice(&x.cef, &x.anyCEF, r)
	case isLEEF:
		r.by = "LEEF"
		x.addDevice(&x.leef, &x.anyLEEF, r)
	case isIdentity:
		r.by = "message id " + anchor.words.String()
		if anchor.words.any {
			x.anyIdentity = append(x.anyIdentity, r)
		}
		x.identities.addWords(&anchor.words, r)
	case isProgram:
		r.by = "program " + anchor.words.String()
		x.programs.addWords(&anchor.words, r)
	case isText:
		r.by = "text " + anchor.words.String()
		for _, w := range anchor.words.list {
			x.texts.add(w.text, true, entry{fold: anchor.words.fold, rule: r})
		}
	default: // isShape
		r.by = "header"
		r.rest = r.all
		x.headers = append(x.headers, r)
	}
	others := r.all.without(anchor.kind)
	r.by += others.describe(r.pack)
}

// without returns a condition without the parts that an index of a kind checks.
func (c *condition) without(k kind) condition {
	var out condition
	for _, p := range c.parts {
		indexed := p.kind == k || (k == isCEF || k == isLEEF) && (p.kind == isVendor || p.kind == isProduct)
		if !indexed {
			out.parts = append(out.parts, p)
		}
	}
	return out
}

// describe names the parts of a condition for people.
func (c *condition) describe(of *compiled) string {
	var b strings.Builder
	for _, p := range c.parts {
		b.WriteString(" and ")
		b.WriteString(kindNames[p.kind])
		switch p.kind {
		case isKey:
			fmt.Fprintf(&b, " %s", of.keys.Names[p.slot])
		case isColumn, isWord:
			fmt.Fprintf(&b, " %d", p.slot)
		default: // the kind says enough
		}
	}
	return b.String()
}

var kindNames = [...]string{
	isProgram: "program", isText: "text", isContains: "contains", isIdentity: "message id", isShape: "header",
	isCEF: "CEF", isLEEF: "LEEF", isVendor: "vendor", isProduct: "product", isID: "id", isSD: "SD-ID", isKey: "key",
	isColumn: "column", isWord: "word", isJSON: "JSON", isHost: "host", isSender: "sender", isLevel: "level",
	isFacility: "facility", isRegex: "regex", isAny: "any", isNot: "not", isNever: "never",
}

func (t *trie) addWords(w *words, r *rule) {
	for _, one := range w.list {
		t.addWord(one, w.fold, r)
	}
}

func (t *trie) addWord(w word, fold bool, r *rule) {
	t.add(w.text, w.form == beginning, entry{fold: fold, rule: r})
}

// addDevice enters a rule by vendor and product as they stand in the header: "vendor|",
// "vendor|product|", or a part of them.
func (x *index) addDevice(t *trie, generic *[]*rule, r *rule) {
	var vendor, product *words
	for i := range r.all.parts {
		switch p := &r.all.parts[i]; p.kind {
		case isVendor:
			vendor = &p.words
		case isProduct:
			product = &p.words
		default: // not in the header
		}
	}
	if vendor == nil || vendor.any || slices.ContainsFunc(vendor.list, isEnding) {
		r.rest = r.all
		*generic = append(*generic, r)
		return
	}
	vendorOnly := product == nil || product.any || slices.ContainsFunc(product.list, isEnding)
	if product != nil && vendorOnly {
		r.rest = r.all
	}
	for _, v := range vendor.list {
		key := v.text
		if v.form == beginning || vendorOnly {
			if v.form == whole {
				key += "|"
			} else {
				r.rest = r.all // the trie does not check the product
			}
			t.add(key, true, entry{fold: true, rule: r})
			continue
		}
		for _, p := range product.list {
			key := v.text + "|" + p.text
			if p.form == whole {
				key += "|"
			}
			t.add(key, true, entry{fold: true, rule: r})
		}
	}
}

// sorted returns the keys of a map in order.
func sorted[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// marks reports whether rules are found by marks.
func (x *index) marks() bool {
	return len(x.sd.nodes)+len(x.sdEndings)+len(x.cef.nodes)+len(x.leef.nodes)+len(x.identities.nodes)+len(x.anyIdentity) != 0
}
