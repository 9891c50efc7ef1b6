// Package throttle keeps a log readable: of many equal lines it lets a few through.
package throttle

import (
	"sync"
	"time"
)

// Throttle lets Burst lines through in each period and counts the others. Its zero value
// lets the first line through. It is safe for concurrent use.
type Throttle struct {
	// Burst is how many lines pass in a period; 0 means 1.
	Burst int

	mu         sync.Mutex
	next       time.Time // end of the period
	passed     int       // in the period
	suppressed int
	raised     bool
}

// Ready reports whether to log now: at most Burst lines in the period every, which begins
// with the first of them. suppressed is how many lines were not logged in the period before.
func (t *Throttle) Ready(now time.Time, every time.Duration) (suppressed int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.next) {
		if t.passed < t.Burst {
			t.passed++
			return 0, true
		}
		t.suppressed++
		return 0, false
	}
	suppressed, t.suppressed = t.suppressed, 0
	t.next, t.passed, t.raised = now.Add(every), 1, true
	return suppressed, true
}

// Raised reports whether a line was let through since the last call of Raised: there is
// an end to be logged.
func (t *Throttle) Raised() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.raised
	t.raised = false
	return was
}
