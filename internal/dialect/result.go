package dialect

import "syslog-gateway/internal/syslog"

// Result is what a message is. All slices are views into the message or, where a relay
// had split it, into the Result's own copy of it, which the next Parse overwrites.
type Result struct {
	Class ClassID
	// Host is the device's own name; empty when the message does not say it (the
	// sender's address then stands for it).
	Host []byte
	// Stamp is the best time that the message carries; its Kind is NoTime when it
	// has none.
	Stamp syslog.Stamp
	// Body is what becomes the event: the message as received, or the part of it
	// that the class's add-on wants bare. It is empty only if the message is.
	Body []byte
	// Source completes the event's source where the class needs it: the channel
	// of a Windows event, the program of a Linux line.
	Source []byte
	// CEF is what the header of a Common Event Format message says of its origin;
	// empty for all others.
	CEF CEFHeader
	// Unparsed marks what no rule knows, and what begins like a family's message
	// but is broken.
	Unparsed bool

	// Rejoined says that a relay had split the text of the message and that Body has it
	// as the device sent it.
	Rejoined bool

	// ClassBy, HostBy and TimeBy say which rule chose.
	ClassBy, HostBy, TimeBy Reason

	// whole is the buffer of rejoined messages: never longer than the longest of them.
	whole []byte
	joins int // how many seams Body had
}

// CEFHeader is who wrote a CEF message and what kind of event it is, as written:
// a '|' or '\' in it is still escaped.
type CEFHeader struct{ Vendor, Product, Signature []byte }

// Reason says which part of a message a rule relied on.
type Reason uint8

// The reasons.
const (
	// ByNothing: no rule applied; the sender's address or the receive time stands in.
	ByNothing Reason = iota
	// ByPort: the family that the port belongs to.
	ByPort
	// ByHeader: a field of the syslog header.
	ByHeader
	// ByInnerHeader: a field of the device's own header, behind a relay's.
	ByInnerHeader
	// ByTag: the program tag.
	ByTag
	// ByDeviceTag: the "mac,model-firmware" or "model,mac,version" tag of UniFi devices.
	ByDeviceTag
	// ByMessageID: a Cisco message identifier, such as "%ASA-6-302013".
	ByMessageID
	// ByColumn: a column of a comma or tab separated body.
	ByColumn
	// ByKey: a key of a JSON, CEF, LEEF or XML body.
	ByKey
	// ByShape: a form that only one kind of message has.
	ByShape
)

var reasonNames = [...]string{
	"nothing", "port", "header", "inner header", "tag", "device tag",
	"message id", "column", "key", "shape",
}

// String names the reason for `gateway parse --explain`.
func (r Reason) String() string { return reasonNames[r] }

func (r *Result) setClass(c ClassID, by Reason) { r.Class, r.ClassBy = c, by }

// setHost takes a name from the message when it can be one.
func (r *Result) setHost(name []byte, by Reason) bool {
	host := syslog.Host(name)
	if host == nil {
		return false
	}
	r.Host, r.HostBy = host, by
	return true
}

// setTime takes a time when there is one that exists and its clock was set: devices
// that have none write 1970 and 1969.
func (r *Result) setTime(s syslog.Stamp, by Reason) bool {
	if !plausible(&s) {
		return false
	}
	r.Stamp, r.TimeBy = r.zoned(s), by
	return true
}

// Become makes r another result, and keeps the buffer that r has.
func (r *Result) Become(other Result) {
	other.whole = r.whole
	*r = other
}
