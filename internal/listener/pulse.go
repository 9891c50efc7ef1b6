package listener

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/ledger"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// beat shows that an event loop turns. The loop holds one end of a socket pair, by
// which we know the loop and hear of its end; what it is asked to execute for us
// shows that it turns. Only a loop that was asked can be silent: whoever asks may
// have been stopped himself, with the whole machine.
type beat struct {
	transport ledger.Transport // that the loop receives
	loop      gnet.EventLoop
	far       *os.File     // the other end of the pair
	asked     atomic.Int64 // when, in nanoseconds since 1970; 0 when it has answered
}

// Run is executed by the loop.
func (b *beat) Run(context.Context) error {
	b.asked.Store(0)
	return nil
}

// ask has the loop show itself; one that has not answered yet is not asked again.
func (b *beat) ask(now time.Time) {
	if b.asked.CompareAndSwap(0, now.UnixNano()) {
		_ = b.loop.Execute(context.Background(), b) // it fails when the loop is no more: then it stays silent
	}
}

// excuse counts the silence from now on.
func (b *beat) excuse(now time.Time) {
	if at := b.asked.Load(); at != 0 {
		b.asked.CompareAndSwap(at, now.UnixNano())
	}
}

// silent is for how long the loop has not answered.
func (b *beat) silent(now time.Time) time.Duration {
	at := b.asked.Load()
	if at == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, at))
}

func (b *beat) close() error { return b.far.Close() }

// newBeat makes the pair; near is for the loop.
func newBeat(t ledger.Transport) (b *beat, near net.Conn, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	file := os.NewFile(uintptr(pair[0]), "near end of a beat")
	b = &beat{transport: t, far: os.NewFile(uintptr(pair[1]), "far end of a beat")}
	near, err = net.FileConn(file) // a duplicate
	return b, near, errors.Join(err, file.Close())
}

// enrolBeat gives a beat to the client's loop with the fewest connections.
func enrolBeat(client *gnet.Client) (*beat, error) {
	b, near, err := newBeat(ledger.TCP)
	if err != nil {
		return nil, err
	}
	c, err := client.EnrollContext(near, b)
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	b.loop = c.EventLoop()
	return b, nil
}

// registerBeat gives a beat to the only loop of an engine, which is turning.
func registerBeat(e gnet.Engine) (*beat, error) {
	b, near, err := newBeat(ledger.UDP)
	if err != nil {
		return nil, err
	}
	result, err := e.Register(gnet.NewNetConnContext(context.Background(), near))
	if err != nil {
		return nil, errors.Join(err, near.Close(), b.close())
	}
	r := <-result
	if r.Err != nil {
		return nil, errors.Join(r.Err, b.close())
	}
	b.loop = r.Conn.EventLoop()
	return b, nil
}
