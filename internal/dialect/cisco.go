package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// Cisco firewalls write
//
//	[<PRI>][:][time][ host][ :| ] %FAMILY-[class-]severity-message: text
//
// and IOS writes "[sequence: ][host: ][*]time: %FACILITY-severity-MNEMONIC: text".
// Everything before the '%' is optional; package syslog reads it.

// readCisco reads a line whose text begins with a message identifier, at p.
func readCisco(l *line, p []byte, r *Result) bool {
	class, known := messageID(p)
	if class == Fallback || class == CiscoIOS && !known {
		return false
	}
	setCisco(l, class, r)
	r.Unparsed = !known
	if class == CiscoFTD && r.TimeBy == ByNothing {
		r.setTime(syslog.ParseAny(within(head(p, 4096), keyFirstPacket, ',')), ByKey)
	}
	return true
}

var keyFirstPacket = []byte("FirstPacketSecond: ")

// setCisco sets the class, and takes the tag for the host if the header has none.
func setCisco(l *line, class ClassID, r *Result) {
	r.setClass(class, ByMessageID)
	if len(r.Host) != 0 {
		r.Source = l.app // a relay's "CiscoASA[999]:"
		if class != CiscoIOS && len(l.procID) == 0 && !isCapitals(l.app) {
			r.setHost(l.app, ByTag) // the device-id "fw1:" behind a relay's header
		}
		return
	}
	// "Apr 27 2020 02:03:03 dev01: %ASA-…": the tag is the host. A word of capitals
	// there is the abbreviation of an unknown zone.
	if len(l.app) != 0 && len(l.procID) == 0 && !l.sequenced && !isCapitals(l.app) {
		r.setHost(l.app, ByTag)
	}
}

// isCapitals reports whether p is a short word of capital letters, or empty.
func isCapitals(p []byte) bool {
	for _, c := range p {
		if !syslog.IsUpper(c) {
			return false
		}
	}
	return len(p) < 6
}

// messageID returns the class of the message identifier at the front of p, such as
// "%ASA-4-106023", "%ASA-session-3-106102", "%FTD-6-430003", "%SYS-5-CONFIG_I". Some
// collectors double the '%'. known is false if only the family is right and the rest is
// not an identifier.
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

// isNumbered reports whether p is "[class-]severity-number". The number has six digits,
// or five if a relay cut it.
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

// isSecurityEvent reports whether p, which begins at the first dash, is one of the
// messages 430001 to 430005: intrusion, connection, file and malware events.
func isSecurityEvent(p []byte) bool {
	return len(p) >= 9 && p[0] == '-' && p[2] == '-' && hasPrefix(p[3:], "43000") && p[8] >= '1' && p[8] <= '5'
}

// isMnemonic reports whether p is "FACILITY-[SUB-]severity-MNEMONIC" followed by a colon
// or a space.
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

// isOtherCisco reports whether a facility is one of Cisco products that have their own
// sourcetypes: load balancers, servers, telephony, SD-WAN.
func isOtherCisco(facility []byte) bool {
	switch string(facility) {
	case "ACE", "CIMC", "UCSM", "Viptela":
		return true
	}
	return hasPrefix(facility, "UC_") || hasPrefix(facility, "CCM_")
}

// maxCiscoHeader is how far into a line the '%' of an identifier is searched, in bytes.
const maxCiscoHeader = 160

// ownCisco reads lines without a marker at the usual position on the Cisco port: IOS XR with
// its node names, and messages without an identifier.
func ownCisco(l *line, r *Result) bool {
	rest := l.rest
	if i := bytes.IndexByte(head(rest, maxCiscoHeader), '%'); i >= 0 {
		class, known := messageID(rest[i:])
		if class == CiscoIOS && !known && len(rest) > i+1 {
			known = isMnemonic(rest[i+1:])
		}
		if class != Fallback && known {
			return l.identified(i, class, r)
		}
	}
	if front := rest[:len(rest)-len(l.text)]; l.headed && bytes.HasSuffix(front, deviceColon) {
		r.setClass(CiscoASA, ByPort) // "host : AAA user authentication Rejected : …"
		return true
	}
	return readLinux(l, r)
}

// identified makes the line one of Cisco, whose identifier is at rest[i]. It returns true.
func (l *line) identified(i int, class ClassID, r *Result) bool {
	l.keep(l.rest[i:], r)
	l.nodeTime(l.rest[:i], r)
	setCisco(l, class, r)
	return true
}

// deviceColon follows the device-id of an ASA.
var deviceColon = []byte(" : ")

// nodeTime searches for a time behind a node of IOS XR ("RP/0/RP0/CPU0:Dec 11 …") or a
// module ("CLC 6/0: Dec 11 …"). It is the device's own time, also behind the header of a
// relay.
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

// hasIdentifier reports whether p has a message identifier within maxCiscoHeader bytes.
func hasIdentifier(p []byte) bool {
	i := bytes.IndexByte(head(p, maxCiscoHeader), '%')
	if i < 0 {
		return false
	}
	class, known := messageID(p[i:])
	return class != Fallback && (known || len(p) > i+1 && isMnemonic(p[i+1:]))
}
