package control

import (
	"fmt"
	"io/fs"
	"net"

	"golang.org/x/sys/unix"
)

// inFolder calls use with a short name of a folder.
func inFolder(path string, use func(string) error) error {
	folder, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(folder)
	return use(fmt.Sprintf("/proc/self/fd/%d", folder))
}

// PeerUID is the user at the other end of a Unix socket (unix(7), SO_PEERCRED), or -1 for
// any other connection or if it is not known.
func PeerUID(c net.Conn) int {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return -1
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return -1
	}
	uid := -1
	_ = raw.Control(func(fd uintptr) { // an error leaves the user unknown
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid = int(cred.Uid)
		}
	})
	return uid
}
