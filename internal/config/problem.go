package config

import (
	"errors"
	"fmt"
	"strings"

	"syslog-gateway/internal/suggest"
)

// place is a key of the configuration.
type place struct {
	// names is the path as the user wrote it. Names may contain dots (10.1.0.0/16),
	// so the path is a list.
	names []string
	// pattern is the path of the row in the table: names that users choose are "*".
	pattern string
}

// key returns the place of a fixed key below p.
func (p place) key(name string) place { return p.below(name, name) }

// entry returns the place of a name that the user chose.
func (p place) entry(name string) place { return p.below(name, "*") }

// item returns the place of an entry of a map that has one row for all entries.
func (p place) item(name string) place {
	return place{names: append(p.names[:len(p.names):len(p.names)], name), pattern: p.pattern}
}

func (p place) below(name, pattern string) place {
	if p.pattern != "" {
		pattern = p.pattern + "." + pattern
	}
	return place{names: append(p.names[:len(p.names):len(p.names)], name), pattern: pattern}
}

// at returns the place at a path of names.
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

// problem is one error in a configuration.
type problem struct {
	where string // file and line, variable or flag; empty if unknown
	place place
	text  string // what is wrong and how to correct it
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

// problems collects all errors, to report them at once.
type problems []problem

func (ps *problems) add(p place, format string, args ...any) {
	*ps = append(*ps, problem{place: p, text: fmt.Sprintf(format, args...)})
}

// err joins the problems; nil if there are none.
func (ps problems) err() error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// about reports whether there is a problem with this key.
func (ps problems) about(p place) bool {
	for _, have := range ps {
		if have.place.String() == p.String() {
			return true
		}
	}
	return false
}

// didYouMean returns "; did you mean X?" for a known name that is similar, or "".
func didYouMean(name string, known []string) string {
	best := suggest.Nearest(name, known)
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}
