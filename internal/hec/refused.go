package hec

import (
	"sync"
	"time"
)

const (
	// refusedFor is how long a refused index is not tried again. It is short: a person may
	// allow the index in the meantime.
	refusedFor = 10 * time.Second
	// refusedMost bounds how many are remembered.
	refusedMost = 256
)

// refusedIndexes remembers, across records, the indexes that HEC has refused for
// events of a source: finding them anew would cost each record several posts.
type refusedIndexes struct {
	mu    sync.Mutex
	until map[refusedIndex]time.Time
}

type refusedIndex struct{ source, index string }

// add remembers an index that was refused now. Beyond refusedMost it does not, which costs
// posts and no event.
func (r *refusedIndexes) add(source, index string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = make(map[refusedIndex]time.Time)
	}
	r.expire(now)
	if len(r.until) < refusedMost {
		r.until[refusedIndex{source, index}] = now.Add(refusedFor)
	}
}

// of returns the indexes refused for a source; nil when there are none. The map belongs to
// the caller.
func (r *refusedIndexes) of(source string, now time.Time) (bad map[string]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now)
	for k := range r.until {
		if k.source != source {
			continue
		}
		if bad == nil {
			bad = make(map[string]bool)
		}
		bad[k.index] = true
	}
	return bad
}

// forget forgets all, because token or endpoints have changed.
func (r *refusedIndexes) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.until)
}

// expire forgets those whose time is over; the caller holds the mutex.
func (r *refusedIndexes) expire(now time.Time) {
	for k, until := range r.until {
		if !now.Before(until) {
			delete(r.until, k)
		}
	}
}
