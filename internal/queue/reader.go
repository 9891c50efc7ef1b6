package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/segment"
)

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

// reader hands records out of the segments. Only one at a time reads headers and moves
// the cursor; bodies are read side by side.
type reader struct {
	root, name string
	log        *slog.Logger
	win        *window
	totals     *totals
	faults     *faults
	ledger     *ledger.Ledger
	lost       func() // a record is done without an acknowledgement

	mu      sync.Mutex           // Shard.io is taken before it, the window's lock behind it
	headers segment.HeaderReader // headers read ahead, of the segment of
	of      *segmentState
	// lastSize is the size of the record read last: how far to read ahead.
	lastSize int64
}

// take hands out the next record, without its body.
func (r *reader) take() (e entry, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var at cursor
	r.win.with(func(s *windowState) { e, at, err = s.next() })
	if err == nil && at.seg == nil {
		return e, nil
	}
	var h segment.Header
	if err == nil {
		h, err = r.readHeader(at)
	}
	if err != nil {
		var failed *segment.ReadError
		if errors.As(err, &failed) {
			err = r.stalled(at.seg, err)
		}
		return entry{}, err
	}
	r.win.with(func(s *windowState) { e = s.enter(at.seg, &h) })
	r.settleFault()
	return e, nil
}

// readHeader reads the header at the cursor. The caller holds mu.
func (r *reader) readHeader(at cursor) (segment.Header, error) {
	if r.of != at.seg {
		r.of, r.lastSize = at.seg, 0
		r.headers.Reset()
	}
	r.headers.File, r.headers.Size = at.file, at.size
	h, _, v, err := r.headers.Read(at.off, r.lastSize)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		r.of = nil // it may be opened anew
		return segment.Header{}, err
	}
	if err != nil || v != segment.Valid || at.off+h.Size() > at.size {
		return segment.Header{}, &damagedError{seg: at.seg, off: at.off, err: err}
	}
	r.lastSize = h.Size()
	return h, nil
}

// load reads the record of an entry. It fails with errGone alone: the record is not queued
// any more, or it cannot be read now and is given back. Body is the buffer to use on then.
func (r *reader) load(e entry, buf []byte) (event.Record, error) {
	for {
		f, err := r.fileOf(e.Seq)
		rec := event.Record{Body: buf}
		if err == nil {
			rec, err = segment.ReadRecord(f, e.Place, buf)
		}
		if err == nil {
			if e.unreadable {
				r.readAgain(e.Seq)
			}
			return rec, nil
		}
		buf = rec.Body
		var failed *segment.ReadError
		if !errors.Is(err, errGone) && !errors.Is(err, os.ErrClosed) && !errors.As(err, &failed) {
			err = r.quarantineRecord(e, f, err)
		}
		switch {
		case errors.Is(err, os.ErrClosed): // given up meanwhile, or opened anew
			continue
		case errors.As(err, &failed):
			r.unread(e, err)
		}
		return rec, errGone
	}
}

func (r *reader) fileOf(seq uint64) (f *os.File, err error) {
	r.win.with(func(s *windowState) {
		if e := s.out.open(seq); e != nil {
			f, err = e.seg.open()
		} else {
			err = errGone
		}
	})
	return f, err
}

// quarantineRecord keeps a copy of a damaged record and takes it out of the queue. An
// error means that the copy could not be read, and changes nothing.
func (r *reader) quarantineRecord(e entry, f io.ReaderAt, why error) error {
	copied, err := quarantine.CopyRange(r.root, r.name, e.seg.num, f, e.Off, e.Off+e.Size)
	if segment.NotRead(err) {
		return err
	}
	queued := false
	r.win.with(func(s *windowState) {
		now := s.out.open(e.Seq)
		if queued = now != nil; !queued {
			return
		}
		if err != nil || errors.Is(why, io.ErrUnexpectedEOF) {
			e.seg.keep = true
		}
		s.finish(now)
	})
	if !queued {
		return nil
	}
	r.totals.corrupt.Add(1)
	r.ledger.Account(e.Source).DropQueued(dropBroken, int(e.events))
	r.log.Error("queue: a damaged record is quarantined", "file", e.seg.path, "offset", e.Off,
		"bytes", e.Size, "events", e.events, "source", e.Source, "reason", why, "copy", copied, "copy_error", err)
	r.lost()
	return nil
}

// pass quarantines a damaged range and moves the cursor to the next header. The records of
// the range are counted at the end of the segment: records that were appended and not found
// by then are lost. passed is false if the cursor has advanced meanwhile, or if something
// cannot be read.
func (r *reader) pass(d *damagedError) (passed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var f *os.File
	var err error
	var size, next int64
	var here, known bool
	r.win.with(func(s *windowState) {
		if here = s.cur == d.seg && s.off == d.off && !s.closed; !here {
			return
		}
		f, err = d.seg.open()
		size = d.seg.size
		next, known = s.damageKnown()
	})
	if !here {
		return false
	}
	if err == nil && !known {
		if next, err = segment.FindHeader(f, size, d.off+1); err == nil {
			err = r.quarantineRange(d, f, next)
		}
	}
	if err != nil {
		if !errors.Is(err, os.ErrClosed) { // else it was opened anew
			_ = r.stalled(d.seg, err)
		}
		return false
	}
	r.win.with(func(s *windowState) { s.skipTo(next) })
	return true
}

// quarantineRange keeps a copy of a damaged range. An error means that the copy could not
// be read, and changes nothing.
func (r *reader) quarantineRange(d *damagedError, f io.ReaderAt, to int64) error {
	copied, err := quarantine.CopyRange(r.root, r.name, d.seg.num, f, d.off, to)
	if segment.NotRead(err) {
		return err
	}
	if err != nil || d.err != nil {
		r.win.with(func(*windowState) { d.seg.keep = true })
	}
	r.totals.corrupt.Add(1)
	r.log.Error("queue: a damaged part of a segment is quarantined", "file", d.seg.path,
		"offset", d.off, "bytes", to-d.off, "reason", d.err, "copy", copied, "copy_error", err)
	return nil
}

// dropHead gives up the oldest segment while no record is being taken.
func (r *reader) dropHead() (freed, events int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.win.with(func(s *windowState) { freed, events = s.dropHead() })
	return freed, events
}

// Next hands out the oldest record that is not handed out: one given back by Nack before
// all others, else the next in the order of Append. It waits for one. The body is read
// into buf, which grows if it is too small; pass Body again to reuse it. Every record
// handed out must be given to Ack or Nack.
//
// It fails with ErrClosed or with the context's error. A record that cannot be read stays
// queued and is read again after a pause, without a limit. Records behind it are handed out
// meanwhile, unless its header cannot be read. Damaged records are quarantined, counted, and
// not handed out.
func (q *Shard) Next(ctx context.Context, buf []byte) (event.Record, error) {
	for {
		avail := q.win.avail.wait()
		if err := ctx.Err(); err != nil {
			return event.Record{}, err
		}
		e, err := q.reader.take()
		var torn *damagedError
		switch {
		case errors.As(err, &torn):
			if err := q.pass(torn); err != nil {
				return event.Record{}, err
			}
			continue
		case errors.Is(err, errNothing):
			q.reader.await(ctx, avail)
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
		rec, err := q.reader.load(e, buf)
		if err == nil {
			return rec, nil
		}
		buf = rec.Body
	}
}

// pass lets the reader pass over damage. diskqueue does not read the segment any more.
func (q *Shard) pass(d *damagedError) error {
	q.io.Lock()
	defer q.io.Unlock()
	if !q.reader.pass(d) || d.seg.detached {
		return nil
	}
	return q.disk.detach(d.seg, "it is damaged")
}

// await waits until there may be a record, until it is time to repeat a failed read, or
// until ctx is done.
func (r *reader) await(ctx context.Context, avail <-chan struct{}) {
	var again <-chan time.Time
	if at, ok := r.nextTry(); ok {
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
