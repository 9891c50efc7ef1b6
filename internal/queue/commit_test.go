package queue

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

// place is where a segment ends.
type place struct {
	seg  *segmentState
	size int64
}

func (q *Shard) ends() (all []place) {
	q.win.with(func(s *windowState) {
		for _, seg := range s.segs {
			all = append(all, place{seg, seg.size})
		}
	})
	return all
}

// synced reports whether all that lies before these places, and the names of the files, are
// on stable storage.
func (q *Shard) synced(all []place) bool {
	durable := q.durable(all)
	q.folder.mu.Lock()
	defer q.folder.mu.Unlock()
	return durable && !q.folder.dirty
}

// durable reports it of the data alone.
func (q *Shard) durable(all []place) (yes bool) {
	q.win.with(func(s *windowState) {
		yes = true
		for _, p := range all {
			yes = yes && p.seg.synced >= p.size && !p.seg.unsynced
		}
	})
	return yes
}

// Who waits for a sync is not kept until the next interval, and is told when everything
// is synced, with the names of new segments; not before.
func TestAfterSync(t *testing.T) {
	o := quietOptions(t)
	o.SyncInterval, o.SegmentSize = time.Hour, 64<<10
	s, q := openOne(t, o)
	stop := run(t, s)
	for i := range 50 {
		appendN(t, q, 3*i, 3, 5000) // a new segment every few rounds
		before, done := q.ends(), make(chan bool, 1)
		q.AfterSync(func() { done <- q.synced(before) })
		if !<-done {
			t.Fatal("it was told before the sync")
		}
	}
	q.AfterSync(func() {}) // with nothing to sync
	stop()
	testkit.Must(t, shut(s))
}

// While a sync runs, those who wait gather for the next one.
func TestAfterSyncTogether(t *testing.T) {
	o := quietOptions(t)
	o.SyncInterval = time.Hour
	s, q := openOne(t, o)
	const n = 50
	ctx, cancel := context.WithCancel(t.Context())
	var loop, told sync.WaitGroup
	told.Add(2 * n)
	var syncs int
	register := func(from int) {
		for i := range n {
			appendN(t, q, from+i, 1, 300)
			q.AfterSync(told.Done)
		}
	}
	register(0)
	loop.Go(func() {
		q.syncLoop(ctx, time.Hour, restAfter, func(time.Duration) {
			if syncs++; syncs == 1 { // the first is not over
				register(n)
			}
		})
	})
	told.Wait()
	cancel()
	loop.Wait()
	testkit.Equal(t, "syncs", syncs, 2)
	testkit.Must(t, shut(s))
}

// A shard without traffic does not wake up, and one that gets a record syncs it.
func TestSyncRests(t *testing.T) {
	s, q := openOne(t, quietOptions(t))
	ctx, cancel := context.WithCancel(t.Context())
	var loop sync.WaitGroup
	var syncs atomic.Int64
	loop.Go(func() {
		q.syncLoop(ctx, 2*time.Millisecond, 20*time.Millisecond, func(time.Duration) { syncs.Add(1) })
	})
	for n := range 3 {
		before := syncs.Load()
		appendN(t, q, n, 1, 300)
		testkit.Eventually(t, "the record is synced", func() bool { return syncs.Load() > before })
		testkit.Eventually(t, "it rests", func() bool {
			before := syncs.Load()
			q.folder.mu.Lock()
			q.folder.dirty = true // of which it is not told
			q.folder.mu.Unlock()
			return !testkit.Within(100*time.Millisecond, func() bool { return syncs.Load() > before })
		})
	}
	cancel()
	loop.Wait()
	testkit.Must(t, shut(s))
}

// A sync that fails tells nobody; the one that repairs it does.
func TestAfterSyncThatFails(t *testing.T) {
	s, q := openFilled(t, quietOptions(t), 5, 1000)
	testkit.Must(t, s.syncAll())
	appendN(t, q, 5, 5, 1000)
	before, told := q.ends(), 0
	q.AfterSync(func() {
		if told++; !q.durable(before) {
			t.Error("it was told before the sync")
		}
	})
	testkit.Must(t, q.win.state.last().file.Close()) // whatever makes fdatasync fail
	if err := s.syncAll(); err == nil || told != 0 {
		t.Fatalf("sync: %v, told %d times", err, told)
	}
	q.win.state.last().file = nil
	testkit.Must(t, s.syncAll())
	testkit.Must(t, s.syncAll())
	testkit.Equal(t, "told", told, 1)
	equal(t, "records", drainAll(t, q), sequence(0, 10))
	testkit.Must(t, shut(s))
}

// Who waits for a record is told when it is acknowledged, also if that was before they asked,
// and when it is dropped. Others are not told.
func TestAfterAck(t *testing.T) {
	o := quietOptions(t)
	o.SegmentSize = 64 << 10
	s, q := openOne(t, o)
	appendN(t, q, 0, 3, 300)
	told := map[uint64]int{}
	wait := func(seq uint64) { q.AfterAck(seq, func() { told[seq]++ }) }
	var seqs []uint64
	for range 3 {
		seqs = append(seqs, testkit.Try(q.Next(t.Context(), nil))(t).Seq)
	}
	q.Ack(seqs[0])
	for _, seq := range seqs {
		wait(seq)
	}
	q.Nack(seqs[1])
	q.Ack(seqs[2])
	testkit.Equal(t, "before", told[seqs[0]], 1)
	testkit.Equal(t, "given back", told[seqs[1]], 0)
	testkit.Equal(t, "acknowledged", told[seqs[2]], 1)
	last := seqs[2]
	for n := 3; q.Stats().Segments < 3; n++ { // the first segment is not the one that is written to
		appendN(t, q, n, 1, 5000)
		last++
		wait(last)
	}
	q.dropHead()
	testkit.Equal(t, "dropped in flight", told[seqs[1]], 1)
	testkit.Equal(t, "dropped unseen", told[seqs[2]+1], 1)
	testkit.Equal(t, "queued", told[last], 0)
	testkit.Must(t, shut(s))
}
