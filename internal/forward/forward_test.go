package forward_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/forward"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/testkit"
)

var errEnd = errors.New("end")

// queue gives out records, and those that were given back again.
type queue struct {
	mu        sync.Mutex
	waiting   []event.Record
	acked     map[uint64]bool
	nacked    int
	abandoned map[uint64]bool
	endless   bool // it waits for more
}

func newQueue(n int, received time.Time) *queue {
	q := &queue{acked: map[uint64]bool{}, abandoned: map[uint64]bool{}}
	for i := range n {
		q.waiting = append(q.waiting, event.Record{Seq: uint64(i + 1), Source: "linux", Events: 2, Received: received, Body: fmt.Appendf(nil, "%d", i+1)})
	}
	return q
}

func (q *queue) Next(ctx context.Context, buf []byte) (event.Record, error) {
	q.mu.Lock()
	if len(q.waiting) != 0 {
		defer q.mu.Unlock()
		r := q.waiting[0]
		q.waiting = q.waiting[1:]
		r.Body = append(buf[:0], r.Body...)
		return r, nil
	}
	q.mu.Unlock()
	if q.endless {
		<-ctx.Done()
		return event.Record{}, ctx.Err()
	}
	return event.Record{}, errEnd
}

func (q *queue) Ack(seq uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.acked[seq] = true
	return !q.abandoned[seq]
}

func (q *queue) Nack(uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.nacked++
}

func (q *queue) Abandoned(seq uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.abandoned[seq]
}

// stream stores records by their identifier, as answer says.
type stream struct {
	mu     sync.Mutex
	answer func(try int, id string) error // optional
	tries  map[uint64]int
	stored map[string]string
}

func newStream(answer func(try int, id string) error) *stream {
	return &stream{answer: answer, tries: map[uint64]int{}, stored: map[string]string{}}
}

func (s *stream) Publish(_ context.Context, shard int, r *event.Record, again string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprintf("%d:%d%s", shard, r.Seq, again)
	s.tries[r.Seq]++
	_, have := s.stored[id]
	if s.answer != nil {
		if err := s.answer(s.tries[r.Seq], id); err != nil {
			return false, err
		}
	}
	s.stored[id] = string(r.Body)
	return have, nil
}

func run(t *testing.T, ctx context.Context, q *queue, s *stream) (*ledger.Account, string) {
	t.Helper()
	books, log := ledger.New(), new(testkit.Log)
	books.Account("linux").Recover(2 * len(q.waiting))
	f := forward.New(forward.Options{
		Shard: 3, Stream: "SYSLOG-00", To: s, InFlight: 4, End: errEnd, Ledger: books,
		Logger: slog.New(slog.NewTextHandler(log, nil)), Metrics: testkit.Try(forward.NewMetrics(nil))(t),
	})
	testkit.Must(t, f.Run(ctx, q))
	return books.Account("linux"), log.String()
}

// TestForward: every record is stored, freed and counted as secured, also when the stream does
// not answer at first, or is full.
func TestForward(t *testing.T) {
	for name, answer := range map[string]func(int, string) error{
		"at once":  nil,
		"second":   func(try int, _ string) error { return map[bool]error{true: context.DeadlineExceeded}[try == 1] },
		"full":     func(try int, _ string) error { return map[bool]error{true: event.ErrFull}[try < 3] },
		"no place": func(try int, _ string) error { return map[bool]error{true: event.ErrRecord}[try == 1] },
	} {
		t.Run(name, func(t *testing.T) {
			q, s := newQueue(20, time.Now()), newStream(answer)
			account, _ := run(t, t.Context(), q, s)
			testkit.Equal(t, "stored", len(s.stored), 20)
			testkit.Equal(t, "freed", len(q.acked), 20)
			testkit.Equal(t, "secured", account.Balance().Secured, 40)
			testkit.Equal(t, "difference", account.Balance().Difference(), 0)
			testkit.Equal(t, "body", s.stored["3:7"], "7")
		})
	}
}

// TestDuplicate: that the stream has a record of this process which was not published before is
// an error, and the record is stored under another identifier. A record of an earlier process
// may have been published by that.
func TestDuplicate(t *testing.T) {
	for _, c := range []struct {
		received time.Time
		stored   int
	}{{time.Now().Add(time.Hour), 2}, {time.Now().Add(-time.Hour), 1}} {
		q, s := newQueue(1, c.received), newStream(nil)
		s.stored["3:1"] = "another"
		account, log := run(t, t.Context(), q, s)
		testkit.Equal(t, "stored", len(s.stored), c.stored)
		testkit.Equal(t, "secured", account.Balance().Secured, 2)
		if c.stored == 2 {
			testkit.Holds(t, "log", log, "published again", "SYSLOG-00")
		}
	}
}

// TestStop: what is not confirmed when the gateway stops is given back.
func TestStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	q := newQueue(8, time.Now())
	q.endless = true
	s := newStream(func(int, string) error {
		cancel()
		return context.DeadlineExceeded
	})
	account, _ := run(t, ctx, q, s)
	testkit.Equal(t, "freed", len(q.acked), 0)
	testkit.Equal(t, "secured", account.Balance().Secured, 0)
	if q.nacked == 0 || q.nacked+len(q.waiting) != 8 {
		t.Errorf("%d given back, %d waiting", q.nacked, len(q.waiting))
	}
}

// TestAbandoned: a record that the queue has dropped is not published for ever, and not
// counted twice.
func TestAbandoned(t *testing.T) {
	q := newQueue(1, time.Now())
	q.abandoned[1] = true
	account, _ := run(t, t.Context(), q, newStream(func(int, string) error { return event.ErrFull }))
	testkit.Equal(t, "given back", q.nacked, 1)
	testkit.Equal(t, "secured", account.Balance().Secured, 0)
}
