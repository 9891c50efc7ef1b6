package loadgen

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Step is a time during which the rate goes from From to To messages a second, evenly.
type Step struct {
	For      time.Duration
	From, To int
}

// Profile is how the rate changes: one step after the other.
type Profile []Step

// ParseProfile reads "10s:5000,30s:5000-50000,10s:50000": a duration and a rate, or two
// rates to go from and to.
func ParseProfile(text string) (Profile, error) {
	var p Profile
	for part := range strings.SplitSeq(text, ",") {
		span, rates, ok := strings.Cut(part, ":")
		length, err := time.ParseDuration(strings.TrimSpace(span))
		if !ok || err != nil || length <= 0 {
			return nil, fmt.Errorf("profile step %q: write DURATION:RATE or DURATION:RATE-RATE, such as 10s:5000", part)
		}
		from, to, ramp := strings.Cut(rates, "-")
		if !ramp {
			to = from
		}
		a, errA := strconv.Atoi(strings.TrimSpace(from))
		b, errB := strconv.Atoi(strings.TrimSpace(to))
		if errA != nil || errB != nil || a < 0 || b < 0 {
			return nil, fmt.Errorf("profile step %q: %q is not a rate in messages a second", part, rates)
		}
		p = append(p, Step{For: length, From: a, To: b})
	}
	return p, nil
}

// Total is how many messages the whole profile asks for.
func (p Profile) Total() uint64 { return p.due(p.length()) }

func (p Profile) length() (d time.Duration) {
	for _, s := range p {
		d += s.For
	}
	return d
}

// highest is the highest rate.
func (p Profile) highest() (rate int) {
	for _, s := range p {
		rate = max(rate, s.From, s.To)
	}
	return rate
}

// due is how many messages are to be sent within the time since the start.
func (p Profile) due(elapsed time.Duration) uint64 {
	n := 0.0
	for _, s := range p {
		t := min(elapsed, s.For).Seconds()
		slope := float64(s.To-s.From) / s.For.Seconds()
		n += float64(s.From)*t + slope*t*t/2
		if elapsed -= s.For; elapsed <= 0 {
			break
		}
	}
	return uint64(n + 1e-6)
}

// constant is the profile of one constant rate.
func constant(rate int) Profile {
	const forever = 1 << 20 * time.Hour / 8
	return Profile{{For: forever, From: rate, To: rate}}
}
