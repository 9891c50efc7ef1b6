package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// marked looks for a mark that only one family has, at the front of the text, in
// the structured data or as the tag, and reads the message as that family's.
func (l *line) marked(r *Result) bool {
	switch {
	case l.mark(syslog.SkipBlanks(l.text), r):
		return true
	case isNXLogData(l.data):
		return l.windowsSyslog(r)
	}
	return len(l.app) != 0 && l.markedTag(r)
}

// maxWords is how many words without meaning may stand between the header and a
// mark: a doubled host, a colon, "Master", the "May 00 00:00:00" of a clock that was
// never set.
const maxWords = 4

// markedBehind looks for a mark behind the words that devices and relays put
// between the header and the text.
func (l *line) markedBehind(r *Result) bool {
	at := l.text
	var before []byte
	for n := range maxWords {
		i := bytes.IndexByte(head(at, 80), ' ')
		strange := n == 0 && l.headed && len(r.Host) == 0 // in the place of the host
		if i < 0 || !isFiller(at[:i]) && (!strange || bytes.IndexByte(at[:i], ',') >= 0) {
			return false
		}
		before = at[:i]
		at = syslog.SkipBlanks(at[i+1:])
		if l.mark(at, r) {
			if len(r.Host) == 0 {
				r.setHost(bytes.TrimSuffix(before, colonSign), ByHeader)
			}
			return true
		}
	}
	return false
}

// isFiller reports whether a word may stand before a mark: a name, also one that no
// host can have, with or without a colon, or a lone colon or dash; but no word of a text
// with a form of its own.
func isFiller(w []byte) bool {
	for _, c := range w {
		if c <= ' ' || formByte[c] {
			return false
		}
	}
	return true
}

var colonSign = []byte(":")

var formByte = func() (t [256]bool) {
	for _, c := range `,;="%<>{}[]` {
		t[c] = true
	}
	return t
}()

// markedTag looks for the tags that only one family uses.
func (l *line) markedTag(r *Result) bool {
	switch l.app[0] {
	case 'S':
		return string(l.app) == "SFIMS" && l.firepower(r)
	case 'E':
		return string(l.app) == "EvntSLog" && l.windowsSyslog(r)
	case 'M':
		return hasPrefix(l.app, "Microsoft-Windows-") && l.windowsSyslog(r)
	}
	return false
}

// mark reads the message as that of the family whose mark stands at the front of
// p; false when there is none.
func (l *line) mark(p []byte, r *Result) bool {
	if len(p) < 5 {
		return false
	}
	switch p[0] {
	case '%':
		return l.cisco(p, r)
	case '<':
		p = behindProlog(p)
		return isEvent(p) && l.windowsXML(p, r)
	case '{':
		return l.markJSON(p, r)
	case '[':
		return isChain(p) && l.unifiFirewall(r)
	case '(':
		return l.unifiTag(p, r)
	case 'C':
		if hasPrefix(p, "CEF:") {
			return l.cef(p, r)
		}
	case 'L':
		if hasPrefix(p, "LEEF:") {
			return l.leef(p, r)
		}
	case 'M':
		if hasPrefix(p, snareTag) {
			return l.snare(p, nil, r)
		}
	}
	return l.markColumns(p, r)
}

// markColumns looks for the marks that are made of columns: UniFi device tags,
// PAN-OS lines, Snare lines without a syslog header.
func (l *line) markColumns(p []byte, r *Result) bool {
	for i, c := range head(p, 80) {
		switch {
		case c == ',':
			return l.unifiTag(p, r) || l.panCSV(p, i, r)
		case c == '\t':
			return hasPrefix(p[i+1:], snareTag) && l.snare(p[i+1:], p[:i], r)
		case c == '#' && hasPrefix(p[i:], escapedTab+snareTag):
			return l.snare(p[i+len(escapedTab):], p[:i], r)
		case c <= ' ':
			return false
		}
	}
	return false
}

// markJSON looks for the keys that only one family's JSON has.
func (l *line) markJSON(p []byte, r *Result) bool {
	switch {
	case isNetconsole(p):
		return l.netconsole(r)
	case p[1] != '"' && p[1] != ' ':
		return false
	case isNXLogJSON(p):
		return l.nxlogJSON(p, r)
	case isPANJSON(p):
		return l.panJSON(p, r)
	}
	return false
}

// cef reads a CEF message as its vendor's. That of a vendor who is none of the
// families has no mark.
func (l *line) cef(p []byte, r *Result) bool {
	c := parseCEF(p)
	switch {
	case bytes.EqualFold(c.vendor, cefUbiquiti):
		return l.unifiCEF(&c, r)
	case bytes.EqualFold(c.vendor, cefPAN):
		return l.panCEF(&c, r)
	case bytes.EqualFold(c.vendor, cefMicrosoft), bytes.EqualFold(c.vendor, cefMCAS):
		return l.windowsCEF(&c, r)
	}
	return false
}

var (
	cefUbiquiti  = []byte("Ubiquiti")
	cefPAN       = []byte("Palo Alto Networks")
	cefMicrosoft = []byte("Microsoft")
	cefMCAS      = []byte("MCAS")
	cefArcSight  = []byte("ArcSight") // what a connector says of itself
)
