package listener

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/fairshare"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
)

// SourceOptions describes one source: its port, its senders and its limits.
type SourceOptions struct {
	Name          string
	Address       string // IP address to listen at; empty means all, IPv4 and IPv6
	Port          int
	Transports    []ledger.Transport
	ReceiveBuffer int         // bytes, for UDP
	TLS           *tls.Config // for the transports over TLS
	Settings      ingest.Settings
	answerWithin  time.Duration // how long a RELP client may leave answers unread; 0: answerTimeout
}

// source is one configured source and its sockets.
type source struct {
	*ingest.Source
	options     SourceOptions
	open        [ledger.Internal]atomic.Int64 // connections by transport
	unanswered  atomic.Int64                  // messages by RELP that were taken and not answered
	connections fairshare.Pool[*connection]
	rejected    [numRejections]atomic.Uint64
}

func newSource(o SourceOptions, accounts *ledger.Ledger) *source {
	if o.answerWithin == 0 {
		o.answerWithin = answerTimeout
	}
	return &source{Source: ingest.NewSource(o.Name, o.Port, o.Settings, accounts), options: o}
}

func (s *source) has(t ledger.Transport) bool { return slices.Contains(s.options.Transports, t) }

func (s *source) reject(reason rejection) { s.rejected[reason].Add(1) }

// bind is the network ("udp", "tcp4", …) and the address to bind, as the net package
// writes them. No address, and the IPv6 address for none, mean all addresses of both
// families; any other one means itself.
func (s *source) bind(proto string) (network, address string) {
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

// hasIPv6 reports whether the kernel supports IPv6 at all; it may be switched off.
func hasIPv6() bool {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return !errors.Is(err, unix.EAFNOSUPPORT)
}
