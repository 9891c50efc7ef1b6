package syslog

import "bytes"

// Scan reads the header of msg into h, whatever shape it has. It never fails: a
// part that is not there, or that is not what it seems, stays empty and belongs to
// the content. h is overwritten; its slices are views into msg.
func Scan(msg []byte, h *Header) {
	*h = Header{Priority: NoPriority}
	p := h.priority(msg)
	h.Rest = p
	p = skipBlanks(p)
	if len(p) == 0 {
		h.Tagged, h.Content = p, p
		return
	}
	if p[0] == ':' { // Cisco EMBLEM: "<PRI>:Mmm dd …"
		p = skipBlanks(p[1:])
	}
	switch c := first(p); {
	case c == '1' && len(p) > 2 && p[1] == ' ' && h.version1(p[2:]):
		return
	case isDigit(c):
		if h.iso(p) || h.epoch(p) || h.cisco(p) || h.bsd(p) {
			return
		}
	case c == '*' || c == '.':
		if h.bsd(p[1:]) {
			h.ClockMark = c
			return
		}
	default:
		if h.bsd(p) {
			return
		}
	}
	h.tag(p)
}

// priority reads "<PRIVAL>" and returns what follows; msg itself when there is no
// valid one.
func (h *Header) priority(msg []byte) []byte {
	if len(msg) < 3 || msg[0] != '<' {
		return msg
	}
	v, i := number(msg, 1, 3)
	if i == 1 || i >= len(msg) || msg[i] != '>' || v > 191 {
		return msg
	}
	h.Priority = v
	return msg[i+1:]
}

func (h *Header) bsd(p []byte) bool {
	stamp, n := ParseBSD(p)
	if n == 0 {
		return false
	}
	h.Shape, h.Stamp = BSD, stamp
	h.afterTime(p[n:])
	return true
}

func (h *Header) iso(p []byte) bool {
	stamp, n := ParseISO(p)
	if n == 0 || !boundary(p, n) {
		return false
	}
	h.Shape, h.Stamp = ISO, stamp
	h.afterTime(p[n:])
	return true
}

func (h *Header) epoch(p []byte) bool {
	stamp, n := ParseUnix(p)
	if n == 0 || n >= len(p) || p[n] != ' ' {
		return false
	}
	h.Shape, h.Stamp = Epoch, stamp
	h.afterTime(p[n:])
	return true
}

// cisco reads IOS headers: "94: 000090: *Jan  1 2006 23:14:54.141: %SYS-…",
// "3132811: sw01: 3132807: Jul 14 2023 08:23:43.398 UTC: %FOO-…", with an uptime
// ("2y10w:") where the clock was never set, with the session's "[syslog@9 …]:".
// Without a time or the '%' of a mnemonic at the end it is not one.
func (h *Header) cisco(p []byte) bool {
	_, i := number(p, 0, 12)
	if i+1 >= len(p) || p[i] != ':' || p[i+1] != ' ' {
		return false
	}
	p = skipBlanks(p[i+1:])
	found := Header{Shape: CiscoSequence, Priority: h.Priority, Rest: h.Rest}
	for range 5 { // more parts than any release writes
		if first(p) == '%' || found.Stamp.Kind != NoTime {
			*h = found
			h.tag(p)
			return true
		}
		n := found.ciscoPart(p)
		if n == 0 {
			return false
		}
		p = skipBlanks(p[n:])
	}
	return false
}

// ciscoPart reads the part of an IOS header at the front of p, up to its colon, and
// returns its length, 0 when it is none.
func (h *Header) ciscoPart(p []byte) int {
	mark, q := byte(0), p
	if c := first(p); c == '*' || c == '.' {
		mark, q = c, p[1:]
	}
	if s, n := ParseBSD(q); n != 0 && n < len(q) && q[n] == ':' {
		h.Stamp, h.ClockMark = s, mark
		return len(p) - len(q) + n + 1
	}
	if first(p) == '[' {
		if n := element(p); n != 0 && n < len(p) && p[n] == ':' {
			h.StructuredData = p[:n]
			return n + 1
		}
		return 0
	}
	w, _ := word(p)
	if len(w) < 2 || w[len(w)-1] != ':' {
		return 0
	}
	if name := w[:len(w)-1]; h.Hostname == nil && hostname(name) == len(name) && !isUptime(name) {
		h.Hostname = name
	}
	return len(w)
}

// isUptime reports whether w is the time since the start as IOS writes it: "2y10w",
// "1w2d", "3d04h".
func isUptime(w []byte) bool {
	pairs := 0
	for i := 0; i < len(w); i++ {
		_, j := number(w, i, 3)
		if j == i || j == len(w) || bytes.IndexByte([]byte("ywdhms"), w[j]) < 0 {
			return false
		}
		i = j
		pairs++
	}
	return pairs > 1
}
