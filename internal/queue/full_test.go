package queue

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/nsqio/go-diskqueue"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// small is a queue that 4 segments of 16 KiB fill.
func small(t *testing.T, policy FullPolicy) Options {
	o := options(fastDir(t))
	o.MaxSize, o.WhenFull = 64<<10, policy
	return o
}

func fill(t *testing.T, q *Shard) (n int) {
	t.Helper()
	for ; ; n++ {
		err := q.Append(record(n, 1000))
		if errors.Is(err, event.ErrFull) {
			return n
		}
		testkit.Must(t, err)
	}
}

func diskUse(t *testing.T, dir string) (sum int64) {
	t.Helper()
	for _, name := range files(t, dir, segment.Prefix+"0*") {
		st := testkit.Try(os.Stat(filepath.Join(dir, "shard-00", name)))(t)
		sum += st.Size()
	}
	return sum
}

func TestFullBlocksUntilASegmentIsConsumed(t *testing.T) {
	for _, policy := range []FullPolicy{Block, DropNewest} {
		o := small(t, policy)
		s, q := openOne(t, o)
		n := fill(t, q)
		if use := diskUse(t, o.Path); use > o.MaxSize || use < o.MaxSize-2000 {
			t.Fatalf("%d bytes are used of %d", use, o.MaxSize)
		}
		if q.Accepting() || !s.Full() || s.Healthy() != nil {
			t.Fatal("a full shard says that it accepts")
		}
		canceled, cancel := context.WithCancel(context.Background())
		cancel()
		if err := q.WaitRoom(canceled); !errors.Is(err, context.Canceled) {
			t.Fatalf("waiting ends with %v", err)
		}
		room := make(chan error, 1)
		go func() { room <- q.WaitRoom(context.Background()) }()
		drain(t, q, 3)
		settleDown(q)
		if q.Accepting() {
			t.Fatal("there is room before a segment is consumed")
		}
		drain(t, q, 20)
		settleDown(q)
		testkit.Must(t, <-room)
		testkit.Must(t, q.Append(record(n, 1000)))
		if s.Full() {
			t.Fatal("still full")
		}
		equal(t, "records", drainAll(t, q), sequence(23, n-22))
	}
}

func TestFullQueueUnderLoadNeverSticks(t *testing.T) {
	o := small(t, Block)
	o.Shards, o.MaxSize = 2, 128<<10
	s := open(t, o)
	run(t, s)
	var wg sync.WaitGroup
	const n = 600
	for _, q := range s.Shards() {
		wg.Go(func() {
			for i := 0; i < n; {
				switch err := q.Append(record(i, 1500)); {
				case err == nil:
					i++
				case errors.Is(err, event.ErrFull):
					if err := q.WaitRoom(t.Context()); err != nil {
						t.Error(err)
						return
					}
				default:
					t.Error(err)
					return
				}
			}
		})
		for range 2 {
			wg.Go(func() {
				for q.Stats().Acked < n {
					ctx, cancel := context.WithTimeout(t.Context(), 50*1e6)
					if rec, err := q.Next(ctx, nil); err == nil {
						q.Ack(rec.Seq)
					}
					cancel()
				}
			})
		}
	}
	wg.Wait()
	for _, q := range s.Shards() {
		if st := q.Stats(); st.Records != 0 || st.Appended != n || st.Acked != n {
			t.Fatalf("%+v", st)
		}
	}
}

func TestDropOldestKeepsTheNewest(t *testing.T) {
	o := small(t, DropOldest)
	o.Logger = quiet()
	_, q := openFilled(t, o, 10, 1000)
	flying := next(t, q)
	delivered := next(t, q)
	if !q.Ack(delivered.Seq) {
		t.Fatal("ack is refused")
	}
	o.Ledger.Account(delivered.Source).Deliver(delivered.Events)
	if q.Abandoned(flying.Seq) {
		t.Fatal("abandoned too early")
	}
	appendN(t, q, 10, 300, 1000)
	if use := diskUse(t, o.Path); use > o.MaxSize {
		t.Fatalf("%d bytes are used of %d", use, o.MaxSize)
	}
	if !q.Abandoned(flying.Seq) || q.Ack(flying.Seq) || !q.Accepting() {
		t.Fatal("the record in flight is still there")
	}
	q.Nack(flying.Seq) // no effect
	got := drainAll(t, q)
	first := got[0]
	equal(t, "records", got, sequence(first, 310-first))
	if first < 200 {
		t.Fatalf("the oldest is %d", first)
	}
	_, queued, dropped := balance(o.Ledger)
	lost := eventsOf(sequence(0, first)...) - delivered.Events
	if int(dropped["drop_oldest"]) != lost || int(queued) != eventsOf(got...) {
		t.Fatalf("%v dropped, want %d; %d queued", dropped, lost, queued)
	}
	settleDown(q)
	if st := q.Stats(); st.Records != 0 || st.Events != 0 || st.Bytes != 0 || st.Segments != 1 || st.Corrupt != 0 {
		t.Fatalf("%+v", st)
	}
	appendN(t, q, 310, 10, 1000)
	equal(t, "after it", drainAll(t, q), sequence(310, 10))
}

// One shard has taken all the room: the other one's appends give up its segments.
func TestDropOldestTakesFromTheOldestShard(t *testing.T) {
	o := small(t, DropOldest)
	o.Shards, o.MaxSize, o.Logger = 2, 128<<10, quiet()
	s, _ := openFilled(t, o, 115, 1000)
	appendN(t, s.Shards()[1], 1000, 60, 1000)
	got := drainAll(t, s.Shards()[0])
	equal(t, "first shard", got, sequence(got[0], 115-got[0]))
	if got[0] == 0 {
		t.Fatal("nothing was dropped")
	}
	equal(t, "second shard", drainAll(t, s.Shards()[1]), sequence(1000, 60))
}

func TestDropOldestWhileOthersWork(t *testing.T) {
	o := small(t, DropOldest)
	o.Logger = quiet()
	s := open(t, o)
	run(t, s)
	q := s.Shards()[0]
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			var buf []byte
			for i := 0; ; i++ {
				rec, err := q.Next(ctx, buf)
				if err != nil {
					return
				}
				buf = rec.Body
				if i%3 == 0 {
					q.Nack(rec.Seq)
				} else if q.Ack(rec.Seq) {
					o.Ledger.Account(rec.Source).Deliver(rec.Events)
				}
			}
		})
	}
	appendN(t, q, 0, 1500, 1000)
	cancel()
	wg.Wait()
	for rec := range remaining(t, q) {
		if q.Ack(rec.Seq) {
			o.Ledger.Account(rec.Source).Deliver(rec.Events)
		}
	}
	st := q.Stats()
	taken := 0
	q.win.mu.Lock()
	for _, e := range q.win.state.out.entries { // still in flight when the takers stopped
		if e.state != done {
			taken += int(e.events)
		}
	}
	q.win.mu.Unlock()
	_, queued, dropped := balance(o.Ledger)
	if int(queued) != taken || int(st.Events) != taken || dropped["corrupt"] != 0 {
		t.Fatalf("%d queued, %d taken, %v dropped, %+v", queued, taken, dropped, st)
	}
	for _, a := range o.Ledger.Accounts() {
		b := a.Balance() // nothing was received here: accepting takes it out of memory
		if in := uint64(-b.InMemory); in != b.Delivered+b.Dropped+uint64(b.Queued) {
			t.Fatalf("%s: %+v", a.Source, b)
		}
	}
}

func TestLowSpaceIsFull(t *testing.T) {
	for _, policy := range []FullPolicy{Block, DropOldest} {
		o := small(t, policy)
		o.MaxSize, o.MinFree, o.Logger = 1<<20, 1, quiet()
		s := open(t, o)
		free := int64(100)
		s.budget.free = func(string) (int64, error) { return free, nil }
		s.budget.minFree = 50 << 20
		q := s.Shards()[0]
		s.budget.low.Store(false)
		appendN(t, q, 0, 60, 1000)
		testkit.Must(t, s.budget.measure())
		if policy == Block {
			if err := q.Append(record(60, 1000)); !errors.Is(err, event.ErrFull) || q.Accepting() || !s.Full() || !s.Stats().LowSpace {
				t.Fatalf("append with low space: %v", err)
			}
		} else {
			use := diskUse(t, o.Path)
			appendN(t, q, 60, 100, 1000)
			if now := diskUse(t, o.Path); now > use+2000 {
				t.Fatalf("use grows from %d to %d", use, now)
			}
			continue
		}
		free = 60 << 20
		testkit.Must(t, s.budget.measure())
		testkit.Must(t, q.WaitRoom(t.Context()))
		testkit.Must(t, q.Append(record(60, 1000)))
	}
}

// On a file system that is nearly full no segment grows to its full size. What is
// consumed still comes free: else nothing could ever be appended again.
func TestLowSpaceEndsWhenAllIsConsumed(t *testing.T) {
	o := options(fastDir(t))
	o.SegmentSize, o.MinFree = 1<<20, 1
	s := open(t, o)
	s.budget.free = func(string) (int64, error) { return 1<<20 - s.budget.used.Load(), nil }
	s.budget.minFree = 900 << 10
	q := s.Shards()[0]
	for round := range 3 {
		first := 1000 * round
		n := 0
		for ; ; n++ {
			testkit.Must(t, s.budget.measure())
			if err := q.Append(record(first+n, 1000)); errors.Is(err, event.ErrFull) {
				break
			} else {
				testkit.Must(t, err)
			}
		}
		if n == 0 {
			t.Fatalf("round %d: no room in an empty queue", round)
		}
		equal(t, "records", drainAll(t, q), sequence(first, n))
		settleDown(q)
		if err := q.Append(record(first+n, 1000)); !errors.Is(err, event.ErrFull) { // it makes room by that
			t.Fatalf("append before the file system was measured: %v", err)
		}
		testkit.Must(t, q.WaitRoom(t.Context()))
	}
}

// flaky is a diskqueue whose Put fails half way, as on a full disk.
type flaky struct {
	diskqueue.Interface
	path string
}

func (f *flaky) Put(b []byte) error {
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	file.Write(b[:len(b)/2])
	file.Close()
	return &os.PathError{Op: "write", Path: f.path, Err: syscall.ENOSPC}
}

func TestFailedAppendIsAFaultThatHeals(t *testing.T) {
	o := quietOptions(t)
	s, q := openFilled(t, o, 5, 1000)
	q.disk.dq.dq = &flaky{q.disk.dq.dq, q.win.state.last().path}
	err := q.Append(record(5, 1000))
	if !errors.Is(err, syscall.ENOSPC) || q.Accepting() || s.Healthy() == nil || q.Append(record(5, 1000)) == nil {
		t.Fatalf("error is %v, healthy %v", err, s.Healthy())
	}
	equal(t, "record while faulty", drain(t, q, 2), sequence(0, 2))
	waited := make(chan error, 1)
	go func() { waited <- q.WaitRoom(context.Background()) }()
	q.heal(context.Background())
	testkit.Must(t, <-waited)
	testkit.Must(t, s.Healthy())
	appendN(t, q, 5, 40, 1000)
	equal(t, "records", drainAll(t, q), sequence(2, 43))
	if got := s.budget.used.Load(); got != q.totals.allocated.Load() {
		t.Fatalf("%d bytes are reserved, %d allocated", got, q.totals.allocated.Load())
	}
}

// The folder is gone for a while, as with a lost mount: appending fails where a
// segment must be begun, and goes on without a restart.
func TestLostFolderIsAFaultThatHeals(t *testing.T) {
	o := quietOptions(t)
	s := open(t, o)
	run(t, s)
	q := s.Shards()[0]
	appendN(t, q, 0, 5, 1000)
	testkit.Must(t, os.Rename(q.folder.path, q.folder.path+"-away"))
	n := 5
	for ; ; n++ {
		if err := q.Append(record(n, 1000)); err != nil {
			break
		}
	}
	if s.Healthy() == nil || q.Accepting() || n > 30 {
		t.Fatal("no fault is shown")
	}
	testkit.Must(t, os.Rename(q.folder.path+"-away", q.folder.path))
	testkit.Must(t, q.WaitRoom(t.Context()))
	testkit.Must(t, s.Healthy())
	appendN(t, q, n, 50, 1000)
	equal(t, "records", drainAll(t, q), sequence(0, n+50))
}
