package segment

import (
	"errors"
	"fmt"
	"io"
	"os"

	"syslog-gateway/internal/event"
)

// ReadError is an error of reading. It says nothing about the bytes: the disk may answer the
// next time. Only a read that worked can show damage.
type ReadError struct {
	Off int64
	Err error
}

func (e *ReadError) Error() string { return fmt.Sprintf("read at %d: %v", e.Off, e.Err) }

func (e *ReadError) Unwrap() error { return e.Err }

// ReadAt fills p from off. If the file ends before that, the error is io.ErrUnexpectedEOF:
// the bytes are gone, which is damage. A file that was closed meanwhile gives os.ErrClosed,
// and anything else a *ReadError.
func ReadAt(r io.ReaderAt, p []byte, off int64) (int, error) {
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return n, nil
	case err == nil || errors.Is(err, io.EOF):
		return n, io.ErrUnexpectedEOF
	case errors.Is(err, os.ErrClosed):
		return n, err
	}
	return n, &ReadError{off + int64(n), err}
}

// WrongBytes says that a record was read and is not what was written.
type WrongBytes struct{ What string }

func (e *WrongBytes) Error() string { return e.What }

// ReadRecord reads and checks one record. The body is read into buf, which grows if it is
// too small.
func ReadRecord(f io.ReaderAt, e Place, buf []byte) (event.Record, error) {
	head := make([]byte, MinHeader+len(e.Source))
	if _, err := ReadAt(f, head, e.Off+PrefixLen); err != nil {
		return event.Record{Body: buf}, err
	}
	h, v := DecodeHeader(head)
	if v != Valid || h.Seq != e.Seq || h.Size() != e.Size {
		return event.Record{Body: buf}, &WrongBytes{"its header has changed"}
	}
	if cap(buf) < int(h.BodyLen) {
		buf = make([]byte, h.BodyLen)
	}
	buf = buf[:h.BodyLen]
	if _, err := ReadAt(f, buf, e.Off+PrefixLen+h.Len()); err != nil {
		return event.Record{Body: buf}, err
	}
	if Checksum(buf) != h.BodyCRC {
		return event.Record{Body: buf}, &WrongBytes{"the checksum of its body is wrong"}
	}
	return event.Record{
		Seq: h.Seq, Source: e.Source, Events: int(h.Events), Raw: int(h.Raw),
		Received: Time(h.Received), Encoding: h.Encoding, Body: buf,
	}, nil
}

// NotRead says that err is one of reading, not of damage: try again.
func NotRead(err error) bool {
	var failed *ReadError
	return errors.As(err, &failed) || errors.Is(err, os.ErrClosed)
}

// GoodBytes is how many bytes of a range are whole records.
func GoodBytes(r io.ReaderAt, from, to int64) (good int64, err error) {
	var buf []byte
	_, err = Headers(r, to, from, func(off int64, h *Header) error {
		rec, err := ReadRecord(r, h.At(off), buf)
		buf = rec.Body
		if err == nil {
			good += h.Size()
		}
		if NotRead(err) {
			return err
		}
		return nil
	})
	return good, err
}
