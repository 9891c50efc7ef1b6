package runner

import "context"

// drain queues all messages while there is no sink, starts the sink, and measures from
// the first arrival to the last.
func (r *rig) drain(ctx context.Context) error {
	before, err := r.web.counts(ctx, r.site.statsURL())
	if err != nil {
		return err
	}
	loads, err := r.startLoads()
	defer func() {
		for _, p := range loads {
			p.Stop(helperGrace)
		}
	}()
	if err != nil {
		return err
	}
	full, err := r.watch(ctx, loads, r.queued(before))
	if err != nil {
		return err
	}
	if n := r.sc.messages(); full.through < n {
		r.run.problem("%d of %d messages are queued, and nothing moves", full.through, n)
	}
	if err := r.results(loads); err != nil {
		return err
	}
	if err := r.startSink(ctx, r.sc.messages()); err != nil {
		return err
	}
	m, err := r.meter()
	if err != nil {
		return err
	}
	seen, err := r.watch(ctx, nil, r.arrived)
	if err != nil {
		return err
	}
	if err := m.read(nil); err != nil {
		return err
	}
	r.run.CPU = (seen.cpu - m.subject.cpu).Seconds()
	r.rates(seen, r.run.Sink.FirstEvent)
	return r.balance(ctx, before)
}
