package udp

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/listener/inherit"
)

// readLimit is how many datagrams one socket may take before the loop reads the others.
const readLimit = 1024

// socket is one socket of a port. One goroutine reads it: its loop, and Drain after that.
type socket struct {
	port     Port
	fd       int
	receiver Receiver
	drainer  *drainer // of the loop
	granted  int      // receive buffer, bytes
	kept     string   // its name in the Store
	reported uint64   // drops that the processes before have shown
	received atomic.Uint64

	// Listener.mu guards these.
	open  bool
	drops uint64
}

// newSocket takes over the socket of a file, which it closes: the runtime watches the
// descriptors of its files, and would be woken for each datagram.
func newSocket(f *os.File, p Port) (*socket, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("duplicate the UDP socket %s: %w", p.Address, err)
	}
	s := &socket{port: p, fd: fd, open: true}
	if s.granted, err = setReceiveBuffer(fd, p.Buffer); err != nil {
		return nil, errors.Join(fmt.Errorf("UDP socket %s: %w", p.Address, err), unix.Close(fd))
	}
	return s, nil
}

// status asks the kernel about the socket.
func (s *socket) status() Socket {
	if s.open {
		if n, err := kernelDrops(s.fd); err == nil {
			s.drops = n - min(n, s.reported)
		}
	}
	return Socket{Received: s.received.Load(), Drops: s.drops, Granted: s.granted}
}

// read takes what waits at the socket. If it takes readLimit, there may be more.
func (s *socket) read() (taken int, err error) {
	s.receiver.Begin(time.Now())
	defer s.receiver.End()
	for taken < readLimit {
		n, err := s.drainer.receive(s.fd)
		if err != nil {
			return taken, fmt.Errorf("receive UDP for the source %s: %w", s.port.Source, err)
		}
		for i := range n {
			msg, from := s.drainer.datagram(i)
			s.receiver.Receive(msg, from)
		}
		s.received.Add(uint64(n))
		taken += n
		if n < datagrams {
			break
		}
	}
	return taken, nil
}

// readRemaining reads a socket whose loop has ended. It stays bound, so readRemaining takes no
// more than the receive buffer can contain.
func (s *socket) readRemaining(giveUp <-chan struct{}) {
	const smallest = 512 // bytes that the kernel accounts for a datagram, at least
	most := uint64(2 * s.granted / smallest)
	for before := s.received.Load(); s.received.Load()-before < most; {
		select {
		case <-giveUp:
			return
		default:
		}
		if n, err := s.read(); n < readLimit || err != nil {
			return
		}
	}
}

// rename writes into the name in the Store which drops were shown. The Store takes no socket
// twice.
func (s *socket) rename(store inherit.Store) error {
	name := inherit.WithDrops(s.kept, s.reported+s.status().Drops)
	if name == s.kept {
		return nil
	}
	if err := store.Forget(s.kept); err != nil {
		return err
	}
	s.kept = name
	return store.Keep(name, s.fd)
}

func (s *socket) close() error {
	if !s.open {
		return nil
	}
	s.status()
	s.open = false
	return unix.Close(s.fd)
}
