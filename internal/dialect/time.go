package dialect

import "syslog-gateway/internal/syslog"

// anyTime reads a time in any of the forms that values have: RFC 3339, with
// slashes, epoch, "Mmm dd [yyyy] hh:mm:ss".
func anyTime(p []byte) syslog.Stamp {
	if len(p) < 9 {
		return syslog.Stamp{}
	}
	if !syslog.IsDigit(p[0]) {
		s, _ := syslog.ParseBSD(p)
		return s
	}
	switch p[4] {
	case '-':
		s, _ := syslog.ParseISO(p)
		return s
	case '/':
		s, _ := syslog.ParseSlash(p)
		return s
	}
	s, _ := syslog.ParseUnix(p)
	return s
}

// zoned gives a time without a zone that of the time before it, the header's: one
// device wrote both. A time that would then be later than the header's is not in that
// zone: the header is a relay's, or the sender's clock is wrong.
func (r *Result) zoned(s syslog.Stamp) syslog.Stamp {
	if s.Kind == syslog.Local && r.Stamp.Kind == syslog.Fixed && !isLater(&s, &r.Stamp) {
		s.Kind, s.Offset = syslog.Fixed, r.Stamp.Offset
	}
	return s
}

// isLater reports whether the wall clock of a is more than a quarter of an hour ahead
// of that of b.
func isLater(a, b *syslog.Stamp) bool {
	const year = 12 * 31 * 24 * 60 // minutes, all months being long
	ahead := ((int(a.Month-b.Month)*31+int(a.Day-b.Day))*24+int(a.Hour-b.Hour))*60 + int(a.Minute-b.Minute)
	switch {
	case a.Year != 0 && b.Year != 0:
		ahead += int(a.Year-b.Year) * year
	case ahead > year/2: // December in front of January
		ahead -= year
	}
	return ahead > 15
}

// plausible refuses times before the year 2000, of which no message of today can
// be, and those that do not exist: the months and days 0 of anonymised samples, 24:00:00.
func plausible(s *syslog.Stamp) bool {
	const year2000 = 946684800
	if !s.Exists() {
		return false
	}
	switch s.Kind {
	case syslog.Local, syslog.Fixed:
		return s.Year == 0 || s.Year >= 2000
	case syslog.Unix:
		return s.Secs >= year2000
	}
	return false
}
