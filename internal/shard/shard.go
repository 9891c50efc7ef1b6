package shard

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/deflate"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/throttle"
)

// Queue is what the shard needs of a disk queue.
type Queue interface {
	// Append makes the record durable against a crash of the process. It keeps
	// nothing of the record, and counts it as accepted. It fails with event.ErrFull if
	// there is no room, and with event.ErrRecord if the record can never be stored.
	Append(rec *event.Record) error
	// WaitRoom blocks until Append is worth trying again, or ctx is done.
	WaitRoom(ctx context.Context) error
	// AfterSync has done called when all that is appended so far is synced, which is begun
	// at once. It is not called if that never happens.
	AfterSync(done func())
	// AfterAck has done called when a record is acknowledged, at once if it has been.
	AfterAck(seq uint64, done func())
	// PendingBytes is what waits in the queue.
	PendingBytes() int64
}

// Reasons of drops that are counted here.
const (
	dropNewest   = "drop_newest" // queue.when_full says so
	dropRecord   = "unstorable"  // larger than the queue takes
	dropShutdown = "shutdown"    // stopped while the queue was full
)

// alarmEvery is how often the same trouble with the disk is logged.
const alarmEvery = time.Minute

// backlog is how many batches wait for a shard that is busy compressing.
const backlog = 2

// MaxBatches is the most batches that a shard holds.
const MaxBatches = backlog + 1

// Options is what a shard is built of.
type Options struct {
	Name       string
	Queue      Queue
	Pool       *event.Pool
	Gzip       bool
	DropNewest bool   // drop a batch that the full queue does not take
	Freed      func() // informs the balancer that there is room again
	Logger     *slog.Logger
}

// Shard compresses and appends the batches that it is offered.
type Shard struct {
	options  Options
	in       chan *event.Batch
	stuck    atomic.Bool
	draining atomic.Bool  // an operator drains it: it takes nothing new
	waiting  atomic.Int64 // bytes of JSON not yet appended

	compressor *deflate.Compressor // nil: nothing is compressed
	body       []byte

	failing throttle.Throttle // of the error that the disk fails
}

// New returns a shard; Run makes it work.
func New(o Options) *Shard {
	s := &Shard{options: o, in: make(chan *event.Batch, backlog)}
	if o.Gzip {
		s.compressor = new(deflate.Compressor)
	}
	return s
}

// Offer takes the batch if the shard can work on it soon. A shard finds out that its queue
// is full by trying: so at least one shard always waits for room, and calls Freed when
// there is some.
func (s *Shard) Offer(b *event.Batch) bool {
	if s.stuck.Load() || s.draining.Load() {
		return false
	}
	n := int64(len(b.Data))
	s.waiting.Add(n)
	select {
	case s.in <- b:
		return true
	default:
		s.waiting.Add(-n)
		return false
	}
}

// Load is the number of bytes that wait here and in the queue.
func (s *Shard) Load() int64 { return s.waiting.Load() + s.options.Queue.PendingBytes() }

// SetDraining starts or ends a drain. While draining, the shard takes no new batches and
// finishes those that it has.
func (s *Shard) SetDraining(draining bool) {
	s.draining.Store(draining)
	if !draining {
		s.options.Freed()
	}
}

// Draining reports whether the shard is drained.
func (s *Shard) Draining() bool { return s.draining.Load() }

// Close says that nothing more will be offered: Run ends with the last batch.
func (s *Shard) Close() { close(s.in) }

// Run works until Close. When ctx is done before, batches that find the queue full
// are dropped and counted; the others are still appended.
func (s *Shard) Run(ctx context.Context) error {
	for b := range s.in {
		s.take(ctx, b)
	}
	return nil
}

func (s *Shard) take(ctx context.Context, b *event.Batch) {
	rec := event.Record{
		Source:   b.Account.Source,
		Events:   b.Events,
		Raw:      len(b.Data),
		Received: b.Received,
		Body:     b.Data,
	}
	if s.compressor != nil {
		s.body = s.compressor.Append(s.body[:0], b.Data)
		rec.Encoding, rec.Body = event.Gzip, s.body
	}
	reason := s.append(ctx, &rec)
	if reason != "" {
		b.Account.DropReceived(reason, b.Events)
	}
	s.settle(b.Receipts, rec.Seq, reason)
	s.waiting.Add(-int64(len(b.Data)))
	s.options.Pool.Put(b)
	s.options.Freed()
}

// settle gives the senders their receipts, or has the queue do so. A batch that is dropped
// by a rule is in order for its senders: they would send it for ever. One that is dropped by
// a stop is not: they send it to the next process.
func (s *Shard) settle(receipts event.Receipts, seq uint64, dropped string) {
	switch {
	case !receipts.Any() || dropped == dropShutdown:
	case dropped == "" && receipts.Due == event.Synced:
		s.options.Queue.AfterSync(receipts.Settle)
	case dropped == "" && receipts.Due == event.Secured:
		s.options.Queue.AfterAck(seq, receipts.Settle)
	default:
		receipts.Settle()
	}
}

// append tries until the queue has the record. A reason says why it was dropped instead.
func (s *Shard) append(ctx context.Context, rec *event.Record) (reason string) {
	defer s.stuck.Store(false)
	for {
		err := s.options.Queue.Append(rec)
		if err == nil {
			return ""
		}
		full := errors.Is(err, event.ErrFull)
		if full && s.options.DropNewest {
			return dropNewest
		}
		if errors.Is(err, event.ErrRecord) {
			s.options.Logger.Error("events are dropped", "shard", s.options.Name, "events", rec.Events, "error", err)
			return dropRecord
		}
		s.stuck.Store(true)
		if !full {
			if suppressed, ok := s.failing.Ready(time.Now(), alarmEvery); ok {
				s.options.Logger.Error("append to the disk queue; trying again", "shard", s.options.Name, "error", err, "not_logged", suppressed)
			}
		}
		if s.options.Queue.WaitRoom(ctx) != nil {
			return dropShutdown
		}
	}
}
