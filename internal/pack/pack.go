package pack

import "net/netip"

// Pos is where something is written.
type Pos struct {
	File string
	Line int
}

// Pack says how the messages of one product are recognised and what becomes of them. A
// row of a table of products is a Pack with one class.
type Pack struct {
	Pos
	// Name is unique in a set: a-z, 0-9 and _.
	Name string
	// About is one line for people, Documented where the form of the lines is documented.
	About, Documented string
	// Vendor and Product are the fields sc4s_vendor and sc4s_product, and together the
	// field vendor_product of the profile default.
	Vendor, Product string
	// Match recognises a message: one of the conditions must hold. A pack without
	// conditions gets only the messages of senders and sources that are pinned to it.
	Match []Condition
	// Not lists what the pack never takes, also from a pinned sender.
	Not []Condition
	// Headers are the repairs of headers that the product's messages need.
	Headers []Repair
	// Family is the built-in family whose classes the pack extends; usually empty.
	Family string
	// Replaces lists the embedded packs that the pack overrules on purpose.
	Replaces []string
	// Read says how the text is divided into keys, columns or words.
	Read Reader
	// Separator ends the values of Read KV; 0 is a blank.
	Separator byte
	// Within is how many bytes of the text are searched for keys.
	Within int
	// Host and Time say where the message has them. The first that is there is used.
	Host []HostRule
	Time []TimeRule
	// Timezone is the IANA name of the zone of the times without one; empty: the source's.
	Timezone string
	// Event is the form of the event.
	Event Form
	// LinuxServer marks a program of Linux servers. In the profile default a source of the
	// family linux gives its messages the names of linux_syslog, unless the pack is turned
	// on for that port.
	LinuxServer bool
	// Classes are tried in order; the last has no condition.
	Classes []Class
	// Lookups are tables of the site, and Rules what becomes of messages.
	Lookups []Lookup
	Rules   []Rule
	Tests   []Test
	// Embedded says that the pack is part of the program.
	Embedded bool
}

// Class is a kind of message that Splunk keeps apart.
type Class struct {
	Pos
	// Name is unique in the pack; it is empty for the only class of a pack.
	Name string
	When []Condition // one must hold; empty for the last class
	Names
	// SC4S replaces the names of the profile sc4s that are not empty.
	SC4S Names
	// Event replaces the form of the pack, unless it is empty.
	Event Form
	// Fields are indexed fields of the class.
	Fields map[string]string
	// FieldsFromCEF says that vendor, product and class are those in the header of a CEF or
	// LEEF message.
	FieldsFromCEF bool
}

// Names are the names that Splunk gets. Sourcetype and Source may have placeholders, see
// [Template].
type Names struct {
	Sourcetype, Source string
	// Role is the role of the index, such as netfw. Index is an index by name, in the
	// profile default and in place of the role's.
	Role, Index     string
	Vendor, Product string
	// Class is the field sc4s_class. It exists in the profile sc4s only.
	Class string
}

// Condition holds if all its parts hold. Of the words of one part, one must hold. A word
// may have a '*' at one of its ends.
type Condition struct {
	Pos
	Program    []string
	Text       []string // the text begins with
	Contains   []string // the first Within bytes of the text contain
	Within     int
	MessageID  []string // identifier of a Cisco message without its '%': "UCSM-*"
	Header     []string // forms of the header, as syslog.Shape names them
	CEF, LEEF  *Device
	SD         []string            // SD-IDs of RFC 5424: "junos@2636*", "*@6876"
	Keys       map[string][]string // of the text, as Pack.Read divides it
	Columns    map[int][]string    // from 1
	Words      map[int][]string    // from 1
	JSON       map[string][]string // keys of an object, with dots: "alert.name"
	Host       []string
	Sender     []netip.Prefix
	Level      []string // names of severities
	Facility   []string
	Role       []string
	Class      []string
	Regex      string // RE2, of the text
	Any        []Condition
	Not        []Condition // none may hold
	Profile    string      // default or sc4s
	IgnoreCase bool
}

// Device is the origin in the header of a CEF or LEEF message. Empty parts are any. They
// are compared without regard to case.
type Device struct {
	Vendor, Product, ID []string
}

// Reader is how a text is divided.
type Reader string

// The readers.
const (
	NoReader Reader = ""
	KV       Reader = "kv"    // key=value or key="value"
	CSV      Reader = "csv"   // columns, separated by ','
	Tab      Reader = "tab"   // columns, separated by tabs
	JSON     Reader = "json"  // an object
	Words    Reader = "words" // separated by blanks
)

// Repair is a form of header that is none by any RFC.
type Repair string

// The repairs.
const (
	RepairEpoch     Repair = "epoch"      // "<134>1 1673541902.3115 host …"
	RepairNoTimeZ   Repair = "no_time_z"  // "<144>Z host …", "<144>1 Z host …"
	RepairNetScaler Repair = "netscaler"  // "<134> 02/17/2026:07:32:36 GMT host 0-PPE-0 : …"
	RepairHostColon Repair = "host_colon" // "<134>host: text", "<134> host text"
	RepairNoPRI     Repair = "no_pri"     // text without PRI and header
)

// Form is what an event consists of.
type Form string

// The forms.
const (
	Raw            Form = "raw"             // as received; the default
	Message        Form = "message"         // the text behind the header and the program
	ProgramMessage Form = "program_message" // "program[pid]: text"
	RFC5424        Form = "rfc5424"         // structured data and text, as SC4S writes them
	AsJSON         Form = "json"            // the keys as an object
)

// Value is where in a message a value is. One of the first group is set.
type Value struct {
	Key     string // of the text, as Pack.Read divides it
	Column  int    // from 1
	Word    int    // from 1
	JSON    string // with dots
	CEF     string // key of the extension
	LEEF    string // attribute
	SD      string // parameter of the structured data
	Program bool
	Header  bool   // the host of the header
	Sender  bool   // the address of the sender
	Text    string // this text

	// After and Before cut the value behind and before the first such text.
	After, Before string
}

// HostRule says where the host is.
type HostRule struct {
	Pos
	Value
}

// TimeRule says where the time is. Several values are joined by a blank.
type TimeRule struct {
	Pos
	Values []Value
	// As is iso, bsd, unix, or a format of strftime.
	As string
}

// Test is a message and what must become of it. What is empty is not compared.
type Test struct {
	Pos
	Line   string
	Sender netip.Addr
	// Vendor is the family of the source: auto if empty.
	Vendor string
	// Pinned says that the source is pinned to the pack.
	Pinned bool
	// Profile is default or sc4s; empty: both.
	Profile string
	// Pack is the pack that must take the message; "none" is none of packs, empty the
	// test's own.
	Pack string
	// Not says that the test's own pack must not take the message: another pack, or none,
	// does. Pack is then empty.
	Not                              bool
	Class, Sourcetype, Index, Source string
	Host                             string
	Time                             string // RFC 3339
	Fields                           map[string]string
	Event, EventBegins               string
	EventHasNot                      []string
	// Dropped is the rule that leaves the line out, or none.
	Dropped string
	// Options are options of the pack that are turned on.
	Options []string
}
