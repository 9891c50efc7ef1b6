package listener

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// acceptPause is how long accepting pauses when no file descriptors are left.
	acceptPause = 50 * time.Millisecond
	// backlogTime is how long a drain still accepts, to find the connections that wait in
	// the kernel and may have messages that their senders believe sent.
	backlogTime = 50 * time.Millisecond
	// backlogLimit ends that where new connections never cease to come.
	backlogLimit = 2 * time.Second
)

// accept passes each new connection to take until the listener is closed or the final
// drain is done; then it closes the listener. While take blocks, because a loop does, new
// connections wait in the kernel.
func (cs *connections) accept(l *net.TCPListener, s *source, take func(*net.TCPConn)) {
	defer l.Close()
	for {
		c, err := next(l)
		if acceptEnded(err) {
			return
		}
		if err != nil { // EMFILE, ENFILE, ENOMEM: they pass
			s.reject(rejectDescriptors)
			if ready(&cs.troubles) {
				cs.log.Error("accept a connection; raise LimitNOFILE if this goes on", "source", s.Name(), "error", err)
			}
			<-time.After(acceptPause)
			continue
		}
		take(c)
	}
}

// next accepts a connection. After drainBacklog has set a deadline it fails with
// os.ErrDeadlineExceeded, but only when no connection waits in the kernel: on a busy
// machine the deadline may pass before this goroutine runs.
func next(l *net.TCPListener) (*net.TCPConn, error) {
	for {
		c, err := l.AcceptTCP()
		if !errors.Is(err, os.ErrDeadlineExceeded) || !pending(l) {
			return c, err
		}
		_ = l.SetDeadline(time.Now().Add(backlogTime))
	}
}

// pending reports whether a connection waits to be accepted.
func pending(l *net.TCPListener) (yes bool) {
	raw, err := l.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(p, 0)
		yes = err == nil && n == 1 && p[0].Revents&unix.POLLIN != 0
	})
	return yes
}

// drainBacklog has the accepting goroutines take what waits in the kernel and close their
// ports. Each port closes as soon as it has all: who connected later would only be reset.
// It waits for them, but closes the ports itself where more and more connections come.
func drainBacklog(ports []*net.TCPListener, accepting *sync.WaitGroup) error {
	for _, l := range ports {
		_ = l.SetDeadline(time.Now().Add(backlogTime))
	}
	limit := time.AfterFunc(backlogLimit, func() { _ = closePorts(ports) })
	accepting.Wait()
	limit.Stop()
	return closePorts(ports)
}

// closePorts closes those that are open.
func closePorts(ports []*net.TCPListener) (err error) {
	for _, l := range ports {
		if e := l.Close(); !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// acceptEnded reports whether accepting is over.
func acceptEnded(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded)
}
