package store

import (
	"cmp"
	"maps"
	"slices"
)

// Guests are all containers and VMs of the cluster, by VMID.
type Guests struct{ byID map[int]*Guest }

// Get returns the guest of a VMID, or nil.
func (gs *Guests) Get(vmid int) *Guest { return gs.byID[vmid] }

// Add puts a guest into the cluster. Its VMID must be free.
func (gs *Guests) Add(g *Guest) { gs.byID[g.VMID] = g }

// Remove takes a guest away; a missing one is fine.
func (gs *Guests) Remove(vmid int) { delete(gs.byID, vmid) }

// Sorted are all guests in the order of their VMIDs.
func (gs *Guests) Sorted() []*Guest {
	return slices.SortedFunc(maps.Values(gs.byID), func(a, b *Guest) int { return cmp.Compare(a.VMID, b.VMID) })
}

// NextFree is the lowest unused VMID from 100 on.
func (gs *Guests) NextFree() int {
	id := 100
	for gs.byID[id] != nil {
		id++
	}
	return id
}
