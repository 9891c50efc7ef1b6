package queue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const lockName = "lock"

// takeLock makes sure that no other process uses the queue. The kernel gives the
// lock back when the process ends, however it ends.
func takeLock(root string, flags int) (*os.File, error) {
	path := filepath.Join(root, lockName)
	f, err := os.OpenFile(path, flags, fileMode)
	if err != nil {
		return nil, fmt.Errorf("queue: lock: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		return nil, fmt.Errorf("queue: %s is in use by another gateway process: stop it, or choose another queue.path", root)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("queue: lock %s: %w", path, err)
	}
	return f, nil
}
