package udp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// datagrams is how many datagrams one recvmmsg(2) takes at most.
	datagrams = 64
	// maxDatagram is longer than any UDP payload, so nothing is ever cut by us.
	maxDatagram = 64 << 10
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// drainer receives many datagrams with one system call into memory of its own. Of
// its 4 MiB only the pages that datagrams reach are ever used. They are not on the heap,
// where the garbage collector would count all of it.
type drainer struct {
	headers [datagrams]mmsghdr
	iovecs  [datagrams]unix.Iovec
	names   [datagrams]unix.RawSockaddrInet6
	arena   []byte
}

func newDrainer() (*drainer, error) {
	arena, err := unix.Mmap(-1, 0, datagrams*maxDatagram, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("mmap of %d bytes for datagrams: %w", datagrams*maxDatagram, err)
	}
	d := &drainer{arena: arena}
	for i := range d.headers {
		d.iovecs[i].Base = &d.arena[i*maxDatagram]
		d.iovecs[i].SetLen(maxDatagram)
		h := &d.headers[i].hdr
		h.Iov = &d.iovecs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&d.names[i]))
	}
	return d, nil
}

func (d *drainer) close() error { return unix.Munmap(d.arena) }

// receive takes what waits at the socket, without blocking. It returns the number
// of datagrams, 0 when there are none.
func (d *drainer) receive(fd int) (int, error) {
	for i := range d.headers {
		d.headers[i].hdr.Namelen = unix.SizeofSockaddrInet6
	}
	// The call never blocks, so the scheduler need not know of it.
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd),
		uintptr(unsafe.Pointer(&d.headers[0])), datagrams, unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EAGAIN, unix.EINTR:
		return 0, nil
	}
	return 0, errno
}

// datagram returns the bytes and the sender of the i-th datagram received. The
// bytes are valid until the next receive.
func (d *drainer) datagram(i int) ([]byte, netip.Addr) {
	return d.arena[i*maxDatagram:][:d.headers[i].n], address(&d.names[i])
}

// address decodes a sockaddr_in6, or a sockaddr_in. IPv4 addresses that
// come mapped into IPv6 are given as IPv4.
func address(sa *unix.RawSockaddrInet6) netip.Addr {
	if sa.Family == unix.AF_INET {
		sa4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrFrom4(sa4.Addr)
	}
	if sa.Family != unix.AF_INET6 {
		return netip.IPv6Unspecified()
	}
	a := &sa.Addr
	if binary.NativeEndian.Uint64(a[:8]) == 0 && a[8] == 0 && a[9] == 0 && a[10] == 0xff && a[11] == 0xff {
		return netip.AddrFrom4([4]byte(a[12:16]))
	}
	return netip.AddrFrom16(*a)
}
