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

	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/listener/inherit"
	"syslog-gateway/internal/throttle"
)

const (
	// readLimit is how many datagrams one port may take before the loop reads the
	// others.
	readLimit = 1024
	// coalesceTime is how long the loop lets datagrams accumulate once one is there. Each
	// wake-up costs (docs/adr/0003); a receive buffer of 4 MiB holds some 20 ms of 200,000
	// datagrams a second.
	coalesceTime = 2 * time.Millisecond
	// smallBuffer is the receive buffer in bytes below which the loop does not wait for
	// datagrams to accumulate.
	smallBuffer = 1 << 20
)

// udpListener is the gnet engine of all UDP ports: one loop.
type udpListener struct {
	gnet.BuiltinEventEngine
	log       *slog.Logger
	store     inherit.Store    // optional
	inherited *inherit.Sockets // optional
	giveUp    <-chan struct{}  // closed when batches are no longer taken
	ports     []*udpPort
	engine    gnet.Engine
	heartbeat *heartbeat // of the loop, once open is done

	// Only the loop uses these.
	byFD      map[int]*udpPort
	drainer   *drainer
	pauses    uint64 // how often the loop has paused to let datagrams accumulate
	coalesces bool   // every receive buffer is large enough for that

	booted     chan error
	stopped    chan struct{} // closed when the loop has ended, or there is none
	inheriting sync.WaitGroup

	mu       sync.Mutex // guards what ports say of their sockets
	troubles throttle.Throttle
}

// udpPort is one bound port.
type udpPort struct {
	source         *source
	batcher        *ingest.Batcher
	datagrams      *ingest.Datagrams
	lastEmptyPause uint64 // the loop's pauses when the port was last found empty
	network        string
	address        string // as gnet knows it

	inherited []*os.File // sockets of the process before
	kept      string     // name of our socket in the Store

	// udpListener.mu guards these once the loop runs.
	fd      int // duplicate of the socket, to ask the kernel about it; -1: none
	granted int // receive buffer, bytes
	drops   uint64
	before  uint64 // drops at the inherited socket that are not reported yet
}

func newUDPListener(o Options, sources []*source, b *batchers) *udpListener {
	u := &udpListener{
		log:       o.Logger,
		store:     o.Store,
		inherited: o.Inherited,
		giveUp:    o.Ingest.Stop,
		byFD:      make(map[int]*udpPort),
		booted:    make(chan error, 1),
		stopped:   make(chan struct{}),
	}
	for _, s := range sources {
		if !s.has(ledger.UDP) {
			continue
		}
		p := &udpPort{source: s, batcher: b.newBatcher(s, ledger.UDP), fd: -1}
		p.datagrams = ingest.NewDatagrams(s.Source, p.batcher)
		p.network, p.address = s.bind("udp")
		u.ports = append(u.ports, p)
	}
	return u
}

// open binds all ports and starts the loop.
func (u *udpListener) open(ctx context.Context) error {
	if len(u.ports) == 0 {
		close(u.stopped)
		return nil
	}
	u.drainer = newDrainer()
	var addresses []string
	for _, p := range u.ports {
		p.inherited = u.inherited.Take(p.network, p.address)
		if len(p.inherited) == 0 { // otherwise it is ours already
			if err := checkFree(ctx, p.network, p.address); err != nil {
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
func (u *udpListener) OnBoot(e gnet.Engine) gnet.Action {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.engine = e
	u.coalesces = true
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
		u.coalesces = u.coalesces && p.granted >= smallBuffer
	}
	return gnet.None
}

// OnTick runs beside the loop. The first one finds the loop turning: open is done.
func (u *udpListener) OnTick() (time.Duration, gnet.Action) {
	if u.heartbeat == nil {
		var err error
		if u.heartbeat, err = registerHeartbeat(u.engine); err != nil {
			err = fmt.Errorf("start the UDP event loop: %w", err)
		}
		u.booted <- err
	}
	return time.Hour, gnet.None
}

// OnTraffic runs in the loop when a port has a datagram, which gnet has read. It reads at
// once what else waits there.
func (u *udpListener) OnTraffic(c gnet.Conn) gnet.Action {
	p := u.port(c)
	if p == nil { // cannot be; and if it is, it must be seen
		if ready(&u.troubles) {
			u.log.Error("a datagram at a socket of no source", "address", c.LocalAddr())
		}
		return gnet.None
	}
	first, _ := c.Next(-1)
	u.coalesce(p)
	p.datagrams.Begin(time.Now())
	defer p.datagrams.End()
	if addr, ok := c.RemoteAddr().(*net.UDPAddr); ok {
		ip, _ := netip.AddrFromSlice(addr.IP)
		p.datagrams.Receive(first, ip.Unmap())
	}
	for taken := 0; taken < readLimit; {
		n, err := u.drainer.receive(c.Fd())
		if err != nil {
			if ready(&u.troubles) {
				u.log.Error("receive UDP", "source", p.source.Name(), "error", err)
			}
			break
		}
		for i := range n {
			msg, from := u.drainer.datagram(i)
			p.datagrams.Receive(msg, from)
		}
		taken += n
		if n < datagrams {
			p.lastEmptyPause = u.pauses
			break
		}
	}
	return gnet.None
}

// port finds the port of a connection by its descriptor, which gnet never changes.
func (u *udpListener) port(c gnet.Conn) *udpPort {
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

// coalesce sleeps for 2 ms if the port was found empty since the last sleep, so that
// datagrams accumulate. One sleep serves all ports; a port that was found empty is not
// read again before the next one (docs/adr/0007).
func (u *udpListener) coalesce(p *udpPort) {
	if u.coalesces && p.lastEmptyPause == u.pauses {
		ts := unix.NsecToTimespec(int64(coalesceTime))
		_ = unix.Nanosleep(&ts, nil)
		u.pauses++
	}
}

// kernel returns what the kernel has dropped at a port and the receive buffer that it
// granted, in bytes.
func (u *udpListener) kernel(p *udpPort) (drops uint64, granted int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if p.fd >= 0 {
		if n, err := kernelDrops(p.fd); err == nil {
			p.drops = n
		}
	}
	return p.before + p.drops, p.granted
}

// filled is the part of the fullest receive buffer that is in use.
func (u *udpListener) filled() (most float64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, p := range u.ports {
		if p.fd >= 0 {
			most = max(most, filled(p.fd))
		}
	}
	return most
}

// ended is closed when the loop has ended, never when there is none.
func (u *udpListener) ended() <-chan struct{} {
	if len(u.ports) == 0 {
		return nil
	}
	return u.stopped
}

// drain ends the loop and then takes what had already arrived. What comes later waits in
// the socket for the next process if there is a Store; otherwise it is lost.
func (u *udpListener) drain() error {
	select {
	case <-u.stopped: // it never ran, or ended by itself
	default:
		now, cancel := context.WithCancel(context.Background())
		cancel() // do not wait in there: it polls every 500 ms
		_ = u.engine.Stop(now)
		<-u.stopped
	}
	u.inheriting.Wait()
	var err error
	if u.heartbeat != nil {
		err = u.heartbeat.close()
	}
	for _, p := range u.ports {
		if p.fd < 0 {
			continue
		}
		u.readRemaining(p)
		drops, _ := u.kernel(p)
		if u.store == nil {
			err = errors.Join(err, u.closePort(p))
		} else if p.kept != "" {
			err = errors.Join(err, u.rename(p, inherit.WithDrops(p.kept, drops-p.before)))
		}
	}
	return err
}

// readRemaining reads a port whose loop has ended, through the duplicated descriptor. That
// keeps the port bound, so readRemaining takes no more than the receive buffer can contain.
func (u *udpListener) readRemaining(p *udpPort) {
	const smallest = 512 // bytes that the kernel accounts for a datagram, at least
	for remaining := 2 * p.granted / smallest; remaining > 0; {
		select {
		case <-u.giveUp:
			return
		default:
		}
		n := readOnce(u.drainer, p.fd, p.datagrams)
		if n == 0 {
			return
		}
		remaining -= n
	}
}

// readOnce takes what waits at a socket, at most as much as one call takes.
func readOnce(d *drainer, fd int, to *ingest.Datagrams) int {
	n, err := d.receive(fd)
	if err != nil || n == 0 {
		return 0
	}
	to.Begin(time.Now())
	defer to.End()
	for i := range n {
		msg, from := d.datagram(i)
		to.Receive(msg, from)
	}
	return n
}

// close closes the sockets that drain keeps for the next process.
func (u *udpListener) close() (err error) {
	for _, p := range u.ports {
		if p.fd >= 0 {
			err = errors.Join(err, u.closePort(p))
		}
	}
	return err
}

func (u *udpListener) closePort(p *udpPort) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	fd := p.fd
	p.fd = -1
	return unix.Close(fd)
}
