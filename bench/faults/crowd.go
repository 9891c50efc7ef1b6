package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Beside a crowd of odd connections a well-behaved sender sends for crowdTime.
const (
	crowdTime  = 10 * time.Second
	quickCrowd = 3 * time.Second
	crowdRate  = 5000
)

// crowdRows have connections as no sender should make them, to a port of their own.
func crowdRows() []Row {
	many := func(o *Options) int { return o.pick(1000, 10_000) }
	return []Row{
		crowdRow("connections: %d idle", many, (*crowd).idle),
		crowdRow("connections: %d with a byte a second", many, (*crowd).trickle),
		crowdRow("connections: %d that never end a line", func(*Options) int { return 10 }, (*crowd).endless),
		crowdRow("connections: %d a second", func(o *Options) int { return o.pick(300, 1000) }, (*crowd).storm),
	}
}

// crowdRow runs what a crowd does beside a sender that must not feel it.
func crowdRow(name string, size func(*Options) int, act func(*crowd, context.Context) error) Row {
	length := func(o *Options) time.Duration {
		if o.Quick {
			return quickCrowd
		}
		return crowdTime
	}
	row := on(fmt.Sprintf(name, size(&Options{})), func(o *Options) layout {
		return layout{numbers: crowdRate * int(length(o).Seconds()), production: true}
	}, func(ctx context.Context, b *bed) error {
		b.tally.noise = true
		if err := b.start(ctx); err != nil {
			return err
		}
		c := &crowd{b: b, size: size(b.opts), here: make(chan struct{})}
		acting, stop := context.WithCancel(ctx)
		defer stop()
		ended := make(chan error, 1)
		go func() { ended <- act(c, acting) }()
		select {
		case <-c.here:
		case err := <-ended:
			return err
		}
		n, began := crowdRate*int(length(b.opts).Seconds()), time.Now()
		err := b.newSender(crowdRate, n).run(ctx)
		took := time.Since(began)
		stop()
		if err := errors.Join(err, <-ended); err != nil {
			return err
		}
		b.res.note("%d connections; beside them %.0f messages/s of %d", c.made.Load(), float64(n)/took.Seconds(), crowdRate)
		err = b.settle(ctx, n, rowLimit)
		b.strict()
		rss, rssErr := rss(b.gw.PID())
		b.res.note("RSS at most %d MiB", rss>>20)
		if rss > maxRSS {
			b.res.problem("RSS rose to %d MiB, %d are allowed", rss>>20, maxRSS>>20)
		}
		if took > 2*length(b.opts) {
			b.res.problem("the well-behaved sender was held back: %.1f s for what takes %v", took.Seconds(), length(b.opts))
		}
		return errors.Join(err, rssErr)
	})
	return row
}

// crowd is some connections that do the same.
type crowd struct {
	b     *bed
	size  int
	made  atomic.Int64
	here  chan struct{} // closed when all are there
	conns []net.Conn
}

// dial connects from an address of its own, since an address has but 28,000 ports.
func (c *crowd) dial(ctx context.Context, i int) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+i/250%250), byte(1+i%250))}}
	conn, err := d.DialContext(ctx, "tcp", local(c.b.closed))
	if err == nil {
		c.made.Add(1)
	}
	return conn, err
}

// gather makes all connections and waits until the gateway has them.
func (c *crowd) gather(ctx context.Context) error {
	for i := range c.size {
		conn, err := c.dial(ctx, i)
		if err != nil {
			return fmt.Errorf("connection %d of %d (ulimit -n may be too low): %w", i+1, c.size, err)
		}
		c.conns = append(c.conns, conn)
	}
	err := c.b.until(ctx, rowLimit, "the gateway has all connections", func() bool {
		s, err := c.b.page.scrape(ctx)
		return err == nil && s.sum("gateway_connections", `source="closed"`) == int64(c.size)
	})
	close(c.here)
	return err
}

func (c *crowd) disperse() {
	for _, conn := range c.conns {
		conn.Close()
	}
}

func (c *crowd) idle(ctx context.Context) error {
	defer c.disperse()
	err := c.gather(ctx)
	<-ctx.Done()
	return err
}

// trickle writes a byte to each connection every second.
func (c *crowd) trickle(ctx context.Context) error {
	defer c.disperse()
	err := c.gather(ctx)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for err == nil {
		for _, conn := range c.conns {
			if _, err := conn.Write([]byte{'x'}); err != nil {
				return fmt.Errorf("a slow connection was ended: %w", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	return err
}

// endless writes lines without end, half a MiB a second to each connection.
func (c *crowd) endless(ctx context.Context) error {
	defer c.disperse()
	err := c.gather(ctx)
	chunk := make([]byte, 32<<10)
	for i := range chunk {
		chunk[i] = 'x'
	}
	tick := time.NewTicker(time.Second / 16)
	defer tick.Stop()
	for err == nil {
		for _, conn := range c.conns {
			if _, err := conn.Write(chunk); err != nil {
				return fmt.Errorf("a connection without line ends was ended: %w", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	return err
}

// storm makes size connections a second and ends each at once.
func (c *crowd) storm(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	var failed atomic.Pointer[error]
	close(c.here)
	tick := time.NewTicker(time.Second / 50)
	defer tick.Stop()
	for i := 0; ctx.Err() == nil && failed.Load() == nil; {
		for range c.size / 50 {
			n := i
			i++
			all.Go(func() {
				conn, err := c.dial(ctx, n)
				if err != nil && ctx.Err() == nil {
					failed.Store(&err)
				} else if err == nil {
					conn.Close()
				}
			})
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	if err := failed.Load(); err != nil {
		return fmt.Errorf("the gateway takes no connection: %w", *err)
	}
	return nil
}
