package powerloss

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"syslog-gateway/bench/marker"
)

// Sender sends numbered messages, from 0 up, over whatever connections it gets.
type Sender interface {
	// Run sends until ctx ends.
	Run(ctx context.Context)
	// Sent is when each message was given to the kernel.
	Sent() []time.Time
	// Acknowledged are the messages that the gateway has acknowledged: a power loss must
	// not lose any of them. A protocol without acknowledgements has none.
	Acknowledged() []int
}

const (
	rate    = 4000 // messages a second
	lineLen = 300
	begin   = "<38>"
	// An endpoint that refuses events refuses those with the word.
	refusedWord  = "POISON"
	refusedEvery = 50
)

func isRefused(seq int) bool { return seq%refusedEvery == 0 }

func holdsRefused(line []byte) bool { return bytes.Contains(line, []byte(refusedWord)) }

var padding = strings.Repeat("session opened by uid 0, ", 12)

// appendLine appends a message of lineLen bytes. Its marker is at its end, so that a
// piece of a line has none.
func appendLine(b []byte, seq int, now time.Time) []byte {
	start := len(b)
	b = append(b, begin...)
	b = now.UTC().AppendFormat(b, time.Stamp)
	b = append(b, " web1 sshd[4123]: Accepted publickey for deploy "...)
	if isRefused(seq) {
		b = append(b, refusedWord...)
	}
	b = append(b, padding[:lineLen-1-marker.Len-(len(b)-start)]...)
	stamp := marker.NewStamp(now.UnixMicro())
	at := len(b)
	b = append(b, marker.Blank...)
	marker.Put(b[at:], uint64(seq), &stamp)
	return append(b, '\n')
}

// tcp sends over one plain TCP connection, and connects again when it ends, as syslog
// daemons do: what the kernel has taken is not sent again.
type tcp struct {
	address string

	mu   sync.Mutex
	sent []time.Time
}

func newTCP(address string) Sender { return &tcp{address: address} }

func (s *tcp) Acknowledged() []int { return nil }

func (s *tcp) Sent() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent[:len(s.sent):len(s.sent)]
}

func (s *tcp) Run(ctx context.Context) { connect(ctx, s.address, s.session) }

// connect has connections used, one after the other, until ctx ends.
func connect(ctx context.Context, address string, use func(context.Context, net.Conn)) {
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	for ctx.Err() == nil {
		if c, err := new(net.Dialer).DialContext(ctx, "tcp", address); err == nil {
			use(ctx, c)
		}
		select {
		case <-ctx.Done():
		case <-every.C:
		}
	}
}

// session uses a connection until the receiver or ctx ends it.
func (s *tcp) session(ctx context.Context, c net.Conn) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, c)
	}()
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		stop()
		c.Close()
		<-ended
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var buf []byte
	for began, given := time.Now(), 0; ; {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		due := min(int(now.Sub(began).Seconds()*rate)-given, rate/10)
		if due <= 0 {
			continue
		}
		given += due
		next := len(s.Sent())
		buf = buf[:0]
		for i := range due {
			buf = appendLine(buf, next+i, now)
		}
		n, err := c.Write(buf)
		s.mu.Lock()
		for range n / lineLen {
			s.sent = append(s.sent, now)
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}
