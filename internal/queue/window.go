package queue

import (
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/segment"
)

// window is what a shard knows of its records: its segments, the position of the reader, and
// the records that are handed out. Its lock is the innermost one of a shard. Under it files
// are opened and closed, but not read, written or synced.
type window struct {
	mu    sync.Mutex
	state windowState

	avail signal // a record can be handed out
}

// with runs do under the lock.
func (w *window) with(do func(s *windowState)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do(&w.state)
}

// acknowledged returns the highest sequence number that was given, and what is
// acknowledged and may still be on disk.
func (w *window) acknowledged(f *folder) (seq uint64, list []segment.Stretch) {
	w.with(func(s *windowState) {
		seq, list = s.seq, f.acknowledged()
		for _, seg := range s.segs {
			list = segment.Extend(list, seg.num, seg.done)
		}
	})
	return seq, list
}

// windowState is what the lock of a window guards.
type windowState struct {
	segs []*segmentState // oldest first; the last one is written to
	cur  *segmentState   // with off: the next record to hand out
	off  int64
	// stall is the pause until the cursor is tried again, where it could not be read.
	stall   pause
	out     handedOut
	seq     uint64 // of the last record appended
	closed  bool
	sources map[string]string
	totals  *totals
	ledger  *ledger.Ledger
	// whenDone is called for records that are done, by their numbers.
	whenDone map[uint64]func()
	// acked is set when a record is done: what is acknowledged is to be stored.
	acked mark
}

// totals count a shard's records. They are safe for concurrent use.
type totals struct {
	records, events, bytes   atomic.Int64  // not done
	allocated                atomic.Int64  // bytes of the segments
	appended, acked, corrupt atomic.Uint64 // since Open
}

func (t *totals) add(records, events, bytes int64) {
	t.records.Add(records)
	t.events.Add(events)
	t.bytes.Add(bytes)
}

// last is the segment that is written to.
func (s *windowState) last() *segmentState { return s.segs[len(s.segs)-1] }

// after is the segment behind another one.
func (s *windowState) after(seg *segmentState) *segmentState {
	return s.segs[slices.Index(s.segs, seg)+1]
}

// firstLate is the first segment that was not read yet, or nil.
func (s *windowState) firstLate() *segmentState {
	for _, seg := range s.segs {
		if seg.late != nil {
			return seg
		}
	}
	return nil
}

// consumedAll says that the last segment holds records, and all of them are consumed.
func (s *windowState) consumedAll() bool {
	last := s.last()
	return last.size > 0 && s.out.empty() && s.cur == last && s.off >= last.size
}

// roll reports whether the next record of that size begins a new segment, by diskqueue's
// own rule, and how many bytes that frees because all of the old segment is consumed.
func (s *windowState) roll(size, segSize int64) (roll bool, freed int64) {
	last := s.last()
	roll = last.size > 0 && last.size+size > segSize
	if roll && s.consumedAll() {
		freed = last.size
	}
	return roll, freed
}

// publish makes the record at the end of seg readable.
func (s *windowState) publish(seg *segmentState, rec *event.Record, seq uint64, size int64) {
	if seg.size == 0 {
		seg.since = segment.Nanos(rec.Received)
	}
	if seg.first == 0 {
		seg.first = seq
	}
	seg.last = seq
	seg.size += size
	seg.ahead.AddName(s.intern(rec.Source), int64(rec.Events), size)
	s.seq = seq
	rec.Seq = seq
}

// intern keeps one copy of each source's name, not the caller's.
func (s *windowState) intern(source string) string {
	if name, ok := s.sources[source]; ok {
		return name
	}
	name := string([]byte(source))
	s.sources[name] = name
	return name
}

// finish removes the record of an entry from the counts of queued records.
func (s *windowState) finish(e *entry) {
	s.out.readAgain(e)
	e.state = done
	e.seg.flying--
	e.seg.done.Add(e.Seq)
	s.acked.set()
	s.totals.add(-1, -int64(e.events), -e.Size)
	if tell := s.whenDone[e.Seq]; tell != nil {
		delete(s.whenDone, e.Seq)
		tell()
	}
}

// queued reports whether a record is in the queue and not done.
func (s *windowState) queued(seq uint64) bool {
	i := slices.IndexFunc(s.segs, func(seg *segmentState) bool { return seg.first <= seq && seq <= seg.last })
	return i >= 0 && !s.segs[i].done.Has(seq)
}

// giveUp counts what was not handed out of a segment as dropped.
func (s *windowState) giveUp(seg *segmentState, reason string) {
	for source, n := range seg.ahead.BySource {
		if *n != 0 {
			s.ledger.Account(source).DropQueued(reason, int(*n))
		}
	}
	s.totals.add(-seg.ahead.Records, -seg.ahead.Events, -seg.ahead.Bytes)
	seg.ahead = segment.Tally{}
	for seq, tell := range s.whenDone {
		if seg.first <= seq && seq <= seg.last {
			delete(s.whenDone, seq)
			tell()
		}
	}
}

// recovered counts what the process before has left in a segment.
func (s *windowState) recovered(seg *segmentState) {
	s.totals.add(seg.ahead.Records, seg.ahead.Events, seg.ahead.Bytes)
	for source, n := range seg.ahead.BySource {
		s.ledger.Account(source).Recover(int(*n))
	}
}

// dropHead gives up the oldest segment, with what is in flight of it, and returns its
// bytes and the events that are lost. The segment that is written to is never given up,
// nor one that was not read yet: its contents are not known.
func (s *windowState) dropHead() (freed, events int64) {
	if !s.droppable() {
		return 0, 0
	}
	seg := s.segs[0]
	for i := range s.out.entries {
		if e := &s.out.entries[i]; e.seg == seg && e.state != done {
			s.finish(e)
			s.ledger.Account(e.Source).DropQueued(dropOldest, int(e.events))
			events += int64(e.events)
		}
	}
	events += seg.ahead.Events
	s.giveUp(seg, dropOldest)
	if s.cur == seg {
		s.moveTo(s.segs[1])
	}
	seg.detached = true
	return seg.size, events
}

func (s *windowState) droppable() bool {
	return !s.closed && len(s.segs) > 1 && s.segs[0].late == nil
}

// takeConsumed takes the oldest segment off the window if all of it is consumed, with
// its file, nil if that is not open. idle says that nothing at all is left to consume.
func (s *windowState) takeConsumed() (seg *segmentState, file *os.File, idle bool) {
	s.settle()
	seg = s.segs[0]
	if seg == s.last() || seg.inWindow > 0 || s.cur == seg {
		return nil, nil, s.out.empty() && s.cur == seg && s.off >= seg.size
	}
	s.segs = s.segs[1:]
	file, seg.file = seg.file, nil
	return seg, file, false
}

// exact is diskqueue's metadata by our own state.
func (s *windowState) exact() segment.Meta {
	at, off := s.cur, s.off // the first record that is not consumed
	if !s.out.empty() {
		at, off = s.out.entries[0].seg, s.out.entries[0].Off
	}
	last := s.last()
	m := segment.Meta{Depth: int64(len(s.out.entries)), Read: segment.Position{Num: at.num, Off: off},
		Write: segment.Position{Num: last.num, Off: last.size}}
	for _, seg := range s.segs {
		m.Depth += seg.ahead.Records + seg.skip
	}
	return m
}

// attachPoint is the metadata to start diskqueue with: it begins behind the detached
// segments that come first.
func (s *windowState) attachPoint() segment.Meta {
	m := s.exact()
	i := slices.IndexFunc(s.segs, func(seg *segmentState) bool { return seg.num >= m.Read.Num })
	for ; s.segs[i].detached; i++ { // the last one never is
		m.Read = segment.Position{Num: s.segs[i+1].num, Off: s.segs[i+1].from}
	}
	for _, seg := range s.segs {
		if seg.detached {
			m.Depth -= int64(seg.inWindow) + seg.ahead.Records + seg.skip
		}
	}
	return m
}

// reopen closes the file of a segment that is complete and synced, so that the next
// attempt opens it anew: a handle may be stale (NFS) where the file is well.
func (s *windowState) reopen(seg *segmentState) {
	if seg.file != nil && seg != s.last() && seg.synced >= seg.size && !seg.unsynced {
		_ = seg.close() // it was read only
	}
}

// shelve closes the file of a segment that is complete, synced and not needed soon: the
// reader is in another segment, and none of its records is handed out.
func (s *windowState) shelve(seg *segmentState) error {
	if seg == s.last() || seg == s.cur || seg.flying > 0 || seg.synced < seg.size {
		return nil
	}
	return seg.close()
}

// close closes all files. Nothing is handed out any more.
func (s *windowState) close() {
	s.closed = true
	for _, seg := range s.segs {
		_ = seg.close()
	}
}
