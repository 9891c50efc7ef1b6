package hec

import (
	"context"
	"net/http"
	"sync"
	"time"

	"syslog-gateway/internal/hec/endpoints"
)

// minProbeTime is how long a probe may take even when probes are frequent.
const minProbeTime = time.Second

// probeAll starts a health probe of each endpoint that has none under way. The probes end
// with ctx; wg waits for them.
func (c *Client) probeAll(ctx context.Context, wg *sync.WaitGroup) {
	for _, e := range c.pool.StartProbes() {
		wg.Go(func() { c.probe(ctx, e) })
	}
}

// probe asks GET …/services/collector/health, which needs no token and answers 200 (code
// 17) or 503 (codes 18 to 20 and 23). Each probe uses a new
// connection: so it also checks whether one can be made, and behind a balancer it reaches
// another server each time.
func (c *Client) probe(ctx context.Context, e *endpoints.Endpoint) {
	set := c.settings.Load()
	conn := e.Single()
	defer conn.Close()
	req := c.request(http.MethodGet, e.Address.Health, c.pool.Authorization(e), "")
	req.Close = true
	got := c.exchange(ctx, conn, req, min(set.Timeout, max(c.opts.HealthInterval, minProbeTime)))
	c.pool.Probed(e, got.answer(classifyHealth).verdict(), set.Retry)
	if c.pool.MissesAcks(e) {
		c.pool.AcksAsked(e, c.askAcks(ctx, e))
	}
}

// askAcks asks, without an event, whether the token has acknowledgement by now: HEC answers
// the poll of any ackId with code 14 when it has not.
func (c *Client) askAcks(ctx context.Context, e *endpoints.Endpoint) endpoints.AckState {
	conn := e.Single()
	defer conn.Close()
	got := c.ask(ctx, conn, endpoints.NewChannel(), []int64{0})
	if h, ok := parseAnswer(got.body); ok && *h.Code == 14 {
		return endpoints.AckOff
	}
	if _, err := parseAcks(got.status, got.body); got.err == nil && err == nil {
		return endpoints.AckOn
	}
	return endpoints.AckUnknown
}
