package listener

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/fairshare"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/throttle"
)

// connection is one TCP or TLS connection.
type connection struct {
	source    *source
	peer      netip.Addr // what the kernel says; stream has the sender, who may be behind it
	stream    *ingest.Stream
	owner     owner
	ofSource  fairshare.Share[*connection] // of the connections of its source
	ofAll     fairshare.Share[*connection] // of the connections of all sources
	transport ledger.Transport
	begun     bool // its first bytes have been checked
	anonymous bool // its PROXY header names no client but the proxy: most likely it is a health check

	// The owner's lock guards these.
	closing bool      // it has been asked to close
	endBy   time.Time // until when it may go on then, over TLS
}

// owner reads connections.
type owner interface {
	// giveUp makes a connection give up its partial message, and close if all is true. It
	// does not block, and any goroutine may call it.
	giveUp(c *connection, all bool)
}

// From implements fairshare.Member: a proxy shares its connections among those behind it.
func (c *connection) From() netip.Addr { return c.peer }

// sender says for the log who sends, and through which proxy.
func (c *connection) sender() string {
	if sender := c.stream.From(); sender != c.peer {
		return fmt.Sprintf("%s through %s", sender, c.peer)
	}
	return c.peer.String()
}

// LastActive implements fairshare.Member.
func (c *connection) LastActive() int64 { return c.stream.LastActive() }

// Busy implements fairshare.Member: a connection never is.
func (c *connection) Busy() bool { return false }

// feed takes the bytes that were read from the connection at a time. refused says that this is not
// syslog and that the connection is to be closed.
func (c *connection) feed(p []byte, now time.Time) (reason rejection, refused bool) {
	if !c.begun {
		if reason, refused = foreign(p); refused {
			c.source.Account().CountFlaws(0, 0, 1)
			return reason, true
		}
		c.begun = true
	}
	c.stream.Feed(p, now)
	return 0, false
}

// connections counts the TCP and TLS connections of all sources and keeps them within
// their limits: those of each source, and of the process's file descriptors. Where there
// is no room for a new one, the longest silent connection of the address that holds most
// is closed.
type connections struct {
	log     *slog.Logger
	limit   int64 // connections of all sources together
	most    int64 // the same, with those that have yet to close
	open    atomic.Int64
	all     fairshare.Pool[*connection]
	partial *ingest.PartialMemory

	troubles  throttle.Throttle // of lines about connections that fail
	evictions throttle.Throttle // of lines about evicted connections
}

func newConnections(log *slog.Logger) *connections {
	return &connections{
		log:     log,
		limit:   descriptorLimit() * 9 / 10,
		most:    descriptorLimit() * 19 / 20,
		partial: ingest.NewPartialMemory(log),
	}
}

// newConnection returns a connection that is not counted yet.
func (cs *connections) newConnection(s *source, t ledger.Transport, peer netip.Addr, o owner) *connection {
	c := &connection{source: s, transport: t, owner: o, peer: peer}
	c.stream = ingest.NewStream(s.Source, t, peer, cs.partial, func() { c.owner.giveUp(c, false) })
	c.ofSource, c.ofAll = fairshare.NewShare(c), fairshare.NewShare(c)
	return c
}

// admit counts a new connection, or says why it is refused. If the limit is reached,
// another one is asked to close.
func (cs *connections) admit(c *connection) (reason rejection, ok bool) {
	if cs.open.Load() >= cs.most {
		return rejectDescriptors, false
	}
	cs.open.Add(1)
	c.source.open[c.transport].Add(1)
	c.source.connections.Set(&c.ofSource, 1)
	cs.all.Set(&c.ofAll, 1)
	cs.evict(&c.source.connections, int64(c.source.Settings().MaxConnections), rejectMaxConnections)
	cs.evict(&cs.all, cs.limit, rejectDescriptors)
	return 0, true
}

// evict asks connections of a pool to close until the others are within a limit.
func (cs *connections) evict(p *fairshare.Pool[*connection], limit int64, reason rejection) {
	for {
		share, holds := p.Victim(limit)
		if share == nil {
			return
		}
		victim := share.Member()
		victim.source.connections.Dismiss(&victim.ofSource)
		cs.all.Dismiss(&victim.ofAll)
		victim.source.reject(reason)
		if ready(&cs.evictions) {
			cs.log.Warn("a connection is closed to make room for a new one", "source", victim.source.Name(),
				"address", victim.From(), "its_connections", holds, "reason", reason.String())
		}
		victim.owner.giveUp(victim, true)
	}
}

// leave stops counting a connection.
func (cs *connections) leave(c *connection) {
	c.source.connections.Set(&c.ofSource, 0)
	cs.all.Set(&c.ofAll, 0)
	c.source.open[c.transport].Add(-1)
	cs.open.Add(-1)
}

// refuse counts and logs a connection that is closed by us.
func (cs *connections) refuse(c *connection, reason rejection) {
	c.source.reject(reason)
	if ready(&cs.troubles) {
		cs.log.Warn("connection closed", "source", c.source.Name(), "peer", c.sender(), "reason", reason.String())
	}
}

func peerOf(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		ip, _ := netip.AddrFromSlice(a.IP)
		return ip.Unmap()
	}
	return netip.IPv6Unspecified()
}

// descriptorLimit is how many files the process may have open.
func descriptorLimit() int64 {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 1024
	}
	return int64(min(r.Cur, 1<<30))
}

// logEvery is how often one kind of trouble of a port is logged.
const logEvery = 10 * time.Second

// ready reports whether a line may be logged now.
func ready(t *throttle.Throttle) bool {
	_, ok := t.Ready(time.Now(), logEvery)
	return ok
}
