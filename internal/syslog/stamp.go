package syslog

// TimeKind says what a Stamp knows of a time.
type TimeKind uint8

const (
	// NoTime means that there is no time.
	NoTime TimeKind = iota
	// Local is a date and time of day in a zone that is not written. Year is 0 if it is
	// not written (RFC 3164).
	Local
	// Fixed is a date and time of day with its offset from UTC. Year is 0 if it is not
	// written.
	Fixed
	// Unix counts from 1970-01-01T00:00:00Z.
	Unix
)

// Stamp is a time as a device wrote it: nothing is guessed, and the time need not exist. It
// is a small value that is copied freely.
type Stamp struct {
	Kind   TimeKind
	Month  int8 // 1 to 12 if the time exists
	Day    int8
	Hour   int8
	Minute int8
	Second int8  // up to 60 if the time exists
	Year   int16 // 0: not written
	Offset int32 // seconds east of UTC, for Fixed
	Nanos  int32 // fraction of the second, in nanoseconds
	Secs   int64 // seconds since the epoch, for Unix
}

// sameSecond reports whether two stamps have all but the fraction of the second in common. It
// compares what differs most first.
func (s *Stamp) sameSecond(o *Stamp) bool {
	return s.Second == o.Second && s.Minute == o.Minute && s.Secs == o.Secs && s.Hour == o.Hour && s.Day == o.Day &&
		s.Month == o.Month && s.Year == o.Year && s.Kind == o.Kind && s.Offset == o.Offset
}

// IsZero reports whether the stamp has no time.
func (s *Stamp) IsZero() bool { return s.Kind == NoTime }

// Exists reports whether the stamp has a time that exists: 31 November, 24:00:00 and an
// offset of 99 hours do not. The second 60 is a leap second. 29 February without a year
// exists.
func (s *Stamp) Exists() bool {
	switch s.Kind {
	case NoTime:
		return false
	case Unix:
		return true
	default: // Local, Fixed: checked below
	}
	year := int(s.Year)
	if year == 0 {
		year = 2000
	}
	return year > 0 && s.Month >= 1 && s.Month <= 12 && s.Day >= 1 && int(s.Day) <= daysIn(int(s.Month), year) &&
		s.Hour <= 23 && s.Minute <= 59 && s.Second <= 60 && isOffset(s.Offset)
}

// Plausible reports whether a time can be that of an event. It refuses times that do not exist, such as the month 0 of anonymised samples,
// and times before the year 2000: a device whose clock was never set writes 1970.
func (s *Stamp) Plausible() bool {
	const year2000 = 946684800
	if !s.Exists() {
		return false
	}
	switch s.Kind {
	case Local, Fixed:
		return s.Year == 0 || s.Year >= 2000
	case Unix:
		return s.Secs >= year2000
	default: // NoTime
	}
	return false
}
