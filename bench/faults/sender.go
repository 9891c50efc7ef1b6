package faults

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"syslog-gateway/bench/marker"
)

const (
	lineLen   = 300
	lineBegin = "<38>"
	// bad is the word that a refused message holds, of the same length as good.
	bad, good = "POISON", "benign"
	badEvery  = 500
	badAt     = 250
)

// isBad says which messages the endpoint refuses, in rows that refuse some.
func isBad(seq int) bool { return seq%badEvery == badAt }

// appendLine appends the message with that number: lineLen bytes with its LF. The
// marker is at its end, so that a piece of a line has none.
func appendLine(b []byte, seq int, at *marker.Stamp) []byte {
	start := len(b)
	word := good
	if isBad(seq) {
		word = bad
	}
	b = append(b, lineBegin...)
	b = time.Now().UTC().AppendFormat(b, time.Stamp)
	b = append(b, " web1 sshd[4123]: Accepted publickey for deploy from 10.1.2.3 port 51514 ssh2: "...)
	b = append(b, word...)
	b = append(b, ' ')
	b = append(b, padding[:lineLen-1-marker.Len-(len(b)-start)]...)
	at0 := len(b)
	b = append(b, marker.Blank...)
	marker.Put(b[at0:], uint64(seq), at)
	return append(b, '\n')
}

var padding = strings.Repeat("session opened by uid 0, ", 12)

// sender sends numbered messages over TCP, from 0 up, and connects again when the
// connection ends, as syslog daemons do: what the kernel has taken is not sent again.
type sender struct {
	address string
	rate    int // messages a second, 0 is flat out
	limit   int // messages in all

	mu      sync.Mutex // locked while writing: locking it stops the sender
	next    int        // messages below it were taken by the kernel
	resumed int        // how often it connected
	ports   numbers    // its own ports, of connections that may hold something
	broken  bool       // the receiver was killed: the connection takes no more
}

func (s *sender) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// run sends until all is sent or ctx ends. Connecting is tried again without limit.
func (s *sender) run(ctx context.Context) error {
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for ctx.Err() == nil && s.written() < s.limit {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
		if err == nil {
			s.mu.Lock()
			s.resumed++
			s.broken = false
			s.ports[c.LocalAddr().(*net.TCPAddr).Port] = true
			s.mu.Unlock()
			s.session(ctx, c)
			continue
		}
		select {
		case <-ctx.Done():
		case <-every.C:
		}
	}
	return ctx.Err()
}

// begin runs the sender beside the row; the channel gets its end.
func (s *sender) begin(ctx context.Context) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	return ended
}

// session uses one connection to its end. It watches for the receiver's end, as rsyslog
// and syslog-ng do: plain TCP reports nothing else to a sender.
func (s *sender) session(ctx context.Context, c net.Conn) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, c)
	}()
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	s.pump(ended, c)
	stop()
	c.Close()
	<-ended
}

// pump writes until the connection ends or all is sent.
func (s *sender) pump(ended <-chan struct{}, c net.Conn) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var buf []byte
	began, first := time.Now(), s.written()
	for {
		select {
		case <-ended:
			return
		default:
		}
		n := 200
		if s.rate > 0 {
			due := first + int(time.Since(began).Seconds()*float64(s.rate))
			n = min(due-s.written(), 500)
		}
		if n = min(n, s.limit-s.written()); n > 0 {
			if !s.write(c, &buf, n) {
				return
			}
		}
		if s.written() >= s.limit {
			return
		}
		if s.rate > 0 {
			<-tick.C
		}
	}
}

// write writes n messages; false when the connection has ended.
func (s *sender) write(c net.Conn, buf *[]byte, n int) bool {
	stamp := marker.NewStamp(time.Now().UnixMicro())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return false
	}
	*buf = (*buf)[:0]
	for i := range n {
		*buf = appendLine(*buf, s.next+i, &stamp)
	}
	wrote, err := c.Write(*buf)
	s.next += wrote / lineLen
	return err == nil
}

// newSender returns a sender of limit messages to the rig's first port.
func (r *rig) newSender(rate, limit int) *sender {
	return &sender{address: local(r.port), rate: rate, limit: limit, ports: make(numbers)}
}

// sendAll sends n messages over one connection, flat out. The refused ones go to a
// port of their own when apart is true.
func (r *rig) sendAll(ctx context.Context, n int, apart bool) error {
	conns := []int{r.port}
	if apart {
		conns = append(conns, r.closed)
	}
	for i, port := range conns {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", local(port))
		if err != nil {
			return fmt.Errorf("connect to the gateway: %w", err)
		}
		stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
		stamp := marker.NewStamp(time.Now().UnixMicro())
		var buf []byte
		for seq := range n {
			if apart && isBad(seq) != (i == 1) {
				continue
			}
			if buf = appendLine(buf, seq, &stamp); len(buf) < 64<<10 {
				continue
			}
			if _, err = c.Write(buf); err != nil {
				break
			}
			buf = buf[:0]
		}
		if err == nil {
			_, err = c.Write(buf)
		}
		stop()
		c.Close()
		if err != nil {
			return fmt.Errorf("send to the gateway: %w", err)
		}
	}
	return nil
}

// sendUDP sends n datagrams at a modest rate: datagrams know no back-pressure.
func (r *rig) sendUDP(ctx context.Context, n int) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "udp", local(r.port))
	if err != nil {
		return fmt.Errorf("open a UDP socket: %w", err)
	}
	defer c.Close()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	stamp := marker.NewStamp(time.Now().UnixMicro())
	var buf []byte
	for seq := range n {
		buf = appendLine(buf[:0], seq, &stamp)
		if _, err := c.Write(buf[:lineLen-1]); err != nil {
			return fmt.Errorf("send a datagram: %w", err)
		}
		if seq%10 == 9 {
			<-tick.C
		}
	}
	return nil
}
