package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nsqio/go-diskqueue"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/throttle"
)

// What Append and Next fail with, apart from errors of the disk.
// ErrClosed says that the store is closed, or that the shard is left over from a larger
// configuration and takes no appends.
var ErrClosed = errors.New("queue: closed")

// state of a record that has been handed out.
type state uint8

const (
	inFlight state = iota
	waiting        // given back by Nack
	done           // acknowledged, dropped or damaged
)

// entry is a record between being handed out and being consumed from diskqueue.
type entry struct {
	segment.Place
	seg    *segmentState
	events uint32
	state  state
	sick   bool // it could not be read the last time
}

// Shard is one queue. All methods are safe for concurrent use.
//
// Locks are taken in the order io, rd, mu. diskqueue is used under io only, so
// its state changes only where ours does; io is held while it syncs, mu never is
// held while the disk is waited for, apart from opening and closing a file.
type Shard struct {
	name      string
	index     int
	dir, root string
	drains    bool // takes no appends
	segSize   int64
	interval  time.Duration
	budget    *budget
	makeRoom  func() bool // gives up a segment; nil: refuse appends instead
	ledger    *ledger.Ledger
	log       *slog.Logger
	slow      throttle.Throttle // of the warning that a sync took long
	dropping  throttle.Throttle // of the warning that records are dropped
	metaFails throttle.Throttle // of the warning that diskqueue fails
	noteFails throttle.Throttle // of the warning that what is acknowledged cannot be stored
	removals  throttle.Throttle // of the error that a segment cannot be removed
	faults    throttle.Throttle // of faults
	healed    throttle.Throttle // of their ends
	misreads  throttle.Throttle // of errors of reading
	rereads   throttle.Throttle // of their ends

	io     sync.Mutex // one user of diskqueue at a time
	dq     diskqueue.Interface
	buf    []byte // the record being written
	stale  bool   // diskqueue reads where we do not: attach before receiving
	skipTo int64  // diskqueue was attached at this segment
	tight  error  // there was no room for the metadata when it was stored last
	timer  *time.Timer
	// copyAt is when a segment in doubt may be copied again, after copyWait.
	copyAt   time.Time
	copyWait time.Duration

	rd  sync.Mutex           // one reader of headers at a time
	win segment.HeaderReader // headers read ahead, of segment ws
	ws  *segmentState
	// lastSize is the size of the record read last: how far to read ahead.
	lastSize int64

	mu    sync.Mutex
	segs  []*segmentState // oldest first; the last one is written to
	cur   *segmentState   // with off: the next record to hand out
	off   int64
	held  []entry  // handed out and not consumed, oldest first
	again []uint64 // waiting, oldest first
	sick  []uint64 // waiting, since they could not be read; they take turns
	rest  pause    // until one of them is tried again
	stall pause    // until the cursor is tried again, where it could not be read
	// unreadable is how many held entries are sick, those that are being tried included.
	unreadable int
	seq        uint64 // of the last record appended
	closed     bool
	dirDirty   bool
	// dissolved says that the shard was left over and is gone: it has no folder any more.
	dissolved bool
	// consumed are segments that are done with and could not be removed yet.
	consumed []*segmentState
	// removed is what was acknowledged of segments that are removed, as long as a power
	// loss may bring them back; removing is that of which the folder is being synced.
	removed, removing []segment.Stretch
	unnoted           bool        // acknowledged since ackedFile was written
	noteAt            time.Time   // not before, since it has failed
	metaFile          os.FileInfo // diskqueue's metadata when the folder was synced last
	sources           map[string]string

	records, events, bytes   atomic.Int64 // not done
	appended, acked, corrupt atomic.Uint64
	allocated                atomic.Int64  // bytes of the segments
	fullAt                   atomic.Uint64 // the budget's answer that refused an append; 0: none
	shut                     atomic.Bool   // like closed, without lock
	// The faults that there are now, and how often each was met since Open.
	writeFault, syncFault, readFault    atomic.Pointer[fault]
	writeFaults, syncFaults, readFaults atomic.Uint64
	diskqueueFailed                     atomic.Bool // diskqueue could not store its metadata

	note      sync.Mutex // one writer of ackedFile at a time; taken before mu
	ackedFile ackedFile

	avail signal        // a record can be handed out
	acks  chan struct{} // a record was acknowledged
	// mending asks for an attempt to end a fault.
	mending chan struct{}
}

// fault is why something cannot be written, synced or read now.
type fault struct{ err error }

// ShardStats is one reading of a shard.
type ShardStats struct {
	Index     int           `json:"shard"`
	Draining  bool          `json:"draining"` // left over: takes no appends
	Records   int64         `json:"records"`  // queued or in flight
	Events    int64         `json:"events"`
	Bytes     int64         `json:"bytes"`
	Allocated int64         `json:"allocated_bytes"` // of its segments, what counts against max_size
	Segments  int           `json:"segments"`
	Oldest    time.Time     `json:"oldest"` // zero: nothing queued
	Age       time.Duration `json:"age_ns"`
	Corrupt   uint64        `json:"corrupt_records"`
	Faults    Faults        `json:"faults"`           // since Open
	Appended  uint64        `json:"appended_records"` // since Open
	Acked     uint64        `json:"acked_records"`    // since Open
	Full      bool          `json:"full"`
	Fault     string        `json:"fault,omitempty"`      // why it cannot be written
	ReadFault string        `json:"read_fault,omitempty"` // why a part of it cannot be read
	Stalled   bool          `json:"stalled"`              // that part is the one that is next
}

// Faults counts what the disk has refused.
type Faults struct {
	Write uint64 `json:"write"` // to begin a segment, to append to it, or to heal that
	Sync  uint64 `json:"sync"`
	Read  uint64 `json:"read"` // a record, a header, or a segment at the start
}

// Index is the shard's number: its folder and its metrics label.
func (q *Shard) Index() int { return q.index }

// Stats reads the shard. It reads one header from disk.
func (q *Shard) Stats() ShardStats {
	st := ShardStats{
		Index: q.index, Draining: q.drains,
		Records: q.records.Load(), Events: q.events.Load(), Bytes: q.bytes.Load(),
		Allocated: q.allocated.Load(),
		Corrupt:   q.corrupt.Load(), Appended: q.appended.Load(), Acked: q.acked.Load(),
		Full: q.full(), Oldest: q.oldest(),
		Faults: Faults{Write: q.writeFaults.Load(), Sync: q.syncFaults.Load(), Read: q.readFaults.Load()},
	}
	q.mu.Lock()
	st.Segments = len(q.segs)
	q.mu.Unlock()
	if !st.Oldest.IsZero() {
		st.Age = max(0, time.Since(st.Oldest))
	}
	if err := q.fault(); err != nil {
		st.Fault = err.Error()
	}
	if f := q.readFault.Load(); f != nil {
		st.ReadFault, st.Stalled = f.err.Error(), q.holding() != nil
	}
	return st
}

// oldest is when the first event of the oldest record that is not done was
// received, or where that cannot be read, the oldest one of its segment.
func (q *Shard) oldest() time.Time {
	q.mu.Lock()
	seg, off := q.cur, q.off
	if i := slices.IndexFunc(q.held, func(e entry) bool { return e.state != done }); i >= 0 {
		seg, off = q.held[i].seg, q.held[i].Off
	}
	if q.closed || off >= seg.size && seg == q.last() && seg.late == nil {
		q.mu.Unlock()
		return time.Time{}
	}
	if off >= seg.size && seg.late == nil { // the reader has not moved on yet
		seg = q.segs[slices.Index(q.segs, seg)+1]
		off = seg.from
	}
	since := segment.Time(seg.since)
	if seg.late != nil {
		q.mu.Unlock()
		return since
	}
	f, err := seg.open()
	size := seg.size
	q.mu.Unlock()
	if err != nil {
		return since
	}
	w := segment.HeaderReader{File: f, Size: size}
	h, _, v, err := w.Read(off, 0)
	if err != nil || v != segment.Valid {
		return since
	}
	return segment.Time(h.Received)
}

// last is the segment that is written to. The caller holds mu.
func (q *Shard) last() *segmentState { return q.segs[len(q.segs)-1] }

// find returns the entry of seq, or nil. The caller holds mu.
func (q *Shard) find(seq uint64) *entry {
	i, ok := slices.BinarySearchFunc(q.held, seq, func(e entry, seq uint64) int {
		switch {
		case e.Seq < seq:
			return -1
		case e.Seq > seq:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return &q.held[i]
}

// finish takes the entry out of what is queued. The caller holds mu.
func (q *Shard) finish(e *entry) {
	if e.sick {
		q.heal1(e)
	}
	e.state = done
	e.seg.flying--
	e.seg.done.Add(e.Seq)
	q.unnoted = true
	q.count(-1, -int64(e.events), -e.Size)
}

func (q *Shard) count(records, events, bytes int64) {
	q.records.Add(records)
	q.events.Add(events)
	q.bytes.Add(bytes)
}

// fault is why the shard cannot be written, or nil.
func (q *Shard) fault() error {
	for _, f := range []*fault{q.writeFault.Load(), q.syncFault.Load()} {
		if f != nil {
			return f.err
		}
	}
	return nil
}

func (q *Shard) full() bool {
	at := q.fullAt.Load()
	return at != 0 && at == q.budget.answer.Load()
}

// setFault makes an error visible, and logs it when it is news.
func (q *Shard) setFault(p *atomic.Pointer[fault], err error) error {
	counter, often := &q.writeFaults, &q.faults
	say := "queue cannot be written; it is tried again until it works"
	switch p {
	case &q.syncFault:
		counter = &q.syncFaults
	case &q.readFault:
		counter, often = &q.readFaults, &q.misreads
		say = "queue cannot be read; nothing is given up, it is tried again until it works. " +
			"Look at the kernel's log; for a disk that stays bad there is gateway queue skip"
	}
	counter.Add(1)
	err = fmt.Errorf("queue %s: %w", q.name, err)
	if old := p.Swap(&fault{err}); old != nil {
		return err
	}
	if n, ok := often.Ready(time.Now(), alarmEvery); ok {
		q.log.Error(say, "shard", q.index, "error", err, "faults_before", n)
	}
	return err
}

func (q *Shard) clearFault(p *atomic.Pointer[fault]) {
	if p.Swap(nil) == nil {
		return
	}
	often, say := &q.healed, "queue can be written again"
	if p == &q.readFault {
		often, say = &q.rereads, "queue can be read again"
	}
	q.budget.retry()
	if n, ok := often.Ready(time.Now(), alarmEvery); ok {
		q.log.Info(say, "shard", q.index, "healed_before", n)
	}
}
