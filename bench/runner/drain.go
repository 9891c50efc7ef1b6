package runner

import (
	"context"

	"syslog-gateway/internal/testkit/abort"
)

// drain queues all messages while there is no sink, starts the sink, and measures from
// the first arrival to the last.
func (r *rig) drain(ctx context.Context) (err error) {
	defer abort.Catch(&err)
	before := abort.Value(r.web.counts(ctx, r.site.statsURL()))
	loads, err := r.startLoads()
	defer func() {
		for _, p := range loads {
			p.Stop(helperGrace)
		}
	}()
	abort.Must(err)
	full := abort.Value(r.watch(ctx, loads, r.queued(before)))
	if n := r.sc.messages(); full.through < n {
		r.run.problem("%d of %d messages are queued, and nothing moves", full.through, n)
	}
	abort.Must(r.results(loads))
	abort.Must(r.startSink(ctx, r.sc.messages()))
	m := abort.Value(r.meter())
	seen := abort.Value(r.watch(ctx, nil, r.arrived))
	abort.Must(m.read(nil))
	r.run.CPU = (seen.cpu - m.subject.cpu).Seconds()
	r.rates(seen, r.run.Sink.FirstEvent)
	return r.balance(ctx, before)
}
