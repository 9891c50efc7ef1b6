package listener

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/listener/inherit"
	"syslog-gateway/internal/listener/udp"
)

// Options is what the listener is built of.
type Options struct {
	Sources    []SourceOptions
	Ingest     ingest.Options
	TCPLoops   int              // event loops of connections; 0 is one for every four processors
	UDPLoops   int              // event loops of datagrams, and sockets of each UDP port; 0 likewise
	Store      inherit.Store    // keeps the sockets open beyond this process; optional
	Inherited  *inherit.Sockets // sockets of the previous process; optional
	Ledger     *ledger.Ledger
	Logger     *slog.Logger // optional
	Registerer prometheus.Registerer
}

// Listener owns the sockets of all sources.
type Listener struct {
	inherited *inherit.Sockets
	sources   []*source
	batchers  *batchers
	udp       *udp.Listener
	udpBeats  []*heartbeat // of the loops of udp
	tcp       *tcpListener
	served    *servedListener
	serving   atomic.Bool
}

// New builds a listener. It opens nothing yet.
func New(o Options) (*Listener, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.TCPLoops = cmp.Or(o.TCPLoops, defaultLoops())
	o.UDPLoops = cmp.Or(o.UDPLoops, defaultLoops())
	l := &Listener{inherited: o.Inherited, batchers: &batchers{options: o.Ingest}}
	for _, so := range o.Sources {
		if so.Settings.Parser == nil || so.Settings.Profile == nil || so.Settings.Location == nil {
			return nil, fmt.Errorf("source %s: parser, profile and location are required", so.Name)
		}
		l.sources = append(l.sources, newSource(so, o.Ledger))
	}
	connections := newConnections(o.Logger)
	l.udp = l.newUDP(o)
	l.tcp = newTCPListener(o, l.sources, l.batchers, connections)
	l.served = newServedListener(o, l.sources, l.batchers, connections)
	if o.Registerer != nil {
		if err := o.Registerer.Register(newCollector(l)); err != nil {
			return nil, fmt.Errorf("register the listener's metrics: %w", err)
		}
	}
	return l, nil
}

// Source returns the source with a name, nil if there is none.
func (l *Listener) Source(name string) *ingest.Source {
	for _, s := range l.sources {
		if s.Name() == name {
			return s.Source
		}
	}
	return nil
}

// Open binds all ports and begins to receive. Drain and Close give back what it has
// opened, also when it fails.
func (l *Listener) Open(ctx context.Context) error {
	if err := l.udp.Open(ctx); err != nil {
		return err
	}
	if err := l.tcp.open(ctx); err != nil {
		return err
	}
	if err := l.served.open(ctx); err != nil {
		return err
	}
	l.inherited.CloseUnclaimed()
	l.serving.Store(true)
	return nil
}

// Serving reports whether all ports are bound and read.
func (l *Listener) Serving() bool { return l.serving.Load() }

// idleCheckEvery is how often silent connections are searched.
const idleCheckEvery = time.Second

// Run closes silent connections until ctx is done. It fails when an event loop ends without
// being stopped.
func (l *Listener) Run(ctx context.Context) error {
	tick := time.NewTicker(idleCheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.udp.Ended():
			return errors.New("a UDP event loop ended by itself; the log above says why")
		case <-l.tcp.ended:
			return errors.New("a TCP event loop ended by itself; the log above says why")
		case now := <-tick.C:
			l.tcp.checkIdle(now)
		}
	}
}

// Drain stops accepting, takes what the senders still have on the way, at most until ctx
// is done, and hands over every open batch. UDP is received until the streams have ended.
// With a Store the UDP sockets stay open, and what arrives waits in them for the next
// process.
//
// Drain and Close are two steps because the parts behind the listener finish their work
// between them, and meanwhile [Listener.Filled] says how long they may take.
func (l *Listener) Drain(ctx context.Context) error {
	l.serving.Store(false)
	errs := make(chan error, 2)
	go func() { errs <- l.tcp.drain(ctx) }()
	go func() { errs <- l.served.drain(ctx) }()
	err := errors.Join(<-errs, <-errs)
	err = errors.Join(err, l.udp.Drain())
	l.batchers.close()
	return err
}

// Filled is the part of the fullest UDP receive buffer that is in use. After Drain it says
// how long the next process may take to come.
func (l *Listener) Filled() float64 { return l.udp.Filled() }

// Close closes the sockets that Drain keeps open. It does not block.
func (l *Listener) Close(context.Context) error { return l.udp.Close() }
