package hec

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/redact"
	"syslog-gateway/internal/throttle"
)

// alarmEvery is how often one kind of trouble may be logged.
const alarmEvery = 30 * time.Second

// Client delivers records to a set of HEC endpoints. All its methods are safe for
// concurrent use.
type Client struct {
	opts      Options
	change    sync.Mutex // for a change of settings
	settings  atomic.Pointer[Settings]
	pool      *endpoints.Pool
	transport *http.Transport // of the pool
	secrets   redact.Secrets
	acks      *ackTable
	metrics   *metrics
	refused   refusedIndexes
	bodies    event.Decompressor
	writers   sync.Pool // of *gzip.Writer
	aborted   chan struct{}
	abort     sync.Once
}

// New makes a client. It opens no connection. The error names every option that is wrong,
// and no secret.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	if o.DeadLetter == nil {
		return nil, errors.New("hec: no dead-letter store: without it an event that HEC refuses would block delivery")
	}
	c := &Client{opts: o, metrics: newMetrics(), acks: newAckTable(),
		transport: endpoints.NewTransport(o.TLS), aborted: make(chan struct{})}
	c.pool = endpoints.New(endpoints.Options{
		Transport: c.transport, Roots: o.Roots, Logger: o.Logger, Patience: o.HealthInterval, ConnAge: o.ConnAge, Acks: o.Ack.Enabled,
	})
	if err := c.apply(o.Settings); err != nil {
		return nil, err
	}
	if o.Registerer != nil {
		for _, m := range append(c.metrics.collectors(), prometheus.Collector(c.pool)) {
			if err := o.Registerer.Register(m); err != nil {
				return nil, fmt.Errorf("hec: register metrics: %w", err)
			}
		}
	}
	return c, nil
}

// Reconfigure changes endpoints, token, timeout and retry of a running client. It does not
// disturb attempts under way; those that wait try again at once, and endpoints that stay
// keep their state. On an error nothing has changed.
func (c *Client) Reconfigure(s Settings) error {
	c.change.Lock()
	defer c.change.Unlock()
	return c.apply(s.withDefaults())
}

// apply checks settings and puts them in force.
func (c *Client) apply(s Settings) error {
	list, err := endpoints.Parse(s.Endpoints)
	for _, a := range list {
		c.secrets.Add(a.Secrets()...)
	}
	c.secrets.Add(s.Token)
	if err := errors.Join(err, s.check(list)); err != nil {
		return fmt.Errorf("hec: %w", err)
	}
	c.settings.Store(&s)
	c.pool.Replace(list, s.Token)
	c.refused.forget()
	return nil
}

// Run probes the endpoints and polls acknowledgements until ctx is done. It
// always returns nil.
func (c *Client) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	health := time.NewTicker(c.opts.HealthInterval)
	defer health.Stop()
	var polls <-chan time.Time
	if c.opts.Ack.Enabled {
		t := time.NewTicker(c.opts.Ack.PollInterval)
		defer t.Stop()
		polls = t.C
	}
	c.probeAll(ctx, &wg)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-health.C:
			c.probeAll(ctx, &wg)
			c.pool.Sweep(c.acks.owing())
		case <-polls:
			c.acks.expire(time.Now())
			c.pollAll(ctx, &wg)
		}
	}
}

// Abort ends the grace period of deliveries that are stopping: attempts under way are
// cancelled at once. Before a stop it does nothing.
func (c *Client) Abort() { c.abort.Do(func() { close(c.aborted) }) }

// Close closes the connections, as far as ctx allows. Call it when Run and every Deliver
// have returned.
func (c *Client) Close(ctx context.Context) error {
	if err := c.pool.Close(ctx); err != nil {
		return fmt.Errorf("hec: close connections: %w", err)
	}
	return nil
}

// Endpoints returns the status of each endpoint, in the order of the configuration.
func (c *Client) Endpoints() []endpoints.Status { return c.pool.Status(c.acks.unacked()) }

// AnyUp reports whether at least one endpoint is up and in use. One that has not been tried
// yet counts as up.
func (c *Client) AnyUp() bool {
	for _, s := range c.pool.Status(nil) {
		if s.Up && s.Mode == "" {
			return true
		}
	}
	return false
}

// SetMode drains an endpoint, puts it in maintenance, or back to use. The endpoint is named
// as Endpoints shows it. A reload keeps the mode, a restart does not.
func (c *Client) SetMode(url string, m endpoints.Mode) error { return c.pool.SetMode(url, m) }

// warn logs one of many equal warnings.
func (c *Client) warn(t *throttle.Throttle, msg string, args ...any) {
	if suppressed, ok := t.Ready(time.Now(), alarmEvery); ok {
		c.opts.Logger.Warn(msg, append(args, "not_logged", suppressed)...)
	}
}
