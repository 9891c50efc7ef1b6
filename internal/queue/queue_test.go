package queue

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(child(dir))
	}
	goleak.VerifyTestMain(m)
}

// options are those of a small queue.
func options(dir string) Options {
	return Options{
		Path: dir, Shards: 1, MaxSize: 64 << 20, SegmentSize: 16 << 10,
		SyncInterval: 20 * time.Millisecond, Ledger: ledger.New(),
	}
}

// strict fails the test at a warning.
type strict struct{ t testing.TB }

func (h *strict) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (h *strict) WithAttrs([]slog.Attr) slog.Handler           { return h }
func (h *strict) WithGroup(string) slog.Handler                { return h }
func (h *strict) Handle(_ context.Context, r slog.Record) error {
	h.t.Errorf("logged: %s", r.Message)
	r.Attrs(func(a slog.Attr) bool { h.t.Errorf("  %v", a); return true })
	return nil
}

// start makes and opens a store.
func start(o Options) (*Store, error) {
	s, err := New(o)
	if err != nil {
		return nil, err
	}
	return s, s.Open(context.Background())
}

func shut(s *Store) error { return s.Close(context.Background()) }

func open(t testing.TB, o Options) *Store {
	t.Helper()
	if o.Logger == nil { // nothing worth a warning happens in a test that does not say so
		o.Logger = slog.New(&strict{t})
	}
	s := testkit.Try(start(o))(t)
	t.Cleanup(func() {
		testkit.Equal(t, "error", shut(s), nil)
	})
	return s
}

// openOne is open for a store of one shard.
func openOne(t testing.TB, o Options) (*Store, *Shard) {
	t.Helper()
	s := open(t, o)
	return s, s.Shards()[0]
}

// openFilled is openOne, with n records of about size bytes appended.
func openFilled(t testing.TB, o Options, n, size int) (*Store, *Shard) {
	t.Helper()
	s, q := openOne(t, o)
	appendN(t, q, 0, n, size)
	return s, q
}

// reopen opens a store again, for another life with counts of its own.
func reopen(t testing.TB, o *Options) *Store {
	t.Helper()
	o.Ledger = ledger.New()
	return open(t, *o)
}

// reopenOne is reopen for a store of one shard.
func reopenOne(t testing.TB, o *Options) (*Store, *Shard) {
	t.Helper()
	o.Ledger = ledger.New()
	return openOne(t, *o)
}

// fastDir is a folder in memory where there is one. What the tests of many crashes
// check does not depend on what fsync costs.
func fastDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "queue-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// run runs the store until the test ends or stop is called.
func run(t testing.TB, s *Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		testkit.Equal(t, "error", <-done, nil)
	}
	t.Cleanup(stop)
	return stop
}

// record makes record number n with a body of about size bytes that says so.
func record(n, size int) *event.Record {
	body := fmt.Appendf(nil, `{"n":%d,"pad":"`, n)
	for len(body) < size {
		body = append(body, byte('a'+n%26))
	}
	body = append(body, "\"}\n"...)
	return &event.Record{
		Source: [...]string{"palo_alto", "linux", "windows"}[n%3], Events: n%5 + 1, Raw: len(body),
		Received: time.Unix(1_700_000_000+int64(n), 0), Body: body,
	}
}

// number reads what record wrote.
func number(t testing.TB, rec event.Record) int {
	t.Helper()
	var n int
	if _, err := fmt.Sscanf(string(rec.Body), `{"n":%d,`, &n); err != nil {
		t.Fatalf("record %d has body %.40q: %v", rec.Seq, rec.Body, err)
	}
	if want := record(n, len(rec.Body)-3); string(want.Body) != string(rec.Body) || want.Source != rec.Source ||
		want.Events != rec.Events || !want.Received.Equal(rec.Received) || want.Raw != rec.Raw {
		t.Fatalf("record %d is not what was appended: %+v", n, rec)
	}
	return n
}

func appendN(t testing.TB, q *Shard, from, n, size int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if err := q.Append(record(i, size)); err != nil {
			t.Fatalf("append %d: %v", i, err)
		}
	}
}

// tryNext returns the next record, or false when there is none.
func tryNext(t testing.TB, q *Shard) (event.Record, bool) {
	t.Helper()
	if q.Stats().Records == 0 {
		return event.Record{}, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	rec := testkit.Try(q.Next(ctx, nil))(t)
	return rec, true
}

func next(t testing.TB, q *Shard) event.Record {
	t.Helper()
	rec, ok := tryNext(t, q)
	if !ok {
		t.Fatal("nothing is queued")
	}
	return rec
}

// drain takes and acknowledges n records and returns their numbers.
func drain(t testing.TB, q *Shard, n int) []int {
	t.Helper()
	var got []int
	for range n {
		rec := next(t, q)
		got = append(got, number(t, rec))
		if !q.Ack(rec.Seq) {
			t.Fatalf("ack of %d is refused", rec.Seq)
		}
	}
	return got
}

// nextNow is Next that does not wait.
func nextNow(t testing.TB, q *Shard) (event.Record, bool) {
	t.Helper()
	for {
		e, err := q.reader.take()
		var torn *damagedError
		switch {
		case errors.As(err, &torn):
			testkit.Must(t, q.pass(torn))
			continue
		case errors.Is(err, errNothing):
			return event.Record{}, false
		case err != nil:
			t.Fatal(err)
		}
		rec, err := q.reader.load(e, nil)
		if err == nil {
			return rec, true
		}
		if !errors.Is(err, errGone) {
			t.Fatal(err)
		}
	}
}

// drainAll takes and acknowledges all that can be read.
func drainAll(t testing.TB, q *Shard) []int {
	t.Helper()
	var got []int
	for rec := range remaining(t, q) {
		got = append(got, number(t, rec))
		if !q.Ack(rec.Seq) {
			t.Fatalf("ack of %d is refused", rec.Seq)
		}
	}
	return got
}

// remaining hands out one record after the other while there is one.
func remaining(t testing.TB, q *Shard) iter.Seq[event.Record] {
	return func(yield func(event.Record) bool) {
		for rec, ok := nextNow(t, q); ok && yield(rec); rec, ok = nextNow(t, q) {
		}
	}
}

// settleDown lets diskqueue consume what is acknowledged, as Run does.
func settleDown(q *Shard) {
	for q.advance(100) {
	}
}

func sequence(from, n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = from + i
	}
	return all
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// files returns the names in shard 0 that match the pattern.
func files(t testing.TB, dir, pattern string) []string {
	t.Helper()
	all := testkit.Try(filepath.Glob(filepath.Join(dir, "shard-00", pattern)))(t)
	for i, f := range all {
		all[i] = filepath.Base(f)
	}
	return all
}
