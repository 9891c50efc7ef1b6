package udp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"syslog-gateway/internal/listener/inherit"
)

// Receiver takes what a loop reads from one port. It blocks under back-pressure.
type Receiver interface {
	// Begin starts a read: the datagrams that follow were received now.
	Begin(now time.Time)
	// Receive takes a datagram of the read; the bytes are valid until it returns.
	Receive(datagram []byte, from netip.Addr)
	// End ends a read.
	End()
}

// Port is a UDP port to listen on.
type Port struct {
	Source      string // whose port it is, for people
	Network     string // udp, udp4 or udp6
	Address     string // as net.ListenPacket takes it
	Number      int
	Buffer      int             // receive buffer of a socket that is wanted, bytes
	NewReceiver func() Receiver // makes one for each loop
}

// Options is what a Listener is built of.
type Options struct {
	Ports     []Port
	Loops     int              // event loops; each has a socket of each port
	Store     inherit.Store    // keeps the sockets open beyond this process; optional
	Inherited *inherit.Sockets // sockets of the process before; optional
	GiveUp    <-chan struct{}  // closed when Receivers no longer take anything
	Turned    func(loop int)   // called by a loop that Wake has woken
	// BindHint says what to do about an address that cannot be bound.
	BindHint func(address string, err error) string
	Logger   *slog.Logger
}

// Listener owns the UDP ports and their loops.
type Listener struct {
	o     Options
	ports []*group
	loops []*loop
	ended chan struct{} // closed when a loop has ended by itself
	end   sync.Once
	group sync.WaitGroup

	mu sync.Mutex // guards whether sockets are open
}

// New builds a listener. It opens nothing yet.
func New(o Options) *Listener {
	l := &Listener{o: o, ended: make(chan struct{})}
	for _, p := range o.Ports {
		l.ports = append(l.ports, &group{port: p})
	}
	return l
}

// Open binds all ports, or takes over their sockets, and starts the loops. Drain and Close
// give back what it has opened, also when it fails.
func (l *Listener) Open(ctx context.Context) error {
	if len(l.ports) == 0 {
		return nil
	}
	for _, g := range l.ports {
		if err := l.openPort(ctx, g); err != nil {
			return fmt.Errorf("source %s: %w", g.port.Source, err)
		}
	}
	for i := range l.o.Loops {
		one, err := newLoop(i, l.o, l.ports)
		if one != nil {
			l.loops = append(l.loops, one)
		}
		if err != nil {
			return fmt.Errorf("start a UDP event loop: %w", err)
		}
	}
	for _, one := range l.loops {
		l.group.Go(func() {
			if err := one.run(); err != nil {
				l.o.Logger.Error("a UDP event loop ended", "error", err)
				l.end.Do(func() { close(l.ended) })
			}
		})
	}
	return nil
}

func (l *Listener) openPort(ctx context.Context, g *group) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	g.adopt(l.o)
	if err := g.fill(ctx, l.o); err != nil {
		return err
	}
	if granted := g.granted(); granted < g.port.Buffer {
		l.o.Logger.Warn("the kernel granted a smaller UDP receive buffer; bursts may be lost",
			"source", g.port.Source, "wanted", g.port.Buffer, "granted", granted,
			"fix", fmt.Sprintf("sysctl -w net.core.rmem_max=%d", g.port.Buffer))
	}
	return nil
}

// Ended is closed when a loop has ended without being stopped.
func (l *Listener) Ended() <-chan struct{} { return l.ended }

// Loops is how many loops run.
func (l *Listener) Loops() int { return len(l.loops) }

// Wake has a loop call Turned, which shows that it turns.
func (l *Listener) Wake(loop int) { l.loops[loop].wake() }

// Socket is what is known of a socket.
type Socket struct {
	Received uint64 // datagrams that were read from it
	Drops    uint64 // datagrams that the kernel dropped because its receive buffer was full
	Granted  int    // its receive buffer, bytes
}

// Sockets returns the state of the sockets of the i-th port.
func (l *Listener) Sockets(i int) []Socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Socket
	for _, s := range l.ports[i].sockets {
		all = append(all, s.status())
	}
	return all
}

// Filled is the part of the fullest receive buffer that is in use.
func (l *Listener) Filled() (most float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.ports {
		for _, s := range g.sockets {
			if s.open {
				most = max(most, filled(s.fd))
			}
		}
	}
	return most
}

// Drain ends the loops and then takes what had already arrived. What comes later waits in
// the sockets for the next process if there is a Store; otherwise it is lost.
func (l *Listener) Drain() (err error) {
	for _, one := range l.loops {
		one.stop()
	}
	l.group.Wait()
	for _, g := range l.ports {
		for _, s := range g.sockets {
			if !s.open {
				continue
			}
			if s.receiver != nil { // nil: Open failed before its loop was made
				s.readRemaining(l.o.GiveUp)
			}
			switch {
			case l.o.Store == nil:
				err = errors.Join(err, l.closeSocket(s))
			case s.kept != "":
				err = errors.Join(err, l.rename(s))
			}
		}
	}
	for _, one := range l.loops {
		err = errors.Join(err, one.close())
	}
	return err
}

// Close closes the sockets that Drain keeps for the next process.
func (l *Listener) Close() (err error) {
	for _, g := range l.ports {
		for _, s := range g.sockets {
			err = errors.Join(err, l.closeSocket(s))
		}
	}
	return err
}

func (l *Listener) rename(s *socket) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return s.rename(l.o.Store)
}

func (l *Listener) closeSocket(s *socket) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return s.close()
}
