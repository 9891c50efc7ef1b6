package plan

import (
	"context"
	"slices"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pve"
)

// Orphan is a live guest that is not declared.
type Orphan struct {
	VMID   int              `json:"vmid"`
	Kind   declaration.Kind `json:"kind"`
	Name   string           `json:"name"`
	Node   string           `json:"node"`
	Status string           `json:"status"`
	Pool   string           `json:"pool,omitempty"`
	// Marked is true if the guest is in the record, or has the estate's tags.
	Marked bool `json:"marked"`
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
			Marked: recorded || m.owner.Marked(lv), Protected: lv.Protected() || known.Protected,
		}
		for _, key := range lv.Volumes() {
			o.Volumes = append(o.Volumes, key+" "+lv.Volume(key))
		}
		o.Removable = o.Marked && !o.Protected && lv.Conf != nil && (known.Unprotected || len(lv.DataDisks()) == 0)
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b Orphan) int { return a.VMID - b.VMID })
	return out, nil
}
