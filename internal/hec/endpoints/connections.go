package endpoints

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"time"
)

const (
	// connAge is the default of Options.ConnAge.
	connAge = 5 * time.Minute
	// connIdle is how long a connection is kept without a post.
	connIdle = 90 * time.Second
	// hopeLeast is how long a post that is under way counts as hope that its connection
	// works. It is slowFactor times the usual time of an answer where that is more.
	hopeLeast = time.Second
)

// shared is what the connections of all endpoints have in common.
type shared struct {
	transport *http.Transport
	roots     func() *x509.CertPool // optional
	acks      bool
	age       time.Duration
	patience  time.Duration
	closing   []*Conn // to be closed when the mutex of the pool is released
}

// dial makes a connection, over TLS with the CAs that are in force now.
func (s *shared) dial(ctx context.Context, scheme, host string) (*http.ClientConn, error) {
	t := s.transport
	if s.roots != nil && scheme == "https" {
		t = t.Clone()
		t.TLSClientConfig.RootCAs = s.roots()
	}
	return t.NewClientConn(ctx, scheme, host)
}

// connections are the connections of one endpoint.
type connections struct {
	shared *shared
	open   []*Conn // all, with those that only wait for acknowledgements
	free   []*Conn // those that worked and have no post under way; the longest idle first

	// After a connection was found bad while others worked, new ones are made one at a
	// time, with growing pauses, until one works.
	bad     int       // that were found since
	lastBad time.Time // when the last of these was found
	due     time.Time // when the next connection may be made
	trying  int       // new connections whose first post is under way
	tried   time.Time // when the newest of these was lent
}

// lend returns a connection for one more post of an endpoint: the one that was idle longest,
// so that all servers get their share, or a new one.
func (s *connections) lend(e *Endpoint, now time.Time) *Conn {
	if len(s.free) > 0 {
		c := s.free[0]
		s.free = slices.Delete(s.free, 0, 1)
		c.began = now
		return c
	}
	var jar http.CookieJar
	if s.shared.acks {
		jar, _ = cookiejar.New(nil) // it has no error without a list of suffixes
	}
	c := newConn(e, jar)
	c.began, c.until = now, now.Add(s.shared.age/2+Jitter(s.shared.age/2))
	if s.shared.acks {
		c.channel = NewChannel()
	}
	s.trying++
	s.tried = now
	s.open = append(s.open, c)
	return c
}

// giveBack takes a connection back after a post. gone says that its endpoint is no longer
// configured.
func (s *connections) giveBack(c *Conn, v Verdict, gone bool, now time.Time) {
	if c.good.IsZero() {
		s.trying--
	}
	if v.Condition == Serving {
		c.good = now
	}
	c.began, c.idle = time.Time{}, now
	if v.Condition != Serving || v.Closes || gone {
		c.spent = true
	}
	if c.spent {
		s.retire(c)
		return
	}
	s.free = append(s.free, c)
}

// retire ends the use of a connection. It is closed now or, with acknowledgements, when it
// owes none (sweep).
func (s *connections) retire(c *Conn) {
	c.spent = true
	if !s.shared.acks {
		s.discard(c)
	}
}

// discard closes a connection; the pool does it when it releases its mutex.
func (s *connections) discard(c *Conn) {
	s.open = slices.DeleteFunc(s.open, func(o *Conn) bool { return o == c })
	s.shared.closing = append(s.shared.closing, c)
}

// prune retires free connections.
func (s *connections) prune(which func(*Conn) bool) {
	s.free = slices.DeleteFunc(s.free, func(c *Conn) bool {
		out := which(c)
		if out {
			s.retire(c)
		}
		return out
	})
}

// pruneStale retires free connections that are broken, too old or too long idle.
func (s *connections) pruneStale(now time.Time) {
	s.prune(func(c *Conn) bool {
		return now.After(c.until) || now.Sub(c.idle) > connIdle || c.Broken()
	})
}

// sweep closes the connections that are spent and owe no acknowledgement any more. A post
// that ended a moment ago may have brought one that is not recorded yet.
func (s *connections) sweep(owes map[*Conn]bool, now time.Time) {
	s.pruneStale(now)
	for _, c := range slices.Clone(s.open) {
		if c.spent && c.began.IsZero() && !owes[c] && now.Sub(c.idle) >= s.shared.patience {
			s.discard(c)
		}
	}
}

func (s *connections) closeAll() {
	for _, c := range slices.Clone(s.open) {
		s.discard(c)
	}
	s.free = nil
}

// othersWork reports whether a connection other than except works or may yet be found to.
// Then what except answered is about the server that it leads to. latency is the usual time
// of an answer.
func (s *connections) othersWork(except *Conn, latency time.Duration, now time.Time) bool {
	hope := max(hopeLeast, slowFactor*latency)
	for _, c := range s.open {
		switch {
		case c == except || c.spent:
		case !c.began.IsZero():
			if now.Sub(c.began) < hope {
				return true
			}
		case !c.Broken():
			return true
		}
	}
	return false
}

// workedSince reports whether a post was answered well after t.
func (s *connections) workedSince(t time.Time) bool {
	return slices.ContainsFunc(s.open, func(c *Conn) bool { return c.good.After(t) })
}

// next is when a connection can be had: in the past when there is one.
func (s *connections) next() time.Time {
	switch {
	case len(s.free) > 0, s.bad == 0:
		return time.Time{}
	case s.trying > 0: // each that hangs makes the next wait longer
		return later(s.due, s.tried.Add(time.Duration(s.trying)*s.shared.patience))
	default:
		return s.due
	}
}

// foundBad records that a connection whose post began at a time was found bad while others
// work. The next new one is made after a pause, at least as long as given.
func (s *connections) foundBad(began, now time.Time, b Backoff, least time.Duration) {
	if began.Before(s.lastBad) && s.bad > 0 { // one of many equal answers
		return
	}
	s.bad++
	s.lastBad = now
	wait := b.Ceiling(s.bad - 1)
	s.due = now.Add(max(wait/2+Jitter(wait/2), least))
}

// renewChannels gives all connections a new channel. Any failure may be all that is seen of
// a restart, after which the indexer counts its ackIds from 0 again: on a new channel an old
// ackId cannot be taken for a new one.
func (s *connections) renewChannels() {
	for _, c := range s.open {
		if c.channel != "" {
			c.channel = NewChannel()
		}
	}
}

// NewChannel returns a random GUID, as the header X-Splunk-Request-Channel wants.
func NewChannel() string {
	var b [16]byte
	rand.Read(b[:]) // never fails, by its contract
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
