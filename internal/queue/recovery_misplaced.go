package queue

import (
	"math"
	"slices"
)

// fits says that the numbers of a segment's records lie between two others, and grow.
func (s *segmentScan) fits(above, below uint64) bool {
	return s.firstSeq == 0 || !s.disorder && above < s.firstSeq && s.lastSeq < below
}

// sortOut takes the segments out of the shard that do not belong there: the window needs
// numbers that grow from each record to the next, and a copy repeats them. As many
// segments as can stay do: the longest chain in which each begins behind the end of the
// one before (patience sorting). Segments without a record, or not read yet, stay.
func (sc *shardScan) sortOut() {
	type link struct {
		seg    *segmentScan
		before *link
	}
	var tails []*link // by length, the chain of that length which ends lowest
	for _, s := range sc.segs {
		if s.failed != nil || s.firstSeq == 0 || s.disorder {
			continue
		}
		n, _ := slices.BinarySearchFunc(tails, s.firstSeq, func(l *link, first uint64) int {
			if l.seg.lastSeq < first {
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
		case s.lastSeq < tails[n].seg.lastSeq:
			tails[n] = one
		}
	}
	stay := make(map[*segmentScan]bool)
	if n := len(tails); n > 0 {
		for l := tails[n-1]; l != nil; l = l.before {
			stay[l.seg] = true
		}
	}
	sc.segs = slices.DeleteFunc(sc.segs, func(s *segmentScan) bool {
		if s.failed != nil || s.firstSeq == 0 || stay[s] {
			return false
		}
		sc.misplaced = append(sc.misplaced, s)
		return true
	})
}

// between returns the numbers that the records of a late segment must lie between, by its
// neighbours that could be read. seq is the highest that may be on disk.
func (sc *shardScan) between(late *segmentScan, seq uint64) (above, below uint64) {
	below = math.MaxUint64
	for _, s := range sc.segs {
		switch {
		case s.failed != nil || s.firstSeq == 0:
		case s.num < late.num:
			above = max(above, s.lastSeq)
		case s.num > late.num:
			below = min(below, s.firstSeq)
		}
	}
	return above, min(below, seq+1)
}
