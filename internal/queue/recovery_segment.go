package queue

import (
	"io"
	"os"
)

// segmentScan is one file of a shard.
type segmentScan struct {
	num      int64
	path     string // its own name; the file bears it, or has .bad behind it
	bad      bool
	twin     bool // both names exist: the .bad one will be set aside
	fileSize int64
	from     int64 // where what is not consumed begins
	marked   bool  // a sync of it has failed, and was not made good
	synced   int64 // where marked: what was on stable storage before
	done     spans // what is acknowledged of it
	skip     int64 // how many of the records that were found
	since    int64 // when it was written last, Unix nanoseconds
	size     int64 // what repair has left of it
	keep     bool  // repair wants the file kept in the corrupt folder when it is consumed
	// failed is why it could not be read: nothing is known of its records then.
	failed error
	walked
}

func (s *segmentScan) file() string {
	if s.bad {
		return s.path + badSuffix
	}
	return s.path
}

// walkSegment decides where seg is to be read from and walks it from there. Where that
// fails nothing is known of it.
func (sc *shardScan) walkSegment(seg *segmentScan) error {
	f, err := os.Open(seg.file())
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	seg.fileSize, seg.since = st.Size(), st.ModTime().UnixNano()
	if sc.known && seg.num == sc.meta.read.num {
		if seg.from, err = boundary(f, seg.fileSize, sc.meta.read.off); err != nil {
			return err
		}
	}
	if err := seg.read(f, sc.acked.of(seg.num)); err != nil {
		return err
	}
	if last := seg.num == sc.segs[len(sc.segs)-1].num; !last && seg.tornAt >= 0 {
		seg.damage = append(seg.damage, damage{from: seg.tornAt, to: seg.fileSize, what: "the last record is cut off"})
		seg.tornAt = -1
	}
	if seg.lastSeq == 0 { // the numbers go on behind what was consumed
		consumed, err := walk(f, seg.from, 0, nil)
		if err != nil {
			return err
		}
		seg.lastSeq = consumed.lastSeq
	}
	return nil
}

// boundary returns off where a record begins at it, or one ends there and what follows
// is torn or damaged. Anywhere else the metadata is wrong, and the segment is read from
// its start: records may come twice that way, but none is lost.
func boundary(f *os.File, size, off int64) (int64, error) {
	if off == size {
		return off, nil
	}
	if off > size {
		return 0, nil
	}
	w := &window{r: f, size: size}
	_, _, v, err := w.record(off, 0)
	if v == valid && err == nil {
		return off, nil
	}
	if notRead(err) {
		return 0, err
	}
	before, err := walk(f, off, 0, nil)
	if err != nil {
		return 0, err
	}
	if before.end == off {
		return off, nil
	}
	return 0, nil
}

// mayHold is how many records the parts that were not read may hold at most. Their numbers are not
// given out again: a disk that cannot be read at this start may be read at the next.
func (s *segmentScan) mayHold() (n uint64) {
	if s.failed != nil { // not even its size need be known
		return 1 << 32
	}
	for _, d := range s.damage {
		n += uint64(d.to-d.from)/(prefixLen+fixedHeader) + 1
	}
	return n
}

// consumed says that nothing is left in the segment.
func (s *segmentScan) consumed() bool {
	return s.records == 0 && len(s.damage) == 0 && s.failed == nil
}

// read walks the segment and takes what is acknowledged out of what is left in it. It
// goes by the records that the walk has found and counted: a header may be whole where
// the record is not, since the file ends inside of it.
func (s *segmentScan) read(r io.ReaderAt, done spans) error {
	var known tally
	s.done, s.skip = done, 0
	found, err := walk(r, s.fileSize, s.from, func(_ int64, h *header) error {
		if done.has(h.seq) {
			s.skip++
			known.add(h.source, int64(h.events), h.size())
		}
		return nil
	})
	s.walked = found
	s.subtract(&known)
	return err
}

// again is the scan of a segment before anything was read of it. diskqueue may have given
// it up meanwhile.
func (s *segmentScan) again(bad bool) *segmentScan {
	return &segmentScan{num: s.num, path: s.path, bad: bad, marked: s.marked, synced: s.synced}
}

// holds says that the records of the segment are those that a stop has left, also where
// the file was given another number.
func (s *segmentScan) holds(stop *stopSegment) bool {
	return s.failed == nil && s.firstSeq != 0 && s.firstSeq <= stop.Last && stop.First <= s.lastSeq
}
