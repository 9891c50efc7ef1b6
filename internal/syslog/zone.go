package syslog

type zoneKind uint8

const (
	zoneUnknown   zoneKind = iota // not a zone
	zoneAmbiguous                 // a zone, but which one depends on the country
	zoneExact
)

const hour = 3600

// ZoneOffset returns the offset of a zone abbreviation in seconds east of UTC. ok
// is false for what is no abbreviation of a zone and for those that name several
// (IST is India, Israel and Ireland; CST is Chicago, China and Cuba).
func ZoneOffset(abbr []byte) (seconds int32, ok bool) {
	s, kind := zoneOf(abbr)
	return s, kind == zoneExact
}

// zoneOf knows the abbreviations that Cisco, Palo Alto and Unix devices print.
// US zones are taken for what the add-ons take them for (EST, EDT, PST, PDT, MST,
// MDT, CDT); CST, IST, BST and the like stay ambiguous and the source's own zone
// decides.
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
	case "IST", "CST", "BST", "AST", "SST", "GST", "ECT", "AMT", "PKT", "WAT", "CAT", "EAT":
		return 0, zoneAmbiguous
	}
	return 0, zoneUnknown
}
