package event

import (
	"sync"
	"time"
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
	Account *Account
	// Received is when the first event was received.
	Received time.Time
	// Key is a hash of the sender of the first event; the source_hash policy
	// keeps batches of one key on one shard.
	Key uint64
}

// Pool lends batches. It bounds the memory of all batches in flight: it makes at
// most its capacity of them, and Get waits when all are lent. That wait is the
// back-pressure which reaches the sockets.
type Pool struct {
	free chan *Batch
	mu   sync.Mutex
	made int
	size int
}

// NewPool returns a pool of at most n batches that each have room for size bytes
// of JSON.
func NewPool(n, size int) *Pool {
	return &Pool{free: make(chan *Batch, n), size: size}
}

// Get returns an empty batch, or nil when stop is closed before one is free.
func (p *Pool) Get(stop <-chan struct{}) *Batch {
	select {
	case b := <-p.free:
		return b
	default:
	}
	if b := p.grow(); b != nil {
		return b
	}
	select {
	case b := <-p.free:
		return b
	case <-stop:
		return nil
	}
}

func (p *Pool) grow() *Batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made == cap(p.free) {
		return nil
	}
	p.made++
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
	p.free <- b
}
