package queue

import (
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
	for _, s := range q.skip { // of the start before, and not come to since then
		if slices.ContainsFunc(q.segs, func(seg *segment) bool { return seg.num == s.Segment }) {
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

// readAcked returns what the file says, nothing where it is not of the present state.
func readAcked(dir string, m meta) ([]spot, error) {
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
	return f.Acked, nil
}

// forget takes the acknowledged records of a segment out of what is left in it. Each
// must be where the file says.
func (s *segmentScan) forget(r io.ReaderAt, acked []spot) {
	w := window{r: r, size: s.fileSize}
	for _, at := range acked {
		if at.Segment != s.num || at.Offset < s.from || at.Offset >= s.fileSize {
			continue
		}
		h, _, v, err := w.record(at.Offset, 0)
		if err != nil || v != valid || h.seq != at.Seq || s.knows(at.Seq) {
			continue
		}
		s.remove(h.source, int64(h.events), h.size())
		s.acked = append(s.acked, at)
	}
}

func (s *segmentScan) knows(seq uint64) bool {
	return slices.ContainsFunc(s.acked, func(at spot) bool { return at.Seq == seq })
}
