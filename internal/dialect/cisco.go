package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// Cisco firewalls write
//
//	[<PRI>][:][time][ host][ :| ] %FAMILY-[class-]severity-message: text
//
// and IOS writes "[sequence: ][host: ][*]time: %FACILITY-severity-MNEMONIC: text", which
// the header scanner reads. Everything in front of the '%' is optional.

// cisco reads a line whose text begins with a message identifier.
func (l *line) cisco(p []byte, r *Result) bool {
	class, known := messageID(p)
	if class == Fallback || class == CiscoIOS && !known {
		return false
	}
	l.ciscoLine(class, r)
	r.Unparsed = !known
	if class == CiscoFTD && r.TimeBy == ByNothing {
		r.setTime(anyTime(within(head(p, 4096), keyFirstPacket, ',')), ByKey)
	}
	return true
}

var keyFirstPacket = []byte("FirstPacketSecond: ")

// ciscoLine sets the class and finds the host where the header has none.
func (l *line) ciscoLine(class ClassID, r *Result) {
	r.setClass(class, ByMessageID)
	if len(r.Host) != 0 {
		r.Source = l.app // a relay's "CiscoASA[999]:"
		if class != CiscoIOS && len(l.procID) == 0 && !isCapitals(l.app) {
			r.setHost(l.app, ByTag) // the device-id "fw1:" behind a relay's header
		}
		return
	}
	// "Apr 27 2020 02:03:03 dev01: %ASA-…": the tag is the host. A word of
	// capitals there is the abbreviation of a zone that nobody knows.
	if len(l.app) != 0 && len(l.procID) == 0 && !l.sequenced && !isCapitals(l.app) {
		r.setHost(l.app, ByTag)
	}
}

func isCapitals(p []byte) bool {
	for _, c := range p {
		if !syslog.IsUpper(c) {
			return false
		}
	}
	return len(p) < 6
}

// messageID tells the class by "%ASA-4-106023", "%ASA-session-3-106102",
// "%FTD-6-430003", "%SYS-5-CONFIG_I". Some collectors double the '%'. known is
// false when the family is right but what follows is no identifier.
func messageID(p []byte) (class ClassID, known bool) {
	if hasPrefix(p, "%$ ") { // NX-OS: "%$ VDC-1 %$ %ETHPORT-5-IF_UP"
		_, p, _ = bytes.Cut(p[3:], vdcEnd)
	}
	for len(p) != 0 && p[0] == '%' {
		p = p[1:]
	}
	dash := bytes.IndexByte(head(p, 32), '-')
	if dash < 2 {
		return Fallback, false
	}
	switch string(p[:dash]) {
	case "ASA":
		class = CiscoASA
	case "FTD", "NGIPS":
		class = CiscoASA
		if isSecurityEvent(p[dash:]) {
			class = CiscoFTD
		}
	case "PIX":
		class = CiscoPIX
	case "FWSM":
		class = CiscoFWSM
	default:
		return CiscoIOS, isMnemonic(p) && !isOtherCisco(p[:dash])
	}
	return class, isNumbered(p[dash+1:])
}

var vdcEnd = []byte(" %$ ")

// isNumbered reports whether p is "[class-]severity-number", the number having
// six digits or what a relay left of them.
func isNumbered(p []byte) bool {
	i := 0
	if len(p) != 0 && !syslog.IsDigit(p[0]) { // "session-", "tag-switching-"
		for i < len(p) && i < 24 && (syslog.IsLetter(p[i]) || p[i] == '-') {
			i++
		}
		if i == 0 || p[i-1] != '-' {
			return false
		}
	}
	if i+3 > len(p) || p[i] < '0' || p[i] > '7' || p[i+1] != '-' {
		return false
	}
	digits := 0
	for _, c := range head(p[i+2:], 7) {
		if !syslog.IsDigit(c) {
			break
		}
		digits++
	}
	return digits >= 5 && digits <= 6
}

// isSecurityEvent reports whether p, from the first dash on, is one of the
// messages 430001 to 430005: intrusion, connection, file and malware events of
// key-value pairs.
func isSecurityEvent(p []byte) bool {
	return len(p) >= 9 && p[0] == '-' && p[2] == '-' && hasPrefix(p[3:], "43000") && p[8] >= '1' && p[8] <= '5'
}

// isMnemonic reports whether p is "FACILITY-[SUB-]severity-MNEMONIC" and a colon,
// a blank or the end.
func isMnemonic(p []byte) bool {
	if !syslog.IsUpper(p[0]) {
		return false
	}
	severity := -1
	for i, c := range head(p, 96) {
		switch {
		case c == '-' && i >= 2 && p[i-2] == '-' && p[i-1] >= '0' && p[i-1] <= '7' && severity < 0:
			severity = i
		case c == ':' || c == ' ':
			return severity > 0 && i > severity+1
		case c == '-' || c == '_' || c == '/' || syslog.IsDigit(c) || syslog.IsLetter(c):
		default:
			return false
		}
	}
	return false
}

// isOtherCisco names facilities of Cisco products with sourcetypes of their own:
// load balancers, servers, telephony, SD-WAN.
func isOtherCisco(facility []byte) bool {
	switch string(facility) {
	case "ACE", "CIMC", "UCSM", "Viptela":
		return true
	}
	return hasPrefix(facility, "UC_") || hasPrefix(facility, "CCM_")
}

// firepower reads a line of the management center: "SFIMS: Protocol: TCP, …".
func (l *line) firepower(r *Result) bool {
	r.setClass(CiscoFirepower, ByTag)
	r.Source = l.app
	return true
}

// maxCiscoHeader is how far into a message the '%' of an identifier is looked for
// on the Cisco port.
const maxCiscoHeader = 160

// ownCisco reads what came to the Cisco port without a mark at the usual place:
// IOS XR with its node names, and messages without identifier.
func ownCisco(l *line, r *Result) bool {
	rest := l.rest
	if i := bytes.IndexByte(head(rest, maxCiscoHeader), '%'); i >= 0 {
		class, known := messageID(rest[i:])
		if class == CiscoIOS && !known && len(rest) > i+1 {
			known = isMnemonic(rest[i+1:])
		}
		if class != Fallback && known {
			l.nodeTime(rest[:i], r)
			l.ciscoLine(class, r)
			return true
		}
	}
	if front := rest[:len(rest)-len(l.text)]; l.headed && bytes.HasSuffix(front, deviceColon) {
		r.setClass(CiscoASA, ByPort) // "host : AAA user authentication Rejected : …"
		return true
	}
	return linuxMarked(l, r)
}

// deviceColon follows the device-id of an ASA.
var deviceColon = []byte(" : ")

// nodeTime looks for a time behind the node of IOS XR ("RP/0/RP0/CPU0:Dec 11 …")
// and of modules ("CLC 6/0: Dec 11 …"); it is the device's own, also behind a relay's
// header.
func (l *line) nodeTime(header []byte, r *Result) {
	for p := header; ; {
		i := bytes.IndexByte(p, ':')
		if i < 0 {
			return
		}
		p = syslog.SkipBlanks(p[i+1:])
		q := p
		if len(q) != 0 && (q[0] == '*' || q[0] == '.') {
			q = q[1:]
		}
		if s, n := syslog.ParseBSD(q); n != 0 {
			r.setTime(s, ByShape)
			l.headed, l.app = true, nil
			return
		}
	}
}

// hasIdentifier reports whether a message identifier of Cisco follows the rest of a
// header.
func hasIdentifier(p []byte) bool {
	i := bytes.IndexByte(head(p, maxCiscoHeader), '%')
	if i < 0 {
		return false
	}
	class, known := messageID(p[i:])
	return class != Fallback && (known || len(p) > i+1 && isMnemonic(p[i+1:]))
}
