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
	"syslog-gateway/internal/relp"
)

const (
	handshakeTimeout = 10 * time.Second
	servedReadBuffer = 16 << 10 // one TLS record
	// lastRead is how long an evicted connection may still send.
	lastRead = 100 * time.Millisecond
)

// servedListener accepts connections that are read by a goroutine of their own: those over
// TLS (RFC 5425), and those by RELP, of which single ones must wait.
type servedListener struct {
	log         *slog.Logger
	connections *connections
	entrance    *entrance
	binder      binder
	ports       []*servedPort

	accepting sync.WaitGroup
	serving   sync.WaitGroup // one for each connection

	mu       sync.Mutex
	conns    map[*servedConn]struct{}
	draining bool // read only what is on its way
	closed   bool // read nothing more
}

type servedPort struct {
	source    *source
	transport ledger.Transport
	batcher   *ingest.Batcher
	listener  *net.TCPListener
}

func newServedListener(o Options, sources []*source, b *batchers, cs *connections) *servedListener {
	t := &servedListener{
		log: o.Logger, connections: cs, conns: make(map[*servedConn]struct{}),
		entrance: newEntrance(cs), binder: binder{o.Logger, o.Store, o.Inherited},
	}
	for _, s := range sources {
		for _, transport := range s.options.Transports {
			if transport.Encrypted() || transport.Answered() {
				t.ports = append(t.ports, &servedPort{source: s, transport: transport, batcher: b.newBatcher(s, transport)})
			}
		}
	}
	return t
}

// open binds all ports.
func (t *servedListener) open(ctx context.Context) error {
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

// servedConn is a connection and its socket.
type servedConn struct {
	*connection
	listener *servedListener
	raw      *net.TCPConn
	relp     *relp.Session // nil: not RELP
}

// enrol has a new connection read by a goroutine of its own.
func (t *servedListener) enrol(p *servedPort, raw *net.TCPConn) {
	c := &servedConn{listener: t, raw: raw}
	if p.transport.Answered() {
		c.relp = relp.NewSession(&p.source.unanswered)
	}
	c.connection = t.connections.newConnection(p.source, p.transport, peerOf(raw), c.relp, c)
	c.stream.Attach(p.batcher)
	t.entrance.enter(c.connection, raw, func() { t.serving.Go(c.serve) })
}

// serve reads the connection to its end.
func (c *servedConn) serve() {
	t := c.listener
	defer t.connections.leave(c.connection)
	defer c.raw.Close()
	if !t.add(c) {
		return
	}
	defer t.remove(c)
	defer func() {
		if c.anonymous && !c.begun {
			c.source.CountCheck()
		}
	}()
	var conn wire = c.raw
	if c.transport.Encrypted() {
		secured, ok := c.handshake()
		if !ok {
			return
		}
		conn = secured
	}
	defer func() { c.stream.Finish(time.Now()) }()
	if c.relp != nil {
		c.serveRELP(conn)
		return
	}
	c.read(conn)
}

// wire is a connection in clear or over TLS.
type wire interface {
	net.Conn
	CloseWrite() error
}

// handshake begins TLS.
func (c *servedConn) handshake() (conn *tls.Conn, ok bool) {
	conn = tls.Server(c.raw, c.source.options.TLS)
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		if c.anonymous && gone(err) { // a check of HAProxy (check-ssl) does not wait for the end of the handshake
			return nil, false
		}
		c.source.reject(rejectHandshake)
		if ready(&c.listener.connections.troubles) {
			c.listener.log.Warn("TLS handshake failed", "source", c.source.Name(), "peer", c.sender(), "error", err)
		}
		return nil, false
	}
	return conn, true
}

// read feeds what comes from a connection until it ends, or nothing more is to be read.
// ended says that the connection has ended.
func (c *servedConn) read(conn net.Conn) (ended bool) {
	buf := make([]byte, servedReadBuffer)
	for c.setDeadline() {
		n, err := conn.Read(buf)
		if n > 0 {
			if reason, refused := c.feed(buf[:n], time.Now()); refused {
				c.listener.connections.refuse(c.connection, reason)
				return false
			}
			if c.relp != nil {
				c.relp.AwaitRoom(c.source.Settings().RELP.MaxUnacked)
			}
			c.stream.Touch(time.Now()) // the Batcher may have blocked
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return true
		}
		if !c.timedOut(time.Now()) {
			return false
		}
	}
	return false
}

// setDeadline sets how long the next read may wait: until the connection has been silent
// for too long, or only a moment when it or the gateway ends. It is false when nothing
// more is to be read.
func (c *servedConn) setDeadline() bool {
	t := c.listener
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	var until time.Time // no limit
	switch idle := c.source.Settings().IdleTimeout; {
	case t.closed, c.relp != nil && (t.draining || c.relp.Leaving()):
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
func (c *servedConn) timedOut(now time.Time) (goOn bool) {
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
func (c *servedConn) giveUp(_ *connection, all bool) {
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

// hurry has a connection bring what is on its way. RELP brings nothing more: its sender
// keeps what is not answered. The caller holds servedListener.mu.
func (c *servedConn) hurry() {
	until := time.Now()
	if c.relp == nil {
		until = until.Add(quiet)
	}
	_ = c.raw.SetReadDeadline(until)
}

func (t *servedListener) add(c *servedConn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.conns[c] = struct{}{}
	return true
}

func (t *servedListener) remove(c *servedConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, c)
}

// drain closes the ports and lets the connections bring what is on its way, until they
// are silent or ctx is done. Those by RELP get the answers for what they have brought.
func (t *servedListener) drain(ctx context.Context) error {
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
		c.hurry()
	}
	t.mu.Unlock()
	stop := context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.closed = true
		for c := range t.conns {
			_ = c.raw.Close()
			if c.relp != nil {
				c.relp.Abandon()
			}
		}
	})
	t.serving.Wait()
	stop()
	return err
}
