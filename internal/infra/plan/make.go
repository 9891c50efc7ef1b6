package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/acme"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/firewall"
	"syslog-gateway/internal/infra/plan/guest"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/plan/scope"
	"syslog-gateway/internal/infra/plan/storage"
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
	guests := &guest.Planner{
		Scope: m.scope, Live: m.live.Cluster, Owner: m.owner, List: &m.plan.List, Root: opts.Root,
		AllowReplace: m.opts.allowed.replace, AllowReboot: m.opts.allowed.reboot, AllowReuse: m.opts.allowed.reuse,
	}
	walls := &firewall.Planner{Scope: m.scope, Live: m.live.Cluster, List: &m.plan.List}
	certificates := &acme.Planner{Declared: e.Extra, Live: m.live.ACME, List: &m.plan.List, Root: opts.Root}
	needs := &storage.Checker{Scope: m.scope, Live: m.live, List: &m.plan.List, Upload: opts.Upload}

	m.pools()
	walls.Groups()
	guests.Plan()
	if err := needs.Check(ctx); err != nil {
		return nil, err
	}
	walls.Plan()
	certificates.Plan()
	m.vanish()
	m.plan.Order()
	return m.plan, nil
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
