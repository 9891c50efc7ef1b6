package shard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"go.uber.org/goleak"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeQueue keeps copies of records; errs are returned first, one an Append.
type fakeQueue struct {
	mu     sync.Mutex
	recs   []event.Record
	errs   []error
	room   chan struct{}
	waited int
	synced []func() // wait for a sync
}

func (q *fakeQueue) AfterSync(done func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.synced = append(q.synced, done)
}

func (q *fakeQueue) AfterAck(_ uint64, done func()) { q.AfterSync(done) }

func (q *fakeQueue) Append(rec *event.Record) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.errs) > 0 {
		err := q.errs[0]
		q.errs = q.errs[1:]
		return err
	}
	r := *rec
	r.Body = bytes.Clone(rec.Body)
	q.recs = append(q.recs, r)
	return nil
}

func (q *fakeQueue) WaitRoom(ctx context.Context) error {
	q.mu.Lock()
	q.waited++
	q.mu.Unlock()
	select {
	case <-q.room:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *fakeQueue) PendingBytes() int64 { return 7 }

type fixture struct {
	shard   *Shard
	queue   *fakeQueue
	pool    *event.Pool
	account *ledger.Account
	freed   chan struct{}
	done    chan error
}

func start(t *testing.T, ctx context.Context, q *fakeQueue, gz, dropNewest bool) *fixture {
	t.Helper()
	f := &fixture{queue: q, pool: event.NewPool(8, 1024), account: ledger.New().Account("linux"), freed: make(chan struct{}, 100), done: make(chan error, 1)}
	f.shard = New(Options{
		Name: "0", Queue: q, Pool: f.pool, Gzip: gz, DropNewest: dropNewest,
		Freed: func() { f.freed <- struct{}{} }, Logger: slog.New(slog.DiscardHandler),
	})
	go func() { f.done <- f.shard.Run(ctx) }()
	return f
}

func (f *fixture) batch(i int) *event.Batch {
	b := f.pool.Get(nil)
	b.Account = f.account
	b.Events = 2
	b.Received = time.Unix(int64(i), 0)
	b.Data = fmt.Appendf(b.Data, "{\"event\":\"a%d\"}\n{\"event\":\"b%d\"}\n", i, i)
	f.account.Receive(ledger.TCP, 2, len(b.Data))
	return b
}

func TestBatchBecomesRecord(t *testing.T) {
	for _, gz := range []bool{true, false} {
		f := start(t, t.Context(), &fakeQueue{}, gz, false)
		for i := range 20 {
			b := f.batch(i)
			for !f.shard.Offer(b) {
				<-f.freed
			}
		}
		f.shard.Close()
		testkit.Must(t, <-f.done)
		if len(f.queue.recs) != 20 {
			t.Fatalf("%d records", len(f.queue.recs))
		}
		for i, r := range f.queue.recs {
			body := r.Body
			if gz {
				z, err := gzip.NewReader(bytes.NewReader(body))
				testkit.Must(t, err)
				if body, err = io.ReadAll(z); err != nil {
					t.Fatal(err)
				}
			}
			want := fmt.Sprintf("{\"event\":\"a%d\"}\n{\"event\":\"b%d\"}\n", i, i)
			if string(body) != want || r.Raw != len(want) || r.Events != 2 || r.Source != "linux" || r.Received.Unix() != int64(i) {
				t.Fatalf("record %d: %+v %q", i, r, body)
			}
		}
		if f.shard.Load() != 7 {
			t.Errorf("load %d when idle", f.shard.Load())
		}
	}
}

func TestFullQueueBlocks(t *testing.T) {
	q := &fakeQueue{errs: []error{fmt.Errorf("shard 0: %w", event.ErrFull), errors.New("disk trouble")}, room: make(chan struct{})}
	f := start(t, t.Context(), q, true, false)
	f.shard.Offer(f.batch(1))
	q.room <- struct{}{} // full
	if f.shard.Offer(f.batch(2)) {
		t.Error("a stuck shard took a batch")
	}
	q.room <- struct{}{} // trouble
	<-f.freed
	f.shard.Close()
	<-f.done
	if len(q.recs) != 1 || q.waited != 2 {
		t.Errorf("%d records, waited %d times", len(q.recs), q.waited)
	}
}

func TestDropNewest(t *testing.T) {
	q := &fakeQueue{errs: []error{event.ErrFull}}
	f := start(t, t.Context(), q, true, true)
	f.shard.Offer(f.batch(1))
	<-f.freed
	f.shard.Offer(f.batch(2))
	f.shard.Close()
	<-f.done
	b := f.account.Balance()
	if len(q.recs) != 1 || b.DropReasons[dropNewest] != 2 {
		t.Errorf("%d records, balance %+v", len(q.recs), b)
	}
}

func TestUnstorableRecordIsDropped(t *testing.T) {
	q := &fakeQueue{errs: []error{fmt.Errorf("%w: too large", event.ErrRecord)}}
	f := start(t, t.Context(), q, true, false)
	f.shard.Offer(f.batch(1))
	<-f.freed
	f.shard.Offer(f.batch(2))
	f.shard.Close()
	<-f.done
	if b := f.account.Balance(); len(q.recs) != 1 || b.DropReasons[dropRecord] != 2 || q.waited != 0 {
		t.Errorf("%d records, waited %d times, balance %+v", len(q.recs), q.waited, b)
	}
}

func TestStopWhileFull(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	q := &fakeQueue{errs: []error{event.ErrFull}, room: make(chan struct{})}
	f := start(t, ctx, q, true, false)
	f.shard.Offer(f.batch(1))
	cancel()
	<-f.freed
	f.shard.Close()
	<-f.done
	if b := f.account.Balance(); b.DropReasons[dropShutdown] != 2 {
		t.Errorf("balance %+v", b)
	}
}

// A shard that is drained takes no new batches, empties, and takes batches again.
func TestDrain(t *testing.T) {
	q := &fakeQueue{}
	f := start(t, t.Context(), q, false, false)
	f.shard.SetDraining(true)
	b := f.batch(1)
	if f.shard.Offer(b) || !f.shard.Draining() {
		t.Error("a draining shard took a batch")
	}
	f.shard.SetDraining(false)
	<-f.freed
	if !f.shard.Offer(b) {
		t.Error("the shard takes nothing")
	}
	f.shard.Close()
	<-f.done
	testkit.Equal(t, "records", len(q.recs), 1)
}
