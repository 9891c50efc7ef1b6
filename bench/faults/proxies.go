package faults

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// proxies stand between the routes of the nodes: one for each direction. One that is cut keeps
// its connections and moves nothing, as a network that drops all packets.
type proxies struct {
	all  []*proxy
	work sync.WaitGroup
}

type proxy struct {
	from, to *node
	listener net.Listener
	moving   gate

	mu     sync.Mutex
	conns  []net.Conn
	closed bool
}

// gate lets nobody pass while it is closed.
type gate struct {
	mu     sync.Mutex
	open   *sync.Cond
	closed bool
}

func newProxies(f *fleet) *proxies {
	p := &proxies{}
	for _, from := range f.nodes {
		for _, to := range f.nodes {
			if from != to {
				one := &proxy{from: from, to: to}
				one.moving.open = sync.NewCond(&one.moving.mu)
				p.all = append(p.all, one)
			}
		}
	}
	return p
}

// address is of the host that the certificate of the node is for.
func (p *proxy) address() string {
	return fmt.Sprintf("%s:%d", p.to.name, 7000+10*p.from.number+p.to.number)
}

// routes are those of a node.
func (p *proxies) routes(n *node) (urls []string) {
	for _, one := range p.all {
		if one.from == n {
			urls = append(urls, "tls://"+one.address())
		}
	}
	return urls
}

func (p *proxies) open(ctx context.Context) (err error) {
	for _, one := range p.all {
		if one.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", one.address()); err != nil {
			return fmt.Errorf("open a proxy: %w", err)
		}
		p.work.Go(func() { p.accept(ctx, one) })
	}
	return nil
}

func (p *proxies) accept(ctx context.Context, one *proxy) {
	for {
		in, err := one.listener.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() {
			one.moving.pass()
			out, err := new(net.Dialer).DialContext(ctx, "tcp", one.to.name+":6222")
			if err != nil {
				in.Close()
				return
			}
			one.mu.Lock()
			one.conns = append(one.conns, in, out)
			if one.closed {
				in.Close()
				out.Close()
			}
			one.mu.Unlock()
			p.work.Go(func() { one.move(in, out) })
			one.move(out, in)
		})
	}
}

// move copies until an end closes.
func (p *proxy) move(to, from net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		p.moving.pass()
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			to.Close()
			from.Close()
			return
		}
	}
}

// cut takes a node away from the others, or gives it back.
func (p *proxies) cut(n *node, away bool) {
	for _, one := range p.all {
		if one.from == n || one.to == n {
			one.moving.set(away)
		}
	}
}

func (p *proxies) close() {
	for _, one := range p.all {
		one.moving.set(false)
		if one.listener != nil {
			one.listener.Close()
		}
		one.mu.Lock()
		one.closed = true
		for _, c := range one.conns {
			c.Close()
		}
		one.mu.Unlock()
	}
	p.work.Wait()
}

func (g *gate) set(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
	g.open.Broadcast()
}

func (g *gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.closed {
		g.open.Wait()
	}
}
