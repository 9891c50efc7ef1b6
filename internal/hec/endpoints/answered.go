package endpoints

import "time"

// firstPause bounds how long all delivery waits because one connection asked for it.
const firstPause = time.Second

// Done records the answer to an attempt of Acquire and takes its connection back. again says
// that the answer was about the connection, or about a token of the past: the post is worth
// another attempt at once.
func (p *Pool) Done(t Attempt, v Verdict, took time.Duration, b Backoff) (again bool) {
	e := t.Endpoint
	e.series.observe(v, took)
	p.mu.Lock()
	defer p.unlock()
	defer p.admission.waiting.WakeFirst()
	now := p.now()
	v, again = e.relevant(t, v)
	if v.Timeout { // what fell silent may have taken the free connections with it
		e.conns.prune(func(c *Conn) bool { return c.idle.Before(t.Began) })
	}
	fresh := t.Conn != nil && t.Conn.good.IsZero()
	othersWork := v.Condition != Unknown && v.Condition != Serving && e.conns.othersWork(t.Conn, e.traffic.latency, now)
	if !othersWork || !fresh { // the first answer of a server says nothing about our load
		e.limit.answered(v, t.Began, took, now, e.traffic.underWay, p.admission.bound)
	}
	if t.Conn != nil {
		e.conns.giveBack(t.Conn, v, e.gone, now)
	}
	e.traffic.end(v, took, now)
	e.trials.end(t.trial)
	if fresh && !othersWork { // it does not decide when the next connection may be made
		e.conns.due = time.Time{}
	}
	if v.Condition == Unknown {
		return again
	}
	e.last.posted(v)
	if othersWork {
		p.connectionIsBad(t, v, now, b)
		return true
	}
	if fresh && v.Condition == Serving {
		e.conns.bad = 0
	}
	p.answered(e, v, now, b)
	return false
}

// connectionIsBad records a bad answer of one connection of an endpoint whose others work.
func (p *Pool) connectionIsBad(t Attempt, v Verdict, now time.Time, b Backoff) {
	e, least := t.Endpoint, time.Duration(0)
	if v.Unconfirmed {
		least = unconfirmedPause
	}
	e.conns.foundBad(t.Began, now, b, least)
	if v.Condition == Failing {
		e.conns.renewChannels()
	}
	e.series.badConnections.Inc()
	e.alarms.badConnection(v, now)
}

// answered records an answer to a post that is about the endpoint.
func (p *Pool) answered(e *Endpoint, v Verdict, now time.Time, b Backoff) {
	if e.conns.bad == 0 && e.health.unblemished() && !p.admission.another(e, now) {
		// One connection says so, and no other endpoint has room. The next connection may
		// lead to a server that says otherwise.
		v.After = min(v.After, firstPause)
	}
	switch v.Condition {
	case Serving:
		if e.health.succeed(now) {
			p.back(e)
		} else if e.health.busyRounds > 0 { // whoever waits for it need not wait longer
			p.wakeAll()
		}
		e.health.busyRounds, e.health.busyUntil = 0, time.Time{}
	case Busy:
		if e.health.succeed(now) {
			p.back(e)
		}
		e.health.busy(v, now, b)
	case Failing, Refusing:
		p.failed(e, v, now, b)
	case Unknown: // the answer is not about the endpoint
	}
}

func (p *Pool) failed(e *Endpoint, v Verdict, now time.Time, b Backoff) {
	if out := e.fail(v, now, b); out || e.health.state != stateUp {
		e.alarms.isOut(v, e.health.failures, now)
	}
}

func (p *Pool) back(e *Endpoint) {
	e.alarms.isBack()
	p.wakeAll()
}

// StartProbes returns the endpoints that have no probe under way, and registers one for
// each; Probed ends it.
func (p *Pool) StartProbes() []*Endpoint {
	p.mu.Lock()
	defer p.mu.Unlock()
	var idle []*Endpoint
	for _, e := range p.admission.endpoints {
		if !e.probing && e.mode != Maintenance {
			e.probing = true
			idle = append(idle, e)
		}
	}
	return idle
}

// Probed records the answer to a health probe. It may take the endpoint out, or bring it back
// on probation, but it does not make up for failed posts.
func (p *Pool) Probed(e *Endpoint, v Verdict, b Backoff) {
	p.mu.Lock()
	defer p.unlock()
	defer p.admission.waiting.WakeFirst()
	now := p.now()
	e.probing = false
	if v.Condition == Unknown {
		return
	}
	e.last.probed(v)
	if v.Condition == Serving || v.Condition == Busy {
		back, relieved := e.health.probedWell(v.Condition == Busy, now)
		switch {
		case back:
			e.trials.current = 0 // one that hangs since the outage says nothing about now
			p.back(e)
		case relieved:
			p.wakeAll()
		}
		return
	}
	if e.conns.workedSince(now.Add(-2 * p.shared.patience)) {
		return // another server behind the name; posts know better
	}
	e.conns.renewChannels()
	out, due := e.health.state != stateUp, e.health.retryAt
	if e.health.probedBadly() {
		p.failed(e, v, now, b)
	}
	if out { // failing probes must not delay posts without a limit
		e.health.retryAt = due
	}
}

// MissesAcks reports whether an endpoint is out because it gives no ackIds.
func (p *Pool) MissesAcks(e *Endpoint) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shared.acks && e.health.acks.missing
}

// AcksAsked records whether an endpoint's token has acknowledgement by now.
func (p *Pool) AcksAsked(e *Endpoint, state AckState) {
	p.mu.Lock()
	defer p.unlock()
	if e.health.acksAsked(state, p.now()) {
		p.wakeAll()
	}
}
