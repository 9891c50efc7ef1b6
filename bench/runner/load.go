package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"syslog-gateway/bench/child"
)

// meter takes CPU times from its making on.
type meter struct {
	b       *bed
	begin   time.Time
	subject usage
	sink    usage
	machine time.Duration
	own     time.Duration
}

func (b *bed) meter() (*meter, error) {
	m := &meter{b: b, begin: time.Now(), own: ownCPU()}
	var errs [3]error
	m.machine, errs[0] = machineCPU()
	m.sink, errs[1] = readUsage(b.sink.PID())
	m.subject, errs[2] = readUsage(b.subject.PID())
	return m, errors.Join(errs[:]...)
}

// read writes into the run what was used since the making; loads are the ended load
// generators, which were started since then.
func (m *meter) read(loads []*child.Process) error {
	r := m.b.run
	subject, err1 := readUsage(m.b.subject.PID())
	sink, err2 := readUsage(m.b.sink.PID())
	busy, err3 := machineCPU()
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	var load time.Duration
	for _, p := range loads {
		load += p.CPU()
	}
	ours := subject.cpu - m.subject.cpu + sink.cpu - m.sink.cpu + load + ownCPU() - m.own
	r.Watched = time.Since(m.begin).Seconds()
	r.OtherCPU = max(0, (busy - m.machine - ours).Seconds())
	r.CPU = (subject.cpu - m.subject.cpu).Seconds()
	r.SinkCPU = (sink.cpu - m.sink.cpu).Seconds()
	r.LoadCPU = load.Seconds()
	r.RSSHigh = subject.rssHigh
	r.Written = subject.written - m.subject.written
	return nil
}

// underLoad drives the load and waits until all is through or nothing moves any more.
func (b *bed) underLoad(ctx context.Context) error {
	var before Books
	if b.peer == nil {
		var err error
		if before, err = b.web.books(ctx, b.site.statsURL()); err != nil {
			return err
		}
	}
	m, err := b.meter()
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
	look := b.arrived
	if b.sc.Until == untilQueued {
		look = b.queued(before)
	}
	seen, err := b.watch(ctx, loads, look)
	if err != nil {
		return err
	}
	if err := b.results(loads); err != nil {
		return err
	}
	if err := m.read(loads); err != nil {
		return err
	}
	// What the subject used while the run waited in vain for lost messages is not
	// the cost of those that came.
	b.run.CPU = (seen.cpu - m.subject.cpu).Seconds()
	b.rates(seen, b.run.began())
	if b.peer != nil {
		return nil
	}
	return b.balance(ctx, before)
}

// results takes what the load generators say, and stops those that have not ended.
func (b *bed) results(loads []*child.Process) error {
	for _, p := range loads {
		if !p.Ended() {
			b.run.problem("the load generator was stopped: nothing moved for %v", b.o.Quiet)
			p.Stop(helperGrace)
		}
		r, err := result(p)
		if err != nil {
			return err
		}
		b.run.Loads = append(b.run.Loads, r)
	}
	return nil
}

func (b *bed) startLoads() (loads []*child.Process, err error) {
	var first uint64
	for i, l := range b.sc.Loads {
		p, err := child.Start(child.Options{Dir: b.site.dir, Name: fmt.Sprintf("load-%d", i+1), Keep: true, Path: b.o.Bench, Args: b.site.loadArgs(b.sc, l, first)})
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
	through uint64        // messages that arrived, or that are queued where that is the end
	moved   uint64        // changes with anything that happens
	at      int64         // of the last one through, microseconds since the Unix epoch
	cpu     time.Duration // of the subject, at the first look after that
}

// watch looks until all is through, or nothing has moved for too long.
func (b *bed) watch(ctx context.Context, loads []*child.Process, look func(context.Context) (sight, error)) (last sight, err error) {
	t := time.NewTicker(pollEvery)
	defer t.Stop()
	moved := time.Now()
	for {
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-b.subject.Done():
			return last, b.subject.Failure()
		case <-t.C:
		}
		ended := true
		for _, p := range loads {
			ended = ended && p.Ended()
		}
		now, err := look(ctx)
		if err != nil {
			return last, err
		}
		if now.moved != last.moved || last.cpu == 0 {
			u, err := readUsage(b.subject.PID())
			if err != nil {
				return last, err
			}
			now.cpu, moved = u.cpu, time.Now()
			last = now
		}
		patience := b.o.Quiet + b.sc.Refuse
		if last.through == 0 {
			patience = max(patience, readyWait) // the load generator has to start first
		}
		if ended && last.through >= b.sc.messages() || time.Since(moved) > patience {
			return last, nil
		}
	}
}

// arrived asks the sink.
func (b *bed) arrived(ctx context.Context) (sight, error) {
	err := b.web.json(ctx, b.site.sinkURL()+"/stats", &b.run.Sink)
	s := b.run.Sink
	return sight{through: s.Unique, moved: s.Events + s.Refused, at: s.LastEvent}, err
}

// queued asks the gateway what it has queued since it had the books before.
func (b *bed) queued(before Books) func(context.Context) (sight, error) {
	return func(ctx context.Context) (sight, error) {
		books, err := b.web.books(ctx, b.site.statsURL())
		if err != nil {
			return sight{}, err
		}
		n := uint64(max(0, books.minus(before).Queued))
		return sight{through: n, moved: n, at: time.Now().UnixMicro()}, nil
	}
}

// began is when the first message was sent, in microseconds since the Unix epoch.
func (r *Run) began() (first int64) {
	for _, l := range r.Loads {
		if first == 0 || l.Started < first {
			first = l.Started
		}
	}
	return first
}

// rates works out the figures from begin, microseconds since the Unix epoch, to the last
// arrival.
func (b *bed) rates(seen sight, begin int64) {
	r := b.run
	if seen.through > 0 && seen.at > begin {
		r.Through = seen.through
		r.Seconds = float64(seen.at-begin) / 1e6
		r.Rate = float64(seen.through) / r.Seconds
		r.CPUPerMessage = r.CPU * 1e6 / float64(seen.through)
	}
}

// balance scrapes until the books balance with nothing queued, or change no more: a
// message is booked as delivered a little after the sink has it.
func (b *bed) balance(ctx context.Context, before Books) error {
	t := time.NewTicker(pollEvery)
	defer t.Stop()
	until := time.Now().Add(balanceWait)
	for {
		now, err := b.web.books(ctx, b.site.statsURL())
		if err != nil {
			return err
		}
		if books := now.minus(before); books != b.run.Books {
			b.run.Books = books
			until = time.Now().Add(balanceWait)
		}
		if b.run.Books.Difference() == 0 && b.run.Books.Queued == 0 || time.Now().After(until) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}
