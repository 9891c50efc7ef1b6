package datacenter

import (
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/store"
)

// logins are who is logged in and what they may do.
type logins struct{ cluster *store.Cluster }

func (a logins) routes() []*api.Route {
	return []*api.Route{
		{Method: "POST", Path: "/access/ticket", Params: `
			new-format bool
			otp str
			password! str
			path str len=..64 requires=privs
			privs str len=..64 requires=path
			realm str len=..32
			tfa-challenge str
			username! str len=..64`, Handle: a.ticket},
		{Method: "GET", Path: "/access/permissions", Params: "path str\nuserid str", Handle: a.permissions},
		{Method: "GET", Path: "/version", Handle: func(*api.Call) (any, error) { return version(), nil }},
	}
}

func version() map[string]any {
	return map[string]any{"version": "9.2.11", "release": "9.2", "repoid": "14a22df35955d97d"}
}

func (a logins) ticket(c *api.Call) (any, error) {
	user := c.Str("username")
	if realm := c.Str("realm"); realm != "" && !strings.Contains(user, "@") {
		user += "@" + realm
	}
	ticket, csrf, err := a.cluster.Access.NewTicket(user, c.Str("password"))
	if err != nil {
		return nil, err
	}
	id := a.cluster.Access.Identity(user)
	capabilities := map[string]map[string]int{}
	for area, path := range map[string]string{"vms": "/vms", "storage": "/storage", "access": "/access", "nodes": "/nodes", "dc": "/", "sdn": "/sdn", "mapping": "/mapping"} {
		capabilities[area] = map[string]int{}
		for p := range id.Privileges(path) {
			capabilities[area][p] = 1
		}
	}
	return map[string]any{"username": user, "ticket": ticket, "CSRFPreventionToken": csrf, "cap": capabilities}, nil
}

func (a logins) permissions(c *api.Call) (any, error) {
	id := c.User
	if other := c.Str("userid"); other != "" && other != c.User.Name() {
		id = a.cluster.Access.Identity(other)
		if id.User != c.User.User {
			if err := c.User.Require("/access", "Sys.Audit"); err != nil {
				return nil, err
			}
		}
	}
	paths := append([]string{"/", "/access", "/access/groups", "/mapping", "/nodes", "/pool", "/sdn", "/storage", "/vms"}, a.cluster.Access.Paths()...)
	if p := c.Str("path"); p != "" {
		paths = []string{p}
	}
	out := map[string]map[string]int{}
	for _, p := range paths {
		if privs := id.Privileges(p); len(privs) > 0 || c.Has("path") {
			out[p] = privs
		}
	}
	return out, nil
}
