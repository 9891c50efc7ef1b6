package hec

import (
	"context"
	"errors"
	"net/http"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/endpoints"
)

// What ends a post without an outcome.
var (
	errStopped   = errors.New("hec: the sender stops")
	errAbandoned = errors.New("hec: the record was dropped from the queue in the meantime")
)

// body is what a post sends.
type body struct {
	data []byte
	enc  event.Encoding
}

// reply is the last answer to a post, with the attempt that brought it.
type reply struct {
	answer
	at endpoints.Attempt
	// reading says that net/http may still read the body: the answer came before all of it was
	// sent, or the attempt was given up.
	reading bool
}

// post sends one body until there is an outcome. Each round waits until an endpoint has
// room, makes one attempt there, reports the answer to the pool and, when nothing is known
// to be delivered, pauses.
//
// When ctx ends, no new attempt begins and the error is errStopped; wire is the context of
// the attempts. When abandoned reports true, the error is errAbandoned. The body may be
// overwritten when post returns, unless the reply says that it is still read.
func (c *Client) post(ctx, wire context.Context, b body, abandoned func() bool) (reply, error) {
	over := func() error {
		switch {
		case ctx.Err() != nil:
			return errStopped
		case abandoned():
			return errAbandoned
		}
		return nil
	}
	var r reply
	for failures := 0; ; {
		at, err := c.pool.Acquire(ctx, r.at.Endpoint, over)
		if err != nil {
			return r, err
		}
		// Before the settings are read: a change during the attempt must end the pause
		// that follows it.
		changed := c.pool.Changed()
		set := c.settings.Load()
		began := time.Now()
		a, reading := c.attempt(wire, at, b, set.Timeout)
		again := c.pool.Done(at, a.verdict(), time.Since(began), set.Retry)
		r = reply{a, at, r.reading || reading}
		if a.outcome != retry {
			return r, nil
		}
		if !again {
			pause(ctx, c.delay(r, failures), changed)
			failures++
		}
	}
}

// attempt posts a body once. reading says that net/http may still read it.
func (c *Client) attempt(ctx context.Context, at endpoints.Attempt, b body, timeout time.Duration) (a answer, reading bool) {
	req := c.request(http.MethodPost, at.Endpoint.Address.Event, at.Auth, at.Channel)
	req.Header.Set("Content-Type", "application/json")
	if b.enc == event.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	// net/http knows that a slice does not block, and sends it in one write with the header.
	_ = req.SetBody(b.data) // it has no error of its own
	x := c.exchange(ctx, at.Conn, req, timeout)
	a = x.answer(classify)
	if c.opts.Ack.Enabled {
		a = a.demandAckID()
	}
	return a, x.reading
}

// delay is how long to pause after an answer. An endpoint that refuses our configuration is
// asked slowly, unless another endpoint can take the body. A time that the server named is
// kept by the pool: that endpoint has no room until then.
func (c *Client) delay(r reply, failures int) time.Duration {
	backoff := c.settings.Load().Retry
	if r.condition == endpoints.Refusing && !c.pool.Usable(r.at.Endpoint) {
		return backoff.Max/2 + endpoints.Jitter(backoff.Max/2)
	}
	return endpoints.Jitter(backoff.Ceiling(failures))
}

// pause waits for a time, but not beyond the end of ctx, and not when sooner is closed
// before (optional).
func pause(ctx context.Context, d time.Duration, sooner <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-sooner:
	}
}
