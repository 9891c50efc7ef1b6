package api

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"syslog-gateway/internal/infra/pvesim/knobs"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
)

// Options are what a [Server] joins.
type Options struct {
	Cluster  *store.Cluster
	Forms    *Forms
	Routes   []*Route
	Failures *knobs.Failures
	Journal  *knobs.Journal
	Official *schema.Official // what it refuses is refused as well; optional
	Logger   *slog.Logger     // one line a request
}

// Server answers requests below /api2/json and /api2/extjs.
type Server struct {
	o          Options
	mismatches []error // within Cluster.Do
}

// NewServer makes the handler of a cluster.
func NewServer(o Options) *Server {
	for _, r := range o.Routes {
		r.form = o.Forms.byName[r.String()]
	}
	return &Server{o: o}
}

// Mismatches returns what the official schema said otherwise than the own tables did.
func (s *Server) Mismatches() (err error) {
	s.o.Cluster.Do(func() { err = errors.Join(s.mismatches...) })
	return err
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in, err := decode(r)
	var data any
	if err == nil {
		s.o.Cluster.Do(func() { data, err = s.answer(in) })
	}
	if errors.Is(err, knobs.ErrDropped) {
		cut(w)
		return
	}
	write(w, in, data, err)
}

// answer handles a request, lets its failure have its way, and keeps it in the journal.
func (s *Server) answer(in *incoming) (any, error) {
	s.o.Cluster.Advance()
	rec := knobs.Request{Time: s.o.Cluster.Now(), Method: in.method, Path: in.path, Body: in.body, Params: in.params}
	f := s.o.Failures.Pick(in.method, in.path)
	data, err := s.handle(in, f, &rec)
	if failed := f.Instead(); failed != nil {
		data, err = nil, failed
	}
	rec = s.o.Journal.Add(rec, err)
	s.o.Logger.Info("request", "method", in.method, "path", in.path, "status", rec.Status, "reason", rec.Reason)
	return data, err
}

// handle takes a request through login, route, rights, node and parameters, in the
// order of the real server, and then to its handler.
func (s *Server) handle(in *incoming, f knobs.Failure, rec *knobs.Request) (any, error) {
	if err := f.Before(); err != nil {
		return nil, err
	}
	c, err := s.newCall(in, rec)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(c.Params, func(k, v string) bool { return v == "" && slices.Contains(c.route.Unset, k) })
	c.route.form.params.Join(c.Params)
	if errs := s.o.Forms.tables.Check(c.route.form.params, c.Params, ""); len(errs) > 0 {
		err = refusal.BadParams(errs)
	}
	if err := s.compare(c, err, *rec); err != nil {
		return nil, err
	}
	data, err := c.route.Handle(c)
	if c.started != nil {
		f.Spoil(c.started)
		s.o.Cluster.Advance()
	}
	rec.Done = err == nil
	return data, err
}

func (s *Server) newCall(in *incoming, rec *knobs.Request) (*Call, error) {
	c := &Call{tasks: s.o.Cluster.Tasks, Upload: in.upload}
	var err error
	if in.method != "POST" || in.path != "/access/ticket" { // which needs no login
		if c.User, err = s.o.Cluster.Access.Identify(in.req); err != nil {
			return nil, err
		}
		rec.User = c.User.Name()
	}
	var names map[string]string
	if c.route, names = s.find(in.method, in.path); c.route == nil {
		return nil, &refusal.Error{Status: 501, Reason: fmt.Sprintf("Method '%s %s' not implemented", in.method, in.path)}
	}
	c.Params = maps.Clone(in.params)
	maps.Copy(c.Params, names)
	rec.Params = maps.Clone(c.Params)
	if c.route.Check != nil {
		if err := c.route.Check(c); err != nil {
			return nil, err
		}
	}
	if name, ok := names["node"]; ok {
		c.Node, err = s.reach(name)
	}
	return c, err
}

func (s *Server) find(method, path string) (*Route, map[string]string) {
	elements, err := schema.Segments(path)
	if err != nil {
		return nil, nil
	}
	for _, r := range s.o.Routes {
		if names := r.match(method, elements); names != nil {
			return r, names
		}
	}
	return nil, nil
}

// reach finds the node that a request is proxied to.
func (s *Server) reach(name string) (*store.Node, error) {
	n := s.o.Cluster.Nodes.Get(name)
	if name == "localhost" {
		n = s.o.Cluster.Nodes.First()
	}
	wrong := schema.CheckFormat("node", name)
	switch {
	case wrong != "":
		return nil, refusal.BadParam("node", "invalid format - %s\n", wrong)
	case n == nil:
		return nil, refusal.Fail("hostname lookup '%s' failed - failed to get address info for: %s: Name or service not known", name, name)
	case !n.Online:
		return nil, &refusal.Error{Status: 595, Reason: "No route to host", Bare: true}
	}
	return n, nil
}

// compare holds a request against the official schema, when there is one. What only the
// schema refuses is refused as well.
func (s *Server) compare(c *Call, own error, rec knobs.Request) error {
	if s.o.Official == nil {
		return own
	}
	errs, err := s.o.Official.Errors(c.route.Method, rec.Path, c.Params)
	switch {
	case err != nil:
		s.mismatches = append(s.mismatches, err)
		return &refusal.Error{Status: 501, Reason: refusal.OneLine(err.Error())}
	case len(errs) > 0 && own == nil:
		s.mismatches = append(s.mismatches, fmt.Errorf("%s %s: only the schema refuses: %s", rec.Method, rec.Path, schema.Flat("", errs)))
		return refusal.BadParams(errs)
	case own != nil:
		s.mismatches = append(s.mismatches, onlyOurs(rec, own, errs)...)
	}
	return own
}

// onlyOurs lists what the own tables refuse and the schema, which knows neither
// named formats nor what the code checks, would have refused too if they were right.
func onlyOurs(rec knobs.Request, own error, errs map[string]string) []error {
	e, ok := errors.AsType[*refusal.Error](own)
	if !ok {
		return nil
	}
	var out []error
	for _, k := range slices.Sorted(maps.Keys(e.Params)) {
		if text := e.Params[k]; errs[k] == "" && (text == schema.UnknownParam || text == schema.MissingParam) {
			out = append(out, fmt.Errorf("%s %s: only the own tables refuse %s: %s", rec.Method, rec.Path, k, text))
		}
	}
	return out
}
