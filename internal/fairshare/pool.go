// Package fairshare bounds what all senders together may hold of something that can run
// out, such as connections, or memory for partial messages.
//
// There are no fixed shares: below the limit, one address may hold everything. At the
// limit, the address that holds most gives up what its longest silent member holds. So a
// host that takes everything costs no other host anything.
//
// What a member does when it has to give up what it holds is the caller's business, and
// does not belong here.
package fairshare

import (
	"container/heap"
	"math"
	"net/netip"
	"sync"
)

// Member holds something of a Pool: a connection, for example. The Pool calls
// its methods while it is locked; they must not block.
type Member interface {
	// From is the address that the member counts for.
	From() netip.Addr
	// LastActive is when the member was active last, in nanoseconds since 1970. It only
	// grows.
	LastActive() int64
	// Busy reports whether the member should be chosen only if there is no other.
	Busy() bool
}

// Pool counts what members hold. Its methods are safe for concurrent use, and cost the
// logarithm of the number of shares. The zero value is an empty pool.
type Pool[M Member] struct {
	mu      sync.Mutex
	total   int64 // by all
	leaving int64 // the share of total whose members were asked to give it up
	holders map[netip.Prefix]*holder[M]
	ranking ranking[M]
	busy    map[*Share[M]]struct{} // shares of members that were busy at their last check
}

// holder is what one address, or IPv6 network, holds.
type holder[M Member] struct {
	network netip.Prefix
	amount  int64
	shares  shares[M]
	index   int // in the ranking
}

// Share is what one member holds of a pool. The pool's lock guards it.
type Share[M Member] struct {
	member M
	holder *holder[M] // nil while the share is empty, or its member is asked to give it up
	amount int64
	asked  bool
	busy   bool  // as far as the pool knows
	seen   int64 // the member's LastActive, as far as the pool knows
	index  int   // in the holder's shares
}

// newcomer is the seen of a member that is entering: it is chosen last.
const newcomer = math.MaxInt64

// NewShare returns the empty share of a member. A member has one share of each pool.
func NewShare[M Member](m M) Share[M] { return Share[M]{member: m} }

// Member is whose share it is.
func (s *Share[M]) Member() M { return s.member }

// Set says how much a member holds from now on.
func (p *Pool[M]) Set(s *Share[M], amount int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	grown := amount - s.amount
	s.amount = amount
	p.total += grown
	switch {
	case s.asked:
		p.leaving += grown
		s.asked = amount != 0
	case amount == 0 && s.holder != nil:
		p.remove(s, -grown)
	case amount == 0:
	case s.holder == nil:
		p.add(s, s.member.LastActive())
	default:
		s.holder.amount += grown
		heap.Fix(&p.ranking, s.holder.index)
	}
}

// Enter takes a member into a pool in which each one holds 1 and all together at most
// limit. If the pool is full, another member has to go: it counts no more, and is
// returned for the caller to end it. With fair, a member whose own address would then
// hold most stays outside.
func (p *Pool[M]) Enter(s *Share[M], limit int64, fair bool) (out *Share[M], in bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.amount = 1
	p.total++
	p.add(s, newcomer)
	if p.total-p.leaving > limit {
		if fair && s.holder.amount == p.ranking[0].amount {
			p.remove(s, 1)
			p.total--
			s.amount = 0
			return nil, false
		}
		out = p.choose()
		p.ask(out)
	}
	if s.holder != nil {
		p.refresh(s)
	}
	return out, true
}

// Victim chooses a member that has to give up what it holds, so that the others together
// hold at most limit, and says how much its address holds. Its share counts no more. The
// result is nil below the limit.
func (p *Pool[M]) Victim(limit int64) (s *Share[M], holds int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total-p.leaving <= limit {
		return nil, 0
	}
	if s = p.choose(); s != nil {
		holds = s.holder.amount
		p.ask(s)
	}
	return s, holds
}

// Dismiss counts a member's share no more: it is about to give it up.
func (p *Pool[M]) Dismiss(s *Share[M]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.holder != nil {
		p.ask(s)
	}
}

// Asked reports whether a member was asked to give up what it holds, and still holds it.
func (p *Pool[M]) Asked(s *Share[M]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.asked
}

// Total is how much all members hold, and kept is how much of it no member was asked to
// give up.
func (p *Pool[M]) Total() (total, kept int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total, p.total - p.leaving
}

// TotalOf is how much an address holds that it was not asked to give up.
func (p *Pool[M]) TotalOf(a netip.Addr) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.holders[Network(a)]; h != nil {
		return h.amount
	}
	return 0
}

// Network is what a host counts as: an IPv4 address for itself, an IPv6 address for its
// /64, since a host has as many addresses there as it likes (RFC 8981). Link-local
// addresses are distinguished: all hosts of a link share fe80::/64.
// What is no address has the zero prefix.
func Network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() || a.IsLinkLocalUnicast() {
		bits = a.BitLen()
	}
	p, _ := a.Prefix(bits)
	return p
}

// add counts a share among those of its address.
func (p *Pool[M]) add(s *Share[M], seen int64) {
	network := Network(s.member.From())
	h := p.holders[network]
	if h == nil {
		if p.holders == nil {
			p.holders = make(map[netip.Prefix]*holder[M])
		}
		h = &holder[M]{network: network}
		p.holders[network] = h
	}
	s.holder, s.seen, s.busy = h, seen, seen == newcomer
	h.amount += s.amount
	heap.Push(&h.shares, s)
	if len(h.shares) == 1 {
		heap.Push(&p.ranking, h)
	} else {
		heap.Fix(&p.ranking, h.index)
	}
}

// remove takes a share, which held an amount, off its address.
func (p *Pool[M]) remove(s *Share[M], amount int64) {
	h := s.holder
	s.holder = nil
	delete(p.busy, s)
	h.amount -= amount
	heap.Remove(&h.shares, s.index)
	if len(h.shares) == 0 {
		heap.Remove(&p.ranking, h.index)
		delete(p.holders, h.network)
		return
	}
	heap.Fix(&p.ranking, h.index)
}

// ask records that the member of a share was asked to give it up.
func (p *Pool[M]) ask(s *Share[M]) {
	p.remove(s, s.amount)
	s.asked = true
	p.leaving += s.amount
}

// choose finds the longest silent member of the address that holds most, and of those
// that hold the same. One that is busy comes last. What the heaps know of a member may
// be old; only what gets to their top is brought up to date, which is enough because
// LastActive only grows. Busy can end, so those that were busy are checked first.
func (p *Pool[M]) choose() *Share[M] {
	for s := range p.busy {
		p.refresh(s)
	}
	for len(p.ranking) != 0 {
		if first := p.ranking[0].shares[0]; !p.refresh(first) {
			return first
		}
	}
	return nil
}

// refresh brings what the heaps know of a member up to date, and reports whether that
// changed.
func (p *Pool[M]) refresh(s *Share[M]) (changed bool) {
	busy, seen := s.member.Busy(), s.member.LastActive()
	if busy == s.busy && seen == s.seen {
		return false
	}
	if !busy {
		delete(p.busy, s)
	} else if p.busy == nil {
		p.busy = map[*Share[M]]struct{}{s: {}}
	} else {
		p.busy[s] = struct{}{}
	}
	s.busy, s.seen = busy, seen
	heap.Fix(&s.holder.shares, s.index)
	heap.Fix(&p.ranking, s.holder.index)
	return true
}

// ranking is a heap of addresses: first the one that holds most, and of equals the one
// whose first share goes before.
type ranking[M Member] []*holder[M]

func (r ranking[M]) Len() int { return len(r) }
func (r ranking[M]) Less(i, j int) bool {
	if r[i].amount != r[j].amount {
		return r[i].amount > r[j].amount
	}
	return r[i].shares[0].before(r[j].shares[0])
}
func (r ranking[M]) Swap(i, j int) {
	r[i], r[j] = r[j], r[i]
	r[i].index, r[j].index = i, j
}
func (r *ranking[M]) Push(x any) {
	h := x.(*holder[M])
	h.index = len(*r)
	*r = append(*r, h)
}
func (r *ranking[M]) Pop() any {
	last := len(*r) - 1
	h := (*r)[last]
	(*r)[last] = nil
	*r = (*r)[:last]
	return h
}

// shares is a heap of shares: first the one whose member is to give up first.
type shares[M Member] []*Share[M]

// before reports whether s is to be given up before other.
func (s *Share[M]) before(other *Share[M]) bool {
	if s.busy != other.busy {
		return other.busy
	}
	return s.seen < other.seen
}

func (s shares[M]) Len() int           { return len(s) }
func (s shares[M]) Less(i, j int) bool { return s[i].before(s[j]) }
func (s shares[M]) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}
func (s *shares[M]) Push(x any) {
	e := x.(*Share[M])
	e.index = len(*s)
	*s = append(*s, e)
}
func (s *shares[M]) Pop() any {
	last := len(*s) - 1
	e := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	return e
}
