package queue

import (
	"fmt"
	"time"

	"syslog-gateway/internal/queue/recovery"
)

const (
	// maxSick is how many records that could not be read are passed over in a shard: where
	// nothing can be read the reader must not run through the whole backlog.
	maxSick = 1024
)

// pause is the time until something that failed is tried again. It grows with each
// failure; the zero value is no pause.
type pause struct {
	at   time.Time
	wait time.Duration
}

// grow begins the next pause. A failure within a pause, of somebody who has begun before
// it, does not count again.
func (p *pause) grow() {
	if now := time.Now(); p.over() {
		p.wait = min(max(2*p.wait, recovery.MinPause), recovery.MaxPause)
		p.at = now.Add(p.wait)
	}
}

// over says that it is time to try. It reads no clock where there is no pause.
func (p *pause) over() bool { return p.wait == 0 || !time.Now().Before(p.at) }

// stalled notes that the reader cannot go on at the cursor, and returns errNothing:
// nothing behind it is handed out until this place can be read.
func (q *Shard) stalled(seg *segmentState, err error) error {
	q.mu.Lock()
	if q.cur == seg {
		q.stall.grow()
		q.reopen(seg)
	}
	q.mu.Unlock()
	q.cantRead(seg, err)
	return errNothing
}

// unread gives a record back that could not be read. It stays queued and is read again
// after a pause; those behind it go on meanwhile.
func (q *Shard) unread(e entry, err error) {
	q.mu.Lock()
	now := q.find(e.Seq)
	if now == nil || now.state != inFlight {
		q.mu.Unlock()
		return
	}
	if now.state = waiting; !now.sick {
		now.sick = true
		q.unreadable++
	}
	q.sick = append(q.sick, e.Seq)
	q.rest.grow()
	q.reopen(e.seg)
	q.mu.Unlock()
	q.cantRead(e.seg, err)
}

// reopen closes the file of a segment that is complete and synced, so that the next
// attempt opens it anew: a handle may be stale (NFS) where the file is well. The caller
// holds mu.
func (q *Shard) reopen(s *segmentState) {
	if s.file != nil && s != q.last() && s.synced >= s.size && !s.doubt {
		_ = s.file.Close() // it was read only
		s.file = nil
	}
}

// cantRead makes a failed read visible, and wakes those who wait: they must know when it
// is tried again.
func (q *Shard) cantRead(seg *segmentState, err error) {
	_ = q.setFault(&q.readFault, fmt.Errorf("%s: %w", seg.path, err))
	q.avail.broadcast()
}

// readAgain says that a record was read that could not be before.
func (q *Shard) readAgain(seq uint64) {
	q.mu.Lock()
	if e := q.find(seq); e != nil && e.sick {
		q.heal1(e)
	}
	q.rest = pause{}
	more := len(q.sick) > 0
	q.mu.Unlock()
	if more {
		q.avail.broadcast() // for the others at once
	}
	q.settleReads()
}

// heal1 takes an entry off those that could not be read. The caller holds mu.
func (q *Shard) heal1(e *entry) {
	e.sick = false
	q.unreadable--
}

// settleReads ends the fault of reading when nothing is left that could not be read.
func (q *Shard) settleReads() {
	if q.readFault.Load() == nil {
		return
	}
	q.mu.Lock()
	well := q.unreadable == 0 && q.stall.wait == 0 && q.firstLate() == nil
	q.mu.Unlock()
	if well {
		q.clearFault(&q.readFault)
	}
}

// holding says why the record at the cursor cannot be handed out, or nil.
func (q *Shard) holding() error {
	f := q.readFault.Load()
	if f == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stall.wait == 0 && q.cur.late == nil && len(q.sick) < maxSick {
		return nil
	}
	return f.err
}

// nextTry is when something that could not be read is tried again; ok is false where
// there is nothing.
func (q *Shard) nextTry() (at time.Time, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stall.wait != 0 {
		at, ok = q.stall.at, true
	}
	if len(q.sick) > 0 && (!ok || q.rest.at.Before(at)) {
		at, ok = q.rest.at, true
	}
	return at, ok
}
