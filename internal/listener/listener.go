package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"syslog-gateway/internal/ledger"

	"github.com/prometheus/client_golang/prometheus"
)

// Options is what the listener is built of.
type Options struct {
	Sources    []SourceOptions
	Batching   Batching
	Loops      int        // TCP event loops; 0 is one for every four processors
	Keeper     Keeper     // holds the sockets beyond this process; nil: nobody does
	Inherited  *Inherited // sockets that the process before left with it; nil: none
	Ledger     *ledger.Ledger
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Listener owns the sockets of all sources.
type Listener struct {
	options Options
	log     *slog.Logger
	sources []*Source
	udp     *udp
	tcp     *tcp
	secure  *secure

	mu      sync.Mutex
	intakes []*Intake
	serving bool
}

// New builds a listener; nothing is bound yet.
func New(o Options) (*Listener, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Loops == 0 {
		o.Loops = defaultLoops()
	}
	l := &Listener{options: o, log: o.Logger}
	for _, so := range o.Sources {
		if so.Settings.Parser == nil || so.Settings.Profile == nil || so.Settings.Location == nil {
			return nil, fmt.Errorf("source %s: parser, profile and location are required", so.Name)
		}
		l.sources = append(l.sources, newSource(so, o.Ledger))
	}
	l.udp = newUDP(l)
	l.tcp = newTCP(l)
	l.secure = newSecure(l)
	if o.Registerer != nil {
		if err := o.Registerer.Register(&collector{l}); err != nil {
			return nil, fmt.Errorf("register the listener's metrics: %w", err)
		}
	}
	return l, nil
}

// Source returns the source with a name, nil when there is none.
func (l *Listener) Source(name string) *Source {
	for _, s := range l.sources {
		if s.Name() == name {
			return s
		}
	}
	return nil
}

// Start binds all ports and begins to receive. When it fails, Stop takes back what
// it had begun.
func (l *Listener) Start() error {
	if err := l.udp.start(); err != nil {
		return err
	}
	if err := l.tcp.start(l); err != nil {
		return err
	}
	if err := l.secure.start(); err != nil {
		return err
	}
	l.options.Inherited.closeRest()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.serving = true
	return nil
}

// Serving reports whether all ports are bound and read.
func (l *Listener) Serving() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.serving
}

// lookEvery is how often connections are looked at that may be silent.
const lookEvery = time.Second

// Run looks after silent connections until ctx is done, and fails when an event loop ends
// that nobody stopped.
func (l *Listener) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.udpEnded():
			return errors.New("the UDP event loop ended by itself; the log above says why")
		case <-l.tcp.ended:
			return errors.New("a TCP event loop ended by itself; the log above says why")
		case now := <-tick.C:
			l.tcp.look(now)
		}
	}
}

// udpEnded is closed when the UDP loop has ended, never when there is none.
func (l *Listener) udpEnded() <-chan struct{} {
	if len(l.udp.ports) == 0 {
		return nil
	}
	return l.udp.stopped
}

// Stuck returns an error when an event loop has not turned for longer than limit.
// One that waits for room behind it is excused when the caller knows a reason: the
// queue is full, or its disk fails, or it is busy with what others bring. It is for a
// watchdog, which asks at least as often as every limit.
func (l *Listener) Stuck(limit time.Duration, excused bool) error {
	if !l.Serving() {
		return nil
	}
	beats := l.tcp.beats
	if l.udp.beat != nil {
		beats = append(slices.Clip(beats), l.udp.beat)
	}
	now := time.Now()
	for _, b := range beats {
		if excused && l.waits(b.transport) {
			b.excuse(now)
		}
		if silent := b.silent(now); silent > limit {
			return fmt.Errorf("the %s event loop has not turned for %s", b.transport, silent.Round(time.Second))
		}
		b.ask(now)
	}
	return nil
}

// waits reports whether an intake of a transport waits for room.
func (l *Listener) waits(t ledger.Transport) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.intakes, func(in *Intake) bool { return in.transport == t && in.waits.Load() != 0 })
}

// Stop stops accepting, takes what the senders still have on the way, at most until
// ctx is done, and hands over every open batch. UDP is received until the streams
// have ended. With a Keeper the sockets stay open for the next process, until Close.
func (l *Listener) Stop(ctx context.Context) error {
	l.mu.Lock()
	l.serving = false
	l.mu.Unlock()
	errs := make(chan error, 2)
	go func() { errs <- l.tcp.stop(ctx) }()
	go func() { errs <- l.secure.stop(ctx) }()
	err := errors.Join(<-errs, <-errs)
	err = errors.Join(err, l.udp.stop())
	l.mu.Lock()
	intakes := l.intakes
	l.mu.Unlock()
	for _, in := range intakes {
		in.close()
	}
	return err
}

// Filled is the part of the fullest UDP receive buffer that is in use. After Stop it
// says how long the next process may take to come.
func (l *Listener) Filled() float64 { return l.udp.filled() }

// Close closes what Stop has left open.
func (l *Listener) Close() error { return l.udp.release() }

// intake makes an intake that Stop will close.
func (l *Listener) intake(s *Source, t ledger.Transport) *Intake {
	in := newIntake(s.account, t, l.options.Batching)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.intakes = append(l.intakes, in)
	return in
}
