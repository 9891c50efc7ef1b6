package endpoints

import (
	"math"
	"time"
)

const (
	// slowAnswer is the shortest answer that can be slow. Below it a longer one says more
	// about the machine's load than about the endpoint.
	slowAnswer = 500 * time.Millisecond
	// slowFactor is how much longer than usual answers take when they are slow.
	slowFactor = 4
	// slowLeast is the lowest limit that slow answers lead to. They say that the endpoint
	// has much to do, not that it has too much.
	slowLeast = 2
	// lately and usually are the numbers of answers in the two means.
	lately, usually = 8, 256
)

// limit is how many posts an endpoint may have under way. It begins at the pool's bound, so
// that a healthy endpoint is never limited. It is halved when answers come slowly or ask
// for less, and grows by one with each round of good answers: additive increase,
// multiplicative decrease (AIMD).
type limit struct {
	most   float64       // Inf: the bound of the pool, whatever that is
	cut    time.Time     // of the last halving; answers to older posts do not count
	usual  time.Duration // the mean duration of many answers
	recent time.Duration // the mean duration of the last few
	seen   int           // answers, up to usually
}

// now is the limit below a bound; 1 at least.
func (l *limit) now(bound int) int {
	return max(1, int(min(l.most, float64(bound))))
}

// answered takes one answer into account. under is how many posts were under way with it.
func (l *limit) answered(v Verdict, began time.Time, took time.Duration, now time.Time, under, bound int) {
	if v.Condition == Serving {
		l.learn(took)
	}
	switch {
	case v.Condition == Unknown:
	case v.Condition == Busy, v.Condition == Failing, v.SlowDown:
		l.halve(began, now, 1, under, bound)
	case l.slow(took):
		l.halve(began, now, slowLeast, under, bound)
	case v.Condition == Serving && l.most < float64(bound):
		l.most = min(l.most+1/l.most, float64(bound))
	}
}

// halve makes the limit half of what was under way, but not less than least, and once for
// all these posts.
func (l *limit) halve(began, now time.Time, least float64, under, bound int) {
	if began.Before(l.cut) {
		return
	}
	l.most = min(l.most, max(least, min(l.most, float64(min(under, bound)))/2))
	l.cut = now
	l.recent = l.usual // it is not known yet whether answers are slow at this limit
}

// slow reports whether an answer is slow and not the only slow one. Some records take
// longer than others at an endpoint that is not overloaded.
func (l *limit) slow(took time.Duration) bool {
	return min(took, l.recent) > max(slowAnswer, slowFactor*l.usual)
}

// learn adds an answer to the two means. An endpoint that stays slow is not overloaded, so
// the usual time follows slowly.
func (l *limit) learn(took time.Duration) {
	l.seen = min(l.seen+1, usually)
	l.usual += (took - l.usual) / time.Duration(l.seen)
	l.recent += (took - l.recent) / time.Duration(min(l.seen, lately))
}

// unlimited is the limit to begin with.
func unlimited() limit { return limit{most: math.Inf(1)} }
