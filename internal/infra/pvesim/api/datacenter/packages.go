package datacenter

import (
	"fmt"
	"slices"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
)

// packages are the repositories that nodes get their packages from.
type packages struct{}

func (a packages) routes() []*api.Route {
	at, on, modify := "/nodes/{node}/apt/repositories", []string{"node"}, api.Need("/nodes/{node}", "Sys.Modify")
	return []*api.Route{
		{Method: "GET", Path: at, Groups: on, Check: api.Need("/nodes/{node}", "Sys.Audit"), Handle: func(c *api.Call) (any, error) { return a.shown(c.Node), nil }},
		{Method: "POST", Path: at, Groups: on, Params: "digest str len=..80\nenabled bool\nindex! int\npath! str", Check: modify, Handle: a.change},
		{Method: "PUT", Path: at, Groups: on, Params: "digest str len=..80\nhandle! str", Check: modify, Handle: a.add},
	}
}

// standard are the repositories of Proxmox, by their handle.
func standard() []struct{ handle, name, component, uri string } {
	const pve, ceph = "http://download.proxmox.com/debian/pve", "http://download.proxmox.com/debian/ceph-squid"
	return []struct{ handle, name, component, uri string }{
		{"enterprise", "Enterprise", "pve-enterprise", "https://enterprise.proxmox.com/debian/pve"},
		{"no-subscription", "No-Subscription", "pve-no-subscription", pve},
		{"test", "Test", "pve-test", pve},
		{"ceph-squid-no-subscription", "Ceph Squid No-Subscription", "no-subscription", ceph},
	}
}

func (a packages) digest(n *store.Node) string { return conf.Digest(fmt.Sprint(n.Repos)) }

func (a packages) shown(n *store.Node) map[string]any {
	files := []map[string]any{}
	for _, r := range n.Repos {
		i := slices.IndexFunc(files, func(f map[string]any) bool { return f["path"] == r.Path })
		if i < 0 {
			i, files = len(files), append(files, map[string]any{"path": r.Path, "file-type": "sources", "repositories": []map[string]any{}})
		}
		enabled := 0
		if r.Enabled {
			enabled = 1
		}
		listed, _ := files[i]["repositories"].([]map[string]any)
		files[i]["repositories"] = append(listed, map[string]any{"Types": []string{"deb"}, "URIs": []string{r.URI}, "Suites": []string{r.Suite}, "Components": []string{r.Component},
			"Enabled": enabled, "FileType": "sources"})
	}
	known := []map[string]any{}
	for _, s := range standard() {
		e := map[string]any{"handle": s.handle, "name": s.name, "description": "The repository " + s.name + " of Proxmox."}
		if i := a.has(n, s.uri, s.component); i >= 0 {
			if e["status"] = 0; n.Repos[i].Enabled {
				e["status"] = 1
			}
		}
		known = append(known, e)
	}
	return map[string]any{"digest": a.digest(n), "errors": []any{}, "infos": []any{}, "files": files, "standard-repos": known}
}

// has is where the node has a repository, or -1.
func (a packages) has(n *store.Node, uri, component string) int {
	return slices.IndexFunc(n.Repos, func(r store.Repository) bool { return r.URI == uri && r.Component == component })
}

func (a packages) change(c *api.Call) (any, error) {
	if d := c.Str("digest"); d != "" && d != a.digest(c.Node) {
		return nil, refusal.Modified()
	}
	index := c.Int("index")
	for i, r := range c.Node.Repos {
		if r.Path != c.Str("path") {
			continue
		}
		if index--; index < 0 {
			if c.Has("enabled") {
				c.Node.Repos[i].Enabled = c.Bool("enabled")
			}
			return nil, nil
		}
	}
	return nil, refusal.Fail("invalid file or index")
}

// add adds one of the standard repositories, or switches it on.
func (a packages) add(c *api.Call) (any, error) {
	for _, s := range standard() {
		if s.handle != c.Str("handle") {
			continue
		}
		if i := a.has(c.Node, s.uri, s.component); i >= 0 {
			c.Node.Repos[i].Enabled = true
			return nil, nil
		}
		c.Node.Repos = append(c.Node.Repos, store.Repository{Path: "/etc/apt/sources.list.d/proxmox.sources", URI: s.uri, Suite: "trixie", Component: s.component, Enabled: true})
		return nil, nil
	}
	return nil, refusal.BadParam("handle", "invalid handle '%s'", c.Str("handle"))
}
