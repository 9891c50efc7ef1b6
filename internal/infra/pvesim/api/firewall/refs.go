package firewall

import (
	"fmt"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/firewall"
	"syslog-gateway/internal/infra/pvesim/store"
)

// refs are the aliases and IP sets that rules of a place may name: its own, and those of the
// cluster.
type refs struct {
	place
	cluster *store.Cluster
}

func (a refs) routes() []*api.Route {
	return []*api.Route{{Method: "GET", Path: a.path + "/refs", Groups: a.groups, Params: "type str enum=alias|ipset", Check: a.read, Handle: a.list}}
}

func (a refs) list(c *api.Call) (any, error) {
	out := []map[string]any{}
	add := func(kind, scope string, entries []firewall.Entry) {
		for _, e := range entries {
			if c.Has("type") && c.Str("type") != kind {
				continue
			}
			ref := fmt.Sprintf("%s/%s", scope, e["name"])
			if kind == "ipset" {
				ref = "+" + ref
			}
			entry := map[string]any{"type": kind, "name": e["name"], "ref": ref, "scope": scope}
			if e["comment"] != nil {
				entry["comment"] = e["comment"]
			}
			out = append(out, entry)
		}
	}
	add("alias", "dc", a.cluster.Firewall.Aliases.Entries())
	add("ipset", "dc", a.cluster.Firewall.Sets.Entries())
	if a.kind == firewall.Guest {
		add("alias", "guest", a.file(c).Aliases.Entries())
		add("ipset", "guest", a.file(c).Sets.Entries())
	}
	return out, nil
}
