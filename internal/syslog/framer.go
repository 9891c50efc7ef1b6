package syslog

import "bytes"

// Framing is how a stream is cut into messages.
type Framing uint8

const (
	// Auto decides for every message by its first bytes.
	Auto Framing = iota
	// LF is the non-transparent framing of RFC 6587 section 3.4.2, with LF, CR LF
	// or NUL as the trailer.
	LF
	// Octet is the octet counting of RFC 6587 section 3.4.1; a line without a
	// count is still taken for a line.
	Octet
)

const (
	maxCountDigits = 9
	// maxCount is the longest frame whose count is believed, in bytes. A longer
	// one would only be cut anyway.
	maxCount = 1 << 20
)

// Framer cuts one stream into messages. It keeps no bytes: what it does not
// consume must be given again with what follows. Memory is bounded: the longest tail
// that it leaves is Max and a count.
type Framer struct {
	// Max is the longest message in bytes; a longer one is given cut to Max, and
	// the rest of it is skipped.
	Max int
	// Mode is the framing; the zero value decides by itself.
	Mode Framing
	// Errors counts breaches of framing: counts that can not be right, frames that
	// do not end where their count says. The stream goes on at the next LF.
	Errors int

	counted  bool // the stream is surely counted so far: an unclear next message is, too
	ended    bool // a counted message has just ended: what follows must be a begin
	scanned  int  // bytes of the tail already searched for a trailer
	skip     int  // bytes of a cut counted message yet to be skipped
	skipLine bool // the rest of a cut line is yet to be skipped
}

// Next cuts the next message off p. n is how many bytes of p are done with, to be
// taken off whether or not there was a message; msg is a view into them. ok is
// false when p holds no further message: more bytes are needed. The messages do not
// depend on how the stream was divided into reads.
func (f *Framer) Next(p []byte) (msg []byte, cut bool, n int, ok bool) {
	n = f.skipRest(p)
	if n < 0 {
		return nil, false, len(p), false
	}
	if f.ended && n < len(p) {
		f.ended = false
		if c := p[n]; c != '<' && !isDigit(c) && !isTrailer(c) {
			f.Errors++
			f.counted = false
		}
	}
	if g := gap(p[n:]); g != 0 {
		n += g
		f.scanned = 0
	}
	q := p[n:]
	if len(q) == 0 {
		return nil, false, n, false
	}
	var k int
	switch prefix, count, v := f.count(q); v {
	case more:
		return nil, false, n, false
	case counted:
		msg, cut, k, ok = f.frame(q, prefix, count)
	default:
		msg, cut, k, ok = f.line(q)
	}
	return msg, cut, n + k, ok
}

// Final returns the unterminated message that p, the tail at the end of the
// stream, holds. cut reports that a counted message was not complete. A line is
// whole without its trailer: many senders never send one.
func (f *Framer) Final(p []byte) (msg []byte, cut, ok bool) {
	n := f.skipRest(p)
	if n < 0 {
		return nil, false, false
	}
	q := p[n+gap(p[n:]):]
	if len(q) == 0 {
		return nil, false, false
	}
	switch prefix, count, v := f.count(q); {
	case v == counted && prefix < len(q):
		f.Errors++
		q, cut = q[prefix:], true
	case v == more && count > 0 && prefix+count == len(q):
		q = q[prefix:]
	}
	if len(q) > f.Max {
		q, cut = q[:f.Max], true
	}
	return trimTrailer(q), cut, true
}

// Pending reports whether the stream stands inside a message whose rest is to be
// skipped.
func (f *Framer) Pending() bool { return f.skip > 0 || f.skipLine }

// Cut gives up on p, a tail that can not be kept: it returns what there is of the
// message, to be delivered, and the rest of it is skipped: up to the end of its count
// or to the next trailer.
func (f *Framer) Cut(p []byte) (msg []byte) {
	f.Errors++
	f.scanned = 0
	if prefix, count, v := f.count(p); v == counted && prefix <= len(p) {
		f.skip, f.counted = prefix+count-len(p), true
		return p[prefix:]
	}
	f.skipLine = true
	return p
}

// skipRest passes over what is left of a cut message; -1 when all of p is.
func (f *Framer) skipRest(p []byte) int {
	if f.skip > 0 {
		k := min(f.skip, len(p))
		f.skip -= k
		if f.skip > 0 {
			return -1
		}
		return k
	}
	if f.skipLine {
		k := trailer(p)
		if k < 0 {
			return -1
		}
		f.skipLine = false
		return k
	}
	return 0
}

type verdict uint8

const (
	line verdict = iota
	more
	counted
)

// count decides whether q begins with the MSG-LEN of a counted message. "349 <14>1 …"
// does; "1,2020/10/09 …", "2026-03-14T…" and "12:30 …" do not. "12 monkeys" could be
// either: it does when the stream has been counted so far, or when 12 bytes without
// a trailer and then the end or begin of a message follow.
func (f *Framer) count(q []byte) (prefix, n int, v verdict) {
	if f.Mode == LF || !isDigit(q[0]) {
		return 0, 0, line
	}
	n, i := number(q, 0, maxCountDigits)
	switch {
	case i == len(q):
		return 0, 0, more
	case q[0] == '0' || q[i] != ' ' || n > maxCount:
		return 0, 0, line
	case i+1 == len(q):
		return i + 1, 0, more
	}
	prefix = i + 1
	// 'z' begins a message that rsyslog compressed.
	if c := q[prefix]; c == '<' || c == 'z' || f.counted || f.Mode == Octet {
		return prefix, n, counted
	}
	if n > f.Max {
		return 0, 0, line
	}
	body := q[prefix:min(len(q), prefix+n)]
	switch t := trailer(body); {
	case t == n-1:
		return prefix, n, counted
	case t >= 0:
		return 0, 0, line
	case prefix+n >= len(q):
		return prefix, n, more
	}
	switch c := q[prefix+n]; {
	case isDigit(c): // the next count: no need to wait for the byte behind again
		f.counted = true
	case !isTrailer(c):
		return 0, 0, line
	}
	return prefix, n, counted
}

// frame cuts a counted message off q, prefix being the length of "MSG-LEN SP".
func (f *Framer) frame(q []byte, prefix, count int) (msg []byte, cut bool, n int, ok bool) {
	keep := min(count, f.Max)
	n = prefix + keep
	if len(q) < n {
		return nil, false, 0, false
	}
	if c := q[prefix]; c == '<' || c == 'z' {
		f.counted = true
	}
	f.ended, f.scanned, f.skip = true, 0, count-keep
	return trimTrailer(q[prefix:n]), count > keep, n, true
}

// line cuts a message that ends with LF, CR LF or NUL off q. One byte more than Max
// is looked at, for that may be the CR.
func (f *Framer) line(q []byte) (msg []byte, cut bool, n int, ok bool) {
	end := f.scanned
	if k := trailer(q[end:]); k >= 0 {
		end += k
	} else if len(q) <= f.Max+1 {
		f.scanned = len(q)
		return nil, false, 0, false
	} else {
		end = len(q)
	}
	f.scanned, f.counted = 0, false
	if refusedCount(q[:min(end, f.Max)]) && f.Mode != LF {
		f.Errors++
	}
	if end > f.Max+1 {
		f.skipLine = true
		return q[:f.Max], true, f.Max, true
	}
	msg = trimTrailer(q[:end])
	if len(msg) > f.Max {
		return msg[:f.Max], true, end + 1, true
	}
	return msg, false, end + 1, true
}

// refusedCount reports whether a line begins with a number that stands where a
// MSG-LEN would, and was not believed: zero, or longer than any message.
func refusedCount(p []byte) bool {
	i := 0
	for i < len(p) && isDigit(p[i]) {
		i++
	}
	return i != 0 && i+1 < len(p) && p[i] == ' ' && p[i+1] == '<'
}

// window is how far a trailer is searched at a time, so that streams with NUL are not
// searched for LF to the end of the read again and again.
const window = 1 << 10

// trailer returns the index of the first LF or NUL, or -1.
func trailer(p []byte) int {
	for i := 0; i < len(p); i += window {
		w := p[i:min(len(p), i+window)]
		lf := bytes.IndexByte(w, '\n')
		if lf >= 0 {
			w = w[:lf]
		}
		if nul := bytes.IndexByte(w, 0); nul >= 0 {
			return i + nul
		}
		if lf >= 0 {
			return i + lf
		}
	}
	return -1
}

// gap returns how many bytes between two messages p begins with: trailers, and the
// stray blank that a Cisco ASA sends behind the LF.
func gap(p []byte) int {
	i := 0
	for i < len(p) && isTrailer(p[i]) {
		i++
	}
	if i+1 < len(p) && p[i] == ' ' && p[i+1] == '<' {
		i++
	}
	return i
}

func isTrailer(c byte) bool { return c == '\n' || c == '\r' || c == 0 }

func trimTrailer(p []byte) []byte {
	for len(p) != 0 && isTrailer(p[len(p)-1]) {
		p = p[:len(p)-1]
	}
	return p
}

// Datagram cuts the first message off a datagram; rest is what follows it, empty
// at the end. A datagram is one message (RFC 5426 section 3.1) without the LF, CR or
// NUL around it, but for two things that senders do: several messages with a PRI
// each, separated by LF, and the MSG-LEN that `logger --octet-count` puts in front
// over UDP as well.
func Datagram(p []byte) (msg, rest []byte) {
	p = uncounted(trimTrailer(p[gap(p):]))
	for i := 0; i < len(p); {
		lf := bytes.IndexByte(p[i:], '\n')
		if lf < 0 {
			break
		}
		i += lf + 1
		if hasPriority(p[i:]) {
			return trimTrailer(p[:i]), p[i:]
		}
	}
	return p, nil
}

// uncounted strips "MSG-LEN SP" where it counts what follows.
func uncounted(p []byte) []byte {
	n, i := number(p, 0, 6)
	if i == 0 || i+1 >= len(p) || p[i] != ' ' || p[i+1] != '<' || n < len(p)-i-1 {
		return p
	}
	return p[i+1:]
}

// hasPriority reports whether p begins with "<d>", "<dd>" or "<ddd>".
func hasPriority(p []byte) bool {
	if len(p) < 3 || p[0] != '<' {
		return false
	}
	_, i := number(p, 1, 3)
	return i > 1 && i < len(p) && p[i] == '>'
}
