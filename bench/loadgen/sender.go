package loadgen

import (
	"context"
	"errors"
	"fmt"
	"time"

	"syslog-gateway/bench/mix"
)

const (
	// batchMessages is how many messages one batch has at full rate: 70 to 250 KB by vendor.
	batchMessages = 384
	// ringMessages is the length of a ring, a whole number of batches.
	ringMessages = 4 * batchMessages
	// maxSenders bounds the goroutines and the memory of their messages.
	maxSenders = 16
	// dialTimeout bounds the connecting.
	dialTimeout = 10 * time.Second
)

// sender has one target for each port and serves them round robin.
type sender struct {
	targets []*target
	next    int
	claim   *claim
	most    int // messages in one batch

	errors uint64
	err    error // the first
}

// target is the sockets to one port, used round robin, with the messages for them.
type target struct {
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
// connections to all ports. The number distinguishes its messages from those of others.
func open(ctx context.Context, o *Options, c *claim, number, all int) (*sender, error) {
	s := &sender{claim: c, most: batchMessages}
	if o.Transport == RELP {
		s.most = min(s.most, o.window()) // one window, then the next connection
	}
	if o.Single {
		s.most = 1
	}
	targets, err := o.vendorsByPort()
	if err != nil {
		return nil, err
	}
	dial, err := newDialer(o)
	if err != nil {
		return nil, err
	}
	for i, vendors := range targets {
		ring, err := o.ring(vendors, uint64(number*len(targets)+i))
		if err != nil {
			return s, err
		}
		l := &target{port: o.Ports[i], ring: ring}
		s.targets = append(s.targets, l)
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

func (o *Options) window() int {
	if o.Window == 0 {
		return Window
	}
	return o.Window
}

// ring renders the messages of a target.
func (o *Options) ring(vendors []mix.Vendor, seed uint64) (*mix.Ring, error) {
	framing := o.Framing
	switch o.Transport {
	case UDP:
		framing = mix.Datagram
	case RELP:
		framing = mix.Octet
	}
	if o.File != "" {
		return mix.ReadRing(o.File, framing)
	}
	return mix.NewRing(ringMessages, vendors, framing, seed)
}

// sendBatch sends up to n messages to the next port. more is false when all is sent or the
// sender has failed.
func (s *sender) sendBatch(n int) (sent int, more bool) {
	l := s.targets[s.next]
	s.next = (s.next + 1) % len(s.targets)
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

// expire ends sending now. It may be called while sendBatch runs.
func (s *sender) expire() {
	for _, l := range s.targets {
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
	for _, l := range s.targets {
		for _, out := range l.outs {
			errs = append(errs, out.close())
		}
	}
	return errors.Join(errs...)
}
