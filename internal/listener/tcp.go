package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"

	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
)

const (
	// readBuffer is how many bytes a loop reads from a connection at once.
	readBuffer = 256 << 10
	// quiet is how long no connection may bring anything before a drain believes that the
	// senders have nothing more on the way.
	quiet = 300 * time.Millisecond
)

// tcpListener accepts plain TCP connections and reads them in gnet event loops.
type tcpListener struct {
	log         *slog.Logger
	connections *connections
	entrance    *entrance
	batchers    *batchers
	binder      binder
	client      *gnet.Client // nil until open
	ports       []*tcpPort
	loops       int
	reading     atomic.Int64 // reads that are being worked on, or blocked
	heartbeats  []*tcpHeartbeat
	ended       chan struct{} // closed when a loop ended without being stopped
	end         sync.Once
	ending      atomic.Bool
	accepting   sync.WaitGroup
	pauses      *pauses

	mu     sync.Mutex
	byLoop map[gnet.EventLoop]*ofLoop
	conns  map[*connection]gnet.Conn
}

// tcpPort is one listening port.
type tcpPort struct {
	source   *source
	listener *net.TCPListener
}

// ofLoop is what one loop has of its own, so that loops never wait for one another.
type ofLoop struct {
	pacer
	batchers map[*tcpPort]*ingest.Batcher
}

// tcpConn is what gnet knows of a connection.
type tcpConn struct {
	*connection
	port *tcpPort
	loop *ofLoop // since OnOpen
}

func newTCPListener(o Options, sources []*source, b *batchers, cs *connections) *tcpListener {
	t := &tcpListener{
		log: o.Logger, connections: cs, entrance: newEntrance(cs), batchers: b, loops: o.TCPLoops,
		binder: binder{o.Logger, o.Store, o.Inherited},
		pauses: newPauses(b.options.MaxAge),
		ended:  make(chan struct{}),
		byLoop: make(map[gnet.EventLoop]*ofLoop),
		conns:  make(map[*connection]gnet.Conn),
	}
	for _, s := range sources {
		if s.has(ledger.TCP) {
			t.ports = append(t.ports, &tcpPort{source: s})
		}
	}
	return t
}

// open starts the loops and binds all ports.
func (t *tcpListener) open(ctx context.Context) error {
	if len(t.ports) == 0 {
		return nil
	}
	client, err := gnet.NewClient(&tcpLoop{tcp: t},
		gnet.WithNumEventLoop(t.loops),
		gnet.WithReadBufferCap(readBuffer),
		gnet.WithTCPKeepAlive(2*time.Minute),
		gnet.WithLogger(gnetLogger{t.log}))
	if err == nil {
		err = client.Start()
	}
	if err != nil {
		return fmt.Errorf("start the TCP event loops: %w", err)
	}
	t.client = client
	for range t.loops { // each goes to the loop with the fewest connections
		h, err := enrolHeartbeat(t.client)
		if err != nil {
			return fmt.Errorf("start the TCP event loops: %w", err)
		}
		t.heartbeats = append(t.heartbeats, h)
	}
	for _, p := range t.ports {
		if p.listener, err = t.binder.listen(ctx, p.source); err != nil {
			return err
		}
	}
	for _, p := range t.ports {
		t.accepting.Go(func() { t.connections.accept(p.listener, p.source, func(c *net.TCPConn) { t.take(p, c) }) })
	}
	return nil
}

// take takes a new connection.
func (t *tcpListener) take(p *tcpPort, raw *net.TCPConn) {
	c := t.connections.newConnection(p.source, ledger.TCP, peerOf(raw), nil, t)
	t.entrance.enter(c, raw, func() { t.enrol(p, c, raw) })
}

// enrol gives a connection to an event loop.
func (t *tcpListener) enrol(p *tcpPort, c *connection, raw *net.TCPConn) {
	t.pauses.forbid()
	_, err := t.client.EnrollContext(raw, &tcpConn{connection: c, port: p})
	t.pauses.allow()
	if err == nil && !c.stream.Attached() { // epoll did not take it, and gnet does not say so
		err = errors.New("the event loop did not take it")
	}
	if err != nil {
		t.connections.leave(c)
		p.source.reject(rejectDescriptors)
		if ready(&t.connections.troubles) {
			t.log.Error("take over a TCP connection", "source", p.source.Name(), "error", err)
		}
	}
}

// tcpLoop handles the events of all loops.
type tcpLoop struct {
	gnet.BuiltinEventEngine
	tcp *tcpListener
}

// OnOpen gives the connection the Batcher of its loop.
func (h *tcpLoop) OnOpen(gc gnet.Conn) ([]byte, gnet.Action) {
	c, ok := gc.Context().(*tcpConn)
	if !ok { // a heartbeat
		return nil, gnet.None
	}
	h.tcp.mu.Lock()
	defer h.tcp.mu.Unlock()
	c.loop = h.tcp.own(gc.EventLoop())
	b := c.loop.batchers[c.port]
	if b == nil {
		b = h.tcp.batchers.newBatcher(c.source, ledger.TCP)
		c.loop.batchers[c.port] = b
	}
	c.stream.Attach(b)
	h.tcp.conns[c.connection] = gc
	if c.closing {
		return nil, gnet.Close
	}
	return nil, gnet.None
}

// own is what a loop has of its own. The caller holds tcpListener.mu.
func (t *tcpListener) own(l gnet.EventLoop) *ofLoop {
	of := t.byLoop[l]
	if of == nil {
		soon := func(f func()) { _ = l.Execute(context.Background(), task(f)) }
		of = &ofLoop{newPacer(t.pauses, soon), make(map[*tcpPort]*ingest.Batcher)}
		t.byLoop[l] = of
	}
	return of
}

// OnTraffic takes the bytes that were read from a connection.
func (h *tcpLoop) OnTraffic(gc gnet.Conn) gnet.Action {
	c, ok := gc.Context().(*tcpConn)
	if !ok { // the far end of a heartbeat is closed
		return gnet.Close
	}
	h.tcp.reading.Add(1)
	defer h.tcp.reading.Add(-1)
	p, _ := gc.Next(-1)
	if reason, refused := c.feed(p, c.loop.read(len(p), time.Now())); refused {
		h.tcp.connections.refuse(c.connection, reason)
		return gnet.Close
	}
	return gnet.None
}

// OnClose takes the end of a connection.
func (h *tcpLoop) OnClose(gc gnet.Conn, _ error) gnet.Action {
	c, ok := gc.Context().(*tcpConn)
	if !ok { // a heartbeat: only the end of its loop closes it
		if !h.tcp.ending.Load() {
			h.tcp.end.Do(func() { close(h.tcp.ended) })
		}
		return gnet.None
	}
	c.stream.Finish(time.Now())
	h.tcp.connections.leave(c.connection)
	h.tcp.mu.Lock()
	defer h.tcp.mu.Unlock()
	delete(h.tcp.conns, c.connection)
	return gnet.None
}

// giveUp implements owner: the connection's loop does it. The caller may be another loop.
func (t *tcpListener) giveUp(c *connection, all bool) {
	if all {
		t.entrance.giveUp(c)
	}
	t.mu.Lock()
	gc := t.conns[c]
	c.closing = c.closing || all // OnOpen checks it if the connection is not open yet
	t.mu.Unlock()
	if gc == nil {
		return
	}
	inLoop(gc, func() {
		if c.stream.GiveUp(time.Now()); all && !c.stream.Over() {
			t.readAndClose(gc, c)
		}
	})
	t.pauses.end()
}

// inLoop has the loop of a connection do something. It is not done if the loop has ended.
func inLoop(gc gnet.Conn, do task) { _ = gc.EventLoop().Execute(context.Background(), do) }

// task is executed by a loop.
type task func()

func (t task) Run(context.Context) error {
	t()
	return nil
}

// readAndClose closes a connection in its loop, after reading what it has brought.
func (t *tcpListener) readAndClose(gc gnet.Conn, c *connection) {
	t.reading.Add(1)
	defer t.reading.Add(-1)
	if n, err := unix.IoctlGetInt(gc.Fd(), unix.TIOCINQ); err == nil && n > 0 {
		buf := make([]byte, n)
		if n, err = unix.Read(gc.Fd(), buf); err == nil && n > 0 {
			_, _ = c.feed(buf[:n], time.Now()) // it is closed, whatever this is
		}
	}
	_ = gc.EventLoop().Close(gc)
}

// checkIdle closes connections that have been silent for their source's idle timeout, and
// delivers overdue partial messages. A connection that has bytes which we did not read,
// because its loop is blocked, is not silent.
func (t *tcpListener) checkIdle(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c, gc := range t.conns {
		if c.closing {
			continue
		}
		switch idle := c.stream.Idle(now); {
		case !idle && !c.stream.Overdue(now), unread(gc):
		case idle:
			c.closing = true
			_ = gc.Close()
		default:
			inLoop(gc, func() {
				if !c.stream.Over() && !unread(gc) {
					c.stream.DeliverOverdue(now)
				}
			})
		}
	}
}

// drain closes the ports, shuts down the connections for writing, and reads on
// until they have closed, fall silent, or ctx is done. What is unread when a connection is
// closed is lost: plain TCP syslog has no acknowledgement.
func (t *tcpListener) drain(ctx context.Context) error {
	var bound []*net.TCPListener
	for _, p := range t.ports {
		if p.listener != nil {
			bound = append(bound, p.listener)
		}
	}
	err := drainBacklog(bound, &t.accepting)
	t.entrance.drain()
	if t.client == nil {
		return err
	}
	t.pauses.forbid()
	t.mu.Lock()
	for _, gc := range t.conns {
		_ = unix.Shutdown(gc.Fd(), unix.SHUT_WR)
	}
	t.mu.Unlock()
	t.awaitQuiet(ctx)
	t.ending.Store(true)
	err = errors.Join(err, t.client.Stop())
	for _, h := range t.heartbeats {
		err = errors.Join(err, h.close())
	}
	return err
}

// awaitQuiet waits until the senders have closed, or were quiet for a number of checks: a
// machine that is too busy to run us is not quiet.
func (t *tcpListener) awaitQuiet(ctx context.Context) {
	const looks = 6
	tick := time.NewTicker(quiet / looks)
	defer tick.Stop()
	last := t.received()
	for still := 0; t.connections.open.Load() > 0 && still < looks; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		still++
		if n := t.received(); n != last || t.reading.Load() > 0 || t.anyUnread() {
			still, last = 0, n
		}
	}
}

// received counts what came in by TCP so far, to see whether something still does.
func (t *tcpListener) received() (n uint64) {
	for _, p := range t.ports {
		n += p.source.Account().ReceivedBy(ledger.TCP)
	}
	return n
}

// anyUnread reports whether a connection has bytes that its loop has not read yet.
func (t *tcpListener) anyUnread() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, gc := range t.conns {
		if unread(gc) {
			return true
		}
	}
	return false
}

// unread reports whether a connection has bytes that we did not read, or cannot say. The
// descriptor must be open. It is while the caller holds tcpListener.mu and finds the
// connection in conns, since OnClose comes before the descriptor is closed; and in the
// connection's loop until the stream is over.
func unread(gc gnet.Conn) bool {
	n, err := unix.IoctlGetInt(gc.Fd(), unix.TIOCINQ)
	return err != nil || n != 0
}
