package stats

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/stats/control"
)

// bounded is a set with at most so many members. No address has a share while there is
// room. When there is none, the address that holds most gives up the member that has been
// silent for longest.
type bounded struct {
	most int

	mu      sync.Mutex
	members []*member
	held    map[netip.Prefix]int // members by whose they are
}

// member is one connection or one stream.
type member struct {
	from netip.Prefix // whose it is, see party
	at   int          // its place in members, while it is there
	seen atomic.Int64 // when it moved bytes last, Unix time in ns
	busy atomic.Int32 // requests that are being answered
	end  func()       // gives it up
}

func newBounded(most int) *bounded {
	return &bounded{most: most, held: make(map[netip.Prefix]int)}
}

// enter puts m into the set, and returns who was given up for it. With fair, m stays
// outside when its own address would then hold most.
func (b *bounded) enter(m *member, fair bool) (out *member, in bool) {
	m.seen.Store(time.Now().UnixNano())
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.members) >= b.most {
		if out = b.weakest(m, fair); out == nil {
			return nil, false
		}
		b.remove(out)
	}
	m.at = len(b.members)
	b.members = append(b.members, m)
	b.held[m.from]++
	return out, true
}

// weakest is the member that is given up for a newcomer; nil: none. One that is being
// answered goes last.
func (b *bounded) weakest(newcomer *member, fair bool) (out *member) {
	b.held[newcomer.from]++ // it counts among its own
	defer b.release(newcomer.from)
	most := 0
	for _, n := range b.held {
		most = max(most, n)
	}
	if fair && b.held[newcomer.from] == most {
		return nil
	}
	for _, m := range b.members {
		if b.held[m.from] == most && (out == nil || m.weaker(out)) {
			out = m
		}
	}
	return out
}

// release takes one off what an address holds.
func (b *bounded) release(from netip.Prefix) {
	if b.held[from]--; b.held[from] == 0 {
		delete(b.held, from)
	}
}

func (m *member) weaker(than *member) bool {
	if idle, other := m.busy.Load() == 0, than.busy.Load() == 0; idle != other {
		return idle
	}
	return m.seen.Load() < than.seen.Load()
}

// leave takes m out of the set, if it is still there.
func (b *bounded) leave(m *member) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m.at < len(b.members) && b.members[m.at] == m {
		b.remove(m)
	}
}

func (b *bounded) remove(m *member) {
	last := len(b.members) - 1
	b.members[m.at] = b.members[last]
	b.members[m.at].at = m.at
	b.members[last] = nil
	b.members = b.members[:last]
	b.release(m.from)
}

// len is the number of members.
func (b *bounded) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.members)
}

// party is whom an address counts for: an IPv4 address for itself, an IPv6 address for
// its /64, which one machine has all of (RFC 4291, section 2.5.4). What has no address
// has the zero prefix.
func party(address string) netip.Prefix {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Prefix{}
	}
	ip := a.Addr().Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	p, _ := ip.Prefix(bits) // fails for other numbers of bits only
	return p
}

// door accepts every connection at once. A health check is known by its request only, so
// it can get past a crowd only when everybody gets in; the crowd is what makes room.
type door struct {
	net.Listener
	room *bounded
	full func(given *member) // is told who was given up
}

// Accept implements net.Listener.
func (d door) Accept() (net.Conn, error) {
	raw, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, room: d.room, uid: control.PeerUID(raw)}
	c.from, c.end = party(raw.RemoteAddr().String()), func() { raw.Close() }
	if out, _ := d.room.enter(&c.member, false); out != nil {
		out.end()
		d.full(out)
	}
	return c, nil
}

// conn is an open connection of the server.
type conn struct {
	net.Conn
	member
	room *bounded
	uid  int // of the process at the other end of the control socket; -1 over TCP
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.seen.Store(time.Now().UnixNano())
	}
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if n > 0 {
		c.seen.Store(time.Now().UnixNano())
	}
	return n, err
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.room.leave(&c.member)
	return c.Conn.Close()
}

// CloseWrite lets net/http end an answer so that the client can read all of it.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// streaming takes a connection that carries a stream from here on out of the bound of
// connections: streams have a bound of their own. Of what the client does not read the
// kernel keeps little, so that a client that has stopped reading is noticed.
func (c *conn) streaming() {
	c.room.leave(&c.member)
	if b, ok := c.Conn.(interface{ SetWriteBuffer(int) error }); ok {
		_ = b.SetWriteBuffer(streamBuffer) // smaller is better, but not needed
	}
}

// abort makes Close discard what the client has not read.
func (c *conn) abort() {
	if l, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		_ = l.SetLinger(0) // else the kernel tries for some minutes
	}
}

type connKey struct{}

// withConn lets handlers find the connection of their request.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok { // of TLS
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// connOf is the connection of a request, nil where a test makes the request.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}
