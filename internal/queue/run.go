package queue

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	healInterval = time.Second
	healSoon     = 50 * time.Millisecond // after a segment was removed
	slowSync     = time.Second           // a sync that takes longer is worth a warning
)

// Run syncs what is appended, lets diskqueue forget what is acknowledged, watches
// the free space, and tries again what failed, until ctx is done; then it syncs a
// last time. Appending and handing out go on without it, but nothing is freed.
func (s *Store) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, q := range s.shards {
		wg.Go(func() { q.consume(ctx) })
	}
	for _, q := range s.shards {
		wg.Go(func() { q.mend(ctx) })
		wg.Go(func() { q.noteOften(ctx, s.opts.SyncInterval/2) })
	}
	wg.Go(func() { s.watch(ctx) })
	wg.Go(func() { s.restorer.run(ctx) })
	every := time.NewTicker(s.opts.SyncInterval)
	defer every.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-every.C:
			s.syncAll() // a failure is shown by Healthy, and tried again
		}
	}
	wg.Wait()
	return s.syncAll()
}

// watch measures the file system and has faults healed: every second, and soon after a
// segment is gone, since the fault may have been the want of room or of inodes.
func (s *Store) watch(ctx context.Context) {
	space := time.NewTicker(spaceInterval)
	defer space.Stop()
	heal := time.NewTicker(healInterval)
	defer heal.Stop()
	var soon <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-space.C:
			if err := s.budget.measure(); err != nil {
				s.log.Debug("queue: free space", "error", err)
			}
		case <-s.budget.removed:
			if soon == nil {
				soon = time.After(healSoon)
			}
		case <-soon:
			soon = nil
			s.heal()
		case <-heal.C:
			s.heal()
		}
	}
}

// heal has each shard try to end its fault, unless it is at that still: a shard whose
// disk hangs holds up itself alone.
func (s *Store) heal() {
	for _, q := range s.shards {
		select {
		case q.mending <- struct{}{}:
		default:
		}
	}
}

// mend heals the shard whenever it is asked to, until ctx is done.
func (q *Shard) mend(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.mending:
			q.heal(ctx)
		}
	}
}

// noteOften writes which records are acknowledged, until ctx is done. It syncs nothing,
// so it is not held up by a slow disk: what is answered before a kill -9 by more than the
// interval of syncing does not come again.
func (q *Shard) noteOften(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(max(every, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			q.noteAcked()
		}
	}
}

// syncAll syncs the shards side by side.
func (s *Store) syncAll() error {
	errs := make([]error, len(s.shards))
	var wg sync.WaitGroup
	for i, q := range s.shards {
		wg.Go(func() { errs[i] = q.syncOnce(s.metrics) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// syncOnce syncs and makes the outcome visible. After a failure it keeps everybody
// else from the disk: what is to be written again must not grow meanwhile.
func (q *Shard) syncOnce(m *metrics) error {
	began := time.Now()
	if q.inDoubt() {
		q.io.Lock()
		defer q.io.Unlock()
		if f := q.syncFault.Load(); f != nil && began.Before(q.copyAt) {
			return f.err
		}
	}
	worked, err := q.sync()
	if err != nil {
		return q.setFault(&q.syncFault, err)
	}
	q.clearFault(&q.syncFault)
	if !worked {
		return nil
	}
	took := time.Since(began)
	m.observeSync(took)
	if took > slowSync {
		if n, ok := q.slow.Ready(time.Now(), alarmEvery); ok {
			q.log.Warn("queue: the disk is slow to sync", "shard", q.index, "took", took, "slow_before", n)
		}
	}
	return nil
}
