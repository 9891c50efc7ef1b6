package loadgen

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"syslog-gateway/bench/mark"
	"syslog-gateway/bench/mix"
)

// The transports.
const (
	TCP = "tcp"
	UDP = "udp"
)

// MixFive is the mix of all vendors in equal parts.
const MixFive = "five"

// maxSources is how many sender addresses 127.0.0.2 and up can be told apart.
const maxSources = 250

// Options say what to send where.
type Options struct {
	// Target is the IP address of the receiver.
	Target string
	// Ports are the receiver's ports.
	Ports []int
	// Transport is TCP or UDP.
	Transport string
	// Connections is the number of senders; each has one socket to every port.
	Connections int
	// Count is the number of messages; 0 is as many as fit in Duration.
	Count uint64
	// First is the first sequence number.
	First uint64
	// Rate is messages a second over all senders; 0 is flat out.
	Rate int
	// Framing tells messages apart in a TCP stream; UDP has none.
	Framing mix.Framing
	// Mix is MixFive or one vendor.
	Mix string
	// PortPerVendor sends the lines of vendor i of mix.Vendors to Ports[i] only.
	PortPerVendor bool
	// Sources binds the senders to 127.0.0.2 and up, so many addresses in turn.
	// 0 leaves the choice to the kernel.
	Sources int
	// Duration ends the sending at the latest after this time; 0 is no end.
	Duration time.Duration
}

// validate returns everything that is wrong with the options.
func (o *Options) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	target, err := netip.ParseAddr(o.Target)
	if err != nil {
		bad("target %q is not an IP address", o.Target)
	}
	if len(o.Ports) == 0 {
		bad("ports: give at least one")
	}
	for _, p := range o.Ports {
		if p < 1 || p > 65535 {
			bad("port %d is not from 1 to 65535", p)
		}
	}
	if o.Transport != TCP && o.Transport != UDP {
		bad("transport %q: use tcp or udp", o.Transport)
	}
	if o.Connections < 1 || o.Connections > 4096 {
		bad("connections %d: use 1 to 4096", o.Connections)
	}
	if o.Framing != mix.LF && o.Framing != mix.Octet {
		bad("framing %q: use lf or octet", o.Framing)
	}
	if o.Rate < 0 || o.Duration < 0 {
		bad("rate and duration must not be negative")
	}
	if o.Count == 0 && o.Duration == 0 {
		bad("give a count, a duration or both")
	}
	if o.First > mark.MaxSeq || o.Count > mark.MaxSeq-o.First {
		bad("sequence numbers end at %d", uint64(mark.MaxSeq))
	}
	if _, err := o.lanes(); err != nil {
		errs = append(errs, err)
	}
	if o.Sources < 0 || o.Sources > maxSources || o.Sources > o.Connections {
		bad("sources %d: use 0 to %d and not more than connections (%d)", o.Sources, maxSources, o.Connections)
	}
	if o.Sources > 0 && err == nil && !target.IsLoopback() {
		bad("sources are loopback addresses and cannot reach %s", o.Target)
	}
	return errors.Join(errs...)
}

// lanes returns the vendors whose lines go to each port.
func (o *Options) lanes() ([][]mix.Vendor, error) {
	vendors := mix.Vendors()
	if o.PortPerVendor {
		if o.Mix != MixFive || len(o.Ports) != len(vendors) {
			return nil, fmt.Errorf("a port per vendor needs the mix %q and %d ports, not mix %q and %d ports",
				MixFive, len(vendors), o.Mix, len(o.Ports))
		}
		var lanes [][]mix.Vendor
		for _, v := range vendors {
			lanes = append(lanes, []mix.Vendor{v})
		}
		return lanes, nil
	}
	if o.Mix != MixFive {
		one := mix.Vendor(o.Mix)
		found := false
		for _, v := range vendors {
			found = found || v == one
		}
		if !found {
			return nil, fmt.Errorf("mix %q: use %s or one of %v", o.Mix, MixFive, vendors)
		}
		vendors = []mix.Vendor{one}
	}
	lanes := make([][]mix.Vendor, len(o.Ports))
	for i := range lanes {
		lanes[i] = vendors
	}
	return lanes, nil
}
