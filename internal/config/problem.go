package config

import (
	"errors"
	"fmt"
	"strings"
)

// place is a key of the configuration.
type place struct {
	// names lead to the key as the user wrote them. A name may hold dots
	// (10.1.0.0/16), so the path is kept in pieces.
	names []string
	// pattern is the key's row in the table: names that users choose are "*".
	pattern string
}

// key returns the place of a fixed key below p.
func (p place) key(name string) place { return p.below(name, name) }

// entry returns the place of a name that the user chose.
func (p place) entry(name string) place { return p.below(name, "*") }

// item returns the place of an entry of a key whose one row is for all entries.
func (p place) item(name string) place {
	return place{names: append(p.names[:len(p.names):len(p.names)], name), pattern: p.pattern}
}

func (p place) below(name, pattern string) place {
	if p.pattern != "" {
		pattern = p.pattern + "." + pattern
	}
	return place{names: append(p.names[:len(p.names):len(p.names)], name), pattern: pattern}
}

// at returns the place of a key that is written with dots.
func at(names ...string) place {
	var p place
	for i, name := range names {
		if i == 1 && names[0] == "sources" {
			p = p.entry(name)
			continue
		}
		p = p.key(name)
	}
	return p
}

func (p place) String() string { return strings.Join(p.names, ".") }

// problem is one thing that is wrong with a configuration.
type problem struct {
	where string // file and line, variable or flag; empty when not known
	place place
	text  string // what is wrong and what to do
}

func (p problem) Error() string {
	s := p.text
	if key := p.place.String(); key != "" {
		s = key + ": " + s
	}
	if p.where != "" {
		s = p.where + ": " + s
	}
	return s
}

// problems collects what is wrong, so that all of it is said at once.
type problems []problem

func (ps *problems) add(p place, format string, args ...any) {
	*ps = append(*ps, problem{place: p, text: fmt.Sprintf(format, args...)})
}

// err joins the problems; nil when there are none.
func (ps problems) err() error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// about tells whether there is a problem with this very key.
func (ps problems) about(p place) bool {
	for _, have := range ps {
		if have.place.String() == p.String() {
			return true
		}
	}
	return false
}

// maxHinted is the length of the longest name that a hint is looked for; no key
// is as long, and the search grows with the square.
const maxHinted = 64

// didYouMean returns a hint for a name that is not in known but close to one
// that is, ready to be appended to a message, or "".
func didYouMean(name string, known []string) string {
	best, limit := "", 1+len(name)/4
	if len(name) > maxHinted {
		return ""
	}
	for _, k := range known {
		if d := distance(fold(name), fold(k)); d <= limit {
			best, limit = k, d-1
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// fold makes names equal that differ in case and separator only.
func fold(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
}

// distance is the number of single-character edits between a and b, where
// swapping two neighbours is one edit (Damerau 1964, optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
