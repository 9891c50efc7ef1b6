package listener

import (
	"slices"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
)

// numLanes is how many batches an intake holds open at most: those of the families,
// and one of what nothing recognises.
const numLanes = 6

// Lanes is how many batches an intake of a source of this vendor holds open at most.
// Where lines of all vendors come, each family has a lane of its own: what is alike
// compresses better and faster (docs/adr/0006).
func Lanes(sourceVendor string) int {
	if sourceVendor == dialect.Auto {
		return numLanes
	}
	return 1
}

// laneOf is the lane of a class.
func laneOf(c dialect.Class, sourceVendor string) uint8 {
	family := slices.Index(dialect.Names(), c.Family)
	if family < 0 || Lanes(sourceVendor) == 1 {
		return 0
	}
	return uint8(family + 1)
}

// fresh opens a batch and returns its lane, with no batch when the gateway stops
// before one is free. An intake that holds a batch does not wait for another, or two
// of them could wait for each other: then all goes with what is open.
func (in *Intake) fresh(lane uint8) (uint8, *event.Batch) {
	var b *event.Batch
	if in.open == 0 {
		in.waits.Store(1)
		b = in.batching.Pool.Get(in.batching.Stop)
		in.waits.Store(0)
		if b == nil {
			return lane, nil
		}
		if !in.closed {
			in.timer.Reset(in.batching.MaxAge)
		}
	} else if b = in.batching.Pool.Try(); b == nil {
		lane = uint8(slices.IndexFunc(in.lanes[:], func(b *event.Batch) bool { return b != nil }))
		return lane, in.lanes[lane]
	}
	b.Account, b.Received, b.Key = in.account, in.now, in.key
	in.lanes[lane] = b
	in.open++
	return lane, b
}

// seal hands the open batch of a lane over.
func (in *Intake) seal(lane uint8) {
	b := in.lanes[lane]
	in.lanes[lane] = nil
	in.open--
	in.waits.Store(1)
	err := in.batching.Sink.Handle(b)
	in.waits.Store(0)
	if err != nil {
		in.account.DropReceived(dropShutdown, b.Events)
		in.batching.Pool.Put(b)
	}
}

// expire runs on the timer: it seals what is old, and comes again when the next is.
func (in *Intake) expire() {
	in.mu.Lock()
	defer in.mu.Unlock()
	var next time.Time
	for lane, b := range in.lanes {
		if b == nil {
			continue
		}
		old := b.Received.Add(in.batching.MaxAge)
		if in.closed || time.Until(old) <= time.Millisecond {
			in.seal(uint8(lane)) // it may wait, and others get old meanwhile
		} else if next.IsZero() || old.Before(next) {
			next = old
		}
	}
	if !next.IsZero() {
		in.timer.Reset(time.Until(next))
	}
}

// close seals what is open, when nothing more is to come: what did come would be
// sealed by another close, not by its age, since shards may be gone by then.
func (in *Intake) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.timer.Stop()
	for lane, b := range in.lanes {
		if b != nil {
			in.seal(uint8(lane))
		}
	}
}
