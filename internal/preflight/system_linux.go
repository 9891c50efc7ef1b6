package preflight

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// do carries out work as the user. Linux has users by thread (setfsuid(2), setgroups(2)): the
// thread that changes its own ends with the goroutine, and no other one is touched.
func (u User) do(work func() error) error {
	if u.Name == "" || u.UID == os.Geteuid() {
		return work()
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w %s", errOtherUser, u.Name)
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // without Unlock: the thread ends here
		err := u.become()
		if err == nil {
			err = work()
		}
		done <- err
	}()
	return <-done
}

// become makes the user that of the thread, for all that is a file.
func (u User) become() error {
	groups := make([]uint32, len(u.Groups))
	for i, g := range u.Groups {
		groups[i] = uint32(g)
	}
	if len(groups) == 0 {
		return fmt.Errorf("the user %s has no group", u.Name)
	}
	if _, _, e := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0); e != 0 {
		return fmt.Errorf("take the groups of %s: %w", u.Name, e)
	}
	if err := unix.Setfsgid(u.Groups[0]); err != nil {
		return fmt.Errorf("take the group of %s: %w", u.Name, err)
	}
	if err := unix.Setfsuid(u.UID); err != nil {
		return fmt.Errorf("become %s: %w", u.Name, err)
	}
	if now, err := unix.SetfsuidRetUid(-1); err != nil || now != u.UID { // setfsuid reports no failure
		return fmt.Errorf("%w %s, and this process may not become that user", errOtherUser, u.Name)
	}
	return nil
}

// space is what the file system of a path has for users other than root, in bytes.
func space(path string) (free, total int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, 0, err
	}
	return int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize, nil
}
