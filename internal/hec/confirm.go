package hec

import (
	"context"
	"time"
)

// unconfirmedRest is how long an endpoint is left alone whose 200 confirms nothing: each
// trial may put events into the index that are sent again later.
const unconfirmedRest = 5 * time.Minute

// confirm is what is known of an endpoint that accepts events and does not confirm
// them. The pool's mutex guards it.
type confirm struct {
	missing bool // it is out for that
	off     bool // it has said that the token has no acknowledgement
	early   bool // it was tried before its time, for it has said since that the token has
}

// The answers to whether the token has acknowledgement.
type ackState uint8

const (
	ackUnknown ackState = iota
	ackOff
	ackOn
)

// demand makes an answer that accepted events, but gave no ackId, one that confirms
// nothing.
func (a answer) demand() answer {
	if a.outcome != delivered || a.ackID >= 0 {
		return a
	}
	a.text += ", without an ackId: the token has no indexer acknowledgement"
	return a.doubt()
}

// doubt makes an answer one that confirms nothing.
func (a answer) doubt() answer {
	a.outcome, a.condition, a.unconfirmed, a.slowDown = retry, refusing, true, false
	return a
}

// missesAcks reports whether an endpoint is out for missing ackIds.
func (p *pool) missesAcks(e *endpoint) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.acks && e.confirm.missing
}

// askAcks asks, without an event, whether the token has acknowledgement by now: HEC
// answers the poll of any ackId with code 14 when it has not.
func (c *Client) askAcks(ctx context.Context, e *endpoint) {
	channel := newChannel()
	got := c.ask(ctx, c.single(e), channel, []int64{0})
	state := ackUnknown
	if h, ok := parseAnswer(got.body); ok && *h.Code == 14 {
		state = ackOff
	} else if _, err := parseAcks(got.status, got.body); got.err == nil && err == nil {
		state = ackOn
	}
	c.pool.asked(e, state)
}

// asked notes whether the token has acknowledgement. While it has not, a trial would be
// in vain; when it has it again there is a trial at once, but only one.
func (p *pool) asked(e *endpoint, state ackState) {
	p.mu.Lock()
	defer p.release()
	if !e.confirm.missing {
		return
	}
	switch {
	case state == ackOff:
		e.confirm.off = true
		e.retryAt = p.now().Add(unconfirmedRest)
	case state == ackOn && e.confirm.off && !e.confirm.early:
		e.confirm.off, e.confirm.early = false, true
		e.retryAt = p.now()
		p.rouse()
	}
}
