package guests

import (
	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
)

// change checks what every configuration write has in common.
func (a guests) change(c *api.Call) (*store.Change, error) {
	ch := &store.Change{Set: a.settings(c), Delete: schema.SplitList(c.Str("delete")), Revert: schema.SplitList(c.Str("revert")), Force: c.Bool("force")}
	if len(ch.Set)+len(ch.Delete)+len(ch.Revert) == 0 {
		return nil, refusal.Fail("no options specified")
	}
	for _, k := range ch.Revert {
		if !a.cluster.Tables.Has(a.kind, k) {
			return nil, refusal.BadParam("revert", "unknown option '%s'", k)
		}
		if _, both := ch.Set[k]; both {
			return nil, refusal.BadParam("revert", "you can't use '-%s' and '-revert %s' at the same time", k, k)
		}
	}
	for _, k := range ch.Delete {
		if _, both := ch.Set[k]; both {
			return nil, refusal.BadParam("delete", "you can't use '-%s' and -delete %s' at the same time", k, k)
		}
		if !a.cluster.Tables.Has(a.kind, k) {
			return nil, refusal.BadParam("delete", "unknown option '%s'", k)
		}
	}
	return ch, nil
}
