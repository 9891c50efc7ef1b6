package main

import (
	"context"
	"errors"
	"fmt"
	"math"
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

// stage is a running part and how to end it.
type stage struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// launch runs a part until the stage is ended; that it ends before is a failure of
// the gateway.
func (g *gateway) launch(s *stage, ctx context.Context, what string, run func(context.Context) error) {
	s.done.Go(func() {
		err := run(ctx)
		if ctx.Err() != nil && err == nil {
			return
		}
		if err == nil {
			err = errors.New("ended by itself")
		}
		select {
		case g.errs <- fmt.Errorf("%s: %w", what, err):
		default:
		}
	})
}

func newStage() (*stage, context.Context) {
	ctx, cancel := context.WithCancel(context.Background())
	return &stage{cancel: cancel}, ctx
}

func (s *stage) end() {
	s.cancel()
	s.done.Wait()
}

// serve runs the gateway until ctx is done or a part fails, then stops it: the
// sockets first and the statistics page last. ready is called when all ports are
// open. hard ends the waiting that a stop does for others.
func (g *gateway) serve(ctx, hard context.Context, ready func()) error {
	page, pageCtx := newStage()
	g.launch(page, pageCtx, "statistics page", g.stats.Run)
	store, storeCtx := newStage()
	g.launch(store, storeCtx, "disk queue", g.store.Run)
	client, clientCtx := newStage()
	g.launch(client, clientCtx, "HEC client", g.client.Run)
	senders, sendersCtx := newStage()
	for i, q := range g.store.Shards() {
		g.launch(senders, sendersCtx, fmt.Sprintf("sender of shard %d", q.Index()), func(ctx context.Context) error {
			return g.client.Deliver(ctx, pausable{q, g.pauses[i]})
		})
	}
	shards, shardsCtx := newStage()
	for _, s := range g.shards {
		shards.done.Go(func() { _ = s.Run(shardsCtx) })
	}
	sockets, socketsCtx := newStage()
	g.launch(sockets, socketsCtx, "listener", g.listener.Run)

	reports, reportsCtx := newStage()
	if g.config.Load().Stats.ToSplunk {
		g.launch(reports, reportsCtx, "reports to Splunk", g.report)
	}

	err := g.listener.Open(socketsCtx)
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
	sockets.end()
	reports.end()
	for _, s := range g.shards { // what comes in now must go somewhere
		s.SetDraining(false)
	}
	stopped := context.AfterFunc(limit, func() { close(g.giveUp); shards.cancel(); g.client.Abort() })
	err = errors.Join(err, g.stopListening(limit))
	for _, s := range g.shards {
		s.Close()
	}
	shards.done.Wait()
	stopped()
	shards.cancel()
	g.drain(limit)
	g.endSenders(senders)
	client.end()
	store.end()
	err = errors.Join(err, g.close())
	page.end()
	return err
}

// stopListening closes the sockets. It leaves most of the time to those behind.
func (g *gateway) stopListening(limit context.Context) error {
	patience := min(listenLimit, g.config.Load().ShutdownTimeout/2)
	ctx, cancel := context.WithTimeout(limit, patience)
	defer cancel()
	err := g.listener.Drain(ctx)
	if ctx.Err() != nil {
		g.log.Warn("senders went on sending; what they had on the way is not taken", "waited", patience)
	}
	return err
}

// drain lets the senders work until the queue is empty, nobody takes anything any
// more, or the time is up. What is left stays on disk.
func (g *gateway) drain(ctx context.Context) {
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	least, since := int64(math.MaxInt64), time.Now()
	for g.client.AnyUp() {
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
func (g *gateway) endSenders(senders *stage) {
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

// close closes what newGateway opened.
func (g *gateway) close() error {
	var err error
	if g.stats != nil {
		err = g.stats.Close(context.Background()) // while the lock of the queue is held
	}
	if g.client != nil {
		err = errors.Join(err, closeClient(g.client))
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
