package runner

import "context"

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
			p.Stop(helperGrace)
		}
	}()
	if err != nil {
		return err
	}
	full, err := b.watch(ctx, loads, b.queued(before))
	if err != nil {
		return err
	}
	if n := b.sc.messages(); full.through < n {
		b.run.problem("%d of %d messages are queued, and nothing moves", full.through, n)
	}
	if err := b.results(loads); err != nil {
		return err
	}
	if err := b.startSink(ctx, b.sc.messages()); err != nil {
		return err
	}
	m, err := b.meter()
	if err != nil {
		return err
	}
	seen, err := b.watch(ctx, nil, b.arrived)
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
