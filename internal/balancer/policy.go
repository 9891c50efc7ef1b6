package balancer

import "fmt"

// Policy orders shards, best first. It never blocks; it is called under the
// balancer's lock.
type Policy interface {
	// Order appends the indexes of all shards to dst. load holds the pending bytes
	// of each shard; key is the hash of the batch's source.
	Order(dst []int, key uint64, load []int64) []int
}

// SourceHash is the name of the policy that keeps the order of a source.
const SourceHash = "source_hash"

// NewPolicy returns the policy of a name: round_robin, least_pending, source_hash.
func NewPolicy(name string) (Policy, error) {
	switch name {
	case "round_robin":
		return &roundRobin{}, nil
	case "least_pending":
		return leastPending{}, nil
	case SourceHash:
		return sourceHash{}, nil
	}
	return nil, fmt.Errorf("balancer.policy: %q is not one of round_robin, least_pending, source_hash", name)
}

// roundRobin takes the shards one after the other.
type roundRobin struct{ next int }

func (p *roundRobin) Order(dst []int, _ uint64, load []int64) []int {
	p.next = (p.next + 1) % len(load)
	return from(dst, p.next, len(load))
}

// leastPending takes the shard with the fewest bytes before it.
type leastPending struct{}

func (leastPending) Order(dst []int, _ uint64, load []int64) []int {
	first := len(dst)
	for i := range load {
		dst = append(dst, i)
		for j := len(dst) - 1; j > first && load[dst[j]] < load[dst[j-1]]; j-- {
			dst[j], dst[j-1] = dst[j-1], dst[j]
		}
	}
	return dst
}

// sourceHash keeps a source on one shard.
type sourceHash struct{}

func (sourceHash) Order(dst []int, key uint64, load []int64) []int {
	return from(dst, int(key%uint64(len(load))), len(load))
}

// from appends first, first+1, … around n.
func from(dst []int, first, n int) []int {
	for i := range n {
		dst = append(dst, (first+i)%n)
	}
	return dst
}
