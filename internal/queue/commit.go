package queue

import "sync"

// commits are the calls that wait until what was appended before them is synced. While one
// sync runs, others gather for the next.
type commits struct {
	wake chan struct{} // somebody waits

	mu      sync.Mutex
	waiting []func()
}

// AfterSync has done called, by the goroutine that syncs, when everything that was appended
// so far is on stable storage: the records, and the names of their files. The sync is begun
// at once; if it fails, done waits for one that works. It is never called if there is none
// before the process ends. done must not block.
func (q *Shard) AfterSync(done func()) {
	c := &q.commits
	c.mu.Lock()
	c.waiting = append(c.waiting, done)
	c.mu.Unlock()
	wake(c.wake)
}

// AfterAck has done called when a record is acknowledged, dropped or found damaged; at once if
// it has been. done must not block, and not call the shard.
func (q *Shard) AfterAck(seq uint64, done func()) {
	q.win.with(func(s *windowState) {
		if !s.queued(seq) {
			done()
			return
		}
		if s.whenDone == nil {
			s.whenDone = map[uint64]func(){}
		}
		s.whenDone[seq] = done
	})
}

// take returns who waits. A sync that begins after it covers them.
func (c *commits) take() []func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.waiting
	c.waiting = nil
	return all
}

// giveBack has those who waited for a sync that failed wait for the next one.
func (c *commits) giveBack(all []func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(all, c.waiting...)
}
