package queue

import (
	"slices"
	"sort"
)

// seqRange is a range of sequence numbers. Both ends belong to it.
type seqRange struct{ from, to uint64 }

// spans is a set of sequence numbers: ranges in order, with a gap between any two.
// The records of a segment that are acknowledged form few of them: one more than
// there are records without an answer.
type spans []seqRange

// search returns the first range that does not end before seq.
func (r spans) search(seq uint64) int {
	return sort.Search(len(r), func(i int) bool { return r[i].to >= seq })
}

func (r spans) has(seq uint64) bool {
	i := r.search(seq)
	return i < len(r) && r[i].from <= seq
}

func (r *spans) add(seq uint64) {
	all := *r
	i := all.search(seq)
	if i < len(all) && all[i].from <= seq {
		return
	}
	before := i > 0 && all[i-1].to+1 == seq
	behind := i < len(all) && seq+1 == all[i].from
	switch {
	case before && behind:
		all[i-1].to = all[i].to
		*r = slices.Delete(all, i, i+1)
	case before:
		all[i-1].to = seq
	case behind:
		all[i].from = seq
	default:
		*r = slices.Insert(all, i, seqRange{seq, seq})
	}
}

// stretch is a range that goes over segments: its first record lies in the first of
// them and its last record in the last.
type stretch struct {
	first, last int64 // numbers of segments
	seqRange
}

// join appends what is acknowledged behind all that is listed. What follows the last
// stretch without a gap makes it longer.
func join(list []stretch, s stretch) []stretch {
	if n := len(list); n > 0 && list[n-1].to+1 == s.from && list[n-1].last <= s.first {
		list[n-1].last, list[n-1].to = s.last, s.to
		return list
	}
	return append(list, s)
}

// extend joins what is acknowledged of a segment.
func extend(list []stretch, num int64, done spans) []stretch {
	for _, s := range done {
		list = join(list, stretch{num, num, s})
	}
	return list
}
