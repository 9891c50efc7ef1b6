package queue

import (
	"log/slog"
	"path/filepath"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
)

// recoverer recovers what the previous process left in a shard: at the start, and later the
// segments that could not be read then.
type recoverer struct {
	root, name, dir string
	log             *slog.Logger
	win             *window
	budget          *budget
	totals          *totals
	ledger          *ledger.Ledger
	reader          *reader
}

// late is what is known of a segment that start-up could not read. It is read when the
// disk answers, and its records are counted then. Until then nothing of it, and
// nothing behind it in the shard, is handed out.
type late struct {
	sc    *recovery.Shard
	scan  *recovery.Segment
	pause pause
	// The sequence numbers of its neighbours, between which its own must lie.
	above, below uint64
}

// repair repairs the files of the shard, and returns the state of the segments that are
// left, and the highest sequence number that may be on disk.
func (r *recoverer) repair(sc *recovery.Shard) (segs []*segmentState, seq uint64, err error) {
	if sc.Problem != "" {
		r.log.Warn("queue: start-up goes by the segments alone", "reason", sc.Problem)
	}
	if err := r.moveMisplaced(sc); err != nil {
		return nil, 0, err
	}
	scans, err := sc.Repair(r.root, r.foundDamage)
	if err != nil {
		return nil, 0, err
	}
	r.reckonAll(sc)
	for _, scan := range sc.Segments {
		seq = max(seq, scan.LastSeq) + scan.MayHold()
	}
	seq = max(seq, sc.Acked.Seq)
	if err := sc.Acked.Unread; err != nil {
		seq += ackedGap
		r.log.Error("queue: which records are delivered cannot be read: more is delivered again", "error", err)
	}
	for _, scan := range scans {
		seg := taken(sc, scan)
		segs = append(segs, seg)
		if seg.late != nil {
			seg.late.above, seg.late.below = sc.Between(scan, seq)
			r.reader.failed(seg, scan.Failed)
		}
	}
	return segs, seq, nil
}

// moveMisplaced moves the segments that do not belong here into the corrupt folder.
func (r *recoverer) moveMisplaced(sc *recovery.Shard) error {
	for _, scan := range sc.Misplaced {
		if err := sc.RestoreName(r.root, scan); err != nil {
			return err
		}
		to, err := quarantine.Move(r.root, r.name, scan.Num, scan.Path, quarantine.MisplacedSuffix)
		if err != nil {
			return err
		}
		if err := segment.Remove(scan.Path + segment.UnsyncedSuffix); err != nil {
			return err
		}
		r.logMisplaced(scan, to)
	}
	return nil
}

func (r *recoverer) logMisplaced(scan *recovery.Segment, to string) {
	r.log.Error("queue: the records of a segment do not follow those before it, so somebody has copied it here; "+
		"it is moved to the corrupt folder, and those of its records that are not queued are put back",
		"file", scan.Path, "moved_to", to, "records", scan.Records)
}

// foundDamage counts and logs a range that was quarantined.
func (r *recoverer) foundDamage(scan *recovery.Segment, d segment.Damage, copied string) {
	r.totals.corrupt.Add(1)
	r.log.Error("queue: a damaged part of a segment is quarantined", "file", scan.Path,
		"offset", d.From, "bytes", d.To-d.From, "reason", d.What, "copy", copied)
}

// readLate reads the segments that start-up could not read, in their order, as far as the
// disk answers, until stop says so.
func (r *recoverer) readLate(stop func() bool) {
	for {
		var seg *segmentState
		r.win.with(func(s *windowState) { seg = s.firstLate() })
		if seg == nil || stop() || !seg.late.pause.over() {
			return
		}
		scan := seg.late.scan.Again(seg.located() != seg.path)
		err := seg.late.sc.ReadSegment(scan)
		if err == nil {
			err = r.admit(seg, scan)
		}
		if err != nil {
			seg.late.pause.grow()
			r.reader.failed(seg, err)
			return
		}
	}
}

// admit counts what was found in a late segment. Only the caller changes late segments.
func (r *recoverer) admit(seg *segmentState, scan *recovery.Segment) error {
	l := seg.late
	misplaced := !scan.Fits(l.above, l.below)
	if misplaced {
		// A second name, since the first one goes when the segment is consumed.
		to, err := quarantine.Link(r.root, r.name, scan.Num, scan.File(), quarantine.MisplacedSuffix)
		if err != nil {
			return err
		}
		r.logMisplaced(scan, to)
		scan.Contents, scan.Done, scan.Skip = segment.Contents{TornAt: -1}, nil, 0
	} else if err := r.repairLate(l, scan); err != nil {
		return err
	}
	scan.Size = scan.FileSize
	if scan.TornAt >= 0 {
		scan.Size = scan.TornAt
	}
	if misplaced {
		scan.From = scan.Size
	}
	r.win.with(func(s *windowState) {
		r.budget.used.Add(scan.Size - seg.size)
		r.totals.allocated.Add(scan.Size - seg.size)
		s.admit(seg, scan)
	})
	r.reckonLate(l.sc, scan)
	r.log.Info("queue: a segment that start-up could not read is read", "file", seg.path, "records", scan.Records)
	r.win.avail.broadcast()
	return nil
}

// repairLate does to a late segment what the start does to the others.
func (r *recoverer) repairLate(l *late, scan *recovery.Segment) error {
	if err := l.sc.QuarantineDamage(r.root, scan, r.foundDamage); err != nil {
		return err
	}
	if scan.TornAt < 0 {
		return nil
	}
	return recovery.Truncate(scan.File(), scan.TornAt) // it was the last one
}

// admit makes a late segment one like the others.
func (s *windowState) admit(seg *segmentState, scan *recovery.Segment) {
	seg.size, seg.from, seg.ahead, seg.damage, seg.late = scan.Size, scan.From, scan.Tally, scan.Damage, nil
	seg.done, seg.skip = scan.Done, scan.Skip
	seg.first, seg.last = scan.FirstSeq, scan.LastSeq
	seg.keep = seg.keep || scan.Keep
	if scan.Oldest != 0 {
		seg.since = scan.Oldest
	}
	if s.cur == seg {
		s.off = seg.from
	}
	for _, other := range s.segs {
		if other.late != nil {
			other.late.above = max(other.late.above, scan.LastSeq)
		}
	}
	s.recovered(seg)
}

// reckon compares the stop state of a segment with the records that were found in it.
// Missing records were never recovered and are lost: both are counted.
func (r *recoverer) reckon(stop *segment.StopSegment, size int64, found *segment.Tally) {
	records, events := stop.Records-found.Records, int64(0)
	for source, n := range stop.Events {
		if there := found.BySource[source]; there != nil {
			n -= *there
		}
		if n > 0 {
			events += n
			account := r.ledger.Account(source)
			account.Recover(int(n))
			account.DropQueued(dropBroken, int(n))
		}
	}
	if records <= 0 && events == 0 {
		return
	}
	r.log.Error("queue: records that the last stop has left are missing: the segment was damaged, cut or removed since then. "+
		"They are counted as dropped", "file", filepath.Join(r.dir, segment.Name(stop.Segment)), "bytes", size,
		"bytes_at_the_stop", stop.Size, "records", records, "events", events)
}

// reckonAll compares all segments of the stop state, except those not read yet.
func (r *recoverer) reckonAll(sc *recovery.Shard) {
	for i := range sc.Stop {
		stop := &sc.Stop[i]
		scan, found := &recovery.Segment{}, &segment.Tally{}
		for _, s := range sc.Segments {
			if s.Holds(stop) {
				scan, found = s, &s.Tally
				break
			}
			if s.Num == stop.Segment {
				scan = s
			}
		}
		if scan.Failed == nil {
			r.reckon(stop, scan.FileSize, found)
		}
	}
}

// reckonLate compares a segment that was read late.
func (r *recoverer) reckonLate(sc *recovery.Shard, scan *recovery.Segment) {
	for i := range sc.Stop {
		stop := &sc.Stop[i]
		switch {
		case stop.Segment != scan.Num:
		case scan.Holds(stop):
			r.reckon(stop, scan.FileSize, &scan.Tally)
		default:
			r.reckon(stop, scan.FileSize, &segment.Tally{})
		}
	}
}
