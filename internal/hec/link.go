package hec

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"time"
)

const (
	// linkAge is the largest age of a connection; each draws its own, half of it at
	// least. So a new indexer behind a balancer, or one that a DNS name has moved to,
	// gets its share.
	linkAge = 5 * time.Minute
	// linkIdle is how long a connection is kept without a post.
	linkIdle = 90 * time.Second
	// hopeLeast is for how long a post that is under way counts as hope that its
	// connection works; slowFactor times the usual time of an answer where that is more.
	hopeLeast = time.Second
)

// link is one connection to one of the servers behind an endpoint, with all that holds
// on it alone. The pool's mutex guards the fields below the line.
type link struct {
	endpoint *endpoint
	conn     *http.ClientConn // of whoever has the link; nil until it is dialled
	cookies  http.CookieJar   // of a balancer; nil without acknowledgements
	until    time.Time        // its largest age
	// ---
	channel string    // of acknowledgements: ackIds count per channel and server
	good    time.Time // its last good answer to a post; zero before the first
	began   time.Time // of the post under way; zero without one
	idle    time.Time // since when there is none
	spent   bool      // it gets no further posts
}

// links are the connections of one endpoint; the pool's mutex guards them.
type links struct {
	open []*link // all, those that only wait for acknowledgements too
	free []*link // that worked and have no post under way; the one that waits longest first
	// After a connection was found bad while others worked, new ones are made one at a
	// time and ever more slowly, until one works.
	bad    int
	last   time.Time // when that was noted last
	due    time.Time // when the next one may be made
	trying int       // new ones whose first post is under way
	tried  time.Time // when the newest of these was lent
}

// lend gives the connection for one more post: the one that has waited longest, so that
// all servers get their share, or a new one.
func (p *pool) lend(e *endpoint, now time.Time) *link {
	if len(e.links.free) > 0 {
		l := e.links.free[0]
		e.links.free = slices.Delete(e.links.free, 0, 1)
		l.began = now
		return l
	}
	l := &link{endpoint: e, began: now, until: now.Add(p.linkAge/2 + jitter(p.linkAge/2))}
	if p.acks {
		l.channel = newChannel()
		l.cookies, _ = cookiejar.New(nil) // it has no error without a list of suffixes
	}
	e.links.trying++
	e.links.tried = now
	e.links.open = append(e.links.open, l)
	return l
}

// giveBack takes a connection back after a post. spent says that it ended with it.
func (p *pool) giveBack(l *link, spent bool, now time.Time) {
	l.began, l.idle = time.Time{}, now
	if l.spent = l.spent || spent || l.endpoint.gone; l.spent {
		p.retire(l)
		return
	}
	l.endpoint.links.free = append(l.endpoint.links.free, l)
}

// retire ends the use of a connection: it is closed now or, with acknowledgements, when
// it owes none (see sweep).
func (p *pool) retire(l *link) {
	l.spent = true
	if !p.acks {
		p.forget(l)
	}
}

// forget closes a connection for good; release does it without the mutex.
func (p *pool) forget(l *link) {
	open := &l.endpoint.links.open
	*open = slices.DeleteFunc(*open, func(o *link) bool { return o == l })
	p.closing = append(p.closing, l)
}

// prune takes the connections that must not be used out of those that are free.
func (p *pool) prune(e *endpoint, which func(*link) bool) {
	e.links.free = slices.DeleteFunc(e.links.free, func(l *link) bool {
		out := which(l)
		if out {
			p.retire(l)
		}
		return out
	})
}

// stale takes out what is closed, too old or too long without a post.
func (p *pool) stale(e *endpoint, now time.Time) {
	p.prune(e, func(l *link) bool {
		return now.After(l.until) || now.Sub(l.idle) > linkIdle || l.dead()
	})
}

// dead reports whether the connection was closed by the other side.
func (l *link) dead() bool { return l.conn != nil && l.conn.Err() != nil }

// works reports whether the endpoint has another connection than one, that works or
// may yet be found to: then what the one answered is about the server that it leads to.
func (e *endpoint) works(except *link, now time.Time) bool {
	hope := max(hopeLeast, slowFactor*e.latency)
	for _, l := range e.links.open {
		switch {
		case l == except || l.spent:
		case !l.began.IsZero():
			if now.Sub(l.began) < hope {
				return true
			}
		case !l.dead():
			return true
		}
	}
	return false
}

// workedSince reports whether a post was answered well since a time.
func (e *endpoint) workedSince(t time.Time) bool {
	for _, l := range e.links.open {
		if l.good.After(t) {
			return true
		}
	}
	return false
}

// connects is when a connection can be had: in the past when there is one.
func (p *pool) connects(e *endpoint) time.Time {
	switch s := &e.links; {
	case len(s.free) > 0, s.bad == 0:
		return time.Time{}
	case s.trying > 0: // each that hangs makes the next wait longer
		return later(s.due, s.tried.Add(time.Duration(s.trying)*p.patience))
	default:
		return s.due
	}
}

// suspect notes that a connection was found bad while others work.
func (s *links) suspect(began, now time.Time, r RetryOptions, least time.Duration) {
	if began.Before(s.last) && s.bad > 0 { // one of many equal answers
		return
	}
	s.bad++
	s.last = now
	wait := ceiling(r, s.bad-1)
	s.due = now.Add(max(wait/2+jitter(wait/2), least))
}

// sweep closes the free connections that are stale, and those that are spent and owe no
// acknowledgement any more. A post that ended a moment ago may have brought one that is
// not noted yet.
func (p *pool) sweep(owes map[*link]bool) {
	p.mu.Lock()
	defer p.release()
	now := p.now()
	for e := range p.all {
		p.stale(e, now)
		for _, l := range slices.Clone(e.links.open) {
			if l.spent && l.began.IsZero() && !owes[l] && now.Sub(l.idle) >= p.patience {
				p.forget(l)
			}
		}
		if e.gone && len(e.links.open) == 0 {
			delete(p.all, e)
		}
	}
}

// closeAll closes all connections.
func (p *pool) closeAll() {
	p.mu.Lock()
	defer p.release()
	for e := range p.all {
		for _, l := range slices.Clone(e.links.open) {
			p.forget(l)
		}
		e.links.free = nil
	}
}

// release gives the pool's mutex back and closes what is to be closed: to say good-bye
// over TLS may take a while.
func (p *pool) release() {
	closing := p.closing
	p.closing = nil
	p.mu.Unlock()
	for _, l := range closing {
		l.close()
	}
}

func (l *link) close() {
	if l.conn != nil {
		_ = l.conn.Close() // it always succeeds
	}
}

// dial makes the connection unless there is one.
func (c *Client) dial(ctx context.Context, l *link) error {
	if l.conn != nil {
		return nil
	}
	u := l.endpoint.event
	conn, err := c.transport.NewClientConn(ctx, u.Scheme, l.endpoint.address)
	l.conn = conn
	return err
}
