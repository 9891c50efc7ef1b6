package plan

import (
	"cmp"
	"context"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/guest"
	"syslog-gateway/internal/infra/plan/live"
)

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
