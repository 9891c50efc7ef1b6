package plan

import (
	"context"
	"slices"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/dns"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/plan/scope"
	"syslog-gateway/internal/printable"
)

// Options say what may be planned. The zero value plans everything and allows nothing
// that destroys or interrupts.
type Options struct {
	Only []string // keys of guests, or pool/ID; empty: everything
	// What is allowed to which guest: each names one by its key, its VMID, or its name if
	// no other has it. Make returns an error for what names none, or several.
	AllowDestroy []string // that are no longer declared
	AllowReplace []string
	AllowReboot  []string
	AllowDetach  []string // undeclared mount points and disks, as KEY:PATH and KEY:INTERFACE
	AllowReuse   []string // become another guest in place, under the same VMID; also group/NAME, pool/ID and acme-plugin/ID of others

	// OnlyName is how Only is called in errors, such as the verb that takes the keys;
	// "" for --only.
	OnlyName string

	// Root allows steps marked Root: the user logs in as root@pam itself, with a ticket. A token of root@pam is not enough.
	Root bool
	// Upload gives the content of a snippet that can be put on the node over SSH.
	// Optional.
	Upload func(volume string) (content []byte, ok bool)
	// Known are the guests of earlier applies by VMID. Plans work without it;
	// it only shows which guests that are no longer declared were ours.
	Known map[int]live.Known
	// Shared are those of the plan's shared objects that earlier applies recorded, by
	// change.ID; nil: not known.
	Shared map[string]bool
	// Zone reads the zone of declared DNS records; nil leaves DNS out of the plan.
	Zone dns.Zone
	// AllowRecords are the names of DNS records that may go, or that may be taken over.
	AllowRecords dns.Allowed
	// Parallel is how many reads run at a time; 0: 8.
	Parallel int

	allowed *allowed // what the Allow lists name, once it was found
}

// Plan is what is to be done, in the order in which it is done.
type Plan struct {
	change.List
	Guests int `json:"guests"` // declared ones in scope

	estate  *declaration.Estate
	opts    Options
	destroy bool // made by MakeDestroy
}

// Shared are the declared objects that belong to the whole cluster, so that another estate
// may have one of the same name: pools, security groups and DNS plugins.
func Shared(e *declaration.Estate) (out []change.Change) {
	for _, o := range e.Pools {
		out = append(out, change.Change{Object: change.ObjectPool, Key: o.ID})
	}
	whole, _ := scope.New(e, nil, "") // nothing is named that could be unknown
	for _, g := range whole.Groups() {
		out = append(out, change.Change{Object: change.ObjectGroup, Key: g.Name})
	}
	for _, o := range e.Extra.DNSPlugins {
		out = append(out, change.Change{Object: change.ObjectACMEPlugin, Key: o.ID})
	}
	return out
}

// others reports whether an object that is there is another estate's: no earlier apply
// recorded it, and word, which names it, is not among those that may be taken. looks decides
// where nothing is known of earlier applies.
func (o *Options) others(id, word string, looks bool) bool {
	return !o.Shared[id] && (looks || o.Shared != nil) && !slices.Contains(o.AllowReuse, word)
}

// Empty reports whether there is nothing to apply. Steps by hand may remain.
func (p *Plan) Empty() bool {
	return !slices.ContainsFunc(p.Changes, func(c change.Change) bool { return c.Action != change.Manual })
}

// Owed are the objects with steps by hand that must be done before an inventory may be
// published.
func (p *Plan) Owed() []string {
	var out []string
	for _, c := range p.Changes {
		if c.Owed {
			out = append(out, c.ID())
		}
	}
	return out
}

// Blocks are all reasons why the plan cannot be carried out, each with the object.
func (p *Plan) Blocks() []string {
	var out []string
	for _, c := range p.Changes {
		for _, b := range c.Blocks {
			s := c.Object + " " + c.Key + ": " + b.Why
			if b.Flag != "" {
				s += " (" + b.Flag + ")"
			}
			out = append(out, printable.Escape(s))
		}
	}
	return out
}

// Count is how many changes have the action.
func (p *Plan) Count(a change.Action) int {
	n := 0
	for _, c := range p.Changes {
		if c.Action == a {
			n++
		}
	}
	return n
}

// Partial reports whether only a part of the estate is in scope.
func (p *Plan) Partial() bool { return len(p.opts.Only) > 0 }

// Again plans the object of a change once more. It returns the remaining change, and
// false if there is none.
func (p *Plan) Again(ctx context.Context, api live.API, c change.Change) (change.Change, bool, error) {
	opts := p.opts
	opts.Zone, opts.AllowRecords = nil, dns.Allowed{} // a change of records is all or nothing
	next := (*Plan)(nil)
	var err error
	switch {
	case p.destroy:
		next, err = MakeDestroy(ctx, api, p.estate, []string{c.Key}, opts)
	case c.Action != change.Destroy && (c.Guest() || c.Object == change.ObjectGuestFirewall):
		opts.Only = []string{c.Key}
		next, err = Make(ctx, api, p.estate, opts)
	default:
		opts.Only = nil
		next, err = Make(ctx, api, p.estate, opts)
	}
	if err != nil {
		return change.Change{}, false, err
	}
	for _, n := range next.Changes {
		if n.ID() == c.ID() && n.Action != change.Manual {
			return n, true, nil
		}
	}
	return change.Change{}, false, nil
}
