package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// life is a run of random work on a store, over orderly restarts.
type life struct {
	t              *testing.T
	rnd            *rand.Rand
	store          *Store
	next           int
	accepted, seen map[int]bool
	flying         map[*Shard]map[uint64]int
}

func (l *life) step(q *Shard) {
	switch k := l.rnd.IntN(20); {
	case k < 8:
		if q.Append(record(l.next, 30+l.rnd.IntN(4000))) == nil {
			l.accepted[l.next] = true
		}
		l.next++
	case k < 13:
		if rec, ok := nextNow(l.t, q); ok {
			n := number(l.t, rec)
			if l.seen[n] {
				l.t.Fatalf("record %d came again", n)
			}
			l.flying[q][rec.Seq] = n
		}
	case k < 16:
		for seq, n := range l.flying[q] {
			delete(l.flying[q], seq)
			if l.rnd.IntN(5) == 0 {
				q.Nack(seq)
			} else {
				l.seen[n] = q.Ack(seq)
			}
			break
		}
	case k == 16:
		settleDown(q)
	case k == 17: // a sync fails
		q.win.mu.Lock()
		seg := q.win.state.last()
		seg.unsynced = seg.size > seg.synced
		q.win.mu.Unlock()
		q.faults.sync.set(errors.New("as if a sync had failed"))
	case k == 18:
		testkit.Must(l.t, l.store.syncAll())
	case k == 19:
		q.faults.write.set(errors.New("as if a write had failed"))
		q.heal(context.Background())
	}
}

// balanced compares the counts with the files.
func (l *life) balanced() {
	l.t.Helper()
	var disk int64
	for i, q := range l.store.shards {
		all := testkit.Try(filepath.Glob(filepath.Join(l.store.opts.Path, recovery.ShardName(i), segment.Prefix+"0*"+segment.Suffix)))(l.t)
		var one int64
		for _, path := range all {
			st := testkit.Try(os.Stat(path))(l.t)
			one += st.Size()
		}
		if n := q.totals.allocated.Load(); n != one {
			l.t.Fatalf("shard %d counts %d bytes, its files hold %d", i, n, one)
		}
		disk += one
	}
	if n := l.store.budget.used.Load(); n != disk {
		l.t.Fatalf("%d bytes are counted, the files hold %d", n, disk)
	}
}

// Whatever fails in between: the counts match the files, and orderly restarts
// neither lose nor repeat.
func TestCountsMatchTheFiles(t *testing.T) {
	for seed := range seeds(t, 6) {
		t.Logf("seed %d", seed)
		l := &life{t: t, rnd: rand.New(rand.NewPCG(seed, 77)), accepted: make(map[int]bool), seen: make(map[int]bool)}
		o := options(fastDir(t))
		o.Logger, o.Shards, o.MaxSize = quiet(), 2, 600<<10
		for range 4 {
			l.store = reopen(t, &o)
			l.flying = make(map[*Shard]map[uint64]int)
			for _, q := range l.store.shards {
				l.flying[q] = make(map[uint64]int)
			}
			for step := range 300 {
				l.step(l.store.shards[l.rnd.IntN(o.Shards)])
				if step%20 == 0 {
					l.balanced()
				}
			}
			testkit.Must(t, shut(l.store))
			if n := openFiles(t, o.Path); n > 0 {
				t.Fatalf("%d files are open after Close", n)
			}
		}
		o.Ledger = ledger.New()
		for _, q := range open(t, o).Shards() {
			for _, n := range drainAll(t, q) {
				if l.seen[n] {
					t.Fatalf("record %d came again", n)
				}
				l.seen[n] = true
			}
		}
		for n := range l.accepted {
			if !l.seen[n] {
				t.Fatalf("record %d is lost", n)
			}
		}
	}
}
