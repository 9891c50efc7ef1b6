// Package marker defines the token that makes every generated message countable.
//
// A marker is a fixed-width piece of printable ASCII in the free text of a message:
//
//	~seq=0000000123 ts=0001767225600000
//
// seq numbers the messages of a run from 0; ts is when the message was handed to
// the kernel, in microseconds since the Unix epoch. No byte of it is escaped in
// JSON, CSV, CEF or RFC 5424, so it passes any parser and any encoder unchanged.
// It begins with a byte that log lines hardly ever hold, so that a reader finds it
// with one vector instruction per 32 bytes.
package marker

import "bytes"

// The pieces of a marker, and the width of the whole.
const (
	lead        = '~'
	prefix      = "~seq="
	middle      = " ts="
	seqDigits   = 10
	stampDigits = 16
	seqAt       = len(prefix)
	stampAt     = seqAt + seqDigits + len(middle)

	// Len is the width of a marker in bytes.
	Len = stampAt + stampDigits
	// MaxSeq is the highest sequence number that a marker can hold.
	MaxSeq = 9_999_999_999
)

// Blank is a marker that has not been numbered.
const Blank = prefix + "0000000000" + middle + "0000000000000000"

// Marker is the content of a marker.
type Marker struct {
	Seq    uint64
	Micros int64 // send time, microseconds since the Unix epoch
}

// Stamp is the text of a send time. It is made once for many messages.
type Stamp [stampDigits]byte

// NewStamp returns the text of a time in microseconds since the Unix epoch.
func NewStamp(micros int64) (s Stamp) {
	digits(s[:], uint64(micros))
	return s
}

// Put numbers the marker that begins at b[0]. b must hold Len bytes and seq must not
// exceed MaxSeq.
func Put(b []byte, seq uint64, s *Stamp) {
	digits(b[seqAt:seqAt+seqDigits], seq)
	copy(b[stampAt:Len], s[:])
}

// Find returns the first whole marker in b and the index of the byte behind it; ok is
// false when there is none. A cut or damaged marker is not found.
func Find(b []byte) (m Marker, end int, ok bool) {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], lead)
		if i < 0 || from+i+Len > len(b) {
			return Marker{}, 0, false
		}
		from += i
		if m, ok = parse(b[from : from+Len]); ok {
			return m, from + Len, true
		}
		from++
	}
}

func parse(b []byte) (Marker, bool) {
	if string(b[:seqAt]) != prefix || string(b[seqAt+seqDigits:stampAt]) != middle {
		return Marker{}, false
	}
	seq, ok1 := number(b[seqAt : seqAt+seqDigits])
	micros, ok2 := number(b[stampAt:Len])
	return Marker{Seq: seq, Micros: int64(micros)}, ok1 && ok2
}

func number(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	return n, true
}

// digits writes n right-aligned with leading zeros; higher digits are cut off.
func digits(b []byte, n uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
}
