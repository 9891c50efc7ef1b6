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
// 200 (code 17) or 503 (codes 18 to 20 and 23).
func (c *Client) probe(ctx context.Context, e *endpoint) {
	set := c.settings.Load()
	req := (&http.Request{
		Method: http.MethodGet, URL: e.health,
		Header: c.header(e, set, ""),
	}).WithContext(ctx)
	req.Header.Del("X-Splunk-Request-Channel")
	got := c.exchange(req, min(set.Timeout, max(c.opts.HealthInterval, minProbeTime)))
	a := got.answer(func(status int, _ http.Header, body []byte) answer {
		return classifyHealth(status, body)
	})
	a.text = redact(a.text, set.Token, e)
	c.pool.probed(e, a, set.Retry)
}
