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

// trial is how many counts in a row must be right before a stream that had a wrong one
// is believed again.
const trial = 100

// Framer cuts one stream into messages. It keeps no bytes: what it does not
// consume must be given again with what follows. Memory is bounded: the longest tail
// that it leaves is Max and lookahead bytes.
//
// A count is believed when the next message begins where it says. The first count of
// a stream, and those behind a wrong one, wait for that next begin; later ones are
// believed at once. A message with a wrong count ends where the next count with its
// PRI is, so that one wrong count costs one or two messages and not the connection.
type Framer struct {
	// Max is the longest message in bytes; a longer one is given cut to Max, and
	// the rest of it is skipped.
	Max int
	// Mode is the framing; the zero value decides by itself.
	Mode Framing
	// Errors counts breaches of framing: counts that cannot be right, frames that
	// do not end where their count says.
	Errors int

	counts   bool  // the stream has counted: a line ends also where a count and a PRI follow
	trust    int   // above 0: a count is believed before the next message is here
	behind   place // what is known of the place where the next message begins
	broken   bool  // a breach of this message has been counted
	need     int   // bytes without which nothing can be decided
	scanned  int   // bytes of the tail already searched for a trailer
	sought   int   // the same, for the begin of the next message
	suspect  bool  // the counted message at hand is suspicious
	skip     int   // bytes of a cut counted message yet to be skipped
	skipLine bool  // the rest of a cut line is yet to be skipped

	looked int // bytes searched so far; tests hold that it stays linear
}

// place is what is known of the place where the stream stands.
type place uint8

const (
	anywhere    place = iota
	unchecked         // behind a counted message that was believed: a begin must follow
	rightBehind       // a count follows a counted message without anything between
)

// Next cuts the next message off p. n is how many bytes of p are done with, to be
// taken off whether or not there was a message; msg is a view into them. ok is
// false when p holds no further message: more bytes are needed. The messages do not
// depend on how the stream was divided into reads.
func (f *Framer) Next(p []byte) (msg []byte, cut bool, n int, ok bool) {
	return f.next(p, false)
}

// Final is Next for a tail that nothing follows: the stream has ended, or rests. It is
// called until n is all of p. cut reports that a counted message was not complete. A
// line is whole without its trailer: many senders never send one.
func (f *Framer) Final(p []byte) (msg []byte, cut bool, n int, ok bool) {
	return f.next(p, true)
}

func (f *Framer) next(p []byte, end bool) (msg []byte, cut bool, n int, ok bool) {
	n = f.skipRest(p, end)
	if f.Pending() || !end && len(p)-n < f.need {
		return nil, false, n, false
	}
	f.need = 0
	if f.behind == unchecked && f.arrive(p[n:]) == maybe && !end {
		return nil, false, n, false
	}
	g := gap(p[n:])
	b, v := markLength(p[n+g:])
	if g += b; g != 0 {
		n += g
		f.scanned, f.sought = 0, 0
	}
	q := p[n:]
	if len(q) == 0 || v == maybe && !end {
		return nil, false, n, false
	}
	var k int
	switch h := f.head(q); h.kind {
	case more:
		if !end {
			return nil, false, n, false
		}
		msg, cut, k, ok = f.line(q, end)
	case counted:
		msg, cut, k, ok = f.frame(q, h, end)
	case bare:
		msg, cut, k, ok = f.bareFrame(q, h, end)
	case refused:
		msg, cut, k, ok = f.seek(q, search{from: h.prefix, trailers: h.prefix, wrong: true, end: end})
	default:
		msg, cut, k, ok = f.line(q, end)
	}
	return msg, cut, n + k, ok
}

// Pending reports whether the stream stands inside a message whose rest is to be
// skipped.
func (f *Framer) Pending() bool { return f.skip > 0 || f.skipLine }

// Whole reports whether p, a tail, begins with a message that is whole by its count
// and waits only for what follows.
func (f *Framer) Whole(p []byte) bool {
	if f.Pending() || len(p) == 0 {
		return false
	}
	h := f.head(p)
	return h.kind == counted && h.count <= f.Max && len(p) >= h.prefix+h.count
}

// Cut gives up on p, a tail that cannot be kept: it returns what there is of the
// message, to be delivered, and the rest of it is skipped: up to the end of its count
// or to the end of the line.
func (f *Framer) Cut(p []byte) (msg []byte) {
	f.Errors++
	f.delivered(anywhere)
	h := f.head(p)
	if h.kind == counted && h.prefix+h.count > len(p) {
		f.skip, f.counts = h.prefix+h.count-len(p), true
		f.behind = unchecked
	} else {
		f.skipLine = true
	}
	if h.kind == counted || h.kind == refused {
		p = p[h.prefix:]
	}
	return p
}

// skipRest passes over what is left of a cut message and returns how much that is.
func (f *Framer) skipRest(p []byte, end bool) int {
	if f.skip > 0 {
		k := min(f.skip, len(p))
		f.skip -= k
		return k
	}
	if !f.skipLine {
		return 0
	}
	k, found := f.lineEnd(p, end)
	f.skipLine = !found
	return k
}

// arrive looks whether a message begins behind a counted one that was believed.
func (f *Framer) arrive(p []byte) verdict {
	v := begins(p, 0, true)
	switch {
	case v == maybe:
		return v
	case v == no:
		f.breach()
		f.behind = anywhere
	case IsDigit(p[0]):
		f.right()
		f.behind = rightBehind
	default:
		f.right()
		f.behind = anywhere
	}
	return v
}

// breach counts a breach of framing, once for a message.
func (f *Framer) breach() {
	if !f.broken {
		f.Errors++
	}
	f.broken, f.trust = true, -trial
}

// right notes a count that was right.
func (f *Framer) right() {
	if f.trust < 1 {
		f.trust++
	}
}

// delivered makes the framer ready for the next message.
func (f *Framer) delivered(at place) {
	f.broken, f.suspect, f.scanned, f.sought, f.need, f.behind = false, false, 0, 0, 0, at
}

type kind uint8

const (
	line    kind = iota
	more         // that is not to be seen yet
	counted      // a count and a PRI behind it
	bare         // a count without a PRI: it may be a line that begins with a number
	refused      // a count that cannot be right, and a PRI behind it
)

// head is the front of a message: its kind, and for all but lines the length of
// "MSG-LEN SP", what it counts, and whether the number is written as RFC 6587 wants it.
type head struct {
	kind          kind
	prefix, count int
	zeros         bool
}

// maxDigits is how long a number may be that is taken for a count, though a wrong one.
const maxDigits = 32

// head reads the front of q. "349 <14>1 …" is counted; "1,2020/10/09 …",
// "2026-03-14T…" and "12:30 …" are lines. "12 monkeys" could be either.
func (f *Framer) head(q []byte) head {
	if f.Mode == LF || !IsDigit(q[0]) {
		return head{}
	}
	n, i := number(q, 0, maxCountDigits)
	for i >= maxCountDigits && i < min(len(q), maxDigits) && IsDigit(q[i]) {
		i, n = i+1, maxCount+1
	}
	switch {
	case i == len(q) && i < maxDigits:
		return head{kind: more}
	case i == len(q) || q[i] != ' ':
		return head{}
	}
	h := head{prefix: i + 1, count: n, zeros: q[0] == '0'}
	pri, v := markedPRI(q[h.prefix:])
	switch {
	case v == maybe:
		h.kind = more
	case v == yes && (n < pri || n > maxCount):
		h.kind = refused
	case v == yes:
		h.kind = counted
	case !h.zeros && n <= maxCount:
		h.kind = bare
	}
	return h
}

// frame cuts a counted message off q.
func (f *Framer) frame(q []byte, h head, end bool) (msg []byte, cut bool, n int, ok bool) {
	size := min(h.count, f.Max)
	stop := h.prefix + size
	if len(q) < stop {
		if !end {
			f.need = stop
			return nil, false, 0, false
		}
		return f.torn(q, h)
	}
	body := q[h.prefix:stop]
	if h.count > size {
		if b := f.chain(q, h.prefix, stop, 1); b != 0 {
			return f.deliver(q[h.prefix:b], true, b)
		}
		f.delivered(unchecked)
		f.counts, f.skip = true, h.count-size
		return clean(body), true, stop, true
	}
	doubt := f.trust < 1 && f.Mode != Octet || h.zeros
	f.suspect = f.suspect || f.suspicious(body)
	if !doubt && !f.suspect {
		f.delivered(unchecked)
		f.counts = true
		return clean(body), false, stop, true
	}
	v := yes
	if f.suspect || body[size-1] != '\n' {
		v = f.confirmed(q, h.prefix, stop, doubt, end)
	}
	switch {
	case v == maybe:
		return nil, false, 0, false
	case v == yes && (!f.suspect || f.chain(q, h.prefix, stop, 2) == 0):
		if h.zeros {
			f.breach()
		}
		f.right()
		f.delivered(unchecked)
		f.counts = true
		return clean(body), false, stop, true
	}
	return f.seek(q, search{from: h.prefix, trailers: stop, hint: stop, wrong: true, end: end})
}

// torn cuts a counted message off a tail that ends inside it: either the rest will
// never come, or its count is too large.
func (f *Framer) torn(q []byte, h head) (msg []byte, cut bool, n int, ok bool) {
	s := search{from: h.prefix, trailers: len(q), wrong: true, end: true}
	if b, v := f.find(q, len(q), &s); v == yes {
		return f.deliver(q[h.prefix:b], true, b)
	}
	f.counts = true
	msg, _, n, ok = f.deliver(q[h.prefix:], true, len(q))
	return msg, true, n, ok
}

// bareFrame cuts off q what begins with a number and no PRI: a line, or a counted
// message when it follows one directly, or when as many bytes without a trailer and
// then the end or begin of a message follow.
func (f *Framer) bareFrame(q []byte, h head, end bool) (msg []byte, cut bool, n int, ok bool) {
	stop := h.prefix + h.count
	believed := f.Mode == Octet || f.trust > 0 && f.behind == rightBehind || packed(q[h.prefix:])
	if believed && h.count <= f.Max {
		switch {
		case len(q) < stop && !end:
			f.need = stop
			return nil, false, 0, false
		case len(q) < stop && f.Mode == Octet:
			return f.torn(q, h)
		case len(q) < stop:
			return f.line(q, end)
		}
		v := yes
		if f.suspect = f.suspect || f.suspicious(q[h.prefix:stop]); f.suspect {
			v = f.confirmed(q, h.prefix, stop, false, end)
		}
		switch v {
		case maybe:
			return nil, false, 0, false
		case no:
			return f.line(q, end)
		}
		f.delivered(unchecked)
		f.counts = true
		return clean(q[h.prefix:stop]), false, stop, true
	}
	if h.count > f.Max || f.scanned > stop { // that is known by now
		return f.line(q, end)
	}
	from := max(h.prefix, f.scanned)
	t := f.trailer(q[min(from, len(q)):min(len(q), stop)])
	switch {
	case t >= 0 && from+t < stop-1:
		return f.line(q, end)
	case t >= 0: // it ends with its trailer
	case len(q) < stop || len(q) == stop && !end:
		f.scanned = min(len(q), stop)
		if !end {
			return nil, false, 0, false
		}
		return f.line(q, end)
	case len(q) > stop && IsDigit(q[stop]): // the next count
		f.right()
		f.delivered(rightBehind)
		return clean(q[h.prefix:stop]), false, stop, true
	case len(q) > stop && !isTrailer(q[stop]):
		return f.line(q, end)
	}
	f.delivered(anywhere)
	return clean(q[h.prefix:stop]), false, stop, true
}

// line cuts a message that ends with LF, CR LF or NUL off q. One byte more than Max is
// looked at, for that may be the CR.
func (f *Framer) line(q []byte, end bool) (msg []byte, cut bool, n int, ok bool) {
	if f.counts && f.Mode != LF {
		return f.seek(q, search{end: end})
	}
	from := min(f.scanned, len(q))
	t := f.trailer(q[from:])
	switch {
	case t >= 0:
		t += from
	case len(q) <= f.Max+1 && !end:
		f.scanned = len(q)
		return nil, false, 0, false
	default:
		t = len(q)
	}
	f.delivered(anywhere)
	if t > f.Max+1 {
		f.skipLine = true
		return q[:f.Max], true, f.Max, true
	}
	if msg = trimTrailer(q[:t]); len(msg) > f.Max {
		msg, cut = msg[:f.Max], true
	}
	return msg, cut, min(t+1, len(q)), true
}

// seek cuts a message off q that ends like a line, or where the next count is.
func (f *Framer) seek(q []byte, s search) (msg []byte, cut bool, n int, ok bool) {
	full := s.from + f.Max + 1 + lookahead
	if len(q) > full {
		q, s.end = q[:full], true
	} else {
		full = 0
	}
	t := -1
	for limit := 0; t < 0 && limit < len(q); {
		from := min(max(f.scanned, s.trailers), len(q))
		limit = min(from+window, len(q)) // the next message may begin soon
		if t = f.trailer(q[from:limit]); t >= 0 {
			t += from
			limit = t
		}
		f.scanned = max(f.scanned, limit)
		switch b, v := f.find(q, limit, &s); v {
		case yes:
			return f.deliver(bytes.TrimSuffix(q[s.from:b], bom), true, b)
		case maybe:
			return nil, false, 0, false
		}
	}
	switch {
	case t >= 0:
		return f.deliver(q[s.from:t], s.wrong, t+1)
	case full != 0:
		if s.wrong {
			f.breach()
		}
		f.delivered(anywhere)
		f.skipLine = true
		n = s.from + f.Max
		return clean(q[s.from:n]), true, n, true
	case s.end:
		return f.deliver(q[s.from:], s.wrong, len(q))
	}
	return nil, false, 0, false
}

// deliver ends a message, that of a breach when wrong.
func (f *Framer) deliver(body []byte, wrong bool, n int) (msg []byte, cut bool, _ int, ok bool) {
	if wrong {
		f.breach()
		f.counts = true
	}
	f.delivered(anywhere)
	msg = clean(body)
	if len(msg) > f.Max {
		return msg[:f.Max], true, n, true
	}
	return msg, false, n, true
}

// window is how far a trailer is searched at a time, so that streams with NUL are not
// searched for LF to the end of the read again and again.
const window = 1 << 10

// trailer returns the index of the first LF or NUL, or -1.
func (f *Framer) trailer(p []byte) int {
	i := trailer(p)
	if i < 0 {
		f.looked += len(p)
	} else {
		f.looked += i + 1
	}
	return i
}

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
