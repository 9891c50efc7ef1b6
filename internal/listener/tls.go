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

	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
)

const (
	handshakeTimeout = 10 * time.Second
	tlsReadBuffer    = 16 << 10 // one TLS record
	// lastRead is how long an evicted connection may still send.
	lastRead = 100 * time.Millisecond
)

// tlsListener accepts TLS connections (RFC 5425); each is read by a goroutine of its own.
type tlsListener struct {
	log         *slog.Logger
	connections *connections
	entrance    *entrance
	binder      binder
	ports       []*tlsPort

	accepting sync.WaitGroup
	serving   sync.WaitGroup // one for each connection

	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	draining bool // read only what is on its way
	closed   bool // read nothing more
}

type tlsPort struct {
	source   *source
	batcher  *ingest.Batcher
	listener *net.TCPListener
}

func newTLSListener(o Options, sources []*source, b *batchers, cs *connections) *tlsListener {
	t := &tlsListener{
		log: o.Logger, connections: cs, conns: make(map[net.Conn]struct{}),
		entrance: newEntrance(cs), binder: binder{o.Logger, o.Store, o.Inherited},
	}
	for _, s := range sources {
		if s.has(ledger.TLS) {
			t.ports = append(t.ports, &tlsPort{source: s, batcher: b.newBatcher(s, ledger.TLS)})
		}
	}
	return t
}

// open binds all ports.
func (t *tlsListener) open(ctx context.Context) error {
	for _, p := range t.ports {
		var err error
		if p.listener, err = t.binder.listen(ctx, p.source); err != nil {
			return err
		}
	}
	for _, p := range t.ports {
		t.accepting.Go(func() { t.connections.accept(p.listener, p.source, func(c *net.TCPConn) { t.enrol(p, c) }) })
	}
	return nil
}

// tlsConn is a connection and its socket.
type tlsConn struct {
	*connection
	listener *tlsListener
	raw      *net.TCPConn
}

// enrol has a new connection read by a goroutine of its own.
func (t *tlsListener) enrol(p *tlsPort, raw *net.TCPConn) {
	c := &tlsConn{listener: t, raw: raw}
	c.connection = t.connections.newConnection(p.source, ledger.TLS, peerOf(raw), c)
	c.stream.Attach(p.batcher)
	t.entrance.enter(c.connection, raw, func() { t.serving.Go(c.serve) })
}

// serve reads the connection to its end.
func (c *tlsConn) serve() {
	t := c.listener
	defer t.connections.leave(c.connection)
	defer c.raw.Close()
	if !t.add(c.raw) {
		return
	}
	defer t.remove(c.raw)
	defer func() {
		if c.anonymous && !c.begun {
			c.source.CountCheck()
		}
	}()
	conn := tls.Server(c.raw, c.source.options.TLS)
	handshake, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	err := conn.HandshakeContext(handshake)
	cancel()
	if err != nil && c.anonymous && gone(err) {
		return // a check of HAProxy (check-ssl) does not wait for the end of the handshake
	}
	if err != nil {
		c.source.reject(rejectHandshake)
		if ready(&t.connections.troubles) {
			t.log.Warn("TLS handshake failed", "source", c.source.Name(), "peer", c.sender(), "error", err)
		}
		return
	}
	defer func() { c.stream.Finish(time.Now()) }()
	buf := make([]byte, tlsReadBuffer)
	for c.setDeadline() {
		n, err := conn.Read(buf)
		if n > 0 {
			if reason, refused := c.feed(buf[:n], time.Now()); refused {
				t.connections.refuse(c.connection, reason)
				return
			}
			c.stream.Touch(time.Now()) // the Batcher may have blocked
		}
		if err != nil && (!errors.Is(err, os.ErrDeadlineExceeded) || !c.timedOut(time.Now())) {
			return
		}
	}
}

// setDeadline sets how long the next read may wait: until the connection has been silent
// for too long, or only a moment when it or the gateway ends. It is false when nothing
// more is to be read.
func (c *tlsConn) setDeadline() bool {
	t := c.listener
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	var until time.Time // no limit
	switch idle := c.source.Settings().IdleTimeout; {
	case t.closed:
		return false
	case t.draining:
		until = now.Add(quiet)
	case c.stream.AskedToGiveUp():
		until = now
	case c.closing:
		until = c.endBy
	case idle > 0:
		until = now.Add(idle)
	}
	if due := c.stream.Due(); due != 0 && (until.IsZero() || until.UnixNano() > due) {
		until = time.Unix(0, due)
	}
	_ = c.raw.SetReadDeadline(until)
	return true
}

// timedOut does what is due when a read has reached its deadline. It is false when the
// connection is to end.
func (c *tlsConn) timedOut(now time.Time) (goOn bool) {
	t := c.listener
	t.mu.Lock()
	ends := t.closed || t.draining || c.closing
	t.mu.Unlock()
	if ends || c.stream.Idle(now) {
		return false
	}
	c.stream.GiveUp(now)
	c.stream.DeliverOverdue(now)
	return true
}

// giveUp implements owner: the connection's goroutine does it when its read ends.
func (c *tlsConn) giveUp(_ *connection, all bool) {
	if all {
		c.listener.entrance.giveUp(c.connection)
	}
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	now := time.Now()
	if all && !c.closing {
		c.closing = true
		now = now.Add(lastRead) // what it has brought is read before
		c.endBy = now
	}
	_ = c.raw.SetReadDeadline(now)
}

func (t *tlsListener) add(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.conns[c] = struct{}{}
	return true
}

func (t *tlsListener) remove(c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, c)
}

// drain closes the ports and lets the connections bring what is on its way, until they
// are silent or ctx is done.
func (t *tlsListener) drain(ctx context.Context) error {
	var bound []*net.TCPListener
	for _, p := range t.ports {
		if p.listener != nil {
			bound = append(bound, p.listener)
		}
	}
	err := drainBacklog(bound, &t.accepting)
	t.entrance.drain()
	t.mu.Lock()
	t.draining = true
	for c := range t.conns {
		_ = c.SetReadDeadline(time.Now().Add(quiet))
	}
	t.mu.Unlock()
	stop := context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.closed = true
		for c := range t.conns {
			_ = c.Close()
		}
	})
	t.serving.Wait()
	stop()
	return err
}
