package balancer

import (
	"errors"
	"sync"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/waitlist"
)

// ErrStopped says that no shard took the batch before the stop.
var ErrStopped = errors.New("the gateway is stopping and no shard has room")

// Shard is what the balancer needs of a shard.
type Shard interface {
	// Offer hands the batch over when the shard can take it now.
	Offer(b *event.Batch) bool
	// Load is the number of bytes that wait in the shard.
	Load() int64
}

// Balancer hands batches to shards.
type Balancer struct {
	policy Policy
	shards []Shard
	stop   <-chan struct{}

	mu      sync.Mutex
	order   []int
	load    []int64
	waiting waitlist.List
}

// New returns a balancer over the shards. When stop is closed, Handle no longer waits.
func New(p Policy, shards []Shard, stop <-chan struct{}) *Balancer {
	return &Balancer{
		policy: p,
		shards: shards,
		stop:   stop,
		load:   make([]int64, len(shards)),
	}
}

// Handle gives the batch to the first shard, in the order of the policy, that takes it.
// While none does, it blocks. Callers are served in the order in which they came, so that
// no source starves beside a busy one. After ErrStopped the batch is still the caller's.
func (b *Balancer) Handle(batch *event.Batch) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.waiting.Ahead(nil) && b.offer(batch) {
		return nil
	}
	ticket := b.waiting.Enqueue()
	defer b.waiting.Dequeue(ticket)
	for {
		stopped := false
		b.mu.Unlock()
		select {
		case <-ticket:
		case <-b.stop:
			stopped = true
		}
		b.mu.Lock()
		if b.offer(batch) {
			return nil
		}
		if stopped {
			return ErrStopped
		}
	}
}

// Try is Handle without waiting. It fails while others wait. After false the batch is
// still the caller's.
func (b *Balancer) Try(batch *event.Batch) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.waiting.Ahead(nil) && b.offer(batch)
}

func (b *Balancer) offer(batch *event.Batch) bool {
	for i, s := range b.shards {
		b.load[i] = s.Load()
	}
	b.order = b.policy.Order(b.order[:0], batch.Key, b.load)
	for _, i := range b.order {
		if b.shards[i].Offer(batch) {
			return true
		}
	}
	return false
}

// Freed wakes the first caller that waits. A shard calls it when it has taken a batch out
// of its hands or has recovered from an error.
func (b *Balancer) Freed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting.WakeFirst()
}

// Blocked reports whether a caller waits for room: back-pressure.
func (b *Balancer) Blocked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting.Ahead(nil)
}
