package stats

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/fairshare"
	"syslog-gateway/internal/stats/control"
)

// bounded is a set with at most so many members. When it is full, the address that holds
// most gives up a member for each new one: the longest silent one, and one that is being
// answered last (package fairshare).
type bounded struct {
	most int64
	pool fairshare.Pool[*member]
}

// member is one connection or one stream.
type member struct {
	from  netip.Prefix // whose it is, see party
	share fairshare.Share[*member]
	seen  atomic.Int64 // when it moved bytes last, Unix time in ns
	busy  atomic.Int32 // requests that are being answered
	end   func()       // gives it up
}

// From implements fairshare.Member.
func (m *member) From() netip.Addr { return m.from.Addr() }

// LastActive implements fairshare.Member.
func (m *member) LastActive() int64 { return m.seen.Load() }

// Busy implements fairshare.Member.
func (m *member) Busy() bool { return m.busy.Load() != 0 }

func newBounded(most int) *bounded { return &bounded{most: int64(most)} }

// enter puts m into the set, and returns who was given up for it. With fair, m stays
// outside when its own address would then hold most.
func (b *bounded) enter(m *member, fair bool) (out *member, in bool) {
	m.seen.Store(time.Now().UnixNano())
	m.share = fairshare.NewShare(m)
	share, in := b.pool.Enter(&m.share, b.most, fair)
	if share != nil {
		b.pool.Set(share, 0)
		out = share.Member()
	}
	return out, in
}

// leave takes m out of the set, if it is still there.
func (b *bounded) leave(m *member) { b.pool.Set(&m.share, 0) }

// len is the number of members.
func (b *bounded) len() int {
	_, kept := b.pool.Total()
	return int(kept)
}

// party is whom an address with a port counts for. What has no address has the zero
// prefix.
func party(address string) netip.Prefix {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Prefix{}
	}
	return fairshare.Network(a.Addr())
}

// door accepts every connection at once. A health check is known by its request only, so
// it gets in only if everybody does; one of the crowd then closes.
type door struct {
	net.Listener
	limit *bounded
	full  func(given *member) // is called with the evicted member
}

// Accept implements net.Listener.
func (d door) Accept() (net.Conn, error) {
	raw, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, limit: d.limit, uid: control.PeerUID(raw)}
	c.from, c.end = party(raw.RemoteAddr().String()), func() { raw.Close() }
	if out, _ := d.limit.enter(&c.member, false); out != nil {
		out.end()
		d.full(out)
	}
	return c, nil
}

// conn is an open connection of the server.
type conn struct {
	net.Conn
	member
	limit *bounded
	uid   int // of the process at the other end of the control socket; -1 over TCP
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
	c.limit.leave(&c.member)
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
	c.limit.leave(&c.member)
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
