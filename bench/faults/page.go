package faults

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"syslog-gateway/internal/testkit/abort"
	"time"
)

const (
	pageConnections = 1000
	statsRate       = 5000
	readyRequests   = 20
	// readyLimit is for the median. The slowest request is in the details: on a machine
	// that does other things beside it says more about these.
	readyLimit = 100 * time.Millisecond
)

// statsRows overload the statistics page, and so the health checks of keepalived.
func statsRows() []Row {
	return []Row{
		on(fmt.Sprintf(":8404 with %d idle connections and %d open streams", pageConnections, pageConnections), func(o *Options) layout {
			return layout{numbers: statsRate * o.pick(3, 10), production: true}
		}, readyBesideConnections),
	}
}

// readyBesideConnections sends while strangers hold the statistics port, and asks for
// the readiness meanwhile.
func readyBesideConnections(ctx context.Context, r *rig) error {
	abort.Must(r.start(ctx))
	n := statsRate * r.opts.pick(3, 10)
	sent := r.newSender(statsRate, n).begin(ctx)
	c := &pageClients{address: r.web.address}
	err := c.open(ctx)
	if err == nil {
		err = askReady(ctx, r)
	}
	cut := pageConnections - c.served - c.refused
	r.res.detail("%d idle connections; of %d streams %d were served, %d refused with 503, %d cut for others", len(c.idle), pageConnections, c.served, c.refused, cut)
	r.res.problemIf(c.served == 0 || cut > pageConnections/10, "of %d streams only %d were served and %d got an answer", pageConnections, c.served, c.refused)
	c.close()
	abort.Must(errors.Join(err, <-sent))
	return r.settleStrictly(ctx, n, rowLimit)
}

// askReady asks for /readyz some times, each on a connection of its own.
func askReady(ctx context.Context, r *rig) error {
	var took []time.Duration
	for range readyRequests {
		began := time.Now()
		ok, said := r.web.ready(ctx)
		took = append(took, time.Since(began))
		if !ok {
			return fmt.Errorf("/readyz beside %d connections does not answer with 200, but with %q", 2*pageConnections, said)
		}
	}
	slices.Sort(took)
	median := took[len(took)/2]
	r.res.detail("/readyz answered after %.1f ms, at most %.1f", ms(median), ms(took[len(took)-1]))
	r.res.problemIf(median > readyLimit, "/readyz answers after %v, %v are allowed", median, readyLimit)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// pageClients hold connections and streams of the statistics page.
type pageClients struct {
	address         string
	idle, streams   []net.Conn
	served, refused int
}

func (p *pageClients) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	c, err := d.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, fmt.Errorf("connect to the statistics page (ulimit -n may be too low): %w", err)
	}
	return c, nil
}

// open opens all connections and streams, and counts the answers to the streams.
func (p *pageClients) open(ctx context.Context) error {
	for range pageConnections {
		c, err := p.dial(ctx)
		if err != nil {
			return err
		}
		p.idle = append(p.idle, c)
		if c, err = p.dial(ctx); err != nil {
			return err
		}
		p.streams = append(p.streams, c)
		if _, err := io.WriteString(c, "GET /api/v1/events HTTP/1.1\r\nHost: gateway\r\n\r\n"); err != nil {
			return fmt.Errorf("ask for a stream: %w", err)
		}
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, c := range p.streams {
		all.Go(func() {
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second)) // an error shows in the read
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil: // neither served nor refused
			case answer.StatusCode == http.StatusOK:
				p.served++
			case answer.StatusCode == http.StatusServiceUnavailable:
				p.refused++
			}
		})
	}
	all.Wait()
	return nil
}

func (p *pageClients) close() {
	for _, c := range append(p.idle, p.streams...) {
		c.Close()
	}
}
