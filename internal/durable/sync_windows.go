package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// SyncDir does nothing: NTFS journals names, and a folder cannot be flushed.
func SyncDir(string) error { return nil }

// Lock waits for the exclusive lock on an open file (LockFileEx). Windows gives it back
// when the file is closed or the process ends, however it ends.
func Lock(f *os.File) error { return lock(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

// TryLock is Lock without the wait: ErrLocked says that another process has the lock.
func TryLock(f *os.File) error {
	err := lock(f, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}

func lock(f *os.File, flags uint32) error {
	const all = ^uint32(0)
	return os.NewSyscallError("LockFileEx", windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, all, all, new(windows.Overlapped)))
}
