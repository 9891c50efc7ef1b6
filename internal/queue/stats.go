package queue

import (
	"slices"
	"strconv"
	"time"

	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/status"
)

// ShardStats is one reading of a shard. Mode is not set: a queue knows no operator's mode.
type ShardStats struct {
	status.Shard
	Index     int
	Allocated int64 // bytes of its segments, which count against max_size
	Age       time.Duration
	Faults    Faults // since Open
	Acked     uint64 // records, since Open
	ReadFault string // why a part of it cannot be read; empty if it can
	Stalled   bool   // that part is the next one
}

// Faults counts what the disk has refused.
type Faults struct {
	Write uint64 `json:"write"` // to begin a segment, to append to it, or to end that fault
	Sync  uint64 `json:"sync"`
	Read  uint64 `json:"read"` // a record, a header, or a segment at the start
}

// Stats reads the shard. It reads one header from disk.
func (q *Shard) Stats() ShardStats {
	t, f := &q.totals, q.faults
	st := ShardStats{
		Shard: status.Shard{
			Name: strconv.Itoa(q.index), Draining: q.drains,
			Records: t.records.Load(), Events: t.events.Load(), Bytes: t.bytes.Load(),
			Corrupt: t.corrupt.Load(), Appended: t.appended.Load(),
			Full: q.full(), Oldest: q.win.since(),
		},
		Index: q.index, Allocated: t.allocated.Load(), Acked: t.acked.Load(),
		Faults: Faults{Write: f.write.times.Load(), Sync: f.sync.times.Load(), Read: f.read.times.Load()},
	}
	q.win.with(func(s *windowState) { st.Segments = int64(len(s.segs)) })
	if !st.Oldest.IsZero() {
		st.Age = max(0, time.Since(st.Oldest))
	}
	if err := f.writing(); err != nil {
		st.Fault = err.Error()
	}
	if err := f.read.err(); err != nil {
		st.ReadFault, st.Stalled = err.Error(), q.reader.holding() != nil
	}
	st.Stuck = st.Full || st.Fault != "" || st.Stalled
	return st
}

// PendingBytes is the size of the stored records that are not acknowledged. It is cheap:
// the balancer calls it for each batch.
func (q *Shard) PendingBytes() int64 { return q.totals.bytes.Load() }

// since is when the first event of the oldest record that is not done was received, or
// if that cannot be read, the oldest one of its segment. Zero: nothing is queued.
func (w *window) since() time.Time {
	var at cursor
	var since time.Time
	var err error
	w.with(func(s *windowState) {
		if at.seg, at.off = s.oldest(); at.seg == nil {
			return
		}
		since = segment.Time(at.seg.since)
		if at.seg.late != nil {
			return
		}
		at.size = at.seg.size
		at.file, err = at.seg.open()
	})
	if at.file == nil || err != nil {
		return since
	}
	r := segment.HeaderReader{File: at.file, Size: at.size}
	h, _, v, err := r.Read(at.off, 0)
	if err != nil || v != segment.Valid {
		return since
	}
	return segment.Time(h.Received)
}

// oldest is the place of the oldest record that is not done; seg is nil if there is none.
func (s *windowState) oldest() (seg *segmentState, off int64) {
	seg, off = s.cur, s.off
	if i := slices.IndexFunc(s.out.entries, func(e entry) bool { return e.state != done }); i >= 0 {
		seg, off = s.out.entries[i].seg, s.out.entries[i].Off
	}
	atEnd := off >= seg.size && seg.late == nil
	switch {
	case s.closed || atEnd && seg == s.last():
		return nil, 0
	case atEnd: // the reader has not advanced yet
		seg = s.after(seg)
		off = seg.from
	}
	return seg, off
}

// Stats is one reading of the store. The sums are over all shards.
type Stats struct {
	Records   int64         `json:"records"`
	Events    int64         `json:"events"`
	Bytes     int64         `json:"bytes"`
	Allocated int64         `json:"allocated_bytes"`
	Capacity  int64         `json:"capacity_bytes"`
	Oldest    time.Time     `json:"oldest"` // zero: nothing queued
	Age       time.Duration `json:"age_ns"`
	Full      bool          `json:"full"`
	LowSpace  bool          `json:"low_space"`            // the file system has less than min_free
	Fault     string        `json:"fault,omitempty"`      // why a shard cannot be written
	ReadFault string        `json:"read_fault,omitempty"` // why a part of a shard cannot be read
	Shards    []ShardStats  `json:"shards"`
}

// Stats reads all shards, and one header from disk for each.
func (s *Store) Stats() Stats {
	st := Stats{Capacity: s.opts.MaxSize, Full: s.Full(), LowSpace: s.budget.low.Load()}
	for _, q := range s.shards {
		if q.folder.gone.Load() {
			continue
		}
		one := q.Stats()
		st.Records += one.Records
		st.Events += one.Events
		st.Bytes += one.Bytes
		st.Allocated += one.Allocated
		if !one.Oldest.IsZero() && (st.Oldest.IsZero() || one.Oldest.Before(st.Oldest)) {
			st.Oldest, st.Age = one.Oldest, one.Age
		}
		if st.ReadFault == "" {
			st.ReadFault = one.ReadFault
		}
		st.Shards = append(st.Shards, one)
	}
	if err := s.writable(); err != nil {
		st.Fault = err.Error()
	}
	return st
}

// Healthy says why a shard cannot be written, or why what is next in it cannot be read,
// or nil. A full queue is no fault. Nor are single records that cannot be read, since those
// behind them are delivered (Stats reports them).
func (s *Store) Healthy() error {
	err := s.writable()
	for _, q := range s.shards {
		if err != nil {
			return err
		}
		err = q.reader.holding()
	}
	return err
}

// writable says why a shard cannot be written, or nil.
func (s *Store) writable() error {
	for _, q := range s.shards {
		if q.shut.Load() {
			return ErrClosed
		}
		if err := q.faults.writing(); err != nil && !q.drains {
			return err
		}
	}
	return nil
}

// Full says that an append was refused for want of room, and that there is none
// yet.
func (s *Store) Full() bool { return slices.ContainsFunc(s.shards, (*Shard).full) }
