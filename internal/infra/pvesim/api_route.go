package pvesim

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
)

// route is one method of one path.
type route struct {
	method  string
	path    string // with {names}; {name...} takes the rest
	groups  []string
	params  string
	without []string
	check   permission
	handle  func(*call) (any, error)

	elements []string
	schema   *schema
}

// call is one request on its way through a handler. It runs under the Sim's lock.
type call struct {
	*Sim
	route  *route
	params map[string]string
	user   *identity
	node   *node
}

func (c *call) str(k string) string { return c.params[k] }
func (c *call) bool(k string) bool  { return c.params[k] == "1" }
func (c *call) has(k string) bool   { _, ok := c.params[k]; return ok }
func (c *call) int(k string) int    { n, _ := strconv.Atoi(c.params[k]); return n }
func (c *call) vmid() int           { return c.int("vmid") }

// api is what all simulators share: tables and routes, never changed once built.
type api struct {
	tables *tables
	routes []*route
}

var builtAPI = sync.OnceValues(func() (*api, error) {
	t, err := newTables()
	if err != nil {
		return nil, err
	}
	routes, err := buildRoutes(t)
	return &api{t, routes}, err
})

// buildRoutes collects every endpoint served.
func buildRoutes(t *tables) ([]*route, error) {
	var all []*route
	for _, part := range [][]*route{
		accessRoutes(), clusterRoutes(), nodeRoutes(), taskRoutes(), storageRoutes(), storageConfigRoutes(), poolRoutes(),
		lxcRoutes(), qemuRoutes(), guestRoutes("lxc"), guestRoutes("qemu"), firewallRoutes(), acmeRoutes(),
	} {
		all = append(all, part...)
	}
	for _, r := range all {
		r.elements = strings.Split(strings.TrimPrefix(r.path, "/"), "/")
		sc, err := t.merged(r.groups, r.params, r.without...)
		if err != nil {
			return nil, fmt.Errorf("pvesim: %s %s: %w", r.method, r.path, err)
		}
		for _, e := range r.elements { // what the path names is never missing
			if name, ok := strings.CutPrefix(e, "{"); ok {
				name = strings.TrimSuffix(strings.TrimSuffix(name, "}"), "...")
				if sc.props[name] == nil {
					sc.props[name] = &prop{name: name, kind: "str", required: true}
				}
			}
		}
		r.schema = sc
	}
	return all, nil
}

// match returns the names a path gives, or nil.
func (r *route) match(method string, elements []string) map[string]string {
	if r.method != method {
		return nil
	}
	names := map[string]string{}
	for i, e := range r.elements {
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
	if len(elements) != len(r.elements) {
		return nil
	}
	return names
}

func (s *Sim) find(method, path string) (*route, map[string]string) {
	elements, err := segments(path)
	if err != nil {
		return nil, nil
	}
	for _, r := range s.routes {
		if names := r.match(method, elements); names != nil {
			return r, names
		}
	}
	return nil, nil
}

// answer takes a request through login, route, rights, node and parameters, in the
// order of the real server, and then to its handler.
func (s *Sim) answer(in *incoming) (data any, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	rec := s.record(in)
	f := s.pickFailure(in.method, in.path)
	defer func() {
		data, err = f.after(data, err)
		s.journal[rec].finish(err)
		s.log.Info("request", "method", in.method, "path", in.path, "status", s.journal[rec].Status, "reason", s.journal[rec].Reason)
	}()
	if err := f.before(); err != nil {
		return nil, err
	}
	c, err := s.newCall(in, &s.journal[rec])
	if err != nil {
		return nil, err
	}
	if errs := s.tables.check(c.route.schema, c.params, ""); len(errs) > 0 {
		err = badParams(errs)
	}
	if err := s.compare(c, err, s.journal[rec]); err != nil {
		return nil, err
	}
	data, err = c.withFailure(f)
	s.journal[rec].Done = err == nil
	return data, err
}

func (s *Sim) newCall(in *incoming, rec *Request) (*call, error) {
	user, err := s.login(in)
	if err != nil {
		return nil, err
	}
	if user != nil {
		rec.User = user.name()
	}
	r, names := s.find(in.method, in.path)
	if r == nil {
		return nil, &apiError{status: 501, reason: fmt.Sprintf("Method '%s %s' not implemented", in.method, in.path)}
	}
	c := &call{Sim: s, route: r, params: maps.Clone(in.params), user: user}
	maps.Copy(c.params, names)
	rec.Params = maps.Clone(c.params)
	if r.check != nil {
		if err := r.check(c); err != nil {
			return nil, err
		}
	}
	if name, ok := names["node"]; ok {
		if c.node, err = s.reach(name); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// reach finds the node that a request is proxied to.
func (s *Sim) reach(name string) (*node, error) {
	n, ok := s.nodes[name]
	if name == "localhost" {
		n, ok = s.nodes[s.opt.Nodes[0]], true
	}
	switch {
	case checkFormat("node", name) != "":
		return nil, badParam("node", "invalid format - %s\n", checkFormat("node", name))
	case !ok:
		return nil, fail("hostname lookup '%s' failed - failed to get address info for: %s: Name or service not known", name, name)
	case !n.online:
		return nil, &apiError{status: 595, reason: "No route to host", bare: true}
	}
	return n, nil
}
