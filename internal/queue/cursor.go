package queue

import (
	"os"

	"syslog-gateway/internal/queue/segment"
)

// settle moves the cursor out of segments that it has read to the end. Records that were
// expected in them but not found are lost to damage.
func (s *windowState) settle() {
	for s.off >= s.cur.size && s.cur != s.last() && s.cur.late == nil {
		s.giveUp(s.cur, dropBroken)
		s.moveTo(s.after(s.cur))
	}
}

// moveTo puts the cursor at the first record of a segment that is not consumed.
func (s *windowState) moveTo(seg *segmentState) { s.cur, s.off, s.stall = seg, seg.from, pause{} }

// skipTo moves the cursor on within its segment.
func (s *windowState) skipTo(off int64) { s.off, s.stall = off, pause{} }

// cursor is where the next record begins.
type cursor struct {
	seg       *segmentState
	file      *os.File
	off, size int64 // size is that of the segment
}

// next returns the record to hand out again, or where the next new one begins. It fails
// with ErrClosed, with errNothing, or with an error of opening the segment.
func (s *windowState) next() (again entry, at cursor, err error) {
	if s.closed {
		return entry{}, cursor{}, ErrClosed
	}
	if e := s.out.retake(); e != nil {
		return *e, cursor{}, nil
	}
	s.settle()
	at = cursor{seg: s.cur, off: s.off, size: s.cur.size}
	if s.off >= at.size || s.cur.late != nil || !s.stall.over() || s.out.tooManyUnreadable() {
		return entry{}, cursor{}, errNothing
	}
	at.file, err = s.cur.open()
	return entry{}, at, err
}

// enter hands out the record at the cursor and moves the cursor on. The record may be
// done already.
func (s *windowState) enter(seg *segmentState, h *segment.Header) entry {
	source, ok := s.sources[string(h.Source)] // looking up does not copy the name
	if !ok {
		source = s.intern(string(h.Source))
	}
	e := entry{Place: segment.Place{Seq: h.Seq, Off: s.off, Size: h.Size(), Source: source}, seg: seg, events: h.Events}
	if seg.done.Has(e.Seq) { // already counted by the process before
		seg.skip--
		e.state = done
	} else {
		seg.ahead.Remove(h.Source, int64(h.Events), e.Size)
		seg.flying++
	}
	seg.inWindow++
	s.out.entries = append(s.out.entries, e)
	s.skipTo(s.off + e.Size)
	return e
}

// damageKnown returns where the damage ends that start-up has found at the cursor and
// counted.
func (s *windowState) damageKnown() (to int64, ok bool) {
	for _, d := range s.cur.damage {
		if d.From == s.off {
			return min(s.cur.size, d.To), true
		}
	}
	return 0, false
}

// holds reports that the reader cannot go on, because something cannot be read.
func (s *windowState) holds() bool {
	return s.stall.wait != 0 || s.cur.late != nil || s.out.tooManyUnreadable()
}

// readable says that nothing is left that could not be read.
func (s *windowState) readable() bool {
	return s.out.numUnreadable == 0 && s.stall.wait == 0 && s.firstLate() == nil
}
