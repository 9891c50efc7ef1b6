package monitor

import (
	"sync"
	"time"
)

// Window is how much of a counter is of the last minutes. What was counted three weeks ago
// does not look like now in it.
type Window struct {
	FiveMin uint64 `json:"last_5_min"`
	Hour    uint64 `json:"last_hour"`
	Start   uint64 `json:"since_start"`
}

// counter names what is counted: its kind, and what it is of.
type counter struct{ kind, of, what, more string }

// Marks are taken so many readings apart, and so many of them are remembered: 5 minutes in
// steps of 5 s, an hour in steps of a minute. A window is up to one step too short.
const (
	fineStep   = 5
	coarseStep = 60
	marks      = 60
	// maxCounters is how many counters have windows; further ones have been counted before.
	maxCounters = 4096
)

// windows remembers what counters had counted.
type windows struct {
	every time.Duration // between two readings

	mu           sync.Mutex
	fine, coarse pace
	of           map[counter]*marked
}

// pace is when marks are taken.
type pace struct {
	newest time.Time
	taken  int
}

// marked are the marks of one counter. A counter that is not read keeps its last value.
type marked struct {
	last         uint64
	fine, coarse [marks]uint64
}

// due reports whether it is time for the next mark, and notes it.
func (p *pace) due(now time.Time, step time.Duration) bool {
	if p.taken != 0 && now.Sub(p.newest) < step {
		return false
	}
	p.newest = now
	p.taken++
	return true
}

// add takes marks when it is time for them. read calls its argument with each counter.
func (w *windows) add(now time.Time, read func(func(counter, uint64))) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fine, coarse := w.fine.due(now, fineStep*w.every), w.coarse.due(now, coarseStep*w.every)
	if !fine && !coarse {
		return
	}
	if w.of == nil {
		w.of = make(map[counter]*marked)
	}
	read(func(c counter, n uint64) {
		m := w.of[c]
		if m == nil {
			if n == 0 || len(w.of) >= maxCounters {
				return
			}
			m = new(marked)
			w.of[c] = m
		}
		m.last = n
	})
	for _, m := range w.of {
		if fine {
			m.fine[(w.fine.taken-1)%marks] = m.last
		}
		if coarse {
			m.coarse[(w.coarse.taken-1)%marks] = m.last
		}
	}
}

// window is how much of a counter, which is n now, is of the last minutes.
func (w *windows) window(c counter, n uint64) Window {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.of[c]
	if m == nil {
		if len(w.of) >= maxCounters {
			return Window{Start: n}
		}
		return Window{n, n, n} // it has counted from 0 on since the last mark
	}
	return Window{since(&m.fine, w.fine, n), since(&m.coarse, w.coarse, n), n}
}

// since is how much a counter has grown since the oldest of its marks. All begin with 0.
func since(ring *[marks]uint64, p pace, n uint64) uint64 {
	if p.taken < marks {
		return n
	}
	before := ring[p.taken%marks]
	return max(n, before) - before
}
