package shard

import (
	"context"
	"fmt"
	"testing"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/testkit"
)

// sender remembers what was acknowledged to it.
type sender struct{ got []string }

func (s *sender) Acknowledge(first, last uint32) {
	s.got = append(s.got, fmt.Sprintf("%d-%d", first, last))
}

// Receipts are given when the record is in the queue, or later, when it is synced; also for
// what a rule drops, and not for what a stop drops.
func TestReceipts(t *testing.T) {
	for name, c := range map[string]struct {
		errs       []error
		due        event.Due
		dropNewest bool
		stopped    bool
		now, later string
	}{
		"queued":     {now: "[7-9]"},
		"synced":     {due: event.Synced, now: "[]", later: "[7-9]"},
		"secured":    {due: event.Secured, now: "[]", later: "[7-9]"},
		"dropped":    {due: event.Secured, errs: []error{event.ErrFull}, dropNewest: true, now: "[7-9]"},
		"unstorable": {due: event.Synced, errs: []error{event.ErrRecord}, now: "[7-9]"},
		"stopped":    {errs: []error{event.ErrFull}, stopped: true, now: "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			q := &fakeQueue{errs: c.errs, room: make(chan struct{})}
			f := start(t, ctx, q, false, c.dropNewest)
			var to sender
			b := f.batch(1)
			b.Receipts.Due = c.due
			for n := uint32(7); n <= 9; n++ {
				b.Receipts.Owe(&to, n)
			}
			f.shard.Offer(b)
			if c.stopped {
				cancel()
			}
			f.shard.Close()
			testkit.Must(t, <-f.done)
			testkit.Equal(t, "at once", fmt.Sprint(to.got), c.now)
			if b := f.pool.Get(nil); b.Receipts.Any() {
				t.Error("the batch owes receipts in its next life")
			}
			for _, done := range q.synced {
				done()
			}
			if c.later != "" {
				testkit.Equal(t, "after the sync", fmt.Sprint(to.got), c.later)
			}
		})
	}
}
