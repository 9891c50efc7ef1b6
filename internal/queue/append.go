package queue

import (
	"context"
	"errors"
	"fmt"
	"os"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/segment"
)

// keepBuffer is the largest write buffer that is kept between appends.
const keepBuffer = 4 << 20

// Append stores rec and sets its Seq; nothing else of it is changed or kept. When
// it returns nil, a crash of the process does not lose the record any more, and a
// power loss does not after the next sync (Options.SyncInterval).
//
// It fails with event.ErrFull, with ErrClosed, or with an error that names the file. It
// waits while diskqueue syncs. Accepted events are booked in the ledger. Under
// DropOldest it makes room by itself, and fails with event.ErrFull only where there is
// nothing to drop but the segments that are being written.
func (q *Shard) Append(rec *event.Record) error {
	if err := segment.CheckRecord(rec); err != nil {
		return err
	}
	err := q.append(rec, (*ledger.Account).Accept)
	if errors.Is(err, errAstray) { // diskqueue was put right: once more
		err = q.append(rec, (*ledger.Account).Accept)
	}
	// Where nothing can be given up, there may be room meanwhile all the same.
	for errors.Is(err, event.ErrFull) && q.makeRoom != nil && (q.makeRoom() || !q.full()) {
		err = q.append(rec, (*ledger.Account).Accept)
	}
	return err
}

// append stores a record, and books its events so.
func (q *Shard) append(rec *event.Record, book func(*ledger.Account, int)) error {
	q.io.Lock()
	defer q.io.Unlock()
	if q.drains || q.shut.Load() {
		return ErrClosed
	}
	if err := q.fault(); err != nil {
		return err
	}
	size := segment.RecordSize(rec)
	roll, freed := q.plan(size)
	answer := q.budget.answer.Load() // before asking: see budget
	if !q.budget.reserve(size, freed) {
		q.fullAt.Store(answer)
		if size > q.budget.max {
			return fmt.Errorf("%w: %d bytes do not fit into max_size %d", event.ErrRecord, size, q.budget.max)
		}
		if err := q.retire(); err != nil {
			return err
		}
		return event.ErrFull
	}
	q.fullAt.Store(0)
	if err := q.store(rec, size, roll, book); err != nil {
		q.budget.release(size)
		return err
	}
	return nil
}

// plan says whether the next record of that size begins a new segment (by
// diskqueue's own rule), and how many bytes come free by that, since all of the
// old one is consumed.
func (q *Shard) plan(size int64) (roll bool, freed int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.last()
	roll = w.size > 0 && w.size+size > q.segSize
	if roll && len(q.held) == 0 && q.cur == w && q.off >= w.size {
		freed = w.size
	}
	return roll, freed
}

// retire gives the space of the segment that is written to back, where all of it is
// consumed. On a file system that is nearly full no segment may ever grow to its
// full size, and space comes free by whole segments only. The caller holds io.
func (q *Shard) retire() error {
	q.mu.Lock()
	w := q.last()
	drained := w.size > 0 && len(q.held) == 0 && q.cur == w && q.off >= w.size
	q.mu.Unlock()
	if !drained {
		return nil
	}
	return q.renew(w)
}

// renew begins a segment in place of the last one, all of which is done. The caller
// holds io.
func (q *Shard) renew(w *segmentState) error {
	err := q.newSegment(w.num + 1)
	switch {
	case err != nil:
	case q.dq == nil: // the store is being closed
		q.consumeDone()
	default:
		err = q.attach() // behind the old segment, which goes by that
	}
	if err != nil {
		return q.setFault(&q.writeFault, fmt.Errorf("begin a segment in place of one that is consumed: %w", err))
	}
	return q.budget.measure()
}

// store writes the record. The caller holds io.
func (q *Shard) store(rec *event.Record, size int64, roll bool, book func(*ledger.Account, int)) error {
	if roll {
		// The file exists and is open before diskqueue writes to it: so the
		// syncer sees every error of writing it back.
		if err := q.newSegment(q.nextNumber()); err != nil {
			return q.setFault(&q.writeFault, err)
		}
	}
	q.mu.Lock()
	w, seq := q.last(), q.seq+1
	f, err := w.open()
	q.mu.Unlock()
	if err != nil {
		return q.setFault(&q.writeFault, err)
	}
	q.buf = segment.AppendRecord(q.buf[:0], seq, rec)
	err = q.dq.Put(q.buf)
	if cap(q.buf) > keepBuffer {
		q.buf = nil
	}
	if err != nil {
		return q.setFault(&q.writeFault, fmt.Errorf("append to %s: %w", w.path, err))
	}
	if err := q.landed(w, f, size); err != nil {
		return err
	}
	book(q.ledger.Account(rec.Source), rec.Events)
	q.publish(w, rec, seq, size)
	if roll {
		q.reap() // at once, since diskqueue renames a segment that it has read to its end
	}
	return nil
}

// landed checks that diskqueue has written where we say it does. It does not
// where it could not read its write segment and began another one.
func (q *Shard) landed(w *segmentState, f *os.File, size int64) error {
	st, err := f.Stat()
	if err == nil && st.Size() == w.size+size {
		return nil
	}
	if err := q.detach(w, "diskqueue gave it up"); err != nil {
		return err
	}
	return errAstray
}

// publish makes the record readable.
func (q *Shard) publish(w *segmentState, rec *event.Record, seq uint64, size int64) {
	q.mu.Lock()
	if w.size == 0 {
		w.since = segment.Nanos(rec.Received)
	}
	if w.first == 0 {
		w.first = seq
	}
	w.last = seq
	w.size += size
	w.left.AddName(q.intern(rec.Source), int64(rec.Events), size)
	q.seq = seq
	rec.Seq = seq
	q.mu.Unlock()
	q.allocated.Add(size)
	q.appended.Add(1)
	q.count(1, int64(rec.Events), size)
	q.avail.broadcast()
}

// intern keeps one copy of each source's name, not the caller's. The caller holds
// mu.
func (q *Shard) intern(source string) string {
	if s, ok := q.sources[source]; ok {
		return s
	}
	s := string([]byte(source))
	q.sources[s] = s
	return s
}

// nextNumber is the number of the next segment.
func (q *Shard) nextNumber() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.last().num + 1
}

// vacate gives the last segment up where all of it is consumed, since there is no room to
// go on: its file goes first, and attaching makes the next one. The caller holds io.
func (q *Shard) vacate() bool {
	q.mu.Lock()
	w := q.last()
	drained := w.size > 0 && len(q.held) == 0 && q.cur == w && q.off >= w.size
	if drained {
		q.begin(w.num + 1)
	}
	q.mu.Unlock()
	if drained {
		q.detachDisk() // which has the file open
		q.reap()
	}
	return drained
}

// begin begins a segment in memory: restore makes its file. The caller holds mu.
func (q *Shard) begin(num int64) { q.segs = append(q.segs, &segmentState{num: num, path: q.path(num)}) }

// newSegment begins a segment. What may be left of an append that failed is cut.
func (q *Shard) newSegment(num int64) error {
	seg := &segmentState{num: num, path: q.path(num)}
	f, err := os.OpenFile(seg.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, segment.FileMode)
	if err != nil {
		return fmt.Errorf("queue: begin a segment: %w", err)
	}
	seg.file = f
	q.mu.Lock()
	defer q.mu.Unlock()
	q.segs = append(q.segs, seg)
	q.dirDirty = true
	return nil
}

// Accepting says, without lock, whether Append would be tried: the shard is
// neither full nor faulty nor closed.
func (q *Shard) Accepting() bool {
	return !q.drains && !q.shut.Load() && !q.full() &&
		q.writeFault.Load() == nil && q.syncFault.Load() == nil
}

// WaitRoom blocks until Append may succeed. It fails with ErrClosed or with the
// context's error.
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
