package runner

import (
	"fmt"
	"strings"

	"syslog-gateway/bench/loadgen"
)

// kind is what a scenario does once the gateway is ready.
type kind int

const (
	underLoad kind = iota
	idling
	starting
	draining
)

// Scenario is one experiment.
type Scenario struct {
	Name  string
	About string

	kind        kind
	compression string
	mixed       bool  // all vendors' lines on one port instead of a port each
	cold        bool  // the backlog is not in the page cache
	backlog     int64 // bytes that wait in the queue before the start, with no endpoint to take them
	loads       []load
	least       float64 // messages a second that a run at full size must reach
}

// load is one run of the load generator.
type load struct {
	transport   string
	connections int
	count       uint64
	rate        int // messages a second, 0 is flat out
}

// Scenarios are all that can be run, in the order of their listing.
func Scenarios() []Scenario {
	flat := []load{{loadgen.TCP, 4, 3_000_000, 0}}
	return []Scenario{
		{Name: "tcp-flat", About: "TCP flat out, 4 connections to each of the five ports",
			compression: "gzip", loads: flat},
		{Name: "tcp-flat-nogzip", About: "the same with hec.compression: none",
			compression: "none", loads: flat},
		{Name: "tcp-mixed", About: "TCP flat out, 4 connections to one port that takes all vendors",
			compression: "gzip", loads: flat, mixed: true},
		{Name: "udp-paced", About: "UDP at 100,000 messages/s for 10 s over the five ports",
			compression: "gzip", loads: []load{{loadgen.UDP, 1, 1_000_000, 100_000}}},
		{Name: "conservation", About: "TCP at 100,000/s and UDP at 30,000/s together for 10 s over the five ports",
			compression: "gzip", loads: []load{{loadgen.TCP, 2, 1_000_000, 100_000}, {loadgen.UDP, 1, 300_000, 30_000}}},
		{Name: "backlog", About: "5,000,000 messages queued while the endpoint is down, then the rate at which they are delivered",
			kind: draining, compression: "gzip", loads: []load{{loadgen.TCP, 4, 5_000_000, 0}}, least: 250_000},
		{Name: "idle", About: "CPU time without traffic", kind: idling, compression: "gzip"},
		{Name: "startup", About: "time from exec to /readyz with an empty queue", kind: starting, compression: "gzip"},
		{Name: "startup-10gb", About: "the same with 10 GB in the queue", kind: starting, compression: "gzip",
			backlog: 10_000_000_000},
		{Name: "startup-10gb-cold", About: "the same with nothing of it in the page cache, as after a reboot", kind: starting, compression: "gzip",
			backlog: 10_000_000_000, cold: true},
	}
}

// Find returns the named scenarios; the name "all" stands for all.
func Find(names []string) ([]Scenario, error) {
	var found []Scenario
	for _, name := range names {
		n := len(found)
		var known []string
		for _, s := range Scenarios() {
			known = append(known, s.Name)
			if s.Name == name || name == "all" {
				found = append(found, s)
			}
		}
		if len(found) == n {
			return nil, fmt.Errorf("scenario %q is unknown: use all or one of %s", name, strings.Join(known, ", "))
		}
	}
	return found, nil
}

// scaled returns the scenario with n messages in all, shared out as they were. 0
// leaves it as it is.
func (s Scenario) scaled(n uint64) Scenario {
	total := s.messages()
	if n == 0 || total == 0 {
		return s
	}
	if n < total {
		s.least = 0 // over before it has begun
	}
	var loads []load
	left := n
	for i, l := range s.loads {
		l.count = n * l.count / total
		if i == len(s.loads)-1 {
			l.count = left
		}
		left -= l.count
		loads = append(loads, l)
	}
	s.loads = loads
	return s
}

// messages is how many messages the scenario sends.
func (s Scenario) messages() (n uint64) {
	for _, l := range s.loads {
		n += l.count
	}
	return n
}

// lossless reports whether not one message may be missing: UDP has no back-pressure,
// so what the kernel drops is measured and not a fault.
func (s Scenario) lossless() bool {
	for _, l := range s.loads {
		if l.transport == loadgen.UDP {
			return false
		}
	}
	return true
}
