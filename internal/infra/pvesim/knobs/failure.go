package knobs

import (
	"cmp"
	"errors"
	"strings"
	"sync"
	"time"

	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/task"
)

// Failure says what goes wrong with which requests. Method and Path choose them: Path
// is below /api2/json, * stands for one element, ** at the end for any rest; an empty
// Method stands for all.
type Failure struct {
	Method string
	Path   string
	Nth    int // begins with the nth such request, counted from 1; 0 is 1
	Times  int // how often; 0 is once, -1 always

	// The answer: Status with Reason, or a connection cut without one. After does
	// the work first, so that the outcome is unknown to the client. 59x are answered without body.
	// net/http's client repeats a GET by itself when a connection that it used before is cut: use Times -1.
	Status int
	Reason string
	Drop   bool
	After  bool

	// The task that the request starts fails with TaskError, dies (`unexpected
	// status`) half-way, or ends with that many warnings. After a death the partial work stays: a guest
	// that was being created stays locked.
	TaskError    string
	TaskDies     bool
	TaskWarnings int
	TaskDelay    time.Duration // instead of Options.TaskDelay
	// StaysDown leaves a container stopped that is to be started with its creation, as one
	// does whose start fails: the creation succeeds nevertheless.
	StaysDown bool
}

// failure is an injected failure with its counts. Its zero value is none.
type failure struct {
	Failure
	seen, used int
}

// Failures are the injected failures: they are tried in the order in which they were added,
// and the first that applies is used. It is safe for concurrent use.
type Failures struct {
	mu  sync.Mutex
	all []*failure
}

// Add injects a failure.
func (fs *Failures) Add(f Failure) {
	f.Nth = cmp.Or(f.Nth, 1)
	f.Times = cmp.Or(f.Times, 1)
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.all = append(fs.all, &failure{Failure: f})
}

// Clear takes all injected failures away.
func (fs *Failures) Clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.all = nil
}

// Pick returns what goes wrong with a request: the zero Failure when nothing does.
func (fs *Failures) Pick(method, path string) Failure {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	picked := &failure{}
	for _, f := range fs.all {
		if f.Method != "" && f.Method != method || !matches(f.Path, path) {
			continue
		}
		f.seen++
		if picked.used == 0 && f.seen >= f.Nth && (f.Times < 0 || f.used < f.Times) {
			f.used++
			picked = f
		}
	}
	return picked.Failure
}

// matches reports whether a path is one of a pattern: * stands for one element, ** at the
// end for any rest.
func matches(pattern, path string) bool {
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

// answer is the error that the request is answered with; nil for none.
func (f Failure) answer() error {
	if f.Drop {
		return ErrDropped
	}
	if f.Status == 0 {
		return nil
	}
	reason := cmp.Or(f.Reason, defaultReason(f.Status))
	return &refusal.Error{Status: f.Status, Reason: reason, Bare: f.Status >= 595}
}

// ErrDropped means that the connection ends without an answer.
var ErrDropped = errors.New("connection cut")

// defaultReason is AnyEvent::HTTP's and Proxmox VE's words for a status.
func defaultReason(status int) string {
	return map[int]string{
		401: "Authentication failed!", 403: "Permission check failed", 500: "got timeout", 501: "not implemented", 503: "Service Unavailable",
		595: "Connection refused", 596: "Connection timed out", 597: "Broken pipe", 598: "aborted", 599: "Too many redirections",
	}[status]
}

// Before is the error of a request that is not even handled.
func (f Failure) Before() error {
	if f.After {
		return nil
	}
	return f.answer()
}

// Instead is the error that a request is answered with after its work.
func (f Failure) Instead() error {
	if !f.After {
		return nil
	}
	return f.answer()
}

// Spoil makes a task that the request has started go wrong.
func (f Failure) Spoil(t *task.Task) {
	t.Faults = task.Faults{Error: f.TaskError, Dies: f.TaskDies, Warnings: f.TaskWarnings, StaysDown: f.StaysDown}
	if f.TaskDelay > 0 {
		t.Due = t.Begin.Add(f.TaskDelay)
	}
}
