package dialect

import "syslog-gateway/internal/syslog"

// setTime sets the time if it exists and is plausible. It reports whether it did.
func (r *Result) setTime(s syslog.Stamp, by Reason) bool {
	if !s.Plausible() {
		return false
	}
	r.setStamp(&s, by)
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

// setStamp sets the time. One without a zone gets the zone of the time that r has, which the
// same device wrote into the header. If the time were then later than that of the header, the
// zone is not the device's: the header is a relay's, or the sender's clock is wrong.
func (r *Result) setStamp(s *syslog.Stamp, by Reason) {
	zone, sameDevice := r.Stamp.Offset, r.Stamp.Kind == syslog.Fixed && s.Kind == syslog.Local && !isLater(s, &r.Stamp)
	r.Stamp, r.TimeBy = *s, by
	if sameDevice {
		r.Stamp.Kind, r.Stamp.Offset = syslog.Fixed, zone
	}
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
