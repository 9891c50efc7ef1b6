package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/segment"
)

// Ack says that the record was delivered, or is stored elsewhere: the queue
// forgets it. It returns false, and nothing may be booked, when the record is not
// queued any more: drop_oldest took it, or it was acknowledged before.
func (q *Shard) Ack(seq uint64) bool {
	q.mu.Lock()
	e := q.find(seq)
	if e == nil || e.state == done {
		q.mu.Unlock()
		return false
	}
	q.finish(e)
	q.mu.Unlock()
	q.acked.Add(1)
	q.wakeConsumer()
	return true
}

// Nack says that the record was not delivered: Next hands it out again, before
// newer ones, read from disk anew.
func (q *Shard) Nack(seq uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.find(seq)
	if e == nil || e.state != inFlight {
		return
	}
	e.state = waiting
	i, _ := slices.BinarySearch(q.again, seq)
	q.again = slices.Insert(q.again, i, seq)
	q.avail.broadcast()
}

// Abandoned says that drop_oldest took a record that the caller holds: trying to
// deliver it further is of no use.
func (q *Shard) Abandoned(seq uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.find(seq)
	return e == nil || e.state == done
}

func (q *Shard) wakeConsumer() {
	select {
	case q.acks <- struct{}{}:
	default:
	}
}

// consume lets diskqueue forget what is acknowledged, until ctx is done.
func (q *Shard) consume(ctx context.Context) {
	const few = 16 // between which an Append gets its turn
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.acks:
		}
		for more := true; more && ctx.Err() == nil; {
			q.io.Lock()
			more = q.advance(few)
			q.io.Unlock()
		}
	}
}

var (
	// errAstray says that diskqueue is not where it should be.
	errAstray = errors.New("queue: diskqueue has lost its place; it was put right, try again")
	errNoDisk = errors.New("queue: diskqueue is not attached")
)

// patience is how long a receive from diskqueue may take: longer than any sync.
const patience = 30 * time.Second

// advance receives from diskqueue up to n records that are done, from the oldest
// on, and stops at the first that is not. It says whether there may be more. The
// caller holds io.
func (q *Shard) advance(n int) (more bool) {
	for range n {
		q.reap() // before receiving: it knows of segments that diskqueue must not enter
		q.mu.Lock()
		if len(q.held) == 0 || q.held[0].state != done {
			q.mu.Unlock()
			return false
		}
		e := q.held[0]
		q.mu.Unlock()
		if err := q.receive(e); err != nil {
			return false
		}
	}
	q.reap()
	return true
}

// pop takes the oldest entry out of the window. The caller holds mu.
func (q *Shard) pop() {
	q.held[0].seg.held--
	q.held[0] = entry{}
	q.held = q.held[1:]
}

// receive consumes the record e, which is done and the oldest. The caller holds
// io.
func (q *Shard) receive(e entry) error {
	switch {
	case q.shut.Load():
		return errNoDisk
	case q.dq == nil: // it will be attached behind this record
	case q.stale: // attaching consumes what is done
		if err := q.attach(); err != nil {
			return q.setFault(&q.writeFault, fmt.Errorf("attach: %w", err))
		}
		return nil
	case !e.seg.detached && !q.offered(e):
		return q.detach(e.seg, "diskqueue skipped records of it")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pop()
	return nil
}

// offered receives from diskqueue. It returns false where that is not the record
// e: diskqueue has lost its place.
func (q *Shard) offered(e entry) bool {
	// diskqueue answers after it has read ahead, or failed to. It then offers
	// this record, unless it has renamed the segment and gone on to the next,
	// from which nothing may be received yet.
	q.dq.Depth()
	if _, err := os.Lstat(e.seg.path); err != nil {
		return false
	}
	q.timer.Reset(patience)
	defer q.timer.Stop()
	for {
		select {
		case msg := <-q.dq.ReadChan():
			h, v := segment.DecodeHeader(msg)
			if v == segment.Valid && h.Seq < e.Seq {
				continue // consumed already
			}
			return v == segment.Valid && h.Seq == e.Seq
		case <-q.timer.C:
			return false
		}
	}
}

// reap removes the segments that are consumed. The caller holds io.
//
// diskqueue removes a segment by itself only where it reaches the end after the
// next one was begun. Where it has caught up, it spans into the end of a segment
// that was rolled behind its back, takes that for damage, and keeps the whole
// segment as .bad. So the file goes first, and diskqueue's renaming fails.
func (q *Shard) reap() {
	freed := int64(0)
	for {
		q.mu.Lock()
		q.settle()
		s := q.segs[0]
		if s == q.last() || s.held > 0 || q.cur == s {
			idle := len(q.held) == 0 && q.cur == s && q.off >= s.size
			q.mu.Unlock()
			switch {
			case freed > 0:
				q.budget.remove(freed)
			case idle:
				q.budget.retry()
			}
			return
		}
		q.segs = q.segs[1:]
		q.removed = segment.Extend(q.removed, s.num, s.done)
		f := s.file
		s.file, q.dirDirty = nil, true
		q.mu.Unlock()
		if s.detached && s.num >= q.skipTo {
			q.stale = true
		}
		if f != nil {
			f.Close() // whatever it says: all of it is consumed
		}
		q.remove(s)
		freed += s.size
		q.allocated.Add(-s.size)
	}
}

// remove removes the file of a consumed segment. One that stays, since the file system
// is read-only for a while, would be delivered again after a restart, so it is tried
// again: by removeRest. Its bytes come free all the same: with drop_oldest one segment
// after the other would be given up for them else. The caller holds io.
func (q *Shard) remove(s *segmentState) {
	err := q.discard(s)
	if err == nil {
		return
	}
	q.mu.Lock()
	q.consumed = append(q.consumed, s)
	q.mu.Unlock()
	if n, ok := q.removals.Ready(time.Now(), alarmEvery); ok {
		q.log.Error("queue: a consumed segment cannot be removed; it is tried again until it works",
			"shard", q.index, "file", s.path, "error", err, "times_before", n)
	}
}

// removeRest tries again to remove what remove could not. The caller holds io.
func (q *Shard) removeRest() {
	q.mu.Lock()
	rest := q.consumed
	q.consumed = nil
	q.mu.Unlock()
	if len(rest) == 0 {
		return
	}
	for _, s := range rest {
		q.remove(s)
	}
	q.mu.Lock()
	q.dirDirty = true
	q.mu.Unlock()
}

func (q *Shard) discard(s *segmentState) error {
	if !s.keep {
		return segment.RemoveAll(s.path)
	}
	_, err := quarantine.Move(q.root, q.name, s.num, s.located(), "")
	if errors.Is(err, fs.ErrNotExist) { // moved by an earlier attempt
		err = nil
	}
	return errors.Join(err, segment.Remove(s.path+segment.UnsyncedSuffix))
}

// detach takes a segment away from diskqueue, which cannot read it: from here on
// its records are read and consumed by us alone, and the file goes when all are.
// The caller holds io.
func (q *Shard) detach(s *segmentState, why string) error {
	q.log.Warn("queue: a segment is read without diskqueue from here on", "shard", q.index, "file", s.path, "reason", why)
	q.mu.Lock()
	writing := s == q.last()
	q.mu.Unlock()
	if writing {
		if err := q.newSegment(s.num + 1); err != nil {
			return q.setFault(&q.writeFault, err)
		}
	}
	s.detached = true
	if err := q.attach(); err != nil {
		return q.setFault(&q.writeFault, fmt.Errorf("attach: %w", err))
	}
	return nil
}
