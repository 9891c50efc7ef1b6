package knobs

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"syslog-gateway/internal/infra/pvesim/refusal"
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

// Write reports whether the request asked for a change. Logging in is none.
func (r Request) Write() bool {
	return r.Method != "GET" && r.Method != "HEAD" && r.Path != "/access/ticket"
}

// finish records how the request was answered.
func (r *Request) finish(err error) {
	r.Status, r.Reason = 200, "OK"
	var e *refusal.Error
	switch {
	case err == nil:
	case errors.As(err, &e):
		r.Status, r.Reason = e.Status, refusal.OneLine(e.Reason)
	default:
		r.Status, r.Reason = 500, err.Error()
	}
}

// Journal is every request so far. It is safe for concurrent use.
type Journal struct {
	mu  sync.Mutex
	all []Request
}

// Add keeps a request with the error that it was answered with, and returns it
// completed.
func (j *Journal) Add(r Request, err error) Request {
	r.finish(err)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.all = append(j.all, r)
	return r
}

// All returns every request so far, in order of arrival.
func (j *Journal) All() []Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.all)
}

// Reset forgets the requests so far.
func (j *Journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.all = nil
}
