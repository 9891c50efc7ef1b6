package jetstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/throttle"
)

const (
	// checkEvery is how often the streams are looked at.
	checkEvery = 5 * time.Second
	// answerTime is how long an answer of the servers may take.
	answerTime = 5 * time.Second
	// pingEvery finds a dead server in a few seconds.
	pingEvery = 2 * time.Second
	// stuckTime is how long a connected server may know no leader of any stream. It may have
	// lost the others: then another one is tried.
	stuckTime = 10 * time.Second
	// lastWords is how long a stop waits until the servers confirm what was delivered.
	lastWords = 2 * time.Second
)

// Options say where the streams are and how they are.
type Options struct {
	Servers         []string // nats:// or tls:// addresses
	Gateway         string   // unique name of this gateway
	Streams         int
	Replicas        int
	MaxSize         int64 // bytes of all streams together, in each replica
	DuplicateWindow time.Duration
	AckWait         time.Duration // until a record that nobody acknowledges is given out again
	TLS             *TLS          // optional
	CredentialsFile string        // optional
	// Memory is the file that says which streams this gateway has seen.
	Memory     string
	Ledger     *ledger.Ledger
	Logger     *slog.Logger          // optional
	Registerer prometheus.Registerer // optional
}

// TLS gives the certificates of connections. It is asked at each new connection.
type TLS struct {
	// Certificate is that of this gateway. It is optional.
	Certificate func() (tls.Certificate, error)
	// Roots are the CAs that are trusted; nil are those of the system.
	Roots func() (*x509.CertPool, error)
}

// access is how the gateway says who it is.
func (o Options) access() []nats.Option {
	all := []nats.Option{nats.Name("syslog-gateway " + o.Gateway), nats.Timeout(answerTime)}
	if o.TLS != nil {
		all = append(all, nats.ClientTLSConfig(o.TLS.Certificate, o.TLS.Roots))
	}
	if o.CredentialsFile != "" {
		all = append(all, nats.UserCredentials(o.CredentialsFile))
	}
	return all
}

// Cluster is the connection of a gateway to the servers. All methods are safe for concurrent
// use.
type Cluster struct {
	options Options
	log     *slog.Logger
	conn    *nats.Conn
	js      js.JetStream
	streams []*Stream
	memory  *memory
	metrics *counters
	books   *books

	lasting context.Context // of acknowledgements; it ends after Run
	finish  context.CancelFunc

	trouble throttle.Throttle // of lines about servers that do not answer
}

// New prepares the connection, and connects in the background: servers that cannot be reached
// are no error.
func New(o Options) (*Cluster, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Cluster{options: o, log: o.Logger}
	c.lasting, c.finish = context.WithCancel(context.Background())
	var err error
	if c.memory, err = readMemory(o.Memory); err != nil {
		return nil, err
	}
	options := append(o.access(),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(500*time.Millisecond),
		nats.ReconnectBufSize(-1), // what is published while nobody is connected fails at once
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(2),
		// A write that hangs blocks all that use the connection, the pings, too.
		nats.FlusherTimeout(answerTime),
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(c.disconnected),
		nats.ReconnectErrHandler(c.disconnected),
		nats.ConnectHandler(func(n *nats.Conn) { c.log.Info("connected to the cluster", "server", n.ConnectedServerName()) }),
		nats.ReconnectHandler(func(n *nats.Conn) {
			c.log.Info("connected to the cluster again", "server", n.ConnectedServerName())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.warn("the cluster reports an error", err) }),
	)
	if c.conn, err = nats.Connect(strings.Join(o.Servers, ","), options...); err != nil {
		return nil, fmt.Errorf("queue.jetstream: connect to %s: %w", strings.Join(o.Servers, ", "), err)
	}
	if c.js, err = js.New(c.conn, js.WithDefaultTimeout(answerTime)); err != nil {
		c.conn.Close()
		return nil, fmt.Errorf("queue.jetstream: %w", err)
	}
	for i := range o.Streams {
		c.streams = append(c.streams, newStream(c, i))
	}
	c.books = newBooks(c)
	if c.metrics, err = newCounters(c, o.Registerer); err != nil {
		c.conn.Close()
		return nil, err
	}
	return c, nil
}

// Streams returns the streams by number.
func (c *Cluster) Streams() []*Stream { return c.streams }

// Run makes the streams ready, looks at them, and keeps the records that are held, until ctx
// is done. Then it waits a moment until the servers have confirmed what was delivered, and
// says what it has counted.
func (c *Cluster) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	defer c.books.last()
	defer c.lastConfirms()
	defer parts.Wait()
	parts.Go(func() { c.keepHeld(ctx) })
	parts.Go(func() { c.books.run(ctx) })
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	useful := time.Now()
	for {
		if c.check(ctx) || !c.conn.IsConnected() {
			useful = time.Now()
		} else if now := time.Now(); now.Sub(useful) > stuckTime {
			useful = now
			c.log.Warn("the server knows no leader of any stream; another one is tried", "server", c.conn.ConnectedServerName())
			if err := c.conn.ForceReconnect(); err != nil {
				c.warn("the connection to the cluster cannot be changed", err)
			}
		}
		wait := tick.C
		if !c.allReady() { // the servers may come at any moment
			wait = time.After(500 * time.Millisecond)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wait:
		}
	}
}

// check looks at all streams at a time, so that one without a leader does not make the others
// wait. It reports whether the connected server is of use for any.
func (c *Cluster) check(ctx context.Context) bool {
	var useful atomic.Bool
	var checks sync.WaitGroup
	for _, s := range c.streams {
		checks.Go(func() {
			if s.check(ctx) {
				useful.Store(true)
			}
		})
	}
	checks.Wait()
	return useful.Load()
}

// lastConfirms ends the acknowledgements: at once when nobody is there who could confirm them.
func (c *Cluster) lastConfirms() {
	defer c.finish()
	ended := make(chan struct{})
	go func() {
		for _, s := range c.streams {
			s.source.confirming.Wait()
		}
		close(ended)
	}()
	limit := time.NewTimer(lastWords)
	defer limit.Stop()
	if c.AnyUp() {
		select {
		case <-ended:
		case <-limit.C:
		}
	}
	c.finish()
	<-ended
}

// AnyUp reports whether a stream takes records, as far as is known.
func (c *Cluster) AnyUp() bool {
	for _, s := range c.streams {
		if s.Status().Up && c.conn.IsConnected() {
			return true
		}
	}
	return false
}

func (c *Cluster) allReady() bool {
	for _, s := range c.streams {
		if !s.Status().Up {
			return false
		}
	}
	return true
}

// keepHeld tells the servers that the records at hand are worked on. A slow endpoint may hold
// them for minutes.
func (c *Cluster) keepHeld(ctx context.Context) {
	tick := time.NewTicker(min(time.Second, c.options.AckWait/6))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, s := range c.streams {
				s.source.keep(now, s.ackWait()/3)
			}
		}
	}
}

// Close ends the connection.
func (c *Cluster) Close() {
	c.finish()
	c.metrics.unregister()
	c.conn.Close()
}

func (c *Cluster) disconnected(n *nats.Conn, err error) {
	if err != nil && !n.IsClosed() {
		c.warn("not connected to the cluster; records wait in the disk queue", err)
	}
}

// warn logs a trouble, at most once in a while.
func (c *Cluster) warn(text string, err error) {
	if n, ok := c.trouble.Ready(time.Now(), 10*time.Second); ok {
		c.log.Warn(text, "servers", strings.Join(c.options.Servers, ", "), "error", err, "similar", n)
	}
}

// noAnswer reports whether an error says that no quorum of servers answered: what became of
// the request is not known.
func noAnswer(err error) bool {
	var api *js.APIError
	if errors.As(err, &api) {
		return api.Code == 503
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, js.ErrNoStreamResponse)
}
