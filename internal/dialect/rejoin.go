package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// A relay parses what it forwards. If a message has no program tag, the relay takes the
// first word of the text for the tag and splits the text there. rsyslog and syslog-ng make
//
//	CEF: 0|Ubiquiti|…                 of  CEF:0|Ubiquiti|…
//	CEF - - - 0|Ubiquiti|…            the same, by an RFC 5424 template
//	1,2026/11/30 - - - 07:10:08,…     of  1,2026/11/30 07:10:08,…
//	<Event - - -  xmlns='…'>…         of  <Event xmlns='…'>…
//
// rejoin restores such a message as the device sent it, and reads that. syslog-ng splits
// messages without a template if its source has the flag dont-store-legacy-msghdr.

// seam is the position where a relay split a message: between tag and rest. All three are
// slices of the message. text begins where the device's text begins; text and rest end
// where the message ends.
type seam struct {
	text, tag, rest []byte
	// glue is what the device wrote between tag and rest.
	glue string
	// bracketed says that the device wrote the tag in brackets.
	bracketed bool
}

// seam finds the position where a relay split the message whose header is h. The tag must be
// the first part of a message of some family, and rest the second.
func (p *Parser) seam(h *syslog.Header) (s seam, ok bool) {
	s.find(h)
	gap := len(s.text) - len(s.tag) - len(s.rest)
	if len(s.tag) == 0 || len(s.rest) == 0 {
		return s, false
	}
	structured := h.Shape == syslog.RFC5424 && gap > 2
	switch c := s.tag[0]; {
	case len(h.AppName) == 0 && len(h.ProcID) != 0 && structured: // "[LAN_IN-D-2000] DESCR=…"
		s.bracketed = true
		s.glue, ok = " ", isChainName(h.ProcID)
		return s, ok
	case len(h.ProcID) != 0 || len(h.MsgID) != 0:
		return s, false
	case c == 'C':
		s.glue, ok = ":", string(s.tag) == "CEF" && isVersion(s.rest)
	case c == 'L':
		s.glue, ok = ":", string(s.tag) == "LEEF" && isVersion(s.rest)
	case c == '<':
		s.glue, ok = " ", string(s.tag) == "<?xml" || string(s.tag) == "<Event" || hasPrefix(s.tag, "<Event>")
	case c == '{':
		s.glue, ok = jsonGlue(s.tag, s.rest, structured)
	case c == '%':
		s.glue, ok = identifierGlue(s.text, s.rest, gap)
	case c == '*' || c == '.': // the clock flag of IOS, and the month
		s.glue, ok = " ", len(s.tag) == 4 && syslog.IsDigit(s.rest[0]) && hasIdentifier(s.rest)
	case c == 't':
		s.glue, ok = " ", hasPrefix(s.tag, "type=") && bytes.HasPrefix(s.rest, auditMarker[1:])
	case c == 'n':
		s.glue, ok = " ", bytes.HasPrefix(s.tag, nodeKey) && hasPrefix(s.rest, "type=")
	case syslog.IsDigit(c) || c == ',':
		s.glue, ok = numberGlue(s.tag, s.rest)
	}
	if !ok && bytes.IndexByte(s.tag, ',') > 0 {
		s.glue, ok = deviceGlue(s.tag, s.rest, gap)
	}
	if !ok && len(s.tag) >= len(snareTag) {
		s.glue, ok = snareGlue(s.tag, s.rest)
	}
	if !ok && bytes.Equal(s.tag, h.Hostname) { // the repeated host name of UniFi gateways
		s.glue, ok = " ", p.name == familyUniFi || isChain(s.rest)
	}
	return s, ok && len(s.glue) < gap
}

// find searches for the word that a relay took for the tag, and for what follows it. In a
// message without a host name the relay took the first word for the host and the second
// for the tag.
func (s *seam) find(h *syslog.Header) {
	s.text, s.tag, s.rest = h.Tagged, h.AppName, h.Content
	switch {
	case h.Shape == syslog.RFC5424 && len(h.AppName) != 0 && bytes.IndexByte(h.Hostname, ',') > 0:
		s.text = h.Rest[bytes.Index(h.Rest, h.Hostname):]
		s.tag = s.text[:len(h.Hostname)+1+len(h.AppName)]
	case len(s.tag) != 0:
	case h.Shape == syslog.RFC5424 && len(h.ProcID) != 0:
		s.tag = s.text[:1] // the NILVALUE
	case len(s.text) == 0 || s.text[0] == '%':
	default: // a colon of the relay behind a word that cannot be a tag: "<Event: xmlns=…"
		i := bytes.IndexByte(head(s.text, maxTag), ' ')
		if i > 3 && s.text[i-1] != ':' && bytes.IndexByte(s.text[:i], ',') > 0 {
			i += 1 + bytes.IndexByte(head(s.text[i+1:], maxTag), ' ')
		}
		if i > 1 && s.text[i-1] == ':' {
			s.tag, s.rest = s.text[:i-1], s.text[i:]
		}
	}
	for len(s.rest) != 0 && s.rest[0] == ' ' {
		s.rest = s.rest[1:]
	}
}

// maxTag is a bit more than the length of the longest tag that relays keep.
const maxTag = 160

// join appends the message as the device sent it to dst, and returns where its text
// begins. h is the header of msg. dst may share memory with msg, because the joined
// message is shorter.
func (s *seam) join(dst, msg []byte, h *syslog.Header) (whole []byte, text int) {
	dst = append(dst, msg[:len(msg)-len(s.text)]...)
	if sd := h.StructuredData; len(sd) != 0 {
		dst = append(append(dst, sd...), ' ')
	}
	text = len(dst)
	if s.bracketed {
		dst = append(append(append(dst, '['), h.ProcID...), ']')
	} else {
		dst = append(dst, s.tag...)
	}
	return append(append(dst, s.glue...), s.rest...), text
}

// maxJoins is how many relays in a row may have split a message.
const maxJoins = 2

// rejoin reads a message that a relay split behind the header h, as the device sent it. It
// returns false and changes nothing if there is no seam.
func (p *Parser) rejoin(msg []byte, h *syslog.Header, by Reason, r *Result) bool {
	if r.joins == maxJoins || r.joins != 0 && len(h.StructuredData) != 0 {
		return false
	}
	if len(h.AppName) != 0 && (len(h.ProcID) != 0 || len(h.MsgID) != 0) { // the tag of a program
		return false
	}
	s, ok := p.seam(h)
	return ok && p.readJoined(&s, msg, h, by, r)
}

// readJoined reads the message of a seam. It returns false and changes nothing if the message
// is none that a relay has split. It is apart from rejoin because it needs much of the stack,
// which has to be cleared.
func (p *Parser) readJoined(s *seam, msg []byte, h *syslog.Header, by Reason, r *Result) bool {
	saved, common := *r, s.tag[0] == 'C' || s.tag[0] == 'L'
	whole, text := s.join(r.whole[:0], msg, h)
	r.whole, r.Body, r.Rejoined = whole, whole, true
	r.joins++
	var l line
	l.begin(h, by, r)
	l.text, l.app, l.procID = whole[text:], nil, nil
	l.tagged, l.rest = l.text, l.text
	p.read(&l, r)
	if r.joins == 1 && (r.ClassBy == ByNothing || common && (r.ClassBy == ByPort || r.ClassBy == ByPack)) {
		saved.whole = r.whole
		*r = saved // CEF of another vendor, which may have a space there; packs read it with one
		return false
	}
	return true
}

// isVersion reports whether p begins with the version of CEF or LEEF: "0|", "2.0|".
func isVersion(p []byte) bool {
	i := 0
	for i < len(p) && i < 4 && (syslog.IsDigit(p[i]) || p[i] == '.') {
		i++
	}
	return i > 0 && i < len(p) && p[i] == '|'
}

// jsonGlue is the glue of an object that was split behind its bracket, behind its first
// key or within that key. A seam within the key needs the fields of RFC 5424 in between,
// otherwise it is a space in the object. Netconsole lines of UniFi also begin with a
// bracket.
func jsonGlue(tag, rest []byte, structured bool) (string, bool) {
	last := rest[len(bytes.TrimRight(rest, " \t\r\n"))-1]
	switch {
	case len(tag) == 1:
		return " ", rest[0] == '"'
	case tag[1] == '"' && last == '}' && structured:
		if tag[len(tag)-1] == '"' && len(tag) > 2 && rest[0] != ':' {
			return ":", true
		}
		return " ", true
	}
	return " ", len(tag) == 5 && len(rest) > 8 && syslog.IsHex(tag[1]) && rest[4] == '}' && rest[6] == '['
}

// identifierGlue is the glue of a Cisco message that was split behind its identifier. IOS
// XR writes a space before the colon.
func identifierGlue(tagged, rest []byte, gap int) (string, bool) {
	glue := ": "
	if rest[0] == ':' {
		glue = " "
	}
	if len(glue) >= gap { // as the device writes it
		return "", false
	}
	_, known := messageID(tagged)
	return glue, known
}

// numberGlue is the glue of a message that was split behind a number or a date: a line of
// PAN-OS, a header of RFC 5424 without PRI, a header of IOS, or the time of an ASA that
// writes no host.
func numberGlue(tag, rest []byte) (string, bool) {
	comma := bytes.IndexByte(tag, ',')
	switch {
	case comma >= 0:
		date := tag[comma+1:] // for rsyslog a program ends at the first '/'
		switch {
		case comma != 0 && !syslog.IsNumber(tag[:comma]):
		case len(date) == 4 && syslog.IsNumber(date), len(date) == 10 && date[4] == '/' && date[7] == '/':
			return " ", isClockColumn(rest)
		case len(date) == 13 && isSlashDate(date): // "2026/11/30 07"
			return ":", len(rest) > 5 && rest[2] == ':' && rest[5] == ','
		}
		return "", false
	case !syslog.IsNumber(tag):
		_, n := syslog.ParseISO(rest)
		return ":", n == 0 && len(tag) == len("2026-11-30T07") && tag[10] == 'T' && hasIdentifier(rest)
	case len(tag) == 1:
		if _, n := syslog.ParseISO(rest); n != 0 {
			return " ", true
		}
	}
	return ": ", hasIdentifier(rest)
}

// isClockColumn reports whether p begins with "07:10:08,".
func isClockColumn(p []byte) bool {
	return len(p) > 8 && syslog.IsDigit(p[0]) && syslog.IsDigit(p[1]) && p[2] == ':' && p[5] == ':' && p[8] == ','
}

// deviceGlue is the glue of a UniFi line that was split behind its device tag. Old
// switches write no colon there, and old access points write parentheses.
func deviceGlue(tag, rest []byte, gap int) (string, bool) {
	glue := ": "
	if tag[0] == '(' || hasPrefix(rest, "switch:") {
		glue = " "
	}
	if len(glue) >= gap { // as the device writes it
		return "", false
	}
	n, _, ok := deviceTag(tag)
	if ok && n+1 < len(tag) && programEnds(tag[n:]) { // the relay took the tag for the host and the program for the tag
		return ": ", true
	}
	for n < len(tag) && (tag[n] == '"' || tag[n] == ')') {
		n++
	}
	return glue, ok && n == len(tag)
}

// programEnds reports whether only the name of a program follows a device tag.
func programEnds(p []byte) bool {
	p = bytes.TrimLeft(p, `":) `)
	return len(p) != 0 && bytes.IndexByte(p, ' ') < 0
}

// snareGlue is the glue of a Snare line that was split behind its tag or at its first
// space, which is in the time or in the name of the log.
func snareGlue(tag, rest []byte) (string, bool) {
	i := bytes.Index(tag, snareMarker)
	switch {
	case i < 0:
		return "", false
	case i == 0 && len(tag) == len(snareTag):
		sep := snareSeparator(rest)
		switch {
		case sep == nil || bytes.HasPrefix(rest, sep):
			return "", sep != nil
		case !syslog.IsDigit(rest[0]): // for rsyslog a program ends at a tab, and the columns are lost
			_, n := syslog.ParseBSD(rest)
			return "\t", n != 0
		}
		return " ", true
	}
	return " ", snareSeparator(tag[i+len(snareTag):]) != nil
}
