package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// damage is a range of a segment that holds no readable record.
type damage struct {
	from, to int64
	what     string
}

// walked is what one pass over a segment's headers found.
type walked struct {
	tally
	end            int64 // after the last whole record
	tornAt         int64 // where a record begins that was being written; -1: none
	odd            bool  // a record's length and diskqueue's length of it differ
	damage         []damage
	firstSeq       uint64 // the smallest; 0: no records
	lastSeq        uint64 // the largest
	disorder       bool   // the numbers do not grow
	oldest, newest int64  // Unix nanoseconds; 0: none
}

// sound says that diskqueue reads the segment as we do.
func (w *walked) sound() bool { return !w.odd && len(w.damage) == 0 }

// window reads headers by pread, several at a time where records are small.
type window struct {
	r    io.ReaderAt
	size int64 // nothing is read from there on
	buf  []byte
	off  int64 // of buf
}

const (
	page      = 4 << 10
	wide      = 64 << 10
	smallSize = 8 << 10 // records below it are read several at a time
)

// at returns up to n bytes from off; fewer only at the end of the segment.
func (w *window) at(off int64, n int, last int64) ([]byte, error) {
	n = int(min(int64(n), w.size-off))
	if off >= w.off && off+int64(n) <= w.off+int64(len(w.buf)) {
		return w.buf[off-w.off:][:n], nil
	}
	read := page
	if last < smallSize {
		read = wide
	}
	read = int(min(int64(read), w.size-off))
	if cap(w.buf) < wide {
		w.buf = make([]byte, wide)
	}
	w.buf, w.off = w.buf[:read], off
	m, err := readAt(w.r, w.buf, off)
	w.buf = w.buf[:m]
	if m >= n {
		return w.buf[:n], nil
	}
	return nil, err
}

// record returns the header of the record at off, and diskqueue's length of it.
func (w *window) record(off, last int64) (header, uint32, verdict, error) {
	b, err := w.at(off, prefixLen+fixedHeader+maxSource, last)
	if err != nil {
		return header{}, 0, invalid, err
	}
	if len(b) < prefixLen {
		return header{}, 0, short, nil
	}
	h, v := decodeHeader(b[prefixLen:])
	return h, binary.BigEndian.Uint32(b), v, nil
}

// walk reads the headers of the segment from a record's boundary on. It looks at
// no body, and it finds the next header behind whatever is damaged. visit, where
// given, gets each record. An error of it ends the walk, and so does one of reading,
// which is no damage.
func walk(r io.ReaderAt, size, from int64, visit func(off int64, h *header) error) (walked, error) {
	res := walked{tornAt: -1}
	w := &window{r: r, size: size}
	off, last := from, int64(0)
	res.end = min(from, size)
	for off < size {
		h, length, v, err := w.record(off, last)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return res, err
		}
		if v == valid && off+h.size() <= size {
			if visit != nil {
				if err := visit(off, &h); err != nil {
					return res, err
				}
			}
			res.odd = res.odd || int64(length) != h.size()-prefixLen
			res.count(&h)
			off += h.size()
			last = h.size()
			res.end = off
			continue
		}
		if err == nil && v != invalid {
			res.tornAt = off // the file ends inside of this record
			return res, nil
		}
		next, failed := findHeader(r, size, off+1)
		zeros := false
		if failed == nil && next == size && err == nil {
			zeros, failed = allZero(r, off, size)
		}
		if failed != nil {
			return res, failed
		}
		if zeros {
			res.tornAt = off // a length that was stored before its data
			return res, nil
		}
		what := "no record begins here"
		if err != nil {
			what = err.Error()
		}
		res.damage = append(res.damage, damage{from: off, to: next, what: what})
		off = next
	}
	return res, nil
}

func (w *walked) count(h *header) {
	w.add(h.source, int64(h.events), h.size())
	w.disorder = w.disorder || h.seq <= w.lastSeq
	if w.firstSeq == 0 || h.seq < w.firstSeq {
		w.firstSeq = h.seq
	}
	w.lastSeq = max(w.lastSeq, h.seq)
	if h.received == 0 {
		return
	}
	if w.oldest == 0 || h.received < w.oldest {
		w.oldest = h.received
	}
	w.newest = max(w.newest, h.received)
}

// findHeader returns where the next record with a valid header begins, at from or
// later, or size.
func findHeader(r io.ReaderAt, size, from int64) (int64, error) {
	const chunk = 256 << 10
	want := binary.BigEndian.AppendUint32(nil, magic)
	buf := make([]byte, chunk+fixedHeader+maxSource)
	for pos := from + prefixLen; pos < size; pos += chunk {
		n, err := readAt(r, buf[:min(int64(len(buf)), size-pos)], pos)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
		for i := 0; i < min(n, chunk); i++ {
			at := bytes.Index(buf[i:n], want)
			if at < 0 || i+at >= chunk {
				break
			}
			i += at
			if _, v := decodeHeader(buf[i:n]); v == valid {
				return pos + int64(i) - prefixLen, nil
			}
		}
	}
	return size, nil
}

func allZero(r io.ReaderAt, from, to int64) (bool, error) {
	buf := make([]byte, wide)
	for off := from; off < to; off += int64(len(buf)) {
		b := buf[:min(int64(len(buf)), to-off)]
		n, err := readAt(r, b, off)
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
