package balancer

import (
	"errors"
	"slices"
	"sync"

	"syslog-gateway/internal/event"
)

// ErrStopped is returned for a batch that nobody will take any more.
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

	mu    sync.Mutex
	order []int
	load  []int64
	line  []chan struct{} // who waits, first come first; each hears that it may try
}

// New returns a balancer over the shards. When stop is closed, Handle does not wait
// any more.
func New(p Policy, shards []Shard, stop <-chan struct{}) *Balancer {
	return &Balancer{
		policy: p,
		shards: shards,
		stop:   stop,
		load:   make([]int64, len(shards)),
	}
}

// Handle gives the batch to the first shard, in the order of the policy, that takes
// it. While none does, it blocks, and who came first goes on first: so no source starves
// beside a busy one. ErrStopped means that the batch stays with the caller.
func (b *Balancer) Handle(batch *event.Batch) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.line) == 0 && b.offer(batch) {
		return nil
	}
	turn := make(chan struct{}, 1)
	b.line = append(b.line, turn)
	defer b.leave(turn)
	for {
		stopped := false
		b.mu.Unlock()
		select {
		case <-turn:
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

// leave takes somebody out of the line. There may be room for the next one, too.
func (b *Balancer) leave(turn chan struct{}) {
	b.line = slices.DeleteFunc(b.line, func(c chan struct{}) bool { return c == turn })
	b.next()
}

// next lets the first in the line try.
func (b *Balancer) next() {
	if len(b.line) == 0 {
		return
	}
	select {
	case b.line[0] <- struct{}{}:
	default: // it has been told, and will
	}
}

// Try is Handle without waiting: false means that the batch stays with the caller. It
// goes before nobody who waits.
func (b *Balancer) Try(batch *event.Batch) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.line) == 0 && b.offer(batch)
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

// Freed tells that a shard may accept again. Shards call it when they have taken a
// batch out of their hands or come out of trouble.
func (b *Balancer) Freed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next()
}

// Blocked reports whether somebody waits for room: the sign of back-pressure.
func (b *Balancer) Blocked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.line) > 0
}
