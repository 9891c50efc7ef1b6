package hec

import (
	"math"
	"time"
)

const (
	// slowAnswer is how long an answer may take before it can be called slow: below
	// it a longer one says more of the machine's load than of the endpoint.
	slowAnswer = 500 * time.Millisecond
	// slowFactor is how much longer than usual an answer is when it is slow.
	slowFactor = 4
	// busyMax bounds how long an endpoint that asked for less, and named no time, is
	// left alone.
	busyMax = time.Second
)

// attempt is one post of a body to one endpoint.
type attempt struct {
	endpoint *endpoint
	channel  string // of acknowledgements
	began    time.Time
	trial    int // not 0: it shows whether the endpoint works again
}

// limit is how many posts an endpoint may have under way, and what it goes by. It
// begins at the pool's bound, so a healthy endpoint is never held back; it is halved
// when answers come slowly or ask for less, and grows by one with each round of good
// answers: additive increase, multiplicative decrease.
type limit struct {
	most  float64       // Inf: the bound of the pool, whatever that is
	cut   time.Time     // what began before it says nothing about the present limit
	usual time.Duration // of an answer: the shortest, forgotten slowly
}

// now is the limit below a bound; 1 at least.
func (l *limit) now(bound int) int {
	return max(1, int(min(l.most, float64(bound))))
}

// note takes one answer into account. under is how many posts were under way with it.
func (l *limit) note(a answer, t attempt, took time.Duration, now time.Time, under, bound int) {
	switch {
	case a.condition == unknown:
	case a.condition == busy, a.condition == failing, a.slowDown, l.slow(took):
		l.halve(t.began, now, under, bound)
	case a.condition == serving && l.most < float64(bound):
		l.most = min(l.most+1/l.most, float64(bound))
	}
	if a.condition == serving {
		l.learn(took)
	}
}

// halve makes the limit half of what was under way, once for all posts that were.
func (l *limit) halve(began, now time.Time, under, bound int) {
	if began.Before(l.cut) {
		return
	}
	l.most = max(1, min(l.most, float64(min(under, bound)))/2)
	l.cut = now
}

func (l *limit) slow(took time.Duration) bool {
	return l.usual > 0 && took > max(slowAnswer, slowFactor*l.usual)
}

// learn moves what is usual: down at once, up by little, for an endpoint that has
// become slow for good is not overloaded.
func (l *limit) learn(took time.Duration) {
	if l.usual == 0 || took < l.usual {
		l.usual = took
		return
	}
	l.usual += (took - l.usual) / 256
}

// unlimited is the limit to begin with.
func unlimited() limit { return limit{most: math.Inf(1)} }
