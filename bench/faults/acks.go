package faults

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit/abort"
)

// ackSwitch confirms ackIds, or does not for now.
type ackSwitch struct{ holds atomic.Bool }

func (a *ackSwitch) confirm(string, int64) bool { return !a.holds.Load() }

func ackRow(name, timeout string, happen func(context.Context, *rig, *ackSwitch) error) Row {
	var a ackSwitch
	return on(name, func(*Options) layout {
		return layout{numbers: fewMessages, endpoints: []hectest.Options{{Acks: true, Confirm: a.confirm}},
			stop: "2s", hec: ", ack: {enabled: true, poll_interval: 100ms, timeout: " + timeout + "}"}
	}, func(ctx context.Context, r *rig) error {
		a.holds.Store(true)
		abort.Must(r.startAndSend(ctx, fewMessages))
		// Posted and answered with 200, yet nothing may be freed before it is confirmed.
		abort.Must(r.untilArrived(ctx, "all is posted", fewMessages))
		abort.Must(r.kept(ctx, false))
		return happen(ctx, r, &a)
	})
}

func ackRows() []Row {
	return []Row{
		slowAcksRow(),
		ackRow("ack confirmed late", "1m", func(ctx context.Context, r *rig, a *ackSwitch) error {
			polls := r.hec[0].Polls()
			abort.Must(r.until(ctx, rowLimit, "it was asked for in vain", func() bool { return r.hec[0].Polls() > polls+3 }))
			a.holds.Store(false)
			return r.settleStrictly(ctx, fewMessages, rowLimit)
		}),
		ackRow("ack never, posted again", "1s", func(ctx context.Context, r *rig, a *ackSwitch) error {
			abort.Must(r.until(ctx, rowLimit, "it is posted again", func() bool { return r.tally.twice.Load() > 0 }))
			a.holds.Store(false)
			err := r.settle(ctx, fewMessages, rowLimit)
			r.noneLost()
			return err
		}),
		ackRow("ack ids forgotten by the indexer", "1s", func(ctx context.Context, r *rig, a *ackSwitch) error {
			r.hec[0].Restart()
			a.holds.Store(false)
			err := r.settle(ctx, fewMessages, rowLimit)
			r.noneLost()
			return err
		}),
		ackRow("ack pending, kill -9, restart", "1m", func(ctx context.Context, r *rig, a *ackSwitch) error {
			r.gw.Kill()
			a.holds.Store(false)
			abort.Must(r.start(ctx))
			err := r.settle(ctx, fewMessages, rowLimit)
			r.noneLost()
			r.allRecovered(fewMessages)
			return err
		}),
		ackRow("ack pending, SIGTERM, restart", "1m", func(ctx context.Context, r *rig, a *ackSwitch) error {
			r.stop(time.Minute)
			a.holds.Store(false)
			abort.Must(r.start(ctx))
			err := r.settle(ctx, fewMessages, rowLimit)
			r.noneLost()
			return err
		}),
	}
}

// slowAcksRow has acknowledgements that come late and a rate that must not suffer: what
// waits for one is far more than what is on its way.
func slowAcksRow() Row {
	type pace struct{ rate, seconds, delay int }
	of := func(o *Options) pace {
		if o.Quick {
			return pace{10_000, 3, 2}
		}
		return pace{50_000, 20, 10}
	}
	return on("ack after 10 s under load", func(o *Options) layout {
		p := of(o)
		return layout{numbers: p.rate * p.seconds, production: true,
			endpoints: []hectest.Options{{Acks: true, AckDelay: time.Duration(p.delay) * time.Second}},
			hec:       ", ack: {enabled: true, poll_interval: 1s, timeout: 1m}"}
	}, func(ctx context.Context, r *rig) error {
		p := of(r.opts)
		abort.Must(r.start(ctx))
		n, began := p.rate*p.seconds, time.Now()
		abort.Must(r.newSender(p.rate, n).run(ctx))
		abort.Must(r.untilArrived(ctx, "all is posted", n))
		took := time.Since(began)
		err := r.settleStrictly(ctx, n, rowLimit)
		r.res.detail("%.0f/s of %d/s taken with acknowledgements after %d s", float64(n)/took.Seconds(), p.rate, p.delay)
		frugal := r.frugal()
		// If acknowledgements delayed it, it would wait for at least one of them.
		if late := took - time.Duration(p.seconds)*time.Second; late > time.Duration(p.delay)*time.Second {
			r.res.problem("the endpoint has all only %.1f s after it was sent", late.Seconds())
		}
		return errors.Join(err, frugal)
	})
}
