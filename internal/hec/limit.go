package hec

import (
	"math"
	"time"
)

const (
	// slowAnswer is how long an answer may take before it can be called slow: below
	// it a longer one says more of the machine's load than of the endpoint.
	slowAnswer = 500 * time.Millisecond
	// slowFactor is how much longer than usual answers take when they are slow.
	slowFactor = 4
	// slowLeast is the least that slow answers make of a limit: they say that the
	// endpoint has much to do, not that it has too much.
	slowLeast = 2
	// lately and usually are how many answers the two means are made of.
	lately, usually = 8, 256
	// busyMax bounds how long an endpoint that asked for less, and named no time, is
	// left alone.
	busyMax = time.Second
)

// attempt is one post of a body to one endpoint.
type attempt struct {
	endpoint *endpoint
	link     *link
	channel  string // of acknowledgements
	auth     string // the Authorization that is sent
	began    time.Time
	trial    int // not 0: it shows whether the endpoint works again
}

// limit is how many posts an endpoint may have under way, and what it goes by. It
// begins at the pool's bound, so a healthy endpoint is never held back; it is halved
// when answers come slowly or ask for less, and grows by one with each round of good
// answers: additive increase, multiplicative decrease.
type limit struct {
	most   float64       // Inf: the bound of the pool, whatever that is
	cut    time.Time     // what began before it says nothing about the present limit
	usual  time.Duration // of an answer: the mean of many
	recent time.Duration // the mean of the last few
	seen   int           // answers, up to usually
}

// now is the limit below a bound; 1 at least.
func (l *limit) now(bound int) int {
	return max(1, int(min(l.most, float64(bound))))
}

// note takes one answer into account. under is how many posts were under way with it.
func (l *limit) note(a answer, t attempt, took time.Duration, now time.Time, under, bound int) {
	if a.condition == serving {
		l.learn(took)
	}
	switch {
	case a.condition == unknown:
	case a.condition == busy, a.condition == failing, a.slowDown:
		l.halve(t.began, now, 1, under, bound)
	case l.slow(took):
		l.halve(t.began, now, slowLeast, under, bound)
	case a.condition == serving && l.most < float64(bound):
		l.most = min(l.most+1/l.most, float64(bound))
	}
}

// halve makes the limit half of what was under way, once for all posts that were, and
// not below least.
func (l *limit) halve(began, now time.Time, least float64, under, bound int) {
	if began.Before(l.cut) {
		return
	}
	l.most = min(l.most, max(least, min(l.most, float64(min(under, bound)))/2))
	l.cut = now
	l.recent = l.usual // whether the answers are slow at this limit is to be seen
}

// slow reports whether an answer is slow and not the only one: some records take
// longer than others at an endpoint that is not overloaded.
func (l *limit) slow(took time.Duration) bool {
	return min(took, l.recent) > max(slowAnswer, slowFactor*l.usual)
}

// learn takes an answer into the two means. An endpoint that has become slow for good
// is not overloaded, so what is usual follows, by little.
func (l *limit) learn(took time.Duration) {
	l.seen = min(l.seen+1, usually)
	l.usual += (took - l.usual) / time.Duration(l.seen)
	l.recent += (took - l.recent) / time.Duration(min(l.seen, lately))
}

// unlimited is the limit to begin with.
func unlimited() limit { return limit{most: math.Inf(1)} }
