package endpoints

import (
	"context"
	"time"

	"syslog-gateway/internal/waitlist"
)

// Attempt is one post to one endpoint.
type Attempt struct {
	Endpoint *Endpoint
	Conn     *Conn
	Channel  string // of acknowledgements
	Auth     string // the Authorization to send
	Began    time.Time
	trial    int // not 0: it shows whether the endpoint works again
}

// Join adds to the posts that may be under way at one time; a negative n takes from them.
func (p *Pool) Join(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.admission.bound += n
	p.admission.waiting.WakeFirst()
}

// Acquire waits until an endpoint has room for one more post, counts it there and lends a
// connection. No endpoint is waited for while another has room. Who waits longest goes
// first. last is where the post was tried before: another one is preferred. over is asked
// before each try, also when ctx ends; its error ends the wait.
func (p *Pool) Acquire(ctx context.Context, last *Endpoint, over func() error) (Attempt, error) {
	var ticket waitlist.Ticket
	for {
		if err := over(); err != nil {
			p.leave(ticket)
			return Attempt{}, err
		}
		var t Attempt
		var until time.Time
		if t, until, ticket = p.take(last, ticket); t.Endpoint != nil {
			return t, nil
		}
		await(ctx, until, ticket)
	}
}

// await waits for the ticket, for a time when it is set, or for the end of ctx.
func await(ctx context.Context, until time.Time, ticket waitlist.Ticket) {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-ticket:
	case <-due:
	}
}

// take is Acquire without the wait. When no endpoint has room, it returns a ticket: wait for
// it, or until the time where that is set, and call take again with it; or leave.
func (p *Pool) take(last *Endpoint, ticket waitlist.Ticket) (t Attempt, until time.Time, _ waitlist.Ticket) {
	p.mu.Lock()
	defer p.unlock()
	a := &p.admission
	now := p.now()
	var e *Endpoint
	if !a.waiting.Ahead(ticket) {
		if e = a.choose(last, now); e == nil {
			until = a.opens(now)
		}
	}
	if e == nil {
		if ticket == nil {
			ticket = a.waiting.Enqueue()
		}
		return Attempt{}, until, ticket
	}
	c := e.conns.lend(e, now)
	t = Attempt{Endpoint: e, Conn: c, Channel: c.channel, Auth: e.auth, Began: now}
	e.traffic.begin(now)
	if !e.proven() {
		t.trial = a.choices
		e.trials.begin(t.trial, now)
	}
	a.waiting.Dequeue(ticket)
	return t, time.Time{}, nil
}

// leave gives a ticket up.
func (p *Pool) leave(ticket waitlist.Ticket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.admission.waiting.Dequeue(ticket)
}

// Usable reports whether a post that e has answered is worth another attempt soon: e is up,
// or another endpoint has room.
func (p *Pool) Usable(e *Endpoint) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return e.health.state == stateUp || p.admission.another(e, p.now())
}
