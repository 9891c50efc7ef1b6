package loadgen

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"syslog-gateway/bench/mix"
)

// batch is how many datagrams one sendmmsg(2) takes at most.
const batch = 128

// refusedError says that datagrams were not sent while the socket is still good.
type refusedError struct{ cause error }

func (e *refusedError) Error() string {
	return fmt.Sprintf("datagrams were refused: %v", e.cause)
}

func (e *refusedError) Unwrap() error { return e.cause }

// datagrams sends to a connected UDP socket, many datagrams a system call. It sends
// from the ring itself and allocates nothing.
type datagrams struct {
	conn *net.UDPConn
	raw  syscall.RawConn
	vecs [batch]unix.Iovec
	hdrs [batch]unix.Mmsghdr

	// Arguments and results of write, which is made once: a closure a call would be
	// an allocation.
	write   func(fd uintptr) bool
	pending int
	done    int
	errno   syscall.Errno
}

func newDatagrams(conn *net.UDPConn) (*datagrams, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("reach the UDP socket: %w", err)
	}
	d := &datagrams{conn: conn, raw: raw}
	for i := range d.hdrs {
		d.hdrs[i].Hdr.Iov = &d.vecs[i]
		d.hdrs[i].Hdr.SetIovlen(1)
	}
	d.write = func(fd uintptr) bool {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd,
			uintptr(unsafe.Pointer(&d.hdrs[0])), uintptr(d.pending), 0, 0, 0)
		d.errno = errno
		d.done = 0
		if errno == 0 {
			d.done = int(n)
		}
		return errno != unix.EAGAIN
	}
	return d, nil
}

// send sends each message once. A datagram that the kernel refuses (such as after an
// ICMP "port unreachable") is skipped and reported as a refusedError.
func (d *datagrams) send(r *mix.Ring, from, to int) (int, error) {
	sent := 0
	var refused error
	for from < to {
		d.load(r, from, to)
		if err := d.raw.Write(d.write); err != nil {
			return sent, err
		}
		switch {
		case d.errno == unix.EINTR:
			continue
		case d.errno == unix.ECONNREFUSED || d.errno == unix.ENOBUFS || d.errno == unix.EPERM:
			refused = &refusedError{d.errno}
			from++
			continue
		case d.errno != 0:
			return sent, errors.Join(refused, d.errno)
		}
		from += d.done
		sent += d.done
	}
	return sent, refused
}

// load points the headers at the next messages.
func (d *datagrams) load(r *mix.Ring, from, to int) {
	d.pending = min(to-from, batch)
	for i := range d.pending {
		m := r.Bytes(from+i, from+i+1)
		d.vecs[i].Base = &m[0]
		d.vecs[i].SetLen(len(m))
	}
}

func (d *datagrams) expire() error { return d.conn.SetWriteDeadline(time.Unix(1, 0)) }

func (d *datagrams) close() error { return d.conn.Close() }
