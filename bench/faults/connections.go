package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syslog-gateway/internal/testkit/abort"
	"time"
)

// A well-behaved sender sends for sendTime while many odd connections are open.
const (
	sendTime      = 10 * time.Second
	quickSendTime = 3 * time.Second
	sendRate      = 5000
)

// connectionRows open connections that no sender should make, to a port of their own.
func connectionRows() []Row {
	many := func(o *Options) int { return o.pick(1000, 10_000) }
	return []Row{
		connectionRow("connections: %d idle", many, (*connections).idle),
		connectionRow("connections: %d with a byte a second", many, (*connections).trickle),
		connectionRow("connections: %d that never end a line", func(*Options) int { return 10 }, (*connections).endless),
		connectionRow("connections: %d a second", func(o *Options) int { return o.pick(300, 1000) }, (*connections).storm),
	}
}

// connectionRow runs act beside a well-behaved sender, which must not be slowed.
func connectionRow(name string, size func(*Options) int, act func(*connections, context.Context) error) Row {
	length := func(o *Options) time.Duration {
		if o.Quick {
			return quickSendTime
		}
		return sendTime
	}
	return on(fmt.Sprintf(name, size(&Options{})), func(o *Options) layout {
		return layout{numbers: sendRate * int(length(o).Seconds()), production: true}
	}, func(ctx context.Context, r *rig) error {
		r.tally.noise = true
		abort.Must(r.start(ctx))
		c := &connections{r: r, size: size(r.opts), here: make(chan struct{})}
		acting, stop := context.WithCancel(ctx)
		defer stop()
		ended := make(chan error, 1)
		go func() { ended <- act(c, acting) }()
		select {
		case <-c.here:
		case err := <-ended:
			return err
		}
		n, began := sendRate*int(length(r.opts).Seconds()), time.Now()
		err := r.newSender(sendRate, n).run(ctx)
		took := time.Since(began)
		stop()
		abort.Must(errors.Join(err, <-ended))
		r.res.detail("%d connections; beside them %.0f messages/s of %d", c.made.Load(), float64(n)/took.Seconds(), sendRate)
		err = r.settleStrictly(ctx, n, rowLimit)
		frugal := r.frugal()
		r.res.problemIf(took > 2*length(r.opts), "the well-behaved sender was slowed: %.1f s for what takes %v", took.Seconds(), length(r.opts))
		return errors.Join(err, frugal)
	})
}

// connections are size connections that all behave alike.
type connections struct {
	r     *rig
	size  int
	made  atomic.Int64
	here  chan struct{} // closed when all are there
	conns []net.Conn
}

// dial connects from an address of its own, since an address has but 28,000 ports.
func (c *connections) dial(ctx context.Context, i int) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+i/250%250), byte(1+i%250))}}
	conn, err := d.DialContext(ctx, "tcp", local(c.r.closed))
	if err == nil {
		c.made.Add(1)
	}
	return conn, err
}

// open opens all connections and waits until the gateway has accepted them.
func (c *connections) open(ctx context.Context) error {
	for i := range c.size {
		conn, err := c.dial(ctx, i)
		if err != nil {
			return fmt.Errorf("connection %d of %d (ulimit -n may be too low): %w", i+1, c.size, err)
		}
		c.conns = append(c.conns, conn)
	}
	err := c.r.until(ctx, rowLimit, "the gateway has all connections", func() bool {
		s, err := c.r.web.scrape(ctx)
		return err == nil && s.sum("gateway_connections", `source="closed"`) == int64(c.size)
	})
	close(c.here)
	return err
}

func (c *connections) closeAll() {
	for _, conn := range c.conns {
		conn.Close()
	}
}

func (c *connections) idle(ctx context.Context) error {
	defer c.closeAll()
	err := c.open(ctx)
	<-ctx.Done()
	return err
}

// trickle writes a byte to each connection every second.
func (c *connections) trickle(ctx context.Context) error {
	return c.feed(ctx, time.Second, []byte{'x'}, "a slow connection was ended")
}

// endless writes lines without end, half a MiB a second to each connection.
func (c *connections) endless(ctx context.Context) error {
	return c.feed(ctx, time.Second/16, bytes.Repeat([]byte{'x'}, 32<<10), "a connection without line ends was ended")
}

// feed opens all connections and writes the chunk to each, again and again until ctx ends.
func (c *connections) feed(ctx context.Context, every time.Duration, chunk []byte, failure string) error {
	defer c.closeAll()
	err := c.open(ctx)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for err == nil {
		for _, conn := range c.conns {
			if _, err := conn.Write(chunk); err != nil {
				return fmt.Errorf("%s: %w", failure, err)
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
func (c *connections) storm(ctx context.Context) error {
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
