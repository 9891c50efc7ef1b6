package balancer

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shard takes batches while it has room.
type shard struct {
	mu   sync.Mutex
	room int
	got  []*event.Batch
	load int64
}

func (s *shard) Offer(b *event.Batch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.room == 0 {
		return false
	}
	s.room--
	s.got = append(s.got, b)
	return true
}

func (s *shard) Load() int64 { return s.load }

func TestPolicies(t *testing.T) {
	f := func(name string, key uint64, load []int64, want ...[]int) {
		t.Helper()
		p := testkit.Try(NewPolicy(name))(t)
		for i, w := range want {
			if got := p.Order(nil, key, load); !slices.Equal(got, w) {
				t.Errorf("%s, round %d: got %v, want %v", name, i, got, w)
			}
		}
	}
	f("round_robin", 0, make([]int64, 3), []int{1, 2, 0}, []int{2, 0, 1}, []int{0, 1, 2}, []int{1, 2, 0})
	f("least_pending", 0, []int64{5, 1, 3, 1}, []int{1, 3, 2, 0}, []int{1, 3, 2, 0})
	f("least_pending", 0, []int64{7}, []int{0})
	f("source_hash", 7, make([]int64, 4), []int{3, 0, 1, 2}, []int{3, 0, 1, 2})
	if _, err := NewPolicy("random"); err == nil {
		t.Error("an unknown policy was accepted")
	}
}

func build(stop chan struct{}, shards ...*shard) *Balancer {
	var all []Shard
	for _, s := range shards {
		all = append(all, s)
	}
	p, _ := NewPolicy("round_robin")
	return New(p, all, stop)
}

func TestFullShardIsPassedOver(t *testing.T) {
	a, full, c := &shard{room: 10}, &shard{}, &shard{room: 10}
	b := build(nil, a, full, c)
	for range 12 {
		testkit.Must(t, b.Handle(new(event.Batch)))
	}
	if len(a.got)+len(c.got) != 12 || len(a.got) < 4 || len(c.got) < 4 {
		t.Errorf("got %d and %d batches", len(a.got), len(c.got))
	}
}

func TestHandleWaitsForRoom(t *testing.T) {
	a := &shard{}
	b := build(nil, a)
	const handlers = 3
	done := make(chan error, handlers)
	for range handlers {
		go func() { done <- b.Handle(new(event.Batch)) }()
	}
	for range handlers {
		for !b.Blocked() {
			runtime.Gosched()
		}
		a.mu.Lock()
		a.room++
		a.mu.Unlock()
		b.Freed()
		testkit.Must(t, <-done)
	}
	if len(a.got) != handlers || b.Blocked() {
		t.Errorf("%d batches arrived, blocked %v", len(a.got), b.Blocked())
	}
}

func TestStopGivesTheBatchBack(t *testing.T) {
	stop := make(chan struct{})
	b := build(stop, &shard{})
	done := make(chan error, 1)
	go func() { done <- b.Handle(new(event.Batch)) }()
	for !b.Blocked() {
		runtime.Gosched()
	}
	close(stop)
	if err := <-done; !errors.Is(err, ErrStopped) {
		t.Errorf("got %v", err)
	}
}

func TestTryDoesNotWait(t *testing.T) {
	p := testkit.Try(NewPolicy("round_robin"))(t)
	s := &shard{room: 1}
	b := New(p, []Shard{s}, nil)
	if !b.Try(&event.Batch{}) || b.Try(&event.Batch{}) || len(s.got) != 1 {
		t.Errorf("%d batches are in a shard with room for one", len(s.got))
	}
}

// TestFirstComeFirstServed: a source that waits is not overtaken by one that always has
// a batch at hand.
func TestFirstComeFirstServed(t *testing.T) {
	s := &shard{}
	p := testkit.Try(NewPolicy("round_robin"))(t)
	b := New(p, []Shard{s}, make(chan struct{}))
	const waiters = 20
	batches := make([]*event.Batch, waiters)
	var wg sync.WaitGroup
	for i := range batches {
		batches[i] = new(event.Batch)
		wg.Go(func() {
			testkit.Equal(t, "error", b.Handle(batches[i]), nil)
		})
		for inLine := 0; inLine <= i; runtime.Gosched() {
			b.mu.Lock()
			inLine = b.waiting.Len()
			b.mu.Unlock()
		}
	}
	if b.Try(new(event.Batch)) {
		t.Error("one that does not wait went before those that do")
	}
	for range waiters {
		s.mu.Lock()
		s.room++
		s.mu.Unlock()
		b.Freed()
	}
	wg.Wait()
	if !slices.Equal(s.got, batches) || b.Blocked() {
		t.Errorf("they were not served in the order in which they came, or one still waits: %v", b.Blocked())
	}
}
