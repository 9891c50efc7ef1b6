package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/syslog"
)

const (
	// turnLimit is how many datagrams one port may take before the loop looks at
	// the others.
	turnLimit = 1024
	// coalesce is how long the loop lets datagrams gather once one is there. At
	// moderate rates it is the wake-ups that cost (docs/adr/0003); a receive buffer
	// of 4 MiB holds some 20 ms of 200,000 datagrams a second.
	coalesce = 2 * time.Millisecond
	// smallBuffer is the receive buffer below which nothing is left to gather.
	smallBuffer = 1 << 20
)

// udp is the gnet engine of all UDP ports: one loop.
type udp struct {
	gnet.BuiltinEventEngine
	log     *slog.Logger
	engine  gnet.Engine
	ports   []*udpPort
	byFD    map[int]*udpPort // of the loop alone
	drainer *drainer
	rested  time.Time
	rest    bool // every receive buffer is large enough to let datagrams gather

	booted  chan error
	stopped chan struct{}

	mu    sync.Mutex // guards what is said of the sockets
	noisy rarely
}

// udpPort is one bound port.
type udpPort struct {
	source  *Source
	intake  *Intake
	known   knownSenders
	network string
	address string // as gnet knows it

	// guarded by udp.mu once the loop runs
	fd      int // duplicate of the socket, to ask the kernel about it; -1: none
	granted int // receive buffer, bytes
	drops   uint64
}

func newUDP(l *Listener) *udp {
	u := &udp{
		log:     l.log,
		byFD:    make(map[int]*udpPort),
		booted:  make(chan error, 1),
		stopped: make(chan struct{}),
		noisy:   rarely{every: 10 * time.Second},
	}
	for _, s := range l.sources {
		if !s.has(event.UDP) {
			continue
		}
		p := &udpPort{
			source: s,
			intake: l.intake(s, event.UDP),
			known:  knownSenders{source: s, by: make(map[netip.Addr]*sender)},
			fd:     -1,
		}
		p.network, p.address = s.bind("udp")
		u.ports = append(u.ports, p)
	}
	return u
}

// start binds all ports and starts the loop.
func (u *udp) start() error {
	if len(u.ports) == 0 {
		close(u.stopped)
		return nil
	}
	u.drainer = newDrainer()
	var addresses []string
	for _, p := range u.ports {
		if err := free(p.network, p.address); err != nil {
			close(u.stopped)
			return fmt.Errorf("source %s: %w", p.source.Name(), err)
		}
		addresses = append(addresses, p.network+"://"+p.address)
	}
	go func() {
		defer close(u.stopped)
		err := gnet.Rotate(u, addresses,
			gnet.WithNumEventLoop(1),
			gnet.WithReusePort(true),
			gnet.WithReuseAddr(true),
			gnet.WithReadBufferCap(maxDatagram),
			gnet.WithLogger(gnetLogger{u.log}))
		if err != nil {
			u.log.Error("the UDP event loop ended", "error", err)
		}
		select {
		case u.booted <- fmt.Errorf("listen on UDP: %w", err):
		default:
		}
	}()
	return <-u.booted
}

// OnBoot runs when all ports are bound and before the loop starts.
func (u *udp) OnBoot(e gnet.Engine) gnet.Action {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.engine = e
	u.rest = true
	for _, p := range u.ports {
		fd, err := e.DupListener("udp", p.address)
		if err == nil {
			p.fd = fd
			p.granted, err = setReceiveBuffer(fd, p.source.options.ReceiveBuffer)
		}
		if err != nil {
			u.booted <- fmt.Errorf("source %s: UDP socket %s: %w", p.source.Name(), p.address, err)
			return gnet.Shutdown
		}
		if want := p.source.options.ReceiveBuffer; p.granted < want {
			u.log.Warn("the kernel granted a smaller UDP receive buffer; bursts may be lost",
				"source", p.source.Name(), "wanted", want, "granted", p.granted,
				"fix", fmt.Sprintf("sysctl -w net.core.rmem_max=%d", want))
		}
		u.rest = u.rest && p.granted >= smallBuffer
	}
	u.booted <- nil
	return gnet.None
}

// OnTraffic runs in the loop when a port has a datagram, which gnet has read; the
// others that wait there are drained at once.
func (u *udp) OnTraffic(c gnet.Conn) gnet.Action {
	p := u.port(c)
	if p == nil { // can not be; and if it is, it must be seen
		if u.noisy.now() {
			u.log.Error("a datagram at a socket of no source", "address", c.LocalAddr())
		}
		return gnet.None
	}
	first, _ := c.Next(-1)
	now := u.gather()
	p.intake.begin(now)
	defer p.intake.end()
	if addr, ok := c.RemoteAddr().(*net.UDPAddr); ok {
		ip, _ := netip.AddrFromSlice(addr.IP)
		p.datagram(first, ip.Unmap())
	}
	for taken := 0; taken < turnLimit; {
		n, err := u.drainer.receive(c.Fd())
		if err != nil {
			if u.noisy.now() {
				u.log.Error("receive UDP", "source", p.source.Name(), "error", err)
			}
			break
		}
		for i := range n {
			p.datagram(u.drainer.datagram(i))
		}
		taken += n
		if n < datagrams {
			break
		}
	}
	return gnet.None
}

// port finds the port of a connection by its descriptor, which gnet never changes.
func (u *udp) port(c gnet.Conn) *udpPort {
	if p := u.byFD[c.Fd()]; p != nil {
		return p
	}
	local, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil
	}
	bound, _ := netip.AddrFromSlice(local.IP) // invalid: all addresses
	for _, p := range u.ports {
		wanted, _ := netip.ParseAddr(p.source.options.Address)
		any := !wanted.IsValid() || wanted.IsUnspecified()
		if p.source.options.Port == local.Port && (any || wanted.Unmap() == bound.Unmap()) {
			u.byFD[c.Fd()] = p
			return p
		}
	}
	return nil
}

// gather lets datagrams come together for a moment, at most once in that time for
// all ports, and returns the receive time.
func (u *udp) gather() time.Time {
	now := time.Now()
	if !u.rest || now.Sub(u.rested) < coalesce {
		return now
	}
	ts := unix.NsecToTimespec(int64(coalesce))
	_ = unix.Nanosleep(&ts, nil)
	now = time.Now()
	u.rested = now
	return now
}

// datagram takes one datagram, which may hold several messages.
func (p *udpPort) datagram(d []byte, from netip.Addr) {
	s := p.known.of(from)
	for {
		msg, rest := syslog.Datagram(d)
		p.intake.message(s, msg, false)
		if len(rest) == 0 {
			return
		}
		d = rest
	}
}

// kernel returns what the kernel has dropped at a port and the receive buffer that
// it granted, in bytes.
func (u *udp) kernel(p *udpPort) (drops uint64, granted int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if p.fd >= 0 {
		if n, err := kernelDrops(p.fd); err == nil {
			p.drops = n
		}
	}
	return p.drops, p.granted
}

// stop ends the loop and then takes what had already arrived.
func (u *udp) stop(ctx context.Context) error {
	select {
	case <-u.stopped: // it never ran, or ended by itself
	default:
		now, cancel := context.WithCancel(ctx)
		cancel() // do not wait in there: it looks every 500 ms
		_ = u.engine.Stop(now)
		<-u.stopped
	}
	var err error
	for _, p := range u.ports {
		if p.fd >= 0 {
			u.last(ctx, p)
			u.kernel(p)
			err = errors.Join(err, u.close(p))
		}
	}
	return err
}

func (u *udp) close(p *udpPort) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	fd := p.fd
	p.fd = -1
	return unix.Close(fd)
}

// last drains a port whose loop has ended, through the duplicated descriptor. That
// keeps the port bound, so it takes no more than the receive buffer can have held.
func (u *udp) last(ctx context.Context, p *udpPort) {
	const smallest = 512 // bytes that the kernel accounts for a datagram, at least
	p.intake.begin(time.Now())
	defer p.intake.end()
	for left := 2 * p.granted / smallest; left > 0 && ctx.Err() == nil; {
		n, err := u.drainer.receive(p.fd)
		if n == 0 || err != nil {
			return
		}
		for i := range n {
			p.datagram(u.drainer.datagram(i))
		}
		left -= n
	}
}

// free reports an error when somebody holds the UDP port. gnet binds with
// SO_REUSEPORT, which never fails between processes of one user and would silently
// share the traffic.
func free(network, address string) error {
	c, err := net.ListenPacket(network, address)
	if err != nil {
		return fmt.Errorf("the UDP port is taken, or the address is not ours: %w", err)
	}
	return c.Close()
}
