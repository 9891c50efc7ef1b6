package hecsink

import (
	"sync"
	"time"

	"syslog-gateway/bench/marker"
)

// unboundedLimit is the first sequence number that is foreign when none is expected:
// its bitmap takes 128 MiB.
const unboundedLimit = 1 << 30

// tally is what the sink counts: one bit for each sequence number. Its methods are safe for
// concurrent use; they are called once a request.
type tally struct {
	mu       sync.Mutex
	limit    uint64 // sequence numbers from here on are foreign
	expect   uint64 // 0: unknown
	seen     []uint64
	highest  uint64 // one more than the highest number seen
	counts   counts
	latency  *histogram // nil: not wanted
	complete chan struct{}
}

// counts are the plain numbers of Stats.
type counts struct {
	Events     uint64 `json:"events"`
	Unique     uint64 `json:"unique"`
	Duplicated uint64 `json:"duplicated"`
	Foreign    uint64 `json:"foreign"`
	Merged     uint64 `json:"merged"`
	Invalid    uint64 `json:"invalid"`
	Requests   uint64 `json:"requests"`
	Refused    uint64 `json:"refused_requests"`
	Cut        uint64 `json:"cut_requests"`
	Streams    uint64 `json:"streams"` // plain connections, beside HEC
	BodyBytes  uint64 `json:"body_bytes"`
	RawBytes   uint64 `json:"raw_bytes"`
	FirstEvent int64  `json:"first_event_us"`
	LastEvent  int64  `json:"last_event_us"`
}

func newTally(expect uint64, latency bool) *tally {
	t := &tally{expect: expect, limit: expect, complete: make(chan struct{})}
	if expect == 0 {
		t.limit = unboundedLimit
	}
	t.seen = make([]uint64, (expect+63)/64)
	if latency {
		t.latency = new(histogram)
	}
	return t
}

// take counts the events of one accepted request.
func (t *tally) take(f *findings, body, raw int, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &t.counts
	micros := now.UnixMicro()
	fresh := c.Unique
	for _, m := range f.markers {
		t.number(m, micros)
	}
	c.Foreign += f.foreign
	c.Merged += f.merged
	c.Events += uint64(len(f.markers)) + f.foreign
	c.Requests++
	c.BodyBytes += uint64(body)
	c.RawBytes += uint64(raw)
	if c.Unique > fresh {
		if c.FirstEvent == 0 {
			c.FirstEvent = micros
		}
		c.LastEvent = micros
	}
	if t.expect > 0 && fresh < t.expect && c.Unique == t.expect {
		close(t.complete)
	}
}

// number counts one numbered event. Latency is that of the first arrival.
func (t *tally) number(m marker.Marker, now int64) {
	if m.Seq >= t.limit {
		t.counts.Foreign++
		return
	}
	word, bit := m.Seq/64, uint64(1)<<(m.Seq%64)
	if word >= uint64(len(t.seen)) {
		t.seen = append(t.seen, make([]uint64, max(word+1-uint64(len(t.seen)), uint64(len(t.seen))))...)
	}
	if t.seen[word]&bit != 0 {
		t.counts.Duplicated++
		return
	}
	t.seen[word] |= bit
	t.counts.Unique++
	t.highest = max(t.highest, m.Seq+1)
	if t.latency != nil {
		t.latency.add(now - m.Micros)
	}
}

// update changes a plain count.
func (t *tally) update(change func(c *counts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.counts)
}

// snapshot returns the counts, and what is missing: of the expected numbers, or
// of those up to the highest seen when none are expected.
func (t *tally) snapshot() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Stats{Expected: t.expect, counts: t.counts}
	s.Lost = max(t.expect, t.highest) - t.counts.Unique
	s.Complete = t.expect > 0 && s.Lost == 0
	if t.latency != nil {
		l := t.latency.summary()
		s.Latency = &l
	}
	return s
}

// missing returns the first few numbers that are lost.
func (t *tally) missing(n int) []uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lost []uint64
	for seq := uint64(0); seq < max(t.expect, t.highest) && len(lost) < n; seq++ {
		if seq/64 >= uint64(len(t.seen)) || t.seen[seq/64]&(1<<(seq%64)) == 0 {
			lost = append(lost, seq)
		}
	}
	return lost
}
