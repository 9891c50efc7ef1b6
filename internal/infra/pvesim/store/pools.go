package store

import (
	"maps"
	"slices"
	"strconv"
)

// Pool is a resource pool.
type Pool struct {
	ID, Comment string
	Guests      []int    // VMIDs, sorted
	Storages    []string // IDs
}

// Pools are all resource pools, by ID. A guest is in one pool at most.
type Pools struct{ byID map[string]*Pool }

// Get returns the pool of that ID, or nil.
func (ps *Pools) Get(id string) *Pool { return ps.byID[id] }

// Add adds a pool, or replaces one.
func (ps *Pools) Add(p *Pool) { ps.byID[p.ID] = p }

// Remove takes a pool away.
func (ps *Pools) Remove(id string) { delete(ps.byID, id) }

// IDs are the pools in alphabetical order.
func (ps *Pools) IDs() []string { return slices.Sorted(maps.Keys(ps.byID)) }

// Of is the pool of a guest, or nil.
func (ps *Pools) Of(vmid int) *Pool {
	for _, p := range ps.byID {
		if slices.Contains(p.Guests, vmid) {
			return p
		}
	}
	return nil
}

// With are the pools that have a guest ("vms", VMID) or a datastore ("storage", ID).
func (ps *Pools) With(kind, id string) []string {
	vmid, _ := strconv.Atoi(id)
	var out []string
	for _, p := range ps.byID {
		if kind == "vms" && slices.Contains(p.Guests, vmid) || kind == "storage" && slices.Contains(p.Storages, id) {
			out = append(out, p.ID)
		}
	}
	slices.Sort(out)
	return out
}

// Join puts a new guest into a pool; "" is none.
func (ps *Pools) Join(vmid int, id string) {
	if p := ps.byID[id]; p != nil {
		p.Guests = append(p.Guests, vmid)
		slices.Sort(p.Guests)
	}
}

// Leave takes a guest out of its pool.
func (ps *Pools) Leave(vmid int) {
	for _, p := range ps.byID {
		p.Guests = slices.DeleteFunc(p.Guests, func(id int) bool { return id == vmid })
	}
}
