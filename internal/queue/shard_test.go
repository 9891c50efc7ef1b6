package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/queue/inspect"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

func TestFirstInFirstOut(t *testing.T) {
	s := open(t, options(t.TempDir()))
	q := s.Shards()[0]
	appendN(t, q, 0, 100, 700)
	equal(t, "order", drainAll(t, q), sequence(0, 100))
	if st := q.Stats(); st.Records != 0 || st.Events != 0 || st.Bytes != 0 || st.Acked != 100 || !st.Oldest.IsZero() {
		t.Fatalf("drained: %+v", st)
	}
}

func TestAppendKeepsNothingOfTheRecord(t *testing.T) {
	q := open(t, options(t.TempDir())).Shards()[0]
	rec := record(7, 200)
	testkit.Must(t, q.Append(rec))
	equal(t, "seq", rec.Seq, 1)
	clear(rec.Body)
	equal(t, "record", number(t, next(t, q)), 7)
}

func TestAcksInAnyOrder(t *testing.T) {
	dir := t.TempDir()
	s := open(t, options(dir))
	q := s.Shards()[0]
	appendN(t, q, 0, 300, 700)
	rnd := rand.New(rand.NewPCG(1, 2))
	var flying []uint64
	for len(flying) > 0 || q.Stats().Records > 0 {
		if len(flying) < 8 && int(q.Stats().Records) > len(flying) {
			flying = append(flying, next(t, q).Seq)
			continue
		}
		i := rnd.IntN(len(flying))
		if !q.Ack(flying[i]) || q.Ack(flying[i]) {
			t.Fatalf("ack of %d", flying[i])
		}
		flying = append(flying[:i], flying[i+1:]...)
		settleDown(q)
	}
	if got := files(t, dir, segment.Prefix+"0*"); len(got) != 1 {
		t.Fatalf("files left: %v", got)
	}
}

func TestNackComesBeforeNewer(t *testing.T) {
	q := open(t, options(t.TempDir())).Shards()[0]
	appendN(t, q, 0, 10, 100)
	var taken []uint64
	for range 4 {
		taken = append(taken, next(t, q).Seq)
	}
	q.Nack(taken[2])
	q.Nack(taken[1])
	q.Nack(taken[1]) // again: no effect
	equal(t, "order", drain(t, q, 8), []int{1, 2, 4, 5, 6, 7, 8, 9})
	if q.Abandoned(taken[0]) {
		t.Fatal("a record in flight is said to be abandoned")
	}
	q.Nack(taken[0])
	if !q.Ack(taken[3]) {
		t.Fatal("ack is refused")
	}
	equal(t, "last", drainAll(t, q), []int{0})
}

func TestNextWaits(t *testing.T) {
	s := open(t, options(t.TempDir()))
	q := s.Shards()[0]
	got := make(chan uint64)
	go func() {
		for {
			rec, err := q.Next(context.Background(), nil)
			if err != nil {
				close(got)
				return
			}
			got <- rec.Seq
		}
	}()
	for i := range 20 {
		appendN(t, q, i, 1, 6000)
		equal(t, "seq", <-got, i+1)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := q.Next(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("error is %v", err)
	}
	testkit.Must(t, shut(s))
	if _, open := <-got; open {
		t.Fatal("Next goes on after Close")
	}
	if err := q.Append(record(0, 1)); !errors.Is(err, ErrClosed) {
		t.Fatalf("append after Close: %v", err)
	}
	if err := q.WaitRoom(context.Background()); !errors.Is(err, ErrClosed) {
		t.Fatalf("wait after Close: %v", err)
	}
}

func TestRestartIsExact(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []int{0, 1, 37, 99, 100} {
		o := options(filepath.Join(dir, strings.Repeat("x", n+1)))
		s, q := openFilled(t, o, 100, 700)
		drain(t, q, n)
		before := q.Stats()
		testkit.Must(t, shut(s))
		o.Ledger = nil
		_, q = openOne(t, o)
		after := q.Stats()
		if before.Records != after.Records || before.Events != after.Events || before.Bytes != after.Bytes ||
			!before.Oldest.Equal(after.Oldest) || after.Corrupt != 0 {
			t.Fatalf("%d acknowledged: before %+v, after %+v", n, before, after)
		}
		if m, _, ok, err := segment.ReadMeta(q.folder.path); !ok || err != nil || m.Depth != int64(100-n) {
			t.Fatalf("metadata %+v %v", m, err)
		}
		rec := record(100, 700)
		if err := q.Append(rec); err != nil || rec.Seq != 101 {
			t.Fatalf("seq goes on with %d: %v", rec.Seq, err)
		}
		equal(t, "records", drainAll(t, q), sequence(n, 101-n))
	}
}

// Always caught up, over many segments: the case that makes diskqueue keep every
// segment as .bad.
func TestCaughtUpRollingLeavesNothing(t *testing.T) {
	for name, lag := range map[string]int{"nothing queued": 0, "one behind": 1, "three behind": 3} {
		t.Run(name, func(t *testing.T) {
			dir := fastDir(t)
			s := open(t, options(dir))
			run(t, s)
			q := s.Shards()[0]
			appendN(t, q, 0, lag, 3000)
			for i := range 500 {
				appendN(t, q, lag+i, 1, 3000)
				drain(t, q, 1)
				settleDown(q)
				if used := s.budget.used.Load(); used > 48<<10 {
					t.Fatalf("record %d: %d bytes are used", i, used)
				}
			}
			drain(t, q, lag)
			testkit.Eventually(t, "all consumed", func() bool { return q.Stats().Allocated <= 16<<10 })
			equal(t, "files", len(files(t, dir, segment.Prefix+"0*")), 1)
			if _, err := os.Stat(filepath.Join(dir, quarantine.Folder)); err == nil || q.Stats().Corrupt != 0 {
				t.Fatal("something was quarantined")
			}
			if q.Stats().Allocated != s.budget.used.Load() || q.Stats().Allocated > 16<<10 {
				t.Fatalf("%+v, %d used", q.Stats(), s.budget.used.Load())
			}
		})
	}
}

func TestRecordsLargerThanASegment(t *testing.T) {
	dir := fastDir(t)
	s := open(t, options(dir))
	run(t, s)
	q := s.Shards()[0]
	for i := range 40 {
		appendN(t, q, i, 1, 20<<10)
		if i%3 == 2 {
			equal(t, "records", drain(t, q, 3), sequence(i-2, 3))
		}
	}
	equal(t, "records", drainAll(t, q), sequence(39, 1))
	testkit.Eventually(t, "all consumed", func() bool { return len(files(t, dir, segment.Prefix+"0*")) == 1 })
	if q.Stats().Corrupt != 0 {
		t.Fatal("damage is seen where none is")
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	o := options(t.TempDir())
	open(t, o)
	_, err := start(o)
	if err == nil || !strings.Contains(err.Error(), "another gateway process") {
		t.Fatalf("error is %v", err)
	}
	if _, err := inspect.Status(context.Background(), o.Path); err == nil {
		t.Fatal("a running queue is inspected")
	}
}

func TestFewerShardsDrainTheRest(t *testing.T) {
	o := options(t.TempDir())
	o.Shards = 4
	s := open(t, o)
	for i, q := range s.Shards() {
		appendN(t, q, i*10, 10, 500)
	}
	drainAll(t, s.Shards()[3])
	testkit.Must(t, shut(s))
	o.Shards = 2
	s = open(t, o)
	equal(t, "shards", len(s.Shards()), 3)
	if _, err := os.Stat(filepath.Join(o.Path, "shard-03")); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("the empty shard is still there")
	}
	drained := s.Shards()[2]
	if drained.Accepting() || !errors.Is(drained.Append(record(1, 1)), ErrClosed) {
		t.Fatal("a left-over shard takes an append")
	}
	for i, q := range s.Shards() {
		equal(t, "records", drainAll(t, q), sequence(i*10, 10))
	}
	testkit.Must(t, shut(s))
	equal(t, "shards in the end", len(open(t, o).Shards()), 2)
}

func TestOptionsAreChecked(t *testing.T) {
	bad := Options{Path: "a%b", Shards: 100, MaxSize: 1, SegmentSize: 1, MinFree: -1, SyncInterval: -1, WhenFull: "x"}
	_, err := start(bad)
	for _, want := range []string{"path", "shards", "max_size", "segment_size", "min_free", "sync_interval", "when_full"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in %v", want, err)
		}
	}
	o := options(t.TempDir())
	o.MaxSize, o.Shards = 1<<20, 4
	o.SegmentSize = 1 << 20
	if s := open(t, o); s.segSize != 64<<10 {
		t.Fatalf("segment size is %d", s.segSize)
	}
}

func TestRecordsOutOfRangeAreRefused(t *testing.T) {
	q := open(t, options(t.TempDir())).Shards()[0]
	long := record(1, 10)
	long.Source = strings.Repeat("x", 256)
	huge := record(1, 10)
	huge.Body = make([]byte, segment.MaxRecord)
	negative := record(1, 10)
	negative.Events = -1
	for _, rec := range []*event.Record{long, huge, negative} {
		if err := q.Append(rec); err == nil || q.Stats().Records != 0 {
			t.Fatalf("append: %v", err)
		}
	}
}

// What a crash has left of temporary files goes at the start, whoever has written it.
func TestTemporaryFilesAreSwept(t *testing.T) {
	o := options(t.TempDir())
	s, _ := openFilled(t, o, 3, 100)
	testkit.Must(t, shut(s))
	for _, name := range []string{
		segment.MetaName + ".new.tmp", segment.AckedName + ".new.tmp", segment.Prefix + "probe.tmp", // older versions
		segment.MetaName + ".77.tmp", segment.Name(0) + ".tmp", // diskqueue, a copy
		"." + segment.MetaName + ".1.tmp", "." + segment.AckedName + ".2.tmp", "." + segment.StopName + ".3.tmp",
	} {
		testkit.Must(t, os.WriteFile(filepath.Join(o.Path, "shard-00", name), nil, segment.FileMode))
	}
	q := open(t, o).Shards()[0]
	equal(t, "records", drainAll(t, q), sequence(0, 3))
	if found := append(files(t, o.Path, "*.tmp"), files(t, o.Path, ".*")...); len(found) > 0 {
		t.Fatalf("left behind: %v", found)
	}
}
