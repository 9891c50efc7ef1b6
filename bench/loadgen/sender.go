package loadgen

import (
	"context"
	"errors"
	"fmt"
	"time"

	"syslog-gateway/bench/mix"
)

const (
	// turnMessages is how many messages one turn sends flat out: 70 to 250 KB by vendor.
	turnMessages = 384
	// ringMessages is the length of a ring, a whole number of turns.
	ringMessages = 4 * turnMessages
	// maxSenders bounds the goroutines and the memory of their messages.
	maxSenders = 16
	// dialTimeout bounds the connecting.
	dialTimeout = 10 * time.Second
)

// sender has one lane to every port and serves them in turn.
type sender struct {
	lanes []*lane
	next  int
	claim *claim
	most  int // messages in one turn

	errors uint64
	err    error // the first
}

// lane is the sockets to one port, used in turn, with the messages for them.
type lane struct {
	port  int
	ring  *mix.Ring
	pos   int // next message of the ring
	outs  []output
	next  int // of outs
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

// open makes the sender of that number out of all and connects its share of the
// connections to all ports. The number tells its messages from those of others.
func open(ctx context.Context, o *Options, c *claim, number, all int) (*sender, error) {
	s := &sender{claim: c, most: turnMessages}
	if o.Single {
		s.most = 1
	}
	lanes, err := o.lanes()
	if err != nil {
		return nil, err
	}
	dial, err := newDialer(o)
	if err != nil {
		return nil, err
	}
	for i, vendors := range lanes {
		ring, err := o.ring(vendors, uint64(number*len(lanes)+i))
		if err != nil {
			return s, err
		}
		l := &lane{port: o.Ports[i], ring: ring}
		s.lanes = append(s.lanes, l)
		for k := number; k < o.Connections; k += all {
			out, err := dial.connect(ctx, o.Ports[i], k)
			if err != nil {
				return s, err
			}
			l.outs = append(l.outs, out)
		}
	}
	return s, nil
}

// ring renders the messages of a lane.
func (o *Options) ring(vendors []mix.Vendor, seed uint64) (*mix.Ring, error) {
	framing := o.Framing
	if o.Transport == UDP {
		framing = mix.Datagram
	}
	if o.File != "" {
		return mix.ReadRing(o.File, framing)
	}
	return mix.NewRing(ringMessages, vendors, framing, seed)
}

// turn sends up to n messages to the next port. more is false when there is nothing
// left to send or the sender has failed.
func (s *sender) turn(n int) (sent int, more bool) {
	l := s.lanes[s.next]
	s.next = (s.next + 1) % len(s.lanes)
	first, k := s.claim.take(min(n, s.most, l.ring.Len()-l.pos))
	if k == 0 {
		return 0, false
	}
	l.ring.Number(l.pos, l.pos+k, first, time.Now())
	out := l.outs[l.next]
	l.next = (l.next + 1) % len(l.outs)
	done, err := out.send(l.ring, l.pos, l.pos+k)
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
		for _, out := range l.outs {
			if err := out.expire(); err != nil {
				return // closed already
			}
		}
	}
}

// close closes all sockets. What the kernel has taken is still delivered.
func (s *sender) close() error {
	var errs []error
	for _, l := range s.lanes {
		for _, out := range l.outs {
			errs = append(errs, out.close())
		}
	}
	return errors.Join(errs...)
}
