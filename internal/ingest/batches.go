package ingest

import (
	"slices"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
)

// numFamilies is how many batches a Batcher holds open at most: one for each vendor
// family, and one for what nothing recognises.
const numFamilies = 6

// OpenBatches is how many batches a Batcher of a source of this vendor holds open at
// most. Where messages of all vendors come, each family has a batch of its own: similar
// events compress better and faster (docs/adr/0006).
func OpenBatches(vendor string) int {
	if vendor == dialect.Auto {
		return numFamilies
	}
	return 1
}

// familyOf says which open batch takes the events of a class.
func familyOf(c dialect.Class, vendor string) uint8 {
	family := slices.Index(dialect.Names(), c.Family)
	if family < 0 || OpenBatches(vendor) == 1 {
		return 0
	}
	return uint8(family + 1)
}

// openBatches are the batches that a Batcher still appends to. The Batcher's lock guards
// them, except waiting.
type openBatches struct {
	pool    *event.Pool
	sink    Sink
	stop    <-chan struct{}
	maxAge  time.Duration
	source  *Source
	account *ledger.Account
	key     uint64 // of the source_hash policy

	byFamily [numFamilies]*event.Batch
	open     int         // batches in byFamily
	timer    *time.Timer // calls sealOld when a batch has reached its age
	closed   bool
	waiting  atomic.Int32 // 1 while the pool or the sink has no room
	underWay underWay     // sealed, and owe receipts
}

// underWay counts batches. It is owed a receipt of each.
type underWay struct{ n atomic.Int32 }

// Acknowledge implements event.Acknowledger.
func (u *underWay) Acknowledge(uint32, uint32) { u.n.Add(-1) }

func newOpenBatches(s *Source, o Options, sealOld func()) openBatches {
	timer := time.AfterFunc(time.Hour, sealOld)
	timer.Stop()
	return openBatches{
		pool: o.Pool, sink: o.Sink, stop: o.Stop, maxAge: o.MaxAge,
		source: s, account: s.account, key: hash(s.name), timer: timer,
	}
}

// begin opens a batch for a family. It returns the family whose batch to append to, with
// no batch when the gateway stops before one is free. It never waits for a second batch
// while it holds one, since two Batchers could wait for each other; the events then go to
// a batch that is open.
func (o *openBatches) begin(family uint8, now time.Time) (uint8, *event.Batch) {
	var b *event.Batch
	if o.open == 0 {
		o.waiting.Store(1)
		b = o.pool.Get(o.stop)
		o.waiting.Store(0)
		if b == nil {
			return family, nil
		}
		if !o.closed {
			o.timer.Reset(o.maxAge)
		}
	} else if b = o.pool.Try(); b == nil {
		family = uint8(slices.IndexFunc(o.byFamily[:], func(b *event.Batch) bool { return b != nil }))
		return family, o.byFamily[family]
	}
	b.Account, b.Received, b.Key = o.account, now, o.key
	b.Receipts.Due = o.source.Settings().RELP.Due
	o.byFamily[family] = b
	o.open++
	return family, b
}

// seal hands a family's batch over.
func (o *openBatches) seal(family uint8) {
	b := o.byFamily[family]
	o.byFamily[family] = nil
	o.open--
	if b.Receipts.Any() {
		o.underWay.n.Add(1)
		b.Receipts.Owe(&o.underWay, 0)
	}
	o.waiting.Store(1)
	err := o.sink.Handle(b)
	o.waiting.Store(0)
	if err != nil {
		o.account.DropReceived(dropShutdown.String(), b.Events)
		o.pool.Put(b)
	}
}

// sealOld seals the batches that have reached their age, and sets the timer for the next.
func (o *openBatches) sealOld() {
	var next time.Time
	for family, b := range o.byFamily {
		if b == nil {
			continue
		}
		old := b.Received.Add(o.maxAge)
		if o.closed || time.Until(old) <= time.Millisecond {
			o.seal(uint8(family)) // may block, and others reach their age meanwhile
		} else if next.IsZero() || old.Before(next) {
			next = old
		}
	}
	if !next.IsZero() {
		o.timer.Reset(time.Until(next))
	}
}

// close seals all open batches and stops the timer. Batches that are opened later are
// sealed by another close only.
func (o *openBatches) close() {
	o.closed = true
	o.timer.Stop()
	o.sealAll()
}

// sealAll seals all open batches.
func (o *openBatches) sealAll() {
	for family, b := range o.byFamily {
		if b != nil {
			o.seal(uint8(family))
		}
	}
}

// hash is FNV-1a over the name of a source.
func hash(source string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(source) {
		h = (h ^ uint64(source[i])) * 1099511628211
	}
	return h
}
