package vendor

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// Kinds of characters of host names and of IPv4 and IPv6 addresses.
const (
	lower = 1 << iota
	upper
	digit
	dot
	colonSign
	dash // and '_', which people use all the same
)

var nameByte = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z':
			t[c] = lower
		case c >= 'A' && c <= 'Z':
			t[c] = upper
		case c >= '0' && c <= '9':
			t[c] = digit
		}
	}
	t['.'], t[':'], t['-'], t['_'] = dot, colonSign, dash, dash
	return t
}()

// isHost reports whether a word can be the name or address of a device. Words
// that only stand where a host should be are refused: numbers (years, sequence
// numbers), zones, dashes, "facility.level".
func isHost(w []byte) bool {
	if len(w) == 0 || len(w) > 255 {
		return false
	}
	var seen byte
	for _, c := range w {
		kind := nameByte[c]
		if kind == 0 {
			return false
		}
		seen |= kind
	}
	switch {
	case seen&colonSign != 0:
		return isIPv6(w)
	case seen&(lower|upper) == 0:
		return bytes.Count(w, period) == 3 && seen&dash == 0
	case seen == upper:
		return !isZone(w)
	case seen == lower|dot:
		return !isLevel(w)
	}
	return true
}

var (
	colon       = []byte(":")
	doubleColon = []byte("::")
	period      = []byte(".")
)

// isIPv6 reports whether a word with colons is an address and not a time of day.
func isIPv6(w []byte) bool {
	for _, c := range w {
		if !isHex(c) && c != ':' && c != '.' {
			return false
		}
	}
	return bytes.Contains(w, doubleColon) || bytes.Count(w, colon) == 7
}

// isZone reports whether a word of capitals is the abbreviation of a time zone.
func isZone(w []byte) bool {
	if _, ok := syslog.ZoneOffset(w); ok {
		return true
	}
	switch string(w) {
	case "IST", "CST", "BST", "AST", "SST", "GST", "ECT", "AMT", "PKT", "WAT", "CAT", "EAT", "NST", "NDT",
		"CLT", "ART", "COT", "PET", "VET", "WIB", "ICT", "PHT", "MYT", "IRST", "TRT", "WAST", "CLST", "BRST":
		return true
	}
	return false
}

// isLevel reports whether a word is "facility.level", which some relays and
// gateways write behind the time.
func isLevel(w []byte) bool {
	dot := bytes.IndexByte(w, '.')
	if dot < 2 || len(w) > 16 {
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
