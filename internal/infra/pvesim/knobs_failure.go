package pvesim

import (
	"net/http"
	"strings"
	"time"
)

// Failure says what goes wrong with which requests. Method and Path choose them: Path
// is below /api2/json, * stands for one element, ** at the end for any rest; an empty
// Method stands for all.
type Failure struct {
	Method string
	Path   string
	Nth    int // begins with the nth such request, counted from 1; 0 is 1
	Times  int // how often; 0 is once, -1 for ever

	// The answer: Status with Reason, or a connection cut without one. After does
	// the work first, so that the outcome is unknown to the client. 59x are answered without body.
	// net/http's client repeats a GET by itself when a connection that it used before is cut: Times -1 beats it.
	Status int
	Reason string
	Drop   bool
	After  bool

	// The task that the request starts fails with TaskError, dies (`unexpected
	// status`) half-way, or ends with that many warnings. A death leaves what the work has left behind till
	// then: a guest in the making stays locked.
	TaskError    string
	TaskDies     bool
	TaskWarnings int
	TaskDelay    time.Duration // instead of Options.TaskDelay
	// StaysDown leaves a container stopped that is to be started with its creation, as one
	// does whose start fails: the creation is done all the same.
	StaysDown bool
}

type failure struct {
	Failure
	seen, used int
}

// Fail injects a failure. Failures are tried in the order of the calls; the first that
// applies is used.
func (s *Sim) Fail(f Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Nth == 0 {
		f.Nth = 1
	}
	if f.Times == 0 {
		f.Times = 1
	}
	s.failures = append(s.failures, &failure{Failure: f})
}

// ClearFailures takes all injected failures away.
func (s *Sim) ClearFailures() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = nil
}

// pickFailure returns what goes wrong with this request; never nil, the zero failure
// being none.
func (s *Sim) pickFailure(method, path string) *failure {
	picked := &failure{}
	for _, f := range s.failures {
		if f.Method != "" && f.Method != method || !globPath(f.Path, path) {
			continue
		}
		f.seen++
		if picked.used == 0 && f.seen >= f.Nth && (f.Times < 0 || f.used < f.Times) {
			f.used++
			picked = f
		}
	}
	return picked
}

func globPath(pattern, path string) bool {
	want := strings.Split(strings.Trim(pattern, "/"), "/")
	have := strings.Split(strings.Trim(path, "/"), "/")
	for i, e := range want {
		if e == "**" && i == len(want)-1 {
			return true
		}
		if i >= len(have) || e != "*" && e != have[i] {
			return false
		}
	}
	return len(want) == len(have)
}

func (f *failure) answer() error {
	if f.Drop {
		return &droppedError{}
	}
	if f.Status == 0 {
		return nil
	}
	reason := f.Reason
	if reason == "" {
		reason = defaultReasons[f.Status]
	}
	return &apiError{status: f.Status, reason: reason, bare: f.Status >= 595}
}

// defaultReasons are AnyEvent::HTTP's and Proxmox VE's words where a Failure has none.
var defaultReasons = map[int]string{
	401: "Authentication failed!", 403: "Permission check failed", 500: "got timeout", 501: "not implemented", 503: "Service Unavailable",
	595: "Connection refused", 596: "Connection timed out", 597: "Broken pipe", 598: "aborted", 599: "Too many redirections",
}

func (f *failure) before() error {
	if f.After {
		return nil
	}
	return f.answer()
}

func (f *failure) after(data any, err error) (any, error) {
	if f.After {
		if failed := f.answer(); failed != nil {
			return nil, failed
		}
	}
	return data, err
}

// withFailure runs the handler; the task it starts takes the failure along.
func (c *call) withFailure(f *failure) (any, error) {
	n := len(c.tasks)
	data, err := c.route.handle(c)
	if len(c.tasks) > n {
		t := c.tasks[len(c.tasks)-1]
		t.failError, t.dies, t.warnings, t.staysDown = f.TaskError, f.TaskDies, f.TaskWarnings, f.StaysDown
		if f.TaskDelay > 0 {
			t.due = t.begin.Add(f.TaskDelay)
		}
		c.advance()
	}
	return data, err
}

// droppedError is a connection that ends without an answer.
type droppedError struct{}

// Error implements error.
func (*droppedError) Error() string { return "connection cut" }

func (*droppedError) cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		w.WriteHeader(http.StatusBadGateway) // nothing to cut: a recorder of httptest
		return
	}
	_ = conn.Close()
}
