package faults

import (
	"context"
	"fmt"
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
func killQueued(ctx context.Context, b *bed) error {
	n := b.opts.pick(20_000, 200_000)
	b.hec[0].SetDown(true)
	if err := b.start(ctx); err != nil {
		return err
	}
	if err := b.sendAll(ctx, n, false); err != nil {
		return err
	}
	if err := b.untilBooks(ctx, rowLimit, "all is queued", func(k Books) bool { return k.Queued == int64(n) }); err != nil {
		return err
	}
	b.gw.Kill()
	b.hec[0].SetDown(false)
	if err := b.start(ctx); err != nil {
		return err
	}
	err := b.settle(ctx, n, 2*rowLimit)
	b.strict()
	if b.res.Books.Recovered != int64(n) {
		b.res.problem("%d of %d were found in the queue", b.res.Books.Recovered, n)
	}
	return err
}

// startStream starts the gateway and a sender of n messages, and returns when it has
// sent half of them; ended gets its end.
func startStream(ctx context.Context, b *bed, n int) (s *sender, ended <-chan error, err error) {
	if err := b.start(ctx); err != nil {
		return nil, nil, err
	}
	s = b.newSender(streamRate, n)
	end := make(chan error, 1)
	go func() { end <- s.run(ctx) }()
	err = b.until(ctx, rowLimit, "it is in the middle", func() bool { return s.written() > n/2 })
	return s, end, err
}

// killStream kills in the middle of a stream. What is not accepted yet is lost, and
// can only be: plain TCP tells a sender nothing.
func killStream(ctx context.Context, b *bed) error {
	n := b.opts.pick(40_000, 120_000)
	s, ended, err := startStream(ctx, b, n)
	if err != nil {
		return err
	}
	c, err := freezeAndKill(ctx, b, s)
	if err != nil {
		return err
	}
	if err := b.start(ctx); err != nil {
		return err
	}
	if err := <-ended; err != nil {
		return err
	}
	if err := b.settle(ctx, n-c.unaccepted(), 2*rowLimit); err != nil {
		return err
	}
	if err := b.count(ctx, n); err != nil {
		return err
	}
	c.judge(b)
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
func freezeAndKill(ctx context.Context, b *bed, s *sender) (casualties, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := casualties{written: s.next, rate: s.rate}
	if err := b.gw.Freeze(); err != nil {
		return c, fmt.Errorf("freeze the gateway: %w", err)
	}
	bytes, err := socketBytes(ctx, b.port, s.ports)
	if err != nil {
		return c, err
	}
	c.sockets = (bytes + lineLen - 1) / lineLen // a message is lost with any part of it
	b.gw.Kill()
	// A write now would still succeed where the kernel ended the connection with a FIN.
	clear(s.ports)
	s.broken = true
	// First the queue, then the endpoint: a request may still be on its way to it.
	if c.accepted, err = b.queued(ctx); err != nil {
		return c, err
	}
	for seq := range s.next {
		if b.tally.has(seq) {
			c.accepted[seq] = true
		}
	}
	return c, nil
}

// judge compares what is lost with what could not but be lost.
func (c *casualties) judge(b *bed) {
	for seq := range c.accepted {
		if !b.tally.has(seq) {
			b.res.problem("message %d was accepted and is lost", seq)
			break
		}
	}
	b.res.note("lost: %d in socket buffers, %d in batches younger than %v", c.sockets, max(0, c.young()), batchAge)
	b.res.note("the restart repeated %d", b.res.Duplicated)
	if b.res.Lost > int64(c.unaccepted()) {
		b.res.problem("%d are lost, only %d were not accepted", b.res.Lost, c.unaccepted())
	}
	// A batch is sealed at batch.max_age, then compressed and appended.
	if most := 2 * int(float64(c.rate)*batchAge.Seconds()); c.young() > most {
		b.res.problem("%d messages were in memory, at most %d may be", c.young(), most)
	}
}

// termStream stops the gateway in the middle of a stream, and starts it again.
func termStream(ctx context.Context, b *bed) error {
	n := b.opts.pick(40_000, 120_000)
	_, ended, err := startStream(ctx, b, n)
	if err != nil {
		return err
	}
	began := time.Now()
	if code := b.gw.Stop(time.Minute); code != 0 {
		b.res.problem("exit code %d", code)
	}
	b.res.note("stopped in %.1f s", time.Since(began).Seconds())
	if err := b.start(ctx); err != nil {
		return err
	}
	if err := <-ended; err != nil {
		return err
	}
	err = b.settle(ctx, n, 2*rowLimit)
	b.strict()
	return err
}
