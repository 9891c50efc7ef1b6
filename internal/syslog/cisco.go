package syslog

import "bytes"

// cisco reads a header of IOS, IOS XR or NX-OS: fields that end with a colon, up to a time
// or the '%' of a message identifier. Every part is optional.
//
//	94: 000090: *Jan  1 2006 23:14:54.141: %SYS-…        two sequence numbers
//	55: sw01: 000123: Sep 15 11:59:58.123 UTC: %SYS-…    the origin-id between them
//	sw01: 000123: Sep 15 11:59:58.123 UTC: %SYS-…        or in front of them
//	sw01 123: Sep 15 11:59:58.123 UTC: %SYS-…            without a colon behind a relay
//	nx01: 2022 Jan  6 21:01:34.964 UTC: %ETHPORT-…
//	wlc1: *spamApTask3: Sep 15 11:59:58.123: %CAPWAP-…   a wireless controller names its task
//	123: rtr1 RP/0/RSP0/CPU0:Jan 12 12:34:56.123 : pim[1234]: %ROUTING-…
//	46: [syslog@9 s_sn="17"]: 000042: 2y10w: %SYS-…      a clock that was never set
//
// Without a sequence number and without a node of IOS XR, a message identifier must
// follow: "app: Jan 12 12:34:56 text" is the text of a program.
func (h *Header) cisco(p []byte) bool {
	if !beginsCisco(p) {
		return false
	}
	found := Header{Shape: CiscoSequence, Priority: h.Priority, Rest: h.Rest}
	sure := false
	for fields := range 7 { // more than any release writes
		if first(p) == '%' && (sure || fields > 1) || sure && found.Stamp.Kind != NoTime {
			*h = found
			h.tag(p)
			return true
		}
		n, certain := found.ciscoPart(p, sure)
		if n == 0 {
			return false
		}
		sure = sure || certain
		p = skipSpaces(p[n:])
	}
	return false
}

// beginsCisco is a cheap check whether an IOS header may begin at p: a word with a colon
// behind it, or a node.
func beginsCisco(p []byte) bool {
	if len(p) == 0 || hostByte[p[0]] == 0 {
		return false
	}
	i := bytes.IndexByte(p[:min(len(p), 64)], ' ')
	if i < 2 {
		return false
	}
	return p[i-1] == ':' || node(p) != 0 || node(p[i+1:]) != 0 || counted(p[i+1:]) || len(p) > i+2 && p[i+1] == ':' && p[i+2] == ' '
}

// ciscoPart reads one part of an IOS header at the front of p, up to its colon, and returns
// its length, or 0. certain says that only IOS headers have such a part; sure says that
// an earlier part was certain.
func (h *Header) ciscoPart(p []byte, sure bool) (n int, certain bool) {
	w, rest := Word(p)
	name, ended := bytes.CutSuffix(w, colonSign)
	if ended && isCount(name) {
		return len(w), true
	}
	if n := h.ciscoTime(p, sure); n != 0 {
		return n, false
	}
	if n := node(w); n != 0 {
		return n, true
	}
	if first(p) == '[' {
		if n := element(p); n != 0 && n < len(p) && p[n] == ':' {
			h.StructuredData = p[:n]
			return n + 1, false
		}
		return 0, false
	}
	switch {
	case len(name) == 0:
		return len(w), false
	case !ended && first(rest) != ':' && node(rest) == 0 && !counted(rest):
		if i := bytes.Index(p[:min(len(p), 64)], colonBlank); sure && i > 0 { // "Core Switch 1: "
			return i + 1, false
		}
		return 0, false
	case isUptime(name), isClock(name), first(name) == '*' && h.Hostname != nil: // the task of a wireless controller
	case h.Hostname == nil && h.named(name):
	case !sure: // "app: text: …"
		return 0, false
	}
	return len(w), false
}

var colonSign, colonBlank = []byte(":"), []byte(": ")

// ciscoTime reads a time and a colon, with or without the name of an unknown zone in
// between. sure is that of ciscoPart.
func (h *Header) ciscoTime(p []byte, sure bool) int {
	flag, q := byte(0), p
	if c := first(p); c == '*' || c == '.' {
		flag, q = c, p[1:]
	}
	s, n := ParseBSD(q)
	if n == 0 {
		return 0
	}
	n = spaces(q, n)
	if n < len(q) && q[n] != ':' {
		w, rest := Word(q[n:])
		name, ended := bytes.CutSuffix(w, colonSign)
		if !ended || len(name) == 0 || len(name) > 7 || !sure && first(rest) != '%' {
			return 0
		}
		if pm, k := meridiem(name); k == len(name) { // "pm:", elsewhere the tag of a program
			s.setHalf(pm)
		}
		n += len(name)
	}
	if n == len(q) {
		return 0
	}
	h.Stamp, h.ClockFlag = s, flag
	return len(p) - len(q) + n + 1
}

// node returns the length of the "RP/0/RSP0/CPU0:" that IOS XR writes directly before its
// time, or 0.
func node(p []byte) int {
	slash := false
	for i, c := range p[:min(len(p), 40)] {
		switch {
		case c == '/':
			slash = true
		case c == ':':
			if !slash || i+1 == len(p) || hostByte[p[i+1]]&(upper|digit|dot) == 0 && p[i+1] != '*' {
				return 0
			}
			return i + 1
		case hostByte[c]&(lower|upper|digit) == 0 && c != '_' && c != '-':
			return 0
		}
	}
	return 0
}

// counted reports whether a sequence number and its colon stand at the front of p.
func counted(p []byte) bool {
	if !IsDigit(first(p)) {
		return false
	}
	w, _ := Word(p)
	w, ended := bytes.CutSuffix(w, colonSign)
	return ended && isCount(w)
}

// isCount reports whether w is a sequence number.
func isCount(w []byte) bool {
	return len(w) <= 12 && IsNumber(w)
}

// isClock reports whether w is the uptime of the first day, "00:01:23".
func isClock(w []byte) bool {
	var s Stamp
	return s.clock(w, 0) == len(w)
}

// named sets the host to a word that can be one. It reports whether it did.
func (h *Header) named(w []byte) bool {
	host := Host(w)
	if host == nil {
		return false
	}
	h.Hostname, h.Host = w, host
	return true
}
