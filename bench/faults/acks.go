package faults

import (
	"context"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/hec/hectest"
)

// ackSwitch confirms ackIds, or does not for now.
type ackSwitch struct{ holds atomic.Bool }

func (a *ackSwitch) confirm(string, int64) bool { return !a.holds.Load() }

func ackRow(name, timeout string, happen func(context.Context, *bed, *ackSwitch) error) Row {
	var a ackSwitch
	return on(name, func(*Options) layout {
		return layout{numbers: fewMessages, endpoints: []hectest.Options{{Acks: true, Confirm: a.confirm}},
			stop: "2s", hec: ", ack: {enabled: true, poll_interval: 100ms, timeout: " + timeout + "}"}
	}, func(ctx context.Context, b *bed) error {
		a.holds.Store(true)
		if err := b.start(ctx); err != nil {
			return err
		}
		if err := b.sendAll(ctx, fewMessages, false); err != nil {
			return err
		}
		// Posted and answered with 200, yet nothing may be freed before it is confirmed.
		if err := b.until(ctx, rowLimit, "all is posted", func() bool { return b.tally.unique.Load() == fewMessages }); err != nil {
			return err
		}
		if err := b.kept(ctx, false); err != nil {
			return err
		}
		return happen(ctx, b, &a)
	})
}

func ackRows() []Row {
	return []Row{
		ackRow("ack confirmed late", "1m", func(ctx context.Context, b *bed, a *ackSwitch) error {
			polls := b.hec[0].Polls()
			if err := b.until(ctx, rowLimit, "it was asked for in vain", func() bool { return b.hec[0].Polls() > polls+3 }); err != nil {
				return err
			}
			a.holds.Store(false)
			err := b.settle(ctx, fewMessages, rowLimit)
			b.strict()
			return err
		}),
		ackRow("ack never, posted again", "1s", func(ctx context.Context, b *bed, a *ackSwitch) error {
			if err := b.until(ctx, rowLimit, "it is posted again", func() bool { return b.tally.twice.Load() > 0 }); err != nil {
				return err
			}
			a.holds.Store(false)
			err := b.settle(ctx, fewMessages, rowLimit)
			b.noneLost()
			return err
		}),
		ackRow("ack ids forgotten by the indexer", "1s", func(ctx context.Context, b *bed, a *ackSwitch) error {
			b.hec[0].Restart()
			a.holds.Store(false)
			err := b.settle(ctx, fewMessages, rowLimit)
			b.noneLost()
			return err
		}),
		ackRow("ack pending, kill -9, restart", "1m", func(ctx context.Context, b *bed, a *ackSwitch) error {
			b.gw.kill()
			a.holds.Store(false)
			if err := b.start(ctx); err != nil {
				return err
			}
			err := b.settle(ctx, fewMessages, rowLimit)
			b.noneLost()
			if b.res.Books.Recovered != fewMessages {
				b.res.problem("%d of %d were found in the queue", b.res.Books.Recovered, fewMessages)
			}
			return err
		}),
		ackRow("ack pending, SIGTERM, restart", "1m", func(ctx context.Context, b *bed, a *ackSwitch) error {
			if code := b.gw.stop(time.Minute); code != 0 {
				b.res.problem("exit code %d", code)
			}
			a.holds.Store(false)
			if err := b.start(ctx); err != nil {
				return err
			}
			err := b.settle(ctx, fewMessages, rowLimit)
			b.noneLost()
			return err
		}),
	}
}
