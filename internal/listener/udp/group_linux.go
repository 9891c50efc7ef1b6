package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/listener/inherit"
)

// group is the sockets of one port.
type group struct {
	port    Port
	sockets []*socket
}

// adopt takes over the sockets of the process before. It stores nothing: they are stored.
func (g *group) adopt(o Options) {
	for _, f := range o.Inherited.Take(g.port.Network, g.port.Address) {
		s, err := newSocket(f, g.port)
		if err != nil {
			o.Logger.Warn("a UDP socket that was passed is of no use; it is closed", "source", g.port.Source, "error", err)
			if err := o.Store.Forget(f.Name()); err != nil {
				o.Logger.Warn("a UDP socket stays in the store of descriptors", "source", g.port.Source, "error", err)
			}
			continue
		}
		s.kept = f.Name()
		s.reported = inherit.ReportedDrops(s.kept)
		if n := s.status().Drops; n > 0 {
			o.Logger.Info("the kernel dropped datagrams while no process ran", "source", g.port.Source, "dropped_meanwhile", n)
		}
		g.sockets = append(g.sockets, s)
	}
}

// fill binds sockets until each loop has one, and spreads the datagrams over all of them.
func (g *group) fill(ctx context.Context, o Options) error {
	if len(g.sockets) == 0 { // otherwise the port is ours already
		if err := g.checkFree(ctx); err != nil {
			return fmt.Errorf("%w; %s", err, o.BindHint(g.port.Address, err))
		}
	}
	for i := len(g.sockets); i < o.Loops; i++ {
		f, err := bind(ctx, g.port)
		if err != nil {
			return fmt.Errorf("%w; %s", err, o.BindHint(g.port.Address, err))
		}
		s, err := newSocket(f, g.port)
		if err != nil {
			return err
		}
		g.sockets = append(g.sockets, s)
		if o.Store == nil {
			continue
		}
		s.kept = inherit.Name("udp", g.port.Number) + "." + strconv.Itoa(i)
		if err := o.Store.Keep(s.kept, s.fd); err != nil {
			o.Logger.Warn("a UDP socket cannot be handed over at a restart", "source", g.port.Source, "error", err)
			s.kept = ""
		}
	}
	if n := len(g.sockets); n > 1 {
		return spread(g.sockets[0].fd, n)
	}
	return nil
}

// checkFree fails when somebody holds the port. A group is bound with SO_REUSEPORT, which
// never fails between processes of one user and would silently share the traffic.
func (g *group) checkFree(ctx context.Context) error {
	c, err := new(net.ListenConfig).ListenPacket(ctx, g.port.Network, g.port.Address)
	if err != nil {
		return fmt.Errorf("listen on UDP: %w", err)
	}
	return c.Close()
}

// granted is the smallest receive buffer of a socket.
func (g *group) granted() int {
	least := g.sockets[0].granted
	for _, s := range g.sockets {
		least = min(least, s.granted)
	}
	return least
}

// bind makes a socket of a group.
func bind(ctx context.Context, p Port) (*os.File, error) {
	shared := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var set error
		err := c.Control(func(fd uintptr) {
			set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		return errors.Join(err, set)
	}}
	c, err := shared.ListenPacket(ctx, p.Network, p.Address)
	if err != nil {
		return nil, fmt.Errorf("listen on UDP: %w", err)
	}
	f, err := c.(*net.UDPConn).File() // a duplicate
	return f, errors.Join(err, c.Close())
}

// spread has the kernel choose one of the n sockets of a group at random for each datagram
// (socket(7), SO_ATTACH_REUSEPORT_CBPF). fd is any of them.
func spread(fd, n int) error {
	const random = 0xfffff000 + 56 // SKF_AD_OFF + SKF_AD_RANDOM of linux/filter.h
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: random},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(n)},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	if err != nil {
		return fmt.Errorf("spread datagrams over %d sockets: setsockopt SO_ATTACH_REUSEPORT_CBPF: %w", n, err)
	}
	return nil
}
