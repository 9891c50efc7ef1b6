package senders

import "time"

// What makes the times of a sender suspicious. Zones differ by multiples of 15 minutes
// (the IANA time zone database has none finer today), and transport takes seconds.
const (
	step      = 15 * time.Minute
	near      = 90 * time.Second // of a multiple of step
	zoneFrom  = 30 * time.Minute // a smaller difference is no zone
	zoneTo    = 26 * time.Hour   // from UTC-12 to UTC+14
	aheadFrom = 5 * time.Minute  // no transport makes a message come before its time
)

// Of a sender's messages, judged is how many must carry a time before it is judged. At
// twice as many all counts are halved, so that what was mended is forgotten soon.
const (
	judged = 20
	window = 2 * judged
)

// Times counts how the times that messages carry lie to their receipt, in one turn of a
// loop. The zero value is ready; it is of one goroutine.
type Times struct {
	own    int           // messages that carry a time
	ahead  int           // of these, more than aheadFrom ahead of their receipt
	steps  int           // the multiple of step that hits are near to
	hits   int           //
	zoned  int           // of the hits and those ahead, whose time has its own zone
	offset time.Duration // of the last one that was off
}

// Add counts one message: its time less its receipt, and whether that time has a zone of
// its own. Where the time is right this is two comparisons.
func (t *Times) Add(offset time.Duration, zoned bool) {
	t.own++
	if offset > aheadFrom || offset < near-zoneFrom {
		t.off(offset, zoned)
	}
}

// off counts a time that is suspicious.
func (t *Times) off(offset time.Duration, zoned bool) {
	steps, hit := stepsOf(offset)
	if hit && t.hits == 0 {
		t.steps = steps
	}
	hit = hit && steps == t.steps
	if hit {
		t.hits++
	}
	if offset > aheadFrom {
		t.ahead++
	}
	if zoned && (hit || offset > aheadFrom) {
		t.zoned++
	}
	t.offset = offset
}

// stepsOf is the multiple of step that an offset is near to, where it is near to one that
// is a zone.
func stepsOf(offset time.Duration) (steps int, hit bool) {
	multiple := offset.Round(step)
	return int(multiple / step), multiple.Abs() >= zoneFrom && multiple.Abs() <= zoneTo && (offset-multiple).Abs() <= near
}

// Skew says how far the times of a sender are from their receipt; the zero value is a
// sender whose times are right, or who has said too little.
type Skew struct {
	// Offset is the time in the messages less that of their receipt: the multiple of 15
	// minutes where it is a zone, else that of the last message.
	Offset time.Duration
	// Zone: the offset is one of a time zone. Else the times are ahead.
	Zone bool
	// Zoned: the times have a zone of their own, so that none can be configured.
	Zoned bool
	// Last is the offset of the last message whose time was off. Where it moves, a backlog
	// is being sent, and no zone is wrong.
	Last time.Duration
}

// tally is what a page remembers of times: counts of the last messages, at most window of
// them. It fits a word, so that pages need no lock.
type tally struct {
	own, ahead, hits, zoned uint8
	steps                   int16
}

func (c tally) pack() uint64 {
	return uint64(c.own) | uint64(c.ahead)<<8 | uint64(c.hits)<<16 | uint64(c.zoned)<<24 | uint64(uint16(c.steps))<<32
}

func unpack(w uint64) tally {
	return tally{uint8(w), uint8(w >> 8), uint8(w >> 16), uint8(w >> 24), int16(uint16(w >> 32))}
}

// add puts the counts of a turn to those of the page. One multiple is counted at a time:
// another one takes its place when it has been forgotten.
func (c tally) add(t *Times) tally {
	own, ahead, hits, zoned := int(c.own)+t.own, int(c.ahead)+t.ahead, int(c.hits), int(c.zoned)+t.zoned
	if hits == 0 {
		c.steps = int16(t.steps)
	}
	if t.steps == int(c.steps) {
		hits += t.hits
	}
	for own >= window {
		own, ahead, hits, zoned = own/2, ahead/2, hits/2, zoned/2
	}
	return tally{uint8(own), uint8(ahead), uint8(hits), uint8(zoned), c.steps}
}

// skew judges. That more than half are near one multiple means that the median is, and that
// they are not spread over hours, as those of a sender that sends its backlog are.
func (c tally) skew(last time.Duration) Skew {
	zoned := 2*c.zoned > max(c.hits, c.ahead)
	switch {
	case c.own < judged:
	case 2*c.hits > c.own:
		return Skew{Offset: time.Duration(c.steps) * step, Zone: true, Zoned: zoned, Last: last}
	case 2*c.ahead > c.own:
		return Skew{Offset: last, Zoned: zoned, Last: last}
	}
	return Skew{}
}
