package syslog

// Header is what Scan found at the front of a message. The names are those of
// RFC 5424; a field that the message does not have, or that is the NILVALUE "-",
// is empty. All slices are views into the scanned message.
type Header struct {
	// Priority is the PRIVAL, 0 to 191 (facility*8 + severity), or NoPriority.
	Priority int
	// Version is 1 for RFC 5424 messages and 0 for all others.
	Version int
	// Shape is the form that the header was recognised as.
	Shape Shape
	// Stamp is the time as written; its Kind is NoTime when there is none.
	Stamp Stamp
	// ClockMark is '*' (never synchronised) or '.' (synchronisation lost) when a
	// Cisco device put it before the time, else 0.
	ClockMark byte

	// Host is what Host makes of Hostname; nil where that is none.
	Host           []byte
	Hostname       []byte // as written
	AppName        []byte
	ProcID         []byte
	MsgID          []byte
	StructuredData []byte // with its brackets, undecoded

	// Rest is the message from behind the PRI (and version) on: what a vendor
	// scans who disagrees with the header fields.
	Rest []byte
	// Tagged is the message from the tag ("app[pid]: ") on; for RFC 5424 from
	// the APP-NAME on. It equals Content when there is no tag.
	Tagged []byte
	// Content is what follows the header: the text behind the tag, or the MSG of
	// RFC 5424 without its BOM.
	Content []byte
}

// Shape is the form of a header.
type Shape uint8

// The shapes. The examples leave out what does not tell them apart.
const (
	// Bare has no header at all: "%ASA-6-…", "CEF:0|…", "{json}", "text". A PRI
	// may stand in front ("<14>text").
	Bare Shape = iota
	// BSD is RFC 3164: "Mmm dd hh:mm:ss host tag: text", with or without PRI,
	// blank before the month, host, year, fraction, zone, tag.
	BSD
	// RFC5424 is "1 2026-03-14T14:28:52Z host app pid msgid sd text".
	RFC5424
	// ISO has an RFC 3339 time (or nearly) where RFC 3164 wants its own:
	// "<PRI>2026-03-14T14:28:52Z host tag: text".
	ISO
	// Epoch has seconds (or ms, µs) since 1970: "<PRI>1 1614789245.123 host text".
	Epoch
	// CiscoSequence is IOS with sequence numbers: "<PRI>94: 000090: *Mar  1 …: %SYS-…".
	CiscoSequence
)

// String names the shape for `gateway parse --explain`.
func (s Shape) String() string {
	return [...]string{"bare", "bsd", "rfc5424", "iso", "epoch", "cisco-sequence"}[s]
}
