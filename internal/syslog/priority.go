package syslog

import "bytes"

// isSeverity reports whether w is the severity that logging libraries write behind
// the time: "2021-06-01 12:00:00,123 INFO [main] …".
func isSeverity(w []byte) bool {
	switch string(w) {
	case "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERR", "ERROR", "CRITICAL", "FATAL":
		return true
	}
	return false
}

// IsLevel reports whether a word is "facility.severity", which some relays and
// gateways write behind the time.
func IsLevel(w []byte) bool {
	if len(w) > 16 {
		return false
	}
	dot := bytes.IndexByte(w, '.')
	if dot < 2 {
		return false
	}
	switch string(w[:dot]) {
	case "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7":
	default:
		return false
	}
	switch string(w[dot+1:]) {
	case "emerg", "alert", "crit", "err", "error", "warning", "warn", "notice", "info", "debug":
		return true
	}
	return false
}

// facilities and severities are the keywords of RFC 5424 tables 1 and 2 as
// syslog.conf(5) spells them.
var (
	facilities = [24]string{
		"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news",
		"uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	}
	severities = [8]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
)

// FacilityName is the keyword of a facility code 0 to 23.
func FacilityName(code int) string { return facilities[code] }

// SeverityName is the keyword of a severity code 0 to 7.
func SeverityName(code int) string { return severities[code] }

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

// hasPriority reports whether p begins with "<d>", "<dd>" or "<ddd>".
func hasPriority(p []byte) bool {
	if len(p) < 3 || p[0] != '<' {
		return false
	}
	_, i := number(p, 1, 3)
	return i > 1 && i < len(p) && p[i] == '>'
}

// priority looks for "<d>", "<dd>" or "<ddd>", maybe behind a byte order mark, and
// returns the length of both.
func priority(p []byte) (int, verdict) {
	b, v := marked(p)
	if v == maybe {
		return 0, maybe
	}
	switch q := p[b:]; {
	case len(q) == 0:
		return 0, maybe
	case q[0] != '<':
		return 0, no
	default:
		_, i := number(q, 1, 3)
		switch {
		case i == len(q):
			return 0, maybe
		case i == 1 || q[i] != '>':
			return 0, no
		}
		return b + i + 1, yes
	}
}
