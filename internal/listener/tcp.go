package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/throttle"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

const (
	// readBuffer is how much a loop reads from a connection at once.
	readBuffer = 256 << 10
	// acceptPause is how long accepting rests when there are no descriptors left.
	acceptPause = 50 * time.Millisecond
	// quiet is how long no connection may bring anything before a stop believes
	// that the senders have nothing more on the way.
	quiet = 300 * time.Millisecond
)

// tcp accepts plain TCP connections and reads them in gnet event loops.
type tcp struct {
	gnet.BuiltinEventEngine
	log     *slog.Logger
	client  *gnet.Client
	ports   []*tcpPort
	loops   int
	hoard   *hoard
	limit   int64 // connections of all sources together
	most    int64 // the same, with those that have yet to close
	open    atomic.Int64
	turns   atomic.Int64 // reads that are being worked on, or blocked
	noisy   throttle.Throttle
	started bool
	keeper  Keeper
	before  *Inherited
	beats   []*beat
	ended   chan struct{} // closed when a loop has ended that nobody stopped
	ending  atomic.Bool
	end     sync.Once

	accepting sync.WaitGroup
	mu        sync.Mutex
	conns     map[*stream]gnet.Conn
}

// tcpPort is one listening port. A connection belongs to the intake of its loop, so
// that loops never wait for one another.
type tcpPort struct {
	source   *Source
	listener *net.TCPListener
	intakes  map[gnet.EventLoop]*Intake
}

func newTCP(l *Listener) *tcp {
	t := &tcp{
		log:    l.log,
		loops:  l.options.Loops,
		hoard:  newHoard(l.log),
		limit:  descriptorLimit() * 9 / 10,
		most:   descriptorLimit() * 19 / 20,
		conns:  make(map[*stream]gnet.Conn),
		keeper: l.options.Keeper,
		before: l.options.Inherited,
		ended:  make(chan struct{}),
	}
	for _, s := range l.sources {
		if s.has(ledger.TCP) {
			t.ports = append(t.ports, &tcpPort{source: s, intakes: make(map[gnet.EventLoop]*Intake)})
		}
	}
	return t
}

// start binds all ports and starts the loops.
func (t *tcp) start(l *Listener) error {
	if len(t.ports) == 0 {
		return nil
	}
	var err error
	t.client, err = gnet.NewClient(&tcpLoop{tcp: t, listener: l},
		gnet.WithNumEventLoop(t.loops),
		gnet.WithReadBufferCap(readBuffer),
		gnet.WithTCPKeepAlive(2*time.Minute),
		gnet.WithLogger(gnetLogger{t.log}))
	if err == nil {
		err = t.client.Start()
	}
	if err != nil {
		return fmt.Errorf("start the TCP event loops: %w", err)
	}
	t.started = true
	for range t.loops { // each goes to the loop with the fewest connections
		b, err := enrolBeat(t.client)
		if err != nil {
			return fmt.Errorf("start the TCP event loops: %w", err)
		}
		t.beats = append(t.beats, b)
	}
	for _, p := range t.ports {
		if p.listener, err = t.listen(p.source); err != nil {
			return err
		}
	}
	for _, p := range t.ports {
		t.accepting.Go(func() { t.accept(p.listener, p.source, func(c *net.TCPConn) { t.enrol(p, c) }) })
	}
	return nil
}

// pause rests in accept, which has nothing to select on.
func pause(d time.Duration) { <-time.After(d) }

func (t *tcp) enrol(p *tcpPort, c *net.TCPConn) {
	st := newStream(p.source, ledger.TCP, nil, peerOf(c), t.hoard)
	st.order = func(all bool) { t.order(st, all) }
	if reason := t.admit(st); reason != "" {
		t.refuse(p.source, st.peer, reason)
		_ = c.Close()
		return
	}
	_, err := t.client.EnrollContext(c, &tcpConn{port: p, stream: st})
	if err == nil && st.intake == nil { // epoll did not take it, and gnet does not say so
		err = errors.New("the event loop did not take it")
	}
	if err != nil {
		t.leave(st)
		p.source.reject(rejectDescriptors)
		if ready(&t.noisy) {
			t.log.Error("take over a TCP connection", "source", p.source.Name(), "error", err)
		}
	}
}

// admit counts a new connection in, among all and in its source, or says why it may
// not come. Where there is no room, another one is asked to close.
func (t *tcp) admit(st *stream) (reason string) {
	switch {
	case !st.source.settings().allows(st.peer):
		return rejectNotAllowed
	case t.open.Load() >= t.most:
		return rejectDescriptors
	}
	t.open.Add(1)
	st.source.conns[st.transport].Add(1)
	t.hoard.enter(st, t.limit)
	return ""
}

// leave counts a connection out.
func (t *tcp) leave(st *stream) {
	t.hoard.leave(st)
	st.source.conns[st.transport].Add(-1)
	t.open.Add(-1)
}

// order has the loop of a connection deliver its tail, and when all is true close it.
// Whoever gives the order may stand in another loop.
func (t *tcp) order(st *stream, all bool) {
	t.mu.Lock()
	c := t.conns[st]
	st.closing = st.closing || all // one that is not open yet sees it then
	t.mu.Unlock()
	if c == nil {
		return
	}
	t.errand(c, func() {
		if st.yield(time.Now()); all && !st.over {
			t.drainAndClose(c, st)
		}
	})
}

// errand has the loop of a connection do something. It is not done when the loop is no
// more.
func (t *tcp) errand(c gnet.Conn, do errand) {
	_ = c.EventLoop().Execute(context.Background(), do)
}

// errand is executed by a loop.
type errand func()

func (e errand) Run(context.Context) error {
	e()
	return nil
}

// drainAndClose closes a connection in its loop, after what it has brought was read.
func (t *tcp) drainAndClose(c gnet.Conn, st *stream) {
	t.turns.Add(1)
	defer t.turns.Add(-1)
	if n, err := unix.IoctlGetInt(c.Fd(), unix.TIOCINQ); err == nil && n > 0 {
		buf := make([]byte, n)
		if n, err = unix.Read(c.Fd(), buf); err == nil && n > 0 {
			_ = st.feed(buf[:n], time.Now()) // it is closed, whatever it is
		}
	}
	_ = c.EventLoop().Close(c)
}

func (t *tcp) refuse(s *Source, peer netip.Addr, reason string) {
	s.reject(reason)
	if ready(&t.noisy) {
		t.log.Warn("connection closed", "source", s.Name(), "peer", peer, "reason", reason)
	}
}

func peerOf(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		ip, _ := netip.AddrFromSlice(a.IP)
		return ip.Unmap()
	}
	return netip.IPv6Unspecified()
}

// tcpConn is the context of a connection.
type tcpConn struct {
	port   *tcpPort
	stream *stream
}

// tcpLoop handles the events of all loops.
type tcpLoop struct {
	gnet.BuiltinEventEngine
	tcp      *tcp
	listener *Listener
}

// OnOpen gives the connection the intake of its loop.
func (h *tcpLoop) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	x, ok := c.Context().(*tcpConn)
	if !ok { // a beat
		return nil, gnet.None
	}
	h.tcp.mu.Lock()
	defer h.tcp.mu.Unlock()
	in := x.port.intakes[c.EventLoop()]
	if in == nil {
		in = h.listener.intake(x.port.source, ledger.TCP)
		x.port.intakes[c.EventLoop()] = in
	}
	x.stream.intake = in
	h.tcp.conns[x.stream] = c
	if x.stream.closing {
		return nil, gnet.Close
	}
	return nil, gnet.None
}

// OnTraffic takes what was read from a connection.
func (h *tcpLoop) OnTraffic(c gnet.Conn) gnet.Action {
	x, ok := c.Context().(*tcpConn)
	if !ok { // the far end of a beat is closed
		return gnet.Close
	}
	h.tcp.turns.Add(1)
	defer h.tcp.turns.Add(-1)
	p, _ := c.Next(-1)
	if reason := x.stream.feed(p, time.Now()); reason != "" {
		h.tcp.refuse(x.port.source, x.stream.peer, reason)
		return gnet.Close
	}
	return gnet.None
}

// OnClose takes the end of a connection.
func (h *tcpLoop) OnClose(c gnet.Conn, _ error) gnet.Action {
	x, ok := c.Context().(*tcpConn)
	if !ok { // a beat: only the end of its loop closes it
		if !h.tcp.ending.Load() {
			h.tcp.end.Do(func() { close(h.tcp.ended) })
		}
		return gnet.None
	}
	x.stream.finish(time.Now())
	h.tcp.leave(x.stream)
	h.tcp.mu.Lock()
	defer h.tcp.mu.Unlock()
	delete(h.tcp.conns, x.stream)
	return gnet.None
}

// look finds the connections that have been silent: for their source's idle timeout,
// and they are closed, or within a message, and that is delivered. One that has bytes
// which we did not read, because the loop is blocked, is not silent.
func (t *tcp) look(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for st, c := range t.conns {
		if st.closing {
			continue
		}
		switch idle := st.idle(now); {
		case !idle && !st.rested(now), waits(c):
		case idle:
			st.closing = true
			_ = c.Close()
		default:
			t.errand(c, func() {
				if !st.over && !waits(c) {
					st.rest(now)
				}
			})
		}
	}
}

// stop closes the ports, tells the senders that nothing more is wanted, and reads on
// until they have closed, fall silent, or ctx is done: what is unread when a
// connection is closed is lost, plain TCP syslog has no acknowledgement.
func (t *tcp) stop(ctx context.Context) error {
	var open []*net.TCPListener
	for _, p := range t.ports {
		if p.listener != nil {
			open = append(open, p.listener)
		}
	}
	err := lastCall(open, &t.accepting)
	if !t.started {
		return err
	}
	t.mu.Lock()
	for _, c := range t.conns {
		_ = unix.Shutdown(c.Fd(), unix.SHUT_WR)
	}
	t.mu.Unlock()
	t.drain(ctx)
	t.ending.Store(true)
	err = errors.Join(err, t.client.Stop())
	for _, b := range t.beats {
		err = errors.Join(err, b.close())
	}
	return err
}

// drain waits until the senders have closed, or were quiet for a number of looks: a
// machine that is too busy to run us is not quiet.
func (t *tcp) drain(ctx context.Context) {
	const looks = 6
	tick := time.NewTicker(quiet / looks)
	defer tick.Stop()
	last := t.received()
	for still := 0; t.open.Load() > 0 && still < looks; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		still++
		if n := t.received(); n != last || t.turns.Load() > 0 || t.unread() {
			still, last = 0, n
		}
	}
}

// unread reports whether a connection has bytes that its loop has not come to yet.
func (t *tcp) unread() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.conns {
		if waits(c) {
			return true
		}
	}
	return false
}

// waits reports whether a connection has bytes that we did not read, or can't say.
// Whoever calls it holds tcp.mu and knows the connection by tcp.conns, since OnClose
// comes before the descriptor is closed; or he is its loop and it has not ended.
func waits(c gnet.Conn) bool {
	n, err := unix.IoctlGetInt(c.Fd(), unix.TIOCINQ)
	return err != nil || n != 0
}

// received counts what came in by TCP so far, to see whether something still does.
func (t *tcp) received() (n uint64) {
	for _, p := range t.ports {
		n += p.source.account.ReceivedBy(ledger.TCP)
	}
	return n
}

// descriptorLimit is how many files the process may have open.
func descriptorLimit() int64 {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 1024
	}
	return int64(min(r.Cur, 1<<30))
}

// alarmEvery is how often one kind of trouble of a port may be logged.
const alarmEvery = 10 * time.Second

// ready reports whether a line may be logged now.
func ready(t *throttle.Throttle) bool {
	_, ok := t.Ready(time.Now(), alarmEvery)
	return ok
}
