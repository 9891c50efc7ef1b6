package deadletter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"syslog-gateway/internal/durable"
)

// The lock files of a store: one for each change, one for a whole replay.
const (
	lockName   = "lock"
	replayLock = "replay.lock"
)

// lock takes the store for one change. The first call makes the folder. It is not made
// again when it goes away later: then it belongs to a file system that was unmounted.
func (s *Store) lock() (unlock func(), err error) {
	s.mu.Lock()
	if !s.made {
		if err := durable.MkdirAll(s.path, 0o750); err != nil {
			s.mu.Unlock()
			return nil, fmt.Errorf("make the dead-letter folder: %w", err)
		}
		s.made = true
	}
	f, err := openLocked(filepath.Join(s.path, lockName), durable.Lock)
	if err != nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("lock the dead-letter store: %w", err)
	}
	return func() {
		f.Close() // and so unlocks
		s.mu.Unlock()
	}, nil
}

// openLocked opens a lock file and locks it. A file that may not be opened was left by
// another user, most likely root: the owner of the folder replaces it.
func openLocked(path string, lock func(*os.File) error) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
		if errors.Is(err, fs.ErrPermission) && os.Remove(path) == nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := lock(f); err != nil {
			f.Close()
			return nil, err
		}
		if same(f, path) {
			return f, nil
		}
		f.Close() // it was replaced in the meantime
	}
}

// same reports whether an open file is the one that a path names.
func same(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}
