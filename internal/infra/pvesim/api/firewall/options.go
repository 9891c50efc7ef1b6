package firewall

import (
	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/firewall"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
)

// options are the options of a place.
type options struct {
	place
	cluster *store.Cluster
}

func (a options) routes() []*api.Route {
	return []*api.Route{
		{Method: "GET", Path: a.path + "/options", Groups: a.groups, Check: a.read, Handle: a.get},
		{Method: "PUT", Path: a.path + "/options", Groups: append([]string{a.options}, a.groups...), Check: a.write, Handle: a.set},
	}
}

// entry is the options with numbers where the table says so.
func (a options) entry(c *api.Call) firewall.Entry {
	e := firewall.Entry{}
	for k, v := range a.file(c).Options {
		e[k] = v
		if a.cluster.Tables.IsNumber(a.options, k) {
			e[k] = conf.Int(v)
		}
	}
	return e
}

func (a options) get(c *api.Call) (any, error) {
	e := a.entry(c)
	e["digest"] = firewall.Digest(a.entry(c))
	return e, nil
}

func (a options) set(c *api.Call) (any, error) {
	if err := firewall.CheckDigest(c.Str("digest"), []firewall.Entry{a.entry(c)}); err != nil {
		return nil, err
	}
	set := a.file(c).Options
	for _, k := range schema.SplitList(c.Str("delete")) {
		delete(set, k)
	}
	for k, v := range c.Params {
		if a.cluster.Tables.Has(a.options, k) && k != "delete" && k != "digest" {
			set[k] = v
		}
	}
	return nil, nil
}
