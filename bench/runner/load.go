package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"syslog-gateway/bench/child"
	"syslog-gateway/internal/testkit/abort"
)

// meter measures CPU times from its creation on.
type meter struct {
	b       *rig
	begin   time.Time
	subject usage
	sink    usage
	nodes   time.Duration
	machine time.Duration
	own     time.Duration
}

func (r *rig) meter() (*meter, error) {
	m := &meter{b: r, begin: time.Now(), own: ownCPU()}
	var errs [4]error
	m.machine, errs[0] = machineCPU()
	m.sink, errs[1] = readUsage(r.sink.PID())
	m.subject, errs[2] = readUsage(r.subject.PID())
	m.nodes, errs[3] = r.site.nodes.cpu()
	return m, errors.Join(errs[:]...)
}

// read writes into the run the CPU time used since then; loads are the ended load
// generators, which were started since then.
func (m *meter) read(loads []*child.Process) error {
	run := m.b.run
	subject, err1 := readUsage(m.b.subject.PID())
	sink, err2 := readUsage(m.b.sink.PID())
	busy, err3 := machineCPU()
	nodes, err4 := m.b.site.nodes.cpu()
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	var load time.Duration
	for _, p := range loads {
		load += p.CPU()
	}
	ours := subject.cpu - m.subject.cpu + sink.cpu - m.sink.cpu + nodes - m.nodes + load + ownCPU() - m.own
	run.Watched = time.Since(m.begin).Seconds()
	run.OtherCPU = max(0, (busy - m.machine - ours).Seconds())
	run.CPU = (subject.cpu - m.subject.cpu).Seconds()
	run.SinkCPU = (sink.cpu - m.sink.cpu).Seconds()
	run.NodesCPU = (nodes - m.nodes).Seconds()
	run.LoadCPU = load.Seconds()
	run.RSSHigh = subject.rssHigh
	run.Written = subject.written - m.subject.written
	return nil
}

// underLoad drives the load and waits until all is through or nothing moves any more.
func (r *rig) underLoad(ctx context.Context) (err error) {
	defer abort.Catch(&err)
	var before Counts
	if r.peer == nil {
		var err error
		if before, err = r.web.counts(ctx, r.site.statsURL()); err != nil {
			return err
		}
	}
	m := abort.Value(r.meter())
	loads, err := r.startLoads()
	defer func() {
		for _, p := range loads {
			p.Stop(helperGrace)
		}
	}()
	abort.Must(err)
	observe := r.arrived
	if r.sc.Until == untilQueued {
		observe = r.queued(before)
	}
	seen := abort.Value(r.watch(ctx, loads, observe))
	abort.Must(r.results(loads))
	abort.Must(m.read(loads))
	// What the subject used while the run waited in vain for lost messages is not
	// the cost of those that came.
	r.run.CPU = (seen.cpu - m.subject.cpu).Seconds()
	r.rates(seen, r.run.began())
	if r.peer != nil {
		return nil
	}
	return r.balance(ctx, before)
}

// results takes what the load generators say, and stops those that have not ended.
func (r *rig) results(loads []*child.Process) error {
	for _, p := range loads {
		if !p.Ended() {
			r.run.problem("the load generator was stopped: no progress for %v", r.o.Quiet)
			p.Stop(helperGrace)
		}
		load, err := result(p)
		if err != nil {
			return err
		}
		r.run.Loads = append(r.run.Loads, load)
	}
	return nil
}

func (r *rig) startLoads() (loads []*child.Process, err error) {
	var first uint64
	for i, l := range r.sc.Loads {
		p, err := child.Start(child.Options{Dir: r.site.dir, Name: fmt.Sprintf("load-%d", i+1), Keep: true, Path: r.o.Bench, Args: r.site.loadArgs(r.sc, l, first)})
		if err != nil {
			return loads, err
		}
		loads = append(loads, p)
		n, _ := l.messages() // validate has seen it
		first += n
	}
	return loads, nil
}

// sight is how far the messages have come.
type sight struct {
	through  uint64        // messages that arrived, or that are queued where that is the end
	progress uint64        // changes with anything that happens
	at       int64         // of the last one through, microseconds since the Unix epoch
	cpu      time.Duration // of the subject, at the first observation after that
}

// watch observes until all messages are through, or nothing has changed for too long.
func (r *rig) watch(ctx context.Context, loads []*child.Process, observe func(context.Context) (sight, error)) (last sight, err error) {
	t := time.NewTicker(pollEvery)
	defer t.Stop()
	lastProgress := time.Now()
	for {
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-r.subject.Done():
			return last, r.subject.Failure()
		case <-t.C:
		}
		ended := true
		for _, p := range loads {
			ended = ended && p.Ended()
		}
		now, err := observe(ctx)
		if err != nil {
			return last, err
		}
		if now.progress != last.progress || last.cpu == 0 {
			u, err := readUsage(r.subject.PID())
			if err != nil {
				return last, err
			}
			now.cpu, lastProgress = u.cpu, time.Now()
			last = now
		}
		patience := r.o.Quiet + r.sc.Refuse
		if last.through == 0 {
			patience = max(patience, readyWait) // the load generator has to start first
		}
		if ended && last.through >= r.sc.messages() || time.Since(lastProgress) > patience {
			return last, nil
		}
	}
}

// arrived asks the sink.
func (r *rig) arrived(ctx context.Context) (sight, error) {
	err := r.web.json(ctx, r.site.sinkURL()+"/stats", &r.run.Sink)
	s := r.run.Sink
	return sight{through: s.Unique, progress: s.Events + s.Refused, at: s.LastEvent}, err
}

// queued returns how many messages the gateway has queued since the counts in before.
func (r *rig) queued(before Counts) func(context.Context) (sight, error) {
	return func(ctx context.Context) (sight, error) {
		counts, err := r.web.counts(ctx, r.site.statsURL())
		if err != nil {
			return sight{}, err
		}
		n := uint64(max(0, counts.minus(before).Queued))
		return sight{through: n, progress: n, at: time.Now().UnixMicro()}, nil
	}
}

// began is when the first message was sent, in microseconds since the Unix epoch.
func (run *Run) began() (first int64) {
	for _, l := range run.Loads {
		if first == 0 || l.Started < first {
			first = l.Started
		}
	}
	return first
}

// rates works out the figures from begin, microseconds since the Unix epoch, to the last
// arrival.
func (r *rig) rates(seen sight, begin int64) {
	run := r.run
	if seen.through > 0 && seen.at > begin {
		run.Through = seen.through
		run.Seconds = float64(seen.at-begin) / 1e6
		run.Rate = float64(seen.through) / run.Seconds
		run.CPUPerMessage = run.CPU * 1e6 / float64(seen.through)
	}
}

// balance scrapes until the counters balance with nothing queued, or no longer change: the
// gateway counts a message as delivered a little after the sink has it.
func (r *rig) balance(ctx context.Context, before Counts) error {
	t := time.NewTicker(pollEvery)
	defer t.Stop()
	until := time.Now().Add(balanceWait)
	for {
		now, err := r.web.counts(ctx, r.site.statsURL())
		if err != nil {
			return err
		}
		if counts := now.minus(before); counts != r.run.Counts {
			r.run.Counts = counts
			until = time.Now().Add(balanceWait)
		}
		if r.run.Counts.Difference() == 0 && r.run.Counts.Queued == 0 || time.Now().After(until) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}
