// Package packwhy says why a message belongs to a pack and not to another: which condition
// decided, which came near, and which pack takes the lines of another pack's tests.
//
// What conditions mean belongs in package matcher, what they are in words in package pack.
package packwhy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/packtest"
)

// Asker asks packs about one message, in one profile.
type Asker struct {
	Profile string
	// Views are the message as packs see it, see dialect.Parser.Views.
	Views []matcher.Line
}

// holds reports whether a condition holds in one of the views.
func (a *Asker) holds(p *pack.Pack, c *pack.Condition, profile string) bool {
	return slices.ContainsFunc(a.Views, func(l matcher.Line) bool { return matcher.Holds(p, c, profile, &l) })
}

// By returns the condition of a list that holds: with the words that the message has. It is
// nil if none does.
func (a *Asker) By(p *pack.Pack, list []*pack.Condition) *Reason {
	for _, c := range list {
		if !a.holds(p, c, a.Profile) {
			continue
		}
		r := &Reason{Pos: c.Pos}
		for _, piece := range c.Pieces() {
			r.have = append(r.have, a.found(p, &piece))
		}
		return r
	}
	return nil
}

// Class returns by what a message has a class of a pack; nil for the last class, which takes
// what the others leave.
func (a *Asker) Class(p *pack.Pack, name string) *Reason {
	for i := range p.Classes {
		if c := &p.Classes[i]; p.Name+"_"+c.Name == name {
			return a.By(p, pointers(c.When))
		}
	}
	return nil
}

func pointers(list []pack.Condition) []*pack.Condition {
	all := make([]*pack.Condition, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	return all
}

// found returns a piece with only that of its words which the message has.
func (a *Asker) found(p *pack.Pack, piece *pack.Piece) pack.Piece {
	for _, one := range piece.Each() {
		if a.holds(p, &one.Condition, a.Profile) {
			return one
		}
	}
	return *piece
}

// Reason is a condition that holds.
type Reason struct {
	pack.Pos
	have []pack.Piece
}

// String returns the words that decided: `text "date=", and key devid`.
func (r *Reason) String() string { return words(r.have) }

// Word returns the first word that decided, as the pack has it.
func (r *Reason) Word() string {
	if len(r.have) == 0 {
		return ""
	}
	return r.have[0].Words[0]
}

func words(pieces []pack.Piece) string {
	all := make([]string, len(pieces))
	for i := range pieces {
		all[i] = pieces[i].String()
	}
	return strings.Join(all, ", and ")
}

// Near is a condition by which messages are found and that does not have this one: a word of
// it is there, another is not.
type Near struct {
	pack.Pos
	Pack *pack.Pack
	// Have is what the message has, Why why the pack does not have the message.
	Have, Why string
	distance  int
}

// Near returns the conditions of packs that came near, the nearest first. taken is the pack
// that has the message, or empty.
func (a *Asker) Near(packs []*pack.Pack, taken string) []Near {
	var all []Near
	for _, p := range packs {
		if p.Name == taken {
			continue
		}
		var best *Near
		for _, c := range p.Finders() {
			if n := a.near(p, c); n != nil && (best == nil || n.distance < best.distance) {
				best = n
			}
		}
		if best != nil {
			all = append(all, *best)
		}
	}
	slices.SortStableFunc(all, func(x, y Near) int { return cmp.Compare(x.distance, y.distance) })
	return all
}

// near compares one condition with the message, as in its own profile.
func (a *Asker) near(p *pack.Pack, c *pack.Condition) *Near {
	profile := cmp.Or(c.Profile, a.Profile)
	var have, lack []pack.Piece
	anchored := false
	for _, piece := range c.Pieces() {
		if !a.holds(p, &piece.Condition, profile) {
			if piece.Finds() && !anchored && !a.cased(p, &piece) {
				return nil
			}
			lack = append(lack, piece)
			anchored = anchored || piece.Finds()
			continue
		}
		anchored = anchored || piece.Finds() || piece.Kind == "any"
		have = append(have, (&Asker{profile, a.Views}).found(p, &piece))
	}
	if !anchored {
		return nil
	}
	n := &Near{Pos: c.Pos, Pack: p, Have: words(have), distance: len(lack)}
	switch {
	case len(lack) != 0 && lack[0].Finds() && a.cased(p, &lack[0]):
		n.Why = "not " + words(lack) + " in this case of letters"
	case len(lack) != 0:
		n.Why = "not " + strings.Join(texts(lack), ", not ")
	case profile != a.Profile:
		n.Why = "profile " + profile + " only"
	default:
		for i := range p.Not {
			if a.holds(p, &p.Not[i], a.Profile) {
				n.Why = "its not: has " + p.Not[i].String()
				return n
			}
		}
		n.Why = "it is asked later, or not on such a port"
	}
	return n
}

// cased reports whether a piece holds but for the case of letters.
func (a *Asker) cased(p *pack.Pack, piece *pack.Piece) bool {
	folded := piece.Condition
	folded.IgnoreCase = true
	return a.holds(p, &folded, a.Profile)
}

func texts(pieces []pack.Piece) []string {
	all := make([]string, len(pieces))
	for i := range pieces {
		all[i] = pieces[i].String()
	}
	return all
}

// String says what came near: `fortinet_fortigate: text "date=", but not key devid`.
func (n *Near) String() string {
	switch {
	case n.Have == "":
		return fmt.Sprintf("%s: %s", n.Pack.Name, n.Why)
	case strings.HasPrefix(n.Why, "profile "):
		return fmt.Sprintf("%s: %s (%s)", n.Pack.Name, n.Have, n.Why)
	}
	return fmt.Sprintf("%s: %s, but %s", n.Pack.Name, n.Have, n.Why)
}

// Report is what the tests of a set of packs found.
type Report struct {
	Tests  int
	Failed []packtest.Failure // without the thefts
	Thefts []Theft
}

// Theft is a line of a pack's test that a pack of the site takes.
type Theft struct {
	pack.Pos        // of the condition
	Word     string // of the condition
	By       string // the pack that takes the line
	From     *packtest.Failure
}

// String says which word takes which line.
func (t *Theft) String() string {
	return fmt.Sprintf("`%s` of %s takes the line %s test %d (%s)", t.Word, t.Pos, t.From.Pack.Name, t.From.Test, t.From.Pos)
}

// Test runs the tests of all packs of a set. A pack of the site that has the name of an
// embedded one takes its place, with its tests. What a site's pack says in replaces it may
// take.
func Test(site, embedded []pack.Pack) (*Report, error) {
	r, err := packtest.New(site, embedded)
	if err != nil {
		return nil, err
	}
	own := make(map[string]*pack.Pack, len(site))
	loaded := map[string]bool{packtest.None: true}
	for i := range site {
		own[site[i].Name] = &site[i]
		loaded[site[i].Name] = true
	}
	for i := range embedded {
		loaded[embedded[i].Name] = true
	}
	report := &Report{}
	test := func(p *pack.Pack) error {
		for _, f := range r.Test(p) {
			thief := own[f.Took]
			switch {
			case !loaded[f.Want]: // it is turned off
			case thief == nil || p.Name == thief.Name || f.Want == packtest.None && !p.Embedded:
				report.Failed = append(report.Failed, f)
			case f.Want == packtest.None, f.Want == thief.Name, slices.Contains(thief.Replaces, f.Want):
			default:
				t, err := theft(site, embedded, thief, f)
				if err != nil {
					return err
				}
				report.Thefts = append(report.Thefts, t)
			}
		}
		report.Tests += len(p.Tests)
		return nil
	}
	for i := range site {
		if err := test(&site[i]); err != nil {
			return nil, err
		}
	}
	for i := range embedded {
		if p := &embedded[i]; own[p.Name] == nil {
			if err := test(p); err != nil {
				return nil, err
			}
		}
	}
	return report, nil
}

// theft finds the word by which a pack takes the line of another pack's test.
func theft(site, embedded []pack.Pack, thief *pack.Pack, f packtest.Failure) (Theft, error) {
	set, err := matcher.Compile(site, embedded, matcher.Options{Profile: f.Profile})
	if err != nil {
		return Theft{}, err
	}
	parser, err := dialect.New(dialect.Auto, set)
	if err != nil {
		return Theft{}, err
	}
	t := &f.Pack.Tests[f.Test-1]
	a := Asker{f.Profile, parser.Views([]byte(t.Line), packtest.Sender(t))}
	out := Theft{Pos: thief.Pos, Word: thief.Name, By: thief.Name, From: &f}
	if by := a.By(thief, thief.Finders()); by != nil {
		out.Pos, out.Word = by.Pos, by.Word()
	}
	return out, nil
}
