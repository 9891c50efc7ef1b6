// Package guests is the part of the API below …/lxc and …/qemu: what containers and VMs
// have in common, then what only one of the two has. [Routes] are its routes; each
// concern has a type for its handlers.
//
// What a volume, a pending value or a lock is belongs to pvesim/store. It has more than
// 1,500 lines: containers and VMs share most of it.
package guests

import (
	"slices"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
)

// Routes are the routes on a cluster. Without one they can be read and not handled.
func Routes(c *store.Cluster, limit CloneLimit) []*api.Route {
	lxc, qemu := guests{c, "lxc"}, guests{c, "qemu"}
	out := slices.Concat(containers{lxc}.routes(), vms{qemu}.routes(), cloudinit{qemu}.routes(), agent{qemu}.routes(), suspends{qemu}.routes())
	for _, g := range []guests{lxc, qemu} {
		out = slices.Concat(out, views{g}.routes(), power{g}.routes(), clones{g, limit}.routes(), disks{g}.routes(), snapshots{g}.routes(), migrations{g}.routes())
	}
	return out
}

// guests are the containers or the VMs of a cluster.
type guests struct {
	cluster *store.Cluster
	kind    string // lxc | qemu
}

// path is where the guests are listed.
func (a guests) path() string { return "/nodes/{node}/" + a.kind }

// one is the path of a guest.
func (a guests) one() string { return a.path() + "/{vmid}" }

// groups are the parameters in the path of a guest.
func groups() []string { return []string{"guest"} }

// find returns the guest of the path.
func (a guests) find(c *api.Call) (*store.Guest, error) {
	g := a.cluster.Guests.Get(c.VMID())
	if g == nil || g.Kind != a.kind || g.Node != c.Node.Name {
		return nil, refusal.Fail("Configuration file '%s' does not exist", store.ConfPath(a.kind, c.Node.Name, c.VMID()))
	}
	return g, nil
}

// present is find, with the words that clones and tasks of VMs have.
func (a guests) present(c *api.Call) (*store.Guest, error) {
	g, err := a.find(c)
	if err != nil && a.kind == "qemu" {
		err = a.lost(c)
	}
	return g, err
}

func (a guests) lost(c *api.Call) error {
	return refusal.Fail("unable to find configuration file for VM %d on node '%s'", c.VMID(), c.Node.Name)
}

// on is a handler that gets the guest of the path.
func (a guests) on(handle func(*api.Call, *store.Guest) (any, error)) func(*api.Call) (any, error) {
	return api.On(a.find, handle)
}

// unlocked is find, unless the guest is locked.
func (a guests) unlocked(c *api.Call) (*store.Guest, error) {
	g, err := a.find(c)
	if err == nil {
		err = g.CheckLock()
	}
	return g, err
}

// pick chooses between the two kinds of guests.
func (a guests) pick(lxc, qemu string) string {
	if a.kind == "lxc" {
		return lxc
	}
	return qemu
}

// change checks what every configuration write has in common.
func (a guests) change(c *api.Call) (*store.Change, error) {
	ch := &store.Change{Set: a.settings(c), Delete: schema.SplitList(c.Str("delete")), Revert: schema.SplitList(c.Str("revert")), Force: c.Bool("force")}
	if len(ch.Set)+len(ch.Delete)+len(ch.Revert) == 0 {
		return nil, refusal.Fail("no options specified")
	}
	for _, k := range ch.Revert {
		if !a.cluster.Tables.Has(a.kind, k) {
			return nil, refusal.BadParam("revert", "unknown option '%s'", k)
		}
		if _, both := ch.Set[k]; both {
			return nil, refusal.BadParam("revert", "you can't use '-%s' and '-revert %s' at the same time", k, k)
		}
	}
	for _, k := range ch.Delete {
		if _, both := ch.Set[k]; both {
			return nil, refusal.BadParam("delete", "you can't use '-%s' and -delete %s' at the same time", k, k)
		}
		if !a.cluster.Tables.Has(a.kind, k) {
			return nil, refusal.BadParam("delete", "unknown option '%s'", k)
		}
	}
	return ch, nil
}
