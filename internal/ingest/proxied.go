package ingest

import (
	"errors"
	"net/netip"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/proxyproto"
	"syslog-gateway/internal/throttle"
)

// clients are the senders of datagrams that come through proxies.
type clients struct {
	senders  map[client]*sender
	last     client // of the datagram before
	lastBy   *sender
	troubles throttle.Throttle // of lines about datagrams without a header
}

// client is a sender's address and that of the proxy that the datagram comes from. Without
// an address it is the sender of what the proxy sends without a PROXY header.
type client struct{ addr, proxy netip.Addr }

var errCut = errors.New("the datagram ends within the PROXY header")

// Receive takes a datagram as Take does. One that comes from a proxy has to begin with a
// PROXY header, whose client is then the sender; otherwise it is dropped. If the header
// names no client, or the proxy itself, the proxy is the sender.
func (d *Datagrams) Receive(p []byte, from netip.Addr) {
	s := d.sender(from)
	if !s.isProxy {
		d.take(p, s)
		return
	}
	addr, n, err := proxyproto.Parse(p)
	if err == nil && n == 0 {
		err = errCut
	}
	switch {
	case err != nil:
		d.reject(p, s, err)
	case addr.IsValid() && addr != s.from.Address:
		d.take(p[n:], d.client(client{addr, s.from.Address}))
	case n == len(p):
		d.source.CountCheck()
	default:
		d.take(p[n:], s)
	}
}

// reject drops a datagram that a proxy sent without a PROXY header.
func (d *Datagrams) reject(p []byte, proxy *sender, err error) {
	d.batcher.message(d.client(client{proxy: proxy.from.Address}), p, false, false)
	if log := d.batcher.options.Logger; log != nil {
		if _, ok := d.clients.troubles.Ready(d.batcher.now, logEvery); ok {
			log.Warn("a datagram is dropped: it comes from an address in proxy_protocol and has no valid PROXY header",
				"source", d.source.name, "proxy", proxy.from.Address, "error", err)
		}
	}
}

// client returns the sender behind a proxy, made for the source's present settings.
func (d *Datagrams) client(c client) *sender {
	f, known := d.source.format.Load(), &d.clients
	if c == known.last && known.lastBy != nil && known.lastBy.format == f {
		return known.lastBy
	}
	s := known.senders[c]
	if s == nil || s.format != f {
		if len(known.senders) >= maxSenders {
			clear(known.senders)
		}
		if known.senders == nil {
			known.senders = make(map[client]*sender)
		}
		if c.addr.IsValid() {
			s = newSender(f, ledger.UDP, c.addr, c.proxy, d.source.port)
		} else {
			s = newSender(f, ledger.UDP, c.proxy, netip.Addr{}, d.source.port)
			s.refused = dropProxyHeader
		}
		known.senders[c] = s
	}
	known.last, known.lastBy = c, s
	return s
}
