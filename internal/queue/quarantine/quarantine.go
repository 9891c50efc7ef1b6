// Package quarantine is the folder "corrupt" of a queue: copies of damaged ranges, segments
// that could not be copied whole, and segments that somebody has copied into a shard. It
// copies, moves and lists these files, and finds the records in them that are whole. What
// does not belong here: when that is done, and what becomes of the records.
//
// Damaged records are never put back, since header and body have checksums. Records that
// older versions moved here after a mere read error are whole. Nothing of a file's range was
// delivered, so these records are put back:
//
//	shard-00-000012@34567   all records in it. A copy with gaps, since older versions left
//	                        out the pages that they could not read, is completed from
//	                        shard-00-000012 if that was kept. If the last bytes of the copy
//	                        lie within a page, the range ends with them. If they were
//	                        left out too, it ends at the next @ of the segment, or with the
//	                        segment: up to there records may come twice
//	shard-00-000012         nothing else of it: it was delivered. Without any @ it stays
//	….misplaced             all records but those in a file of the shard, queued or not
//
// Records that are still queued are never put back. Files go, or get a name that says how
// much of them was put back, when all that was appended is synced: a crash before that may
// repeat records, a planned stop does not. What is damaged after all stays.
package quarantine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/segment"
)

// Folder is the name of the folder below the path of the queue.
const Folder = "corrupt"

// CopyRange copies the bytes from..to of a segment into the corrupt folder, as
// <shard>-<segment>@<offset>, and returns the copy's path. Bytes behind the end of the file
// are left out. A read error ends it and removes the copy. A range that was
// copied before is not stored twice.
func CopyRange(root, shard string, num int64, r io.ReaderAt, from, to int64) (string, error) {
	dir := filepath.Join(root, Folder)
	if err := durable.MkdirAll(dir, segment.DirMode); err != nil {
		return "", fmt.Errorf("queue: quarantine: %w", err)
	}
	base := filepath.Join(dir, fmt.Sprintf("%s-%06d@%d", shard, num, from))
	for i := 0; ; i++ {
		path := base
		if i > 0 {
			path = fmt.Sprintf("%s.%d", base, i)
		}
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, segment.FileMode)
		if errors.Is(err, os.ErrExist) {
			same, err := sameBytes(path, r, from, to)
			if same || err != nil {
				return path, err
			}
			continue
		}
		if err != nil {
			return "", fmt.Errorf("queue: quarantine: %w", err)
		}
		_, err = io.Copy(f, &span{r: r, off: from, end: to})
		err = errors.Join(err, f.Sync(), f.Close())
		if err != nil {
			return "", fmt.Errorf("queue: quarantine %s: %w", path, errors.Join(err, os.Remove(path)))
		}
		return path, durable.SyncDir(dir)
	}
}

// span reads a range, as far as the file goes.
type span struct {
	r        io.ReaderAt
	off, end int64
}

func (s *span) Read(p []byte) (int, error) {
	if s.off >= s.end {
		return 0, io.EOF
	}
	n, err := segment.ReadAt(s.r, p[:min(int64(len(p)), s.end-s.off)], s.off)
	s.off += int64(n)
	switch {
	case n > 0:
		return n, nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return 0, io.EOF
	}
	return 0, err
}

// sameBytes says whether a file holds the range. An error is one of reading the range.
func sameBytes(path string, r io.ReaderAt, from, to int64) (bool, error) {
	old, err := os.Open(path)
	if err != nil {
		return false, nil
	}
	defer old.Close()
	if st, err := old.Stat(); err != nil || st.Size() > to-from {
		return false, nil
	}
	a, b := make([]byte, segment.Page), make([]byte, segment.Page)
	s := &span{r: r, off: from, end: to}
	for {
		n, errNew := io.ReadFull(s, a)
		if segment.NotRead(errNew) {
			return false, errNew
		}
		m, errOld := io.ReadFull(old, b)
		if n != m || !bytes.Equal(a[:n], b[:m]) {
			return false, nil
		}
		if errNew != nil || errOld != nil {
			return errNew != nil && errOld != nil, nil
		}
	}
}

// Move moves a whole segment into the corrupt folder, as <shard>-<segment> with the suffix
// behind it, and returns its new path.
func Move(root, shard string, num int64, path, suffix string) (string, error) {
	dir := filepath.Join(root, Folder)
	if err := durable.MkdirAll(dir, segment.DirMode); err != nil {
		return "", fmt.Errorf("queue: quarantine: %w", err)
	}
	base := filepath.Join(dir, fmt.Sprintf("%s-%06d", shard, num))
	to := base + suffix
	for i := 1; ; i++ {
		if _, err := os.Lstat(to); err != nil {
			break
		}
		to = fmt.Sprintf("%s.%d%s", base, i, suffix)
	}
	if err := os.Rename(path, to); err != nil {
		return "", fmt.Errorf("queue: quarantine: %w", err)
	}
	return to, durable.SyncDir(dir)
}

// Link is Move that keeps the old name, too. A file that has its second name already gets
// no other.
func Link(root, shard string, num int64, path, suffix string) (string, error) {
	dir := filepath.Join(root, Folder)
	if err := durable.MkdirAll(dir, segment.DirMode); err != nil {
		return "", fmt.Errorf("queue: quarantine: %w", err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("queue: quarantine: %w", err)
	}
	base := filepath.Join(dir, fmt.Sprintf("%s-%06d", shard, num))
	to := base + suffix
	for i := 1; ; i++ {
		if err = os.Link(path, to); !errors.Is(err, os.ErrExist) {
			break
		}
		if there, e := os.Stat(to); e == nil && os.SameFile(there, st) {
			return to, nil
		}
		to = fmt.Sprintf("%s.%d%s", base, i, suffix)
	}
	if err != nil {
		return "", fmt.Errorf("queue: quarantine: %w", err)
	}
	return to, durable.SyncDir(dir)
}
