package listener

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"

	"syslog-gateway/internal/ledger"

	"golang.org/x/sys/unix"
)

// SourceOptions describes one source: a port, who speaks there, and its limits.
type SourceOptions struct {
	Name          string
	Address       string // IP address to listen at; empty means all, IPv4 and IPv6
	Port          int
	Transports    []ledger.Transport
	ReceiveBuffer int         // bytes, for UDP
	TLS           *tls.Config // for the TLS transport
	Settings      Settings
}

// Reasons for which a connection is refused or ended by us.
const (
	rejectMaxConnections = "max_connections"
	rejectNotAllowed     = "not_allowed"
	rejectTLS            = "tls_on_plain_port"
	rejectCompressed     = "compressed_stream"
	rejectHTTP           = "http"
	rejectHandshake      = "tls_handshake"
	rejectDescriptors    = "file_descriptors"
)

// Reasons for which a message is delivered before it has ended.
const (
	partialFull   = "full"   // the memory for such messages
	partialSilent = "silent" // its connection was, for too long
)

// Source is one configured source at run time.
type Source struct {
	options  SourceOptions
	account  *ledger.Account
	format   atomic.Pointer[format]
	conns    [3]atomic.Int64 // by transport
	seats    *pot            // connections, TCP and TLS together
	rejected rejections
	partial  struct{ full, silent atomic.Uint64 }
}

// rejections counts refused connections by reason. The reasons are fixed, so that
// the label is bounded.
type rejections struct {
	maxConnections, notAllowed, tls, compressed, http, handshake, descriptors atomic.Uint64
}

func (r *rejections) counter(reason string) *atomic.Uint64 {
	switch reason {
	case rejectMaxConnections:
		return &r.maxConnections
	case rejectNotAllowed:
		return &r.notAllowed
	case rejectTLS:
		return &r.tls
	case rejectCompressed:
		return &r.compressed
	case rejectHTTP:
		return &r.http
	case rejectHandshake:
		return &r.handshake
	}
	return &r.descriptors
}

func newSource(o SourceOptions, books *ledger.Ledger) *Source {
	s := &Source{options: o, account: books.Account(o.Name), seats: newPot()}
	s.Apply(o.Settings)
	return s
}

// Name is the configured name.
func (s *Source) Name() string { return s.options.Name }

// Apply puts new settings into force for all messages from the next read on.
func (s *Source) Apply(settings Settings) {
	s.format.Store(newFormat(s.options.Port, settings))
}

// settings are those in force.
func (s *Source) settings() *Settings { return &s.format.Load().settings }

func (s *Source) has(t ledger.Transport) bool { return slices.Contains(s.options.Transports, t) }

// bind is the network ("udp", "tcp4", …) and the address to bind as the net package
// writes them. No address, and the IPv6 address for none, mean all addresses of both
// families; any other one means itself.
func (s *Source) bind(proto string) (network, address string) {
	host := s.options.Address
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil || ip == netip.IPv6Unspecified():
		host = ""
		if !hasIPv6() {
			proto += "4"
		}
	case ip.Is4():
		proto += "4"
	default:
		proto += "6"
	}
	return proto, net.JoinHostPort(host, strconv.Itoa(s.options.Port))
}

// hasIPv6 reports whether the kernel knows IPv6 at all; it may be switched off.
func hasIPv6() bool {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return !errors.Is(err, unix.EAFNOSUPPORT)
}

func (s *Source) reject(reason string) { s.rejected.counter(reason).Add(1) }
