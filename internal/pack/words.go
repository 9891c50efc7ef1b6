package pack

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// This file says in words what packs say in YAML.

// Piece is a part of a condition. It is a condition itself: the whole holds if all of its
// pieces do. The profile is none of them.
type Piece struct {
	Condition
	// Kind is what the piece is about, as people call it: "program", "CEF vendor", "key".
	Kind string
	// Of is the name of the key, or the number of the column or word, that is compared.
	Of string
	// Words are those of which one must be there.
	Words []string

	with func(*Condition, []string) // makes a condition of words
}

// Pieces returns the parts of a condition, those that find messages first.
func (c *Condition) Pieces() []Piece {
	var all []Piece
	add := func(kind, of string, words []string, with func(*Condition, []string)) {
		if len(words) != 0 {
			one := Piece{Condition{Pos: c.Pos, IgnoreCase: c.IgnoreCase}, kind, of, words, with}
			with(&one.Condition, words)
			all = append(all, one)
		}
	}
	device := func(kind string, d *Device, with func(*Condition, *Device)) {
		if d == nil {
			return
		}
		add(kind+" vendor", "", d.Vendor, func(c *Condition, w []string) { with(c, &Device{Vendor: w}) })
		add(kind+" product", "", d.Product, func(c *Condition, w []string) { with(c, &Device{Product: w}) })
		add(kind+" id", "", d.ID, func(c *Condition, w []string) { with(c, &Device{ID: w}) })
		if len(d.Vendor)+len(d.Product)+len(d.ID) == 0 {
			add(kind, "", []string{"*"}, func(c *Condition, _ []string) { with(c, &Device{}) })
		}
	}
	add("SD-ID", "", c.SD, func(c *Condition, w []string) { c.SD = w })
	device("CEF", c.CEF, func(c *Condition, d *Device) { c.CEF = d })
	device("LEEF", c.LEEF, func(c *Condition, d *Device) { c.LEEF = d })
	add("message id", "", c.MessageID, func(c *Condition, w []string) { c.MessageID = w })
	add("program", "", c.Program, func(c *Condition, w []string) { c.Program = w })
	add("text", "", c.Text, func(c *Condition, w []string) { c.Text = w })
	add("header", "", c.Header, func(c *Condition, w []string) { c.Header = w })
	for _, name := range slices.Sorted(maps.Keys(c.Keys)) {
		add("key", name, c.Keys[name], func(c *Condition, w []string) { c.Keys = map[string][]string{name: w} })
	}
	for _, n := range slices.Sorted(maps.Keys(c.Columns)) {
		add("column", strconv.Itoa(n), c.Columns[n], func(c *Condition, w []string) { c.Columns = map[int][]string{n: w} })
	}
	for _, n := range slices.Sorted(maps.Keys(c.Words)) {
		add("word", strconv.Itoa(n), c.Words[n], func(c *Condition, w []string) { c.Words = map[int][]string{n: w} })
	}
	for _, name := range slices.Sorted(maps.Keys(c.JSON)) {
		add("JSON key", name, c.JSON[name], func(c *Condition, w []string) { c.JSON = map[string][]string{name: w} })
	}
	within := c.Within
	add("contains", "", c.Contains, func(c *Condition, w []string) { c.Contains, c.Within = w, within })
	add("host", "", c.Host, func(c *Condition, w []string) { c.Host = w })
	networks := make([]string, len(c.Sender))
	for i, network := range c.Sender {
		networks[i] = network.String()
	}
	add("sender", "", networks, func(one *Condition, _ []string) { one.Sender = c.Sender })
	add("level", "", c.Level, func(c *Condition, w []string) { c.Level = w })
	add("facility", "", c.Facility, func(c *Condition, w []string) { c.Facility = w })
	add("role", "", c.Role, func(c *Condition, w []string) { c.Role = w })
	add("class", "", c.Class, func(c *Condition, w []string) { c.Class = w })
	if c.Regex != "" {
		add("regex", "", []string{c.Regex}, func(c *Condition, w []string) { c.Regex = w[0] })
	}
	if len(c.Any) != 0 {
		add("any", "", []string{Either(c.Any)}, func(one *Condition, _ []string) { one.Any = c.Any })
	}
	if len(c.Not) != 0 {
		add("not", "", []string{Either(c.Not)}, func(one *Condition, _ []string) { one.Not = c.Not })
	}
	return all
}

// Finds reports whether messages are found by the piece: it has a word that is not "*" of
// what has an index.
func (p *Piece) Finds() bool {
	switch p.Kind {
	case "SD-ID", "CEF vendor", "LEEF vendor", "message id", "program", "text":
		return !slices.Contains(p.Words, "*")
	}
	return false
}

// Each returns a piece for each of the words.
func (p *Piece) Each() []Piece {
	all := make([]Piece, len(p.Words))
	for i := range p.Words {
		all[i] = *p
		all[i].Words = p.Words[i : i+1]
		p.with(&all[i].Condition, all[i].Words)
	}
	return all
}

// String says a piece in words: "key type=traffic".
func (p *Piece) String() string {
	text := p.Kind + " "
	switch {
	case p.Kind == "any":
		return "(" + p.Words[0] + ")"
	case p.Kind == "not":
		return "not (" + p.Words[0] + ")"
	case p.Kind == "text", p.Kind == "regex":
		text += or(p.Words, strconv.Quote)
	case p.Kind == "contains":
		text = fmt.Sprintf("%s in the first %d bytes", or(p.Words, strconv.Quote), p.Within)
	case p.Of == "":
		text += or(p.Words, plain)
	case slices.Contains(p.Words, "*"):
		text += p.Of
	default:
		text += p.Of + "=" + or(p.Words, plain)
	}
	if p.IgnoreCase {
		text += " in any case"
	}
	return text
}

// String says a condition in words: `program tmm*, and "SSL" in the first 256 bytes`.
func (c *Condition) String() string {
	pieces := c.Pieces()
	all := make([]string, len(pieces))
	for i := range pieces {
		all[i] = pieces[i].String()
	}
	text := strings.Join(all, ", and ")
	if c.Profile != "" {
		text += " (profile " + c.Profile + " only)"
	}
	return text
}

// Either says a list of conditions of which one must hold.
func Either(list []Condition) string {
	all := make([]string, len(list))
	for i := range list {
		all[i] = list[i].String()
	}
	return strings.Join(all, "; or ")
}

// plain writes a word, in quotes where it would not be seen where it ends.
func plain(word string) string {
	if strings.ContainsAny(word, " ,;()\"") {
		return strconv.Quote(word)
	}
	return word
}

// or says words of which one must be there.
func or(words []string, write func(string) string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = write(w)
	}
	last := len(all) - 1
	if last > 0 {
		return strings.Join(all[:last], ", ") + " or " + all[last]
	}
	return strings.Join(all, "")
}

// Finders returns the conditions by which messages of the pack are found: those of match, or
// of the classes that it adds to a family.
func (p *Pack) Finders() []*Condition {
	var all []*Condition
	for _, f := range p.finders() {
		all = append(all, f.Condition)
	}
	return all
}

// Generic reports whether the pack is for CEF or LEEF of every vendor.
func (p *Pack) Generic() bool {
	for _, f := range p.Finders() {
		for _, piece := range f.Pieces() {
			switch piece.Kind {
			case "CEF", "LEEF", "CEF vendor", "LEEF vendor":
				return !piece.Finds()
			}
		}
	}
	return false
}

// MatchedBy says in few words by what messages of the pack are found: "text, key".
func (p *Pack) MatchedBy() string {
	var kinds []string
	for _, f := range p.Finders() {
		for _, piece := range f.Pieces() {
			if !slices.Contains(kinds, piece.Kind) {
				kinds = append(kinds, piece.Kind)
			}
		}
	}
	return strings.Join(kinds, ", ")
}

// String says where a value is.
func (v *Value) String() string {
	var text string
	switch {
	case v.Key != "":
		text = "key " + v.Key
	case v.Column != 0:
		text = "column " + strconv.Itoa(v.Column)
	case v.Word != 0:
		text = "word " + strconv.Itoa(v.Word)
	case v.JSON != "":
		text = "JSON key " + v.JSON
	case v.CEF != "":
		text = "CEF key " + v.CEF
	case v.LEEF != "":
		text = "LEEF attribute " + v.LEEF
	case v.SD != "":
		text = "structured data " + v.SD
	case v.Program:
		text = "program"
	case v.Header:
		text = "header"
	case v.Sender:
		text = "sender's address"
	default:
		text = strconv.Quote(v.Text)
	}
	if v.After != "" {
		text += " behind " + strconv.Quote(v.After)
	}
	if v.Before != "" {
		text += " up to " + strconv.Quote(v.Before)
	}
	return text
}

// String says where a time is, and its form.
func (t *TimeRule) String() string {
	all := make([]string, len(t.Values))
	for i := range t.Values {
		all[i] = t.Values[i].String()
	}
	return strings.Join(all, " and ") + " as " + t.As
}
