package listener

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"

	"syslog-gateway/internal/ledger"
)

// heartbeat shows that an event loop runs: it is woken, and answers. Silence is measured
// from the request, so a suspended machine does not look like a stuck loop.
type heartbeat struct {
	transport ledger.Transport // that the loop receives
	wake      func()           // has the loop call answer; does nothing if it has ended
	asked     atomic.Int64     // when, in nanoseconds since 1970; 0 when it has answered
}

// answer is called by the loop.
func (h *heartbeat) answer() { h.asked.Store(0) }

// ask has the loop show itself; one that has not answered yet is not asked again.
func (h *heartbeat) ask(now time.Time) {
	if h.asked.CompareAndSwap(0, now.UnixNano()) {
		h.wake()
	}
}

// excuse counts the silence from now on.
func (h *heartbeat) excuse(now time.Time) {
	if at := h.asked.Load(); at != 0 {
		h.asked.CompareAndSwap(at, now.UnixNano())
	}
}

// silent is for how long the loop has not answered.
func (h *heartbeat) silent(now time.Time) time.Duration {
	at := h.asked.Load()
	if at == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, at))
}

// tcpHeartbeat is that of a gnet loop. The loop holds one end of a socket pair, by which we
// know the loop and notice its end.
type tcpHeartbeat struct {
	heartbeat
	loop gnet.EventLoop
	far  *os.File // the other end of the pair
}

// Run is executed by the loop.
func (h *tcpHeartbeat) Run(context.Context) error {
	h.answer()
	return nil
}

func (h *tcpHeartbeat) close() error { return h.far.Close() }

// enrolHeartbeat gives a heartbeat to the client's loop with the fewest connections.
func enrolHeartbeat(client *gnet.Client) (*tcpHeartbeat, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	file := os.NewFile(uintptr(pair[0]), "near end of a heartbeat")
	h := &tcpHeartbeat{far: os.NewFile(uintptr(pair[1]), "far end of a heartbeat")}
	h.transport = ledger.TCP
	near, err := net.FileConn(file) // a duplicate
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, errors.Join(err, h.close())
	}
	c, err := client.EnrollContext(near, h)
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	h.loop = c.EventLoop()
	h.wake = func() { _ = h.loop.Execute(context.Background(), h) } // fails if the loop has ended
	return h, nil
}

// Stuck returns an error when an event loop has not turned for longer than limit. A loop
// that back-pressure blocks is not stuck: the caller passes excused when the queue is
// full or busy, or its disk fails. Stuck is for a watchdog, which calls it at least once
// in every limit.
func (l *Listener) Stuck(limit time.Duration, excused bool) error {
	if !l.Serving() {
		return nil
	}
	now := time.Now()
	for _, h := range l.heartbeats() {
		if excused && l.batchers.waiting(h.transport) {
			h.excuse(now)
		}
		if silent := h.silent(now); silent > limit {
			return fmt.Errorf("the %s event loop has not turned for %s", h.transport, silent.Round(time.Second))
		}
		h.ask(now)
	}
	return nil
}

// heartbeats are those of all loops.
func (l *Listener) heartbeats() []*heartbeat {
	all := slices.Clone(l.udpBeats[:l.udp.Loops()])
	for _, h := range l.tcp.heartbeats {
		all = append(all, &h.heartbeat)
	}
	return all
}
