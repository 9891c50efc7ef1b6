package pvesim

import (
	"fmt"
	"slices"
	"strings"
)

// pool is a resource pool.
type pool struct {
	id, comment string
	vms         []int
	storages    []string
}

func poolRoutes() []*route {
	alloc := need("/pool/{poolid}", "Pool.Allocate")
	update := "allow-move bool\ncomment str\ndelete bool\npoolid! pool\nstorage storages\nvms vmids"
	return []*route{
		{method: "GET", path: "/pools", params: "poolid pool\ntype str enum=qemu|lxc|storage requires=poolid", handle: getPools},
		{method: "POST", path: "/pools", params: "comment str\npoolid! pool", check: alloc, handle: createPool},
		{method: "PUT", path: "/pools", params: update, check: alloc, handle: updatePool},
		{method: "DELETE", path: "/pools", params: "poolid! pool", check: alloc, handle: deletePool},
		{method: "GET", path: "/pools/{poolid}", params: "poolid! pool\ntype str enum=qemu|lxc|storage", check: need("/pool/{poolid}", "Pool.Audit"), handle: getPool},
		{method: "PUT", path: "/pools/{poolid}", params: update, check: alloc, handle: updatePool},
		{method: "DELETE", path: "/pools/{poolid}", params: "poolid! pool", check: alloc, handle: deletePool},
	}
}

func getPools(c *call) (any, error) {
	if c.has("poolid") {
		if err := c.require("/pool/"+c.str("poolid"), "Pool.Audit"); err != nil {
			return nil, err
		}
		p, err := c.describePool()
		if err != nil {
			return nil, err
		}
		p["poolid"] = c.str("poolid")
		return []map[string]any{p}, nil
	}
	out := []map[string]any{}
	for _, id := range sortedKeys(c.pools) {
		if !c.user.can(c.Sim, "/pool/"+id, "Pool.Audit") {
			continue
		}
		entry := map[string]any{"poolid": id}
		if p := c.pools[id]; p.comment != "" {
			entry["comment"] = p.comment
		}
		out = append(out, entry)
	}
	return out, nil
}

func getPool(c *call) (any, error) { return c.describePool() }

func (c *call) describePool() (map[string]any, error) {
	p := c.pools[c.str("poolid")]
	if p == nil {
		return nil, fail("pool '%s' does not exist", c.str("poolid"))
	}
	members := []map[string]any{}
	for _, id := range p.vms {
		if g := c.guests[id]; g != nil && (!c.has("type") || c.str("type") == g.kind) {
			members = append(members, c.resource(g))
		}
	}
	for _, id := range p.storages {
		if st := c.storages[id]; st != nil && (!c.has("type") || c.str("type") == "storage") {
			members = append(members, c.storageResource(st, c.opt.Nodes[0]))
		}
	}
	out := map[string]any{"members": members}
	if p.comment != "" {
		out["comment"] = p.comment
	}
	return out, nil
}

func createPool(c *call) (any, error) {
	id := c.str("poolid")
	if strings.Count(id, "/") > 2 {
		return nil, badParam("poolid", "invalid format - pool name '%s' nested too deeply (max levels = 3)\n", id)
	}
	if c.pools[id] != nil {
		return nil, fail("create pool failed: pool '%s' already exists", id)
	}
	if i := strings.LastIndexByte(id, '/'); i >= 0 && c.pools[id[:i]] == nil {
		return nil, fail("create pool failed: parent '%s' of pool '%s' does not exist", id[:i], id)
	}
	c.pools[id] = &pool{id: id, comment: c.str("comment")}
	return nil, nil
}

func updatePool(c *call) (any, error) {
	p := c.pools[c.str("poolid")]
	if p == nil {
		return nil, fail("update pools failed: pool '%s' does not exist", c.str("poolid"))
	}
	vms, storages := slices.Clone(p.vms), slices.Clone(p.storages)
	moved := map[int]bool{}
	for _, e := range splitList(c.str("vms")) {
		if err := c.require("/vms/"+e, "VM.Allocate"); err != nil {
			return nil, err
		}
		if err := c.member(p, atoi(e), &vms, moved); err != nil {
			return nil, fail("update pools failed: %s", err)
		}
	}
	for _, e := range splitList(c.str("storage")) {
		if err := c.require("/storage/"+e, "Datastore.Allocate"); err != nil {
			return nil, err
		}
		i := slices.Index(storages, e)
		switch {
		case c.bool("delete") && i < 0:
			return nil, fail("update pools failed: Storage '%s' is not a pool member", e)
		case c.bool("delete"):
			storages = slices.Delete(storages, i, i+1)
		case i >= 0:
			return nil, fail("update pools failed: Storage '%s' is already a pool member", e)
		default:
			storages = append(storages, e)
		}
	}
	for _, other := range c.pools {
		other.vms = slices.DeleteFunc(other.vms, func(id int) bool { return moved[id] })
	}
	p.vms, p.storages = vms, storages
	if c.has("comment") {
		p.comment = c.str("comment")
	}
	return nil, nil
}

// member adds one guest to, or takes it from, the list of a pool.
func (c *call) member(p *pool, id int, vms *[]int, moved map[int]bool) error {
	i := slices.Index(*vms, id)
	if c.bool("delete") {
		if i < 0 {
			return fmt.Errorf("VM %d is not a pool member", id)
		}
		*vms = slices.Delete(*vms, i, i+1)
		return nil
	}
	if i >= 0 {
		return fmt.Errorf("VM %d is already a pool member", id)
	}
	if other := c.poolOf(id); other != nil && other != p {
		if !c.bool("allow-move") {
			return fmt.Errorf("VM %d belongs already to pool '%s' and 'allow-move' is not set", id, other.id)
		}
		moved[id] = true
	}
	*vms = append(*vms, id)
	slices.Sort(*vms)
	return nil
}

func deletePool(c *call) (any, error) {
	id := c.str("poolid")
	p := c.pools[id]
	if p == nil {
		return nil, fail("delete pool failed: pool '%s' does not exist", id)
	}
	for _, other := range sortedKeys(c.pools) {
		if strings.HasPrefix(other, id+"/") {
			return nil, fail("delete pool failed: pool '%s' is not empty (contains pool '%s')", id, other)
		}
	}
	if len(p.vms) > 0 {
		return nil, fail("delete pool failed: pool '%s' is not empty (contains VM %d)", id, p.vms[0])
	}
	if len(p.storages) > 0 {
		return nil, fail("delete pool failed: pool '%s' is not empty (contains storage '%s')", id, p.storages[0])
	}
	delete(c.pools, id)
	c.auth.forget("/pool/" + id)
	return nil, nil
}

func (s *Sim) poolOf(vmid int) *pool {
	for _, p := range s.pools {
		if slices.Contains(p.vms, vmid) {
			return p
		}
	}
	return nil
}

// join puts a new guest into its pool.
func (s *Sim) join(g *guest, id string) {
	if p := s.pools[id]; p != nil {
		p.vms = append(p.vms, g.vmid)
		slices.Sort(p.vms)
	}
}

func (s *Sim) leave(g *guest) {
	for _, p := range s.pools {
		p.vms = slices.DeleteFunc(p.vms, func(id int) bool { return id == g.vmid })
	}
}
