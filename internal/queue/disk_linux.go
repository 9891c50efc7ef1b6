package queue

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// freeSpace is what an unprivileged process may still write, in bytes.
func freeSpace(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// dataSync is fdatasync(2): it brings the bytes of a file and its size to stable storage.
func dataSync(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.Fdatasync(int(fd)) })
	return errors.Join(err, failed)
}
