package faults

import (
	"context"
	"fmt"
	"syslog-gateway/internal/testkit/abort"
	"time"
)

const streamRate = 20_000

// batchAge is the gateway's default batch.max_age.
const batchAge = 200 * time.Millisecond

func processRows() []Row {
	return []Row{
		on("kill -9 with a full queue, restart", func(o *Options) layout {
			return layout{numbers: o.pick(20_000, 200_000), production: true}
		}, killQueued),
		on("kill -9 mid-stream, sender reconnects", func(o *Options) layout {
			return layout{numbers: o.pick(40_000, 120_000), production: true}
		}, killStream),
		on("SIGTERM under load, sender reconnects", func(o *Options) layout {
			return layout{numbers: o.pick(40_000, 120_000), production: true}
		}, termStream),
	}
}

// killQueued kills a gateway whose queue holds everything.
func killQueued(ctx context.Context, r *rig) error {
	n := r.opts.pick(20_000, 200_000)
	fillQueue(ctx, r, n)
	r.gw.Kill()
	r.hec[0].SetDown(false)
	abort.Must(r.start(ctx))
	err := r.settleStrictly(ctx, n, 2*rowLimit)
	r.allRecovered(n)
	return err
}

// startStream starts the gateway and a sender of n messages, and returns when it has
// sent half of them; ended gets its end.
func startStream(ctx context.Context, r *rig, n int) (*sender, <-chan error) {
	abort.Must(r.start(ctx))
	s := r.newSender(streamRate, n)
	ended := s.begin(ctx)
	abort.Must(r.until(ctx, rowLimit, "it is in the middle", func() bool { return s.written() > n/2 }))
	return s, ended
}

// killStream kills in the middle of a stream. What is not accepted yet is lost, and
// must be: plain TCP reports nothing to a sender.
func killStream(ctx context.Context, r *rig) error {
	n := r.opts.pick(40_000, 120_000)
	s, ended := startStream(ctx, r, n)
	c := freezeAndKill(ctx, r, s)
	abort.Must(r.start(ctx))
	abort.Must(<-ended)
	abort.Must(r.settle(ctx, n-c.unaccepted(), 2*rowLimit))
	abort.Must(r.count(ctx, n))
	c.judge(r)
	return nil
}

// casualties are the messages that the sender had handed over when the gateway was
// killed.
type casualties struct {
	written  int     // taken by the kernel
	sockets  int     // of those, in the buffers of the connection
	accepted numbers // in the queue or at the endpoint
	rate     int
}

func (c *casualties) unaccepted() int { return c.written - len(c.accepted) }

// young are those that the gateway had read and not queued.
func (c *casualties) young() int { return c.unaccepted() - c.sockets }

// freezeAndKill is kill -9 with an exact count: the sender holds still, the process is frozen
// where it is, the kernel's buffers are read, and then it is killed there.
func freezeAndKill(ctx context.Context, r *rig, s *sender) casualties {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := casualties{written: s.next, rate: s.rate}
	if err := r.gw.Freeze(); err != nil {
		abort.Must(fmt.Errorf("freeze the gateway: %w", err))
	}
	bytes := abort.Value(socketBytes(ctx, r.port, s.ports))
	c.sockets = (bytes + lineLen - 1) / lineLen // a message is lost with any part of it
	r.gw.Kill()
	// A write now would still succeed where the kernel ended the connection with a FIN.
	clear(s.ports)
	s.broken = true
	// First the queue, then the endpoint: a request may still be on its way to it.
	c.accepted = abort.Value(r.queued(ctx))
	for seq := range s.next {
		if r.tally.has(seq) {
			c.accepted[seq] = true
		}
	}
	return c
}

// judge compares what is lost with what could not but be lost.
func (c *casualties) judge(r *rig) {
	for seq := range c.accepted {
		if !r.tally.has(seq) {
			r.res.problem("message %d was accepted and is lost", seq)
			break
		}
	}
	r.res.detail("lost: %d in socket buffers, %d in batches younger than %v", c.sockets, max(0, c.young()), batchAge)
	r.res.detail("the restart repeated %d", r.res.Duplicated)
	r.res.problemIf(r.res.Lost > int64(c.unaccepted()), "%d are lost, only %d were not accepted", r.res.Lost, c.unaccepted())
	// A batch is sealed at batch.max_age, then compressed and appended.
	if most := 2 * int(float64(c.rate)*batchAge.Seconds()); c.young() > most {
		r.res.problem("%d messages were in memory, at most %d may be", c.young(), most)
	}
}

// termStream stops the gateway in the middle of a stream, and starts it again.
func termStream(ctx context.Context, r *rig) error {
	n := r.opts.pick(40_000, 120_000)
	_, ended := startStream(ctx, r, n)
	began := time.Now()
	r.stop(time.Minute)
	r.res.detail("stopped in %.1f s", time.Since(began).Seconds())
	abort.Must(r.start(ctx))
	abort.Must(<-ended)
	return r.settleStrictly(ctx, n, 2*rowLimit)
}
