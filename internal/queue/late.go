package queue

import (
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
)

// late is a segment that start-up could not read. It is walked when the disk answers,
// and its records enter the books then. Until that nothing of it, and nothing behind it
// in the shard, is handed out.
type late struct {
	sc    *recovery.Shard
	scan  *recovery.Segment
	pause pause
	// The sequence numbers of its neighbours, between which its own must lie.
	above, below uint64
}

// firstLate is the first segment that was not read yet, or nil. The caller holds mu.
func (q *Shard) firstLate() *segmentState {
	for _, s := range q.segs {
		if s.late != nil {
			return s
		}
	}
	return nil
}

// readLate walks the segments that start-up could not read, in their order, as far as
// the disk answers.
func (q *Shard) readLate() {
	for {
		q.mu.Lock()
		s := q.firstLate()
		q.mu.Unlock()
		if s == nil || q.shut.Load() || !s.late.pause.over() {
			return
		}
		scan := s.late.scan.Again(s.located() != s.path)
		err := s.late.sc.ReadSegment(scan)
		if err == nil {
			err = q.admit(s, scan)
		}
		if err != nil {
			s.late.pause.grow()
			q.cantRead(s, err)
			return
		}
	}
}

// admit enters into the books what a walk has found of a late segment. The caller is the
// only one who changes late segments.
func (q *Shard) admit(s *segmentState, scan *recovery.Segment) error {
	l := s.late
	misplaced := !scan.Fits(l.above, l.below)
	if misplaced {
		// A second name, since the first one goes when the segment is consumed.
		to, err := quarantine.Link(q.root, q.name, scan.Num, scan.File(), quarantine.MisplacedSuffix)
		if err != nil {
			return err
		}
		q.log.Error(saysMisplaced, "shard", q.index, "file", s.path, "moved_to", to, "records", scan.Records)
		scan.Contents, scan.Done, scan.Skip = segment.Contents{TornAt: -1}, nil, 0
	} else if err := q.applyLate(s, scan); err != nil {
		return err
	}
	size := scan.FileSize
	if scan.TornAt >= 0 {
		size = scan.TornAt
	}
	if misplaced {
		scan.From = size
	}
	q.mu.Lock()
	s.keep = s.keep || scan.Keep
	q.budget.used.Add(size - s.size)
	q.allocated.Add(size - s.size)
	s.size, s.from, s.left, s.damage, s.late = size, scan.From, scan.Tally, scan.Damage, nil
	s.done, s.skip = scan.Done, scan.Skip
	s.first, s.last = scan.FirstSeq, scan.LastSeq
	if scan.Oldest != 0 {
		s.since = scan.Oldest
	}
	if q.cur == s {
		q.off = s.from
	}
	for _, other := range q.segs {
		if other.late != nil {
			other.late.above = max(other.late.above, scan.LastSeq)
		}
	}
	q.book(s)
	q.mu.Unlock()
	q.reckonLate(l.sc, scan)
	q.log.Info("queue: a segment that start-up could not read is read", "shard", q.index, "file", s.path, "records", scan.Records)
	q.avail.broadcast()
	return nil
}

// applyLate does to a late segment what repair does to the others.
func (q *Shard) applyLate(s *segmentState, scan *recovery.Segment) error {
	if err := s.late.sc.QuarantineDamage(q.root, scan, q.foundDamage); err != nil {
		return err
	}
	if scan.TornAt < 0 {
		return nil
	}
	return recovery.Truncate(scan.File(), scan.TornAt) // it was the last one
}

// foundDamage counts and logs what start-up has set aside.
func (q *Shard) foundDamage(seg *recovery.Segment, d segment.Damage, copied string) {
	q.corrupt.Add(1)
	q.log.Error("queue: a damaged part of a segment is set aside", "shard", q.index, "file", seg.Path,
		"offset", d.From, "bytes", d.To-d.From, "reason", d.What, "copy", copied)
}
