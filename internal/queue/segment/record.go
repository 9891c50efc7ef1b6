package segment

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"syslog-gateway/internal/event"
)

// The sizes of the format. They are written to disk: a change needs a new version number.
const (
	PrefixLen = 4        // diskqueue's length
	MinHeader = 45       // header without the source's name
	MaxSource = 255      // length of the source's name
	MaxRecord = 64 << 20 // header and body; diskqueue's maxMsgSize, never to be lowered

	formatVersion = 1
	// magic begins every header. 0x1A is a control character and 0x89 cannot
	// begin a UTF-8 sequence, so the four bytes never occur in JSON text.
	magic = 0x8953511A
)

// Header is the header of a record. Its source is a view into the bytes that it was
// decoded from.
type Header struct {
	Encoding event.Encoding
	BodyCRC  uint32
	Seq      uint64
	Received int64 // Unix nanoseconds; 0: unknown
	Events   uint32
	Raw      uint32
	BodyLen  uint32
	Source   []byte
}

// Len is the length of the header on disk, in bytes.
func (h *Header) Len() int64 { return int64(MinHeader + len(h.Source)) }

// Size is the length of the whole record on disk, with diskqueue's prefix, in bytes.
func (h *Header) Size() int64 { return PrefixLen + h.Len() + int64(h.BodyLen) }

// Place says where a record is, and which one is expected there.
type Place struct {
	Seq       uint64
	Off, Size int64
	Source    string
}

// At is the place of the record with this header, which begins at off.
func (h *Header) At(off int64) Place {
	return Place{Seq: h.Seq, Off: off, Size: h.Size(), Source: string(h.Source)}
}

// RecordSize is the number of bytes that rec takes on disk.
func RecordSize(rec *event.Record) int64 {
	return int64(PrefixLen + MinHeader + len(rec.Source) + len(rec.Body))
}

// CheckRecord says why rec cannot be written in this format, or returns nil.
func CheckRecord(rec *event.Record) error {
	switch {
	case len(rec.Source) > MaxSource:
		return fmt.Errorf("%w: source name %.20q… has %d bytes, at most %d are possible",
			event.ErrRecord, rec.Source, len(rec.Source), MaxSource)
	case RecordSize(rec)-PrefixLen > MaxRecord:
		return fmt.Errorf("%w: body of %d bytes, at most %d are possible; lower batch.max_bytes",
			event.ErrRecord, len(rec.Body), MaxRecord-MinHeader-MaxSource)
	case rec.Events < 0 || int64(rec.Events) > math.MaxUint32, rec.Raw < 0 || int64(rec.Raw) > math.MaxUint32:
		return fmt.Errorf("%w: %d events of %d bytes are out of range", event.ErrRecord, rec.Events, rec.Raw)
	}
	return nil
}

// AppendRecord appends header and body to dst. This is given to diskqueue, which puts the
// length before it.
func AppendRecord(dst []byte, seq uint64, rec *event.Record) []byte {
	start := len(dst)
	be := binary.BigEndian
	dst = be.AppendUint32(dst, magic)
	dst = append(dst, formatVersion, byte(rec.Encoding))
	dst = be.AppendUint16(dst, uint16(MinHeader+len(rec.Source)))
	dst = be.AppendUint32(dst, 0) // the header's checksum, below
	dst = be.AppendUint32(dst, Checksum(rec.Body))
	dst = be.AppendUint64(dst, seq)
	dst = be.AppendUint64(dst, uint64(Nanos(rec.Received)))
	dst = be.AppendUint32(dst, uint32(rec.Events))
	dst = be.AppendUint32(dst, uint32(rec.Raw))
	dst = be.AppendUint32(dst, uint32(len(rec.Body)))
	dst = append(dst, byte(len(rec.Source)))
	dst = append(dst, rec.Source...)
	h := dst[start:]
	be.PutUint32(h[8:], headerChecksum(h))
	return append(dst, rec.Body...)
}

// Verdict is the result of DecodeHeader.
type Verdict uint8

const (
	Valid   Verdict = iota
	Short           // so far a header, but cut off
	Invalid         // no header
)

// DecodeHeader reads the header that b begins with.
func DecodeHeader(b []byte) (Header, Verdict) {
	be := binary.BigEndian
	if len(b) < MinHeader {
		return Header{}, shortHeader(b)
	}
	n := int(be.Uint16(b[6:]))
	if be.Uint32(b) != magic || b[4] != formatVersion || n != MinHeader+int(b[44]) {
		return Header{}, Invalid
	}
	if len(b) < n {
		return Header{}, Short
	}
	h := Header{
		Encoding: event.Encoding(b[5]),
		BodyCRC:  be.Uint32(b[12:]),
		Seq:      be.Uint64(b[16:]),
		Received: int64(be.Uint64(b[24:])),
		Events:   be.Uint32(b[32:]),
		Raw:      be.Uint32(b[36:]),
		BodyLen:  be.Uint32(b[40:]),
		Source:   b[MinHeader:n],
	}
	if be.Uint32(b[8:]) != headerChecksum(b[:n]) || h.Size()-PrefixLen > MaxRecord {
		return Header{}, Invalid
	}
	return h, Valid
}

// shortHeader reports whether some bytes are the beginning of a header.
func shortHeader(b []byte) Verdict {
	want := binary.BigEndian.AppendUint32(nil, magic)
	want = append(want, formatVersion)
	for i := range min(len(b), len(want)) {
		if b[i] != want[i] {
			return Invalid
		}
	}
	return Short
}

// headerChecksum covers the header without the checksum itself.
func headerChecksum(h []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Update(0, table, h[:8]), table, h[12:])
}

func Checksum(b []byte) uint32 {
	return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
}

func Nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func Time(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}
