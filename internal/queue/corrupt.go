package queue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// corruptFolder holds what could not be read, for a human to look at. Nothing in
// it is ever read or removed by the gateway.
const corruptFolder = "corrupt"

// setAside copies the bytes from..to of a segment into the corrupt folder, as
// <shard>-<segment>@<offset>, and returns the copy's path. Bytes that can not be
// read are left out of the copy. A range that was set aside before is not stored
// twice.
func setAside(root, shard string, num int64, r io.ReaderAt, from, to int64) (string, error) {
	dir := filepath.Join(root, corruptFolder)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return "", fmt.Errorf("queue: set aside: %w", err)
	}
	base := filepath.Join(dir, fmt.Sprintf("%s-%06d@%d", shard, num, from))
	for i := 0; ; i++ {
		path := base
		if i > 0 {
			path = fmt.Sprintf("%s.%d", base, i)
		}
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
		if errors.Is(err, os.ErrExist) {
			if sameBytes(path, r, from, to) {
				return path, nil
			}
			continue
		}
		if err != nil {
			return "", fmt.Errorf("queue: set aside: %w", err)
		}
		_, err = io.Copy(f, &salvage{r: r, off: from, end: to})
		err = errors.Join(err, f.Sync(), f.Close())
		if err != nil {
			return "", fmt.Errorf("queue: set aside %s: %w", path, errors.Join(err, os.Remove(path)))
		}
		return path, syncDir(dir)
	}
}

// salvage reads a range and passes over the pages that can not be read.
type salvage struct {
	r        io.ReaderAt
	off, end int64
}

func (s *salvage) Read(p []byte) (int, error) {
	for s.off < s.end {
		n := min(int64(len(p)), page-s.off%page, s.end-s.off)
		m, err := s.r.ReadAt(p[:n], s.off)
		s.off += n
		if m > 0 {
			return m, nil
		}
		switch {
		case errors.Is(err, io.EOF):
			return 0, io.EOF
		case errors.Is(err, os.ErrClosed): // the segment was opened anew
			return 0, err
		}
	}
	return 0, io.EOF
}

func sameBytes(path string, r io.ReaderAt, from, to int64) bool {
	old, err := os.Open(path)
	if err != nil {
		return false
	}
	defer old.Close()
	if st, err := old.Stat(); err != nil || st.Size() > to-from {
		return false
	}
	a, b := make([]byte, page), make([]byte, page)
	s := &salvage{r: r, off: from, end: to}
	for {
		n, errNew := io.ReadFull(s, a)
		m, errOld := io.ReadFull(old, b)
		if n != m || !bytes.Equal(a[:n], b[:m]) {
			return false
		}
		if errNew != nil || errOld != nil {
			return errNew != nil && errOld != nil
		}
	}
}

// moveAside moves a whole segment into the corrupt folder.
func moveAside(root, shard string, num int64, path string) error {
	dir := filepath.Join(root, corruptFolder)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("queue: set aside: %w", err)
	}
	base := filepath.Join(dir, fmt.Sprintf("%s-%06d", shard, num))
	to := base
	for i := 1; ; i++ {
		if _, err := os.Lstat(to); err != nil {
			break
		}
		to = fmt.Sprintf("%s.%d", base, i)
	}
	if err := os.Rename(path, to); err != nil {
		return fmt.Errorf("queue: set aside: %w", err)
	}
	return syncDir(dir)
}

// linkAside gives a segment's file a second name in the corrupt folder, unless it has
// one, and returns that.
func linkAside(root, shard string, num int64, path string) (string, error) {
	dir := filepath.Join(root, corruptFolder)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return "", fmt.Errorf("queue: set aside: %w", err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("queue: set aside: %w", err)
	}
	base := filepath.Join(dir, fmt.Sprintf("%s-%06d", shard, num))
	to := base
	for i := 1; ; i++ {
		if err = os.Link(path, to); !errors.Is(err, os.ErrExist) {
			break
		}
		if there, e := os.Stat(to); e == nil && os.SameFile(there, st) {
			return to, nil
		}
		to = fmt.Sprintf("%s.%d", base, i)
	}
	if err != nil {
		return "", fmt.Errorf("queue: set aside: %w", err)
	}
	return to, syncDir(dir)
}
