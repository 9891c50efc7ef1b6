package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/syslog"
	"syslog-gateway/internal/throttle"
)

const (
	// turnLimit is how many datagrams one port may take before the loop looks at
	// the others.
	turnLimit = 1024
	// coalesce is how long the loop lets datagrams gather once one is there. It is the
	// wake-ups that cost (docs/adr/0003); a receive buffer of 4 MiB holds some 20 ms of
	// 200,000 datagrams a second.
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
	rests   uint64 // how often the loop has rested; of the loop alone
	rest    bool   // every receive buffer is large enough to let datagrams gather
	keeper  Keeper
	before  *Inherited
	giveUp  <-chan struct{} // nobody takes a batch any more
	beat    *beat           // of the loop, once start is done

	booted     chan error
	stopped    chan struct{}
	inheriting sync.WaitGroup

	mu    sync.Mutex // guards what is said of the sockets
	noisy throttle.Throttle
}

// udpPort is one bound port.
type udpPort struct {
	source  *Source
	intake  *Intake
	known   knownSenders
	emptied uint64 // the loop's rests when it was last found empty
	network string
	address string // as gnet knows it

	inherited []*os.File // sockets of the process before
	kept      string     // name of our socket with the Keeper

	// guarded by udp.mu once the loop runs
	fd      int // duplicate of the socket, to ask the kernel about it; -1: none
	granted int // receive buffer, bytes
	drops   uint64
	before  uint64 // drops at the inherited socket that nobody has reported
}

func newUDP(l *Listener) *udp {
	u := &udp{
		log:     l.log,
		byFD:    make(map[int]*udpPort),
		booted:  make(chan error, 1),
		stopped: make(chan struct{}),
		keeper:  l.options.Keeper,
		before:  l.options.Inherited,
		giveUp:  l.options.Batching.Stop,
	}
	for _, s := range l.sources {
		if !s.has(ledger.UDP) {
			continue
		}
		p := &udpPort{
			source: s,
			intake: l.intake(s, ledger.UDP),
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
		p.inherited = u.before.take("udp", p.source)
		if len(p.inherited) == 0 { // else it is ours already
			if err := free(p.network, p.address); err != nil {
				close(u.stopped)
				return fmt.Errorf("source %s: %w", p.source.Name(), err)
			}
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
			gnet.WithTicker(true),
			gnet.WithLogger(gnetLogger{u.log}))
		if err != nil {
			u.log.Error("the UDP event loop ended", "error", err)
		}
		select {
		case u.booted <- fmt.Errorf("listen on UDP: %w", err):
		default:
		}
	}()
	err := <-u.booted
	if err == nil {
		u.takeOver()
	}
	return err
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
	return gnet.None
}

// OnTick runs beside the loop. The first one finds the loop turning: start is done.
func (u *udp) OnTick() (time.Duration, gnet.Action) {
	if u.beat == nil {
		var err error
		if u.beat, err = registerBeat(u.engine); err != nil {
			err = fmt.Errorf("start the UDP event loop: %w", err)
		}
		u.booted <- err
	}
	return time.Hour, gnet.None
}

// OnTraffic runs in the loop when a port has a datagram, which gnet has read; the
// others that wait there are drained at once.
func (u *udp) OnTraffic(c gnet.Conn) gnet.Action {
	p := u.port(c)
	if p == nil { // cannot be; and if it is, it must be seen
		if ready(&u.noisy) {
			u.log.Error("a datagram at a socket of no source", "address", c.LocalAddr())
		}
		return gnet.None
	}
	first, _ := c.Next(-1)
	now := u.gather(p)
	p.intake.begin(now)
	defer p.intake.end()
	if addr, ok := c.RemoteAddr().(*net.UDPAddr); ok {
		ip, _ := netip.AddrFromSlice(addr.IP)
		p.datagram(&p.known, first, ip.Unmap())
	}
	for taken := 0; taken < turnLimit; {
		n, err := u.drainer.receive(c.Fd())
		if err != nil {
			if ready(&u.noisy) {
				u.log.Error("receive UDP", "source", p.source.Name(), "error", err)
			}
			break
		}
		for i := range n {
			msg, from := u.drainer.datagram(i)
			p.datagram(&p.known, msg, from)
		}
		taken += n
		if n < datagrams {
			p.emptied = u.rests
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

// gather returns the receive time. When the port was found empty since the last rest,
// the loop rests before, so that datagrams come together. A rest is for all ports, and
// none that was read empty is read again before the next (docs/adr/0007).
func (u *udp) gather(p *udpPort) time.Time {
	if u.rest && p.emptied == u.rests {
		ts := unix.NsecToTimespec(int64(coalesce))
		_ = unix.Nanosleep(&ts, nil)
		u.rests++
	}
	return time.Now()
}

// datagram takes one datagram, which may hold several messages.
func (p *udpPort) datagram(c *knownSenders, d []byte, from netip.Addr) {
	s := c.of(from)
	for {
		msg, rest := syslog.Datagram(d)
		p.intake.message(s, msg, false, false)
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
	return p.before + p.drops, p.granted
}

// stop ends the loop and then takes what had already arrived. What comes later waits
// in the socket for the next process when a Keeper holds it; nobody reads it otherwise.
func (u *udp) stop() error {
	select {
	case <-u.stopped: // it never ran, or ended by itself
	default:
		now, cancel := context.WithCancel(context.Background())
		cancel() // do not wait in there: it looks every 500 ms
		_ = u.engine.Stop(now)
		<-u.stopped
	}
	u.inheriting.Wait()
	var err error
	if u.beat != nil {
		err = u.beat.close()
	}
	for _, p := range u.ports {
		if p.fd < 0 {
			continue
		}
		u.last(p)
		drops, _ := u.kernel(p)
		if u.keeper == nil {
			err = errors.Join(err, u.close(p))
		} else if p.kept != "" {
			err = errors.Join(err, u.keepAs(p, withDrops(p.kept, drops-p.before)))
		}
	}
	return err
}

// keepAs renames a socket with the Keeper, who takes no socket twice.
func (u *udp) keepAs(p *udpPort, name string) error {
	if err := u.keeper.Forget(p.kept); err != nil {
		return err
	}
	p.kept = name
	return u.keeper.Keep(name, p.fd)
}

// release closes the sockets that stop has left to the next process.
func (u *udp) release() (err error) {
	for _, p := range u.ports {
		if p.fd >= 0 {
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
func (u *udp) last(p *udpPort) {
	const smallest = 512 // bytes that the kernel accounts for a datagram, at least
	for left := 2 * p.granted / smallest; left > 0; {
		select {
		case <-u.giveUp:
			return
		default:
		}
		n := u.turn(u.drainer, p, p.fd, &p.known)
		if n == 0 {
			return
		}
		left -= n
	}
}

// turn takes what waits at a socket, at most as much as one call takes.
func (u *udp) turn(d *drainer, p *udpPort, fd int, s *knownSenders) int {
	n, err := d.receive(fd)
	if err != nil || n == 0 {
		return 0
	}
	p.intake.begin(time.Now())
	defer p.intake.end()
	for i := range n {
		msg, from := d.datagram(i)
		p.datagram(s, msg, from)
	}
	return n
}

// free reports an error when somebody holds the UDP port. gnet binds with
// SO_REUSEPORT, which never fails between processes of one user and would silently
// share the traffic.
func free(network, address string) error {
	c, err := net.ListenPacket(network, address)
	if err != nil {
		return fmt.Errorf("listen on UDP: %w; %s", err, bindHint("udp", address, err))
	}
	return c.Close()
}
