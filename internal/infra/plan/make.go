package plan

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/acme"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/dns"
	"syslog-gateway/internal/infra/plan/firewall"
	"syslog-gateway/internal/infra/plan/guest"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/plan/scope"
	"syslog-gateway/internal/infra/plan/storage"
	"syslog-gateway/internal/infra/pve"
)

// maker makes one plan.
type maker struct {
	opts    Options
	live    *live.Reader
	scope   *scope.Scope
	owner   live.Owner
	leaving []leaver
	plan    *Plan
}

// Make reads what is live and compares it with the estate. An error says that reading
// failed, or that Only or an Allow list names something unknown; changes that
// are impossible are in the plan.
func Make(ctx context.Context, api live.API, e *declaration.Estate, opts Options) (*Plan, error) {
	m, err := newMaker(api, e, opts, opts.OnlyName)
	if err != nil {
		return nil, err
	}
	if err := m.read(ctx); err != nil {
		return nil, err
	}
	again := opts.allowed != nil
	guests := &guest.Planner{
		AllowDetach: m.opts.allowed.detach, Detached: map[int][]string{},
		Scope: m.scope, Live: m.live.Cluster, Owner: m.owner, List: &m.plan.List, Root: opts.Root,
		AllowReplace: m.opts.allowed.replace, AllowReboot: m.opts.allowed.reboot, AllowReuse: m.opts.allowed.reuse,
	}
	walls := &firewall.Planner{Scope: m.scope, Live: m.live.Cluster, Owner: m.owner, List: &m.plan.List, Others: m.opts.others}
	certificates := &acme.Planner{Declared: e.Extra, Live: m.live.ACME, List: &m.plan.List, Root: opts.Root, Others: m.opts.others}
	needs := &storage.Checker{Scope: m.scope, Live: m.live, List: &m.plan.List, Upload: opts.Upload}

	m.pools()
	walls.Groups()
	guests.Plan()
	if err := m.allDetached(guests.Detached); err != nil && !again {
		return nil, err
	}
	if err := needs.Check(ctx); err != nil {
		return nil, err
	}
	walls.Plan()
	certificates.Plan()
	if err := m.records(ctx); err != nil {
		return nil, err
	}
	m.vanish()
	m.plan.Order()
	return m.plan, nil
}

// records compares DNS, if it is declared and the whole estate is planned.
func (m *maker) records(ctx context.Context) error {
	if m.opts.Zone == nil || m.scope.Estate.DNS == nil || !m.scope.All() {
		return m.opts.AllowRecords.Unused()
	}
	records := &dns.Planner{Estate: m.scope.Estate, Zone: m.opts.Zone, List: &m.plan.List, Allowed: m.opts.AllowRecords}
	return records.Plan(ctx)
}

func newMaker(api live.API, e *declaration.Estate, opts Options, verb string) (*maker, error) {
	s, err := scope.New(e, opts.Only, verb)
	if err != nil {
		return nil, err
	}
	owner := live.Owner{Estate: e, Known: opts.Known}
	return &maker{
		opts: opts, scope: s, owner: owner, live: live.NewReader(api, opts.Parallel, s, owner),
		plan: &Plan{estate: e, opts: opts, List: change.List{Changes: []change.Change{}}, Guests: len(s.Guests)},
	}, nil
}

// read reads everything that the comparison needs but the storages, and finds out whom
// the Allow lists name.
func (m *maker) read(ctx context.Context) error {
	if err := m.live.ReadCluster(ctx); err != nil {
		return err
	}
	if err := m.checkNodes(); err != nil {
		return err
	}
	undeclared, err := m.live.ReadGuests(ctx)
	if err != nil {
		return err
	}
	m.leavers(undeclared)
	if err := m.resolve(); err != nil {
		return err
	}
	if err := m.live.ReadLeaving(ctx); err != nil {
		return err
	}
	if err := m.live.ReadDormant(ctx); err != nil {
		return err
	}
	return m.live.ReadPending(ctx, m.needRestartCheck())
}

// checkNodes refuses nodes that the cluster does not have: everything asked of them fails
// with a sentence about host names.
func (m *maker) checkNodes() error {
	if len(m.live.Nodes) == 0 {
		return nil // without Sys.Audit nodes are not shown
	}
	for _, n := range m.scope.Nodes() {
		if !slices.Contains(m.live.Nodes, n) {
			slices.Sort(m.live.Nodes)
			return fmt.Errorf("the cluster has no node %s, it has %s: correct proxmox_node or PROXMOX_VE_NODE, "+
				"or the node of the guest", n, strings.Join(m.live.Nodes, ", "))
		}
	}
	return nil
}

// planned are the live guests of the plan: the declared ones in scope, nil where one does not
// exist, and those that leave.
func (m *maker) planned() []*live.Guest {
	var out []*live.Guest
	for _, g := range m.scope.Guests {
		out = append(out, m.live.Of(g))
	}
	for _, l := range m.leaving {
		out = append(out, l.Guest)
	}
	return out
}

// needRestartCheck are the live guests whose pending changes must be read. A settled guest
// needs it only if one of its volumes is missing, or if a flag allows to restart or remove.
func (m *maker) needRestartCheck() []*live.Guest {
	allowed := len(m.opts.AllowDestroy)+len(m.opts.AllowReplace)+len(m.opts.AllowReboot)+len(m.opts.AllowReuse) > 0
	out := m.planned()
	if allowed {
		return out
	}
	for i, g := range m.scope.Guests {
		if lv := out[i]; lv != nil && lv.Conf != nil && m.owner.Settled(g, lv) && !m.live.LacksVolume(lv) {
			out[i] = nil
		}
	}
	return out
}

// MakeDestroy plans the removal of declared guests. Protected ones, and those with data,
// are refused unless the declaration says that they are not protected.
func MakeDestroy(ctx context.Context, api live.API, e *declaration.Estate, keys []string, opts Options) (*Plan, error) {
	opts.Only = keys
	m, err := newMaker(api, e, opts, "destroy")
	if err != nil {
		return nil, err
	}
	m.plan.destroy = true
	if err := m.live.ReadCluster(ctx); err != nil {
		return nil, err
	}
	if _, err := m.live.ReadGuests(ctx); err != nil {
		return nil, err
	}
	if err := m.live.ReadPending(ctx, m.planned()); err != nil {
		return nil, err
	}
	for _, g := range m.scope.Guests {
		if lv := m.live.Of(g); lv != nil {
			m.plan.Add(m.destroy(g, lv))
		} else {
			m.plan.AddNote(g.Key, "it is not there")
		}
	}
	return m.plan, nil
}

// destroy removes the live guest of a declared one, if it is that one and may go.
func (m *maker) destroy(g *declaration.Guest, lv *live.Guest) change.Change {
	why := cmp.Or(m.owner.Foreign(g, lv), m.owner.Reuses(g, lv))
	if why == "" && !m.owner.Sure(g, lv) {
		why = guest.RenameFirst(g, lv)
	}
	if why != "" {
		return change.Change{Key: g.Key, Object: change.ObjectOf(g.Kind), Action: change.Refuse, Name: g.Name, VMID: g.VMID, Node: lv.Node,
			Blocks: []change.Block{{Why: why}}}
	}
	c := guest.Destroy(g.Key, lv)
	c.Steps = append(guest.Unprotect(lv), c.Steps...)
	if why := guest.Guard(g, lv); why != "" {
		c.Blocks = append(c.Blocks, change.Block{Why: why + ": " + guest.Unguard(g)})
	}
	return c
}

// Orphan is a live guest that is not declared.
type Orphan struct {
	VMID   int              `json:"vmid"`
	Kind   declaration.Kind `json:"kind"`
	Name   string           `json:"name"`
	Node   string           `json:"node"`
	Status string           `json:"status"`
	Pool   string           `json:"pool,omitempty"`
	// Marked is true if the guest is in the record, or has the estate's tags. One that only has
	// the tags may be another declaration's.
	Marked   bool `json:"marked"`
	Recorded bool `json:"recorded"`
	// Protected guests and those with data disks are never offered for removal.
	Protected bool     `json:"protected"`
	Removable bool     `json:"removable"`
	Volumes   []string `json:"volumes,omitempty"` // key and volume; they would be removed with it
}

// Orphans lists the live guests that are not declared, by VMID, without templates.
func Orphans(ctx context.Context, api live.API, e *declaration.Estate, opts Options) ([]Orphan, error) {
	opts.Only = nil
	m, err := newMaker(api, e, opts, "")
	if err != nil {
		return nil, err
	}
	if err := m.live.ReadCluster(ctx); err != nil {
		return nil, err
	}
	found := m.live.Undeclared(e)
	if err := m.live.ReadConfigs(ctx, found); err != nil && !pve.IsForbidden(err) {
		return nil, err
	}
	if err := m.live.ReadPending(ctx, found); err != nil && !pve.IsForbidden(err) {
		return nil, err
	}
	out := make([]Orphan, 0, len(found))
	for _, lv := range found {
		known, recorded := m.owner.Recorded(lv)
		o := Orphan{
			VMID: lv.VMID, Kind: lv.Kind(), Name: lv.Name, Node: lv.Node, Status: lv.Status, Pool: lv.Pool,
			Marked: recorded || m.owner.Marked(lv), Recorded: recorded, Protected: lv.Protected() || known.Protected,
		}
		for _, key := range lv.Volumes() {
			o.Volumes = append(o.Volumes, key+" "+lv.Volume(key))
		}
		o.Removable = o.Marked && (recorded || m.opts.Known == nil) && !o.Protected && lv.Conf != nil && (known.Unprotected || len(lv.DataDisks()) == 0)
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b Orphan) int { return a.VMID - b.VMID })
	return out, nil
}

// pools compares the declared pools. Undeclared pools stay as they are, and so does a
// comment that is not declared: another declaration may have the same pool.
func (m *maker) pools() {
	for _, p := range m.scope.Pools {
		comment, exists := m.live.Pools[p.ID]
		c := change.Change{Key: p.ID, Object: change.ObjectPool, Name: p.ID}
		params := url.Values{"poolid": {p.ID}, "comment": {p.Comment}}
		switch {
		case !exists && (m.scope.Pool(p.ID) || m.scope.NeedsPool(p.ID)):
			c.Action = change.Create
			c.Fields = []change.Diff{{Path: "comment", To: p.Comment}}
			c.Steps = []change.Step{change.Write("create", "POST", "/pools", params)}
			if parent := path.Dir(p.ID); parent != "." {
				if _, there := m.live.Pools[parent]; !there && !m.scope.DeclaresPool(parent) {
					c.Blocks = []change.Block{{Why: "there is no pool " + parent + ", which it is to be in: declare that one as well"}}
				}
				c.After = append(c.After, change.ObjectPool+"/"+parent)
			}
		case exists && comment != p.Comment && p.CommentDeclared && m.scope.Pool(p.ID):
			c.Action = change.Update
			if comment != "" && m.opts.others(c.ID(), c.ID(), false) {
				c.Blocks = []change.Block{{
					Why: fmt.Sprintf("a pool of that name is there, was not applied here, and its comment is %q: remove the comment from the declaration, "+
						"which leaves the pool's as it is, or say by name that the pool is this estate's", comment),
					Flag: "--allow-reuse " + c.ID(),
				}}
			}
			c.Fields = []change.Diff{{Path: "comment", From: comment, To: p.Comment}}
			c.Steps = []change.Step{change.Write("change", "PUT", "/pools", params)}
		default:
			continue
		}
		m.plan.Add(c)
	}
}
