package loadgen

import "sync/atomic"

// claim hands out sequence numbers without gaps. It is safe for concurrent use.
type claim struct {
	next  atomic.Uint64
	limit uint64
}

func newClaim(first, limit uint64) *claim {
	c := &claim{limit: limit}
	c.next.Store(first)
	return c
}

// take claims up to n numbers: those from first to first+k-1. k is 0 when there are
// no more.
func (c *claim) take(n int) (first uint64, k int) {
	for {
		first = c.next.Load()
		if first >= c.limit {
			return first, 0
		}
		k = int(min(uint64(n), c.limit-first))
		if c.next.CompareAndSwap(first, first+uint64(k)) {
			return first, k
		}
	}
}
