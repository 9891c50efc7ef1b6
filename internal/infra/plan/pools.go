package plan

import (
	"net/url"

	"syslog-gateway/internal/infra/plan/change"
)

// pools compares the declared pools. Undeclared pools stay as they are.
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
		case exists && comment != p.Comment && m.scope.Pool(p.ID):
			c.Action = change.Update
			c.Fields = []change.Diff{{Path: "comment", From: comment, To: p.Comment}}
			c.Steps = []change.Step{change.Write("change", "PUT", "/pools", params)}
		default:
			continue
		}
		m.plan.Add(c)
	}
}
