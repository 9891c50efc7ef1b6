package store

import (
	"maps"
	"slices"
	"strconv"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
)

// Snapshot is what a guest was at a time. The content of volumes is not kept: there is none.
type Snapshot struct {
	Name, Description, Parent string
	Time                      int64 // seconds since 1970
	State                     bool  // with the memory of a VM
	Config                    conf.File
}

// Snapshot finds one by its name.
func (g *Guest) Snapshot(name string) (*Snapshot, error) {
	for i := range g.Snapshots {
		if g.Snapshots[i].Name == name {
			return &g.Snapshots[i], nil
		}
	}
	return nil, refusal.Fail("snapshot '%s' does not exist", name)
}

// Snap takes a snapshot.
func (g *Guest) Snap(s Snapshot) {
	s.Parent, s.Config = g.Parent, maps.Clone(g.Config)
	g.Snapshots, g.Parent = append(g.Snapshots, s), s.Name
}

// Rollback makes the guest what it was.
func (g *Guest) Rollback(s *Snapshot) {
	g.Config, g.Pending, g.Deleted, g.Parent = maps.Clone(s.Config), conf.File{}, map[string]bool{}, s.Name
}

// Unsnap takes a snapshot away; its children get its parent.
func (g *Guest) Unsnap(s *Snapshot) {
	name, parent := s.Name, s.Parent
	g.Snapshots = slices.DeleteFunc(g.Snapshots, func(o Snapshot) bool { return o.Name == name })
	for i := range g.Snapshots {
		if g.Snapshots[i].Parent == name {
			g.Snapshots[i].Parent = parent
		}
	}
	if g.Parent == name {
		g.Parent = parent
	}
}

// HA is the resources and rules of high availability, by ID. Nothing is moved by it.
type HA struct{ Resources, Rules map[string]conf.File }

// SID is the ID of a guest as a resource of HA.
func SID(g *Guest) string {
	if g.Kind == "lxc" {
		return "ct:" + strconv.Itoa(g.VMID)
	}
	return "vm:" + strconv.Itoa(g.VMID)
}
