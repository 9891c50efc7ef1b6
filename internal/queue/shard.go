package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/throttle"
)

// ErrClosed says that the store is closed, or that the shard is left over from a larger
// configuration and takes no appends.
var ErrClosed = errors.New("queue: closed")

const (
	// ackedGap is added to the sequence numbers if the list of acknowledged records cannot
	// be read. The next start may read it, and no new record may be in it.
	ackedGap = 1 << 32
	// maxGap is how many missing segment numbers diskqueue may search: it syncs after
	// each. Segments before a larger gap are read without diskqueue.
	maxGap = 16
	// few is how many records are consumed before a waiting Append may run.
	few = 16
)

// The reasons in the ledger.
const (
	dropOldest = "drop_oldest"
	dropBroken = "corrupt"
)

// Shard is one queue. All methods are safe for concurrent use.
//
// Locks are taken in this order: Shard.io, reader.mu, ackStore.mu, window.mu, folder.mu.
// Each type takes only its own lock. io serializes the disk: diskqueue, the segment files and
// the window are changed together under it, and the lock is held while diskqueue syncs.
type Shard struct {
	name   string
	index  int
	root   string
	drains bool // left over: takes no appends
	log    *slog.Logger

	makeRoom func() bool // gives up a segment; nil: refuse appends instead
	dropping throttle.Throttle

	io   sync.Mutex
	shut atomic.Bool // Close was called

	budget    *budget
	faults    *faults
	totals    totals
	win       window
	folder    folder
	acks      *ackStore
	disk      *diskLog
	appender  appender
	reader    *reader
	syncer    *syncer
	recoverer *recoverer

	commits commits
	busy    mark // set when there is something to sync

	acked chan struct{} // a record is done
	// healNow asks for an attempt to end a fault.
	healNow chan struct{}
}

// shardOptions are what the shards of a store have in common.
type shardOptions struct {
	root     string
	segSize  int64
	interval time.Duration // of syncing
	budget   *budget
	ledger   *ledger.Ledger
	log      *slog.Logger
	makeRoom func() bool // optional
}

func newShard(o shardOptions, index int, drains bool) *Shard {
	name := recovery.ShardName(index)
	dir := filepath.Join(o.root, name)
	log := o.log.With("shard", index)
	q := &Shard{
		name: name, index: index, root: o.root, drains: drains, log: log, makeRoom: o.makeRoom,
		budget: o.budget, faults: newFaults(name, log, o.budget.retry),
		busy:    newMark(),
		commits: commits{wake: make(chan struct{}, 1)},
		acked:   make(chan struct{}, 1), healNow: make(chan struct{}, 1),
	}
	q.folder.path, q.folder.busy = dir, q.busy
	q.acks = newAckStore(dir, log, func() (uint64, []segment.Stretch) { return q.win.acknowledged(&q.folder) })
	q.win.state = windowState{sources: make(map[string]string), totals: &q.totals, ledger: o.ledger, acked: q.acks.changed}
	q.disk = &diskLog{root: o.root, name: name, dir: dir, log: log, dq: newBackend(dir, o.segSize, o.interval, log),
		win: &q.win, folder: &q.folder, budget: o.budget, faults: q.faults, totals: &q.totals}
	q.appender = appender{disk: q.disk, ledger: o.ledger}
	q.reader = &reader{root: o.root, name: name, log: log, win: &q.win, totals: &q.totals, faults: q.faults,
		ledger: o.ledger, lost: q.wakeConsumer}
	q.syncer = &syncer{disk: q.disk, win: &q.win, folder: &q.folder, acks: q.acks, fault: &q.faults.sync, interval: o.interval, log: log}
	q.recoverer = &recoverer{root: o.root, name: name, dir: dir, log: log, win: &q.win, budget: o.budget,
		totals: &q.totals, ledger: o.ledger, reader: q.reader}
	return q
}

// Index is the shard's number: its folder and its metrics label.
func (q *Shard) Index() int { return q.index }

// open repairs the shard by its scan and starts diskqueue.
func (q *Shard) open(sc *recovery.Shard) error {
	q.io.Lock()
	defer q.io.Unlock()
	segs, seq, err := q.recoverer.repair(sc)
	if err != nil {
		return err
	}
	// All segments of a left-over shard can be given up and removed, so none is written to.
	if n := len(segs); !sc.Writable() || q.drains && segs[n-1].size > 0 {
		segs = append(segs, q.disk.inMemory(sc.Next()))
	}
	for i, seg := range segs {
		q.budget.used.Add(seg.size)
		q.totals.allocated.Add(seg.size)
		if i > 0 && seg.num-segs[i-1].num > maxGap {
			for _, before := range segs[:i] {
				before.detached = true
			}
		}
	}
	q.win.with(func(s *windowState) {
		s.segs, s.seq = segs, seq
		s.moveTo(segs[0])
		for _, seg := range segs {
			s.recovered(seg)
		}
	})
	err = q.disk.attach()
	if err == nil { // it may have been written over: an append will not do better
		err = q.disk.dq.tight
	}
	if recovery.NoRoom(err) {
		_ = q.faults.write.set(fmt.Errorf("start: %w", err))
		err = nil
	}
	if err == nil {
		q.acks.open(sc.Acked)
	}
	return err
}

func (q *Shard) closeFiles() {
	q.acks.file.close()
	q.win.with(func(s *windowState) { s.close() })
}

// close stops diskqueue and stores the exact metadata, after the data.
func (q *Shard) close(ctx context.Context) error {
	q.io.Lock()
	defer q.io.Unlock()
	if q.shut.Swap(true) {
		return nil
	}
	q.disk.closed = true
	q.disk.dq.stop()
	q.disk.consumeDone()
	q.disk.removeStayed()
	gone := q.folder.gone.Load() || q.dissolve(ctx)
	q.win.with(func(s *windowState) { s.closed = true })
	q.acks.retryNow()
	q.win.avail.broadcast()
	if gone {
		return nil
	}
	err := q.syncer.syncAll(ctx)
	if err == nil {
		err = q.disk.storePosition()
	}
	q.closeFiles()
	if err != nil {
		return fmt.Errorf("queue %s: close: %w", q.name, err)
	}
	return nil
}

// heal tries again what has failed. It reads what could not be read at the start, removes
// segments that stayed, and tries to end a fault of writing.
func (q *Shard) heal(ctx context.Context) {
	q.recoverer.readLate(q.shut.Load)
	q.io.Lock()
	defer q.io.Unlock()
	if q.shut.Load() {
		return
	}
	q.disk.dq.warnFailure()
	q.reader.settleFault()
	q.disk.removeStayed()
	if q.folder.gone.Load() || q.dissolve(ctx) || q.faults.write.err() == nil {
		return
	}
	if err := q.disk.resume(); err != nil {
		_ = q.faults.write.set(err)
		return
	}
	q.faults.write.clear()
}

// dissolve removes the folder of a left-over shard that is drained, and says whether it
// did. The caller holds io.
func (q *Shard) dissolve(ctx context.Context) bool {
	drained := false
	q.win.with(func(s *windowState) {
		drained = q.drains && len(s.segs) == 1 && s.last().size == 0 && s.out.empty() && q.folder.clean()
	})
	if !drained {
		return false
	}
	q.disk.dq.stop()
	q.folder.gone.Store(true)
	err := q.acks.end(func() error { return recovery.RemoveShard(ctx, q.root, q.index) })
	if err != nil {
		q.folder.gone.Store(false)
		if n, ok := q.disk.removals.Ready(time.Now(), alarmEvery); ok {
			q.log.Warn("queue: the folder of a shard that is left over cannot be removed; it is tried again",
				"error", err, "times_before", n)
		}
		return false
	}
	q.win.with(func(s *windowState) { _ = s.last().close() })
	q.faults.forget()
	q.log.Info("queue: a shard that was left over is drained, its folder is removed")
	return true
}

// droppable says whether the shard has a segment to give up, and its age.
func (q *Shard) droppable() (since int64, ok bool) {
	q.win.with(func(s *windowState) {
		if ok = s.droppable(); ok {
			since = s.segs[0].since
		}
	})
	return since, ok
}

// dropHead gives up the oldest segment of the shard, with what is in flight of it, and
// returns how many bytes that frees. The segment that is written to is never given up.
func (q *Shard) dropHead() int64 {
	q.io.Lock()
	defer q.io.Unlock()
	freed, events := q.reader.dropHead()
	if freed == 0 {
		return 0
	}
	// diskqueue holds the file open: its space comes free when it lets go.
	_ = q.disk.reattach()
	if n, ok := q.dropping.Ready(time.Now(), alarmEvery); ok {
		q.log.Warn("queue is full: the oldest segment is dropped",
			"bytes", freed, "events", events, "segments_dropped_before", n)
	}
	return freed
}

// Ack says that the record was delivered, or is stored elsewhere: the queue forgets it.
// It returns false if the record is no longer queued. Then nothing may be counted:
// drop_oldest took it, or it was acknowledged before.
func (q *Shard) Ack(seq uint64) bool {
	queued := false
	q.win.with(func(s *windowState) {
		if e := s.out.open(seq); e != nil {
			s.finish(e)
			queued = true
		}
	})
	if !queued {
		return false
	}
	q.totals.acked.Add(1)
	q.wakeConsumer()
	return true
}

// Nack says that the record was not delivered: Next hands it out again, before newer ones,
// read from disk anew.
func (q *Shard) Nack(seq uint64) {
	given := false
	q.win.with(func(s *windowState) { given = s.out.giveBack(seq) })
	if given {
		q.win.avail.broadcast()
	}
}

// Abandoned reports whether drop_oldest dropped a record that the caller holds. It need not
// be delivered then.
func (q *Shard) Abandoned(seq uint64) (abandoned bool) {
	q.win.with(func(s *windowState) { abandoned = s.out.open(seq) == nil })
	return abandoned
}

func (q *Shard) wakeConsumer() { wake(q.acked) }

// Accepting reports, without a lock, whether Append may succeed: the shard is not full, not
// faulty and not closed.
func (q *Shard) Accepting() bool {
	return !q.drains && !q.shut.Load() && !q.full() && q.faults.writing() == nil
}

func (q *Shard) full() bool { return q.appender.full() }

// WaitRoom blocks until Append may succeed. It fails with ErrClosed or with the context's
// error.
func (q *Shard) WaitRoom(ctx context.Context) error {
	for {
		room := q.budget.room.wait()
		switch {
		case q.drains || q.shut.Load():
			return ErrClosed
		case q.Accepting():
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
