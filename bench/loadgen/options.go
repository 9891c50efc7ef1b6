package loadgen

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"syslog-gateway/bench/marker"
	"syslog-gateway/bench/mix"
)

// The transports.
const (
	TCP = "tcp"
	UDP = "udp"
	TLS = "tls" // RFC 5425's, in the chosen framing
	// RELP waits for answers, as rsyslog's omrelp does.
	RELP = "relp"
)

// MixFive is the mix of all vendors in equal shares.
const MixFive = "five"

const (
	// maxSources is how many sender addresses from 127.0.0.2 up are distinct.
	maxSources = 250
	// maxConnections stays below the ports that one address has to connect from.
	maxConnections = 20_000
)

// Options say what to send where.
type Options struct {
	// Target is the IP address of the receiver.
	Target string
	// Ports are the receiver's ports.
	Ports []int
	// Transport is TCP, UDP, TLS or RELP.
	Transport string
	// Connections is the number of sockets to every port. They are served by
	// maxSenders senders at most, each an equal share.
	Connections int
	// Count is the number of messages; 0 is as many as fit in Duration.
	Count uint64
	// First is the first sequence number.
	First uint64
	// Rate is messages a second over all senders; 0 is flat out.
	Rate int
	// Profile changes the rate over time; it ends the sending. It excludes Rate.
	Profile Profile
	// Framing separates messages in a TCP stream; UDP has none, and RELP its own.
	Framing mix.Framing
	// Window is how many messages of a RELP connection may be unanswered; 0 is Window.
	Window int
	// Single makes every message a write of its own, on the next connection.
	Single bool
	// Mix is MixFive or one vendor.
	Mix string
	// File holds lines to send instead of a mix; each gets a marker at its end.
	File string
	// PortPerVendor sends the lines of vendor i of mix.Vendors to Ports[i] only.
	PortPerVendor bool
	// Sources is how many addresses from 127.0.0.2 up the senders use, round robin.
	// 0 leaves the choice to the kernel.
	Sources int
	// Duration ends the sending at the latest after this time; 0 is no end.
	Duration time.Duration
	// CAFile has the certificates that a TLS receiver's is checked against; "" checks
	// nothing, which is for tests of one's own receiver only.
	CAFile string
	// Progress is called about every second; nil is never.
	Progress func(Progress)
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
	if o.Transport != TCP && o.Transport != UDP && o.Transport != TLS && o.Transport != RELP {
		bad("transport %q: use tcp, udp, tls or relp", o.Transport)
	}
	if o.CAFile != "" && o.Transport != TLS {
		bad("a CA file is of use for transport tls only")
	}
	if o.Connections < 1 || o.Connections > maxConnections {
		bad("connections %d: use 1 to %d", o.Connections, maxConnections)
	}
	if o.Framing != mix.LF && o.Framing != mix.Octet {
		bad("framing %q: use lf or octet", o.Framing)
	}
	if o.Window < 0 || o.Window > 0 && o.Transport != RELP {
		bad("window %d: it is of use for transport relp only, and not negative", o.Window)
	}
	if o.Rate < 0 || o.Duration < 0 {
		bad("rate and duration must not be negative")
	}
	if len(o.Profile) > 0 && o.Rate > 0 {
		bad("a profile says the rate: give one of the two")
	}
	if o.Count == 0 && o.Duration == 0 && len(o.Profile) == 0 {
		bad("give a count, a duration or a profile")
	}
	if o.First > marker.MaxSeq || o.Count > marker.MaxSeq-o.First {
		bad("sequence numbers end at %d", uint64(marker.MaxSeq))
	}
	if _, err := o.vendorsByPort(); err != nil {
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

// vendorsByPort returns the vendors whose lines go to each port.
func (o *Options) vendorsByPort() ([][]mix.Vendor, error) {
	vendors := mix.Vendors()
	if o.File != "" && (o.PortPerVendor || o.Mix != MixFive) {
		return nil, fmt.Errorf("the lines of %s take the place of any mix: leave mix and port-per-vendor away", o.File)
	}
	if o.PortPerVendor {
		if o.Mix != MixFive || len(o.Ports) != len(vendors) {
			return nil, fmt.Errorf("a port per vendor needs the mix %q and %d ports, not mix %q and %d ports",
				MixFive, len(vendors), o.Mix, len(o.Ports))
		}
		var targets [][]mix.Vendor
		for _, v := range vendors {
			targets = append(targets, []mix.Vendor{v})
		}
		return targets, nil
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
	targets := make([][]mix.Vendor, len(o.Ports))
	for i := range targets {
		targets[i] = vendors
	}
	return targets, nil
}
