package listener

import (
	"container/heap"
	"net/netip"
	"sync"
)

// pot is something that all senders draw from and that can run out: connections, or
// memory for partial messages. Nobody has a share of it. When it is empty, the address
// that holds most gives up what its longest silent connection holds. All methods are
// safe for concurrent use, and cost the logarithm of what is held.
type pot struct {
	mu      sync.Mutex
	held    int64 // by all
	leaving int64 // of that, by those who were asked to give it up
	holders map[netip.Addr]*holder
	rank    rank
}

// holder is what one address holds.
type holder struct {
	key    netip.Addr
	amount int64
	shares shares
	index  int // in the rank
}

// share is what one connection holds of a pot. The pot's lock guards it.
type share struct {
	stream *stream
	holder *holder // nil while it holds nothing, or is asked to give it up
	amount int64
	asked  bool
	seen   int64 // when the connection was active last, as far as the pot knows
	index  int   // in the holder's shares
}

func newPot() *pot { return &pot{holders: make(map[netip.Addr]*holder)} }

// set says what a connection holds from now on.
func (p *pot) set(s *share, amount int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	grown := amount - s.amount
	s.amount = amount
	p.held += grown
	switch {
	case s.asked:
		p.leaving += grown
		s.asked = amount != 0
	case amount == 0 && s.holder != nil:
		p.take(s, -grown)
	case amount == 0:
	case s.holder == nil:
		p.give(s)
	default:
		s.holder.amount += grown
		heap.Fix(&p.rank, s.holder.index)
	}
}

// give enters a share with its address.
func (p *pot) give(s *share) {
	key := host(s.stream.peer)
	h := p.holders[key]
	if h == nil {
		h = &holder{key: key}
		p.holders[key] = h
	}
	s.holder, s.seen = h, s.stream.lastActive.Load()
	h.amount += s.amount
	heap.Push(&h.shares, s)
	if len(h.shares) == 1 {
		heap.Push(&p.rank, h)
	} else {
		heap.Fix(&p.rank, h.index)
	}
}

// take removes a share, which held an amount, from its address.
func (p *pot) take(s *share, amount int64) {
	h := s.holder
	s.holder = nil
	h.amount -= amount
	heap.Remove(&h.shares, s.index)
	if len(h.shares) == 0 {
		heap.Remove(&p.rank, h.index)
		delete(p.holders, h.key)
		return
	}
	heap.Fix(&p.rank, h.index)
}

// victim returns who is to give up what he holds, so that the rest is within a limit,
// and what his address holds with it; nil when it is. What he holds counts no more.
func (p *pot) victim(limit int64) (s *stream, holds int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held-p.leaving <= limit {
		return nil, 0
	}
	for len(p.rank) != 0 {
		h := p.rank[0]
		first := h.shares[0]
		if last := first.stream.lastActive.Load(); last != first.seen { // it was not silent
			first.seen = last
			heap.Fix(&h.shares, 0)
			heap.Fix(&p.rank, 0)
			continue
		}
		holds = h.amount
		p.ask(first)
		return first.stream, holds
	}
	return nil, 0
}

// dismiss counts what a connection holds no more: it is about to give it up.
func (p *pot) dismiss(s *share) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.holder != nil {
		p.ask(s)
	}
}

func (p *pot) ask(s *share) {
	p.take(s, s.amount)
	s.asked = true
	p.leaving += s.amount
}

// wants reports whether a connection was asked to give up what it holds.
func (p *pot) wants(s *share) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.asked
}

// over reports whether more is held than a limit, by whomever.
func (p *pot) over(limit int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held > limit
}

// host is whom an address stands for: one of IPv6 stands for its /64, since a host has
// as many addresses there as it likes (RFC 8981).
func host(a netip.Addr) netip.Addr {
	if a.Is4() || a.IsLinkLocalUnicast() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// rank is a heap of addresses: first the one that holds most, of equals the one with
// the longest silent connection.
type rank []*holder

func (r rank) Len() int { return len(r) }
func (r rank) Less(i, j int) bool {
	if r[i].amount != r[j].amount {
		return r[i].amount > r[j].amount
	}
	return r[i].shares.silent() < r[j].shares.silent()
}
func (r rank) Swap(i, j int) {
	r[i], r[j] = r[j], r[i]
	r[i].index, r[j].index = i, j
}
func (r *rank) Push(x any) {
	h := x.(*holder)
	h.index = len(*r)
	*r = append(*r, h)
}
func (r *rank) Pop() any {
	last := len(*r) - 1
	h := (*r)[last]
	(*r)[last] = nil
	*r = (*r)[:last]
	return h
}

// shares is a heap of connections: first the one that has been silent for longest.
type shares []*share

// silent is when the longest silent one was active last.
func (s shares) silent() int64 {
	if len(s) == 0 {
		return 0
	}
	return s[0].seen
}

func (s shares) Len() int           { return len(s) }
func (s shares) Less(i, j int) bool { return s[i].seen < s[j].seen }
func (s shares) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}
func (s *shares) Push(x any) {
	e := x.(*share)
	e.index = len(*s)
	*s = append(*s, e)
}
func (s *shares) Pop() any {
	last := len(*s) - 1
	e := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	return e
}
