package syslog

import "bytes"

// Framing is how a stream is cut into messages.
type Framing uint8

const (
	// Auto decides for every message by its first bytes.
	Auto Framing = iota
	// LF is non-transparent framing (RFC 6587 section 3.4.2) with the trailer LF, CR LF or
	// NUL.
	LF
	// Octet is octet counting (RFC 6587 section 3.4.1). A line without a count is accepted
	// as a line.
	Octet
)

const (
	maxCountDigits = 9
	// maxCount is the highest count that is believed, in bytes. A longer message would be
	// cut anyway.
	maxCount = 1 << 20
)

// trial is how many counts in a row must be right before a stream that had a wrong count is
// trusted again.
const trial = 100

// Framer cuts one stream into messages. It keeps no bytes: the caller passes what was not
// consumed again, with what follows. The longest such tail is Max plus lookahead bytes.
//
// A count is right if the next message begins where it says. The first count of a stream,
// and the counts behind a wrong one, are used only when that next message is there; other
// counts are used at once. A message with a wrong count ends at the next count with a
// PRI, so a wrong count damages one or two messages, not the connection.
type Framer struct {
	// Max is the length of the longest message, in bytes. Longer messages are cut to Max.
	Max int
	// Errors is the number of framing errors: counts that cannot be right, and messages
	// that do not end where their count says.
	Errors int
	// Mode is the framing. The zero value is Auto.
	Mode Framing

	counting bool     // the stream has counts: a line also ends before a count with a PRI
	suspect  bool     // the present counted message is suspicious
	reported bool     // the framing error of this message is in Errors
	skipLine bool     // the rest of a cut line remains to be skipped
	at       position // what is known of the position where the next message begins
	trust    int      // above 0: a count is used before the next message is there
	need     int      // how many bytes are needed for the next decision
	scanned  int      // how many bytes of the tail were searched for a trailer
	searched int      // how many were searched for the begin of the next message
	skip     int      // how many bytes of a cut counted message remain to be skipped

	inspected int // bytes searched so far; for tests, which check that the effort is linear
}

// position is what is known of the current position in the stream.
type position uint8

const (
	anywhere       position = iota
	unchecked               // behind a counted message: a message must begin here
	directlyBehind          // directly behind a counted message, at a digit
)

// Next cuts the next message off p. n is how many bytes are consumed, with or without a
// message; msg is a view into them. ok is false if p has no complete message. The
// messages do not depend on how the stream is divided into reads.
func (f *Framer) Next(p []byte) (msg []byte, cut bool, n int, ok bool) {
	return f.next(p, false)
}

// Final is Next for a tail that nothing follows, because the stream has ended or pauses.
// Call it until n is all of p. cut says that a counted message is not complete. A line is
// complete without its trailer: many senders never send one.
func (f *Framer) Final(p []byte) (msg []byte, cut bool, n int, ok bool) {
	return f.next(p, true)
}

func (f *Framer) next(p []byte, end bool) (msg []byte, cut bool, n int, ok bool) {
	n = f.skipRest(p, end)
	if f.Pending() || !end && len(p)-n < f.need {
		return nil, false, n, false
	}
	f.need = 0
	if f.at == unchecked && f.checkBegin(p[n:]) == maybe && !end {
		return nil, false, n, false
	}
	g := gap(p[n:])
	b, v := bomLength(p[n+g:])
	if g += b; g != 0 {
		n += g
		f.scanned, f.searched = 0, 0
	}
	q := p[n:]
	if len(q) == 0 || v == maybe && !end {
		return nil, false, n, false
	}
	var k int
	switch h := f.head(q); h.kind {
	case incompleteHead:
		if !end {
			return nil, false, n, false
		}
		msg, cut, k, ok = f.line(q, end)
	case countedHead:
		msg, cut, k, ok = f.frame(q, h, end)
	case bareHead:
		msg, cut, k, ok = f.bareFrame(q, h, end)
	case wrongHead:
		msg, cut, k, ok = f.seek(q, search{from: h.prefix, trailers: h.prefix, wrong: true, end: end})
	default:
		msg, cut, k, ok = f.line(q, end)
	}
	return msg, cut, n + k, ok
}

// Pending reports whether the rest of a cut message remains to be skipped.
func (f *Framer) Pending() bool { return f.skip > 0 || f.skipLine }

// Whole reports whether p, a tail, begins with a message that is complete by its count, so
// that only what follows is missing.
func (f *Framer) Whole(p []byte) bool {
	if f.Pending() || len(p) == 0 {
		return false
	}
	h := f.head(p)
	return h.kind == countedHead && h.count <= f.Max && len(p) >= h.prefix+h.count
}

// Cut ends the message at the front of p, a tail that cannot be kept. It returns the part
// that is there. The rest of the message is skipped, up to the end of its count or of its
// line.
func (f *Framer) Cut(p []byte) (msg []byte) {
	f.Errors++
	f.reset(anywhere)
	h := f.head(p)
	if h.kind == countedHead && h.prefix+h.count > len(p) {
		f.skip, f.counting = h.prefix+h.count-len(p), true
		f.at = unchecked
	} else {
		f.skipLine = true
	}
	if h.kind == countedHead || h.kind == wrongHead {
		p = p[h.prefix:]
	}
	return p
}

// skipRest skips the rest of a cut message and returns how many bytes it skipped.
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

// checkBegin checks whether a message begins behind a counted one.
func (f *Framer) checkBegin(p []byte) verdict {
	v := begins(p, 0, true)
	switch {
	case v == maybe:
		return v
	case v == no:
		f.framingError()
		f.at = anywhere
	case IsDigit(p[0]):
		f.countRight()
		f.at = directlyBehind
	default:
		f.countRight()
		f.at = anywhere
	}
	return v
}

// framingError counts a framing error, once for each message.
func (f *Framer) framingError() {
	if !f.reported {
		f.Errors++
	}
	f.reported, f.trust = true, -trial
}

// countRight records that a count was right.
func (f *Framer) countRight() {
	if f.trust < 1 {
		f.trust++
	}
}

// reset prepares for the next message, which begins at a position of the given kind.
func (f *Framer) reset(at position) {
	f.reported, f.suspect, f.scanned, f.searched, f.need, f.at = false, false, 0, 0, 0, at
}

// headKind says how a message begins.
type headKind uint8

const (
	lineHead       headKind = iota // no count
	incompleteHead                 // more bytes are needed
	countedHead                    // a count with a PRI behind it
	bareHead                       // a count without a PRI, or a line that begins with a number
	wrongHead                      // a count that cannot be right, with a PRI behind it
)

// head is the front of a message: its kind and, unless it is a line, the length of
// "MSG-LEN SP", the count, and whether the count has leading zeros, which RFC 6587 forbids.
type head struct {
	kind          headKind
	prefix, count int
	zeros         bool
}

// maxDigits is the length of the longest number that is taken for a count, if a wrong one.
const maxDigits = 32

// head reads the front of q. "349 <14>1 …" is counted; "1,2020/10/09 …",
// "2026-03-14T…" and "12:30 …" are lines; "12 monkeys" may be either.
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
		return head{kind: incompleteHead}
	case i == len(q) || q[i] != ' ':
		return head{}
	}
	h := head{prefix: i + 1, count: n, zeros: q[0] == '0'}
	pri, v := priAfterBOM(q[h.prefix:])
	switch {
	case v == maybe:
		h.kind = incompleteHead
	case v == yes && (n < pri || n > maxCount):
		h.kind = wrongHead
	case v == yes:
		h.kind = countedHead
	case !h.zeros && n <= maxCount:
		h.kind = bareHead
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
		return f.truncated(q, h)
	}
	body := q[h.prefix:stop]
	if h.count > size {
		if b := f.chain(q, h.prefix, stop, 1); b != 0 {
			return f.deliver(q[h.prefix:b], true, b)
		}
		f.reset(unchecked)
		f.counting, f.skip = true, h.count-size
		return clean(body), true, stop, true
	}
	unsure := f.trust < 1 && f.Mode != Octet || h.zeros
	f.suspect = f.suspect || f.suspicious(body)
	if !unsure && !f.suspect {
		f.reset(unchecked)
		f.counting = true
		return clean(body), false, stop, true
	}
	v := yes
	if f.suspect || body[size-1] != '\n' {
		v = f.confirmed(q, h.prefix, stop, unsure, end)
	}
	switch {
	case v == maybe:
		return nil, false, 0, false
	case v == yes && (!f.suspect || f.chain(q, h.prefix, stop, 2) == 0):
		if h.zeros {
			f.framingError()
		}
		f.countRight()
		f.reset(unchecked)
		f.counting = true
		return clean(body), false, stop, true
	}
	return f.seek(q, search{from: h.prefix, trailers: stop, hint: stop, wrong: true, end: end})
}

// truncated cuts a counted message off a tail that ends inside it: either the rest will
// never come, or the count is too large.
func (f *Framer) truncated(q []byte, h head) (msg []byte, cut bool, n int, ok bool) {
	s := search{from: h.prefix, trailers: len(q), wrong: true, end: true}
	if b, v := f.find(q, len(q), &s); v == yes {
		return f.deliver(q[h.prefix:b], true, b)
	}
	f.counting = true
	msg, _, n, ok = f.deliver(q[h.prefix:], true, len(q))
	return msg, true, n, ok
}

// bareFrame cuts a message off q that begins with a number but without a PRI. It is a
// counted message if it follows one directly, or if the count is followed by so many
// bytes without a trailer and then by the end or the begin of a message. Otherwise it is a
// line.
func (f *Framer) bareFrame(q []byte, h head, end bool) (msg []byte, cut bool, n int, ok bool) {
	stop := h.prefix + h.count
	believed := f.Mode == Octet || f.trust > 0 && f.at == directlyBehind || isCompressed(q[h.prefix:])
	if believed && h.count <= f.Max {
		switch {
		case len(q) < stop && !end:
			f.need = stop
			return nil, false, 0, false
		case len(q) < stop && f.Mode == Octet:
			return f.truncated(q, h)
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
		default: // yes: the message follows
		}
		f.reset(unchecked)
		f.counting = true
		return clean(q[h.prefix:stop]), false, stop, true
	}
	if h.count > f.Max || f.scanned > stop { // it is a line
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
		f.countRight()
		f.reset(directlyBehind)
		return clean(q[h.prefix:stop]), false, stop, true
	case len(q) > stop && !isTrailer(q[stop]):
		return f.line(q, end)
	}
	f.reset(anywhere)
	return clean(q[h.prefix:stop]), false, stop, true
}

// line cuts a message that ends with LF, CR LF or NUL off q. It reads one byte more than
// Max, because that may be the CR.
func (f *Framer) line(q []byte, end bool) (msg []byte, cut bool, n int, ok bool) {
	if f.counting && f.Mode != LF {
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
	f.reset(anywhere)
	if t > f.Max+1 {
		f.skipLine = true
		return q[:f.Max], true, f.Max, true
	}
	if msg = trimTrailer(q[:t]); len(msg) > f.Max {
		msg, cut = msg[:f.Max], true
	}
	return msg, cut, min(t+1, len(q)), true
}

// seek cuts a message off q that ends at a trailer or before the next count.
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
		limit = min(from+window, len(q)) // the next message may begin before the trailer
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
		default: // no: the message goes on
		}
	}
	switch {
	case t >= 0:
		return f.deliver(q[s.from:t], s.wrong, t+1)
	case full != 0:
		if s.wrong {
			f.framingError()
		}
		f.reset(anywhere)
		f.skipLine = true
		n = s.from + f.Max
		return clean(q[s.from:n]), true, n, true
	case s.end:
		return f.deliver(q[s.from:], s.wrong, len(q))
	}
	return nil, false, 0, false
}

// deliver ends a message. wrong says that it had a framing error.
func (f *Framer) deliver(body []byte, wrong bool, n int) (msg []byte, cut bool, _ int, ok bool) {
	if wrong {
		f.framingError()
		f.counting = true
	}
	f.reset(anywhere)
	msg = clean(body)
	if len(msg) > f.Max {
		return msg[:f.Max], true, n, true
	}
	return msg, false, n, true
}

// window is how many bytes are searched for a trailer at a time. Without it, streams with
// NUL would be searched for LF to the end of the read again and again.
const window = 1 << 10

// trailer is trailer(p), and counts the bytes that it searched.
func (f *Framer) trailer(p []byte) int {
	i := trailer(p)
	if i < 0 {
		f.inspected += len(p)
	} else {
		f.inspected += i + 1
	}
	return i
}

// trailerByBytes is trailer on every processor.
func trailerByBytes(p []byte) int {
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

// gap returns the length of what is between two messages at the front of p: trailers, and
// the space that a Cisco ASA sends behind the LF.
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
