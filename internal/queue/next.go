package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/segment"
)

// Next hands out the oldest record that is not handed out: one given back by Nack
// before all others, else the next in the order of Append. It waits for one. The
// body is read into buf, which grows where it is too small; pass Body again to
// reuse it. Every record handed out must be given to Ack or Nack.
//
// It fails with ErrClosed or with the context's error. A record that cannot be read
// stays queued: it is read again after a pause, for ever, and those behind it go on
// meanwhile, unless it is its header that cannot be read. Damaged records are set
// aside, counted, and not handed out.
func (q *Shard) Next(ctx context.Context, buf []byte) (event.Record, error) {
	for {
		avail := q.avail.wait()
		if err := ctx.Err(); err != nil {
			return event.Record{}, err
		}
		e, err := q.take()
		var torn *damagedError
		switch {
		case errors.As(err, &torn):
			if err := q.pass(torn); err != nil {
				return event.Record{}, err
			}
			continue
		case errors.Is(err, errNothing):
			q.await(ctx, avail)
			continue
		case errors.Is(err, os.ErrClosed): // the segment was opened anew
			continue
		case err != nil:
			return event.Record{}, err
		}
		if e.state == done {
			q.wakeConsumer()
			continue
		}
		rec, err := q.load(e, buf)
		if err == nil {
			return rec, nil
		}
		buf = rec.Body
	}
}

// await waits until there may be a record, or it is time to read again what could not be
// read, or ctx is done.
func (q *Shard) await(ctx context.Context, avail <-chan struct{}) {
	var again <-chan time.Time
	if at, ok := q.nextTry(); ok {
		t := time.NewTimer(time.Until(at))
		defer t.Stop()
		again = t.C
	}
	select {
	case <-avail:
	case <-again:
	case <-ctx.Done():
	}
}

var (
	errNothing = errors.New("queue: nothing to hand out")
	errGone    = errors.New("queue: the record is not queued any more")
)

// damagedError says that no record begins where one should.
type damagedError struct {
	seg *segmentState
	off int64
	err error // the file is short; nil: the bytes are wrong
}

func (e *damagedError) Error() string {
	return fmt.Sprintf("queue: damage in %s at %d", e.seg.path, e.off)
}

// take enters the next record into the window.
func (q *Shard) take() (entry, error) {
	q.rd.Lock()
	defer q.rd.Unlock()
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return entry{}, ErrClosed
	}
	if e := q.retake(); e != nil {
		defer q.mu.Unlock()
		return *e, nil
	}
	q.settle()
	seg, off, size := q.cur, q.off, q.cur.size
	if off >= size || seg.late != nil || !q.stall.over() || len(q.sick) >= maxSick {
		q.mu.Unlock()
		return entry{}, errNothing
	}
	f, err := seg.open()
	q.mu.Unlock()
	var h segment.Header
	if err == nil {
		h, err = q.readHeader(seg, f, off, size)
	}
	if err != nil {
		var failed *segment.ReadError
		if errors.As(err, &failed) {
			err = q.stalled(seg, err)
		}
		return entry{}, err
	}
	e := q.enter(seg, &h)
	q.settleReads()
	return e, nil
}

// readHeader reads the header at the cursor. The caller holds rd.
func (q *Shard) readHeader(seg *segmentState, f *os.File, off, size int64) (segment.Header, error) {
	if q.ws != seg {
		q.ws, q.lastSize = seg, 0
		q.win.Reset()
	}
	q.win.File, q.win.Size = f, size
	h, _, v, err := q.win.Read(off, q.lastSize)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		q.ws = nil // it may be opened anew
		return segment.Header{}, err
	}
	if err != nil || v != segment.Valid || off+h.Size() > size {
		return segment.Header{}, &damagedError{seg: seg, off: off, err: err}
	}
	q.lastSize = h.Size()
	return h, nil
}

// enter puts the record at the cursor into the window and moves the cursor on. It may
// be done already.
// The caller holds rd.
func (q *Shard) enter(seg *segmentState, h *segment.Header) entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	source, ok := q.sources[string(h.Source)]
	if !ok {
		source = q.intern(string(h.Source))
	}
	e := entry{Place: segment.Place{Seq: h.Seq, Off: q.off, Size: h.Size(), Source: source}, seg: seg, events: h.Events}
	if seg.done.Has(e.Seq) { // counted and booked by the process before
		seg.skip--
		e.state = done
	} else {
		seg.left.Remove(h.Source, int64(h.Events), e.Size)
		seg.flying++
	}
	seg.held++
	q.held = append(q.held, e)
	q.off += e.Size
	q.stall = pause{}
	return e
}

// retake returns the oldest record that was given back, else one that could not be read
// where it is time to try that. The caller holds mu.
func (q *Shard) retake() *entry {
	for len(q.again) > 0 {
		e := q.find(q.again[0])
		q.again = q.again[1:]
		if e != nil && e.state == waiting {
			e.state = inFlight
			return e
		}
	}
	for len(q.sick) > 0 && q.rest.over() {
		e := q.find(q.sick[0])
		q.sick = q.sick[1:]
		if e != nil && e.state == waiting && e.sick {
			e.state = inFlight
			return e
		}
	}
	return nil
}

// settle moves the cursor out of segments that it has come to the end of. What
// should have been in them but was not found is lost to damage. The caller holds
// mu.
func (q *Shard) settle() {
	for q.off >= q.cur.size && q.cur != q.last() && q.cur.late == nil {
		q.giveUp(q.cur, dropBroken)
		q.moveTo(q.segs[slices.Index(q.segs, q.cur)+1])
	}
}

// moveTo puts the cursor at the beginning of what is left in a segment. The caller holds
// mu.
func (q *Shard) moveTo(s *segmentState) { q.cur, q.off, q.stall = s, s.from, pause{} }

// load reads the record of an entry. It fails with errGone alone: the record is not
// queued any more, or it cannot be read now and is given back. Body is the buffer to
// use on then.
func (q *Shard) load(e entry, buf []byte) (event.Record, error) {
	for {
		f, err := q.fileOf(e.Seq)
		rec := event.Record{Body: buf}
		if err == nil {
			rec, err = segment.ReadRecord(f, e.Place, buf)
		}
		if err == nil {
			if e.sick {
				q.readAgain(e.Seq)
			}
			return rec, nil
		}
		buf = rec.Body
		var failed *segment.ReadError
		if !errors.Is(err, errGone) && !errors.Is(err, os.ErrClosed) && !errors.As(err, &failed) {
			err = q.setRecordAside(e, f, err)
		}
		switch {
		case errors.Is(err, os.ErrClosed): // given up meanwhile, or opened anew
			continue
		case errors.As(err, &failed):
			q.unread(e, err)
		}
		return rec, errGone
	}
}

func (q *Shard) fileOf(seq uint64) (*os.File, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.find(seq); e != nil && e.state != done {
		return e.seg.open()
	}
	return nil, errGone
}

// setRecordAside keeps a copy of a damaged record and takes it out of the queue. An error
// is one of reading for the copy, and changes nothing.
func (q *Shard) setRecordAside(e entry, f io.ReaderAt, why error) error {
	copied, err := quarantine.CopyRange(q.root, q.name, e.seg.num, f, e.Off, e.Off+e.Size)
	if segment.NotRead(err) {
		return err
	}
	q.mu.Lock()
	now := q.find(e.Seq)
	if now == nil || now.state == done {
		q.mu.Unlock()
		return nil
	}
	if err != nil || errors.Is(why, io.ErrUnexpectedEOF) {
		e.seg.keep = true
	}
	q.finish(now)
	q.mu.Unlock()
	q.corrupt.Add(1)
	q.ledger.Account(e.Source).DropQueued(dropBroken, int(e.events))
	q.log.Error("queue: a damaged record is set aside", "shard", q.index, "file", e.seg.path, "offset", e.Off,
		"bytes", e.Size, "events", e.events, "source", e.Source, "reason", why, "copy", copied, "copy_error", err)
	q.wakeConsumer()
	return nil
}

// pass moves the cursor over a damaged range to the next header, and sets the
// range aside. The records that were in it are booked when the end of the segment
// is reached: what was appended and not found by then was lost.
func (q *Shard) pass(d *damagedError) error {
	q.io.Lock()
	defer q.io.Unlock()
	q.rd.Lock()
	q.mu.Lock()
	if q.cur != d.seg || q.off != d.off || q.closed {
		q.mu.Unlock()
		q.rd.Unlock()
		return nil
	}
	f, err := d.seg.open()
	size := d.seg.size
	known := slices.IndexFunc(d.seg.damage, func(k segment.Damage) bool { return k.From == d.off })
	q.mu.Unlock()
	next := size
	switch {
	case err != nil:
	case known >= 0:
		next = min(size, d.seg.damage[known].To)
	default:
		if next, err = segment.FindHeader(f, size, d.off+1); err == nil {
			err = q.setRangeAside(d, f, next)
		}
	}
	if err != nil {
		q.rd.Unlock()
		if !errors.Is(err, os.ErrClosed) { // else it was opened anew
			q.stalled(d.seg, err)
		}
		return nil
	}
	q.mu.Lock()
	q.stall = pause{}
	q.off = next
	q.mu.Unlock()
	q.rd.Unlock()
	if d.seg.detached {
		return nil
	}
	if err := q.detach(d.seg, "it is damaged"); err != nil {
		return err
	}
	return nil
}

// setRangeAside keeps a copy of a damaged range. An error is one of reading for the
// copy, and changes nothing.
func (q *Shard) setRangeAside(d *damagedError, f io.ReaderAt, to int64) error {
	copied, err := quarantine.CopyRange(q.root, q.name, d.seg.num, f, d.off, to)
	if segment.NotRead(err) {
		return err
	}
	if err != nil || d.err != nil {
		q.mu.Lock()
		d.seg.keep = true
		q.mu.Unlock()
	}
	q.corrupt.Add(1)
	q.log.Error("queue: a damaged part of a segment is set aside", "shard", q.index, "file", d.seg.path,
		"offset", d.off, "bytes", to-d.off, "reason", d.err, "copy", copied, "copy_error", err)
	return nil
}
