package segment

import (
	"slices"
	"sort"
)

// SeqRange is a range of sequence numbers. Both ends belong to it.
type SeqRange struct{ From, To uint64 }

// Seqs is a set of sequence numbers: ranges in order, with a gap between any two. The
// acknowledged records of a segment form one range more than there are unacknowledged ones.
type Seqs []SeqRange

// search returns the first range that does not end before seq.
func (r Seqs) search(seq uint64) int {
	return sort.Search(len(r), func(i int) bool { return r[i].To >= seq })
}

func (r Seqs) Has(seq uint64) bool {
	i := r.search(seq)
	return i < len(r) && r[i].From <= seq
}

func (r *Seqs) Add(seq uint64) {
	all := *r
	i := all.search(seq)
	if i < len(all) && all[i].From <= seq {
		return
	}
	before := i > 0 && all[i-1].To+1 == seq
	behind := i < len(all) && seq+1 == all[i].From
	switch {
	case before && behind:
		all[i-1].To = all[i].To
		*r = slices.Delete(all, i, i+1)
	case before:
		all[i-1].To = seq
	case behind:
		all[i].From = seq
	default:
		*r = slices.Insert(all, i, SeqRange{seq, seq})
	}
}

// Stretch is a range that may go over segments: its first record lies in the first of them,
// its last record in the last.
type Stretch struct {
	First, Last int64 // numbers of segments
	SeqRange
}

// Join appends a stretch. One that follows the last of the list without a gap makes that
// longer.
func Join(list []Stretch, s Stretch) []Stretch {
	if n := len(list); n > 0 && list[n-1].To+1 == s.From && list[n-1].Last <= s.First {
		list[n-1].Last, list[n-1].To = s.Last, s.To
		return list
	}
	return append(list, s)
}

// Extend joins what is acknowledged of a segment.
func Extend(list []Stretch, num int64, done Seqs) []Stretch {
	for _, s := range done {
		list = Join(list, Stretch{num, num, s})
	}
	return list
}
