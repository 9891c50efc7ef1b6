package queue

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// ackedName is what Close leaves beside the metadata: the records behind the read
// position that were acknowledged all the same, so that a planned restart does not
// repeat them.
const ackedName = segPrefix + "acked.json"

// spot is where an acknowledged record lies.
type spot struct {
	Seq     uint64 `json:"seq"`
	Segment int64  `json:"segment"`
	Offset  int64  `json:"offset"`
}

// ackedFile is the content of the file. It holds for exactly the state of the shard
// that Close has left: with other metadata it says nothing, and the next start removes
// it before anything else changes.
type ackedFile struct {
	Meta  string `json:"meta"`
	Acked []spot `json:"acked"`
}

// storeAcked writes the file for the metadata m. The caller holds io.
func (q *Shard) storeAcked(m meta) error {
	f := ackedFile{Meta: string(m.encode())}
	q.mu.Lock()
	for _, e := range q.held {
		if e.state == done {
			f.Acked = append(f.Acked, spot{e.seq, e.seg.num, e.off})
		}
	}
	queued := make(map[int64]bool, len(q.segs))
	for _, seg := range q.segs {
		queued[seg.num] = true
	}
	for _, s := range q.skip { // of the start before, and not come to since then
		if queued[s.Segment] {
			f.Acked = append(f.Acked, s)
		}
	}
	q.mu.Unlock()
	if len(f.Acked) == 0 {
		return nil
	}
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return writeDurably(filepath.Join(q.dir, ackedName), data)
}

// readAcked returns what the file says, by segment; nothing where it is not of the
// present state.
func readAcked(dir string, m meta) (map[int64][]spot, error) {
	data, err := os.ReadFile(filepath.Join(dir, ackedName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("queue: read which records are acknowledged: %w", err)
	}
	var f ackedFile
	if json.Unmarshal(data, &f) != nil || f.Meta != string(m.encode()) {
		return nil, nil
	}
	acked := make(map[int64][]spot)
	for _, at := range f.Acked {
		acked[at.Segment] = append(acked[at.Segment], at)
	}
	return acked, nil
}

// dropAcked removes the file, durably.
func dropAcked(dir string) error {
	err := os.Remove(filepath.Join(dir, ackedName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue: remove the list of acknowledged records: %w", err)
	}
	return syncDir(dir)
}

// forget takes acknowledged records of the segment out of what is left in it. Each
// must be where the file says.
func (s *segmentScan) forget(r io.ReaderAt, acked []spot) {
	slices.SortFunc(acked, func(a, b spot) int { return cmp.Compare(a.Offset, b.Offset) })
	s.acked = make(map[uint64]spot, len(acked))
	w, last := window{r: r, size: s.fileSize}, int64(0)
	for _, at := range acked {
		if at.Offset < s.from || at.Offset >= s.fileSize {
			continue
		}
		h, _, v, err := w.record(at.Offset, last)
		if err != nil || v != valid || h.seq != at.Seq || s.knows(at.Seq) {
			continue
		}
		last = h.size()
		s.remove(h.source, int64(h.events), last)
		s.acked[at.Seq] = at
	}
}

func (s *segmentScan) knows(seq uint64) bool {
	_, ok := s.acked[seq]
	return ok
}
