package queue

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"syslog-gateway/internal/event"
)

// The sizes of the format that doc.go draws. They are written to disk: a change
// needs a new version number.
const (
	prefixLen   = 4        // diskqueue's length
	fixedHeader = 45       // header without the source's name
	maxSource   = 255      // length of the source's name
	maxRecord   = 64 << 20 // header and body; diskqueue's maxMsgSize, never to be lowered

	formatVersion = 1
	// magic begins every header. 0x1A is a control character and 0x89 cannot
	// begin a UTF-8 sequence, so the four bytes never occur in JSON text.
	magic = 0x8953511A
)

// header is what stands before a body. Its source is a view into the bytes that
// it was decoded from.
type header struct {
	encoding event.Encoding
	bodyCRC  uint32
	seq      uint64
	received int64 // Unix nanoseconds; 0: unknown
	events   uint32
	raw      uint32
	bodyLen  uint32
	source   []byte
}

// headerLen is the length of the header on disk.
func (h *header) headerLen() int64 { return int64(fixedHeader + len(h.source)) }

// size is the length of the whole record on disk, with diskqueue's prefix.
func (h *header) size() int64 { return prefixLen + h.headerLen() + int64(h.bodyLen) }

// place says where a record is, and which one is expected there.
type place struct {
	seq       uint64
	off, size int64
	source    string
}

// at is the place of the record with this header, which begins at off.
func (h *header) at(off int64) place {
	return place{seq: h.seq, off: off, size: h.size(), source: string(h.source)}
}

// recordSize is what rec takes on disk.
func recordSize(rec *event.Record) int64 {
	return int64(prefixLen + fixedHeader + len(rec.Source) + len(rec.Body))
}

// checkRecord says why rec cannot be written in this format, or nil.
func checkRecord(rec *event.Record) error {
	switch {
	case len(rec.Source) > maxSource:
		return fmt.Errorf("%w: source name %.20q… has %d bytes, at most %d are possible",
			event.ErrRecord, rec.Source, len(rec.Source), maxSource)
	case recordSize(rec)-prefixLen > maxRecord:
		return fmt.Errorf("%w: body of %d bytes, at most %d are possible; lower batch.max_bytes",
			event.ErrRecord, len(rec.Body), maxRecord-fixedHeader-maxSource)
	case rec.Events < 0 || int64(rec.Events) > math.MaxUint32, rec.Raw < 0 || int64(rec.Raw) > math.MaxUint32:
		return fmt.Errorf("%w: %d events of %d bytes are out of range", event.ErrRecord, rec.Events, rec.Raw)
	}
	return nil
}

// appendRecord appends header and body to dst: what is given to diskqueue, which
// puts the length before it.
func appendRecord(dst []byte, seq uint64, rec *event.Record) []byte {
	start := len(dst)
	be := binary.BigEndian
	dst = be.AppendUint32(dst, magic)
	dst = append(dst, formatVersion, byte(rec.Encoding))
	dst = be.AppendUint16(dst, uint16(fixedHeader+len(rec.Source)))
	dst = be.AppendUint32(dst, 0) // the header's checksum, below
	dst = be.AppendUint32(dst, checksum(rec.Body))
	dst = be.AppendUint64(dst, seq)
	dst = be.AppendUint64(dst, uint64(nanos(rec.Received)))
	dst = be.AppendUint32(dst, uint32(rec.Events))
	dst = be.AppendUint32(dst, uint32(rec.Raw))
	dst = be.AppendUint32(dst, uint32(len(rec.Body)))
	dst = append(dst, byte(len(rec.Source)))
	dst = append(dst, rec.Source...)
	h := dst[start:]
	be.PutUint32(h[8:], headerChecksum(h))
	return append(dst, rec.Body...)
}

// verdict says what decodeHeader thinks of some bytes.
type verdict uint8

const (
	valid   verdict = iota
	short           // so far a header, but cut off
	invalid         // no header
)

// decodeHeader reads the header that b begins with.
func decodeHeader(b []byte) (header, verdict) {
	be := binary.BigEndian
	if len(b) < fixedHeader {
		return header{}, shortHeader(b)
	}
	n := int(be.Uint16(b[6:]))
	if be.Uint32(b) != magic || b[4] != formatVersion || n != fixedHeader+int(b[44]) {
		return header{}, invalid
	}
	if len(b) < n {
		return header{}, short
	}
	h := header{
		encoding: event.Encoding(b[5]),
		bodyCRC:  be.Uint32(b[12:]),
		seq:      be.Uint64(b[16:]),
		received: int64(be.Uint64(b[24:])),
		events:   be.Uint32(b[32:]),
		raw:      be.Uint32(b[36:]),
		bodyLen:  be.Uint32(b[40:]),
		source:   b[fixedHeader:n],
	}
	if be.Uint32(b[8:]) != headerChecksum(b[:n]) || h.size()-prefixLen > maxRecord {
		return header{}, invalid
	}
	return h, valid
}

// shortHeader tells the beginning of a header from other bytes.
func shortHeader(b []byte) verdict {
	want := binary.BigEndian.AppendUint32(nil, magic)
	want = append(want, formatVersion)
	for i := range min(len(b), len(want)) {
		if b[i] != want[i] {
			return invalid
		}
	}
	return short
}

// headerChecksum covers the header without the checksum itself.
func headerChecksum(h []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Update(0, table, h[:8]), table, h[12:])
}

func checksum(b []byte) uint32 {
	return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}
