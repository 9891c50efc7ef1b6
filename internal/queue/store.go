package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

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

// Stats is one reading of the store. The sums are over all shards.
type Stats struct {
	Records   int64         `json:"records"`
	Events    int64         `json:"events"`
	Bytes     int64         `json:"bytes"`
	Allocated int64         `json:"allocated_bytes"`
	Capacity  int64         `json:"capacity_bytes"`
	Oldest    time.Time     `json:"oldest"` // zero: nothing queued
	Age       time.Duration `json:"age_ns"`
	Full      bool          `json:"full"`
	LowSpace  bool          `json:"low_space"`            // the file system has less than min_free
	Fault     string        `json:"fault,omitempty"`      // why a shard cannot be written
	ReadFault string        `json:"read_fault,omitempty"` // why a part of a shard cannot be read
	Shards    []ShardStats  `json:"shards"`
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
// makes the shards ready. What it finds is booked as recovered in the ledger. After an
// error nothing is open. ctx bounds the attempts to read a disk that does not answer.
func (s *Store) Open(ctx context.Context) (err error) {
	if err := os.MkdirAll(s.opts.Path, segment.DirMode); err != nil {
		return fmt.Errorf("queue: make the folder: %w", err)
	}
	if s.lock, err = recovery.TakeLock(s.opts.Path, os.O_RDWR|os.O_CREATE); err != nil {
		return err
	}
	if err := s.openShards(ctx); err != nil {
		for _, q := range s.shards {
			q.detachDisk()
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
	for _, sc := range scans {
		leftOver := sc.Index >= s.opts.Shards
		if leftOver && sc.Empty() {
			if err := sc.RemoveAll(); err != nil && !recovery.NoRoom(err) { // the next start does it
				return err
			}
			continue
		}
		q := s.newShard(sc.Name, sc.Index)
		q.drains = leftOver
		s.shards = append(s.shards, q)
		if err := q.open(sc); err != nil {
			return err
		}
	}
	s.planRestore(scans)
	// Once only, and last: what it says is known now.
	for _, q := range s.shards {
		if err := recovery.DropStopNote(q.dir); err != nil {
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

func (s *Store) newShard(name string, index int) *Shard {
	q := &Shard{
		name: name, index: index, root: s.opts.Path, dir: filepath.Join(s.opts.Path, name),
		segSize: s.segSize, interval: s.opts.SyncInterval,
		budget: s.budget, ledger: s.opts.Ledger, log: s.log,
		sources: make(map[string]string),
		acks:    make(chan struct{}, 1), mending: make(chan struct{}, 1), timer: time.NewTimer(time.Hour),
	}
	q.timer.Stop()
	q.ackedFile.path = filepath.Join(q.dir, segment.AckedName)
	if s.opts.WhenFull == DropOldest {
		q.makeRoom = s.dropOldest
	}
	return q
}

// ackedGap is how far the sequence numbers go on above those of the segments where the
// list of acknowledged ones cannot be read: it may be read by the next start, and none
// of the new records may be in it.
const ackedGap = 1 << 32

// open repairs the shard by its scan and starts diskqueue.
func (q *Shard) open(sc *recovery.Shard) error {
	if sc.Problem != "" {
		q.log.Warn("queue: start-up goes by the segments alone", "shard", q.index, "reason", sc.Problem)
	}
	if err := q.moveMisplaced(sc); err != nil {
		return err
	}
	scans, err := sc.Repair(q.root, q.foundDamage)
	if err != nil {
		return err
	}
	var segs []*segmentState
	for _, scan := range scans {
		segs = append(segs, taken(sc, scan))
	}
	q.reckonAll(sc)
	for _, scan := range sc.Segments {
		q.seq = max(q.seq, scan.LastSeq) + scan.MayHold()
	}
	q.seq = max(q.seq, sc.Acked.Seq)
	if err := sc.Acked.Unread; err != nil {
		q.seq += ackedGap
		q.log.Error("queue: which records are delivered cannot be read: more is delivered again", "shard", q.index, "error", err)
	}
	for _, s := range segs {
		if s.late != nil {
			s.late.above, s.late.below = sc.Between(s.late.scan, q.seq)
			q.cantRead(s, s.late.scan.Failed)
		}
	}
	q.segs = segs
	// All segments of a left-over shard can be given up and removed, so none is written to.
	if !sc.Writable() || q.drains && q.last().size > 0 {
		q.begin(sc.Next())
	}
	q.moveTo(q.segs[0])
	for i, seg := range q.segs {
		q.recover(seg)
		if i > 0 && seg.num-q.segs[i-1].num > maxGap {
			for _, before := range q.segs[:i] {
				before.detached = true
			}
		}
	}
	err = q.attach()
	if err == nil { // it may have been written over: an append will not do better
		err = q.tight
	}
	if recovery.NoRoom(err) {
		q.setFault(&q.writeFault, fmt.Errorf("start: %w", err))
		err = nil
	}
	if err == nil {
		q.openAcked(sc.Acked)
	}
	return err
}

// maxGap is how many missing numbers diskqueue is let to look for: it syncs after
// each. Segments before a larger gap are read without it.
const maxGap = 16

// recover takes over a segment that the process before has left.
func (q *Shard) recover(seg *segmentState) {
	q.budget.used.Add(seg.size)
	q.allocated.Add(seg.size)
	q.book(seg)
}

// book enters what is left in a segment into the books.
func (q *Shard) book(seg *segmentState) {
	q.count(seg.left.Records, seg.left.Events, seg.left.Bytes)
	for source, n := range seg.left.BySource {
		q.ledger.Account(source).Recover(int(*n))
	}
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

// close stops diskqueue and stores the exact metadata, after the data.
func (q *Shard) close(ctx context.Context) error {
	q.io.Lock()
	defer q.io.Unlock()
	if q.shut.Swap(true) {
		return nil
	}
	q.detachDisk()
	q.consumeDone()
	q.removeRest()
	gone := q.dissolved || q.dissolve(ctx)
	q.mu.Lock()
	q.closed, q.noteAt = true, time.Time{}
	q.mu.Unlock()
	q.avail.broadcast()
	if gone {
		return nil
	}
	more, err := q.sync()
	for more && err == nil {
		if err = ctx.Err(); err == nil {
			more, err = q.sync()
		}
	}
	if err == nil {
		err = q.storePlace()
	}
	q.closeFiles()
	if err != nil {
		return fmt.Errorf("queue %s: close: %w", q.name, err)
	}
	return nil
}

// storePlace stores the exact metadata. Where there is no room for it, the next start
// goes by the list of what is acknowledged.
func (q *Shard) storePlace() error {
	err := q.restore()
	if err == nil {
		m := q.exact()
		if err = q.storeMeta(m); err == nil {
			q.storeStop(m)
		}
	}
	if recovery.NoRoom(err) {
		q.log.Warn("queue: no room to store the read position; the next start finds it by the list of delivered records",
			"shard", q.index, "error", err)
		return nil
	}
	return err
}

// dissolve removes the folder of a left-over shard that is drained, and says whether it
// did. The caller holds io.
func (q *Shard) dissolve(ctx context.Context) bool {
	q.mu.Lock()
	w := q.last()
	drained := q.drains && len(q.segs) == 1 && w.size == 0 && len(q.held) == 0 && len(q.consumed) == 0
	q.mu.Unlock()
	if !drained {
		return false
	}
	q.detachDisk()
	q.note.Lock() // so that no list is being written
	defer q.note.Unlock()
	q.setDissolved(true)
	sc, err := recovery.ScanShard(ctx, q.root, q.index)
	if err == nil {
		q.ackedFile.close()
		err = sc.RemoveAll()
	}
	if err != nil {
		q.setDissolved(false)
		if n, ok := q.removals.Ready(time.Now(), alarmEvery); ok {
			q.log.Warn("queue: the folder of a shard that is left over cannot be removed; it is tried again",
				"shard", q.index, "error", err, "times_before", n)
		}
		return false
	}
	q.mu.Lock()
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
	q.mu.Unlock()
	q.writeFault.Store(nil)
	q.syncFault.Store(nil)
	q.log.Info("queue: a shard that was left over is drained, its folder is removed", "shard", q.index)
	return true
}

func (q *Shard) setDissolved(yes bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dissolved = yes
}

// gone says that the shard is dissolved.
func (q *Shard) gone() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dissolved
}

func (q *Shard) closeFiles() {
	q.ackedFile.close()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, s := range q.segs {
		if s.file != nil {
			s.file.Close()
			s.file = nil
		}
	}
}

// Shards returns the shards that Open has found or made. The first Options.Shards take
// appends, and the number of each is its place; further ones are left over from a larger
// configuration and only drain.
func (s *Store) Shards() []*Shard { return slices.Clone(s.shards) }

// Stats reads all shards, and one header from disk for each.
func (s *Store) Stats() Stats {
	st := Stats{Capacity: s.opts.MaxSize, Full: s.Full(), LowSpace: s.budget.low.Load()}
	for _, q := range s.shards {
		if q.gone() {
			continue
		}
		one := q.Stats()
		st.Records += one.Records
		st.Events += one.Events
		st.Bytes += one.Bytes
		st.Allocated += one.Allocated
		if !one.Oldest.IsZero() && (st.Oldest.IsZero() || one.Oldest.Before(st.Oldest)) {
			st.Oldest, st.Age = one.Oldest, one.Age
		}
		if st.ReadFault == "" {
			st.ReadFault = one.ReadFault
		}
		st.Shards = append(st.Shards, one)
	}
	if err := s.writable(); err != nil {
		st.Fault = err.Error()
	}
	return st
}

// Healthy says why a shard cannot be written, or why what is next in it cannot be read,
// or nil. Being full is no fault, nor are single records that cannot be read: those
// behind them go on (Stats tells them).
func (s *Store) Healthy() error {
	err := s.writable()
	for _, q := range s.shards {
		if err != nil {
			return err
		}
		err = q.holding()
	}
	return err
}

// writable says why a shard cannot be written, or nil.
func (s *Store) writable() error {
	for _, q := range s.shards {
		if q.shut.Load() {
			return ErrClosed
		}
		if err := q.fault(); err != nil && !q.drains {
			return err
		}
	}
	return nil
}

// Full says that an append was refused for want of room, and that there is none
// yet.
func (s *Store) Full() bool { return slices.ContainsFunc(s.shards, (*Shard).full) }
