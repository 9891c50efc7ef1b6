package syslog

// Scan reads the header of msg into h, whatever shape it has. It never fails: what is not a
// header field belongs to the content. h is overwritten; its slices are views into msg.
func Scan(msg []byte, h *Header) { h.scan(h.begin(msg)) }

// begin makes h new, reads the PRI, and returns what is behind it.
func (h *Header) begin(msg []byte) []byte {
	*h = Header{Priority: NoPriority}
	h.Rest = skipBOM(h.priority(skipBOM(msg)))
	return skipSpaces(h.Rest)
}

// scan reads what is behind the PRI.
func (h *Header) scan(p []byte) {
	if len(p) == 0 {
		h.Tagged, h.Content = p, p
		return
	}
	if p[0] == ':' { // Cisco EMBLEM: "<PRI>:Mmm dd …", IOS without a count: "<PRI>: sw01: …"
		p = skipSpaces(p[1:])
	}
	switch c := first(p); {
	case c == '1' && len(p) > 2 && p[1] == ' ' && h.version1(p[2:]):
		return
	case IsDigit(c):
		if h.iso(p) || h.epoch(p) || h.cisco(p) || h.bsd(p) {
			return
		}
	case c == '*' || c == '.':
		if h.bsd(p[1:]) {
			h.ClockFlag = c
			return
		}
	default:
		if h.bsd(p) || h.cisco(p) {
			return
		}
	}
	h.tag(p)
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
