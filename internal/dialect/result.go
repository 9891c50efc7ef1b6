package dialect

import (
	"bytes"
	"time"

	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/syslog"
)

// Result is what a message is. All slices are views into the message. If a relay had split
// the message, they are views into the Result's own copy, which the next Parse overwrites.
type Result struct {
	Class ClassID
	// Host is the device's name or address in the message, or empty.
	Host []byte
	// Stamp is the most exact time in the message. Its Kind is NoTime if there is none.
	Stamp syslog.Stamp
	// Body becomes the event: the message as received, or the part that the add-on for
	// Splunk needs. It is empty only if the message is empty.
	Body []byte
	// Source completes the event's source for some classes: the channel of a Windows
	// event, the program of a Linux line.
	Source []byte
	// Sourcetype completes the event's sourcetype for classes of packs whose sourcetype
	// depends on the message.
	Sourcetype []byte
	// CEF is the origin in the header of a Common Event Format message, else empty.
	CEF CEFHeader
	// Unparsed marks a message that no rule knows, or that begins like a message of a
	// family but is broken.
	Unparsed bool

	// Rejoined says that a relay had split the text of the message. Body has it as the
	// device sent it.
	Rejoined bool

	// ClassBy, HostBy and TimeBy say which part of the message decided.
	ClassBy, HostBy, TimeBy Reason

	// Pack is the name of the pack whose class it is, and Rule what the pack found it by;
	// both are empty for the classes of the built-in families.
	Pack, Rule string
	// Location is the time zone of a Stamp without one, if a pack says so; else nil.
	Location *time.Location
	// Slow says that the pack is outside the promise of speed.
	Slow bool

	from    *From
	scratch *matcher.Scratch
	whole   []byte // buffer of rejoined messages; grows to the longest of them
	joins   int    // how many seams Body had
}

// CEFHeader is a part of the header of a CEF message. A '|' or '\' in it is still
// escaped.
type CEFHeader struct{ Vendor, Product, Signature []byte }

// Reason is the part of a message that decided.
type Reason uint8

// The reasons.
const (
	// ByNothing: no rule applied. The sender's address or the receive time is used.
	ByNothing Reason = iota
	// ByPort: the family of the port.
	ByPort
	// ByHeader: a field of the syslog header.
	ByHeader
	// ByInnerHeader: a field of the device's own header, behind the header of a relay.
	ByInnerHeader
	// ByTag: the program tag.
	ByTag
	// ByDeviceTag: the "mac,model-firmware" or "model,mac,version" tag of UniFi devices.
	ByDeviceTag
	// ByMessageID: a Cisco message identifier, such as "%ASA-6-302013".
	ByMessageID
	// ByColumn: a column of a comma- or tab-separated body.
	ByColumn
	// ByKey: a key of a JSON, CEF, LEEF or XML body.
	ByKey
	// ByShape: a form that only one kind of message has.
	ByShape
	// ByPack: a rule of a pack.
	ByPack
	// ByLookup: a look-up of the site.
	ByLookup
)

var reasonNames = [...]string{
	"nothing", "port", "header", "inner header", "tag", "device tag",
	"message id", "column", "key", "shape", "pack", "look-up",
}

// String returns the name that `gateway parse --explain` shows.
func (r Reason) String() string { return reasonNames[r] }

func (r *Result) setClass(c ClassID, by Reason) { r.Class, r.ClassBy = c, by }

// setUnknown makes a fallback event of a message that no rule knows.
func (r *Result) setUnknown() {
	r.setClass(Fallback, ByNothing)
	r.Unparsed = true
}

// setHost sets the host if name can be one. It reports whether it did.
func (r *Result) setHost(name []byte, by Reason) bool {
	host := name
	if len(name) == 0 || !bytes.Equal(name, r.Host) { // what the header says is a host
		host = syslog.Host(name)
	}
	if host == nil {
		return false
	}
	r.Host, r.HostBy = host, by
	return true
}

// Become copies other into r, which keeps its own buffer.
func (r *Result) Become(other Result) {
	other.whole, other.scratch = r.whole, r.scratch
	*r = other
}

// Line returns the device's own text and what its headers say. It is kept for rules only.
func (r *Result) Line() *matcher.Line {
	if r.scratch == nil {
		r.scratch = new(matcher.Scratch)
	}
	return &r.scratch.Own
}
