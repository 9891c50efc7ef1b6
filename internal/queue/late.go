package queue

// late is a segment that start-up could not read. It is walked when the disk answers,
// and its records enter the books then. Until that nothing of it, and nothing behind it
// in the shard, is handed out.
type late struct {
	sc    *shardScan
	scan  *segmentScan
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
		scan := s.late.scan.again(s.located() != s.path)
		err := s.late.sc.walkSegment(scan)
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
func (q *Shard) admit(s *segmentState, scan *segmentScan) error {
	l := s.late
	misplaced := !scan.fits(l.above, l.below)
	if misplaced {
		// A second name, since the first one goes when the segment is consumed.
		to, err := linkAside(q.root, q.name, scan.num, scan.file(), misplacedSuffix)
		if err != nil {
			return err
		}
		q.log.Error(saysMisplaced, "shard", q.index, "file", s.path, "moved_to", to, "records", scan.records)
		scan.walked, scan.done, scan.skip = walked{tornAt: -1}, nil, 0
	} else if err := q.applyLate(s, scan); err != nil {
		return err
	}
	size := scan.fileSize
	if scan.tornAt >= 0 {
		size = scan.tornAt
	}
	if misplaced {
		scan.from = size
	}
	q.mu.Lock()
	s.keep = s.keep || scan.keep
	q.budget.used.Add(size - s.size)
	q.allocated.Add(size - s.size)
	s.size, s.from, s.left, s.damage, s.late = size, scan.from, scan.tally, scan.damage, nil
	s.done, s.skip = scan.done, scan.skip
	s.first, s.last = scan.firstSeq, scan.lastSeq
	if scan.oldest != 0 {
		s.since = scan.oldest
	}
	if q.cur == s {
		q.off = s.from
	}
	for _, other := range q.segs {
		if other.late != nil {
			other.late.above = max(other.late.above, scan.lastSeq)
		}
	}
	q.book(s)
	q.mu.Unlock()
	q.reckonLate(l.sc, scan)
	q.log.Info("queue: a segment that start-up could not read is read", "shard", q.index, "file", s.path, "records", scan.records)
	q.avail.broadcast()
	return nil
}

// applyLate does to a late segment what repair does to the others.
func (q *Shard) applyLate(s *segmentState, scan *segmentScan) error {
	if err := s.late.sc.setDamageAside(q.root, scan, q.foundDamage); err != nil {
		return err
	}
	if scan.tornAt < 0 {
		return nil
	}
	return truncate(scan.file(), scan.tornAt) // it was the last one
}

// foundDamage counts and logs what start-up has set aside.
func (q *Shard) foundDamage(seg *segmentScan, d damage, copied string) {
	q.corrupt.Add(1)
	q.log.Error("queue: a damaged part of a segment is set aside", "shard", q.index, "file", seg.path,
		"offset", d.from, "bytes", d.to-d.from, "reason", d.what, "copy", copied)
}
