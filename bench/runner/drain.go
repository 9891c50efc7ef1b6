package runner

import (
	"context"
	"time"
)

// drain queues all messages while nobody takes them, starts the sink, and measures from
// the first arrival to the last.
func (b *bed) drain(ctx context.Context) error {
	before, err := b.web.books(ctx, b.site.statsURL())
	if err != nil {
		return err
	}
	loads, err := b.startLoads()
	defer func() {
		for _, p := range loads {
			p.stop(helperGrace)
		}
	}()
	if err != nil {
		return err
	}
	if err := b.queued(ctx, loads); err != nil {
		return err
	}
	if err := b.results(loads); err != nil {
		return err
	}
	if err := b.startSink(ctx); err != nil {
		return err
	}
	m, err := b.meter()
	if err != nil {
		return err
	}
	seen, err := b.watch(ctx, nil, before)
	if err != nil {
		return err
	}
	if err := m.read(nil); err != nil {
		return err
	}
	b.run.CPU = (seen.cpu - m.subject.cpu).Seconds()
	b.rates(seen, b.run.Sink.FirstEvent)
	return b.balance(ctx, before)
}

// queued waits until all that the loads send is in the queue, or nothing moves.
func (b *bed) queued(ctx context.Context, loads []*process) error {
	t := time.NewTicker(pollEvery)
	defer t.Stop()
	var last int64
	for moved := time.Now(); time.Since(moved) < max(b.o.Quiet, readyWait); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.subject.done:
			return b.subject.failure()
		case <-t.C:
		}
		now, err := b.web.books(ctx, b.site.statsURL())
		if err != nil {
			return err
		}
		ended := true
		for _, p := range loads {
			ended = ended && p.ended()
		}
		if ended && now.Queued == int64(b.sc.messages()) {
			return nil
		}
		if now.Queued != last {
			last, moved = now.Queued, time.Now()
		}
	}
	b.run.problem("%d of %d messages are queued, and nothing moves", last, b.sc.messages())
	return nil
}
