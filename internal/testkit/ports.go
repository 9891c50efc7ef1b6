// Package testkit has what the tests of many packages and the tools of bench need around
// what they test. The product never imports it.
package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are searched below the range from which Linux takes the ports of outgoing
// connections (net.ipv4.ip_local_port_range, 32768 to 60999): one of these may be taken
// between the moment it is found free and the moment a server opens it.
const (
	lowestPort  = 10240
	highestPort = 32767
)

// given has a socket for each port that this process was given: an abstract address of
// unix(7), which belongs to one network namespace as a port does, and which the kernel frees
// with the process. So no port is given twice, neither to two tests nor to two test binaries.
var given sync.Map

// FreePorts finds n ports on 127.0.0.1 that are free for TCP and UDP, and keeps them for this
// process as long as it lives.
func FreePorts(n int) ([]int, error) {
	var ports []int
	for range 100 * n {
		port := lowestPort + rand.IntN(highestPort-lowestPort+1)
		if !take(port) {
			continue
		}
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("find free ports: no %d ports of 127.0.0.1 are free for TCP and UDP alike", n)
}

// take reserves a port and reports whether nobody else has it. The port is reserved before it
// is tried: the trial opens it for a moment, and must not disturb a test that has it.
func take(port int) bool {
	l, err := net.Listen("unix", fmt.Sprintf("@syslog-gateway-port-%d", port))
	if err != nil {
		return false
	}
	if !free(port) {
		l.Close()
		return false
	}
	given.Store(port, l)
	return true
}

func free(port int) bool {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer l.Close()
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
