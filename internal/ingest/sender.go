package ingest

import (
	"bytes"
	"net/netip"
	"strconv"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/ledger"
)

// sender is what is known of who sends to a source by one transport. It is made once for
// a connection or, with UDP, for an address.
type sender struct {
	format  *format
	address []byte         // as text
	name    []byte         // the host of messages that name none: from the hosts file, or the address
	trailer []byte         // "transport":"…","sender_ip":"…","proxy_ip":"…"}}LF
	from    dialect.From   // with its address, without a zone
	zone    *time.Location // of its times
	refused drop           // why its messages are dropped; notDropped: they are not
	isProxy bool           // its datagrams begin with a PROXY header
	more    bool           // its message is delivered before it has ended
	// orphan says that the message before, under the settings before, ended within a value
	// that is hidden: what continues it must not be shown.
	orphan bool
	counts *hostCounts // of the host that its first message named
	last   lastMessage // of a connection
}

// newSender makes the sender with an address. proxy is the address that its messages come
// from if that is another one.
func newSender(f *format, t ledger.Transport, addr, proxy netip.Addr, port int) *sender {
	addr = addr.Unmap()
	bare := addr.WithZone("")
	s := &sender{
		format:  f,
		from:    f.settings.from(bare),
		address: []byte(bare.String()),
		zone:    f.settings.location(addr),
		isProxy: f.settings.IsProxy(addr),
	}
	if !f.settings.Allows(addr) {
		s.refused = dropNotAllowed
	}
	s.name = s.address
	if name := f.settings.Hosts[bare]; name != "" {
		s.name = []byte(name)
	}
	trailer := field(make([]byte, 0, 256), f.names.Transport, f.names.TransportValue(t.String()))
	trailer = field(trailer, f.names.SenderIP, string(s.address))
	if proxy.IsValid() {
		trailer = field(trailer, f.names.ProxyIP, proxy.String())
	}
	trailer = field(trailer, f.names.Port, strconv.Itoa(port))
	s.trailer = bytes.Clone(append(bytes.TrimSuffix(trailer, []byte(",")), "}}\n"...))
	return s
}

// namesItself reports whether the message says the device's name. A device that gives
// its own address for it says no more than the sender's address does.
func (s *sender) namesItself(r *dialect.Result) bool {
	return len(r.Host) != 0 && !bytes.Equal(r.Host, s.address)
}

// host is the host of the event before it is written as JSON: the device's own name, or
// else what is known of the sender.
func (s *sender) host(r *dialect.Result) []byte {
	if s.namesItself(r) {
		return r.Host
	}
	return s.name
}
