package hec

import (
	"log/slog"
	"slices"
	"sync"
	"time"
)

// firstRest bounds how long all delivery waits because one connection asked for it.
const firstRest = time.Second

// pool holds the endpoints, chooses among them (room.go) and keeps what is known of
// each. When all are out, they are tried in turn, one post at a time.
type pool struct {
	log *slog.Logger
	now func() time.Time

	// patience is how long a trial may take before its endpoint is tried again, and the
	// time between probes.
	patience time.Duration
	acks     bool // acknowledgements are enabled
	linkAge  time.Duration

	mu    sync.Mutex
	list  []*endpoint
	turn  int
	bound int             // posts that all deliveries together may have under way
	line  []chan struct{} // posts that wait for room, in the order in which they came
	wake  chan struct{}   // closed and renewed when there is reason to try again
	// all are the endpoints that may have connections open: those of the list, and
	// those that were.
	all     map[*endpoint]bool
	closing []*link // to be closed without the mutex
}

func newPool(log *slog.Logger, list []*endpoint, patience time.Duration) *pool {
	p := &pool{log: log, now: time.Now, patience: patience, linkAge: linkAge, list: list,
		wake: make(chan struct{}), all: make(map[*endpoint]bool)}
	for _, e := range list {
		p.all[e] = true
	}
	return p
}

// done notes the answer to an attempt that take gave. again says that it was about the
// connection or about a token of the past: the post is worth another attempt at once.
func (p *pool) done(t attempt, a answer, took time.Duration, r RetryOptions) (again bool) {
	p.mu.Lock()
	defer p.release()
	defer p.vacate()
	now, e := p.now(), t.endpoint
	if t.trial != 0 && t.trial != e.trial && a.timeout && e.proven() {
		a.condition = unknown // a later trial has shown more
	}
	if a.condition == refusing && !a.unconfirmed && t.auth != e.auth {
		a.condition, again = unknown, true // it is about a token that is not sent any more
	}
	if a.timeout { // what fell silent may have taken the free ones with it
		p.prune(e, func(l *link) bool { return l.idle.Before(t.began) })
	}
	bad := a.condition != unknown && a.condition != serving
	other := bad && e.works(t.link, now)
	fresh := t.link != nil && t.link.good.IsZero()
	if !other || !fresh { // the first answer of a server says nothing of what we ask of the others
		e.limit.note(a, t, took, now, e.inFlight, p.bound)
	}
	if fresh {
		e.links.trying--
	}
	if l := t.link; l != nil {
		if a.condition == serving {
			l.good = now
		}
		p.giveBack(l, a.condition != serving || a.closes, now)
	}
	e.inFlight--
	e.requests++
	e.moved = now
	if t.trial != 0 {
		e.trials--
	}
	if t.trial != 0 && e.trial == t.trial {
		e.trial = 0
	}
	if a.outcome == retry && !a.cancelled {
		e.failed++
	}
	if a.status != 0 && !a.timeout {
		e.average(took)
	}
	if fresh && !other { // when the next may be made is not for this one to say
		e.links.due = time.Time{}
	}
	if a.condition == unknown {
		return again
	}
	e.last, e.lastAt, e.unmended = a.String(), now, a.condition != serving
	switch {
	case other:
		p.limp(e, t, a, now, r)
		return true
	case fresh && a.condition == serving:
		e.links.bad = 0
	}
	p.note(e, a, now, r)
	return false
}

// limp notes a bad answer of one connection of an endpoint whose others work.
func (p *pool) limp(e *endpoint, t attempt, a answer, now time.Time, r RetryOptions) {
	least := time.Duration(0)
	if a.unconfirmed {
		least = unconfirmedRest
	}
	e.links.suspect(t.began, now, r, least)
	if a.condition == failing {
		e.renewChannels()
	}
	e.series.limped()
	if held, ok := e.limps.Ready(now, alarmEvery); ok {
		p.log.Warn("a connection to the HEC endpoint is closed for its answer, others work; "+
			"one of the servers behind this name may be sick", "endpoint", e.name, "answer", a.String(), "not_logged", held)
	}
}

// average moves the latency by an eighth of the difference.
func (e *endpoint) average(took time.Duration) {
	if e.latency == 0 {
		e.latency = took
		return
	}
	e.latency += (took - e.latency) / 8
}

// note notes an answer that is about the endpoint.
func (p *pool) note(e *endpoint, a answer, now time.Time, r RetryOptions) {
	if e.links.bad == 0 && e.failures == 0 && e.strained == 0 && !p.another(e, now) {
		// One connection says so and nothing else can be had: the next may lead to a
		// server that says otherwise.
		a.after = min(a.after, firstRest)
	}
	switch a.condition {
	case serving:
		if e.succeed(now) {
			p.back(e)
		} else if e.strained > 0 { // whoever waits for it need not wait longer
			p.rouse()
		}
		e.strained, e.busyUntil = 0, time.Time{}
	case busy:
		if e.succeed(now) {
			p.back(e)
		}
		e.strain(a, now, r)
	case failing, refusing:
		out := e.fail(a, now, r)
		p.complain(e, out, a, now)
	}
}

// probed notes the answer to a health probe: it may bring an endpoint back on
// probation or take it out, but it does not make up for failed posts.
func (p *pool) probed(e *endpoint, a answer, r RetryOptions) {
	p.mu.Lock()
	defer p.release()
	defer p.vacate()
	now := p.now()
	e.probing = false
	if a.condition == unknown {
		return
	}
	healthy := a.condition == serving || a.condition == busy
	if !e.unmended { // why posts fail is worth more
		e.last, e.lastAt = "health: "+a.String(), now
	}
	if !healthy && e.workedSince(now.Add(-2*p.patience)) {
		return // another server behind the name; posts know better
	}
	if healthy {
		e.sick = 0
		was := e.crowded
		e.crowded = a.condition == busy
		if e.state == stateDown && !e.crowded {
			e.state, e.since, e.failures = stateUp, now, 0
			e.trial = 0 // one that hangs since the outage shows nothing of now
			p.back(e)
		} else if was && !e.crowded {
			p.rouse()
		}
		return
	}
	e.renewChannels()
	if e.sick++; e.sick >= downAfter || e.state != stateUp {
		out, at := e.state != stateUp, e.retryAt
		e.failures = max(e.failures, downAfter-1)
		p.complain(e, e.fail(a, now, r), a, now)
		if out { // failing probes must not put posts off for ever
			e.retryAt = at
		}
	}
}

func (p *pool) back(e *endpoint) {
	if e.alarm.Raised() {
		p.log.Info("HEC endpoint is back", "endpoint", e.name)
	}
	p.rouse()
}

// complain logs when an endpoint goes out, and now and then while it stays out.
func (p *pool) complain(e *endpoint, out bool, a answer, now time.Time) {
	if !out && e.state == stateUp {
		return
	}
	held, ok := e.alarm.Ready(now, alarmEvery)
	if !ok {
		return
	}
	if a.unconfirmed {
		p.log.Error("HEC takes events and its answers do not confirm them; they stay in the queue, and no more are sent there until "+
			"one is confirmed: tried every 5 minutes. Check that the token has acknowledgement (useACK), as hec.ack.enabled says, and what is between",
			"endpoint", e.name, "answer", a.String(), "not_logged", held)
		return
	}
	if a.condition == refusing {
		p.log.Error("HEC endpoint refuses our configuration; nothing is lost, it is tried again slowly. "+
			"Check the token, its state in Splunk, acknowledgement and the certificate",
			"endpoint", e.name, "answer", a.String(), "not_logged", held)
		return
	}
	p.log.Warn("HEC endpoint is down; it is tried again", "endpoint", e.name, "answer", a.String(),
		"failures", e.failures, "not_logged", held)
}

// awake returns a channel that is closed at the next reason to try again.
func (p *pool) awake() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wake
}

// rouse wakes all who wait; the caller holds the mutex.
func (p *pool) rouse() {
	p.vacate()
	close(p.wake)
	p.wake = make(chan struct{})
}

// replace sets the endpoints and returns those that are gone by name; those known by
// name keep their state.
func (p *pool) replace(list []*endpoint) (gone []*endpoint) {
	p.mu.Lock()
	defer p.release()
	known, gone := make(map[string]*endpoint), slices.Clone(p.list)
	for _, e := range p.list {
		known[e.name] = e
	}
	for i, e := range list {
		gone = slices.DeleteFunc(gone, func(g *endpoint) bool { return g.name == e.name })
		if k := known[e.name]; k != nil && k.basic == e.basic && *k.event == *e.event {
			list[i] = k
			k.auth = e.auth
			k.links.due = time.Time{}
			k.retryAt, k.busyUntil = time.Time{}, time.Time{} // the new settings may be the cure
		}
	}
	for _, old := range p.list {
		old.gone = !slices.Contains(list, old)
		if old.gone {
			p.prune(old, func(*link) bool { return true })
		}
	}
	for _, e := range list {
		p.all[e] = true
	}
	p.list = list
	p.rouse()
	return gone
}

// startProbes marks and returns the endpoints that have no probe under way.
func (p *pool) startProbes() []*endpoint {
	p.mu.Lock()
	defer p.mu.Unlock()
	var idle []*endpoint
	for _, e := range p.list {
		if !e.probing && e.aside != Maintenance {
			e.probing = true
			idle = append(idle, e)
		}
	}
	return idle
}

// status reads all endpoints; unacked tells how many acknowledgements each owes.
func (p *pool) status(unacked map[*endpoint]int) []EndpointStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	all := make([]EndpointStatus, len(p.list))
	for i, e := range p.list {
		all[i] = e.status(now, unacked[e], p.bound)
	}
	return all
}
