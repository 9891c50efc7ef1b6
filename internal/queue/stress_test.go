package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/testkit"
)

// workers are many goroutines that use one store.
type workers struct {
	t     *testing.T
	seed  uint64
	store *Store
	stop  chan struct{} // closed when the writers have ended

	mu        sync.Mutex
	next      int
	seen      map[int]bool
	accepted  int // events
	delivered int
}

// Everything at once, over orderly restarts: appends, deliveries whose answers come in any
// order, records given back, syncs and appends that fail, segments dropped for want of
// room. Each event that was accepted is delivered once or dropped, and the ledger agrees.
func TestAllAtOnce(t *testing.T) {
	eachSeed(t, 3, func(t *testing.T, seed uint64) { allAtOnce(t, seed) })
}

func allAtOnce(t *testing.T, seed uint64) {
	o := options(fastDir(t))
	o.Logger, o.MaxSize, o.Shards = quiet(), 300<<10, 2
	o.WhenFull = [...]FullPolicy{Block, DropOldest, DropNewest}[seed%3]
	c := &workers{t: t, seed: seed, seen: make(map[int]bool)}
	dropped := 0
	for life := range uint64(4) {
		o.Ledger = ledger.New()
		c.store, c.stop = open(t, o), make(chan struct{})
		c.live(life)
		_, queued, drops := balance(o.Ledger)
		if n := c.store.Stats().Events; n != queued {
			t.Fatalf("life %d: the ledger says %d are queued, the queue %d", life, queued, n)
		}
		dropped += int(drops[dropOldest])
		if delete(drops, dropOldest); len(drops) > 0 {
			t.Fatalf("life %d: dropped %v", life, drops)
		}
		testkit.Must(t, shut(c.store))
		if n := openFiles(t, o.Path); n > 0 {
			t.Fatalf("life %d: %d files are open after Close", life, n)
		}
	}
	o.Ledger = ledger.New()
	for _, q := range open(t, o).Shards() {
		for _, n := range drainAll(t, q) {
			c.take(record(n, 1), n)
		}
	}
	if c.delivered+dropped != c.accepted || o.WhenFull != DropOldest && dropped > 0 {
		t.Fatalf("%d events accepted, %d delivered, %d dropped", c.accepted, c.delivered, dropped)
	}
	if all := quarantinedFiles(t, o.Path); len(all) > 0 {
		t.Fatalf("quarantined: %v", all)
	}
}

// live is one life of the store. The readers and the disk go on until all is appended.
func (c *workers) live(life uint64) {
	var writers, others sync.WaitGroup
	for i, q := range c.store.Shards() {
		who := life<<8 | uint64(i)<<4
		writers.Go(func() { c.write(q, rand.New(rand.NewPCG(c.seed, who))) })
		for n := range uint64(2) {
			others.Go(func() { c.read(q, rand.New(rand.NewPCG(c.seed, who+1+n))) })
		}
	}
	others.Go(func() { c.trouble(rand.New(rand.NewPCG(c.seed, life<<8|0xff))) })
	writers.Wait()
	close(c.stop)
	others.Wait()
}

func (c *workers) ended() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

func (c *workers) write(q *Shard, rnd *rand.Rand) {
	for range 150 {
		c.mu.Lock()
		c.next++
		rec := record(c.next, 200+rnd.IntN(3000))
		c.mu.Unlock()
		err := q.Append(rec)
		for tries := 0; err != nil && tries < 50; tries++ {
			_ = c.store.syncAll() // it may fail
			settleDown(q)
			err = q.Append(rec)
		}
		if err == nil {
			c.mu.Lock()
			c.accepted += rec.Events
			c.mu.Unlock()
		}
	}
}

func (c *workers) read(q *Shard, rnd *rand.Rand) {
	var taken []event.Record
	for !c.ended() {
		rec, ok := nextNow(c.t, q)
		if ok {
			taken = append(taken, rec)
		}
		if n := len(taken); n > 6 || !ok && n > 0 {
			i := rnd.IntN(n)
			rec, taken[i] = taken[i], taken[n-1]
			taken = taken[:n-1]
			if rnd.IntN(5) == 0 {
				q.Nack(rec.Seq)
			} else if q.Ack(rec.Seq) {
				c.take(&rec, number(c.t, rec))
				c.store.opts.Ledger.Account(rec.Source).Deliver(rec.Events)
			}
		}
		if rnd.IntN(8) == 0 {
			settleDown(q)
		}
	}
}

func (c *workers) take(rec *event.Record, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[n] {
		c.t.Errorf("record %d came twice", n)
	}
	c.seen[n] = true
	c.delivered += rec.Events
}

// trouble is a disk that fails now and then.
func (c *workers) trouble(rnd *rand.Rand) {
	for !c.ended() {
		_ = c.store.syncAll() // it may fail
		for _, q := range c.store.Shards() {
			switch rnd.IntN(20) {
			case 0:
				q.win.mu.Lock()
				seg := q.win.state.segs[rnd.IntN(len(q.win.state.segs))]
				seg.unsynced = seg.size > seg.synced
				q.win.mu.Unlock()
			case 1:
				q.faults.write.set(errors.New("as if a write had failed"))
			}
			q.heal(context.Background())
		}
	}
}
