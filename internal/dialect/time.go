package dialect

import "syslog-gateway/internal/syslog"

// anyTime reads a time in any form that values have: RFC 3339, with slashes, an epoch,
// "Mmm dd [yyyy] hh:mm:ss".
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

// setTime sets the time if it exists and is plausible. It reports whether it did.
func (r *Result) setTime(s syslog.Stamp, by Reason) bool {
	if !plausible(&s) {
		return false
	}
	r.Stamp, r.TimeBy = r.zoned(s), by
	return true
}

// setAgentTime sets the time that an agent wrote into the event. That is local and has
// no zone, so the header's time stays if it has a zone.
func (r *Result) setAgentTime(s syslog.Stamp, by Reason) {
	if s.Kind == syslog.Local && (r.Stamp.Kind == syslog.Fixed || r.Stamp.Kind == syslog.Unix) {
		return
	}
	r.setTime(s, by)
}

// zoned gives a time without a zone the zone of the time that r has, which the same
// device wrote into the header. If the time were then later than that of the header, the
// zone is not the device's: the header is a relay's, or the sender's clock is wrong.
func (r *Result) zoned(s syslog.Stamp) syslog.Stamp {
	if s.Kind == syslog.Local && r.Stamp.Kind == syslog.Fixed && !isLater(&s, &r.Stamp) {
		s.Kind, s.Offset = syslog.Fixed, r.Stamp.Offset
	}
	return s
}

// isLater reports whether the wall clock of a is more than 15 minutes ahead of that of b.
func isLater(a, b *syslog.Stamp) bool {
	const year = 12 * 31 * 24 * 60 // minutes, if all months had 31 days
	ahead := ((int(a.Month-b.Month)*31+int(a.Day-b.Day))*24+int(a.Hour-b.Hour))*60 + int(a.Minute-b.Minute)
	switch {
	case a.Year != 0 && b.Year != 0:
		ahead += int(a.Year-b.Year) * year
	case ahead > year/2: // December before January
		ahead -= year
	}
	return ahead > 15
}

// plausible refuses times that do not exist, such as the month 0 of anonymised samples,
// and times before the year 2000: a device whose clock was never set writes 1970.
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
	default: // NoTime
	}
	return false
}
