package history

import (
	"encoding/binary"
	"math"
	"time"
)

// Point is what happened in a span of time. Counts are of the span, the others are readings.
type Point struct {
	At      time.Time     `json:"time"` // when the span began
	Covered time.Duration `json:"-"`    // how much of the span was watched

	Received  uint64 `json:"received"`
	Delivered uint64 `json:"delivered"`
	Lost      uint64 `json:"lost"`
	LeftOut   uint64 `json:"left_out"` // dropped on purpose

	Waiting      int64   `json:"waiting"` // events, the most of the span
	WaitingBytes int64   `json:"waiting_bytes"`
	Oldest       float64 `json:"oldest_seconds"`
	// P50 is the mean of the medians, weighted by what was delivered; P99 the highest.
	P50 float64 `json:"latency_p50_seconds"`
	P99 float64 `json:"latency_p99_seconds"`
}

// join adds a later part of the same span.
func (p *Point) join(next Point) {
	if n := p.Delivered + next.Delivered; n > 0 {
		p.P50 = (p.P50*float64(p.Delivered) + next.P50*float64(next.Delivered)) / float64(n)
	}
	p.P99 = max(p.P99, next.P99)
	p.Covered += next.Covered
	p.Received += next.Received
	p.Delivered += next.Delivered
	p.Lost += next.Lost
	p.LeftOut += next.LeftOut
	p.Waiting = max(p.Waiting, next.Waiting)
	p.WaitingBytes = max(p.WaitingBytes, next.WaitingBytes)
	p.Oldest = max(p.Oldest, next.Oldest)
}

// pointBytes is the size of a point in the file.
const pointBytes = 11 * 8

func (p *Point) append(dst []byte) []byte {
	for _, n := range [...]uint64{
		uint64(p.At.Unix()), uint64(p.Covered), p.Received, p.Delivered, p.Lost, p.LeftOut, uint64(p.Waiting), uint64(p.WaitingBytes),
		math.Float64bits(p.Oldest), math.Float64bits(p.P50), math.Float64bits(p.P99),
	} {
		dst = binary.LittleEndian.AppendUint64(dst, n)
	}
	return dst
}

// parsePoint reads a point; ok is false for what append does not write.
func parsePoint(b []byte) (p Point, ok bool) {
	if len(b) != pointBytes {
		return p, false
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	fraction := func(i int) float64 { return math.Float64frombits(word(i)) }
	p = Point{
		At: time.Unix(int64(word(0)), 0).UTC(), Covered: time.Duration(word(1)), Received: word(2), Delivered: word(3), Lost: word(4), LeftOut: word(5),
		Waiting: int64(word(6)), WaitingBytes: int64(word(7)), Oldest: fraction(8), P50: fraction(9), P99: fraction(10),
	}
	ok = p.At.Unix() > 0 && p.Covered >= 0 && p.Covered <= quarter.step && p.Waiting >= 0 && p.WaitingBytes >= 0
	for _, f := range [...]float64{p.Oldest, p.P50, p.P99} {
		ok = ok && f >= 0 && f <= math.MaxInt32
	}
	return p, ok
}

// tier is a ring of points of one step.
type tier struct {
	step  time.Duration
	count int
}

// The tiers, finest first.
var (
	second  = tier{time.Second, 900}
	minute  = tier{time.Minute, 1440}
	quarter = tier{Widest, 1344}
	tiers   = [...]tier{second, minute, quarter}
)

// Widest is the span of the widest points, those of [Store.WeekBefore] for windows below a week.
const Widest = 15 * time.Minute

// begin is when the span of a time began.
func (t tier) begin(at time.Time) time.Time {
	return time.Unix(at.Unix()-mod(at.Unix(), int64(t.step/time.Second)), 0).UTC()
}

// slot is the place of a time in the ring.
func (t tier) slot(at time.Time) int {
	return int(mod(at.Unix()/int64(t.step/time.Second), int64(t.count)))
}

func mod(a, n int64) int64 { return ((a % n) + n) % n }

// Range is a window that the history is shown in.
type Range struct {
	Name string
	Span time.Duration
	Step time.Duration // between two points that are shown: at most 288 of them
	from int           // the tier
}

// Ranges are all of them, shortest first.
func Ranges() []Range {
	return []Range{
		{"15m", 15 * time.Minute, 5 * time.Second, 0},
		{"6h", 6 * time.Hour, 2 * time.Minute, 1},
		{"24h", 24 * time.Hour, 5 * time.Minute, 1},
		{"7d", 7 * 24 * time.Hour, time.Hour, 2},
	}
}
