package senders

import "time"

// When an offset is suspicious. Zones differ by multiples of 15 minutes (the IANA time zone
// database has no finer ones today), and transport takes seconds.
const (
	step      = 15 * time.Minute
	near      = 90 * time.Second // of a multiple of step
	zoneFrom  = 30 * time.Minute // a smaller offset is not a zone
	zoneTo    = 26 * time.Hour   // from UTC-12 to UTC+14
	aheadFrom = 5 * time.Minute  // transport only makes messages late
)

// judged is how many messages with a time a sender needs before it has a Skew. At twice as
// many all counts are halved, so that a repaired clock is noticed soon.
const (
	judged = 20
	window = 2 * judged
)

// Times counts how the times in messages relate to their receipt, during one read of a
// loop. The zero value is ready to use, by one goroutine.
type Times struct {
	own    int           // messages with a time
	ahead  int           // of these, those more than aheadFrom ahead of their receipt
	steps  int           // a multiple of step
	hits   int           // messages whose offset is near that multiple
	zoned  int           // of the hits and those ahead, those whose time has a zone
	offset time.Duration // of the last suspicious one
}

// Add counts one message. offset is its time minus its receipt; zoned says that its time
// has a zone. For a time that is right it takes two comparisons.
func (t *Times) Add(offset time.Duration, zoned bool) {
	t.own++
	if offset > aheadFrom || offset < near-zoneFrom {
		t.addSuspicious(offset, zoned)
	}
}

// addSuspicious counts a suspicious time.
func (t *Times) addSuspicious(offset time.Duration, zoned bool) {
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

// stepsOf returns the multiple of step that is nearest to an offset. hit says that the
// offset is near it and that it may be a zone.
func stepsOf(offset time.Duration) (steps int, hit bool) {
	multiple := offset.Round(step)
	return int(multiple / step), multiple.Abs() >= zoneFrom && multiple.Abs() <= zoneTo && (offset-multiple).Abs() <= near
}

// Skew says how far the times of a sender are from their receipt. It is zero if they are
// right or too few.
type Skew struct {
	// Offset is the time in the messages minus that of their receipt: a multiple of 15
	// minutes if Zone, else the offset of the last message.
	Offset time.Duration
	// Zone says that the offset is one of time zones. Otherwise the times are ahead.
	Zone bool
	// Zoned says that the times have a zone, so that a configured one has no effect.
	Zoned bool
	// Last is the offset of the last suspicious message. If it changes, a backlog is being
	// sent, and no zone is wrong.
	Last time.Duration
}

// tally counts the times of the last messages of an entry, at most window of them. It fits
// into a word, so that an entry needs no lock.
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

// add adds t to the tally. Only one multiple is counted at a time. Another one replaces it
// when its count has become 0.
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

// skew returns the Skew. If more than half of the offsets are near one multiple, so is the
// median, and they are not spread over hours as those of a backlog are.
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
