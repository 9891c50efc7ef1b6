// Package throttle keeps a log readable: of many equal lines it lets one through.
package throttle

import (
	"sync"
	"time"
)

// Throttle lets one line through in each period and counts the others. Its zero value
// lets the first line through. It is safe for concurrent use.
type Throttle struct {
	mu     sync.Mutex
	next   time.Time
	held   int
	raised bool
}

// Ready reports whether to log now: at most one line in the period every. held is how
// many lines were held back since the last one.
func (t *Throttle) Ready(now time.Time, every time.Duration) (held int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.next) {
		t.held++
		return 0, false
	}
	held, t.held = t.held, 0
	t.next, t.raised = now.Add(every), true
	return held, true
}

// Raised reports whether a line was let through since the last call of Raised: there is
// an end to be told of.
func (t *Throttle) Raised() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.raised
	t.raised = false
	return was
}
