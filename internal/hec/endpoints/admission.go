package endpoints

import (
	"slices"
	"time"

	"syslog-gateway/internal/waitlist"
)

// admission decides which endpoint takes a post next. The mutex of the pool guards it.
type admission struct {
	endpoints []*Endpoint // in the order of the configuration
	bound     int         // posts that all deliveries together may have under way
	choices   int         // counts calls of choose; the ID of a trial
	waiting   waitlist.List
	// patience is how long a trial may take before its endpoint is tried again.
	patience time.Duration
}

// choose returns the best endpoint that has room, or nil: the lowest rank, then another one
// than last, then the least work under way, then round robin.
func (a *admission) choose(last *Endpoint, now time.Time) (best *Endpoint) {
	a.choices++
	var least [3]int
	for i := range a.endpoints {
		e := a.endpoints[(a.choices+i)%len(a.endpoints)]
		e.conns.pruneStale(now)
		if !a.admits(e, now) {
			continue
		}
		key := [3]int{e.rank(), 0, e.traffic.load(now)}
		if e == last {
			key[1] = 1
		}
		if best == nil || slices.Compare(key[:], least[:]) < 0 {
			best, least = e, key
		}
	}
	return best
}

// admits reports whether e takes one more post now. An endpoint that was out takes one
// trial at a time. While all are out there is one trial in all, but a slow trial does not
// block the others, and blocks its own endpoint only for a limited time.
func (a *admission) admits(e *Endpoint, now time.Time) bool {
	switch {
	case e.mode != Ready:
		return false
	case !e.proven():
		return !now.Before(a.trialDue(e)) && (e.trials.current == 0 || a.canSpare())
	}
	return !now.Before(e.health.busyUntil) && !now.Before(e.conns.next()) &&
		e.traffic.underWay < e.limit.now(a.bound)
}

// trialDue is when time allows the next trial of e.
func (a *admission) trialDue(e *Endpoint) time.Time {
	due := e.trials.next(a.patience)
	if e.health.state != stateUp {
		due = later(due, e.health.retryAt)
	}
	if !a.allOut() {
		return due
	}
	for _, o := range a.endpoints {
		if o != e && o.trials.current != 0 {
			due = later(due, o.trials.began.Add(trialPatience))
		}
	}
	return due
}

// canSpare reports whether an endpoint may get a second trial while the first hangs: no
// other works, and one more post is left for the others.
func (a *admission) canSpare() bool {
	underWay := 0
	for _, e := range a.endpoints {
		if e.proven() && e.mode == Ready {
			return false
		}
		underWay += e.traffic.underWay
	}
	return len(a.endpoints) == 1 || underWay+1 < a.bound
}

func (a *admission) allOut() bool {
	return !slices.ContainsFunc(a.endpoints, func(e *Endpoint) bool { return e.health.state == stateUp })
}

// opens is the next time at which an endpoint may take a post for no other reason than the
// time; zero: there is none.
func (a *admission) opens(now time.Time) (at time.Time) {
	for _, e := range a.endpoints {
		t := later(e.health.busyUntil, e.conns.next())
		if !e.proven() {
			t = a.trialDue(e)
		}
		if t.After(now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	return at
}

// another reports whether an endpoint other than e is up and has room, and its queues are
// not full.
func (a *admission) another(e *Endpoint, now time.Time) bool {
	return slices.ContainsFunc(a.endpoints, func(o *Endpoint) bool {
		return o != e && o.health.state == stateUp && o.rank() == 0 && a.admits(o, now)
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
