package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"syslog-gateway/bench/hecsink"
)

// meter takes CPU times from its making on.
type meter struct {
	b       *bed
	begin   time.Time
	gateway usage
	sink    usage
	machine time.Duration
	own     time.Duration
}

func (b *bed) meter() (*meter, error) {
	m := &meter{b: b, begin: time.Now(), own: ownCPU()}
	var errs [3]error
	m.machine, errs[0] = machineCPU()
	m.sink, errs[1] = readUsage(b.sink.pid())
	m.gateway, errs[2] = readUsage(b.gateway.pid())
	return m, errors.Join(errs[:]...)
}

// read writes into the run what was used since the making; loads are the ended load
// generators, which were started since then.
func (m *meter) read(loads []*process) error {
	r := m.b.run
	gateway, err1 := readUsage(m.b.gateway.pid())
	sink, err2 := readUsage(m.b.sink.pid())
	busy, err3 := machineCPU()
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	var load time.Duration
	for _, p := range loads {
		load += p.cpu()
	}
	ours := gateway.cpu - m.gateway.cpu + sink.cpu - m.sink.cpu + load + ownCPU() - m.own
	r.Watched = time.Since(m.begin).Seconds()
	r.OtherCPU = max(0, (busy - m.machine - ours).Seconds())
	r.CPU = (gateway.cpu - m.gateway.cpu).Seconds()
	r.SinkCPU = (sink.cpu - m.sink.cpu).Seconds()
	r.LoadCPU = load.Seconds()
	r.RSSHigh = gateway.rssHigh
	r.Written = gateway.written - m.gateway.written
	return nil
}

// underLoad drives the load and waits until all has arrived or nothing moves any more.
func (b *bed) underLoad(ctx context.Context) error {
	before, err := b.web.books(ctx, b.site.statsURL())
	if err != nil {
		return err
	}
	m, err := b.meter()
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
	busy, err := b.watch(ctx, loads)
	if err != nil {
		return err
	}
	if err := b.results(loads); err != nil {
		return err
	}
	if err := m.read(loads); err != nil {
		return err
	}
	// What the gateway used while the run waited in vain for lost messages is not
	// the cost of those that came.
	b.run.CPU = (busy - m.gateway.cpu).Seconds()
	b.rates()
	return b.balance(ctx, before)
}

// results takes what the load generators say, and stops those that have not ended.
func (b *bed) results(loads []*process) error {
	for _, p := range loads {
		if !p.ended() {
			b.run.problem("the load generator was stopped: nothing moved for %v", b.o.Quiet)
			p.stop(helperGrace)
		}
		r, err := result(p)
		if err != nil {
			return err
		}
		b.run.Loads = append(b.run.Loads, r)
	}
	return nil
}

func (b *bed) startLoads() (loads []*process, err error) {
	var first uint64
	for i, l := range b.sc.loads {
		p, err := start(b.site.dir, fmt.Sprintf("load-%d", i+1), true, nil, b.o.Bench, b.site.loadArgs(b.sc, l, first)...)
		if err != nil {
			return loads, err
		}
		loads = append(loads, p)
		first += l.count
	}
	return loads, nil
}

// watch polls the sink. It returns the gateway's CPU time at the first look after the
// last arrival.
func (b *bed) watch(ctx context.Context, loads []*process) (busy time.Duration, err error) {
	t := time.NewTicker(pollEvery)
	defer t.Stop()
	moved := time.Now()
	var last hecsink.Stats
	for {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-b.gateway.done:
			return 0, b.gateway.failure()
		case <-t.C:
		}
		ended := true
		for _, p := range loads {
			ended = ended && p.ended()
		}
		var now hecsink.Stats
		if err := b.web.json(ctx, b.site.sinkURL()+"/stats", &now); err != nil {
			return 0, err
		}
		if now.Events != last.Events || now.Refused != last.Refused || busy == 0 {
			u, err := readUsage(b.gateway.pid())
			if err != nil {
				return 0, err
			}
			busy = u.cpu
		}
		if now.Events != last.Events || now.Refused != last.Refused {
			moved = time.Now()
		}
		last, b.run.Sink = now, now
		patience := b.o.Quiet
		if now.Events == 0 {
			patience = max(patience, readyWait) // the load generator has to start first
		}
		if ended && now.Complete || time.Since(moved) > patience {
			return busy, nil
		}
	}
}

// rates works out the figures from the first send to the last arrival.
func (b *bed) rates() {
	r := b.run
	var begin int64
	for _, l := range r.Loads {
		if begin == 0 || l.Started < begin {
			begin = l.Started
		}
	}
	if arrived := float64(r.Sink.Unique); arrived > 0 && r.Sink.LastEvent > begin {
		r.Seconds = float64(r.Sink.LastEvent-begin) / 1e6
		r.Rate = arrived / r.Seconds
		r.CPUPerMessage = r.CPU * 1e6 / arrived
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
