package queue

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/segment"
)

// keepBuffer is the largest write buffer that is kept between appends.
const keepBuffer = 4 << 20

// countFunc enters the events of a stored record into the ledger.
type countFunc func(*ledger.Account, int)

// appender writes records behind the others. It is used under Shard.io, but for full.
type appender struct {
	disk   *diskLog
	ledger *ledger.Ledger
	buf    []byte        // the record being written
	fullAt atomic.Uint64 // the budget's answer that refused an append; 0: none
}

// full reports that an append was refused for lack of room, and that there is none yet.
func (a *appender) full() bool {
	at := a.fullAt.Load()
	return at != 0 && at == a.disk.budget.answer.Load()
}

// append stores a record if there is room, and enters its events into the ledger.
func (a *appender) append(rec *event.Record, count countFunc) error {
	if err := a.disk.faults.writing(); err != nil {
		return err
	}
	size := segment.RecordSize(rec)
	var roll bool
	var freed int64
	a.disk.win.with(func(s *windowState) { roll, freed = s.roll(size, a.disk.dq.segSize) })
	budget := a.disk.budget
	answer := budget.answer.Load() // before asking: see budget
	if !budget.reserve(size, freed) {
		a.fullAt.Store(answer)
		if size > budget.max {
			return fmt.Errorf("%w: %d bytes do not fit into max_size %d", event.ErrRecord, size, budget.max)
		}
		if err := a.disk.retire(); err != nil {
			return err
		}
		return event.ErrFull
	}
	a.fullAt.Store(0)
	if err := a.store(rec, size, roll, count); err != nil {
		budget.release(size)
		return err
	}
	return nil
}

// store writes the record.
func (a *appender) store(rec *event.Record, size int64, roll bool, count countFunc) error {
	write := &a.disk.faults.write
	if roll {
		// The file exists and is open before diskqueue writes to it: so the syncer sees
		// every error of writing it back.
		if err := a.disk.begin(); err != nil {
			return write.set(err)
		}
	}
	var seg *segmentState
	var seq uint64
	var f *os.File
	var err error
	a.disk.win.with(func(s *windowState) {
		seg, seq = s.last(), s.seq+1
		f, err = seg.open()
	})
	if err != nil {
		return write.set(err)
	}
	a.buf = segment.AppendRecord(a.buf[:0], seq, rec)
	err = a.disk.dq.dq.Put(a.buf)
	if cap(a.buf) > keepBuffer {
		a.buf = nil
	}
	if err != nil {
		return write.set(fmt.Errorf("append to %s: %w", seg.path, err))
	}
	if err := a.landed(seg, f, size); err != nil {
		return err
	}
	count(a.ledger.Account(rec.Source), rec.Events)
	a.disk.win.with(func(s *windowState) { s.publish(seg, rec, seq, size) })
	totals := a.disk.totals
	totals.allocated.Add(size)
	totals.appended.Add(1)
	totals.add(1, int64(rec.Events), size)
	a.disk.win.avail.broadcast()
	if roll {
		a.disk.reap() // at once, since diskqueue renames a segment that it has read to its end
	}
	return nil
}

// landed checks that diskqueue has written where we say it does. It does not if it could
// not read its write segment and began another one.
func (a *appender) landed(seg *segmentState, f *os.File, size int64) error {
	st, err := f.Stat()
	if err == nil && st.Size() == seg.size+size {
		return nil
	}
	if err := a.disk.detach(seg, "diskqueue gave it up"); err != nil {
		return err
	}
	return errAstray
}

// Append stores rec and sets its Seq; nothing else of it is changed or kept. When it
// returns nil, a crash of the process no longer loses the record; after the next sync a
// power loss does not either (Options.SyncInterval).
//
// It fails with event.ErrFull, with ErrClosed, or with an error that names the file. It
// waits while diskqueue syncs. Accepted events are counted in the ledger. Under DropOldest
// it makes room by itself, and fails with event.ErrFull only if there is nothing to drop
// but the segments that are being written.
func (q *Shard) Append(rec *event.Record) error {
	if err := segment.CheckRecord(rec); err != nil {
		return err
	}
	err := q.append(rec, (*ledger.Account).Accept)
	if errors.Is(err, errAstray) { // diskqueue was put right: once more
		err = q.append(rec, (*ledger.Account).Accept)
	}
	// Even if no segment can be dropped, there may be room by now.
	for errors.Is(err, event.ErrFull) && q.makeRoom != nil && (q.makeRoom() || !q.full()) {
		err = q.append(rec, (*ledger.Account).Accept)
	}
	return err
}

func (q *Shard) append(rec *event.Record, count countFunc) error {
	q.io.Lock()
	defer q.io.Unlock()
	if q.drains || q.shut.Load() {
		return ErrClosed
	}
	err := q.appender.append(rec, count)
	q.busy.set()
	return err
}
