package hec

import (
	"log/slog"
	"slices"
	"sync"
	"time"
)

// pool holds the endpoints, chooses among them (room.go) and keeps what is known of
// each. When all are out, they are tried in turn, one post at a time.
type pool struct {
	log *slog.Logger
	now func() time.Time

	// patience is how long a trial may take before its endpoint is tried again.
	patience time.Duration

	mu    sync.Mutex
	list  []*endpoint
	turn  int
	bound int             // posts that all deliveries together may have under way
	line  []chan struct{} // posts that wait for room, in the order in which they came
	wake  chan struct{}   // closed and renewed when there is reason to try again
}

func newPool(log *slog.Logger, list []*endpoint, patience time.Duration) *pool {
	return &pool{log: log, now: time.Now, patience: patience, list: list, wake: make(chan struct{})}
}

// done notes the answer to an attempt that take gave.
func (p *pool) done(t attempt, a answer, took time.Duration, r RetryOptions) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.vacate()
	now, e := p.now(), t.endpoint
	if t.trial != 0 && t.trial != e.trial && a.timeout && e.proven() {
		a.condition = unknown // a later trial has shown more
	}
	e.limit.note(a, t, took, now, e.inFlight, p.bound)
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
	if a.condition == unknown {
		return
	}
	e.last, e.lastAt, e.unmended = a.String(), now, a.condition != serving
	p.note(e, a, now, r)
}

// average moves the latency by an eighth of the difference.
func (e *endpoint) average(took time.Duration) {
	if e.latency == 0 {
		e.latency = took
		return
	}
	e.latency += (took - e.latency) / 8
}

func (p *pool) note(e *endpoint, a answer, now time.Time, r RetryOptions) {
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
	defer p.mu.Unlock()
	defer p.vacate()
	now := p.now()
	e.probing = false
	if a.condition == unknown {
		return
	}
	if !e.unmended {
		e.last, e.lastAt = "health: "+a.String(), now
	}
	if a.condition == serving || a.condition == busy {
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
	e.renewChannel()
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
	if e.alarm.raised() {
		p.log.Info("HEC endpoint is back", "endpoint", e.name)
	}
	p.rouse()
}

// complain logs when an endpoint goes out, and now and then while it stays out.
func (p *pool) complain(e *endpoint, out bool, a answer, now time.Time) {
	if !out && e.state == stateUp {
		return
	}
	held, ok := e.alarm.ready(now, alarmEvery)
	if !ok {
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
	defer p.mu.Unlock()
	known, gone := make(map[string]*endpoint), slices.Clone(p.list)
	for _, e := range p.list {
		known[e.name] = e
	}
	for i, e := range list {
		gone = slices.DeleteFunc(gone, func(g *endpoint) bool { return g.name == e.name })
		if k := known[e.name]; k != nil && k.basic == e.basic && *k.event == *e.event {
			list[i] = k
			k.retryAt, k.busyUntil = time.Time{}, time.Time{} // the new settings may be the cure
		}
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
