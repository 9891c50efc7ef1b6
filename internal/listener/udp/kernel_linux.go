package udp

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Indices into the answer of SO_MEMINFO (SK_MEMINFO_* in linux/sock_diag.h).
const (
	memUsed  = 0 // bytes in the receive buffer
	memLimit = 1 // its size
	memDrops = 8 // datagrams dropped
	memVars  = 9
)

func memInfo(fd int) (info [memVars]uint32, err error) {
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return info, fmt.Errorf("getsockopt SO_MEMINFO: %w", errno)
	}
	return info, nil
}

// kernelDrops returns how many datagrams the kernel has dropped at a UDP socket,
// because its receive buffer was full, since it was opened.
func kernelDrops(fd int) (uint64, error) {
	info, err := memInfo(fd)
	return uint64(info[memDrops]), err
}

// filled returns which part of a socket's receive buffer is in use.
func filled(fd int) float64 {
	info, err := memInfo(fd)
	if err != nil || info[memLimit] == 0 {
		return 0
	}
	return float64(info[memUsed]) / float64(info[memLimit])
}

// setReceiveBuffer asks for a receive buffer of the given bytes and returns what the
// kernel granted. The kernel doubles what it is asked for, for its own bookkeeping;
// what is returned is comparable to what was asked. With CAP_NET_ADMIN the limit of
// net.core.rmem_max does not count.
func setReceiveBuffer(fd, want int) (got int, err error) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, want) != nil {
		if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, want); err != nil {
			return 0, fmt.Errorf("setsockopt SO_RCVBUF %d: %w", want, err)
		}
	}
	got, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return 0, fmt.Errorf("getsockopt SO_RCVBUF: %w", err)
	}
	return got / 2, nil
}
