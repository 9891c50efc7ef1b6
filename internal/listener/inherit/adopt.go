package inherit

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Sockets are the sockets that the previous process kept in the Store. They were
// bound all the time; what arrived meanwhile is in their buffers and backlogs. A nil
// Sockets has none.
type Sockets struct {
	log     *slog.Logger
	store   Store
	sockets []*socket
}

type socket struct {
	file    *os.File // its name is the one in the store
	network string   // tcp or udp
	bound   netip.AddrPort
	family  int // AF_INET or AF_INET6
}

// Adopt sorts files that the service manager passed, and owns them from now on. It logs
// and closes what is not a socket of the gateway.
func Adopt(files []*os.File, store Store, log *slog.Logger) *Sockets {
	s := &Sockets{log: log, store: store}
	for _, f := range files {
		found, err := inspect(f)
		if err != nil {
			log.Warn("a file that the service manager passed is no socket of the gateway; it is closed", "name", f.Name(), "error", err)
			s.Discard(f)
			continue
		}
		s.sockets = append(s.sockets, found)
	}
	return s
}

// inspect asks a socket what it is.
func inspect(f *os.File) (*socket, error) {
	fd := int(f.Fd())
	if !strings.HasPrefix(f.Name(), prefix) {
		return nil, fmt.Errorf("its name does not begin with %q", prefix)
	}
	s := &socket{file: f}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return nil, fmt.Errorf("getsockopt SO_TYPE: %w", err)
	}
	switch kind {
	case unix.SOCK_DGRAM:
		s.network = "udp"
	case unix.SOCK_STREAM:
		s.network = "tcp"
	default:
		return nil, fmt.Errorf("socket type %d", kind)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return nil, fmt.Errorf("getsockname: %w", err)
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		s.family, s.bound = unix.AF_INET, netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		s.family, s.bound = unix.AF_INET6, netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	default:
		return nil, errors.New("it has no internet address")
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("set non-blocking: %w", err)
	}
	return s, nil
}

// Take returns the sockets that are bound as net.Listen would bind a new one to this
// network ("tcp", "udp4", …) and address. The caller owns them from now on. A UDP port has one
// for each loop of the process before.
func (s *Sockets) Take(network, address string) (files []*os.File) {
	if s == nil {
		return nil
	}
	family, wanted := unix.AF_INET6, netip.IPv6Unspecified()
	if strings.HasSuffix(network, "4") {
		family, wanted = unix.AF_INET, netip.IPv4Unspecified()
	}
	host, port, _ := net.SplitHostPort(address)
	if a, err := netip.ParseAddr(host); err == nil {
		wanted = a.WithZone("")
	}
	s.sockets = slices.DeleteFunc(s.sockets, func(have *socket) bool {
		ours := have.network == strings.TrimRight(network, "46") && have.family == family &&
			strconv.Itoa(int(have.bound.Port())) == port &&
			have.bound.Addr() == wanted
		if ours {
			files = append(files, have.file)
		}
		return ours
	})
	return files
}

// CloseUnclaimed closes the sockets that were not taken: ports of an earlier configuration.
func (s *Sockets) CloseUnclaimed() {
	if s == nil {
		return
	}
	for _, unclaimed := range s.sockets {
		s.log.Info("a port of the configuration before is closed", "network", unclaimed.network, "address", unclaimed.bound)
		s.Discard(unclaimed.file)
	}
	s.sockets = nil
}

// Discard closes a socket here and in the store.
func (s *Sockets) Discard(f *os.File) {
	if err := errors.Join(f.Close(), s.store.Forget(f.Name())); err != nil {
		s.log.Warn("close a socket that was passed", "name", f.Name(), "error", err)
	}
}
