package hecsink

import "math/bits"

// Each power of two is cut into 1<<subBits equal buckets: an error of at most 3 %.
const subBits = 5

// histogram counts durations in microseconds. The zero value is empty.
type histogram struct {
	buckets [64 << subBits]uint64
	count   uint64
	sum     uint64
	highest uint64
}

// add counts one duration. A negative one, from a clock that was set back, counts as 0.
func (h *histogram) add(micros int64) {
	v := uint64(max(micros, 0))
	h.buckets[bucketOf(v)]++
	h.count++
	h.sum += v
	h.highest = max(h.highest, v)
}

func bucketOf(v uint64) int {
	if v < 1<<subBits {
		return int(v)
	}
	exp := bits.Len64(v) - 1 - subBits
	return exp<<subBits + int(v>>exp)
}

// upper is the highest value of a bucket.
func upper(bucket int) uint64 {
	if bucket < 2<<subBits {
		return uint64(bucket)
	}
	exp := bucket>>subBits - 1
	return uint64(bucket-exp<<subBits+1)<<exp - 1
}

// quantile is the upper bound of the bucket that the q-th part (0 to 1) lies in.
func (h *histogram) quantile(q float64) uint64 {
	rank := max(1, uint64(q*float64(h.count)+0.5))
	var seen uint64
	for i, n := range h.buckets {
		if seen += n; n > 0 && seen >= rank {
			return min(upper(i), h.highest)
		}
	}
	return h.highest
}

// Latency is a distribution in milliseconds, from the send stamp of a message to its
// arrival in a whole request at the sink.
type Latency struct {
	Count uint64  `json:"count"`
	Mean  float64 `json:"mean_ms"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
}

func (h *histogram) summary() Latency {
	if h.count == 0 {
		return Latency{}
	}
	ms := func(v uint64) float64 { return float64(v) / 1000 }
	return Latency{
		Count: h.count, Mean: float64(h.sum) / float64(h.count) / 1000,
		P50: ms(h.quantile(0.50)), P90: ms(h.quantile(0.90)), P99: ms(h.quantile(0.99)),
		P999: ms(h.quantile(0.999)), Max: ms(h.highest),
	}
}
