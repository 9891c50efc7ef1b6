package ingest

import (
	"net/netip"
	"slices"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/splunk"
)

// Settings is the part of a source's configuration that may change while its sockets stay
// open.
type Settings struct {
	// Vendor is the name of the parser's family, or "auto".
	Vendor string
	// Parser recognises the source's messages.
	Parser *dialect.Parser
	// Profile gives the names under which Splunk gets them.
	Profile *splunk.Profile
	// Index is the index of the source's events, and Sourcetype, when not empty,
	// the sourcetype of all of them.
	Index, Sourcetype string
	// Location is the time zone of time stamps that carry none.
	Location *time.Location
	// Zones are exceptions from Location by sender; the longest prefix wins.
	Zones []Zone
	// Fields are indexed fields that all events of the source get.
	Fields []splunk.Field
	// Hosts names senders whose messages do not say who they are from.
	Hosts map[netip.Addr]string
	// Packs are the names of the packs that the source is pinned to.
	Packs []string
	// Pins are the packs of senders; the longest prefix wins.
	Pins []Pin
	// Keep says for a class that one of so many messages is kept, or none if it is 0.
	// The others are dropped. All messages of other classes are kept.
	Keep map[string]int
	// Rules say what becomes of messages besides their names; nil if there are none.
	Rules *rules.Set
	// Allow lists who may send; empty means everybody.
	Allow []netip.Prefix
	// Proxies lists the proxies, whose connections and datagrams begin with a PROXY header.
	Proxies []netip.Prefix
	// MaxMessage is the length in bytes at which a message is cut.
	MaxMessage int
	// MaxConnections bounds the TCP and TLS connections together.
	MaxConnections int
	// IdleTimeout is how long a connection may be silent; 0 is without limit.
	IdleTimeout time.Duration
}

// Zone is the time zone of the senders in one network.
type Zone struct {
	Prefix   netip.Prefix
	Location *time.Location
}

// Pin is the pack, or the built-in family, of the senders in one network.
type Pin struct {
	Prefix netip.Prefix
	Pack   matcher.Pin
	Family string // instead of a pack
}

// from says what is known of a sender before it sends.
func (s *Settings) from(sender netip.Addr) dialect.From {
	best, from := -1, dialect.From{Address: sender, Rules: s.Rules != nil}
	for _, p := range s.Pins {
		if !p.Prefix.Contains(sender) || p.Prefix.Bits() <= best {
			continue
		}
		best, from.Pins, from.Family = p.Prefix.Bits(), nil, p.Family
		if p.Family == "" {
			from.Pins = []matcher.Pin{p.Pack}
		}
	}
	return from
}

// location is the zone of one sender's time stamps.
func (s *Settings) location(sender netip.Addr) *time.Location {
	best, loc := -1, s.Location
	for _, z := range s.Zones {
		if z.Prefix.Contains(sender) && z.Prefix.Bits() > best {
			best, loc = z.Prefix.Bits(), z.Location
		}
	}
	return loc
}

// Allows reports whether a sender may send.
func (s *Settings) Allows(sender netip.Addr) bool {
	return len(s.Allow) == 0 || contains(s.Allow, sender)
}

// IsProxy reports whether what comes from an address begins with a PROXY header.
func (s *Settings) IsProxy(a netip.Addr) bool { return contains(s.Proxies, a) }

func contains(networks []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}
