package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// Damage is a range of a segment that holds no readable record.
type Damage struct {
	From, To int64
	What     string
}

// Contents is what the headers of a segment say.
type Contents struct {
	Tally
	End            int64 // after the last whole record
	TornAt         int64 // where a record begins that was being written; -1: none
	Odd            bool  // a record's length and diskqueue's length of it differ
	Damage         []Damage
	FirstSeq       uint64 // the smallest; 0: no records
	LastSeq        uint64 // the largest
	Disorder       bool   // the numbers do not grow
	Oldest, Newest int64  // Unix nanoseconds; 0: none
}

// Sound says that diskqueue reads the segment as we do.
func (w *Contents) Sound() bool { return !w.Odd && len(w.Damage) == 0 }

// HeaderReader reads headers by pread, several at a time if records are small.
type HeaderReader struct {
	File io.ReaderAt
	Size int64 // nothing is read from there on
	buf  []byte
	off  int64 // of buf
}

const (
	Page      = 4 << 10
	ReadSize  = 64 << 10
	smallSize = 8 << 10 // records below it are read several at a time
)

// Reset forgets what was read: the file is another one now.
func (w *HeaderReader) Reset() { w.buf = w.buf[:0] }

// view returns up to n bytes from off; fewer only at the end of the segment.
func (w *HeaderReader) view(off int64, n int, last int64) ([]byte, error) {
	n = int(min(int64(n), w.Size-off))
	if off >= w.off && off+int64(n) <= w.off+int64(len(w.buf)) {
		return w.buf[off-w.off:][:n], nil
	}
	read := Page
	if last < smallSize {
		read = ReadSize
	}
	read = int(min(int64(read), w.Size-off))
	if cap(w.buf) < ReadSize {
		w.buf = make([]byte, ReadSize)
	}
	w.buf, w.off = w.buf[:read], off
	m, err := ReadAt(w.File, w.buf, off)
	w.buf = w.buf[:m]
	if m >= n {
		return w.buf[:n], nil
	}
	return nil, err
}

// Read returns the header of the record at off, and diskqueue's length of it. last is the
// size of the record before, which says how far to read ahead.
func (w *HeaderReader) Read(off, last int64) (Header, uint32, Verdict, error) {
	b, err := w.view(off, PrefixLen+MinHeader+MaxSource, last)
	if err != nil {
		return Header{}, 0, Invalid, err
	}
	if len(b) < PrefixLen {
		return Header{}, 0, Short, nil
	}
	h, v := DecodeHeader(b[PrefixLen:])
	return h, binary.BigEndian.Uint32(b), v, nil
}

// Headers reads the headers of the segment from a record's boundary on. It reads no body.
// Behind damage it finds the next header. visit is optional and is called for each record.
// An error of visit or a read error, which is no damage, ends it.
func Headers(r io.ReaderAt, size, from int64, visit func(off int64, h *Header) error) (Contents, error) {
	res := Contents{TornAt: -1}
	w := &HeaderReader{File: r, Size: size}
	off, last := from, int64(0)
	res.End = min(from, size)
	for off < size {
		h, length, v, err := w.Read(off, last)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return res, err
		}
		if v == Valid && off+h.Size() <= size {
			if visit != nil {
				if err := visit(off, &h); err != nil {
					return res, err
				}
			}
			res.Odd = res.Odd || int64(length) != h.Size()-PrefixLen
			res.count(&h)
			off += h.Size()
			last = h.Size()
			res.End = off
			continue
		}
		if err == nil && v != Invalid {
			res.TornAt = off // the file ends inside of this record
			return res, nil
		}
		next, failed := FindHeader(r, size, off+1)
		zeros := false
		if failed == nil && next == size && err == nil {
			zeros, failed = allZero(r, off, size)
		}
		if failed != nil {
			return res, failed
		}
		if zeros {
			res.TornAt = off // a length that was stored before its data
			return res, nil
		}
		what := "no record begins here"
		if err != nil {
			what = err.Error()
		}
		res.Damage = append(res.Damage, Damage{From: off, To: next, What: what})
		off = next
	}
	return res, nil
}

func (w *Contents) count(h *Header) {
	w.Add(h.Source, int64(h.Events), h.Size())
	w.Disorder = w.Disorder || h.Seq <= w.LastSeq
	if w.FirstSeq == 0 || h.Seq < w.FirstSeq {
		w.FirstSeq = h.Seq
	}
	w.LastSeq = max(w.LastSeq, h.Seq)
	if h.Received == 0 {
		return
	}
	if w.Oldest == 0 || h.Received < w.Oldest {
		w.Oldest = h.Received
	}
	w.Newest = max(w.Newest, h.Received)
}

// FindHeader returns where the next record with a valid header begins, at from or later,
// or size if there is none.
func FindHeader(r io.ReaderAt, size, from int64) (int64, error) {
	const chunk = 256 << 10
	want := binary.BigEndian.AppendUint32(nil, magic)
	buf := make([]byte, chunk+MinHeader+MaxSource)
	for pos := from + PrefixLen; pos < size; pos += chunk {
		n, err := ReadAt(r, buf[:min(int64(len(buf)), size-pos)], pos)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
		for i := 0; i < min(n, chunk); i++ {
			at := bytes.Index(buf[i:n], want)
			if at < 0 || i+at >= chunk {
				break
			}
			i += at
			if _, v := DecodeHeader(buf[i:n]); v == Valid {
				return pos + int64(i) - PrefixLen, nil
			}
		}
	}
	return size, nil
}

func allZero(r io.ReaderAt, from, to int64) (bool, error) {
	buf := make([]byte, ReadSize)
	for off := from; off < to; off += int64(len(buf)) {
		b := buf[:min(int64(len(buf)), to-off)]
		n, err := ReadAt(r, b, off)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return false, err
		}
		for _, c := range b[:n] {
			if c != 0 {
				return false, nil
			}
		}
	}
	return true, nil
}
