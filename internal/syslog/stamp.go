package syslog

// TimeKind says how much of a time a Stamp knows.
type TimeKind uint8

const (
	// NoTime means that there is no time.
	NoTime TimeKind = iota
	// Local is a date and time of day in a zone that is not written; Year may be
	// 0 for "not written" (RFC 3164).
	Local
	// Fixed is a date and time of day with its offset from UTC. Year may be 0
	// (a BSD time with a zone name).
	Fixed
	// Unix counts from 1970-01-01T00:00:00Z.
	Unix
)

// Stamp is a point in time as a device wrote it: nothing is guessed yet, and no time
// need exist that is so written. It is a small value that is copied freely.
type Stamp struct {
	Kind   TimeKind
	Month  int8 // 1 to 12, where the time exists
	Day    int8
	Hour   int8
	Minute int8
	Second int8  // up to 60, where the time exists
	Year   int16 // 0: not written
	Offset int32 // seconds east of UTC, for Fixed
	Nanos  int32 // fraction of the second
	Secs   int64 // seconds since the epoch, for Unix
}

// IsZero reports whether there is no time in the stamp.
func (s *Stamp) IsZero() bool { return s.Kind == NoTime }

// Exists reports whether there is a time, and one that the calendar and the clock have:
// not the 31st of November, not 24:00:00, not an offset of 99 hours. The second 60 is a
// leap second. A 29 February without a year exists.
func (s *Stamp) Exists() bool {
	switch s.Kind {
	case NoTime:
		return false
	case Unix:
		return true
	}
	year := int(s.Year)
	if year == 0 {
		year = 2000
	}
	return year > 0 && s.Month >= 1 && s.Month <= 12 && s.Day >= 1 && int(s.Day) <= daysIn(int(s.Month), year) &&
		s.Hour <= 23 && s.Minute <= 59 && s.Second <= 60 && isOffset(s.Offset)
}
