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

// given are the ports that this process was given: none is given twice.
var given sync.Map

// FreePorts finds n ports on 127.0.0.1 that are free for TCP and UDP.
func FreePorts(n int) ([]int, error) {
	var ports []int
	for range 100 * n {
		port := lowestPort + rand.IntN(highestPort-lowestPort+1)
		if !free(port) {
			continue
		}
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("find free ports: no %d ports of 127.0.0.1 are free for TCP and UDP alike", n)
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
