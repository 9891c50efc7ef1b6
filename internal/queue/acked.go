package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
	for _, seg := range q.segs { // of the start before, and not come to since then
		for off, seq := range seg.skip {
			f.Acked = append(f.Acked, spot{seq, seg.num, off})
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

// acked is what is acknowledged of one segment: sequence numbers by offset.
type acked map[int64]uint64

// readAcked returns what the file says, by segment; nothing where it is not of the
// present state.
func readAcked(dir string, m meta) (map[int64]acked, error) {
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
	all := make(map[int64]acked)
	for _, at := range f.Acked {
		if all[at.Segment] == nil {
			all[at.Segment] = make(acked)
		}
		all[at.Segment][at.Offset] = at.Seq
	}
	return all, nil
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

// read walks the segment and takes what the list says is acknowledged out of what is
// left in it. It goes by the records that the walk has found and counted: a header may
// be whole where the record is not, since the file ends inside of it.
func (s *segmentScan) read(r io.ReaderAt, listed acked) error {
	var known tally
	s.acked = make(acked, len(listed))
	found, err := walk(r, s.fileSize, s.from, func(off int64, h *header) error {
		if seq, ok := listed[off]; ok && seq == h.seq {
			s.acked[off] = seq
			known.add(h.source, int64(h.events), h.size())
		}
		return nil
	})
	s.walked = found
	s.subtract(&known)
	return err
}
