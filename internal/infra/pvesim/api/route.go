package api

import (
	"fmt"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/access"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// Route is one method of one path.
type Route struct {
	Method  string
	Path    string     // with {names}; {name...} takes the rest
	Groups  []string   // groups of parameters
	Params  string     // further ones, in the form of the tables
	Unset   []string   // those that count as not sent when they are empty; Terraform's provider sends such
	Without []string   // parameters of the groups that it does not have
	Check   Permission // optional
	Handle  func(*Call) (any, error)

	form form
}

// On is a handler that gets what find finds for the call.
func On[T any](find func(*Call) (T, error), handle func(*Call, T) (any, error)) func(*Call) (any, error) {
	return func(c *Call) (any, error) {
		found, err := find(c)
		if err != nil {
			return nil, err
		}
		return handle(c, found)
	}
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

// Call is one request on its way through a handler. It runs within [store.Cluster.Do].
type Call struct {
	Params map[string]string // of query, body and path
	User   *access.Identity  // nil before login
	Node   *store.Node       // of the path; nil when it names none
	Upload *Upload           // nil when no file came

	route   *Route
	tasks   *task.List
	started *task.Task // the last one
}

// Str is a parameter as its text; "" when it was not sent.
func (c *Call) Str(k string) string { return c.Params[k] }

// Bool is a parameter as a truth value.
func (c *Call) Bool(k string) bool { return c.Params[k] == "1" }

// Has reports whether a parameter was sent.
func (c *Call) Has(k string) bool { _, ok := c.Params[k]; return ok }

// Int is a parameter as a number.
func (c *Call) Int(k string) int { n, _ := strconv.Atoi(c.Params[k]); return n }

// VMID is the guest that the path or a parameter names.
func (c *Call) VMID() int { return c.Int("vmid") }

// Optional is a parameter, or nil when it was not sent.
func (c *Call) Optional(k string) *string {
	if v, ok := c.Params[k]; ok {
		return &v
	}
	return nil
}

// Start begins a task on the call's node.
func (c *Call) Start(kind, id string, work func(*task.Task) error) *task.Task {
	c.started = c.tasks.Start(c.Node.Name, c.User.Name(), kind, id, work)
	return c.started
}

// RequireVM is check_vm_perm: the right on the guest, or on the pool it is to join.
func (c *Call) RequireVM(vmid int, pool string, privs ...string) error {
	path := fmt.Sprintf("/vms/%d", vmid)
	for _, p := range privs {
		if pool != "" && c.User.Can("/pool/"+pool, p) {
			continue
		}
		if err := c.User.Require(path, p); err != nil {
			return err
		}
	}
	return nil
}

// expand puts the call's parameters for the {names} in a path.
func (c *Call) expand(path string) string {
	for k, v := range c.Params {
		path = strings.ReplaceAll(path, "{"+k+"}", v)
	}
	return path
}

// Permission decides whether a call may go on.
type Permission func(*Call) error

// Need wants every one of privs on path; {names} in path are the call's parameters.
func Need(path string, privs ...string) Permission {
	return func(c *Call) error { return c.User.Require(c.expand(path), privs...) }
}

// NeedAny wants one of privs on path.
func NeedAny(path string, privs ...string) Permission {
	return func(c *Call) error { return c.User.RequireAny(c.expand(path), privs...) }
}

// OnlyRoot wants root@pam itself.
func OnlyRoot(c *Call) error { return c.User.RequireRoot() }
