package api

import (
	"fmt"
	"strings"

	"syslog-gateway/internal/infra/pvesim/schema"
)

// Route is one method of one path.
type Route struct {
	Method  string
	Path    string     // with {names}; {name...} takes the rest
	Groups  []string   // groups of parameters
	Params  string     // further ones, in the form of the tables
	Without []string   // parameters of the groups that it does not have
	Check   Permission // optional
	Handle  func(*Call) (any, error)

	form form
}

// form is what is worked out of a route once.
type form struct {
	elements []string // of the path
	params   *schema.Params
}

// Forms are what is worked out of routes once, by method and path. They never change, so
// that all simulators share them.
type Forms struct {
	tables *schema.Tables
	byName map[string]form
}

// NewForms fails when a route has parameters that are no valid table.
func NewForms(t *schema.Tables, routes []*Route) (*Forms, error) {
	fs := &Forms{tables: t, byName: make(map[string]form, len(routes))}
	for _, r := range routes {
		f := form{elements: strings.Split(strings.TrimPrefix(r.Path, "/"), "/")}
		var err error
		if f.params, err = t.Merged(r.Groups, r.Params, r.Without...); err != nil {
			return nil, fmt.Errorf("pvesim: %s: %w", r, err)
		}
		for _, e := range f.elements { // what the path names is never missing
			if name, ok := strings.CutPrefix(e, "{"); ok {
				name = strings.TrimSuffix(strings.TrimSuffix(name, "}"), "...")
				if f.params.ByName[name] == nil {
					f.params.ByName[name] = &schema.Param{Name: name, Kind: "str", Required: true}
				}
			}
		}
		fs.byName[r.String()] = f
	}
	return fs, nil
}

// Tables are those that the forms were made of.
func (fs *Forms) Tables() *schema.Tables { return fs.tables }

// Of are the parameters that a route takes.
func (fs *Forms) Of(r *Route) *schema.Params { return fs.byName[r.String()].params }

// String is method and path.
func (r *Route) String() string { return r.Method + " " + r.Path }

// match returns the names that a path gives, or nil when it is not one of the route.
func (r *Route) match(method string, elements []string) map[string]string {
	if r.Method != method {
		return nil
	}
	names := map[string]string{}
	for i, e := range r.form.elements {
		if i >= len(elements) {
			return nil
		}
		name, isName := strings.CutPrefix(strings.TrimSuffix(e, "}"), "{")
		if rest, ok := strings.CutSuffix(name, "..."); ok {
			names[rest] = strings.Join(elements[i:], "/")
			return names
		}
		if !isName && e != elements[i] {
			return nil
		}
		if isName {
			names[name] = elements[i]
		}
	}
	if len(elements) != len(r.form.elements) {
		return nil
	}
	return names
}
