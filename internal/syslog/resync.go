package syslog

import "bytes"

// The framer finds the begin of the next message where a count is wrong or uncertain. This
// file has that search.

// lookahead is how far behind the longest message the framer searches, in bytes.
const lookahead = 64

// verdict is the result of a check of bytes of which some may be missing.
type verdict uint8

const (
	no verdict = iota
	yes
	maybe // more bytes are needed
)

// bomLength returns the length of a byte order mark before a count or a PRI, or 0.
func bomLength(p []byte) (int, verdict) {
	if len(p) == 0 || p[0] != bom[0] {
		return 0, no
	}
	return bomLengthOf(p)
}

// bomLengthOf is bomLength for a p that begins like a byte order mark. (It is separate so
// that bomLength is inlined.)
func bomLengthOf(p []byte) (int, verdict) {
	switch {
	case !bytes.HasPrefix(p, bom):
		if bytes.HasPrefix(bom, p) {
			return 0, maybe
		}
		return 0, no
	case len(p) == len(bom):
		return 0, maybe
	}
	if c := p[len(bom)]; c != '<' && !IsDigit(c) {
		return 0, no
	}
	return len(bom), yes
}

// isCompressed reports whether p begins like a message that rsyslog compressed: with a 'z'
// and the header of RFC 1950.
func isCompressed(p []byte) bool { return len(p) > 1 && p[0] == 'z' && p[1] == 0x78 }

// begins says whether a message can begin at p[i]: behind a trailer, with a PRI, with a
// count and a PRI or, if bareToo, with any count.
func begins(p []byte, i int, bareToo bool) verdict {
	if i >= len(p) {
		return maybe
	}
	p = p[i:]
	if isTrailer(p[0]) {
		return yes
	}
	b, v := bomLength(p)
	if v == maybe {
		return maybe
	}
	p = p[b:]
	switch {
	case p[0] == ' ':
		if len(p) == 1 {
			return maybe
		}
		_, v := priAfterBOM(p[1:])
		return v
	case p[0] == '<':
		_, v := priAfterBOM(p)
		return v
	case !IsDigit(p[0]):
		return no
	}
	n, k := number(p, 0, maxCountDigits)
	switch {
	case k == len(p):
		return maybe
	case p[k] != ' ':
		return no
	case bareToo && p[0] != '0' && n <= maxCount:
		return yes
	}
	if _, v = priAfterBOM(p[k+1:]); v == no && p[k+1] == 'z' {
		if k+2 == len(p) {
			return maybe
		}
		if isCompressed(p[k+1:]) {
			return yes
		}
	}
	return v
}

// suspicious reports whether a counted message contains the begin of a message, or ends
// with a part of one: then its count may be too large.
func (f *Framer) suspicious(body []byte) bool {
	for i := 1; i < len(body); i++ {
		k := bytes.IndexByte(body[i:], '<')
		if k < 0 {
			f.inspected += len(body) - i
			break
		}
		f.inspected += k + 1
		if i += k; mayPrecedePRI(body, i) {
			if _, v := priAfterBOM(body[i:]); v != no {
				return true
			}
		}
	}
	end := len(body)
	if body[end-1] == ' ' {
		end--
	}
	digits := end
	for digits > 0 && end-digits < maxCountDigits && IsDigit(body[digits-1]) {
		digits--
	}
	switch {
	case digits == end:
		return false
	case end < len(body):
		return true
	}
	return digits > 0 && endsLine(body[digits-1])
}

// mayPrecedePRI reports whether a PRI may begin at p[j]: behind a trailer, or behind a
// count and a space.
func mayPrecedePRI(p []byte, j int) bool {
	return endsLine(p[j-1]) || j > 1 && p[j-1] == ' ' && IsDigit(p[j-2])
}

// endsLine reports whether c is LF or NUL.
func endsLine(c byte) bool { return c == '\n' || c == 0 }

// confirmed says whether the count of the message at q[prefix:] is right: whether the next
// message begins at q[stop], where the count ends. If unsure is set, a digit before that
// position may belong to the next count. In that case, and if this message is suspicious,
// the next count must be right as well.
func (f *Framer) confirmed(q []byte, prefix, stop int, unsure, end bool) verdict {
	at := stop
	if f.suspect {
		for at < len(q) && isTrailer(q[at]) {
			at++
		}
	}
	v := begins(q, at, !f.suspect)
	switch {
	case v == maybe && !end:
		f.need = len(q) + 1
		return maybe
	case v == maybe:
		return yes
	case v == no:
		return no
	}
	last, next := q[at-1], q[at]
	switch {
	case next == '<' && last == ' ' && at-1 > prefix && IsDigit(q[at-2]), next == ' ' && IsDigit(last):
		return no // the next count begins inside this message
	case !IsDigit(next), !f.suspect && !(unsure && IsDigit(last)):
		return yes
	}
	n, i := number(q, at, maxCountDigits)
	e := i + 1 + n
	far := n == 0 || e > prefix+f.Max+lookahead // beyond what is kept
	if !far {
		v = begins(q, e, false)
	}
	switch {
	case !far && v == maybe && !end:
		f.need = max(e, len(q)) + 1
		return maybe
	case !far && v != no:
		return yes
	case f.suspect && f.chain(q, prefix, stop, 1) != 0, !f.suspect && !far:
		return no
	}
	return yes
}

// search says where a message may end. Positions are in the tail.
type search struct {
	from     int  // the message begins here, behind its count
	trailers int  // a trailer from here on ends it
	hint     int  // where it ends by its count; 0: no count
	wrong    bool // its count is wrong: the next message may begin anywhere
	end      bool // nothing follows
	tries    int  // how many positions are examined; 0: all
}

// tries is how many positions are examined in a message that is complete by its count. A
// message that quotes others has many.
const tries = 16

// find searches q[:limit] for the count and the PRI that begin the next message, and
// returns their position. In a stream whose counts were all right so far, that count
// must be right too, otherwise it is text.
func (f *Framer) find(q []byte, limit int, s *search) (b int, v verdict) {
	sure := !s.wrong && f.trust >= 0
	for i := max(f.searched, s.from+1, 1); i < limit; i++ {
		k := bytes.IndexByte(q[i:limit], '<')
		if k < 0 {
			f.inspected += limit - i
			break
		}
		f.inspected += k + 1
		if i += k; !mayPrecedePRI(q, i) {
			continue
		}
		if _, v = priAfterBOM(q[i:]); v == yes {
			b, v = f.begin(q, i, sure, s)
			if s.tries--; v == no && s.tries == 0 {
				return 0, no
			}
		}
		switch {
		case v == yes:
			return b, yes
		case v == maybe && !s.end:
			f.searched = i
			f.need = max(f.need, len(q)+1)
			return 0, maybe
		}
	}
	f.searched = limit
	return 0, no
}

// begin returns where the message begins whose PRI is at q[j]: at its count. The message
// before it may end with digits, so the count is the shortest number there that is right.
// If none is right, it is the longest, or none if sure.
func (f *Framer) begin(q []byte, j int, sure bool, s *search) (int, verdict) {
	if endsLine(q[j-1]) {
		if sure {
			return 0, no
		}
		return j, yes
	}
	digits := j - 1
	for digits > s.from+1 && j-1-digits < 7 && IsDigit(q[digits-1]) {
		digits--
	}
	if digits == j-1 {
		return 0, no
	}
	longest := digits
	for b := j - 2; b >= digits; b-- {
		n, _ := number(q, b, 7)
		if q[b] == '0' || n > f.Max {
			continue
		}
		longest = b
		switch v := begins(q, j+n, false); {
		case v == yes, v == maybe && s.end && j+n == len(q):
			return b, yes
		case v == maybe && !s.end:
			f.need = max(j+n, len(q)) + 1
			return 0, maybe
		}
	}
	switch {
	case sure:
		return 0, no
	case s.hint >= digits && s.hint < j-1:
		return s.hint, yes
	}
	return longest, yes
}

// chain searches for at least so many counted messages inside q[prefix:stop] that follow one
// another exactly up to q[stop], and returns where the first begins, or 0. It distinguishes a
// count that spans several messages from a message that quotes another one. With least 1
// the end does not matter.
func (f *Framer) chain(q []byte, prefix, stop, least int) int {
	sub := *f
	sub.searched, sub.trust = 0, 0
	first, v := sub.find(q[:stop], stop, &search{from: prefix, end: true, tries: tries})
	f.inspected = sub.inspected
	if v != yes || least == 1 {
		return first
	}
	i, links := first, 0
	for ; i < stop; links++ {
		if i += gap(q[i:stop]); i == stop {
			break
		}
		n, k := number(q, i, maxCountDigits)
		if k == i || k+1 >= stop || q[k] != ' ' || n == 0 {
			return 0
		}
		if _, v := priAfterBOM(q[k+1:]); v != yes {
			return 0
		}
		i = k + 1 + n
	}
	if links < least || i > len(q) || len(trimTrailer(q[stop:max(i, stop)])) != 0 {
		return 0
	}
	return first
}

// lineEnd searches for the end of a line that is skipped, and returns how many bytes of p
// are consumed.
func (f *Framer) lineEnd(p []byte, end bool) (n int, found bool) {
	if !end && len(p) < f.need {
		return 0, false
	}
	f.need = 0
	t := f.trailer(p[min(f.scanned, len(p)):])
	limit := len(p)
	if t >= 0 {
		t += f.scanned
		limit = t
	}
	keep := 0
	if f.counting && f.Mode != LF {
		b, v := f.find(p, limit, &search{from: -1, end: end})
		switch v {
		case yes:
			f.scanned, f.searched = 0, 0
			return b, true
		case maybe:
			n = max(f.searched-maxCountDigits-1, 0)
			f.scanned, f.searched, f.need = limit-n, f.searched-n, f.need-n
			return n, false
		default: // no: nothing begins here
		}
		keep = unfinished(p)
	}
	f.scanned, f.searched = 0, 0
	switch {
	case t >= 0:
		return t, true
	case end:
		return len(p), false
	}
	return len(p) - keep, false
}

// unfinished returns how many bytes at the end of p may be an incomplete count and PRI.
func unfinished(p []byte) int {
	i := len(p)
	for i > 0 && len(p)-i < 3 && IsDigit(p[i-1]) {
		i--
	}
	if i > 0 && p[i-1] == '<' {
		i--
	} else {
		i = len(p)
	}
	if i > 0 && p[i-1] == ' ' {
		i--
	} else if i < len(p) {
		return 0
	}
	digits := i
	for digits > 0 && i-digits < maxCountDigits && IsDigit(p[digits-1]) {
		digits--
	}
	if digits == i {
		return 0
	}
	return len(p) - digits
}

// clean removes a byte order mark from the front of a message and trailers from its end.
func clean(p []byte) []byte {
	b, _ := bomLength(p)
	return trimTrailer(p[b:])
}

// priAfterBOM reads a PRI that may have a byte order mark in front of it, and returns the
// length of both.
func priAfterBOM(p []byte) (int, verdict) {
	flag, v := bomLength(p)
	if v == maybe {
		return 0, maybe
	}
	_, n, v := readPRI(p[flag:])
	return flag + n, v
}
