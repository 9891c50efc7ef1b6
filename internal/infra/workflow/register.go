package workflow

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/inventory"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/state"
)

// register writes into the record what was applied. Its user holds the lock.
type register struct {
	estate *declaration.Estate
	record *state.Record
	save   func(*state.Record) error
	nodes  map[int]string // where guests are, by VMID, if that is known
}

// locate notes where the live guests are.
func (r *register) locate(resources []pve.Resource) {
	r.nodes = make(map[int]string)
	for _, l := range resources {
		if l.IsGuest() {
			r.nodes[l.VMID] = l.Node
		}
	}
}

// begin records that the declaration is no longer known to be in force.
func (r *register) begin() error {
	r.record.Fingerprint = ""
	return r.save(r.record)
}

// change records one change that was carried out.
func (r *register) change(c change.Change) error {
	kind := string(declaration.LXC)
	switch c.Object {
	case change.ObjectPool, change.ObjectGroup, change.ObjectACMEPlugin:
		r.record.Put(state.Object{Kind: c.Object, Key: c.Key, Applied: now()})
		if c.Object != change.ObjectPool {
			return nil // it is saved with the next one
		}
		return r.save(r.record)
	case change.ObjectVM:
		kind = string(declaration.QEMU)
	case change.ObjectContainer:
	default:
		return nil
	}
	r.remove(c.VMID)
	if c.Action != change.Destroy {
		for _, g := range r.estate.Guests() {
			if g.VMID == c.VMID && string(g.Kind) == kind {
				r.guest(g)
			}
		}
	}
	return r.save(r.record)
}

// all records every declared guest and shared object as applied. inForce says that the whole
// declaration is in force.
func (r *register) all(inForce bool) error {
	for _, g := range r.estate.Guests() {
		r.guest(g)
	}
	for _, c := range plan.Shared(r.estate) {
		if _, known := r.record.Find(c.Object, c.Key); !known {
			r.record.Put(state.Object{Kind: c.Object, Key: c.Key, Applied: now()})
		}
	}
	if r.record.Fingerprint = ""; inForce {
		var err error
		if r.record.Fingerprint, err = inventory.Fingerprint(r.estate); err != nil {
			return err
		}
	}
	return r.save(r.record)
}

// undeclared gives the recorded guests that are not declared.
func (r *register) undeclared() []state.Object {
	declared := make(map[int]bool)
	for _, g := range r.estate.Guests() {
		declared[g.VMID] = true
	}
	return slices.DeleteFunc(slices.Clone(r.record.Objects), func(o state.Object) bool { return !isGuest(o) || declared[o.VMID] })
}

// dropMissing takes out those of the guests that are not live: their VMIDs are free, and
// the next guest with one is not ours. A live one stays, even with another name: somebody
// decides about it by `state forget`.
func (r *register) dropMissing(guests []state.Object, live []pve.Resource) {
	for _, o := range guests {
		if !slices.ContainsFunc(live, func(l pve.Resource) bool { return l.VMID == o.VMID && l.Type == o.Kind }) {
			r.record.Remove(o.Kind, o.Key)
		}
	}
}

// guest records a guest as it is declared. One that is recorded keeps the time and the
// inputs of its first boot.
func (r *register) guest(g *declaration.Guest) {
	object := state.Object{Kind: string(g.Kind), Key: g.Key, VMID: g.VMID, Node: cmp.Or(r.nodes[g.VMID], g.Node), Name: g.Name,
		Class: g.Class, Protected: g.Protection, Unprotected: g.ProtectionDeclared && !g.Protection, Applied: now(), Inputs: r.estate.FirstBoot(g)}
	if old, known := r.record.Guest(g.VMID); known && old.Kind == object.Kind {
		object.Applied = old.Applied
		maps.Copy(object.Inputs, old.Inputs)
	}
	r.remove(g.VMID)
	r.record.Remove(object.Kind, object.Key) // the key may have belonged to another guest
	r.record.Put(object)
}

// remove takes a guest out of the record, whatever its key there.
func (r *register) remove(vmid int) {
	for o, ok := r.record.Guest(vmid); ok; o, ok = r.record.Guest(vmid) {
		r.record.Remove(o.Kind, o.Key)
	}
}

// isGuest says whether a recorded object is a container or a VM.
func isGuest(o state.Object) bool {
	return o.Kind == string(declaration.LXC) || o.Kind == string(declaration.QEMU)
}

// now is the time to record, in seconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
