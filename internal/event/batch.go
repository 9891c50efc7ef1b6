package event

import (
	"sync"
	"time"

	"syslog-gateway/internal/ledger"
)

// Batch collects the HEC event objects of one source until it is full or old enough. One
// goroutine at a time owns it.
type Batch struct {
	// Data has the encoded events, each followed by one LF.
	Data []byte
	// Events is the number of events in Data.
	Events int
	// Account counts the events of the source.
	Account *ledger.Account
	// Received is when the first event was received.
	Received time.Time
	// Key is a hash of the source. The source_hash policy keeps batches of one key on one
	// shard.
	Key uint64
	// Receipts are owed to those whose messages are in the batch.
	Receipts Receipts
}

// Pool lends a fixed number of batches, which bounds their memory. Get waits while all
// are lent: that wait is the back-pressure that reaches the sockets. The batch that was
// returned last is lent first, because it is still in the processor's cache.
type Pool struct {
	tokens chan struct{} // one for each batch that may be lent
	size   int

	mu   sync.Mutex
	free []*Batch
}

// NewPool returns a pool of n batches with room for size bytes of JSON each.
func NewPool(n, size int) *Pool {
	p := &Pool{tokens: make(chan struct{}, n), size: size}
	for range n {
		p.tokens <- struct{}{}
	}
	return p
}

// Get returns an empty batch, or nil if stop is closed before one is free.
func (p *Pool) Get(stop <-chan struct{}) *Batch {
	select {
	case <-p.tokens:
	default:
		select {
		case <-p.tokens:
		case <-stop:
			return nil
		}
	}
	return p.lend()
}

// Try returns an empty batch, or nil if all are lent.
func (p *Pool) Try() *Batch {
	select {
	case <-p.tokens:
		return p.lend()
	default:
		return nil
	}
}

// lend returns a batch to a caller that has taken a token.
func (p *Pool) lend() *Batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.free) - 1; last >= 0 {
		b := p.free[last]
		p.free = p.free[:last]
		return b
	}
	return &Batch{Data: make([]byte, 0, p.size)}
}

// Put returns a batch. The caller must not use it afterwards. A buffer that a huge event
// has made large is not kept.
func (p *Pool) Put(b *Batch) {
	data := b.Data[:0]
	if cap(data) > 2*p.size {
		data = make([]byte, 0, p.size)
	}
	*b = Batch{Data: data}
	p.mu.Lock()
	p.free = append(p.free, b)
	p.mu.Unlock()
	p.tokens <- struct{}{}
}
