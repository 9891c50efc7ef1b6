package syslog

type zoneKind uint8

const (
	zoneUnknown   zoneKind = iota // not a zone
	zoneAmbiguous                 // a zone that depends on the country
	zoneExact
)

const hour = 3600

// zoneAt reads the name of a zone at the front of p, and the offset that some devices
// write behind it: "CEST", "UTC+1", "GMT-05:00", "UTC+5:30", "TZ-6", "EST -05:00". seconds
// is positive east of Greenwich, unlike in the TZ variable of POSIX. n is 0 if there is no
// zone. A name with an offset that the zone does not have may be a host ("MSK-01").
func zoneAt(p []byte) (seconds int32, kind zoneKind, n int) {
	for n < len(p) && n < 8 && (IsUpper(p[n]) || n > 2 && IsDigit(p[n])) {
		n++
	}
	if n == 0 || n < len(p) && p[n] != ' ' && p[n] != ':' && p[n] != '+' && p[n] != '-' {
		return 0, zoneUnknown, 0
	}
	if n+1 < len(p) && (p[n] == '+' || p[n] == '-') && !IsDigit(p[n+1]) { // "UTC-server"
		return 0, zoneUnknown, 0
	}
	universal := false
	switch string(p[:n]) {
	case "UTC", "GMT", "UCT":
		universal, kind = true, zoneExact
	case "TZ":
		universal = true
	default:
		seconds, kind = zoneOf(p[:n])
	}
	at := n
	if at+2 < len(p) && p[at] == ' ' {
		at++
	}
	offset, k := zoneShift(p[at:])
	signed := at == n && n < len(p) && (p[n] == '+' || p[n] == '-')
	switch {
	case k == 0 && signed:
		return 0, zoneUnknown, 0
	case k == 0:
	case universal && (signed || isOffset(offset)), kind != zoneUnknown && offset == seconds,
		kind == zoneAmbiguous && p[at] == '+' && isOffset(offset):
		return offset, zoneExact, at + k
	case signed:
		return 0, zoneUnknown, 0
	}
	if kind == zoneUnknown {
		return 0, kind, 0
	}
	return seconds, kind, n
}

// zoneShift reads "+h", "+hh", "+h:mm", "+hh:mm", "+hmm" or "+hhmm" as seconds east of
// UTC, without a limit. n is 0 if p does not begin with an offset.
func zoneShift(p []byte) (seconds int32, n int) {
	if len(p) < 2 || p[0] != '+' && p[0] != '-' {
		return 0, 0
	}
	hours, i := number(p, 1, 4)
	minutes := 0
	switch {
	case i > 3:
		hours, minutes = hours/100, hours%100
	case i < 2:
		return 0, 0
	case i < len(p) && p[i] == ':':
		if v, j := number(p, i+1, 2); j == i+3 {
			minutes, i = v, j
		}
	}
	if !boundary(p, i) {
		return 0, 0
	}
	if minutes > 59 {
		hours = 99
	}
	seconds = int32(hours*3600 + minutes*60)
	if p[0] == '-' {
		seconds = -seconds
	}
	return seconds, i
}

// isZone reports whether all of w is the name of a zone, with or without an offset.
func isZone(w []byte) bool {
	_, _, n := zoneAt(w)
	return n != 0 && n == len(w)
}

// zoneOf knows the abbreviations that Cisco, Palo Alto and Unix devices write. EST, EDT,
// PST, PDT, MST, MDT and CDT are the US zones, as in the add-ons for Splunk. CST, IST, BST
// and similar ones are ambiguous: the source's zone decides. So are the names of the TZ
// database that contain both offsets of a zone. The offset of an ambiguous zone is used
// only to distinguish "CST-6", a zone, from a host.
func zoneOf(abbr []byte) (int32, zoneKind) {
	switch string(abbr) {
	case "UTC", "GMT", "Z", "UCT", "WET":
		return 0, zoneExact
	case "WEST", "CET", "MEZ":
		return 1 * hour, zoneExact
	case "CEST", "MESZ", "EET", "SAST":
		return 2 * hour, zoneExact
	case "EEST", "MSK":
		return 3 * hour, zoneExact
	case "JST", "KST":
		return 9 * hour, zoneExact
	case "AEST":
		return 10 * hour, zoneExact
	case "AEDT":
		return 11 * hour, zoneExact
	case "AWST", "HKT", "SGT":
		return 8 * hour, zoneExact
	case "ACST":
		return 9*hour + 1800, zoneExact
	case "ACDT":
		return 10*hour + 1800, zoneExact
	case "NZST":
		return 12 * hour, zoneExact
	case "NZDT":
		return 13 * hour, zoneExact
	case "EST":
		return -5 * hour, zoneExact
	case "EDT":
		return -4 * hour, zoneExact
	case "CDT":
		return -5 * hour, zoneExact
	case "MST":
		return -7 * hour, zoneExact
	case "MDT":
		return -6 * hour, zoneExact
	case "PST":
		return -8 * hour, zoneExact
	case "PDT":
		return -7 * hour, zoneExact
	case "AKST":
		return -9 * hour, zoneExact
	case "AKDT":
		return -8 * hour, zoneExact
	case "HST":
		return -10 * hour, zoneExact
	case "ADT":
		return -3 * hour, zoneExact
	case "BRT":
		return -3 * hour, zoneExact
	case "CST":
		return -6 * hour, zoneAmbiguous
	case "AST", "AMT":
		return -4 * hour, zoneAmbiguous
	case "ECT":
		return -5 * hour, zoneAmbiguous
	case "SST":
		return -11 * hour, zoneAmbiguous
	case "IST", "BST", "GST", "PKT", "WAT", "CAT", "EAT", "NST", "NDT", "CLT", "CLST", "ART", "COT", "PET", "VET",
		"WIB", "WITA", "WIT", "ICT", "PHT", "MYT", "IRST", "TRT", "WAST", "BRST", "IDT", "MSD", "HKST", "UYT", "BOT",
		"EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT":
		return 0, zoneAmbiguous
	}
	return 0, zoneUnknown
}

// ParseZone reads the name of a zone at the front of p, with or without an offset behind
// it, as headers have it: "CEST", "UTC+1". exact is false for a name that several zones
// have ("IST"): the offset is then not to be used. n is 0 if p begins with no known zone.
func ParseZone(p []byte) (seconds int32, exact bool, n int) {
	seconds, kind, n := zoneAt(p)
	return seconds, kind == zoneExact, n
}

// ParseOffset reads "+hh:mm", "+hhmm" or "+hh" at the front of p as seconds east of UTC. n
// is 0 if p does not begin with an offset of less than a day.
func ParseOffset(p []byte) (seconds int32, n int) {
	if len(p) < 3 || p[0] != '+' && p[0] != '-' {
		return 0, 0
	}
	seconds, n = offset(p)
	if !isOffset(seconds) {
		return 0, 0
	}
	return seconds, n
}
