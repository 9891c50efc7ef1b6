package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"syslog-gateway/internal/durable"
)

// Restore puts back what was set aside in the queue of a stopped gateway and turns out to
// be whole, as a start of the gateway does. It repairs the queue like a start, too.
func Restore(ctx context.Context, path string, log *slog.Logger) (Restored, error) {
	if err := offline(ctx, path, func([]*shardScan) error { return nil }); err != nil {
		return Restored{}, err
	}
	shards := 1
	for i := range maxShards {
		if _, err := os.Stat(filepath.Join(path, shardName(i))); err == nil {
			shards = i + 1
		}
	}
	s, err := New(Options{Path: path, Shards: shards, MaxSize: 1 << 50, SegmentSize: restoreSegment, Logger: log})
	if err != nil {
		return Restored{}, err
	}
	if err := s.Open(ctx); err != nil {
		return Restored{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	select {
	case <-s.restorer.ended:
	case <-ctx.Done():
	}
	interrupted := ctx.Err()
	cancel()
	err = errors.Join(<-ran, s.Close(context.WithoutCancel(ctx)), interrupted)
	return s.restorer.result, err
}

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
func Skip(ctx context.Context, path string) (all []Skipped, err error) {
	err = offline(ctx, path, func(scans []*shardScan) error {
		for _, sc := range scans {
			for _, s := range sc.segs {
				one, err := sc.skip(path, s)
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
func (sc *shardScan) skip(root string, s *segmentScan) (Skipped, error) {
	f, err := os.Open(s.file())
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
	tmp := s.path + tmpSuffix
	w, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return Skipped{}, fmt.Errorf("queue: skip: %w", err)
	}
	empty, err := copySegment(f, w, 0, st.Size())
	err = errors.Join(err, w.Sync(), w.Close())
	one := Skipped{File: s.path, Bytes: empty}
	if err == nil && empty > 0 {
		if one.Kept, err = linkAside(root, sc.name, s.num, s.file(), ""); err == nil {
			err = os.Rename(tmp, s.file())
		}
	}
	if err != nil || empty == 0 { // it can be read after all
		err = errors.Join(err, remove(tmp))
	}
	if err != nil {
		return Skipped{}, fmt.Errorf("queue: skip what cannot be read in %s: %w", s.file(), err)
	}
	return one, durable.SyncDir(sc.dir)
}

// whole says that a file can be read.
func whole(f *os.File, size int64) bool {
	buf := make([]byte, 1<<20)
	for off := int64(0); off < size; off += int64(len(buf)) {
		if _, err := readAt(f, buf[:min(int64(len(buf)), size-off)], off); notRead(err) {
			return false
		}
	}
	return true
}
