package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// maker makes one plan.
type maker struct {
	api      API
	estate   *declaration.Estate
	opts     Options
	live     *live
	declared []*declaration.Guest // those that are looked at
	leaving  []leaver
	plan     *Plan
	content  map[string]map[string]bool // volumes by node, content type and storage
}

// Make reads what is live and compares it with the estate. An error says that reading
// failed, or that Only or an Allow list names something unknown; what can't be done with what was found
// is in the plan.
func Make(ctx context.Context, api API, e *declaration.Estate, opts Options) (*Plan, error) {
	m := newMaker(api, e, opts)
	if err := m.choose(); err != nil {
		return nil, err
	}
	if err := m.readCluster(ctx); err != nil {
		return nil, err
	}
	if err := m.checkNodes(); err != nil {
		return nil, err
	}
	if err := m.readGuests(ctx); err != nil {
		return nil, err
	}
	if err := m.resolve(); err != nil {
		return nil, err
	}
	if err := m.readLeaving(ctx); err != nil {
		return nil, err
	}
	if err := m.readPending(ctx, m.doubtful()); err != nil {
		return nil, err
	}
	m.pools()
	m.groups()
	m.guests()
	if err := m.checks(ctx); err != nil {
		return nil, err
	}
	m.firewalls()
	m.acme()
	m.vanish()
	m.order()
	return m.plan, nil
}

func newMaker(api API, e *declaration.Estate, opts Options) *maker {
	return &maker{
		api: api, estate: e, opts: opts,
		live: &live{
			guests: map[int]*guest{}, pools: map[string]string{}, groups: map[string]*liveGroup{},
			nodeRules: map[string][]LiveRule{},
			nodeOpts:  map[string]pve.Config{}, storage: map[string]map[string]storage{},
		},
		content: map[string]map[string]bool{},
		plan:    &Plan{estate: e, opts: opts, Changes: []Change{}},
	}
}

// choose takes the guests that Only names, all without it.
func (m *maker) choose() error {
	named := map[string]bool{}
	for _, k := range m.opts.Only {
		named[k] = true
	}
	for _, g := range m.estate.Guests() {
		if len(m.opts.Only) == 0 || named[g.Key] {
			m.declared = append(m.declared, g)
			delete(named, g.Key)
		}
	}
	if !m.plan.destroy {
		for _, p := range m.estate.Pools {
			delete(named, ObjectPool+"/"+p.ID)
		}
	}
	for _, k := range m.opts.Only { // in the order given
		if named[k] {
			return m.unknown(k)
		}
	}
	m.plan.Guests = len(m.declared)
	return nil
}

// unknown says that a key of Only is none.
func (m *maker) unknown(key string) error {
	const keys = "the keys are those of containers and vms in deployment.json, and splunk"
	switch {
	case m.plan.destroy:
		return fmt.Errorf("destroy %s: that is no guest of the declaration; %s", key, keys)
	case m.opts.OnlyName != "":
		return fmt.Errorf("%s %s: that is no guest of the declaration; %s", m.opts.OnlyName, key, keys)
	}
	return fmt.Errorf("--only %s: neither a guest of the declaration nor pool/ID; %s", key, keys)
}

// only says whether an object other than a guest is to be looked at.
func (m *maker) only(id string) bool {
	return len(m.opts.Only) == 0 || slices.Contains(m.opts.Only, id)
}

// nodes are those that declared guests are on, and the estate's own.
func (m *maker) nodes() []string {
	nodes := []string{m.estate.Node}
	for _, g := range m.declared {
		nodes = append(nodes, g.Node)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// checkNodes refuses nodes that the cluster has not: everything asked of them fails with
// a sentence about host names.
func (m *maker) checkNodes() error {
	if len(m.live.nodes) == 0 {
		return nil // without Sys.Audit nodes are not shown
	}
	for _, n := range m.nodes() {
		if !slices.Contains(m.live.nodes, n) {
			slices.Sort(m.live.nodes)
			return fmt.Errorf("the cluster has no node %s, it has %s: correct proxmox_node or PROXMOX_VE_NODE, "+
				"or the node of the guest", n, strings.Join(m.live.nodes, ", "))
		}
	}
	return nil
}

// guests compares every declared guest.
func (m *maker) guests() {
	for i := range m.estate.Containers {
		if c := &m.estate.Containers[i]; m.looksAt(&c.Guest) {
			m.guest(&c.Guest, containerParts(m, c))
		}
	}
	for i := range m.estate.VMs {
		if v := &m.estate.VMs[i]; m.looksAt(&v.Guest) {
			m.guest(&v.Guest, vmParts(m, v))
		}
	}
	if v := m.estate.Splunk; v != nil && m.looksAt(&v.Guest) {
		m.guest(&v.Guest, vmParts(m, v))
	}
}

func (m *maker) looksAt(g *declaration.Guest) bool { return slices.Contains(m.declared, g) }

func (m *maker) add(c Change) { m.plan.Changes = append(m.plan.Changes, c) }

func (m *maker) note(key, format string, args ...any) {
	m.plan.Notes = append(m.plan.Notes, Note{Key: key, Text: fmt.Sprintf(format, args...)})
}

// change returns the change of that ID.
func (m *maker) change(id string) *Change {
	for i := range m.plan.Changes {
		if m.plan.Changes[i].ID() == id {
			return &m.plan.Changes[i]
		}
	}
	return nil
}

// rank is the order in which objects are shown; After says what waits for what.
var rank = []string{
	ObjectPool, ObjectTemplate, ObjectContainer, ObjectVM, ObjectGroup, ObjectGuestFirewall,
	ObjectNodeFirewall, ObjectClusterFirewall, ObjectACMEAccount, ObjectACMEPlugin, ObjectACMECertificate,
}

// order sorts the changes and drops what waits for objects that don't change.
func (m *maker) order() {
	slices.SortStableFunc(m.plan.Changes, func(a, b Change) int {
		return slices.Index(rank, a.Object) - slices.Index(rank, b.Object)
	})
	for i := range m.plan.Changes {
		c := &m.plan.Changes[i]
		c.After = slices.DeleteFunc(c.After, func(id string) bool { return m.change(id) == nil })
	}
}
