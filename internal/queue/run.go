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
	// restAfter is longer than diskqueue waits before it stores its metadata, which it does
	// without a word, and after which the folder has to be synced.
	restAfter = metaInterval + time.Second
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
		wg.Go(func() { q.healLoop(ctx) })
		wg.Go(func() { q.storeAcks(ctx, s.opts.SyncInterval/2) })
		wg.Go(func() { q.syncLoop(ctx, s.opts.SyncInterval, restAfter, s.metrics.observeSync) })
	}
	wg.Go(func() { s.watch(ctx) })
	wg.Go(func() { s.restorer.run(ctx) })
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

// heal asks each shard to try to end its fault, unless it is still trying: a shard whose
// disk hangs holds up only itself.
func (s *Store) heal() {
	for _, q := range s.shards {
		wake(q.healNow)
	}
}

// syncAll syncs the shards side by side.
func (s *Store) syncAll() error {
	errs := make([]error, len(s.shards))
	var wg sync.WaitGroup
	for i, q := range s.shards {
		wg.Go(func() { errs[i] = q.sync(records|acknowledged, s.metrics.observeSync) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
