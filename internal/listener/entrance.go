package listener

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/proxyproto"
)

// headerTimeout is how long a proxy may take for the PROXY header of a connection.
const headerTimeout = 5 * time.Second

// entrance is where the connections of one listener are admitted. Of a connection from a
// proxy it reads the PROXY header, and no byte more, before the listener reads it: what
// comes then is as if the client had connected itself.
type entrance struct {
	connections *connections
	reading     sync.WaitGroup // of headers, one for each connection in awaited

	mu       sync.Mutex
	timeout  time.Duration
	awaited  map[*connection]*net.TCPConn // connections whose headers are awaited
	draining bool
}

func newEntrance(cs *connections) *entrance {
	return &entrance{connections: cs, timeout: headerTimeout, awaited: make(map[*connection]*net.TCPConn)}
}

// enter admits a connection and has read called, which reads it: at once, or after the
// header of its proxy. A connection whose header is awaited counts like any other, so that
// the limits hold for them too.
func (e *entrance) enter(c *connection, raw *net.TCPConn, read func()) {
	settings := c.source.Settings()
	proxied := settings.IsProxy(c.peer)
	if proxied {
		e.await(c, raw)
	}
	reason, ok := rejectNotAllowed, proxied || settings.Allows(c.peer)
	if ok {
		reason, ok = e.connections.admit(c)
	}
	switch {
	case !ok:
		e.arrived(c, raw)
		e.connections.refuse(c, reason)
		_ = raw.Close()
	case !proxied:
		read()
	default:
		e.reading.Go(func() {
			if e.passes(c, raw) {
				read()
				return
			}
			_ = raw.Close()
			e.connections.leave(c)
		})
	}
}

// await begins to wait for the header of a connection.
func (e *entrance) await(c *connection, raw *net.TCPConn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.awaited[c] = raw
	wait := e.timeout
	if e.draining {
		wait = min(wait, quiet)
	}
	_ = raw.SetReadDeadline(time.Now().Add(wait))
}

// arrived ends the waiting for a header. inTime is false if the connection has been asked to
// close.
func (e *entrance) arrived(c *connection, raw *net.TCPConn) (inTime, draining bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, inTime = e.awaited[c]; inTime {
		delete(e.awaited, c)
		_ = raw.SetReadDeadline(time.Time{})
	}
	return inTime, e.draining
}

// giveUp has a connection closed if its header is awaited. Any goroutine may call it.
func (e *entrance) giveUp(c *connection) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if raw := e.awaited[c]; raw != nil {
		delete(e.awaited, c)
		_ = raw.SetReadDeadline(time.Now())
	}
}

// drain waits until no header is awaited any more: those that are on the way still come. It
// is called when no new connections are accepted.
func (e *entrance) drain() {
	e.mu.Lock()
	e.draining = true
	for _, raw := range e.awaited {
		_ = raw.SetReadDeadline(time.Now().Add(min(e.timeout, quiet)))
	}
	e.mu.Unlock()
	e.reading.Wait()
}

// passes reads the header of a connection and reports whether the connection may go on.
func (e *entrance) passes(c *connection, raw *net.TCPConn) bool {
	client, err := receiveHeader(raw, c.peer)
	inTime, draining := e.arrived(c, raw)
	switch {
	case errors.Is(err, errCheck):
		c.source.CountCheck()
		return false
	case !inTime, draining && errors.Is(err, os.ErrDeadlineExceeded):
		return false
	case err != nil:
		c.source.reject(rejectProxyHeader)
		if ready(&e.connections.troubles) {
			e.connections.log.Warn("connection closed: it comes from an address in proxy_protocol and has no valid PROXY header",
				"source", c.source.Name(), "proxy", c.peer, "error", err)
		}
		return false
	}
	if c.anonymous = !client.IsValid(); c.anonymous {
		return true // allow holds for its messages: a check brings none, and is not worth a line
	}
	c.stream.Behind(c.peer, client)
	if !c.source.Settings().Allows(c.stream.From()) {
		e.connections.refuse(c, rejectNotAllowed)
		return false
	}
	return true
}

var (
	// errCheck is the end of a connection for no client that brought no message.
	errCheck = errors.New("a health check")
	errEnded = errors.New("the connection ended within the PROXY header")
)

// receiveHeader reads the header of a connection, and no byte that follows it, until the
// deadline of the connection. After a header that names no client, or the proxy itself as
// HAProxy's checks with version 1 do, it also waits for a byte that follows.
func receiveHeader(raw *net.TCPConn, proxy netip.Addr) (client netip.Addr, err error) {
	buf := make([]byte, 256)
	for have := 0; ; {
		if have == len(buf) {
			buf = append(buf, make([]byte, proxyproto.MaxLength-len(buf))...)
		}
		seen, err := peek(raw, buf[have:])
		switch {
		case gone(err) && have == 0:
			return client, errCheck
		case gone(err):
			return client, errEnded
		case err != nil:
			return client, fmt.Errorf("wait for the PROXY header: %w", err)
		}
		client, n, err := proxyproto.Parse(buf[:have+seen])
		if err != nil {
			return client, err
		}
		whole := n != 0
		if !whole { // then all of it belongs to the header
			n = have + seen
		}
		if _, err := io.ReadFull(raw, buf[have:n]); err != nil {
			return client, fmt.Errorf("read the PROXY header: %w", err)
		}
		switch have = n; {
		case whole && (!client.IsValid() || client == proxy):
			return netip.Addr{}, awaitMessage(raw)
		case whole:
			return client, nil
		}
	}
}

// awaitMessage waits until a byte comes, or the deadline.
func awaitMessage(raw *net.TCPConn) error {
	if _, err := peek(raw, make([]byte, 1)); gone(err) {
		return errCheck
	}
	return nil
}

// gone reports whether the other end has closed or reset the connection.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}

// peek waits until there is something to read and returns how much of it is in p now. It
// stays where it is.
func peek(c *net.TCPConn, p []byte) (n int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Read(func(fd uintptr) (done bool) {
		for {
			n, _, failed = unix.Recvfrom(int(fd), p, unix.MSG_PEEK|unix.MSG_DONTWAIT)
			if !errors.Is(failed, unix.EINTR) {
				return !errors.Is(failed, unix.EAGAIN)
			}
		}
	})
	if err = errors.Join(err, failed); err == nil && n == 0 {
		err = io.EOF
	}
	return max(n, 0), err
}
