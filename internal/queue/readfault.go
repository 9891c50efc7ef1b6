package queue

import (
	"fmt"
	"time"

	"syslog-gateway/internal/queue/recovery"
)

// maxUnreadable is how many unreadable records are passed over in a shard: if nothing can
// be read, the reader must not run through the whole backlog.
const maxUnreadable = 1024

// pause is the time until something that failed is tried again. It grows with each
// failure; the zero value is no pause.
type pause struct {
	at   time.Time
	wait time.Duration
}

// grow begins the next pause. A failure within a pause, of an attempt that began before
// it, does not count again.
func (p *pause) grow() {
	if now := time.Now(); p.over() {
		p.wait = min(max(2*p.wait, recovery.MinPause), recovery.MaxPause)
		p.at = now.Add(p.wait)
	}
}

// over says that it is time to try. It reads no clock if there is no pause.
func (p *pause) over() bool { return p.wait == 0 || !time.Now().Before(p.at) }

// stalled records that the reader cannot go on at the cursor, and returns errNothing.
// Nothing behind the cursor is handed out until it can be read.
func (r *reader) stalled(seg *segmentState, err error) error {
	r.win.with(func(s *windowState) {
		if s.cur == seg {
			s.stall.grow()
			s.reopen(seg)
		}
	})
	r.failed(seg, err)
	return errNothing
}

// unread gives a record back that could not be read. It stays queued and is read again
// after a pause; those behind it go on meanwhile.
func (r *reader) unread(e entry, err error) {
	waits := false
	r.win.with(func(s *windowState) {
		if waits = s.out.failed(e.Seq); waits {
			s.reopen(e.seg)
		}
	})
	if waits {
		r.failed(e.seg, err)
	}
}

// failed makes a failed read visible, and wakes waiting callers, which need the time of the
// next attempt.
func (r *reader) failed(seg *segmentState, err error) {
	_ = r.faults.read.set(fmt.Errorf("%s: %w", seg.path, err))
	r.win.avail.broadcast()
}

// readAgain records that a record can be read again.
func (r *reader) readAgain(seq uint64) {
	more := false
	r.win.with(func(s *windowState) {
		if e := s.out.find(seq); e != nil {
			s.out.readAgain(e)
		}
		s.out.retry = pause{}
		more = len(s.out.unreadable) > 0
	})
	if more {
		r.win.avail.broadcast() // for the others at once
	}
	r.settleFault()
}

// settleFault ends the read fault when everything can be read again.
func (r *reader) settleFault() {
	if r.faults.read.err() == nil {
		return
	}
	well := false
	r.win.with(func(s *windowState) { well = s.readable() })
	if well {
		r.faults.read.clear()
	}
}

// holding says why the record at the cursor cannot be handed out, or nil.
func (r *reader) holding() error {
	err := r.faults.read.err()
	if err == nil {
		return nil
	}
	r.win.with(func(s *windowState) {
		if !s.holds() {
			err = nil
		}
	})
	return err
}

// nextTry is when something that could not be read is tried again; ok is false if there is
// nothing.
func (r *reader) nextTry() (at time.Time, ok bool) {
	r.win.with(func(s *windowState) {
		if s.stall.wait != 0 {
			at, ok = s.stall.at, true
		}
		if len(s.out.unreadable) > 0 && (!ok || s.out.retry.at.Before(at)) {
			at, ok = s.out.retry.at, true
		}
	})
	return at, ok
}
