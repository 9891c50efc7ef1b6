package hec

import (
	"context"
	"errors"
	"sync"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/throttle"
)

// Source gives out the records of one shard. Its methods are called by several
// goroutines at a time.
type Source interface {
	// Next waits for the next record. Its body is in buf's memory where it fits and in new
	// memory otherwise. It belongs to the caller, who passes it as buf to a later call.
	// ErrEnd says that no more records will come. Any other error may be temporary: it is
	// logged, and Next is called again after a pause.
	Next(ctx context.Context, buf []byte) (event.Record, error)
	// Ack frees a record. It returns false when the record was dropped in the meantime:
	// then nothing of it may be counted in the ledger.
	Ack(seq uint64) bool
	// Nack gives a record back. Next returns it again, unless it was dropped.
	Nack(seq uint64)
	// Abandoned reports whether a record was dropped while the caller has it: then it need
	// not be posted again.
	Abandoned(seq uint64) bool
}

// ErrEnd is the end of a Source. It is not io.EOF, which the read of a damaged file may
// return too.
var ErrEnd = errors.New("hec: no more records")

// settleEvery is how often a delivery that ends asks for acknowledgements.
const settleEvery = 250 * time.Millisecond

// delivery is one Deliver. Its methods take two contexts: when ctx ends, nothing new is
// begun; when wire ends, the attempts under way are cancelled.
type delivery struct {
	c      *Client
	src    Source
	ledger *ledger.Ledger
	// slots bound the records that were taken and are not finished, with those that wait
	// for an acknowledgement.
	slots       chan struct{}
	unconfirmed sync.WaitGroup // records that wait for an acknowledgement

	alarm        throttle.Throttle
	rerouteAlarm throttle.Throttle
}

// Deliver is the sender of one shard. It returns when ctx is done or the source says ErrEnd,
// and always nil. Each record that it took has then been acknowledged or given back: when
// ctx is done no new attempt begins, and those under way have StopGrace to end.
func (c *Client) Deliver(ctx context.Context, src Source) error {
	c.deliver(ctx, src, c.opts.InFlight, c.opts.Ledger)
	return nil
}

func (c *Client) deliver(ctx context.Context, src Source, workers int, counts *ledger.Ledger) {
	wire, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	n := workers
	if c.opts.Ack.Enabled {
		n = max(n, c.opts.Ack.MaxOutstanding)
	}
	d := &delivery{c: c, src: src, ledger: counts, slots: make(chan struct{}, n)}
	c.pool.Join(workers)
	defer c.pool.Join(-workers)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() { d.work(ctx, wire) })
	}
	ended := make(chan struct{})
	go func() {
		group.Wait()
		d.settle(wire)
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

// settle waits for the acknowledgements of a delivery whose workers have ended, and gives
// back the records that stay unconfirmed.
func (d *delivery) settle(wire context.Context) {
	done := make(chan struct{})
	go func() {
		d.unconfirmed.Wait()
		close(done)
	}()
	every := min(settleEvery, d.c.opts.Ack.PollInterval)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for waiting := true; waiting; {
		select {
		case <-done:
			return
		case <-wire.Done():
			waiting = false
		case <-tick.C:
			var polls sync.WaitGroup
			d.c.pollAll(wire, &polls)
			polls.Wait()
			d.c.acks.expire(time.Now())
		}
	}
	d.c.acks.drop(d)
	<-done
}

// work is one worker. It delivers one record at a time.
func (d *delivery) work(ctx, wire context.Context) {
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
			slowDown, reading := d.handle(ctx, wire, rec)
			if reading {
				buf = nil
			}
			if slowDown {
				pause(ctx, d.backoff().Initial, nil)
			}
			continue
		}
		<-d.slots
		if errors.Is(err, ErrEnd) || ctx.Err() != nil {
			return
		}
		d.c.warn(&d.alarm, "no record can be taken from the queue; it is tried again", "error", err.Error())
		pause(ctx, d.backoff().Ceiling(failures), nil)
		failures++
	}
}

func (d *delivery) backoff() endpoints.Backoff { return d.c.settings.Load().Retry }

// handle delivers one record and frees its slot, now or when it is confirmed. slowDown says that
// the endpoint asked for less, reading that the record's body may still be read.
func (d *delivery) handle(ctx, wire context.Context, rec event.Record) (slowDown, reading bool) {
	j := newJob(d, rec)
	err := j.run(ctx, wire)
	if err == nil {
		err = d.storeRejected(ctx, j)
	}
	if err != nil {
		d.src.Nack(rec.Seq)
		<-d.slots
		return false, j.reading
	}
	rec.Body = nil // the worker's again
	o := outcomes{rec: rec, rejected: j.rejectedByReason(), rerouted: j.rerouted}
	if len(j.refs) == 0 {
		d.finish(o)
		<-d.slots
		return j.slowDown, j.reading
	}
	d.unconfirmed.Add(1)
	d.c.acks.add(&receipt{
		owner: d, refs: j.refs,
		deadline: time.Now().Add(d.c.opts.Ack.Timeout),
		finish: func(indexed bool) {
			defer d.unconfirmed.Done()
			if indexed {
				d.finish(o)
			} else {
				d.src.Nack(rec.Seq)
			}
			<-d.slots
		},
	})
	return j.slowDown, j.reading
}

// storeRejected writes the job's dead letters. While the store cannot be written, the
// record stays in the queue: it waits here, or is given back at a stop.
func (d *delivery) storeRejected(ctx context.Context, j *job) error {
	for n := 0; len(j.rejected) > 0; n++ {
		err := d.c.opts.DeadLetter.Append(j.rejected)
		if err == nil {
			return nil
		}
		d.c.warn(&d.alarm, "dead letters cannot be written; the record is kept and it is tried again. "+
			"Check space and permissions", "error", err.Error())
		pause(ctx, d.backoff().Ceiling(n), nil)
		switch {
		case ctx.Err() != nil:
			return errStopped
		case d.src.Abandoned(j.rec.Seq):
			return errAbandoned
		}
	}
	return nil
}

// outcomes is what became of the events of a record.
type outcomes struct {
	rec      event.Record
	rejected map[string]int // events by reason
	rerouted int            // of those delivered, in the fallback index
}

// finish frees the record in the queue and counts its events in the ledger, once. It counts
// nothing if the queue has dropped the record in the meantime and has counted that itself.
func (d *delivery) finish(o outcomes) {
	if !d.src.Ack(o.rec.Seq) {
		return
	}
	account := d.ledger.Account(o.rec.Source)
	delivered := o.rec.Events
	for reason, n := range o.rejected {
		// A damaged body may hold more lines than the record says it has events.
		n = min(n, delivered)
		delivered -= n
		if n > 0 {
			account.DeadLetter(reason, n)
		}
	}
	if delivered > 0 {
		account.Deliver(delivered)
	}
	if o.rerouted > 0 {
		d.c.metrics.rerouted.WithLabelValues(o.rec.Source).Add(float64(o.rerouted))
		d.c.warn(&d.rerouteAlarm, "HEC refuses an index of some events; they are in hec.fallback_index, "+
			"their field original_index names it", "source", o.rec.Source, "events", o.rerouted)
	}
	if !o.rec.Received.IsZero() {
		d.c.metrics.latency.Observe(time.Since(o.rec.Received).Seconds())
	}
}
