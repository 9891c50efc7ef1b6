// Package control has the control socket of a running gateway: a Unix socket beside the
// queue that serves what the statistics port serves. Processes of root and of the
// gateway's user need no password there. Package stats serves it and checks who asks.
package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
)

// Name is the file name of the control socket. It is beside the lock of the queue: the
// process that has the lock has the socket.
const Name = "control.sock"

// Mode is the mode of the socket's file.
const Mode = 0o660

// maxPath is the length of a path in sockaddr_un, without the NUL (unix(7)).
const maxPath = 107

// Socket is the server's side of the control socket. It is safe for concurrent use.
type Socket struct {
	path string

	mu     sync.Mutex
	ln     net.Listener
	closed bool
}

// New returns a socket for a path in a folder that exists. It opens nothing.
func New(path string) *Socket { return &Socket{path: path} }

// Open binds the socket, or returns the listener of an earlier call. It replaces a socket
// of a crashed process: the caller has the lock of the folder. After Close the error is
// net.ErrClosed.
func (c *Socket) Open() (net.Listener, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, net.ErrClosed
	}
	if c.ln != nil {
		return c.ln, nil
	}
	ln, err := bind(c.path)
	if err != nil {
		return nil, fmt.Errorf("open the control socket %s: %w", c.path, err)
	}
	c.ln = ln
	return ln, nil
}

// Close closes and removes the socket. The caller still has the lock, so the file is not
// that of another process.
func (c *Socket) Close() error {
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

func bind(path string) (net.Listener, error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, errors.New("another file has this name; remove it")
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
	ln.SetUnlinkOnClose(false) // Close does it, while the lock is held
	if err := os.Chmod(path, Mode); err != nil {
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
	if len(path) <= maxPath {
		return use(path)
	}
	return inFolder(filepath.Dir(path), func(short string) error { return use(filepath.Join(short, filepath.Base(path))) })
}

// Dial connects to the control socket at a path.
func Dial(ctx context.Context, path string) (c net.Conn, err error) {
	err = atSocket(path, func(short string) (err error) {
		c, err = new(net.Dialer).DialContext(ctx, "unix", short)
		return err
	})
	return c, err
}
