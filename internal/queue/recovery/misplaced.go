package recovery

import (
	"math"
	"slices"
)

// Fits says that the numbers of a segment's records lie between two others, and grow.
func (s *Segment) Fits(above, below uint64) bool {
	return s.FirstSeq == 0 || !s.Disorder && above < s.FirstSeq && s.LastSeq < below
}

// sortOut finds the segments that do not belong to the shard: numbers must grow from each
// record to the next, and a copy repeats them. The longest chain stays in which each segment
// begins behind the end of the one before (patience sorting), and so do segments without a
// record, or not read yet.
func (sc *Shard) sortOut() {
	type link struct {
		seg    *Segment
		before *link
	}
	var tails []*link // by length, the chain of that length which ends lowest
	for _, s := range sc.Segments {
		if s.Failed != nil || s.FirstSeq == 0 || s.Disorder {
			continue
		}
		n, _ := slices.BinarySearchFunc(tails, s.FirstSeq, func(l *link, first uint64) int {
			if l.seg.LastSeq < first {
				return -1
			}
			return 1
		})
		one := &link{seg: s}
		if n > 0 {
			one.before = tails[n-1]
		}
		switch {
		case n == len(tails):
			tails = append(tails, one)
		case s.LastSeq < tails[n].seg.LastSeq:
			tails[n] = one
		}
	}
	stay := make(map[*Segment]bool)
	if n := len(tails); n > 0 {
		for l := tails[n-1]; l != nil; l = l.before {
			stay[l.seg] = true
		}
	}
	sc.Segments = slices.DeleteFunc(sc.Segments, func(s *Segment) bool {
		if s.Failed != nil || s.FirstSeq == 0 || stay[s] {
			return false
		}
		sc.Misplaced = append(sc.Misplaced, s)
		return true
	})
}

// Between returns the numbers that the records of a late segment must lie between, by its
// neighbours that could be read. seq is the highest that may be on disk.
func (sc *Shard) Between(late *Segment, seq uint64) (above, below uint64) {
	below = math.MaxUint64
	for _, s := range sc.Segments {
		switch {
		case s.Failed != nil || s.FirstSeq == 0:
		case s.Num < late.Num:
			above = max(above, s.LastSeq)
		case s.Num > late.Num:
			below = min(below, s.FirstSeq)
		}
	}
	return above, min(below, seq+1)
}
