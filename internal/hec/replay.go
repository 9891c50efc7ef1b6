package hec

import (
	"context"
	"sync"

	"syslog-gateway/internal/deadletter"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
)

// ReplayResult counts what became of replayed events.
type ReplayResult struct {
	Delivered int // and gone from the store
	Refused   int // again, and in the store under new IDs
	Kept      int // not tried, or without an answer when ctx was done
	Damaged   int // lines that are not letters; they stay in the store
}

// Replay posts letters of the client's store again, one by one, as records are posted: those
// that choose picks, or all when it is nil. What HEC refuses again is a new letter. While no
// endpoint answers it goes on trying until ctx is done. No letter is lost then, nor by a
// crash, after which some may be sent twice. The client's ledger does not change: it has
// counted the events as dead letters.
func (c *Client) Replay(ctx context.Context, choose func(deadletter.Letter) bool) (ReplayResult, error) {
	c.refused.forget() // a replay is to ask
	var total ReplayResult
	kept, err := c.opts.DeadLetter.Replay(choose, func(letters []deadletter.Letter) []deadletter.Letter {
		src := &letterSource{todo: letters, given: make(map[uint64]deadletter.Letter)}
		counts := ledger.New()
		c.deliver(ctx, src, 1, counts)
		for _, a := range counts.Accounts() {
			b := a.Balance()
			total.Delivered += int(b.Delivered)
			total.Refused += int(b.Deadlettered)
		}
		return src.todo
	})
	total.Kept, total.Damaged = kept.Events, kept.Damaged
	return total, err
}

// letterSource gives letters out as records of one event each.
type letterSource struct {
	mu    sync.Mutex
	todo  []deadletter.Letter // not given out, or given back
	given map[uint64]deadletter.Letter
	seq   uint64
}

// Next implements Source.
func (s *letterSource) Next(ctx context.Context, _ []byte) (event.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.todo) == 0 {
		return event.Record{}, ErrEnd
	}
	if err := ctx.Err(); err != nil {
		return event.Record{}, err
	}
	l := s.todo[0]
	s.todo = s.todo[1:]
	s.seq++
	s.given[s.seq] = l
	return l.Record(s.seq), nil
}

// Ack implements Source.
func (s *letterSource) Ack(seq uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.given[seq]
	delete(s.given, seq)
	return ok
}

// Nack implements Source.
func (s *letterSource) Nack(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.given[seq]; ok {
		delete(s.given, seq)
		s.todo = append(s.todo, l)
	}
}

// Abandoned implements Source.
func (s *letterSource) Abandoned(uint64) bool { return false }
