package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
)

// Store is the queue: its shards, their common cap, and the one lock.
type Store struct {
	opts     Options
	segSize  int64
	lock     *recovery.Lock
	budget   *budget
	shards   []*Shard
	metrics  *metrics
	log      *slog.Logger
	restorer *restorer
}

// New checks the options. It touches no file: Open does.
func New(o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if o.Path, err = filepath.Abs(o.Path); err != nil {
		return nil, fmt.Errorf("queue: path: %w", err)
	}
	if err := checkPath(o.Path); err != nil {
		return nil, err
	}
	s := &Store{opts: o, segSize: o.segmentSize(), log: o.Logger}
	s.budget = &budget{max: o.MaxSize, minFree: o.MinFree, path: o.Path, free: freeSpace,
		removed: make(chan struct{}, 1)}
	s.budget.answer.Store(1)
	return s, nil
}

// Open takes the queue's lock, repairs what a crash has left (doc.go says what), and
// makes the shards ready. What it finds is counted as recovered in the ledger. After an
// error nothing is open. ctx bounds the attempts to read a disk that does not answer.
func (s *Store) Open(ctx context.Context) (err error) {
	if err := durable.MkdirAll(s.opts.Path, segment.DirMode); err != nil {
		return fmt.Errorf("queue: make the folder: %w", err)
	}
	if s.lock, err = recovery.TakeLock(s.opts.Path, os.O_RDWR|os.O_CREATE); err != nil {
		return err
	}
	if err := s.openShards(ctx); err != nil {
		for _, q := range s.shards {
			q.disk.dq.stop()
			q.closeFiles()
		}
		err = errors.Join(err, s.lock.Close())
		s.lock, s.shards = nil, nil
		return err
	}
	err = s.budget.measure()
	if err == nil {
		s.metrics, err = newMetrics(s, s.opts.Registerer)
	}
	if err != nil {
		err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
		s.lock, s.shards = nil, nil
	}
	return err
}

// openShards repairs and opens all shards: those configured, then those left over
// with records in them.
func (s *Store) openShards(ctx context.Context) error {
	scans, err := recovery.Scan(ctx, s.opts.Path)
	if err != nil {
		return err
	}
	scans = withNew(scans, s.opts.Path, s.opts.Shards)
	o := shardOptions{root: s.opts.Path, segSize: s.segSize, interval: s.opts.SyncInterval,
		budget: s.budget, ledger: s.opts.Ledger, log: s.log}
	if s.opts.WhenFull == DropOldest {
		o.makeRoom = s.dropOldest
	}
	for _, sc := range scans {
		leftOver := sc.Index >= s.opts.Shards
		if leftOver && sc.Empty() {
			if err := sc.RemoveAll(); err != nil && !recovery.NoRoom(err) { // the next start does it
				return err
			}
			continue
		}
		q := newShard(o, sc.Index, leftOver)
		s.shards = append(s.shards, q)
		if err := q.open(sc); err != nil {
			return err
		}
	}
	s.planRestore(scans)
	// Once only, and last: what it says is known now.
	for _, q := range s.shards {
		if err := recovery.RemoveStopState(q.folder.path); err != nil {
			return err
		}
	}
	return nil
}

// withNew adds the shards that are configured and have no folder yet.
func withNew(scans []*recovery.Shard, root string, shards int) []*recovery.Shard {
	for i := range shards {
		at, found := slices.BinarySearchFunc(scans, i, func(sc *recovery.Shard, i int) int { return sc.Index - i })
		if !found {
			name := recovery.ShardName(i)
			scans = slices.Insert(scans, at, &recovery.Shard{Name: name, Index: i, Dir: filepath.Join(root, name), Missing: true})
		}
	}
	return scans
}

// Close stores everything and gives the lock back. After it, Append, Next and WaitRoom
// fail with ErrClosed. It may be called again. When ctx ends it begins no further sync:
// what is not synced by then is left to the operating system, and the next start
// delivers more again.
func (s *Store) Close(ctx context.Context) error {
	if s.lock == nil {
		return nil
	}
	var errs []error
	for _, q := range s.shards {
		errs = append(errs, q.close(ctx))
	}
	if errors.Join(errs...) == nil { // all that was put back is on stable storage
		s.restorer.settle()
	}
	s.budget.retry()
	s.metrics.unregister()
	if err := s.lock.Close(); !errors.Is(err, os.ErrClosed) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Shards returns the shards that Open has found or made. The first Options.Shards take
// appends, and the number of each is its place; further ones are left over from a larger
// configuration and only drain.
func (s *Store) Shards() []*Shard { return slices.Clone(s.shards) }

// dropOldest gives up the oldest segment of all shards. It returns false if there is none
// but those that are being written.
func (s *Store) dropOldest() bool {
	var victim *Shard
	var oldest int64
	for _, q := range s.shards {
		if since, ok := q.droppable(); ok && (victim == nil || since < oldest) {
			victim, oldest = q, since
		}
	}
	if victim == nil {
		return false
	}
	freed := victim.dropHead()
	if s.budget.low.Load() {
		s.budget.credit.Add(freed)
	}
	return true // also with nothing freed: the segment was consumed just now
}
