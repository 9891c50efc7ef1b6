package event

import (
	"sync"
	"time"

	"syslog-gateway/internal/ledger"
)

// Batch collects the HEC event objects of one source until it is sealed by size
// or age. It is filled by one goroutine at a time; handing it over hands over
// everything in it.
type Batch struct {
	// Data holds the encoded events, each followed by one LF.
	Data []byte
	// Events is the number of events in Data.
	Events int
	// Account is the source's page in the books.
	Account *ledger.Account
	// Received is when the first event was received.
	Received time.Time
	// Key is a hash of the source; the source_hash policy keeps batches of one
	// key on one shard.
	Key uint64
}

// Pool lends batches. It bounds the memory of all batches in flight: it makes at
// most its capacity of them, and Get waits when all are lent. That wait is the
// back-pressure which reaches the sockets. The batch that came back last is lent
// first: it is still in the processor's cache.
type Pool struct {
	tokens chan struct{} // one for each batch that may be lent
	size   int

	mu   sync.Mutex
	free []*Batch
}

// NewPool returns a pool of at most n batches that each have room for size bytes
// of JSON.
func NewPool(n, size int) *Pool {
	p := &Pool{tokens: make(chan struct{}, n), size: size}
	for range n {
		p.tokens <- struct{}{}
	}
	return p
}

// Get returns an empty batch, or nil when stop is closed before one is free.
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

// Try returns an empty batch, or nil when all are lent.
func (p *Pool) Try() *Batch {
	select {
	case <-p.tokens:
		return p.lend()
	default:
		return nil
	}
}

// lend gives a batch to whoever has taken a token.
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

// Put gives a batch back. The caller must not touch it afterwards. A buffer that
// one huge event has blown up is not kept.
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
