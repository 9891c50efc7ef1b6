package syslog

import "bytes"

// NoPriority is the Priority of a message without a valid PRI part.
const NoPriority = -1

// maxPriority is the highest PRIVAL (RFC 5424 section 6.2.1).
const maxPriority = 191

// facilities and severities are the keywords of RFC 5424 tables 1 and 2 in the spelling
// of syslog.conf(5). That page has no keywords for the facilities from ntp to clock.
var (
	facilities = [24]string{
		"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news",
		"uucp", "cron", "authpriv", "ftp", facilityNTP: "ntp", "audit", "alert", facilityClock: "clock",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	}
	severities = [8]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
)

// The first and the last facility code without a keyword of syslog.conf(5).
const facilityNTP, facilityClock = 12, 15

// FacilityName returns the keyword of a facility code, 0 to 23.
func FacilityName(code int) string { return facilities[code] }

// SeverityName returns the keyword of a severity code, 0 to 7.
func SeverityName(code int) string { return severities[code] }

// IsLevel reports whether w is "facility.severity" in keywords of syslog.conf(5), which
// some relays and gateways write behind the time.
func IsLevel(w []byte) bool {
	if len(w) > maxReserved {
		return false
	}
	dot := bytes.IndexByte(w, '.')
	return dot >= 2 && isSeverity(w[dot+1:]) && isFacility(w[:dot])
}

// isFacility reports whether w is a keyword of syslog.conf(5). The other names may be
// those of hosts: "ntp.info".
func isFacility(w []byte) bool {
	for code, name := range facilities {
		if string(w) == name {
			return code < facilityNTP || code > facilityClock
		}
	}
	return false
}

// isSeverity reports whether w is a keyword of syslog.conf(5), which has two of them for
// err and for warning.
func isSeverity(w []byte) bool {
	for _, name := range severities {
		if string(w) == name {
			return true
		}
	}
	return string(w) == "error" || string(w) == "warn"
}

// isLogLevel reports whether w is the level that logging libraries write behind the
// time: "2021-06-01 12:00:00,123 INFO [main] …".
func isLogLevel(w []byte) bool {
	switch string(w) {
	case "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERR", "ERROR", "CRITICAL", "FATAL":
		return true
	}
	return false
}

// readPRI reads "<d>", "<dd>" or "<ddd>" at the front of p. value may be above
// maxPriority; n is the length. v is maybe if p ends before the '>'.
func readPRI(p []byte) (value, n int, v verdict) {
	switch {
	case len(p) == 0:
		return 0, 0, maybe
	case p[0] != '<':
		return 0, 0, no
	}
	value, i := number(p, 1, 3)
	switch {
	case i == len(p):
		return 0, 0, maybe
	case i == 1 || p[i] != '>':
		return 0, 0, no
	}
	return value, i + 1, yes
}

// priority reads a valid PRI and returns what follows it, or msg if there is none.
func (h *Header) priority(msg []byte) []byte {
	value, n, v := readPRI(msg)
	if v != yes || value > maxPriority {
		return msg
	}
	h.Priority = value
	return msg[n:]
}
