// Package datacenter is the part of the API that is not about single guests: logging in,
// users and their rights, the cluster's resources, nodes and their certificates, tasks, pools,
// datastores and what lies on them, backups, HA, ACME. [Routes] are its routes; every object has a type for its handlers.
//
// Guests and firewalls have packages of their own.
package datacenter

import (
	"slices"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/store"
)

// Routes are the routes on a cluster. Without one they can be read and not handled.
func Routes(c *store.Cluster) []*api.Route {
	sections := append([]section{metricServers(c), realms(c), replications(c)}, mappings(c)...)
	out := sdn{c}.routes()
	for _, s := range sections {
		out = append(out, s.routes()...)
	}
	return slices.Concat(out,
		logins{c}.routes(), users{c}.routes(), authority{c}.routes(), ha{c}.routes(), backups{c}.routes(), facts{c}.routes(), resources{c}.routes(), nodes{c}.routes(), interfaces{}.routes(), packages{}.routes(), certificates{c}.routes(), tasks{c}.routes(),
		content{c}.routes(), storages{c}.routes(), pools{c}.routes(), acme{c}.routes(),
	)
}

// on is a handler that gets the datastore which a call names, once the node can use it.
func on(cluster *store.Cluster, handle func(*api.Call, *store.Datastore) (any, error)) func(*api.Call) (any, error) {
	return api.On(func(c *api.Call) (*store.Datastore, error) {
		return cluster.Datastores.On(c.Node.Name, c.Str("storage"))
	}, handle)
}

// visible reports whether the user may see a datastore.
func visible(c *api.Call, id string) bool {
	return c.User.RequireAny("/storage/"+id, "Datastore.Audit", "Datastore.AllocateSpace") == nil
}
