package plan

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration"
)

// API is what a plan reads with; *pve.Client has it. out is decoded from the answer's
// data.
type API interface {
	Get(ctx context.Context, path string, query url.Values, out any) error
}

// Action is what happens to an object.
type Action string

// The actions.
const (
	Create  Action = "create"
	Update  Action = "update"
	Replace Action = "replace" // destroyed and made anew
	Destroy Action = "destroy"
	Wait    Action = "wait"   // somebody is making it at this moment: wait, then look again
	Manual  Action = "manual" // nothing that can be done through the API with these credentials
	Refuse  Action = "refuse" // can't be planned at all: see Blocks
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
)

// Known is what the record of earlier applies says about a guest.
type Known struct {
	Key       string
	Kind      declaration.Kind
	Name      string // as it was when it was recorded
	Class     string // of the firewall, when it was recorded
	Protected bool
	// Unprotected says that "protection": false was declared in so many words: only then
	// may its data go.
	Unprotected bool
}

// Options say what may be planned. The zero value plans everything and allows nothing
// that destroys or interrupts.
type Options struct {
	Only []string // keys of guests, or pool/ID; empty: everything
	// What is allowed to which guest: each names one by its key, its VMID, or its name if
	// no other has it. Make returns an error for what names none, or several.
	AllowDestroy []string // that are declared no more
	AllowReplace []string
	AllowReboot  []string
	AllowReuse   []string // become another guest in place, under the same VMID

	// OnlyName is how Only is called in errors, such as the verb that takes the keys;
	// "" for --only.
	OnlyName string

	// Root says that steps marked Root can be taken: somebody logs in as root@pam itself,
	// with a ticket. A token of root@pam is not enough.
	Root bool
	// Upload gives the content of a snippet that can be put on the node over SSH; nil
	// when none can.
	Upload func(volume string) (content []byte, ok bool)
	// Known are the guests of earlier applies by VMID. It is not needed to plan, only to
	// tell which guests that are declared no more were ours.
	Known map[int]Known
	// Parallel is how many reads run at a time; 0: 8.
	Parallel int

	allowed *allowed // what the Allow lists name, once it was found
}

// Plan is what is to be done, in the order in which it is done.
type Plan struct {
	Changes []Change `json:"changes"`
	Notes   []Note   `json:"notes,omitempty"`
	Guests  int      `json:"guests"` // declared ones that were looked at

	estate  *declaration.Estate
	opts    Options
	destroy bool // made by MakeDestroy
}

// Note is something seen that is left alone.
type Note struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// Change is what is to be done with one object.
type Change struct {
	Key    string   `json:"key"`    // of the declaration; the VMID where none is declared
	Object string   `json:"object"` // container, vm, pool, …
	Action Action   `json:"action"`
	Name   string   `json:"name,omitempty"`
	VMID   int      `json:"vmid,omitempty"`
	Node   string   `json:"node,omitempty"`
	Adopts bool     `json:"adopts,omitempty"` // the guest was not ours so far
	Fields []Diff   `json:"fields,omitempty"`
	Blocks []Block  `json:"blocks,omitempty"` // not empty: nothing of the plan is carried out
	Manual []string `json:"manual,omitempty"` // what somebody must do by hand
	// Reboot says that some fields take effect at the next start of the guest.
	Reboot bool `json:"reboot,omitempty"`
	// Owed says that the guest has not the declared address until Manual is done: until
	// then no inventory may be published.
	Owed bool `json:"owed,omitempty"`

	Steps []Step   `json:"-"` // they hold secrets
	After []string `json:"-"` // IDs of the changes that must be done before
	// Lanes are what the change uses that bears only few users at a time.
	Lanes []string `json:"-"`

	resumes bool // goes on with a guest that an earlier apply has begun
}

// ID is unique within a plan: object/key.
func (c Change) ID() string { return c.Object + "/" + c.Key }

// Guest says whether the object is a container or a VM.
func (c Change) Guest() bool { return c.Object == ObjectContainer || c.Object == ObjectVM }

// Blocked says whether something speaks against the change.
func (c Change) Blocked() bool { return len(c.Blocks) > 0 }

// Diff is one field's difference. Secrets are never in it.
type Diff struct {
	Path string `json:"path"`
	From string `json:"from"` // "" for none
	To   string `json:"to"`
	// Note says what is special: "from the next start", "replaces the guest", …
	Note string `json:"note,omitempty"`
}

// Block is why a change is refused. Flag is what lifts it, such as
// "--allow-destroy old"; "" where nothing does.
type Block struct {
	Why  string `json:"why"`
	Flag string `json:"flag,omitempty"`
}

// Op is how a step is carried out.
type Op string

// The operations.
const (
	OpWrite   Op = "write"   // one request, and its task where there is one
	OpRules   Op = "rules"   // bring an ordered list of firewall rules to Rules
	OpLeave   Op = "leave"   // remove the rules that stand for one of Groups
	OpJoin    Op = "join"    // add the rules that stand for Groups, below those that are there
	OpRunning Op = "running" // fail unless the guest runs
	OpSettle  Op = "settle"  // wait until the guest's lock is gone, then plan it again
	OpUpload  Op = "upload"  // put Content on the node as Volume, over SSH
	OpStop    Op = "stop"    // shut the guest down, stop it if it does not
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

	Disks   []declaration.Disk // what Complete adds to Params
	Rules   []declaration.Rule // of OpRules
	Groups  []string           // of OpLeave and OpJoin
	Volume  string             // of OpUpload
	Content []byte
	Timeout int // of OpStop: seconds for a clean shutdown
}

// Empty says whether there is nothing to do: what is left is by hand at most.
func (p *Plan) Empty() bool {
	return !slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Action != Manual })
}

// Owed are the objects of which something is left to do by hand before an inventory may
// be published.
func (p *Plan) Owed() []string {
	var out []string
	for _, c := range p.Changes {
		if c.Owed {
			out = append(out, c.ID())
		}
	}
	return out
}

// Blocks are all reasons why the plan can't be carried out, each with the object.
func (p *Plan) Blocks() []string {
	var out []string
	for _, c := range p.Changes {
		for _, b := range c.Blocks {
			s := c.Object + " " + c.Key + ": " + b.Why
			if b.Flag != "" {
				s += " (" + b.Flag + ")"
			}
			out = append(out, Printable(s))
		}
	}
	return out
}

// Count is how many changes have the action.
func (p *Plan) Count(a Action) int {
	n := 0
	for _, c := range p.Changes {
		if c.Action == a {
			n++
		}
	}
	return n
}

// Partial says whether only a part of the estate was looked at.
func (p *Plan) Partial() bool { return len(p.opts.Only) > 0 }

// Again looks at the object of a change anew and returns what is left to do with it;
// false for nothing.
func (p *Plan) Again(ctx context.Context, api API, c Change) (Change, bool, error) {
	opts := p.opts
	next := (*Plan)(nil)
	var err error
	switch {
	case p.destroy:
		next, err = MakeDestroy(ctx, api, p.estate, []string{c.Key}, opts)
	case c.Action != Destroy && (c.Guest() || c.Object == ObjectGuestFirewall):
		opts.Only = []string{c.Key}
		next, err = Make(ctx, api, p.estate, opts)
	default:
		opts.Only = nil
		next, err = Make(ctx, api, p.estate, opts)
	}
	if err != nil {
		return Change{}, false, err
	}
	for _, n := range next.Changes {
		if n.ID() == c.ID() && n.Action != Manual {
			return n, true, nil
		}
	}
	return Change{}, false, nil
}

// isReplacement says whether the field can't be changed in place.
func (d Diff) isReplacement() bool { return strings.HasPrefix(d.Note, replaces) }
