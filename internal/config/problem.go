package config

import (
	"errors"
	"fmt"
	"strings"

	"syslog-gateway/internal/suggest"
)

// keyPath is a key of the configuration.
type keyPath struct {
	// names is the path as the user wrote it. Names may contain dots (10.1.0.0/16),
	// so the path is a list.
	names []string
	// pattern is the path of the row in the table: names that users choose are "*".
	pattern string
}

// key returns the path of a fixed key below p.
func (p keyPath) key(name string) keyPath { return p.below(name, name) }

// entry returns the path of a name that the user chose.
func (p keyPath) entry(name string) keyPath { return p.below(name, "*") }

// item returns the path of an entry of a map that has one row for all entries.
func (p keyPath) item(name string) keyPath {
	return keyPath{names: append(p.names[:len(p.names):len(p.names)], name), pattern: p.pattern}
}

func (p keyPath) below(name, pattern string) keyPath {
	if p.pattern != "" {
		pattern = p.pattern + "." + pattern
	}
	return keyPath{names: append(p.names[:len(p.names):len(p.names)], name), pattern: pattern}
}

// at returns the path of names.
func at(names ...string) keyPath {
	var p keyPath
	for i, name := range names {
		if i == 1 && names[0] == "sources" {
			p = p.entry(name)
			continue
		}
		p = p.key(name)
	}
	return p
}

func (p keyPath) String() string { return strings.Join(p.names, ".") }

// problem is one error in a configuration.
type problem struct {
	where string // file and line, variable or flag; empty if unknown
	key   keyPath
	text  string // what is wrong and how to correct it
}

func (p problem) Error() string {
	s := p.text
	if key := p.key.String(); key != "" {
		s = key + ": " + s
	}
	if p.where != "" {
		s = p.where + ": " + s
	}
	return s
}

// problems collects all errors, to report them at once.
type problems []problem

func (ps *problems) add(p keyPath, format string, args ...any) {
	*ps = append(*ps, problem{key: p, text: fmt.Sprintf(format, args...)})
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
func (ps problems) about(p keyPath) bool {
	for _, have := range ps {
		if have.key.String() == p.String() {
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
