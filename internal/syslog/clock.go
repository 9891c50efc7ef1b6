package syslog

import (
	"math"
	"time"
)

const (
	secondsPerDay = 86400
	// certain is less than half a year: a stamp without a year that is so near to the
	// receive time is nearer in no other year.
	certain = 182 * secondsPerDay
	// zoneMargin is how far from a change of the offset the cached one is used.
	zoneMargin = 2 * secondsPerDay
)

// Clock makes instants of stamps for one time zone. It caches the zone's offset between
// two changes, and the last second, so it belongs to one goroutine.
type Clock struct {
	loc    *time.Location
	offset int64 // seconds east of UTC, valid for instants in [from, until)
	from   int64
	until  int64

	year      int   // the UTC year of instants in [yearFrom, yearUntil)
	yearFrom  int64 // seconds
	yearUntil int64

	// lastSecs is the instant of last, which was received in the second lastReceived.
	last                   Stamp
	lastReceived, lastSecs int64
}

// NewClock returns a clock that takes stamps without a zone for local times in loc.
func NewClock(loc *time.Location) *Clock { return &Clock{loc: loc, lastReceived: math.MinInt64} }

// Location is the zone that NewClock was called with.
func (c *Clock) Location() *time.Location { return c.loc }

// Instant returns the stamp as nanoseconds since 1970. received, in the same unit, decides
// what the stamp leaves open. A missing year becomes the one that is nearest to received
// (29 February: the nearest leap year). A local time that exists twice, at the end of
// daylight saving time, becomes the one nearest to received. A local time that is skipped
// at the beginning of daylight saving time is read with the later offset. ok is false if
// the stamp has no time or one that does not exist.
func (c *Clock) Instant(s *Stamp, received int64) (nanos int64, ok bool) {
	received /= 1e9
	if c.last.sameSecond(s) && received == c.lastReceived {
		return c.lastSecs*1e9 + int64(s.Nanos), true
	}
	if !s.Exists() {
		return 0, false
	}
	var secs int64
	switch s.Kind {
	case Unix:
		secs = s.Secs
	case Fixed:
		secs = c.civil(s, received) - int64(s.Offset)
	default:
		secs = c.local(c.civil(s, received), received)
	}
	if secs < -1<<33 || secs > 1<<33 { // years 1698 to 2242: no overflow below
		return 0, false
	}
	c.last, c.lastReceived, c.lastSecs = *s, received, secs
	return secs*1e9 + int64(s.Nanos), true
}

// civil returns date and time of day of a stamp that exists, read as UTC, in seconds.
func (c *Clock) civil(s *Stamp, received int64) int64 {
	day := int64(s.Hour)*3600 + int64(s.Minute)*60 + int64(s.Second)
	if s.Year != 0 {
		return days(int(s.Year), int(s.Month), int(s.Day))*secondsPerDay + day
	}
	year := c.yearOf(received)
	if s.Month == 2 && s.Day == 29 {
		return nearestLeapDay(year, day, received)
	}
	civil := days(year, int(s.Month), int(s.Day))*secondsPerDay + day
	other := civil
	switch {
	case civil-received > certain:
		other = days(year-1, int(s.Month), int(s.Day))*secondsPerDay + day
	case civil-received < -certain:
		other = days(year+1, int(s.Month), int(s.Day))*secondsPerDay + day
	}
	if abs(other-received) < abs(civil-received) {
		return other
	}
	return civil
}

// nearestLeapDay returns the 29 February that is nearest to received.
func nearestLeapDay(year int, timeOfDay, received int64) (best int64) {
	found := false
	for y := year - 4; y <= year+4; y++ {
		if daysIn(2, y) != 29 {
			continue
		}
		civil := days(y, 2, 29)*secondsPerDay + timeOfDay
		if !found || abs(civil-received) < abs(best-received) {
			best, found = civil, true
		}
	}
	return best
}

// local subtracts the zone's offset from a local time.
func (c *Clock) local(civil, received int64) int64 {
	t := civil - c.offset
	if t >= c.from+zoneMargin && t < c.until-zoneMargin {
		return t
	}
	before := c.offsetAt(civil - secondsPerDay)
	after := c.offsetAt(civil + secondsPerDay)
	c.remember(civil - before)
	t1, t2 := civil-before, civil-after
	if before == after {
		return t1
	}
	valid1, valid2 := c.offsetAt(t1) == before, c.offsetAt(t2) == after
	switch {
	case valid1 && valid2: // twice
		if abs(t1-received) < abs(t2-received) {
			return t1
		}
		return t2
	case valid1:
		return t1
	default: // t2 is valid, or the time was skipped
		return t2
	}
}

func (c *Clock) offsetAt(t int64) int64 {
	_, offset := time.Unix(t, 0).In(c.loc).Zone()
	return int64(offset)
}

// remember caches the offset at the instant t and the changes before and after it.
func (c *Clock) remember(t int64) {
	at := time.Unix(t, 0).In(c.loc)
	_, offset := at.Zone()
	from, until := at.ZoneBounds()
	c.offset, c.from, c.until = int64(offset), -1<<40, 1<<40
	if !from.IsZero() {
		c.from = from.Unix()
	}
	if !until.IsZero() {
		c.until = until.Unix()
	}
}

func (c *Clock) yearOf(t int64) int {
	if t < c.yearFrom || t >= c.yearUntil {
		c.year = time.Unix(t, 0).UTC().Year()
		c.yearFrom = days(c.year, 1, 1) * secondsPerDay
		c.yearUntil = days(c.year+1, 1, 1) * secondsPerDay
	}
	return c.year
}

// days counts the days from 1970-01-01 to a date of the Gregorian calendar.
func days(year, month, day int) int64 {
	if month <= 2 { // the year begins in March, so that the leap day is its last day
		year--
		month += 12
	}
	era := year / 400
	yoe := year - era*400
	doy := (153*(month-3)+2)/5 + day - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}

func daysIn(month, year int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}
