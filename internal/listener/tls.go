package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"syslog-gateway/internal/ledger"
)

const (
	handshakeTimeout = 10 * time.Second
	tlsReadBuffer    = 16 << 10 // one TLS record
	// lastRead is how long a connection that is to make room may still bring
	// something.
	lastRead = 100 * time.Millisecond
)

// secure accepts TLS connections (RFC 5425); each is read by a goroutine of its own.
type secure struct {
	log   *slog.Logger
	tcp   *tcp // shares the limits and the rate of complaints
	ports []*tlsPort

	accepting sync.WaitGroup
	serving   sync.WaitGroup // one for each connection

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	ending bool // read only what is on its way
	closed bool // read nothing more
}

type tlsPort struct {
	source   *Source
	intake   *Intake
	listener *net.TCPListener
}

func newSecure(l *Listener) *secure {
	s := &secure{log: l.log, tcp: l.tcp, conns: make(map[net.Conn]struct{})}
	for _, src := range l.sources {
		if src.has(ledger.TLS) {
			s.ports = append(s.ports, &tlsPort{source: src, intake: l.intake(src, ledger.TLS)})
		}
	}
	return s
}

func (s *secure) start() error {
	for _, p := range s.ports {
		var err error
		if p.listener, err = s.tcp.listen(p.source); err != nil {
			return err
		}
	}
	for _, p := range s.ports {
		s.accepting.Go(func() { s.tcp.accept(p.listener, p.source, func(c *net.TCPConn) { s.enrol(p, c) }) })
	}
	return nil
}

// enrol has a connection read by a goroutine of its own.
func (s *secure) enrol(p *tlsPort, c *net.TCPConn) {
	st := newStream(p.source, ledger.TLS, p.intake, peerOf(c), s.tcp.hoard)
	st.order = func(all bool) { s.order(st, c, all) }
	if reason := s.tcp.admit(st); reason != "" {
		s.tcp.refuse(p.source, st.peer, reason)
		_ = c.Close()
		return
	}
	s.serving.Go(func() { s.serve(p, c, st) })
}

// serve reads one connection to its end.
func (s *secure) serve(p *tlsPort, raw *net.TCPConn, st *stream) {
	defer s.tcp.leave(st)
	defer raw.Close()
	if !s.add(raw) {
		return
	}
	defer s.remove(raw)
	c := tls.Server(raw, p.source.options.TLS)
	handshake, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	err := c.HandshakeContext(handshake)
	cancel()
	if err != nil {
		p.source.reject(rejectHandshake)
		if ready(&s.tcp.noisy) {
			s.log.Warn("TLS handshake failed", "source", p.source.Name(), "peer", st.peer, "error", err)
		}
		return
	}
	defer func() { st.finish(time.Now()) }()
	buf := make([]byte, tlsReadBuffer)
	for s.patience(raw, st) {
		n, err := c.Read(buf)
		if n > 0 {
			if reason := st.feed(buf[:n], time.Now()); reason != "" {
				s.tcp.refuse(p.source, st.peer, reason)
				return
			}
			st.lastActive.Store(time.Now().UnixNano()) // the path may have been blocked
		}
		if err != nil && (!errors.Is(err, os.ErrDeadlineExceeded) || !s.silent(st, time.Now())) {
			return
		}
	}
}

// order has the goroutine of a connection deliver its tail, or end.
func (s *secure) order(st *stream, c net.Conn, all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if all && !st.closing {
		st.closing = true
		now = now.Add(lastRead) // what it has brought is read before
		st.endBy = now
	}
	_ = c.SetReadDeadline(now)
}

// patience sets how long the next read may wait: until the connection has been silent
// for too long, or only a moment when it or the gateway ends. It is false when nothing
// more is to be read.
func (s *secure) patience(c net.Conn, st *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var until time.Time // for ever
	switch idle := st.source.settings().IdleTimeout; {
	case s.closed:
		return false
	case s.ending:
		until = now.Add(quiet)
	case st.hoard.tails.wants(&st.hold):
		until = now
	case st.closing:
		until = st.endBy
	case idle > 0:
		until = now.Add(idle)
	}
	if due := st.due.Load(); due != 0 && (until.IsZero() || until.UnixNano() > due) {
		until = time.Unix(0, due)
	}
	_ = c.SetReadDeadline(until)
	return true
}

// silent looks after a connection that brought nothing until the deadline of its
// read. It is false when the connection is to end.
func (s *secure) silent(st *stream, now time.Time) bool {
	s.mu.Lock()
	ends := s.closed || s.ending || st.closing
	s.mu.Unlock()
	if ends || st.idle(now) {
		return false
	}
	st.yield(now)
	st.rest(now)
	return true
}

func (s *secure) add(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *secure) remove(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// stop closes the ports and lets the connections bring what is on its way, until
// they are silent or ctx is done.
func (s *secure) stop(ctx context.Context) error {
	var open []*net.TCPListener
	for _, p := range s.ports {
		if p.listener != nil {
			open = append(open, p.listener)
		}
	}
	err := lastCall(open, &s.accepting)
	s.mu.Lock()
	s.ending = true
	for c := range s.conns {
		_ = c.SetReadDeadline(time.Now().Add(quiet))
	}
	s.mu.Unlock()
	finished := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed = true
		for c := range s.conns {
			_ = c.Close()
		}
	})
	s.serving.Wait()
	finished()
	return err
}
