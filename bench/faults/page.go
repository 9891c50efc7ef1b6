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
	"time"
)

const (
	pageCrowd = 1000
	pageRate  = 5000
	pageAsks  = 20
	// readyLimit is for the median. The slowest of the asks is in the notes: on a machine
	// that does other things beside it says more about these.
	readyLimit = 100 * time.Millisecond
)

// pageRows silence the statistics page, and so the health checks of keepalived.
func pageRows() []Row {
	return []Row{
		on(fmt.Sprintf(":8404 with %d idle connections and %d open streams", pageCrowd, pageCrowd), func(o *Options) layout {
			return layout{numbers: pageRate * o.pick(3, 10), production: true}
		}, besidePageCrowd),
	}
}

// besidePageCrowd sends under load while strangers hold the statistics port, and asks for
// the readiness meanwhile.
func besidePageCrowd(ctx context.Context, b *bed) error {
	if err := b.start(ctx); err != nil {
		return err
	}
	n := pageRate * b.opts.pick(3, 10)
	sent := make(chan error, 1)
	go func() { sent <- b.newSender(pageRate, n).run(ctx) }()
	c := &pageHoarder{address: b.page.address}
	err := c.gather(ctx)
	if err == nil {
		err = askReady(ctx, b)
	}
	cut := pageCrowd - c.served - c.refused
	b.res.note("%d idle connections; of %d streams %d were served, %d refused with 503, %d cut for others", len(c.idle), pageCrowd, c.served, c.refused, cut)
	if c.served == 0 || cut > pageCrowd/10 {
		b.res.problem("of %d streams only %d were served and %d got an answer", pageCrowd, c.served, c.refused)
	}
	c.close()
	if err := errors.Join(err, <-sent); err != nil {
		return err
	}
	err = b.settle(ctx, n, rowLimit)
	b.strict()
	return err
}

// askReady asks for /readyz some times, each on a connection of its own.
func askReady(ctx context.Context, b *bed) error {
	var took []time.Duration
	for range pageAsks {
		began := time.Now()
		ok, said := b.page.ready(ctx)
		took = append(took, time.Since(began))
		if !ok {
			return fmt.Errorf("/readyz beside the crowd does not answer with 200, but with %q", said)
		}
	}
	slices.Sort(took)
	median := took[len(took)/2]
	b.res.note("/readyz answered after %.1f ms, at most %.1f", ms(median), ms(took[len(took)-1]))
	if median > readyLimit {
		b.res.problem("/readyz answers after %v, %v are allowed", median, readyLimit)
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// pageHoarder holds connections and streams of the statistics page.
type pageHoarder struct {
	address         string
	idle, streams   []net.Conn
	served, refused int
}

func (p *pageHoarder) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	c, err := d.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, fmt.Errorf("connect to the statistics page (ulimit -n may be too low): %w", err)
	}
	return c, nil
}

// gather opens all of both, and learns what became of the streams.
func (p *pageHoarder) gather(ctx context.Context) error {
	for range pageCrowd {
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

func (p *pageHoarder) close() {
	for _, c := range append(p.idle, p.streams...) {
		c.Close()
	}
}
