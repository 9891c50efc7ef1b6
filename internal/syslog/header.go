package syslog

// Header is what Scan found at the front of a message. The names are those of RFC 5424.
// A field is empty if the message does not have it or has the NILVALUE "-". All slices
// are views into the scanned message.
type Header struct {
	// Priority is the PRIVAL, 0 to 191 (facility*8 + severity), or NoPriority.
	Priority int
	// Version is 1 for RFC 5424 messages and 0 for all others.
	Version int
	// Shape is the form of the header.
	Shape Shape
	// Stamp is the time as written. Its Kind is NoTime if there is none.
	Stamp Stamp
	// ClockFlag is the '*' (never synchronised) or '.' (synchronisation lost) that Cisco
	// devices write before the time, else 0.
	ClockFlag byte

	// Host is Host(Hostname): nil if Hostname cannot be a host.
	Host           []byte
	Hostname       []byte // as written
	NoHost         []byte // the word in the place of the host that cannot be one: "slot1/lb-a"
	AppName        []byte
	ProcID         []byte
	MsgID          []byte
	StructuredData []byte // with its brackets, undecoded

	// Rest is everything behind the PRI and the version, for readers that disagree with
	// the header fields.
	Rest []byte
	// Tagged is the tag ("app[pid]: ", with RFC 5424 the APP-NAME) and everything behind
	// it. Without a tag it equals Content.
	Tagged []byte
	// Content is the text behind the tag, or the MSG of RFC 5424 without its BOM.
	Content []byte
}

// Shape is the form of a header.
type Shape uint8

// The shapes. The examples show what distinguishes them.
const (
	// Bare has no header, except perhaps a PRI: "%ASA-6-…", "CEF:0|…", "<14>text".
	Bare Shape = iota
	// BSD is RFC 3164: "Mmm dd hh:mm:ss host tag: text", with or without PRI, host, year,
	// fraction, zone and tag.
	BSD
	// RFC5424 is "1 2026-03-14T14:28:52Z host app pid msgid sd text".
	RFC5424
	// ISO is RFC 3164 with a time of RFC 3339, or nearly so:
	// "<PRI>2026-03-14T14:28:52Z host tag: text".
	ISO
	// Epoch has seconds (or ms, µs) since 1970: "<PRI>1 1614789245.123 host text".
	Epoch
	// CiscoSequence is IOS, IOS XR or NX-OS: "<PRI>94: 000090: *Mar  1 …: %SYS-…".
	CiscoSequence
)

// String returns the name that `gateway parse --explain` shows.
func (s Shape) String() string {
	return [...]string{"bare", "bsd", "rfc5424", "iso", "epoch", "cisco-sequence"}[s]
}
