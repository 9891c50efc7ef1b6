package listener

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/splunk"
	"syslog-gateway/internal/syslog"
)

// Event times outside this window around the receive time are replaced by it: a
// device without a battery-backed clock sends 1970, and events in the far future
// hide from every search.
const (
	maxPast   = 30 * 24 * time.Hour
	maxFuture = 24 * time.Hour
)

// Settings is what of a source may change while its sockets stay open.
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
	// Location is the time zone of stamps that carry none.
	Location *time.Location
	// Zones are exceptions from Location by sender; the longest prefix wins.
	Zones []Zone
	// Fields are indexed fields that all events of the source get.
	Fields []splunk.Field
	// Hosts names senders whose messages do not say who they are from.
	Hosts map[netip.Addr]string
	// Keep says of how many messages of a class one is kept, 0 for none; the others
	// are dropped. Of a class that is not in it all are kept.
	Keep map[dialect.ClassID]int
	// Allow lists who may send; empty means everybody.
	Allow []netip.Prefix
	// MaxMessage is the length in bytes at which a message is cut.
	MaxMessage int
	// MaxConnections bounds the TCP and TLS connections together.
	MaxConnections int
	// IdleTimeout is how long a connection may be silent; 0 is for ever.
	IdleTimeout time.Duration
}

// Zone is the time zone of the senders in one network.
type Zone struct {
	Prefix   netip.Prefix
	Location *time.Location
}

// location is the zone of the stamps of one sender.
func (s *Settings) location(sender netip.Addr) *time.Location {
	best, loc := -1, s.Location
	for _, z := range s.Zones {
		if z.Prefix.Contains(sender) && z.Prefix.Bits() > best {
			best, loc = z.Prefix.Bits(), z.Location
		}
	}
	return loc
}

// allows reports whether a sender may send.
func (s *Settings) allows(sender netip.Addr) bool {
	for _, p := range s.Allow {
		if p.Contains(sender) {
			return true
		}
	}
	return len(s.Allow) == 0
}

// format is Settings made ready: all of an event's JSON that does not depend on
// the message is encoded once. It is immutable.
type format struct {
	settings  Settings
	names     splunk.FieldNames
	lowerHost bool
	classes   []classFormat
	priority  [192][]byte // "facility":"…","severity":"…",
}

// classFormat is the constant JSON of a class between the varying parts:
//
//	{"time":T,"host":"H [source] S [middle] EVENT [fields] …
//
// Every indexed field ends with a comma but those of the sender, which come last and
// of which there is always one.
type classFormat struct {
	source []byte    // ","source":"…  without the closing quote
	middle []byte    // ","sourcetype":"…","index":"…","event":"
	fields []byte    // ","fields":{"vendor_product":"…",
	cef    [3][]byte // "name":" of the fields from the CEF header
	suffix bool      // the source goes on with what the parser found
	keep   uint32    // one of so many is kept, 0: none
	lane   uint8     // which of an intake's open batches takes it
}

func newFormat(port int, s Settings) *format {
	f := &format{settings: s, names: s.Profile.FieldNames(), lowerHost: s.Profile.LowerCaseHost()}
	info := splunk.SourceInfo{Vendor: s.Vendor, Port: port, Index: s.Index, Sourcetype: s.Sourcetype}
	for _, c := range dialect.Classes() {
		keep, ruled := s.Keep[c.ID]
		if !ruled {
			keep = 1
		}
		row := newClassFormat(s.Profile.Metadata(c.ID, info), s.Fields, keep)
		row.lane = laneOf(c, s.Vendor)
		f.classes = append(f.classes, row)
	}
	for p := range f.priority {
		f.priority[p] = field(field(nil, f.names.Facility, syslog.FacilityName(p>>3)),
			f.names.Severity, syslog.SeverityName(p&7))
	}
	return f
}

func newClassFormat(m splunk.Metadata, fixed []splunk.Field, keep int) classFormat {
	c := classFormat{suffix: m.SourceFromResult, keep: uint32(keep)}
	c.source = event.AppendString([]byte(`","source":"`), []byte(m.Source))
	c.middle = event.AppendString([]byte(`","sourcetype":"`), []byte(m.Sourcetype))
	if m.Index != "" {
		c.middle = event.AppendString(append(c.middle, `","index":"`...), []byte(m.Index))
	}
	c.middle = append(c.middle, `","event":"`...)
	c.fields = []byte(`","fields":{`)
	for _, kv := range slices.Concat(m.Fields, fixed) {
		c.fields = field(c.fields, kv.Name, kv.Value)
	}
	if keep > 1 { // so that a search can multiply what it counts
		c.fields = field(c.fields, SampleField, strconv.Itoa(keep))
	}
	for i, name := range m.CEF {
		if name != "" {
			c.cef[i] = fieldName(nil, name)
		}
	}
	return c
}

// SampleField is the indexed field of events of a class of which only one in so many
// is kept.
const SampleField = "sample_rate"

// field appends `"name":"value",`; nothing when the profile has no such field.
func field(dst []byte, name, value string) []byte {
	if name == "" {
		return dst
	}
	dst = event.AppendString(fieldName(dst, name), []byte(value))
	return append(dst, `",`...)
}

// fieldName appends `"name":"`.
func fieldName(dst []byte, name string) []byte {
	dst = event.AppendString(append(dst, '"'), []byte(name))
	return append(dst, `":"`...)
}

// sender is what is known of who sends to a source by one transport: encoded once
// for a connection or, with UDP, for an address.
type sender struct {
	format  *format
	addr    netip.Addr
	address []byte // as text
	name    []byte // the host of messages that name none: from the hosts file, or the address
	tail    []byte // "transport":"…","sender_ip":"…"}}LF
	clock   *syslog.Clock
	allowed bool
	voice   *voice // the first that was heard
	last    last   // of a connection
}

func newSender(f *format, t ledger.Transport, addr netip.Addr, port int) *sender {
	addr = addr.Unmap()
	s := &sender{
		format:  f,
		addr:    addr.WithZone(""),
		address: []byte(addr.WithZone("").String()),
		clock:   syslog.NewClock(f.settings.location(addr)),
		allowed: f.settings.allows(addr),
	}
	s.name = s.address
	if name := f.settings.Hosts[addr.WithZone("")]; name != "" {
		s.name = []byte(name)
	}
	s.tail = field(s.tail, f.names.Transport, f.names.TransportValue(t.String()))
	s.tail = field(s.tail, f.names.SenderIP, string(s.address))
	s.tail = field(s.tail, f.names.Port, strconv.Itoa(port))
	s.tail = append(bytes.TrimSuffix(s.tail, []byte(",")), "}}\n"...)
	return s
}

// hash is FNV-1a over the name of a source.
func hash(source string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(source) {
		h = (h ^ uint64(source[i])) * 1099511628211
	}
	return h
}

// append encodes one event and appends it to dst.
func (s *sender) append(dst, msg []byte, h *syslog.Header, r *dialect.Result, at moment, cut bool) []byte {
	f := s.format
	dst = append(dst, `{"time":`...)
	dst = event.AppendTime(dst, at.nanos)
	dst = append(dst, `,"host":"`...)
	dst = s.appendHost(dst, r)
	c := &f.classes[r.Class]
	dst = append(dst, c.source...)
	if c.suffix {
		dst = event.AppendString(dst, r.Source)
	}
	dst = append(dst, c.middle...)
	body := r.Body
	if blank(body) {
		body = msg
	}
	dst = event.AppendString(dst, body)
	dst = append(dst, c.fields...)
	if h.Priority >= 0 {
		dst = append(dst, f.priority[h.Priority]...)
	}
	for i, value := range [...][]byte{r.CEF.Vendor, r.CEF.Product, r.CEF.Signature} {
		if len(c.cef[i]) != 0 && len(value) != 0 {
			dst = event.AppendString(append(dst, c.cef[i]...), value)
			dst = append(dst, `",`...)
		}
	}
	if cut {
		dst = append(dst, `"truncated":"true",`...)
	}
	if at.clamped {
		dst = append(dst, `"time_clamped":"true",`...)
	}
	return append(dst, s.tail...)
}

// ownName reports whether the message says the device's name. A device that gives
// its own address for it has said no more than the sender's address does.
func (s *sender) ownName(r *dialect.Result) bool {
	return len(r.Host) != 0 && !bytes.Equal(r.Host, s.address)
}

// appendHost appends the device's own name, else what is known of the sender.
func (s *sender) appendHost(dst []byte, r *dialect.Result) []byte {
	from := len(dst)
	if s.ownName(r) {
		dst = event.AppendString(dst, r.Host)
	} else {
		dst = event.AppendString(dst, s.name)
	}
	if s.format.lowerHost { // but for letters beyond ASCII
		for i, c := range dst[from:] {
			if c >= 'A' && c <= 'Z' {
				dst[from+i] = c | 0x20
			}
		}
	}
	return dst
}

// moment is the time of an event.
type moment struct {
	nanos int64
	// clamped: the message's own time does not exist or is too far off, and the receive
	// time stands in for it.
	clamped bool
	// own: the message has a time that exists, offset from its receipt by so much; zoned:
	// it says the zone as well.
	own, zoned bool
	offset     time.Duration
}

// momentOf is the event's time: the best stamp that the parser or the header has, or the
// receive time.
func (s *sender) momentOf(h *syslog.Header, r *dialect.Result, received int64) moment {
	stamp := bestStamp(h, r)
	if stamp.IsZero() {
		return moment{nanos: received}
	}
	at, ok := s.clock.Instant(stamp, received)
	if !ok {
		return moment{nanos: received, clamped: true}
	}
	m := moment{nanos: at, own: true, zoned: stamp.Kind != syslog.Local}
	m.offset = time.Duration(max(at, 0) - received) // no overflow for the years before 1786
	if m.offset < -maxPast || m.offset > maxFuture {
		m.nanos, m.clamped = received, true
	}
	return m
}

// bestStamp is the time that the parser found, or the header's.
func bestStamp(h *syslog.Header, r *dialect.Result) *syslog.Stamp {
	if r.Stamp.IsZero() {
		return &h.Stamp
	}
	return &r.Stamp
}

// blank reports whether there is nothing to see in p.
func blank(p []byte) bool {
	for _, c := range p {
		if c > ' ' {
			return false
		}
	}
	return true
}
