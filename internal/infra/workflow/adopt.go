package workflow

import (
	"context"
	"fmt"
	"slices"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
)

// Adoption is what adopt made of one guest.
type Adoption struct {
	Key     string        `json:"key"`
	VMID    int           `json:"vmid"`
	Adopted bool          `json:"adopted"`
	Says    string        `json:"says"`
	Fields  []change.Diff `json:"fields,omitempty"`
	Refused bool          `json:"-"` // the guest is live and cannot be adopted
}

// Adopt records the declared guests that are live already as ours; keys restricts it to
// some. Nothing changes on Proxmox VE.
func (w *Work) Adopt(ctx context.Context, keys []string) ([]Adoption, error) {
	p, err := w.Plan(ctx, plan.Options{Only: keys, OnlyName: "adopt"})
	if err != nil {
		return nil, err
	}
	changes := make(map[int]change.Change)
	for _, c := range p.Changes {
		if c.Guest() && c.Action != change.Destroy {
			changes[c.VMID] = c
		}
	}
	var all []Adoption
	for _, g := range w.estate.Guests() {
		if len(keys) > 0 && !slices.Contains(keys, g.Key) {
			continue
		}
		c, changed := changes[g.VMID]
		a := adoption(g, c, changed)
		if a.Adopted {
			w.register.guest(g)
		}
		all = append(all, a)
	}
	return all, w.dir.Save(w.record)
}

// adoption judges one guest by its change in the plan. A guest without a change is live
// and as declared.
func adoption(g *declaration.Guest, c change.Change, changed bool) Adoption {
	a := Adoption{Key: g.Key, VMID: g.VMID, Fields: c.Fields, Refused: c.Action == change.Refuse}
	switch {
	case !changed:
		a.Adopted, a.Says = true, "as declared"
	case c.Action == change.Create || c.Action == change.Wait:
		a.Says, a.Fields = "does not exist: apply creates it", nil
	case c.Action == change.Refuse && len(c.Blocks) > 0:
		a.Says = c.Blocks[0].Why
	case c.Action == change.Replace:
		a.Adopted, a.Says = true, differences(c)+", not all can be changed in place"
	default:
		a.Adopted, a.Says = true, differences(c)
	}
	return a
}

func differences(c change.Change) string {
	if len(c.Fields) == 1 {
		return "1 field differs"
	}
	return fmt.Sprintf("%d fields differ", len(c.Fields))
}
