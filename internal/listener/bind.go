package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/listener/inherit"
)

// binder binds TCP ports.
type binder struct {
	log       *slog.Logger
	store     inherit.Store
	inherited *inherit.Sockets
}

// listen takes over the listening socket of the process before, with the connections that
// wait there, or binds a new one.
func (b binder) listen(ctx context.Context, s *source) (*net.TCPListener, error) {
	network, address := s.bind("tcp")
	for _, f := range b.inherited.Take(network, address) {
		l, err := net.FileListener(f) // of a duplicate
		if err == nil {
			return l.(*net.TCPListener), f.Close()
		}
		b.log.Warn("a listening socket that was passed is of no use; it is bound anew", "source", s.Name(), "error", err)
		b.inherited.Discard(f)
	}
	l, err := new(net.ListenConfig).Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("source %s: listen on TCP: %w; %s", s.Name(), err, bindHint("tcp", address, err))
	}
	listener := l.(*net.TCPListener)
	if b.store != nil {
		if err := keep(b.store, inherit.Name("tcp", s.options.Port), listener); err != nil {
			b.log.Warn("a listening socket cannot be handed over at a restart", "source", s.Name(), "error", err)
		}
	}
	return listener, nil
}

// keep stores a listening socket for the next process.
func keep(store inherit.Store, name string, l *net.TCPListener) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var kept error
	err = raw.Control(func(fd uintptr) { kept = store.Keep(name, int(fd)) })
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
	return "check `address` and `port` of the source"
}
