package inspect

import (
	"context"
	"errors"
	"fmt"
	"os"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
)

// Skipped is a segment from which Skip has left out what cannot be read.
type Skipped struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"` // that cannot be read
	Kept  string `json:"kept"`  // where the file is now
}

// Skip takes what cannot be read out of the way in the queue of a stopped gateway: each
// segment with such a page is replaced by a copy in which the page is empty, and the file
// itself is kept in the corrupt folder. The next start takes the empty pages for damage,
// and each later one puts back what of the kept file can be read by then.
func Skip(ctx context.Context, path string, tell Progress) (all []Skipped, err error) {
	err = recovery.Stopped(ctx, path, func(scans []*recovery.Shard) error {
		p := newReading(tell, scans)
		for _, sc := range scans {
			for _, s := range sc.Segments {
				p.read(s.FileSize)
				one, err := skip(path, sc, s)
				if err != nil {
					return err
				}
				if one.Bytes > 0 {
					all = append(all, one)
				}
			}
		}
		return nil
	})
	return all, err
}

// skip replaces a segment that cannot be read wholly.
func skip(root string, sc *recovery.Shard, s *recovery.Segment) (Skipped, error) {
	f, err := os.Open(s.File())
	if err != nil {
		return Skipped{}, fmt.Errorf("queue: skip: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return Skipped{}, fmt.Errorf("queue: skip: %w", err)
	}
	if whole(f, st.Size()) {
		return Skipped{}, nil
	}
	tmp := s.Path + segment.TempSuffix
	w, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, segment.FileMode)
	if err != nil {
		return Skipped{}, fmt.Errorf("queue: skip: %w", err)
	}
	empty, err := segment.Copy(f, w, 0, st.Size())
	err = errors.Join(err, w.Sync(), w.Close())
	one := Skipped{File: s.Path, Bytes: empty}
	if err == nil && empty > 0 {
		if one.Kept, err = quarantine.Link(root, sc.Name, s.Num, s.File(), ""); err == nil {
			err = os.Rename(tmp, s.File())
		}
	}
	if err != nil || empty == 0 { // it can be read after all
		err = errors.Join(err, segment.Remove(tmp))
	}
	if err != nil {
		return Skipped{}, fmt.Errorf("queue: skip what cannot be read in %s: %w", s.File(), err)
	}
	return one, durable.SyncDir(sc.Dir)
}

// whole says that a file can be read.
func whole(f *os.File, size int64) bool {
	buf := make([]byte, 1<<20)
	for off := int64(0); off < size; off += int64(len(buf)) {
		if _, err := segment.ReadAt(f, buf[:min(int64(len(buf)), size-off)], off); segment.NotRead(err) {
			return false
		}
	}
	return true
}
