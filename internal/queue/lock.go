package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"syslog-gateway/internal/durable"
)

const lockName = "lock"

// folderLock keeps other processes off the queue: a lock on the file named lock, which
// older versions look at alone, and one on the folder itself, which holds also when
// somebody has removed or replaced that file.
type folderLock struct{ folder, file *os.File }

// Close gives the lock back.
func (l *folderLock) Close() error {
	if l.file == nil {
		return l.folder.Close()
	}
	return errors.Join(l.file.Close(), l.folder.Close())
}

// takeLock makes sure that no other process uses the queue. The kernel gives the
// lock back when the process ends, however it ends. The file need not be there without
// os.O_CREATE in flags, nor where there is no room for it.
func takeLock(root string, flags int) (*folderLock, error) {
	folder, err := os.Open(root)
	if err != nil {
		return nil, fmt.Errorf("queue: lock: %w", err)
	}
	l := &folderLock{folder: folder}
	// A file system that cannot lock a folder leaves it to the file.
	unlocked := flock(folder, root)
	if errors.Is(unlocked, errInUse) {
		return nil, errors.Join(unlocked, l.Close())
	}
	path := filepath.Join(root, lockName)
	l.file, err = os.OpenFile(path, flags, fileMode)
	if errors.Is(err, fs.ErrNotExist) && flags&os.O_CREATE == 0 || noRoom(err) && unlocked == nil {
		l.file = nil
		return l, nil
	}
	if err != nil {
		l.file = nil
		return nil, errors.Join(fmt.Errorf("queue: lock: %w", err), l.Close())
	}
	if err := flock(l.file, root); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

var errInUse = errors.New("in use by another gateway process: stop it, or choose another queue.path")

func flock(f *os.File, root string) error {
	err := durable.TryLock(f)
	if errors.Is(err, durable.ErrLocked) {
		return fmt.Errorf("queue: %s is %w", root, errInUse)
	}
	if err != nil {
		return fmt.Errorf("queue: lock %s: %w", f.Name(), err)
	}
	return nil
}

// noRoom says that the file system takes nothing more: no bytes, or no files. Delivering
// makes room, so a start goes on without what it cannot write.
func noRoom(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
