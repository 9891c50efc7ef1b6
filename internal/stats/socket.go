package stats

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// SocketName is the file name of the control socket. It is beside the lock of the queue:
// the process that has the lock has the socket.
const SocketName = "control.sock"

const (
	socketMode        = 0o660
	maxSocketConns    = 64
	socketRetry       = 10 * time.Second
	maxSocketPath     = 107 // of sockaddr_un, without the NUL (unix(7))
	socketDirReadOnly = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
)

// control is the control socket: a Unix socket that serves what the port serves. The
// peer's credentials tell who asks. Root and the user that the gateway runs as may do
// everything, others nothing.
type control struct {
	path  string
	conns *bounded

	mu     sync.Mutex
	ln     net.Listener
	closed bool
}

// open binds the socket. It replaces one that a crash has left: the caller has the lock of
// the folder.
func (c *control) open() (net.Listener, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, net.ErrClosed
	}
	if c.ln != nil {
		return c.ln, nil
	}
	ln, err := bindSocket(c.path)
	if err != nil {
		return nil, fmt.Errorf("open the control socket %s: %w", c.path, err)
	}
	c.ln = ln
	return ln, nil
}

// serve serves the socket until ctx is done or it is closed. If the socket cannot be
// opened, for example because the disk is full, it tries again.
func (c *control) serve(ctx context.Context, server *http.Server) {
	retry := time.NewTicker(socketRetry)
	defer retry.Stop()
	for {
		ln, err := c.open()
		if err == nil {
			// Ends when the socket is closed, here or by Shutdown.
			_ = server.Serve(door{Listener: ln, room: c.conns, full: func(*member) {}})
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-retry.C:
		}
	}
}

// close removes the socket. The caller still has the lock, so it is no one else's.
func (c *control) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.ln == nil {
		return nil
	}
	err := c.ln.Close()
	c.ln = nil
	if errors.Is(err, net.ErrClosed) { // by http.Server
		err = nil
	}
	if rmErr := os.Remove(c.path); !errors.Is(rmErr, fs.ErrNotExist) {
		err = errors.Join(err, rmErr)
	}
	return err
}

func bindSocket(path string) (net.Listener, error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, errors.New("another file is in its place; remove it")
	default:
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	var ln *net.UnixListener
	err := atSocket(path, func(short string) (err error) {
		ln, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	ln.SetUnlinkOnClose(false) // close does it, while the lock is held
	if err := os.Chmod(path, socketMode); err != nil {
		return nil, errors.Join(err, ln.Close(), os.Remove(path))
	}
	return ln, nil
}

// atSocket calls use with a name of the socket that fits into an address. A path that is
// too long is reached through the file descriptor of its folder.
func atSocket(path string, use func(string) error) error {
	path, err := filepath.Abs(path) // a relative name could begin with @, and be no file
	if err != nil {
		return err
	}
	if len(path) <= maxSocketPath {
		return use(path)
	}
	folder, err := unix.Open(filepath.Dir(path), socketDirReadOnly, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: filepath.Dir(path), Err: err}
	}
	defer unix.Close(folder)
	return use(fmt.Sprintf("/proc/self/fd/%d/%s", folder, filepath.Base(path)))
}

// DialSocket connects to the control socket at a path.
func DialSocket(ctx context.Context, path string) (c net.Conn, err error) {
	err = atSocket(path, func(short string) (err error) {
		c, err = new(net.Dialer).DialContext(ctx, "unix", short)
		return err
	})
	return c, err
}

// peerUID is the user at the other end of a Unix socket (unix(7), SO_PEERCRED), or -1 for
// any other connection or if it is not known.
func peerUID(c net.Conn) int {
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
