package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/event"
)

// Next hands out the oldest record that is not handed out: one given back by Nack
// before all others, else the next in the order of Append. It waits for one. The
// body is read into buf, which grows where it is too small; pass Body again to
// reuse it. Every record handed out must be given to Ack or Nack.
//
// It fails with ErrClosed, with the context's error, or with an error of reading
// that may pass: then the record stays queued, and the caller should pause before
// it asks again. Damaged records are set aside, counted, and not handed out.
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
			select {
			case <-avail:
				continue
			case <-ctx.Done():
				return event.Record{}, ctx.Err()
			}
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
		if !errors.Is(err, errGone) {
			q.Nack(e.seq)
			return event.Record{}, err
		}
		buf = rec.Body
	}
}

var (
	errNothing = errors.New("queue: nothing to hand out")
	errGone    = errors.New("queue: the record is not queued any more")
)

// damagedError says that no record begins where one should.
type damagedError struct {
	seg *segment
	off int64
	err error // of reading; nil: the bytes are wrong
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
	if off >= size {
		q.mu.Unlock()
		return entry{}, errNothing
	}
	f, err := seg.open()
	q.mu.Unlock()
	if err != nil {
		return entry{}, err
	}
	h, err := q.readHeader(seg, f, off, size)
	if err != nil {
		return entry{}, err
	}
	return q.enter(seg, &h), nil
}

// readHeader reads the header at the cursor. The caller holds rd.
func (q *Shard) readHeader(seg *segment, f *os.File, off, size int64) (header, error) {
	if q.ws != seg {
		q.ws, q.win.buf, q.lastSize = seg, q.win.buf[:0], 0
	}
	q.win.r, q.win.size = f, size
	h, _, v, err := q.win.record(off, q.lastSize)
	if err != nil && !unreadable(err) {
		return header{}, fmt.Errorf("queue: read %s at %d: %w", seg.path, off, err)
	}
	if err != nil || v != valid || off+h.size() > size {
		return header{}, &damagedError{seg: seg, off: off, err: err}
	}
	q.lastSize = h.size()
	return h, nil
}

// unreadable says that reading will fail again: the disk is bad or the file short.
func unreadable(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// enter puts the record at the cursor into the window and moves the cursor on. It may
// be done already.
// The caller holds rd.
func (q *Shard) enter(seg *segment, h *header) entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	source, ok := q.sources[string(h.source)]
	if !ok {
		source = q.intern(string(h.source))
	}
	e := entry{seq: h.seq, seg: seg, off: q.off, size: h.size(), events: h.events, source: source}
	if seq, skip := seg.skip[e.off]; skip && seq == e.seq { // counted and booked by the process before
		delete(seg.skip, e.off)
		e.state = done
	} else {
		seg.left.remove(h.source, int64(h.events), e.size)
		seg.flying++
	}
	seg.held++
	q.held = append(q.held, e)
	q.off += e.size
	return e
}

// retake returns the oldest record that was given back. The caller holds mu.
func (q *Shard) retake() *entry {
	for len(q.again) > 0 {
		e := q.find(q.again[0])
		q.again = q.again[1:]
		if e != nil && e.state == waiting {
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
	for q.off >= q.cur.size && q.cur != q.last() {
		q.giveUp(q.cur, dropBroken)
		q.moveTo(q.segs[slices.Index(q.segs, q.cur)+1])
	}
}

// moveTo puts the cursor at the beginning of what is left in a segment. The caller holds
// mu.
func (q *Shard) moveTo(s *segment) { q.cur, q.off = s, s.from }

// load reads the record of an entry. With errGone, Body is the buffer to use on.
func (q *Shard) load(e entry, buf []byte) (event.Record, error) {
	for {
		f, err := q.fileOf(e.seq)
		if err != nil {
			return event.Record{Body: buf}, err
		}
		rec, err := readRecord(f, e, buf)
		if err == nil {
			return rec, nil
		}
		buf = rec.Body
		if errors.Is(err, os.ErrClosed) { // given up meanwhile, or opened anew
			continue
		}
		var wrong *wrongBytes
		if !errors.As(err, &wrong) && !unreadable(err) {
			return rec, err
		}
		q.setRecordAside(e, f, err)
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

// wrongBytes says that a record was read and is not what was written.
type wrongBytes struct{ what string }

func (e *wrongBytes) Error() string { return e.what }

// readRecord reads and checks one record.
func readRecord(f io.ReaderAt, e entry, buf []byte) (event.Record, error) {
	head := make([]byte, fixedHeader+len(e.source))
	if _, err := f.ReadAt(head, e.off+prefixLen); err != nil {
		return event.Record{Body: buf}, fmt.Errorf("queue: read %s at %d: %w", e.seg.path, e.off, err)
	}
	h, v := decodeHeader(head)
	if v != valid || h.seq != e.seq || h.size() != e.size {
		return event.Record{Body: buf}, &wrongBytes{"its header has changed"}
	}
	if cap(buf) < int(h.bodyLen) {
		buf = make([]byte, h.bodyLen)
	}
	buf = buf[:h.bodyLen]
	if _, err := f.ReadAt(buf, e.off+prefixLen+h.headerLen()); err != nil {
		return event.Record{Body: buf}, fmt.Errorf("queue: read %s at %d: %w", e.seg.path, e.off, err)
	}
	if checksum(buf) != h.bodyCRC {
		return event.Record{Body: buf}, &wrongBytes{"the checksum of its body is wrong"}
	}
	return event.Record{
		Seq: h.seq, Source: e.source, Events: int(h.events), Raw: int(h.raw),
		Received: fromNanos(h.received), Encoding: h.encoding, Body: buf,
	}, nil
}

// setRecordAside keeps a copy of a damaged record and takes it out of the queue.
func (q *Shard) setRecordAside(e entry, f io.ReaderAt, why error) {
	copied, err := setAside(q.root, q.name, e.seg.num, f, e.off, e.off+e.size)
	q.mu.Lock()
	now := q.find(e.seq)
	if now == nil || now.state == done {
		q.mu.Unlock()
		return
	}
	if err != nil || unreadable(why) {
		e.seg.keep = true
	}
	q.finish(now)
	q.mu.Unlock()
	q.corrupt.Add(1)
	q.ledger.Account(e.source).DropQueued(dropBroken, int(e.events))
	q.log.Error("queue: a damaged record is set aside", "shard", q.index, "file", e.seg.path, "offset", e.off,
		"bytes", e.size, "events", e.events, "source", e.source, "reason", why, "copy", copied, "copy_error", err)
	q.wakeConsumer()
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
	known := slices.IndexFunc(d.seg.damage, func(k damage) bool { return k.from == d.off })
	q.mu.Unlock()
	if err != nil {
		q.rd.Unlock()
		return err
	}
	next := size
	if known >= 0 {
		next = min(size, d.seg.damage[known].to)
	} else {
		next = findHeader(f, size, d.off+1)
		q.setRangeAside(d, f, next)
	}
	q.mu.Lock()
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

func (q *Shard) setRangeAside(d *damagedError, f io.ReaderAt, to int64) {
	copied, err := setAside(q.root, q.name, d.seg.num, f, d.off, to)
	if err != nil || d.err != nil {
		q.mu.Lock()
		d.seg.keep = true
		q.mu.Unlock()
	}
	q.corrupt.Add(1)
	q.log.Error("queue: a damaged part of a segment is set aside", "shard", q.index, "file", d.seg.path,
		"offset", d.off, "bytes", to-d.off, "reason", d.err, "copy", copied, "copy_error", err)
}
