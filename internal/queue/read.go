package queue

import (
	"errors"
	"fmt"
	"io"
	"os"

	"syslog-gateway/internal/event"
)

// readError is an error of reading. It says nothing about the bytes: the disk, or the
// way to it, may answer the next time. Only a read that worked can show damage.
type readError struct {
	off int64
	err error
}

func (e *readError) Error() string { return fmt.Sprintf("read at %d: %v", e.off, e.err) }

func (e *readError) Unwrap() error { return e.err }

// readAt fills p from off. Where the file ends before that the error is
// io.ErrUnexpectedEOF: the bytes are gone, which is damage. A file that was closed
// meanwhile gives os.ErrClosed, and anything else a *readError.
func readAt(r io.ReaderAt, p []byte, off int64) (int, error) {
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return n, nil
	case err == nil || errors.Is(err, io.EOF):
		return n, io.ErrUnexpectedEOF
	case errors.Is(err, os.ErrClosed):
		return n, err
	}
	return n, &readError{off + int64(n), err}
}

// wrongBytes says that a record was read and is not what was written.
type wrongBytes struct{ what string }

func (e *wrongBytes) Error() string { return e.what }

// readRecord reads and checks one record.
func readRecord(f io.ReaderAt, e place, buf []byte) (event.Record, error) {
	head := make([]byte, fixedHeader+len(e.source))
	if _, err := readAt(f, head, e.off+prefixLen); err != nil {
		return event.Record{Body: buf}, err
	}
	h, v := decodeHeader(head)
	if v != valid || h.seq != e.seq || h.size() != e.size {
		return event.Record{Body: buf}, &wrongBytes{"its header has changed"}
	}
	if cap(buf) < int(h.bodyLen) {
		buf = make([]byte, h.bodyLen)
	}
	buf = buf[:h.bodyLen]
	if _, err := readAt(f, buf, e.off+prefixLen+h.headerLen()); err != nil {
		return event.Record{Body: buf}, err
	}
	if checksum(buf) != h.bodyCRC {
		return event.Record{Body: buf}, &wrongBytes{"the checksum of its body is wrong"}
	}
	return event.Record{
		Seq: h.seq, Source: e.source, Events: int(h.events), Raw: int(h.raw),
		Received: fromNanos(h.received), Encoding: h.encoding, Body: buf,
	}, nil
}

// notRead says that an error of copying is one of reading: the copy is to be made again.
func notRead(err error) bool {
	var failed *readError
	return errors.As(err, &failed) || errors.Is(err, os.ErrClosed)
}

// goodBytes is how many bytes of a range are records that are whole.
func goodBytes(r io.ReaderAt, from, to int64) (good int64, err error) {
	var buf []byte
	_, err = walk(r, to, from, func(off int64, h *header) error {
		rec, err := readRecord(r, h.at(off), buf)
		buf = rec.Body
		if err == nil {
			good += h.size()
		}
		if notRead(err) {
			return err
		}
		return nil
	})
	return good, err
}
