package endpoints

import (
	"math/rand/v2"
	"time"
)

// Backoff bounds the wait before the n-th retry: a random time up to Initial·2ⁿ, at most
// Max (full jitter).
type Backoff struct {
	Initial time.Duration
	Max     time.Duration
}

// Ceiling is the longest wait before retry n+1: Initial·2ⁿ, at most Max.
func (b Backoff) Ceiling(n int) time.Duration {
	d := b.Initial
	for ; n > 0 && d < b.Max; n-- {
		d *= 2
	}
	return min(d, b.Max)
}

// Jitter draws a time up to d, so that senders do not come back in step.
func Jitter(d time.Duration) time.Duration {
	return time.Duration(rand.Int64N(int64(d) + 1))
}
