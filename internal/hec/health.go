package hec

import (
	"context"
	"net/http"
	"sync"
)

// probeAll starts a health probe of each endpoint that has none under way. The
// probes end with ctx; wg waits for them.
func (c *Client) probeAll(ctx context.Context, wg *sync.WaitGroup) {
	for _, e := range c.pool.startProbes() {
		wg.Go(func() { c.probe(ctx, e) })
	}
}

// probe asks GET …/services/collector/health, which needs no token and answers
// 200 (code 17) or 503 (codes 18 to 20 and 23). It does so on a connection of its own:
// whether one can be had is part of the question, and behind a balancer it shows another
// server each time.
func (c *Client) probe(ctx context.Context, e *endpoint) {
	set := c.settings.Load()
	req := (&http.Request{
		Method: http.MethodGet, URL: e.health, Close: true,
		Header: c.header(c.pool.auth(e), ""),
	}).WithContext(ctx)
	l := c.single(e)
	defer l.close()
	got := c.exchange(l, req, min(set.Timeout, max(c.opts.HealthInterval, minProbeTime)))
	c.pool.probed(e, got.answer(classifyHealth), set.Retry)
	if c.pool.missesAcks(e) {
		c.askAcks(ctx, e)
	}
}

// single is a connection for one request.
func (c *Client) single(e *endpoint) *link { return &link{endpoint: e} }

// auth is the Authorization of the present settings.
func (p *pool) auth(e *endpoint) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return e.auth
}
