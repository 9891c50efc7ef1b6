package listener

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

// Keeper keeps sockets open between two processes: systemd's file descriptor store
// (sd_notify(3), FDSTORE=1). It hands them to the next process as [Inherited].
type Keeper interface {
	// Keep stores a duplicate of the socket under a name.
	Keep(name string, fd int) error
	// Forget closes the duplicates of that name.
	Forget(name string) error
}

// keptPrefix begins the names of our sockets in the store. A name says whose socket
// it is, to people; what it is bound to is asked from the socket itself.
const keptPrefix = "syslog-gateway."

// dropsMark comes before the drops of a UDP socket that have been reported, at the
// end of its name.
const dropsMark = ".drops-"

// Inherited is the sockets that a process before this one left with the Keeper:
// bound all the time, with what arrived in between in their buffers and backlogs.
type Inherited struct {
	log     *slog.Logger
	keeper  Keeper
	sockets []*inheritedSocket
}

type inheritedSocket struct {
	file     *os.File // its name is the one in the store
	network  string   // tcp or udp
	bound    netip.AddrPort
	family   int  // AF_INET or AF_INET6
	diverted bool // diverted: its address is no longer the one that it was bound to
}

// Inherit sorts files that the service manager passed, and owns them from now on.
// What is not a socket of ours is closed and said in the log.
func Inherit(files []*os.File, k Keeper, log *slog.Logger) *Inherited {
	in := &Inherited{log: log, keeper: k}
	for _, f := range files {
		s, err := inspect(f)
		if err != nil {
			log.Warn("a file that the service manager passed is no socket of the gateway; it is closed", "name", f.Name(), "error", err)
			in.discard(f)
			continue
		}
		in.sockets = append(in.sockets, s)
	}
	return in
}

// inspect asks a socket what it is.
func inspect(f *os.File) (*inheritedSocket, error) {
	fd := int(f.Fd())
	if !strings.HasPrefix(f.Name(), keptPrefix) {
		return nil, fmt.Errorf("its name does not begin with %q", keptPrefix)
	}
	s := &inheritedSocket{file: f}
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
	_, notConnected := unix.Getpeername(fd)
	s.diverted = s.network == "udp" && notConnected == nil
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("set non-blocking: %w", err)
	}
	return s, nil
}

// take returns the sockets that are bound as the source would bind its own. They are
// the caller's from now on. There are two when a process ended before it had emptied
// the one that it inherited.
func (in *Inherited) take(proto string, s *Source) (files []*os.File) {
	if in == nil {
		return nil
	}
	network, address := s.bind(proto)
	family, wanted := unix.AF_INET6, netip.IPv6Unspecified()
	if strings.HasSuffix(network, "4") {
		family, wanted = unix.AF_INET, netip.IPv4Unspecified()
	}
	host, _, _ := net.SplitHostPort(address)
	if a, err := netip.ParseAddr(host); err == nil {
		wanted = a.WithZone("")
	}
	in.sockets = slices.DeleteFunc(in.sockets, func(have *inheritedSocket) bool {
		ours := have.network == proto && have.family == family && int(have.bound.Port()) == s.options.Port &&
			(have.bound.Addr() == wanted || have.diverted)
		if ours {
			files = append(files, have.file)
		}
		return ours
	})
	return files
}

// closeRest closes what no source has taken: ports of an earlier configuration.
func (in *Inherited) closeRest() {
	if in == nil {
		return
	}
	for _, s := range in.sockets {
		in.log.Info("a port of the configuration before is closed", "network", s.network, "address", s.bound)
		in.discard(s.file)
	}
	in.sockets = nil
}

func (in *Inherited) discard(f *os.File) {
	if err := errors.Join(f.Close(), in.keeper.Forget(f.Name())); err != nil {
		in.log.Warn("close a socket that was passed", "name", f.Name(), "error", err)
	}
}

// keptName is the name of a port's socket in the store. The process is in it because
// for a moment the store holds the sockets of two.
func keptName(proto string, s *Source) string {
	return fmt.Sprintf("%s%s-%d.%d", keptPrefix, proto, s.options.Port, os.Getpid())
}

// withDrops adds to the name of a UDP socket how many drops have been reported.
func withDrops(name string, drops uint64) string {
	return name + dropsMark + strconv.FormatUint(drops, 10)
}

// reportedDrops reads that again. A process that was killed has not said it: then it
// is 0, because drops that are shown twice are better than some that never are.
func reportedDrops(name string) uint64 {
	_, text, _ := strings.Cut(name, dropsMark)
	drops, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return drops
}

// divert makes a bound UDP socket receive nothing new while it keeps what it has: a
// connected socket takes datagrams of its peer only, and nobody sends from the
// discard port of this host.
func divert(fd int) error {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return fmt.Errorf("getsockname: %w", err)
	}
	const discard = 9
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		if a.Addr == [4]byte{} {
			a.Addr = [4]byte{127, 0, 0, 1}
		}
		a.Port = discard
	case *unix.SockaddrInet6:
		if a.Addr == [16]byte{} { // IPv4's loopback is there even when IPv6's is not
			a.Addr = netip.AddrFrom4([4]byte{127, 0, 0, 1}).As16()
		}
		a.Port = discard
	}
	if err := unix.Connect(fd, name); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}
