package plan

import (
	"net/url"
	"slices"

	"syslog-gateway/internal/infra/declaration"
)

// pools compares the declared pools. Pools that are not declared are left alone.
func (m *maker) pools() {
	for _, p := range m.estate.Pools {
		id := ObjectPool + "/" + p.ID
		comment, exists := m.live.pools[p.ID]
		c := Change{Key: p.ID, Object: ObjectPool, Name: p.ID}
		params := url.Values{"poolid": {p.ID}, "comment": {p.Comment}}
		switch {
		case !exists && (m.only(id) || m.needsPool(p.ID)):
			c.Action = Create
			c.Fields = []Diff{{Path: "comment", To: p.Comment}}
			c.Steps = []Step{write("create", "POST", "/pools", params)}
		case exists && comment != p.Comment && m.only(id):
			c.Action = Update
			c.Fields = []Diff{{Path: "comment", From: comment, To: p.Comment}}
			c.Steps = []Step{write("change", "PUT", "/pools", params)}
		default:
			continue
		}
		m.add(c)
	}
}

// needsPool says whether a guest that is looked at is in the pool.
func (m *maker) needsPool(id string) bool {
	return slices.ContainsFunc(m.declared, func(g *declaration.Guest) bool { return g.Pool == id })
}

func (m *maker) declaresPool(id string) bool {
	return slices.ContainsFunc(m.estate.Pools, func(p declaration.Pool) bool { return p.ID == id })
}
