package listener

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// listen takes over the listening socket of the process before, with the connections
// that wait there, or binds a new one.
func (t *tcp) listen(s *Source) (*net.TCPListener, error) {
	network, address := s.bind("tcp")
	for _, f := range t.before.take("tcp", s) {
		l, err := net.FileListener(f) // of a duplicate
		if err == nil {
			return l.(*net.TCPListener), f.Close()
		}
		t.log.Warn("a listening socket that was passed is of no use; it is bound anew", "source", s.Name(), "error", err)
		t.before.discard(f)
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, fmt.Errorf("source %s: listen on TCP: %w; %s", s.Name(), err, bindHint("tcp", address, err))
	}
	listener := l.(*net.TCPListener)
	if t.keeper != nil {
		if err := keepListener(t.keeper, keptName("tcp", s), listener); err != nil {
			t.log.Warn("a listening socket cannot be handed over at a restart", "source", s.Name(), "error", err)
		}
	}
	return listener, nil
}

func keepListener(k Keeper, name string, l *net.TCPListener) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var kept error
	err = raw.Control(func(fd uintptr) { kept = k.Keep(name, int(fd)) })
	return errors.Join(err, kept)
}

// bindHint says what to do about a port that cannot be bound.
func bindHint(proto, address string, err error) string {
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Sprintf("another process holds the port, see `ss -l%snp sport = :%s`; stop it or change `port` of the source", proto[:1], port)
	case errors.Is(err, unix.EACCES):
		return "ports below 1024 need CAP_NET_BIND_SERVICE, which the systemd unit gives"
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return "no interface of this host has the `address` of the source"
	}
	return "look at `address` and `port` of the source"
}
