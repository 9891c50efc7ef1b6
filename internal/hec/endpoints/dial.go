package endpoints

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"
)

// maxAnswerHeader bounds the header of an answer, in bytes.
const maxAnswerHeader = 64 << 10

// NewTransport makes the transport that connections are made with. It speaks HTTP/1.1 only:
// HEC speaks nothing else, and with one connection per post a stuck one holds up no other,
// and one server behind a balancer does not get everything.
func NewTransport(conf *tls.Config) *http.Transport {
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            newDialer().dial,
		TLSHandshakeTimeout:    10 * time.Second,
		DisableCompression:     true,
		WriteBufferSize:        writeBuffer,
		MaxResponseHeaderBytes: maxAnswerHeader,
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	if conf != nil {
		t.TLSClientConfig = conf.Clone()
	}
	return t
}

// writeBuffer is the buffer in bytes of a connection, and holds most compressed records with
// their header: so a post is one write.
const writeBuffer = 128 << 10

// dialTime is how long a connection to one address may take.
const dialTime = 10 * time.Second

// dialer connects to hosts by name. Where a name has several addresses, each connection
// begins with another one. So all get their share, and the connection after a bad one leads
// elsewhere.
type dialer struct {
	net.Dialer
	dials atomic.Uint64
}

func newDialer() *dialer {
	return &dialer{Dialer: net.Dialer{Timeout: dialTime, KeepAlive: 30 * time.Second}}
}

// dial is the DialContext of a transport.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return d.DialContext(ctx, network, address)
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(ofOneKind(all)) < 2 {
		// One IPv4 and one IPv6 address at most: net.Dialer tries both (RFC 8305).
		return d.DialContext(ctx, network, address)
	}
	return d.dialOneOf(ctx, network, rotated(ofOneKind(all), d.dials.Add(1)), port)
}

// dialOneOf tries the addresses one after the other.
func (d *dialer) dialOneOf(ctx context.Context, network string, all []netip.Addr, port string) (net.Conn, error) {
	var errs []error
	for _, a := range all {
		conn, err := d.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
		if err == nil {
			return conn, nil
		}
		if errs = append(errs, err); ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// ofOneKind returns the addresses of the family of the first, IPv4 or IPv6, which is to be
// preferred (RFC 6724).
func ofOneKind(all []netip.Addr) []netip.Addr {
	var same []netip.Addr
	for _, a := range all {
		if a.Unmap().Is4() == all[0].Unmap().Is4() {
			same = append(same, a.Unmap())
		}
	}
	return same
}

// rotated returns the list rotated by n.
func rotated(all []netip.Addr, by uint64) []netip.Addr {
	n := int(by % uint64(len(all)))
	return append(append([]netip.Addr(nil), all[n:]...), all[:n]...)
}
