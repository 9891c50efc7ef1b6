// Package change is the vocabulary of a plan: what is done to an object, the differences
// that are the reason, and the requests that do it. It compares nothing and sends
// nothing.
package change

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/zone"
)

// Action is what happens to an object.
type Action string

// The actions.
const (
	Create  Action = "create"
	Update  Action = "update"
	Replace Action = "replace" // destroyed and created again
	Destroy Action = "destroy"
	Wait    Action = "wait"   // it is being created right now: wait, then plan again
	Manual  Action = "manual" // impossible through the API with these credentials
	Refuse  Action = "refuse" // cannot be planned at all: see Blocks
)

// The kinds of objects.
const (
	ObjectPool            = "pool"
	ObjectTemplate        = "template"
	ObjectContainer       = "container"
	ObjectVM              = "vm"
	ObjectGroup           = "security-group"
	ObjectGuestFirewall   = "guest-firewall"
	ObjectNodeFirewall    = "node-firewall"
	ObjectClusterFirewall = "cluster-firewall"
	ObjectACMEAccount     = "acme-account"
	ObjectACMEPlugin      = "acme-plugin"
	ObjectACMECertificate = "acme-certificate"
	ObjectRecord          = "dns-record"
)

// Change is what is to be done with one object.
type Change struct {
	Key    string   `json:"key"`    // of the declaration; the VMID where none is declared
	Object string   `json:"object"` // container, vm, pool, …
	Action Action   `json:"action"`
	Name   string   `json:"name,omitempty"`
	VMID   int      `json:"vmid,omitempty"`
	Node   string   `json:"node,omitempty"`
	Adopts bool     `json:"adopts,omitempty"` // the guest was not ours before
	Fields []Diff   `json:"fields,omitempty"`
	Blocks []Block  `json:"blocks,omitempty"` // not empty: nothing of the plan is carried out
	Manual []string `json:"manual,omitempty"` // what the user must do by hand
	// Reboot is true when some fields take effect at the next start of the guest.
	Reboot bool `json:"reboot,omitempty"`
	// Owed is true when the guest lacks its declared address until Manual is done: no
	// inventory may be published before.
	Owed bool `json:"owed,omitempty"`

	Steps []Step   `json:"-"` // they hold secrets
	After []string `json:"-"` // IDs of the changes that must be done before
	// Limited are the resources of the change that only a few changes may use at a time.
	Limited []string `json:"-"`
	// Resumes is true when an earlier apply began to make the guest.
	Resumes bool `json:"-"`
}

// ID is unique within a plan: object/key.
func (c Change) ID() string { return c.Object + "/" + c.Key }

// Guest reports whether the object is a container or a VM.
func (c Change) Guest() bool { return c.Object == ObjectContainer || c.Object == ObjectVM }

// Creates reports whether the change makes a guest from nothing.
func (c Change) Creates() bool { return c.Action == Create || c.Action == Replace }

// Blocked reports whether the change is refused.
func (c Change) Blocked() bool { return len(c.Blocks) > 0 }

// GuestID is the ID of a guest's change.
func GuestID(g *declaration.Guest) string { return ObjectOf(g.Kind) + "/" + g.Key }

// ObjectOf is the kind of object that a kind of guest is.
func ObjectOf(k declaration.Kind) string {
	if k == declaration.QEMU {
		return ObjectVM
	}
	return ObjectContainer
}

// Replaces is the note of a field whose change replaces the guest.
const Replaces = "cannot be changed in place"

// Diff is one field's difference. Secrets are never in it.
type Diff struct {
	Path string `json:"path"`
	From string `json:"from"` // "" for none
	To   string `json:"to"`
	// Note is a remark on the field: "from the next start", Replaces, …
	Note string `json:"note,omitempty"`
}

// IsReplacement reports whether the field cannot be changed in place.
func (d Diff) IsReplacement() bool { return strings.HasPrefix(d.Note, Replaces) }

// Block is why a change is refused. Flag lifts the refusal, such as
// "--allow-destroy old"; "" when none does.
type Block struct {
	Why  string `json:"why"`
	Flag string `json:"flag,omitempty"`
}

// Note is a finding that no change follows from.
type Note struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// List is what a plan consists of, in the order in which it is done.
type List struct {
	Changes []Change `json:"changes"`
	Notes   []Note   `json:"notes,omitempty"`
}

// Add appends a change.
func (l *List) Add(c Change) { l.Changes = append(l.Changes, c) }

// AddNote appends a note on the object of key.
func (l *List) AddNote(key, format string, args ...any) {
	l.Notes = append(l.Notes, Note{Key: key, Text: fmt.Sprintf(format, args...)})
}

// Find returns the change of that ID, nil for none. It is valid until the next Add.
func (l *List) Find(id string) *Change {
	for i := range l.Changes {
		if l.Changes[i].ID() == id {
			return &l.Changes[i]
		}
	}
	return nil
}

// Refuse blocks the change of the guest of key.
func (l *List) Refuse(key, why string) {
	for i := range l.Changes {
		if c := &l.Changes[i]; c.Key == key && c.Guest() {
			c.Blocks = append(c.Blocks, Block{Why: why})
		}
	}
}

// rank is the order in which objects are shown; After says what waits for what.
var rank = []string{
	ObjectPool, ObjectTemplate, ObjectContainer, ObjectVM, ObjectGroup, ObjectGuestFirewall,
	ObjectNodeFirewall, ObjectClusterFirewall, ObjectACMEAccount, ObjectACMEPlugin, ObjectACMECertificate,
	ObjectRecord,
}

// Order sorts the changes, and drops what waits for objects that do not change.
func (l *List) Order() {
	slices.SortStableFunc(l.Changes, func(a, b Change) int {
		return slices.Index(rank, a.Object) - slices.Index(rank, b.Object)
	})
	for i := range l.Changes {
		c := &l.Changes[i]
		c.After = slices.DeleteFunc(c.After, func(id string) bool { return l.Find(id) == nil })
	}
}

// Op is how a step is carried out.
type Op string

// The operations.
const (
	OpWrite   Op = "write"   // one request, and its task where there is one
	OpRules   Op = "rules"   // bring an ordered list of firewall rules to Rules
	OpLeave   Op = "leave"   // remove the rules of Groups
	OpJoin    Op = "join"    // add the rules of Groups, below all others
	OpRunning Op = "running" // fail unless the guest runs
	OpSettle  Op = "settle"  // wait until the guest's lock is gone, then plan it again
	OpUpload  Op = "upload"  // put Content on the node as Volume, over SSH
	OpStop    Op = "stop"    // shut the guest down, stop it if it does not
	OpRecords Op = "records" // make the Edits of DNS records, all or none
)

// Step is one request, or a loop of them, with what is needed to send it safely.
type Step struct {
	Op     Op
	Title  string // "create", "grow rootfs to 20G"
	Method string
	Path   string
	Params url.Values

	// Source is the path whose digest guards the write; "" for none. Digest is the one
	// that was planned from; "" lets apply read a fresh one, after a write of our own.
	Source string
	Digest string
	// Free is a VMID that must be unused right before the step.
	Free int
	Root bool // only root@pam itself may

	Disks   []declaration.Disk // what guest.Complete adds to Params
	Rules   []declaration.Rule // of OpRules
	Keep    bool               // of OpRules: other rules stay
	Groups  []string           // of OpLeave and OpJoin
	Volume  string             // of OpUpload
	Content []byte
	Timeout int         // of OpStop: seconds for a clean shutdown
	Edits   []zone.Edit // of OpRecords
}

// Write is a step of one request.
func Write(title, method, path string, params url.Values) Step {
	return Step{Op: OpWrite, Title: title, Method: method, Path: path, Params: params}
}

// From guards a step by the digest of what it was planned from.
func (s Step) From(source, digest string) Step {
	s.Source, s.Digest = source, digest
	return s
}
