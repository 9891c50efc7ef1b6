package endpoints

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options configure a Pool.
type Options struct {
	Transport *http.Transport // makes the connections
	// Roots are the CAs in force, for each new TLS connection; optional. Transport then has a
	// TLS configuration.
	Roots  func() *x509.CertPool
	Logger *slog.Logger
	// Patience is how long a trial may take before its endpoint is tried again: the time
	// between probes.
	Patience time.Duration
	// ConnAge is the greatest age of a connection; 5 min. Each draws its own, half of it at
	// least, so that a new server behind a name gets its share.
	ConnAge time.Duration
	// Acks says that indexer acknowledgements are enabled.
	Acks bool
}

// Pool holds the endpoints of a client. Its methods are safe for concurrent use.
type Pool struct {
	log     *slog.Logger
	now     func() time.Time
	metrics *metrics

	mu        sync.Mutex
	admission admission
	shared    shared
	changed   chan struct{} // closed and renewed when there is reason to try again
	// all are the endpoints that may have open connections: those configured, and those
	// that were.
	all map[*Endpoint]bool
}

// New makes a pool without endpoints; see Replace.
func New(o Options) *Pool {
	if o.ConnAge <= 0 {
		o.ConnAge = connAge
	}
	return &Pool{
		log: o.Logger, now: time.Now, metrics: newMetrics(),
		admission: admission{patience: o.Patience},
		shared:    shared{transport: o.Transport, roots: o.Roots, acks: o.Acks, age: o.ConnAge, patience: o.Patience},
		changed:   make(chan struct{}), all: make(map[*Endpoint]bool),
	}
}

// Replace sets the endpoints and the token. Those that stay keep what is known of them.
func (p *Pool) Replace(list []Address, token string) {
	p.mu.Lock()
	defer p.unlock()
	old := p.admission.endpoints
	fresh := make([]*Endpoint, len(list))
	for i, a := range list {
		k := slices.IndexFunc(old, func(e *Endpoint) bool { return e.Address.same(a) })
		if k >= 0 {
			fresh[i] = old[k]
			fresh[i].startOver() // the new settings may be the cure
		} else {
			fresh[i] = p.newEndpoint(a)
		}
		fresh[i].auth = a.authorization(token)
		p.all[fresh[i]] = true
	}
	for _, e := range old {
		if e.gone = !slices.Contains(fresh, e); !e.gone {
			continue
		}
		e.conns.prune(func(*Conn) bool { return true })
		if !slices.ContainsFunc(list, func(a Address) bool { return a.Name == e.Address.Name }) {
			e.series.remove()
		}
	}
	p.admission.endpoints = fresh
	p.wakeAll()
}

func (p *Pool) newEndpoint(a Address) *Endpoint {
	return &Endpoint{
		Address: a, series: p.metrics.series(a.Name), limit: unlimited(),
		// With acknowledgements the first post goes alone: it shows whether there are any.
		// What others took in the meantime without would be sent again.
		health: health{state: stateUp, since: p.now(), probation: p.shared.acks},
		conns:  connections{shared: &p.shared},
		alarms: alarms{log: p.log, name: a.Name},
	}
}

// Authorization is the header for a request to an endpoint that is no post.
func (p *Pool) Authorization(e *Endpoint) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return e.auth
}

// Changed returns a channel that is closed at the next reason to try again.
func (p *Pool) Changed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

// wakeAll wakes all who wait; the caller holds the mutex.
func (p *Pool) wakeAll() {
	p.admission.waiting.WakeFirst()
	close(p.changed)
	p.changed = make(chan struct{})
}

// Status returns the status of each endpoint, in the order of the configuration. unacked
// is how many acknowledgements each owes; optional.
func (p *Pool) Status(unacked map[*Endpoint]int) []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	all := make([]Status, len(p.admission.endpoints))
	for i, e := range p.admission.endpoints {
		all[i] = e.status(now, unacked[e], p.admission.bound)
	}
	return all
}

// Sweep closes connections that are not needed any more. owing are those that owe
// acknowledgements.
func (p *Pool) Sweep(owing map[*Conn]bool) {
	p.mu.Lock()
	defer p.unlock()
	now := p.now()
	for e := range p.all {
		e.conns.sweep(owing, now)
		if e.gone && len(e.conns.open) == 0 {
			delete(p.all, e)
		}
	}
}

// Close closes all connections. It returns when that is done, or ctx ends.
func (p *Pool) Close(ctx context.Context) error {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		p.mu.Lock()
		defer p.unlock()
		for e := range p.all {
			e.conns.closeAll()
		}
	}()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unlock gives the mutex back and closes what is to be closed: over TLS that may take some
// seconds.
func (p *Pool) unlock() {
	closing := p.shared.closing
	p.shared.closing = nil
	p.mu.Unlock()
	for _, c := range closing {
		c.Close()
	}
}
