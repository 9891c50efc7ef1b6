package datacenter

import (
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
)

// pools are the resource pools.
type pools struct{ cluster *store.Cluster }

func (a pools) routes() []*api.Route {
	alloc := api.Need("/pool/{poolid}", "Pool.Allocate")
	update := "allow-move bool\ncomment str\ndelete bool\npoolid! pool\nstorage storages\nvms vmids"
	return []*api.Route{
		{Method: "GET", Path: "/pools", Params: "poolid pool\ntype str enum=qemu|lxc|storage requires=poolid", Handle: a.list},
		{Method: "POST", Path: "/pools", Params: "comment str\npoolid! pool", Check: alloc, Handle: a.create},
		{Method: "PUT", Path: "/pools", Params: update, Check: alloc, Handle: a.update},
		{Method: "DELETE", Path: "/pools", Params: "poolid! pool", Check: alloc, Handle: a.remove},
		{Method: "GET", Path: "/pools/{poolid}", Params: "poolid! pool\ntype str enum=qemu|lxc|storage", Check: api.Need("/pool/{poolid}", "Pool.Audit"), Handle: a.get},
		{Method: "PUT", Path: "/pools/{poolid}", Params: update, Check: alloc, Handle: a.update},
		{Method: "DELETE", Path: "/pools/{poolid}", Params: "poolid! pool", Check: alloc, Handle: a.remove},
	}
}

func (a pools) list(c *api.Call) (any, error) {
	if c.Has("poolid") {
		if err := c.User.Require("/pool/"+c.Str("poolid"), "Pool.Audit"); err != nil {
			return nil, err
		}
		p, err := a.describe(c)
		if err != nil {
			return nil, err
		}
		p["poolid"] = c.Str("poolid")
		return []map[string]any{p}, nil
	}
	out := []map[string]any{}
	for _, id := range a.cluster.Pools.IDs() {
		if !c.User.Can("/pool/"+id, "Pool.Audit") {
			continue
		}
		entry := map[string]any{"poolid": id}
		if p := a.cluster.Pools.Get(id); p.Comment != "" {
			entry["comment"] = p.Comment
		}
		out = append(out, entry)
	}
	return out, nil
}

func (a pools) get(c *api.Call) (any, error) { return a.describe(c) }

func (a pools) describe(c *api.Call) (map[string]any, error) {
	p := a.cluster.Pools.Get(c.Str("poolid"))
	if p == nil {
		return nil, refusal.Fail("pool '%s' does not exist", c.Str("poolid"))
	}
	members := []map[string]any{}
	for _, id := range p.Guests {
		if g := a.cluster.Guests.Get(id); g != nil && (!c.Has("type") || c.Str("type") == g.Kind) {
			members = append(members, guestEntry(a.cluster, g))
		}
	}
	for _, id := range p.Storages {
		if st := a.cluster.Datastores.Get(id); st != nil && (!c.Has("type") || c.Str("type") == "storage") {
			members = append(members, storageEntry(a.cluster, st, a.cluster.Nodes.First().Name))
		}
	}
	out := map[string]any{"members": members}
	if p.Comment != "" {
		out["comment"] = p.Comment
	}
	return out, nil
}

func (a pools) create(c *api.Call) (any, error) {
	id := c.Str("poolid")
	if strings.Count(id, "/") > 2 {
		return nil, refusal.BadParam("poolid", "invalid format - pool name '%s' nested too deeply (max levels = 3)\n", id)
	}
	if a.cluster.Pools.Get(id) != nil {
		return nil, refusal.Fail("create pool failed: pool '%s' already exists", id)
	}
	if i := strings.LastIndexByte(id, '/'); i >= 0 && a.cluster.Pools.Get(id[:i]) == nil {
		return nil, refusal.Fail("create pool failed: parent '%s' of pool '%s' does not exist", id[:i], id)
	}
	a.cluster.Pools.Add(&store.Pool{ID: id, Comment: c.Str("comment")})
	return nil, nil
}

func (a pools) update(c *api.Call) (any, error) {
	p := a.cluster.Pools.Get(c.Str("poolid"))
	if p == nil {
		return nil, refusal.Fail("update pools failed: pool '%s' does not exist", c.Str("poolid"))
	}
	vms, storages := slices.Clone(p.Guests), slices.Clone(p.Storages)
	moved := map[int]bool{}
	for _, e := range schema.SplitList(c.Str("vms")) {
		if err := c.User.Require("/vms/"+e, "VM.Allocate"); err != nil {
			return nil, err
		}
		if err := a.member(c, p, conf.Int(e), &vms, moved); err != nil {
			return nil, refusal.Fail("update pools failed: %s", err)
		}
	}
	for _, e := range schema.SplitList(c.Str("storage")) {
		if err := c.User.Require("/storage/"+e, "Datastore.Allocate"); err != nil {
			return nil, err
		}
		i := slices.Index(storages, e)
		switch {
		case c.Bool("delete") && i < 0:
			return nil, refusal.Fail("update pools failed: Storage '%s' is not a pool member", e)
		case c.Bool("delete"):
			storages = slices.Delete(storages, i, i+1)
		case i >= 0:
			return nil, refusal.Fail("update pools failed: Storage '%s' is already a pool member", e)
		default:
			storages = append(storages, e)
		}
	}
	for id := range moved {
		a.cluster.Pools.Leave(id)
	}
	p.Guests, p.Storages = vms, storages
	if c.Has("comment") {
		p.Comment = c.Str("comment")
	}
	return nil, nil
}

// member adds one guest to, or takes it from, the list of a pool.
func (a pools) member(c *api.Call, p *store.Pool, id int, vms *[]int, moved map[int]bool) error {
	i := slices.Index(*vms, id)
	if c.Bool("delete") {
		if i < 0 {
			return fmt.Errorf("VM %d is not a pool member", id)
		}
		*vms = slices.Delete(*vms, i, i+1)
		return nil
	}
	if i >= 0 {
		return fmt.Errorf("VM %d is already a pool member", id)
	}
	if other := a.cluster.Pools.Of(id); other != nil && other != p {
		if !c.Bool("allow-move") {
			return fmt.Errorf("VM %d belongs already to pool '%s' and 'allow-move' is not set", id, other.ID)
		}
		moved[id] = true
	}
	*vms = append(*vms, id)
	slices.Sort(*vms)
	return nil
}

func (a pools) remove(c *api.Call) (any, error) {
	id := c.Str("poolid")
	p := a.cluster.Pools.Get(id)
	if p == nil {
		return nil, refusal.Fail("delete pool failed: pool '%s' does not exist", id)
	}
	for _, other := range a.cluster.Pools.IDs() {
		if strings.HasPrefix(other, id+"/") {
			return nil, refusal.Fail("delete pool failed: pool '%s' is not empty (contains pool '%s')", id, other)
		}
	}
	if len(p.Guests) > 0 {
		return nil, refusal.Fail("delete pool failed: pool '%s' is not empty (contains VM %d)", id, p.Guests[0])
	}
	if len(p.Storages) > 0 {
		return nil, refusal.Fail("delete pool failed: pool '%s' is not empty (contains storage '%s')", id, p.Storages[0])
	}
	a.cluster.Pools.Remove(id)
	a.cluster.Access.Forget("/pool/" + id)
	return nil, nil
}
