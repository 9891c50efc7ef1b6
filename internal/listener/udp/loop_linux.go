package udp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/throttle"
)

const (
	// coalesceTime is how long one loop lets datagrams accumulate once one is there; with
	// more loops each of them gets less and waits longer. Each wake-up costs
	// (docs/adr/0003); a receive buffer of 4 MiB holds some 20 ms of 200,000 datagrams a
	// second.
	coalesceTime    = 2 * time.Millisecond
	maxCoalesceTime = 16 * time.Millisecond
	// smallBuffer is the receive buffer in bytes below which a loop does not wait for
	// datagrams to accumulate.
	smallBuffer = 1 << 20
	// worthKeeping is how many datagrams a turn brings at least before the loop keeps its
	// processor of the Go scheduler while it pauses: with fewer, others need it more.
	worthKeeping = 64
	// logEvery is how often trouble of a loop is logged.
	logEvery = 10 * time.Second
	// wakeEvent is the eventfd among the events of epoll; the others are numbers of sockets.
	wakeEvent = -1
)

// loop waits for its sockets and reads those that are ready.
type loop struct {
	number   int
	log      *slog.Logger
	turned   func(int)
	epoll    int
	event    *os.File // eventfd(2); a file, because Wake may come when it is closed
	sockets  []*socket
	drainer  *drainer // of all its sockets
	events   []unix.EpollEvent
	pause    time.Duration // 0: it does not let datagrams accumulate
	keeps    bool          // it may keep its processor of the Go scheduler while it pauses
	came     int           // datagrams of the last turn
	stopping atomic.Bool
	troubles throttle.Throttle
}

// newLoop makes the i-th loop: it gets every o.Loops-th socket of each port. A loop that is
// returned with an error can be closed and not run.
func newLoop(i int, o Options, ports []*group) (*loop, error) {
	l := &loop{
		number: i, log: o.Logger, turned: o.Turned,
		pause: min(time.Duration(o.Loops)*coalesceTime, maxCoalesceTime),
		keeps: 2*o.Loops <= runtime.GOMAXPROCS(0),
	}
	if err := l.open(); err != nil {
		return nil, err
	}
	for _, g := range ports {
		to := g.port.NewReceiver()
		for n := i; n < len(g.sockets); n += o.Loops {
			s := g.sockets[n]
			if err := l.watch(s.fd, int32(len(l.sockets))); err != nil {
				return l, err
			}
			s.receiver, s.drainer = to, l.drainer
			if s.granted < smallBuffer {
				l.pause = 0
			}
			l.sockets = append(l.sockets, s)
		}
	}
	l.events = make([]unix.EpollEvent, len(l.sockets)+1)
	return l, nil
}

// open opens what the loop has besides its sockets.
func (l *loop) open() (err error) {
	if l.drainer, err = newDrainer(); err != nil {
		return err
	}
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return errors.Join(fmt.Errorf("epoll_create1: %w", err), l.drainer.close())
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return errors.Join(fmt.Errorf("eventfd: %w", err), unix.Close(l.epoll), l.drainer.close())
	}
	l.event = os.NewFile(uintptr(event), "eventfd")
	if err := l.watch(event, wakeEvent); err != nil {
		return errors.Join(err, l.close())
	}
	return nil
}

func (l *loop) watch(fd int, name int32) error {
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: name}); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// run turns until stop. It sleeps a little when something has come, so that datagrams
// accumulate, unless a socket had more than one turn may take (docs/adr/0007).
func (l *loop) run() error {
	for more := false; !l.stopping.Load(); {
		var n int
		var err error
		if !more {
			if _, err = l.wait(-1); err != nil {
				return err
			}
			if l.pause > 0 {
				sleep(l.pause, l.keeps && l.came >= worthKeeping)
			}
		}
		if n, err = l.wait(0); err != nil {
			return err
		}
		more = l.turn(l.events[:n])
	}
	return nil
}

// turn reads the sockets that are ready. more says that one of them may have more.
func (l *loop) turn(events []unix.EpollEvent) (more bool) {
	l.came = 0
	for _, e := range events {
		if e.Fd == wakeEvent {
			var count [8]byte
			_, _ = l.event.Read(count[:])
			l.turned(l.number)
			continue
		}
		n, err := l.sockets[e.Fd].read()
		l.came += n
		if err != nil {
			if _, ok := l.troubles.Ready(time.Now(), logEvery); ok {
				l.log.Error("a UDP socket cannot be read", "error", err)
			}
			sleep(coalesceTime, false) // it stays ready: do not spin
		}
		more = more || n >= readLimit
	}
	return more
}

// wait waits for events, at most for the given milliseconds; -1 is without an end.
func (l *loop) wait(timeout int) (int, error) {
	for {
		n, err := unix.EpollWait(l.epoll, l.events, timeout)
		if !errors.Is(err, unix.EINTR) {
			if err != nil {
				err = fmt.Errorf("epoll_wait: %w", err)
			}
			return n, err
		}
	}
}

// sleep costs less than time.Sleep. If it keeps the processor of the Go scheduler, the runtime
// has nothing to hand over for a pause of some milliseconds; a signal of the runtime, which
// wants to stop all, ends the pause (docs/adr/0007).
func sleep(d time.Duration, keep bool) {
	ts := unix.NsecToTimespec(int64(d))
	if keep {
		_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
		return
	}
	_ = unix.Nanosleep(&ts, nil)
}

func (l *loop) wake() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = l.event.Write(one[:]) // fails when it is closed
}

func (l *loop) stop() {
	l.stopping.Store(true)
	l.wake()
}

// close gives back what the loop has, after the last read of its sockets.
func (l *loop) close() error {
	return errors.Join(unix.Close(l.epoll), l.event.Close(), l.drainer.close())
}
