package hec

import (
	"slices"
	"time"
)

// trialPatience is how long a trial may take, while all endpoints are out, before
// another endpoint is tried beside it.
const trialPatience = time.Second

// acquire waits until an endpoint takes one more post, and counts it there. No
// endpoint is waited for while another has room; who waits longest goes first.
func (p *post) acquire() (attempt, error) {
	var place chan struct{}
	for {
		if err := p.over(); err != nil {
			p.pool.leave(place)
			return attempt{}, err
		}
		var t attempt
		var until time.Time
		if t, until, place = p.pool.take(p.endpoint, place); t.endpoint != nil {
			return t, nil
		}
		p.await(until, place)
	}
}

// await waits for room, for a time when it is set, or for the stop.
func (p *post) await(until time.Time, room <-chan struct{}) {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-p.stop:
	case <-room:
	case <-due:
	}
}

// take takes an endpoint with room for one attempt and counts it in flight: the best
// rank, then another one than last, then the one with the least work under way, then
// round robin. Without room the attempt has no endpoint, and the caller a place in the
// line: a channel that gets a value when it is worth to call again with it. until is
// when time alone will make room (zero: it will not, or not for this place). leave
// gives the place up.
func (p *pool) take(last *endpoint, place chan struct{}) (t attempt, until time.Time, _ chan struct{}) {
	p.mu.Lock()
	defer p.release()
	if len(p.line) > 0 && p.line[0] != place {
		return attempt{}, time.Time{}, p.stand(place)
	}
	now := p.now()
	best := p.best(last, now)
	if best == nil {
		return attempt{}, p.opens(now), p.stand(place)
	}
	l := p.lend(best, now)
	t = attempt{endpoint: best, link: l, channel: l.channel, auth: best.auth, began: now}
	if best.inFlight++; best.inFlight == 1 {
		best.moved = now
	}
	if !best.proven() {
		t.trial, best.trial, best.tried = p.turn, p.turn, now
		best.trials++
	}
	p.quit(place)
	return t, time.Time{}, nil
}

// best is the best of the endpoints that have room, or nil.
func (p *pool) best(last *endpoint, now time.Time) (best *endpoint) {
	p.turn++
	var least [3]int
	for i := range p.list {
		e := p.list[(p.turn+i)%len(p.list)]
		p.stale(e, now)
		if !p.admits(e, now) {
			continue
		}
		key := [3]int{e.rank(), 0, e.load(now)}
		if e == last {
			key[1] = 1
		}
		if best == nil || less(key, least) {
			best, least = e, key
		}
	}
	return best
}

// stand returns the place, or a new one at the end of the line; the caller holds the
// mutex.
func (p *pool) stand(place chan struct{}) chan struct{} {
	if place == nil {
		place = make(chan struct{}, 1)
		p.line = append(p.line, place)
	}
	return place
}

// quit takes a place out of the line, and lets the next look for room; the caller
// holds the mutex.
func (p *pool) quit(place chan struct{}) {
	if i := slices.Index(p.line, place); i >= 0 {
		p.line = slices.Delete(p.line, i, i+1)
		p.vacate()
	}
}

// leave gives a place in the line up.
func (p *pool) leave(place chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quit(place)
}

// vacate lets the first in the line look for room; the caller holds the mutex.
func (p *pool) vacate() {
	if len(p.line) == 0 {
		return
	}
	select {
	case p.line[0] <- struct{}{}:
	default: // it has been told
	}
}

func less(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// admits reports whether e takes one more post now. One that was out takes a single
// one at a time, and while all are out there is only one such trial in all; but a
// trial that takes long holds up neither the others nor, for ever, its own endpoint.
func (p *pool) admits(e *endpoint, now time.Time) bool {
	switch {
	case e.aside != InUse:
		return false
	case !e.proven():
		return !now.Before(p.trialDue(e)) && (e.trial == 0 || p.spare())
	}
	return !now.Before(e.busyUntil) && !now.Before(p.connects(e)) && e.inFlight < e.limit.now(p.bound)
}

// trialDue is when time allows the next trial of e.
func (p *pool) trialDue(e *endpoint) (due time.Time) {
	if e.state != stateUp {
		due = e.retryAt
	}
	if e.trial != 0 { // each that hangs makes the next wait longer
		due = later(due, e.tried.Add(time.Duration(e.trials)*p.patience))
	}
	if e.state == stateUp || !p.allOut() {
		return due
	}
	for _, o := range p.list {
		if o != e && o.trial != 0 {
			due = later(due, o.tried.Add(trialPatience))
		}
	}
	return due
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// spare reports whether a post may be risked on an endpoint whose trial hangs: no
// other works, and one more post is left for the others.
func (p *pool) spare() bool {
	under := 0
	for _, e := range p.list {
		if e.proven() && e.aside == InUse {
			return false
		}
		under += e.inFlight
	}
	return len(p.list) == 1 || under+1 < p.bound
}

func (p *pool) allOut() bool {
	for _, e := range p.list {
		if e.state == stateUp {
			return false
		}
	}
	return true
}

// opens is the next time at which an endpoint may take a post for no other reason
// than the time.
func (p *pool) opens(now time.Time) (at time.Time) {
	for _, e := range p.list {
		t := later(e.busyUntil, p.connects(e))
		if !e.proven() {
			t = p.trialDue(e)
		}
		if t.After(now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	return at
}

// join adds to the posts that may be under way at one time, or takes from them.
func (p *pool) join(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bound += n
	p.vacate()
}

// usable reports whether a post to e is worth another attempt soon: it is not out, or
// another endpoint would be chosen gladly.
func (p *pool) usable(e *endpoint) bool {
	p.mu.Lock()
	up := e.state == stateUp
	p.mu.Unlock()
	return up || p.other(e)
}

// other reports whether an endpoint other than e would be chosen gladly now.
func (p *pool) other(e *endpoint) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.another(e, p.now())
}

// another is other for who holds the mutex.
func (p *pool) another(e *endpoint, now time.Time) bool {
	for _, o := range p.list {
		if o != e && o.state == stateUp && o.rank() == 0 && p.admits(o, now) {
			return true
		}
	}
	return false
}
