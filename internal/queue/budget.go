package queue

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// signal wakes all that wait for it.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// wait returns a channel that the next broadcast closes. Take it before checking the
// condition that is waited for.
func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) broadcast() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

// budget is the room of all shards: the cap on the bytes of all segments, and
// what must stay free on the file system. The bytes of a segment are released
// together, when its file is removed.
//
// A shard that finds no room remembers the age of that answer, and asks again
// when there is a newer one. So no wake-up is lost between asking and waiting.
type budget struct {
	max, minFree int64
	path         string
	// free measures the file system that holds path.
	free func(path string) (int64, error)

	used      atomic.Int64  // bytes of all segments
	answer    atomic.Uint64 // grows whenever a refused Append may succeed
	room      signal        // follows answer
	low       atomic.Bool   // the file system has less than minFree
	credit    atomic.Int64  // while low: what drop_oldest has freed and may be written again
	unchecked atomic.Int64  // bytes written since the file system was measured
	removed   chan struct{} // holds one when a segment was removed: the disk may take files again
}

// How often the file system is measured.
const (
	spaceInterval = 500 * time.Millisecond
	spaceBytes    = 64 << 20
)

// reserve takes n bytes, or takes nothing and returns false. freed bytes will be
// released by what the caller is about to do.
func (b *budget) reserve(n, freed int64) bool {
	if b.minFree > 0 && b.unchecked.Add(n) > min(spaceBytes, b.minFree/2) {
		b.measure()
	}
	low := b.low.Load()
	if low && b.credit.Add(-n) < 0 {
		b.credit.Add(n)
		return false
	}
	for {
		used := b.used.Load()
		if used+n-freed > b.max {
			if low {
				b.credit.Add(n)
			}
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// release gives n bytes back and lets the refused ask again.
func (b *budget) release(n int64) {
	b.used.Add(-n)
	b.retry()
}

// remove is release for a segment whose file is gone.
func (b *budget) remove(n int64) {
	b.release(n)
	wake(b.removed)
}

// retry lets the refused ask again.
func (b *budget) retry() {
	b.answer.Add(1)
	b.room.broadcast()
}

// measure checks the free space of the file system.
func (b *budget) measure() error {
	if b.minFree == 0 {
		return nil
	}
	b.unchecked.Store(0)
	free, err := b.free(b.path)
	if err != nil {
		return fmt.Errorf("queue: free space of %s: %w", b.path, err)
	}
	low := free < b.minFree
	if b.low.Swap(low) != low {
		b.credit.Store(0)
		b.retry()
	}
	return nil
}
