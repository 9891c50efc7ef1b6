package queue

import (
	"os"
)

// mark tells records of the same number apart.
type mark struct {
	bodyCRC  uint32
	received int64
}

// good says that a whole record begins at off.
func (s *segmentScan) good(off int64) bool {
	f, err := os.Open(s.path)
	if err != nil {
		return false
	}
	defer f.Close()
	h, _, v, err := (&window{r: f, size: s.fileSize}).record(off, 0)
	if err != nil || v != valid {
		return false
	}
	_, err = readRecord(f, h.at(off), nil)
	return err == nil
}

// marks enters the records of the segment from an offset on into known.
func (s *segmentScan) marks(from int64, known map[uint64]mark) error {
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = walk(f, s.fileSize, from, func(_ int64, h *header) error {
		known[h.seq] = mark{h.bodyCRC, h.received}
		return nil
	})
	return err
}

// repeated enters the records of the shard that a misplaced segment may repeat into known,
// those included that are consumed and still in a file: they were delivered.
func (sc *shardScan) repeated(path string, known map[uint64]mark) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	its := make(map[uint64]mark)
	if err := (&segmentScan{path: path, fileSize: st.Size()}).marks(0, its); err != nil {
		return err
	}
	for _, s := range sc.segs {
		if s.failed != nil {
			return s.failed
		}
		all := make(map[uint64]mark)
		if err := s.marks(0, all); err != nil {
			return err
		}
		for seq, m := range all {
			if _, may := its[seq]; may {
				known[seq] = m
			}
		}
	}
	return nil
}
