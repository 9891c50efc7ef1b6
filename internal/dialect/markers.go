package dialect

import (
	"bytes"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/syslog"
)

// A marker is a form that only one family has. This file knows the markers of all families
// and where they may be; the family's own file reads what follows. A new kind of message
// with a marker gets a case here.

// byMarker searches for a marker at the front of the text, in the structured data and in the
// tag, and reads the line as that family's.
func (l *line) byMarker(r *Result) bool {
	text := syslog.SkipBlanks(l.text)
	switch {
	case l.matchMarker(text, r):
	case isNXLogData(l.data):
		l.setTagged(WindowsSyslog, ByTag, r)
	case len(l.app) == 0 || !l.byTagMarker(r):
		return false
	}
	l.keep(text, r)
	return true
}

// maxWords is how many words without meaning may be between the header and a marker: a
// doubled host name, a colon, "Master", the "May 00 00:00:00" of a clock that was never
// set.
const maxWords = 4

// byLaterMarker searches for a marker behind the words that devices and relays put between
// the header and the text.
func (l *line) byLaterMarker(p *Parser, r *Result) bool {
	at := l.text
	var before []byte
	for n := range maxWords {
		i := bytes.IndexByte(head(at, 80), ' ')
		inHostPlace := n == 0 && l.headed && len(r.Host) == 0
		if i < 0 || !isFiller(at[:i]) && (!inHostPlace || bytes.IndexByte(at[:i], ',') >= 0) {
			return false
		}
		before = at[:i]
		at = syslog.SkipBlanks(at[i+1:])
		marked := l.matchMarker(at, r)
		if marked {
			l.keep(at, r)
		}
		if marked || p.packed(l, at, r) {
			if len(r.Host) == 0 {
				r.setHost(bytes.TrimSuffix(before, colonSign), ByHeader)
			}
			return true
		}
	}
	return false
}

var colonSign = []byte(":")

// isFiller reports whether a word may precede a marker: a name, with or without a
// colon, a lone colon or a dash. A word with a byte of formByte is part of a text with a
// form of its own.
func isFiller(w []byte) bool {
	for _, c := range w {
		if c <= ' ' || formByte[c] {
			return false
		}
	}
	return true
}

var formByte = func() (t [256]bool) {
	for _, c := range `,;="%<>{}[]` {
		t[c] = true
	}
	return t
}()

// byTagMarker searches for the tags that only one family uses.
func (l *line) byTagMarker(r *Result) bool {
	switch l.app[0] {
	case 'S': // the Firepower management center: "SFIMS: Protocol: TCP, …"
		return string(l.app) == "SFIMS" && l.setTagged(CiscoFirepower, ByTag, r)
	case 'E':
		return string(l.app) == "EvntSLog" && l.setTagged(WindowsSyslog, ByTag, r)
	case 'M':
		return hasPrefix(l.app, "Microsoft-Windows-") && l.setTagged(WindowsSyslog, ByTag, r)
	}
	return false
}

// matchMarker reads the line as that of the family whose marker is at the front of p. It
// returns false if there is no marker.
func (l *line) matchMarker(p []byte, r *Result) bool {
	if len(p) < 5 {
		return false
	}
	switch p[0] {
	case '%':
		return readCisco(l, p, r)
	case '<':
		p = behindProlog(p)
		return isEvent(p) && readWindowsXML(p, r)
	case '{':
		return l.matchJSON(p, r)
	case '[':
		return isChain(p) && l.setTagged(UniFiFirewall, ByShape, r)
	case '(':
		return readUniFi(p, r)
	case 'C':
		if hasPrefix(p, "CEF:") {
			return matchCEF(p, r)
		}
	case 'L':
		if hasPrefix(p, "LEEF:") {
			return readPANLEEF(p, r)
		}
	case 'M':
		if hasPrefix(p, snareTag) {
			return readSnare(p, nil, r)
		}
	case 'S':
		if hasPrefix(p, "SFIMS : ") {
			return l.setTagged(CiscoFirepower, ByShape, r)
		}
	}
	return matchColumns(p, r)
}

// matchColumns searches for the markers that consist of columns: device tags of UniFi, lines
// of PAN-OS, lines of Snare without a syslog header.
func matchColumns(p []byte, r *Result) bool {
	for i, c := range head(p, 80) {
		switch {
		case c == ',':
			return readUniFi(p, r) || readPAN(p, i, r)
		case c == '\t':
			return hasPrefix(p[i+1:], snareTag) && readSnare(p[i+1:], p[:i], r)
		case c == '#' && hasPrefix(p[i:], escapedTab+snareTag):
			return readSnare(p[i+len(escapedTab):], p[:i], r)
		case c <= ' ':
			return false
		}
	}
	return false
}

// matchJSON searches for the keys that only the JSON of one family has.
func (l *line) matchJSON(p []byte, r *Result) bool {
	switch {
	case isNetconsole(p):
		r.setClass(UniFiNetconsole, ByShape)
		return true
	case p[1] != '"' && p[1] != ' ':
		return false
	case isNXLogJSON(p):
		return readNXLogJSON(l, p, r)
	case isPANJSON(p):
		return readPANJSON(p, r)
	}
	return false
}

// matchCEF reads a CEF message of one of the families' vendors. CEF of other vendors has
// no marker.
func matchCEF(p []byte, r *Result) bool {
	c := body.ParseCEF(p)
	switch {
	case bytes.EqualFold(c.Vendor, cefUbiquiti):
		return readUniFiCEF(&c, r)
	case bytes.EqualFold(c.Vendor, cefPAN):
		return readPANCEF(&c, r)
	case bytes.EqualFold(c.Vendor, cefMicrosoft), bytes.EqualFold(c.Vendor, cefMCAS):
		return readWindowsCEF(&c, r)
	}
	return false
}

var (
	cefUbiquiti  = []byte("Ubiquiti")
	cefPAN       = []byte("Palo Alto Networks")
	cefMicrosoft = []byte("Microsoft")
	cefMCAS      = []byte("MCAS")
	cefArcSight  = []byte("ArcSight") // the connector itself
)
