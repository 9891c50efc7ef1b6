package queue

import (
	"context"
	"time"
)

// consume lets diskqueue forget what is acknowledged, until ctx is done.
func (q *Shard) consume(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.acked:
		}
		for more := true; more && ctx.Err() == nil; {
			more = q.advance(few)
		}
	}
}

func (q *Shard) advance(n int) (more bool) {
	q.io.Lock()
	defer q.io.Unlock()
	return q.disk.advance(n)
}

// healLoop heals the shard whenever it is asked to, until ctx is done.
func (q *Shard) healLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.healNow:
			q.heal(ctx)
		}
	}
}

// storeAcks writes which records are acknowledged, some time after one was, until ctx is
// done. It syncs nothing, so a slow disk does not delay it: what is answered before a kill -9
// by more than the interval of syncing does not come again.
func (q *Shard) storeAcks(ctx context.Context, after time.Duration) {
	pause := time.NewTimer(after)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.acks.changed.wake:
		}
		for q.acks.changed.is.Load() { // for longer when writing fails
			pause.Reset(max(after, time.Millisecond))
			select {
			case <-ctx.Done():
				return
			case <-pause.C:
				q.acks.write()
				q.busy.set()
			}
		}
	}
}

// syncLoop syncs the shard in every interval, and whenever somebody waits for it, until ctx
// is done. A failure is shown by Healthy, and tried again in the next interval. After some
// time with nothing to sync it rests until there is something.
func (q *Shard) syncLoop(ctx context.Context, interval, restAfter time.Duration, observe func(time.Duration)) {
	every := time.NewTicker(interval)
	defer every.Stop()
	for idle := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			err := q.sync(records|acknowledged, observe)
			if idle += interval; err != nil || q.busy.is.Swap(false) {
				idle = 0
			}
			if idle > restAfter {
				every.Stop()
			}
		case <-q.busy.wake:
			if idle > restAfter {
				every.Reset(interval)
			}
			idle = 0
		case <-q.commits.wake:
			_ = q.sync(records, observe)
		}
	}
}

// sync syncs the shard, and tells those who wait for it.
func (q *Shard) sync(what scope, observe func(time.Duration)) error {
	waiting := q.commits.take()
	err := q.syncOnce(what, observe)
	if err != nil {
		q.commits.giveBack(waiting)
		return err
	}
	for _, done := range waiting {
		done()
	}
	return nil
}

// syncOnce syncs. After a failure it keeps everybody else from the disk: what is to
// be written again must not grow meanwhile.
func (q *Shard) syncOnce(what scope, observe func(time.Duration)) error {
	began := time.Now()
	if q.syncer.unsynced() {
		q.io.Lock()
		defer q.io.Unlock()
		if err := q.syncer.waits(began); err != nil {
			return err
		}
	}
	return q.syncer.once(what, began, observe)
}
