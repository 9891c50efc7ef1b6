package faults

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit/abort"
)

// CrashOptions say how often to kill.
type CrashOptions struct {
	Gateway  string
	Kills    int    // with each seed
	Seeds    int    // how many seeds
	First    uint64 // the first one
	Dir      string
	Keep     bool
	Progress io.Writer
}

// syncInterval is the gateway's default queue.sync_interval.
const syncInterval = 250 * time.Millisecond

// crashMessages bounds what one seed sends: 20,000/s for the longest life times the
// kills fits well.
const (
	lifeMin, lifeMax = 50 * time.Millisecond, 1500 * time.Millisecond
	perLife          = streamRate * 3
)

// Crash kills the gateway under load at random points, starts it again, and counts
// what was accepted and is lost: one result a seed.
func Crash(ctx context.Context, o CrashOptions) (Report, error) {
	var rep Report
	for seed := o.First; seed < o.First+uint64(o.Seeds); seed++ {
		opts := Options{Gateway: o.Gateway, Dir: o.Dir, Keep: o.Keep, Progress: o.Progress}
		c := &crash{rnd: rand.New(rand.NewPCG(seed, 4)), kills: o.Kills, accepted: make(numbers)}
		f := &fault{answer: hectest.Busy()}
		row := on("", func(*Options) layout {
			return layout{numbers: (o.Kills + 1) * perLife, endpoints: []hectest.Options{{Script: f.script}},
				queue: "min_free: 1MB, segment_size: 1MiB"}
		}, func(ctx context.Context, r *rig) error { return c.run(ctx, r, f) })
		res := Result{Fault: fmt.Sprintf("%d kills, seed %d", o.Kills, seed)}
		began := time.Now()
		if err := row.run(ctx, &opts, &res); err != nil {
			return rep, err
		}
		res.Took = time.Since(began)
		rep = append(rep, res)
		if err := ctx.Err(); err != nil {
			return rep, err
		}
	}
	return rep, nil
}

// crash is one series of kills.
type crash struct {
	rnd      *rand.Rand
	kills    int
	change   func(life int) error // done between a kill and the start; nil: nothing
	lives    int
	accepted numbers // found in the queue after a kill
	counted  int64   // accepted by /metrics just before the kills
}

func (c *crash) run(ctx context.Context, r *rig, f *fault) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := r.newSender(streamRate, len(r.tally.seen))
	ended := make(chan struct{})
	abort.Must(r.start(ctx))
	sending, stopSending := context.WithCancel(ctx)
	defer stopSending()
	go func() {
		defer close(ended)
		_ = s.run(sending) // its error is the cancelled context
	}()
	for range c.kills {
		abort.Must(c.life(ctx, r, f))
	}
	stopSending()
	<-ended
	f.on.Store(false)
	return c.settle(ctx, r, s)
}

// life lets the gateway run for a random time, kills it and starts it again.
func (c *crash) life(ctx context.Context, r *rig, f *fault) error {
	f.on.Store(c.rnd.IntN(3) == 0) // sometimes the queue grows
	timer := time.NewTimer(lifeMin + time.Duration(c.rnd.Int64N(int64(lifeMax-lifeMin))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.gw.Done():
		return r.gw.Failure()
	case <-ctx.Done():
		return ctx.Err()
	}
	// Without a pause between the two, so that the kill hits whatever is going on. The
	// scrape is not one moment: what it sums may be delivered between two of its
	// numbers and count twice, so only what is sure to be accepted is taken.
	at := abort.Value(r.web.scrape(ctx))
	r.tally.killed()
	r.gw.Kill()
	found := abort.Value(r.queued(ctx))
	for seq := range found {
		c.accepted[seq] = true
	}
	c.counted += max(0, at.sum("gateway_queue_events")-at.sum("gateway_recovered_events_total"))
	if have := int64(len(c.accepted)) + c.only(r); have < c.counted {
		r.res.problem("by /metrics %d were accepted, the queue and the endpoint have %d", c.counted, have)
	}
	if c.lives++; c.change != nil {
		abort.Must(c.change(c.lives))
	}
	return r.start(ctx)
}

// only counts what the endpoint has and no queue had.
func (c *crash) only(r *rig) (n int64) {
	for seq := range r.tally.seen {
		if r.tally.has(seq) && !c.accepted[seq] {
			n++
		}
	}
	return n
}

// settle waits for the queue to drain and counts.
func (c *crash) settle(ctx context.Context, r *rig, s *sender) error {
	err := r.untilCounts(ctx, 2*rowLimit, "the queue is empty and the equation holds", func(k Counts) bool {
		return k.Pending == 0 && k.Difference() == 0
	})
	if err != nil {
		r.res.problem("%v", err)
	}
	abort.Must(r.count(ctx, s.written()))
	notAccepted := r.res.Lost
	r.res.Lost = 0
	for seq := range c.accepted {
		if !r.tally.has(seq) {
			r.res.Lost++
		}
	}
	r.res.detail("%d found in queues after kills", len(c.accepted))
	r.res.detail("%d were in socket buffers or memory at a kill", notAccepted-r.res.Lost)
	r.res.detail("%d connections", s.resumed)
	r.noneLate()
	r.res.problemIf(r.res.Lost > 0, "%d accepted messages are lost", r.res.Lost)
	return nil
}
