//go:build linux

package service

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"syslog-gateway/internal/hec"
)

// listenLimit is how long a stop goes on reading senders that do not fall silent. A
// sender that knows how to stop does so within moments.
const listenLimit = 5 * time.Second

// drainPatience is how long a stop waits for an endpoint that takes nothing.
const drainPatience = 5 * time.Second

// A stop hurries when what waits in the sockets for the next process fills a part of
// their buffers: it delivers nothing more from the queue, and then leaves the requests
// that are on the wire. The queue keeps what they carry.
const (
	hurryAt = 0.25
	leaveAt = 0.5
)

// drainTick is how often a stop looks whether the queue is empty.
const drainTick = 50 * time.Millisecond

// part is a running part of the gateway.
type part struct {
	name string
	run  []func(context.Context) error // each ends when its context does, and not before
	// stop ends the part in its own way; without it the context of run is cancelled. limit
	// ends the waiting for others.
	stop func(limit context.Context, r *running) error
}

// running is a part that was started.
type running struct {
	part   *part
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// launch starts a part. That one of its functions ends by itself is a failure of the gateway.
func (g *Gateway) launch(p *part) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{part: p, cancel: cancel}
	for _, run := range p.run {
		r.done.Go(func() {
			err := run(ctx)
			if ctx.Err() != nil && err == nil {
				return
			}
			if err == nil {
				err = errors.New("ended by itself")
			}
			select {
			case g.errs <- fmt.Errorf("%s: %w", p.name, err):
			default:
			}
		})
	}
	return r
}

func (r *running) end() {
	r.cancel()
	r.done.Wait()
}

// parts lists the parts from sink to source. They are started in this order, and stopped
// in the reverse one.
func (g *Gateway) parts() []*part {
	shards := part{name: "shards", stop: g.stopShards}
	for _, s := range g.shards {
		shards.run = append(shards.run, s.Run)
	}
	reports := part{name: "reports to Splunk"}
	if g.config.Load().Stats.ToSplunk {
		reports.run = append(reports.run, reporter{g}.run)
	}
	parts := []*part{
		{name: "certificates", run: []func(context.Context) error{g.certificates.Run}},
		// The page shows the stop, too: it is the last one to end.
		{name: "statistics page", run: []func(context.Context) error{g.stats.Run}, stop: func(_ context.Context, r *running) error {
			err := g.close()
			r.end()
			return err
		}},
		{name: "disk queue", run: []func(context.Context) error{g.store.Run}},
		{name: "HEC client", run: []func(context.Context) error{g.client.Run}},
	}
	parts = append(parts, g.emptying()...)
	return append(parts,
		&shards,
		&part{name: "listener", run: []func(context.Context) error{g.listener.Run}, stop: g.stopListening},
		&reports,
	)
}

// emptying lists the parts that empty the disk queue: senders to Splunk, or with a cluster
// what forwards to its streams, and senders that take from there.
func (g *Gateway) emptying() []*part {
	fromQueue := part{name: "senders", stop: func(limit context.Context, r *running) error { return g.stopSenders(limit, r, g.client.AnyUp) }}
	if g.cluster == nil {
		for i, q := range g.store.Shards() {
			fromQueue.run = append(fromQueue.run, func(ctx context.Context) error { return g.client.Deliver(ctx, pausable{q, g.pauses[i]}) })
		}
		return []*part{&fromQueue}
	}
	fromQueue.name = "forwarders"
	fromQueue.stop = func(limit context.Context, r *running) error { return g.stopSenders(limit, r, g.cluster.AnyUp) }
	for i, q := range g.store.Shards() {
		fromQueue.run = append(fromQueue.run, func(ctx context.Context) error { return g.forwarders[i].Run(ctx, pausable{q, g.pauses[i]}) })
	}
	parts := []*part{{name: "cluster", run: []func(context.Context) error{g.cluster.Run}}}
	if g.config.Load().Queue.Delivers() {
		fromStream := part{name: "senders", stop: func(_ context.Context, r *running) error { g.endSenders(r); return nil }}
		for _, s := range g.cluster.Streams() {
			fromStream.run = append(fromStream.run, func(ctx context.Context) error { return g.client.Deliver(ctx, s.Source()) })
		}
		parts = append(parts, &fromStream)
	}
	return append(parts, &fromQueue)
}

// Serve runs the gateway until ctx is done or a part fails, then stops it. ready is called
// when all ports are open. hard ends the waiting that a stop does for others.
func (g *Gateway) Serve(ctx, hard context.Context, ready func()) error {
	var started []*running
	for _, p := range g.parts() {
		started = append(started, g.launch(p))
	}
	err := g.listener.Open(context.WithoutCancel(ctx)) // a signal during the start must not fail it
	if err == nil {
		ready()
		select {
		case <-ctx.Done():
		case err = <-g.errs:
		}
	}

	g.log.Info("stopping: no new messages are taken")
	limit, cancel := context.WithTimeout(hard, g.config.Load().ShutdownTimeout)
	defer cancel()
	for _, r := range slices.Backward(started) {
		if r.part.stop == nil {
			r.end()
			continue
		}
		err = errors.Join(err, r.part.stop(limit, r))
	}
	return err
}

// stopListening closes the sockets. It leaves most of the time to the parts behind.
func (g *Gateway) stopListening(limit context.Context, r *running) error {
	r.end()
	for _, s := range g.shards { // what comes in now must go somewhere
		s.SetDraining(false)
	}
	defer context.AfterFunc(limit, g.abandon)()
	patience := min(listenLimit, g.config.Load().ShutdownTimeout/2)
	ctx, cancel := context.WithTimeout(limit, patience)
	defer cancel()
	err := g.listener.Drain(ctx)
	if ctx.Err() != nil {
		g.log.Warn("senders went on sending; what they had on the way is not taken", "waited", patience)
	}
	return err
}

// abandon drops what no shard takes, and ends the attempts to deliver.
func (g *Gateway) abandon() {
	g.abandoned.Do(func() { close(g.giveUp) })
	g.client.Abort()
}

// stopShards lets the shards store what they have. At the limit they drop it.
func (g *Gateway) stopShards(limit context.Context, r *running) error {
	defer context.AfterFunc(limit, func() { g.abandon(); r.cancel() })()
	for _, s := range g.shards {
		s.Close()
	}
	r.done.Wait()
	r.cancel()
	return nil
}

// stopSenders lets the senders empty the queue as long as that is of use, and then finish the
// requests that are under way.
func (g *Gateway) stopSenders(limit context.Context, r *running, anyUp func() bool) error {
	g.drain(limit, anyUp)
	g.endSenders(r)
	return nil
}

// drain lets the senders work until the queue is empty, nobody takes anything any
// more, or the time is up. What is left stays on disk.
func (g *Gateway) drain(ctx context.Context, anyUp func() bool) {
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	least, since := int64(math.MaxInt64), time.Now()
	for anyUp() {
		switch n := g.store.Stats().Records; {
		case n == 0:
			return
		case n < least:
			least, since = n, time.Now()
		case time.Since(since) > drainPatience:
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if g.listener.Filled() > hurryAt {
			return
		}
	}
}

// endSenders lets the senders finish the requests that are on the wire.
func (g *Gateway) endSenders(senders *running) {
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(drainTick)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if g.listener.Filled() > leaveAt {
					g.client.Abort()
					return
				}
			}
		}
	})
	senders.end()
	close(done)
	watch.Wait()
}

// close closes what New opened.
func (g *Gateway) close() error {
	var err error
	if g.stats != nil {
		err = g.stats.Close(context.Background()) // while the lock of the queue is held
	}
	if g.client != nil {
		err = errors.Join(err, closeClient(g.client))
	}
	if g.cluster != nil {
		g.cluster.Close()
	}
	if g.store != nil {
		err = errors.Join(err, g.store.Close(context.Background()))
	}
	if g.listener != nil {
		err = errors.Join(err, g.listener.Close(context.Background()))
	}
	return err
}

// closeClient closes the connections to HEC, within 5 s.
func closeClient(c *hec.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return c.Close(ctx)
}
