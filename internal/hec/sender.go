package hec

import (
	"context"
	"errors"
	"sync"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/throttle"
)

// Source gives out the records of one shard. Its methods are called by several
// goroutines at a time.
type Source interface {
	// Next waits for the next record. Its body is in buf's memory where it fits
	// and in new memory where not; either way it belongs to the caller, who gives
	// it back as buf of a later call. ErrEnd says that nothing will come any more;
	// any other error may pass: it is logged, and Next is asked again after a pause.
	Next(ctx context.Context, buf []byte) (event.Record, error)
	// Ack says that nothing more needs to be done for a record; false that the
	// record had been dropped meanwhile, so nothing of it may be booked.
	Ack(seq uint64) bool
	// Nack gives a record back: it is to be given out again, unless it was dropped.
	Nack(seq uint64)
	// Abandoned tells that a record was dropped while it is given out, so that
	// retrying it is for nothing.
	Abandoned(seq uint64) bool
}

// ErrEnd is what a Source of limited length ends with. It is not io.EOF, which an
// unlucky read of a file may return too.
var ErrEnd = errors.New("hec: no more records")

// settleEvery is how often a delivery that ends asks for acknowledgements.
const settleEvery = 250 * time.Millisecond

// delivery is one Deliver.
type delivery struct {
	c      *Client
	src    Source
	ledger *ledger.Ledger
	stop   <-chan struct{} // begin nothing new
	hard   context.Context // of the attempts on the wire
	// slots bound the records that are taken and not finished, so also those that
	// wait for an acknowledgement.
	slots   chan struct{}
	pending sync.WaitGroup // records that wait for an acknowledgement
	alarm   throttle.Throttle

	movedAlarm throttle.Throttle
}

// Deliver is the sender of one shard. It returns when ctx is done or the source
// says ErrEnd, and always nil. Each record that it took has then been acknowledged
// or given back: when ctx is done, no new attempt begins, and those on the wire
// have StopGrace to end.
func (c *Client) Deliver(ctx context.Context, src Source) error {
	c.deliver(ctx, src, c.opts.InFlight, c.opts.Ledger)
	return nil
}

func (c *Client) deliver(ctx context.Context, src Source, workers int, books *ledger.Ledger) {
	hard, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	n := workers
	if c.opts.Ack.Enabled {
		n = max(n, c.opts.Ack.MaxOutstanding)
	}
	d := &delivery{
		c: c, src: src, ledger: books,
		stop: ctx.Done(), hard: hard, slots: make(chan struct{}, n),
	}
	c.pool.join(workers)
	defer c.pool.join(-workers)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() { d.work(ctx) })
	}
	ended := make(chan struct{})
	go func() {
		group.Wait()
		d.settle()
		close(ended)
	}()
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	grace := time.NewTimer(c.opts.StopGrace)
	defer grace.Stop()
	select {
	case <-ended:
	case <-grace.C:
	case <-c.aborted:
	}
	cut()
	<-ended
}

// settle waits for the acknowledgements of a delivery whose workers have ended,
// and gives back what stays unconfirmed.
func (d *delivery) settle() {
	done := make(chan struct{})
	go func() {
		d.pending.Wait()
		close(done)
	}()
	every := min(settleEvery, d.c.opts.Ack.PollInterval)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for waiting := true; waiting; {
		select {
		case <-done:
			return
		case <-d.hard.Done():
			waiting = false
		case <-tick.C:
			var polls sync.WaitGroup
			d.c.pollAll(d.hard, &polls)
			polls.Wait()
			d.c.acks.expire(time.Now())
		}
	}
	d.c.acks.drop(d)
	<-done
}

// work is one worker: a record at a time.
func (d *delivery) work(ctx context.Context) {
	var buf []byte
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return
		case d.slots <- struct{}{}:
		}
		rec, err := d.src.Next(ctx, buf)
		if err == nil {
			failures = 0
			buf = rec.Body[:0]
			if d.handle(rec) {
				d.pause(d.c.retryOptions().Initial)
			}
			continue
		}
		<-d.slots
		if errors.Is(err, ErrEnd) || ctx.Err() != nil {
			return
		}
		d.c.warn(&d.alarm, "no record can be taken from the queue; it is tried again", "error", err.Error())
		d.pause(ceiling(d.c.retryOptions(), failures))
		failures++
	}
}

// handle delivers one record and frees its slot, now or when it is confirmed. It
// reports whether the endpoint asked for less.
func (d *delivery) handle(rec event.Record) (slowDown bool) {
	j := newJob(d, rec)
	err := j.run()
	if err == nil {
		err = d.bury(j)
	}
	if err != nil {
		d.src.Nack(rec.Seq)
		<-d.slots
		return false
	}
	rec.Body = nil // the worker's again
	b := booking{rec: rec, dead: j.deadByReason(), moved: j.moved}
	if len(j.refs) == 0 {
		d.book(b)
		<-d.slots
		return j.slowDown
	}
	d.pending.Add(1)
	d.c.acks.add(&receipt{
		owner: d, refs: j.refs,
		deadline: time.Now().Add(d.c.opts.Ack.Timeout),
		finish: func(indexed bool) {
			defer d.pending.Done()
			if indexed {
				d.book(b)
			} else {
				d.src.Nack(rec.Seq)
			}
			<-d.slots
		},
	})
	return j.slowDown
}

// bury writes the job's dead letters. As long as the store cannot be written the
// record stays in the queue: it waits here, or is given back at a stop.
func (d *delivery) bury(j *job) error {
	for n := 0; len(j.dead) > 0; n++ {
		err := d.c.opts.DeadLetter.Append(j.dead)
		if err == nil {
			return nil
		}
		d.c.warn(&d.alarm, "dead letters cannot be written; the record is kept and it is tried again. "+
			"Check space and permissions", "error", err.Error())
		d.pause(ceiling(d.c.retryOptions(), n))
		if err := j.post.over(); err != nil {
			return err
		}
	}
	return nil
}

// booking is what the books will say of a record.
type booking struct {
	rec   event.Record
	dead  map[string]int
	moved int // of those delivered, in the fallback index
}

// book frees the record in the queue and books it: never twice, and not at all
// when the queue has dropped it meanwhile, for then the queue has booked it.
func (d *delivery) book(b booking) {
	if !d.src.Ack(b.rec.Seq) {
		return
	}
	account := d.ledger.Account(b.rec.Source)
	left := b.rec.Events
	for reason, n := range b.dead {
		// A damaged body may hold more lines than the record says it has events.
		n = min(n, left)
		left -= n
		if n > 0 {
			account.DeadLetter(reason, n)
		}
	}
	if left > 0 {
		account.Deliver(left)
	}
	if b.moved > 0 {
		d.c.metrics.moved.WithLabelValues(b.rec.Source).Add(float64(b.moved))
		d.c.warn(&d.movedAlarm, "HEC refuses an index of some events; they are in hec.fallback_index, "+
			"their field original_index names it", "source", b.rec.Source, "events", b.moved)
	}
	if !b.rec.Received.IsZero() {
		d.c.metrics.latency.Observe(time.Since(b.rec.Received).Seconds())
	}
}

// pause waits, but not beyond a stop.
func (d *delivery) pause(t time.Duration) {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.stop:
	}
}
