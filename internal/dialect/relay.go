package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// relayed reads the device's own header behind the header of a relay:
// "Sep 25 15:47:07 relay : Sep 25 15:47:07 EDT: %ASA-…", "<13>… 372 <14>1 …". The
// message is then read as if there were no relay; a host is taken from the relay's
// header only if the device's header has none. relayed returns false and changes
// nothing if the text merely begins with a time.
func (p *Parser) relayed(outer *line, r *Result) bool {
	text, name := outer.inner()
	if len(text) == 0 {
		return false
	}
	text = text[octetCount(text):]
	var inner syslog.Header
	syslog.Scan(text, &inner)
	if inner.Shape == syslog.Bare && inner.Priority == syslog.NoPriority {
		return false
	}
	if p.rejoin(r.Body, &inner, ByInnerHeader, r) {
		return true
	}
	saved := *r
	var l line
	l.begin(&inner, ByInnerHeader, r)
	if r.HostBy != ByInnerHeader {
		r.setHost(name, ByTag)
	}
	switch {
	case l.byMarker(r):
		p.extend(&l, r)
		return true
	case p.ofPack(&l, r), len(l.app) == 0 && l.byLaterMarker(p, r), inner.Shape == syslog.Bare && p.relayed(&l, r):
		return true
	}
	named := inner.Shape == syslog.BSD || inner.Shape == syslog.RFC5424 || inner.Shape == syslog.Epoch || len(inner.AppName) != 0
	if !l.isDevice() && (!named || r.HostBy != ByInnerHeader || len(outer.app) != 0) {
		*r = saved
		return false
	}
	p.finish(&l, r)
	return true
}

// inner returns where the device's own header may begin behind the header of a relay,
// or nil. A relay takes the sequence number of IOS for the tag ("94: Nov 30 …: %SYS-…"),
// or the name of the device ("sw1: 000090: Nov 30 …: %SYS-…"), which is then returned.
func (l *line) inner() (text, name []byte) {
	text = syslog.SkipBlanks(l.text)
	switch {
	case len(l.app) == 0:
		text = behindColon(bytes.TrimPrefix(text, invalidPRI))
		if beginsHeader(text) {
			return text, nil
		}
	case len(l.procID) != 0 || len(text) == 0:
	case syslog.IsNumber(l.app):
		if hasIdentifier(text) {
			return l.tagged, nil
		}
	case beginsIOS(text) && hasIdentifier(text):
		return text, l.app
	}
	return nil, nil
}

// invalidPRI is what rsyslog writes as the PRI of a message that begins with '<' and has
// no PRI, such as an XML event without a header.
var invalidPRI = []byte("<invld>")

// behindColon skips a ':' between a host and what follows it.
func behindColon(p []byte) []byte {
	if len(p) > 1 && p[0] == ':' {
		return syslog.SkipBlanks(p[1:])
	}
	return p
}

// beginsIOS is a cheap check whether a time or a sequence number of IOS may begin at p:
// "*Nov 30 …", "2026 Nov 30 …", "000090: …".
func beginsIOS(p []byte) bool {
	return p[0] == '*' || p[0] == '.' || syslog.IsDigit(p[0]) || len(p) > 3 && p[3] == ' ' && syslog.IsUpper(p[0])
}

// beginsHeader is a cheap check whether another header may begin at p.
func beginsHeader(p []byte) bool {
	if len(p) < 17 {
		return false
	}
	if p[0] == '*' || p[0] == '.' {
		p = p[1:]
	}
	switch {
	case p[0] == '<':
		return syslog.IsDigit(p[1])
	case p[3] == ' ' && syslog.IsLetter(p[0]):
		return bytes.IndexByte(p[6:16], ':') >= 0
	case p[4] == '-', p[4] == ' ' && syslog.IsUpper(p[5]):
		return syslog.IsDigit(p[0])
	case p[0] == '1' && p[1] == ' ': // RFC 5424 or Meraki's, whose PRI the relay has removed
		return p[6] == '-' || syslog.IsNumber(p[2:12]) && (p[12] == '.' || p[12] == ' ')
	}
	return octetCount(p) != 0 || syslog.IsDigit(p[0]) && hasIdentifier(p)
}

// octetCount returns the length of a "NNN " of RFC 6587 before a PRI, or 0.
func octetCount(p []byte) int {
	i := 0
	for i < len(p) && i < 6 && syslog.IsDigit(p[i]) {
		i++
	}
	if i == 0 || i+2 >= len(p) || p[i] != ' ' || p[i+1] != '<' || !syslog.IsDigit(p[i+2]) {
		return 0
	}
	return i + 1
}
