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
	// backlogTime is how long a stop still accepts, to find the connections that
	// wait in the kernel, and maybe bring messages that their senders think sent.
	backlogTime = 50 * time.Millisecond
	// backlogLimit ends that where connections never cease to come.
	backlogLimit = 2 * time.Second
)

// accept has the connections of one port taken over until it is closed, or closes it
// itself after the last call. While take waits, because a loop is blocked, new ones
// queue in the kernel.
func (t *tcp) accept(l *net.TCPListener, s *Source, take func(*net.TCPConn)) {
	defer l.Close()
	for {
		c, err := next(l)
		if ended(err) {
			return
		}
		if err != nil { // EMFILE, ENFILE, ENOMEM: they pass
			s.reject(rejectDescriptors)
			if ready(&t.noisy) {
				t.log.Error("accept a connection; raise LimitNOFILE if this goes on", "source", s.Name(), "error", err)
			}
			pause(acceptPause)
			continue
		}
		take(c)
	}
}

// next accepts a connection. After lastCall it fails with os.ErrDeadlineExceeded, but
// not before all are taken that wait in the kernel: a busy machine may let the
// deadline go by without us.
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

// lastCall has the accepting goroutines take what waits in the kernel and close their
// ports, each as soon as it has all: who connected later would only be reset. It waits
// for them, but closes the ports itself where more and more come.
func lastCall(ports []*net.TCPListener, accepting *sync.WaitGroup) error {
	for _, l := range ports {
		_ = l.SetDeadline(time.Now().Add(backlogTime))
	}
	hurry := time.AfterFunc(backlogLimit, func() { _ = closePorts(ports) })
	accepting.Wait()
	hurry.Stop()
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

// ended reports whether accepting is over.
func ended(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded)
}
