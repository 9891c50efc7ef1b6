package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"syslog-gateway/bench/mix"
)

const (
	// turnMessages is how many messages one turn sends flat out: 70 to 250 KB by vendor.
	turnMessages = 384
	// ringMessages is the length of a ring, a whole number of turns.
	ringMessages = 4 * turnMessages
	// dialTimeout bounds the connecting.
	dialTimeout = 10 * time.Second
)

// sender has one lane to every port and serves them in turn.
type sender struct {
	lanes []*lane
	next  int
	claim *claim

	errors uint64
	err    error // the first
}

// lane is one socket with the messages for it.
type lane struct {
	port  int
	ring  *mix.Ring
	pos   int // next message of the ring
	out   output
	sent  uint64
	bytes uint64
}

// output hands the messages from to to-1 of a ring to the kernel. It returns how many
// went out whole, also beside an error.
type output interface {
	send(r *mix.Ring, from, to int) (int, error)
	expire() error // ends a blocked send now and refuses further ones
	close() error
}

// open connects a sender to all ports. seed tells its messages from those of others.
func open(ctx context.Context, o *Options, c *claim, number int) (*sender, error) {
	s := &sender{claim: c}
	lanes, err := o.lanes()
	if err != nil {
		return nil, err
	}
	framing := o.Framing
	if o.Transport == UDP {
		framing = mix.Datagram
	}
	for i, vendors := range lanes {
		ring, err := mix.NewRing(ringMessages, vendors, framing, uint64(number*len(lanes)+i))
		if err != nil {
			return s, err
		}
		out, err := connect(ctx, o, o.Ports[i], number)
		if err != nil {
			return s, err
		}
		s.lanes = append(s.lanes, &lane{port: o.Ports[i], ring: ring, out: out})
	}
	return s, nil
}

func connect(ctx context.Context, o *Options, port, number int) (output, error) {
	d := net.Dialer{Timeout: dialTimeout}
	if o.Sources > 0 {
		ip := net.IPv4(127, 0, 0, byte(2+number%o.Sources))
		d.LocalAddr = &net.TCPAddr{IP: ip}
		if o.Transport == UDP {
			d.LocalAddr = &net.UDPAddr{IP: ip}
		}
	}
	address := net.JoinHostPort(o.Target, strconv.Itoa(port))
	conn, err := d.DialContext(ctx, o.Transport, address)
	if err != nil {
		return nil, fmt.Errorf("connect to the receiver at %s %s: %w", o.Transport, address, err)
	}
	if u, ok := conn.(*net.UDPConn); ok {
		return newDatagrams(u)
	}
	return stream{conn}, nil
}

// turn sends up to n messages to the next port. more is false when there is nothing
// left to send or the sender has failed.
func (s *sender) turn(n int) (sent int, more bool) {
	l := s.lanes[s.next]
	s.next = (s.next + 1) % len(s.lanes)
	first, k := s.claim.take(min(n, l.ring.Len()-l.pos))
	if k == 0 {
		return 0, false
	}
	l.ring.Number(l.pos, l.pos+k, first, time.Now())
	done, err := l.out.send(l.ring, l.pos, l.pos+k)
	if done > 0 {
		l.sent += uint64(done)
		l.bytes += uint64(len(l.ring.Bytes(l.pos, l.pos+done)))
	}
	l.pos = (l.pos + k) % l.ring.Len()
	s.errors += uint64(k - done)
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("send to port %d: %w", l.port, err)
	}
	var refused *refusedError
	return k, err == nil || errors.As(err, &refused)
}

// expire ends sending now. It may be called while turn runs.
func (s *sender) expire() {
	for _, l := range s.lanes {
		if err := l.out.expire(); err != nil {
			return // closed already
		}
	}
}

// close closes all sockets. What the kernel has taken is still delivered.
func (s *sender) close() error {
	var errs []error
	for _, l := range s.lanes {
		errs = append(errs, l.out.close())
	}
	return errors.Join(errs...)
}

// stream sends to a TCP connection, a run of messages in one write.
type stream struct{ conn net.Conn }

func (s stream) send(r *mix.Ring, from, to int) (int, error) {
	n, err := s.conn.Write(r.Bytes(from, to))
	if err != nil {
		return min(r.Whole(from, n), to-from), err
	}
	return to - from, nil
}

func (s stream) expire() error { return s.conn.SetWriteDeadline(time.Unix(1, 0)) }

func (s stream) close() error { return s.conn.Close() }
