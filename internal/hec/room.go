package hec

import "time"

// acquire waits until an endpoint takes one more post, and counts it there. No
// endpoint is waited for while another has room.
func (p *post) acquire() (attempt, error) {
	for {
		if err := p.over(); err != nil {
			return attempt{}, err
		}
		t, until, room := p.pool.take(p.endpoint)
		if t.endpoint != nil {
			return t, nil
		}
		p.await(until, room)
		p.pool.left()
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
// round robin. Without room the attempt has no endpoint; until is when time alone
// will make room (zero: it will not), and room is closed when something else may
// have. The caller then counts as waiting until it calls left.
func (p *pool) take(last *endpoint) (t attempt, until time.Time, room <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.turn++
	var best *endpoint
	var least [3]int
	for i := range p.list {
		e := p.list[(p.turn+i)%len(p.list)]
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
	if best == nil {
		p.waiting++
		return attempt{}, p.opens(now), p.room
	}
	t = attempt{endpoint: best, channel: best.channel, began: now}
	if best.inFlight++; best.inFlight == 1 {
		best.moved = now
	}
	if !best.proven() {
		t.trial, best.trial = p.turn, p.turn
	}
	return t, time.Time{}, nil
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
// one at a time, and while all are out there is only one such trial in all.
func (p *pool) admits(e *endpoint, now time.Time) bool {
	switch {
	case e.aside != InUse:
		return false
	case e.state != stateUp && now.Before(e.retryAt):
		return false
	case e.state != stateUp && p.allOut():
		return !p.trying()
	case !e.proven():
		return e.trial == 0
	}
	return !now.Before(e.busyUntil) && e.inFlight < e.limit.now(p.bound)
}

func (p *pool) allOut() bool {
	for _, e := range p.list {
		if e.state == stateUp {
			return false
		}
	}
	return true
}

// trying reports whether a trial is under way.
func (p *pool) trying() bool {
	for _, e := range p.list {
		if e.trial != 0 {
			return true
		}
	}
	return false
}

// opens is the next time at which an endpoint may take a post for no other reason
// than the time.
func (p *pool) opens(now time.Time) (at time.Time) {
	for _, e := range p.list {
		t := e.busyUntil
		if e.state != stateUp {
			t = e.retryAt
		}
		if t.After(now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	return at
}

// left is called by who has waited for room.
func (p *pool) left() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting--
}

// vacate wakes all who wait for room; the caller holds the mutex.
func (p *pool) vacate() {
	if p.waiting > 0 {
		close(p.room)
		p.room = make(chan struct{})
	}
}

// join adds to the posts that may be under way at one time, or takes from them.
func (p *pool) join(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bound += n
	p.vacate()
}

// other reports whether an endpoint other than e would be chosen gladly now.
func (p *pool) other(e *endpoint) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for _, o := range p.list {
		if o != e && o.state == stateUp && o.rank() == 0 && p.admits(o, now) {
			return true
		}
	}
	return false
}
