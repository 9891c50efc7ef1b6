package pvesim

import (
	"fmt"
	"time"
)

// Request is a request as it came, and how it was answered. Params holds secrets as
// they were sent; String leaves the values out.
type Request struct {
	Time   time.Time
	Method string
	Path   string            // below /api2/json, still escaped
	Body   string            // as sent
	Params map[string]string // query, body and path together
	User   string            // "" before login
	Status int
	Reason string
	Done   bool // the work was done, or its task begun, whatever was answered
}

// String returns method, path and answer.
func (r Request) String() string {
	return fmt.Sprintf("%s %s: %d %s", r.Method, r.Path, r.Status, r.Reason)
}

// Write says whether the request asked for a change. Logging in is none.
func (r Request) Write() bool {
	return r.Method != "GET" && r.Method != "HEAD" && r.Path != "/access/ticket"
}

func (s *Sim) record(in *incoming) int {
	s.journal = append(s.journal, Request{Time: s.opt.Now(), Method: in.method, Path: in.path, Body: in.body, Params: in.params})
	return len(s.journal) - 1
}

func (r *Request) finish(err error) {
	r.Status, r.Reason = 200, "OK"
	switch e := err.(type) {
	case nil:
	case *apiError:
		r.Status, r.Reason = e.status, oneLine(e.reason)
	default:
		r.Status, r.Reason = 500, err.Error()
	}
}

// Journal returns every request so far, in order of arrival.
func (s *Sim) Journal() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.journal...)
}

// Writes returns the requests that asked for a change, answered well or not.
func (s *Sim) Writes() []Request {
	var out []Request
	for _, r := range s.Journal() {
		if r.Write() {
			out = append(out, r)
		}
	}
	return out
}

// ResetJournal forgets the requests so far.
func (s *Sim) ResetJournal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal = nil
}
