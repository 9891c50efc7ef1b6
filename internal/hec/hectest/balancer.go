package hectest

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
)

// Balancer is a balancer of layer 4: it hands each new connection to the next of its
// servers and knows nothing of what goes over it. Its methods are safe for concurrent
// use.
type Balancer struct {
	listener net.Listener
	group    sync.WaitGroup
	stop     context.CancelFunc // ends dials that are under way

	mu      sync.Mutex
	servers []string // host:port
	next    int
	names   []string // of the server of each connection so far
	open    map[net.Conn]bool
	closed  bool
}

// NewBalancer listens on a free port of the loopback, before servers of plain HTTP.
func NewBalancer(servers ...*Server) (*Balancer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	b := &Balancer{listener: l, stop: stop, open: make(map[net.Conn]bool)}
	b.Use(servers...)
	b.group.Go(func() { b.accept(ctx) })
	return b, nil
}

// URL is the address to post to.
func (b *Balancer) URL() string { return "http://" + b.listener.Addr().String() }

// Use changes the servers. Connections stay with theirs, as with a balancer that takes
// a server out: it closes none.
func (b *Balancer) Use(servers ...*Server) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.servers = nil
	for _, s := range servers {
		b.servers = append(b.servers, strings.TrimPrefix(s.URL(), "http://"))
	}
}

// Made is how many connections were made to a server so far.
func (b *Balancer) Made(s *Server) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range b.names {
		if name == strings.TrimPrefix(s.URL(), "http://") {
			n++
		}
	}
	return n
}

// Break ends all connections.
func (b *Balancer) Break() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.open {
		c.Close()
	}
}

// Close ends all connections and the balancer.
func (b *Balancer) Close() {
	b.listener.Close()
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.stop()
	b.Break()
	b.group.Wait()
}

func (b *Balancer) accept(ctx context.Context) {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.group.Go(func() { b.carry(ctx, conn) })
	}
}

// carry joins a connection with one to the next server, until either ends.
func (b *Balancer) carry(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	b.mu.Lock()
	if len(b.servers) == 0 {
		b.mu.Unlock()
		return
	}
	name := b.servers[b.next%len(b.servers)]
	b.next++
	b.names = append(b.names, name)
	b.mu.Unlock()
	to, err := new(net.Dialer).DialContext(ctx, "tcp", name)
	if err != nil {
		return
	}
	defer to.Close()
	b.mu.Lock()
	b.open[conn], b.open[to] = true, true
	closed := b.closed
	b.mu.Unlock()
	if closed {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(to, conn); to.Close() })
	both.Go(func() { _, _ = io.Copy(conn, to); conn.Close() })
	both.Wait()
	b.mu.Lock()
	delete(b.open, conn)
	delete(b.open, to)
	b.mu.Unlock()
}
