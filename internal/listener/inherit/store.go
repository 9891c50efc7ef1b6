// Package inherit keeps sockets open between two processes, so that a restart loses
// nothing of what arrives meanwhile (docs/adr/0004).
//
// A process leaves its sockets with a [Store], which is systemd's file descriptor store.
// The next process gets them as [Sockets]. It takes over TCP listeners with their
// backlogs, and UDP sockets with what is in their buffers.
//
// What is done with the datagrams and connections does not belong here: see package
// listener.
package inherit

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Store keeps sockets open beyond the end of this process and hands them to the next one.
type Store interface {
	// Keep stores a duplicate of the socket under a name.
	Keep(name string, fd int) error
	// Forget closes the duplicates of that name.
	Forget(name string) error
}

// prefix begins the names of our sockets in the store. A name says whose socket it is,
// for people; what it is bound to is asked from the socket itself.
const prefix = "syslog-gateway."

// dropsSuffix separates the name of a UDP socket from the number of its drops that have
// been reported.
const dropsSuffix = ".drops-"

// Name is the name in the store for a socket of a port that this process has bound. proto is
// tcp or udp. The name has the process in it because for a moment the store may hold the
// sockets of two.
func Name(proto string, port int) string {
	return fmt.Sprintf("%s%s-%d.%d", prefix, proto, port, os.Getpid())
}

// WithDrops writes into the name of a UDP socket how many of its drops have been reported.
func WithDrops(name string, drops uint64) string {
	name, _, _ = strings.Cut(name, dropsSuffix)
	return name + dropsSuffix + strconv.FormatUint(drops, 10)
}

// ReportedDrops reads what WithDrops has added. It is 0 for the socket of a process that
// was killed: drops that are shown twice are better than drops that never are.
func ReportedDrops(name string) uint64 {
	_, text, _ := strings.Cut(name, dropsSuffix)
	drops, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return drops
}
