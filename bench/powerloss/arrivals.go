package powerloss

import (
	"bytes"
	"sync"
	"time"

	"syslog-gateway/bench/marker"
)

// arrivals are the messages that the endpoint has taken. It is safe for concurrent use.
type arrivals struct {
	mu      sync.Mutex
	first   map[int]time.Time
	last    map[int]time.Time
	cuts    []cut
	twice   int
	foreign int           // events that nobody sent
	oldest  time.Duration // how long before a cut what came again had been taken
	planned int           // came again although a planned stop lay between
}

// cut is when the power went, and when the gateway was started again; planned: after a
// planned stop.
type cut struct {
	at, until time.Time
	planned   bool
}

// before is how long before the cut that has taken it a message was sent: 0 for one that was
// sent to a gateway without power, or to one that was being stopped.
func (a *arrivals) before(sent time.Time) time.Duration {
	for _, c := range a.cuts {
		if !c.until.After(sent) {
			continue
		}
		if c.planned {
			return 0
		}
		return max(0, c.at.Sub(sent))
	}
	return 0
}

func newArrivals() *arrivals {
	return &arrivals{first: make(map[int]time.Time), last: make(map[int]time.Time)}
}

func (a *arrivals) take(line []byte) {
	m, _, ok := marker.Find(line)
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	seq := int(m.Seq)
	switch last, again := a.last[seq]; {
	case !ok || !bytes.Contains(line, []byte(begin)):
		a.foreign++
	case !again:
		a.first[seq], a.last[seq] = now, now
	default:
		a.twice++
		a.last[seq] = now
		for _, c := range a.cuts {
			if c.at.After(last) {
				a.oldest = max(a.oldest, c.at.Sub(last))
				if c.planned {
					a.planned++
				}
				break
			}
		}
	}
}

func (a *arrivals) cut(at time.Time, planned bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cuts = append(a.cuts, cut{at: at, planned: planned})
}

// started says that the gateway is started.
func (a *arrivals) started() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.cuts); n > 0 {
		a.cuts[n-1].until = time.Now()
	}
}

func (a *arrivals) has(seq int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.first[seq]
	return ok
}
