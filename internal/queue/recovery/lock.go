package recovery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/segment"
)

const LockName = "lock"

// Lock keeps other processes off the queue: a lock on the file named lock, which is the only
// one that older versions know, and one on the folder itself, which still holds when
// somebody has removed or replaced that file.
type Lock struct{ folder, file *os.File }

// Close gives the lock back.
func (l *Lock) Close() error {
	if l.file == nil {
		return l.folder.Close()
	}
	return errors.Join(l.file.Close(), l.folder.Close())
}

// TakeLock makes sure that no other process uses the queue. The kernel gives the lock back
// when the process ends. The file may be missing without os.O_CREATE in flags, or if there is
// no room for it.
func TakeLock(root string, flags int) (*Lock, error) {
	folder, err := os.Open(root)
	if err != nil {
		return nil, fmt.Errorf("queue: lock: %w", err)
	}
	l := &Lock{folder: folder}
	// A file system that cannot lock a folder leaves it to the file.
	unlocked := flock(folder, root)
	if errors.Is(unlocked, errInUse) {
		return nil, errors.Join(unlocked, l.Close())
	}
	path := filepath.Join(root, LockName)
	l.file, err = os.OpenFile(path, flags, segment.FileMode)
	if errors.Is(err, fs.ErrNotExist) && flags&os.O_CREATE == 0 || NoRoom(err) && unlocked == nil {
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

// NoRoom says that the file system takes nothing more: no bytes, or no files. Delivering
// makes room, so a start goes on without what it cannot write.
func NoRoom(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// Stopped locks a queue that no gateway runs on, scans it, and gives the shards to do.
func Stopped(ctx context.Context, path string, do func([]*Shard) error) error {
	lock, err := TakeLock(path, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer lock.Close()
	shards, err := Scan(ctx, path)
	if err != nil {
		return err
	}
	return do(shards)
}
