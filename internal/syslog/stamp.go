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

// Stamp is a point in time as a device wrote it: nothing is guessed yet. It is a
// small value that is copied freely.
type Stamp struct {
	Kind   TimeKind
	Month  int8 // 1 to 12
	Day    int8 // 1 to 31
	Hour   int8
	Minute int8
	Second int8  // 0 to 60
	Year   int16 // 0: not written
	Offset int32 // seconds east of UTC, for Fixed
	Nanos  int32 // fraction of the second
	Secs   int64 // seconds since the epoch, for Unix
}

// IsZero reports whether there is no time in the stamp.
func (s *Stamp) IsZero() bool { return s.Kind == NoTime }
