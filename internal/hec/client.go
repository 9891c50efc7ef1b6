package hec

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/redact"
)

// minProbeTime is how long a probe may take even when probes are frequent.
const minProbeTime = time.Second

// Client delivers records to a set of HEC endpoints. All its methods are safe for
// concurrent use.
type Client struct {
	opts      Options
	change    sync.Mutex // held while settings change
	settings  atomic.Pointer[Settings]
	pool      *pool
	transport *http.Transport
	secrets   redact.Secrets
	retrier   *retryablehttp.Client
	acks      *ackTable
	metrics   *metrics
	refused   refusedIndexes
	bodies    event.Decompressor
	writers   sync.Pool // of *gzip.Writer
	aborted   chan struct{}
	abort     sync.Once
}

// New builds a client. It opens no connection. The error names every option that
// is wrong, and no secret.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	if o.DeadLetter == nil {
		return nil, errors.New("hec: no dead-letter store: without it an event that HEC refuses would block delivery")
	}
	c := &Client{opts: o, metrics: newMetrics(), transport: newTransport(o.TLS), aborted: make(chan struct{})}
	set := o.settings()
	list, err := c.endpointsOf(set)
	if err != nil {
		return nil, fmt.Errorf("hec: %w", err)
	}
	c.settings.Store(&set)
	c.pool = newPool(o.Logger, list, o.HealthInterval)
	c.pool.acks = o.Ack.Enabled
	c.acks = newAckTable(o.Ack)
	c.retrier = newRetrier(wire{c})
	if o.Registerer != nil {
		for _, m := range append(c.metrics.all(), evicted(o.DeadLetter), unreadable(o.DeadLetter), c.pool) {
			if err := o.Registerer.Register(m); err != nil {
				return nil, fmt.Errorf("hec: register metrics: %w", err)
			}
		}
	}
	return c, nil
}

// endpointsOf reads the endpoints of the settings and checks all of them.
func (c *Client) endpointsOf(set Settings) ([]*endpoint, error) {
	var list []*endpoint
	var errs []error
	for _, raw := range set.Endpoints {
		e, err := newEndpoint(raw, time.Now())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		e.auth = e.authorization(set.Token)
		// The first post shows whether there are acknowledgements: what others took
		// meanwhile without would be sent again.
		e.probation = c.opts.Ack.Enabled
		c.secrets.Add(e.secrets()...)
		list = append(list, e)
	}
	c.secrets.Add(set.Token)
	if len(errs) == 0 {
		errs = append(errs, set.check(list))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, e := range list {
		e.series = c.metrics.of(e.name)
	}
	return list, nil
}

// Reconfigure changes endpoints, token, timeout and retry of a running client.
// Attempts on the wire are not disturbed, those that wait try again at once, and
// endpoints that stay keep their state. On an error nothing has changed.
func (c *Client) Reconfigure(s Settings) error {
	c.change.Lock()
	defer c.change.Unlock()
	return c.reconfigure(s)
}

func (c *Client) reconfigure(s Settings) error {
	def(&s.Timeout, time.Minute)
	s.Retry = s.Retry.withDefaults()
	list, err := c.endpointsOf(s)
	if err != nil {
		return fmt.Errorf("hec: %w", err)
	}
	c.settings.Store(&s)
	for _, e := range c.pool.replace(list) {
		c.metrics.remove(e.series)
	}
	c.refused.forget()
	return nil
}

// SetToken changes the token and nothing else. On an error nothing has changed.
func (c *Client) SetToken(token string) error {
	c.change.Lock()
	defer c.change.Unlock()
	s := *c.settings.Load()
	s.Token = token
	return c.reconfigure(s)
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
			c.pool.sweep(c.acks.owing())
		case <-polls:
			c.acks.expire(time.Now())
			c.pollAll(ctx, &wg)
		}
	}
}

// Abort takes the grace from deliveries that are told to stop: attempts on the wire
// are cut off at once. Before a stop it does nothing.
func (c *Client) Abort() { c.abort.Do(func() { close(c.aborted) }) }

// Close closes the connections. Call it when Run and every Deliver have returned.
func (c *Client) Close() { c.pool.closeAll() }

// Endpoints tells what is known of each endpoint, in the order of the
// configuration.
func (c *Client) Endpoints() []EndpointStatus {
	return c.pool.status(c.acks.unacked())
}

// AnyUp reports whether at least one endpoint is up and not set aside. One that has
// not been tried yet counts as up.
func (c *Client) AnyUp() bool {
	for _, s := range c.pool.status(nil) {
		if s.Up && s.Aside == InUse {
			return true
		}
	}
	return false
}

// retryOptions are the settings of this moment.
func (c *Client) retryOptions() RetryOptions { return c.settings.Load().Retry }
