package guests

import (
	"fmt"
	"strconv"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// creation is a guest that a task makes, and what the task has made of it so far.
type creation struct {
	cluster *store.Cluster
	guest   *store.Guest
	volumes []string
}

// begin reserves the VMID: until the task is done there is a locked guest without
// configuration.
func begin(c *store.Cluster, g *store.Guest, lock string) *creation {
	g.Config["lock"] = lock
	c.Guests.Add(g)
	return &creation{cluster: c, guest: g}
}

// start begins the task that builds the guest, and returns its UPID.
func (m *creation) start(c *api.Call, kind string, build func(*task.Task) error) string {
	t := c.Start(kind, strconv.Itoa(m.guest.VMID), func(t *task.Task) error {
		if err := build(t); err != nil {
			return refusal.Fail("unable to create %s %d - %s", m.guest.Noun(), m.guest.VMID, err)
		}
		return nil
	})
	t.Undo = m.undo
	return t.UPID
}

// volume makes the volume of a key and returns the value to store.
func (m *creation) volume(k, value string, t *task.Task) (string, error) {
	return m.cluster.Volumes.Make(m.guest, k, value, t, &m.volumes)
}

// finish gives the guest its configuration and its pool.
func (m *creation) finish(values conf.File, pool string) {
	delete(values, "lock")
	m.guest.Config = values
	m.cluster.Pools.Join(m.guest.VMID, pool)
}

// undo takes a failed creation back.
func (m *creation) undo() {
	for _, v := range m.volumes {
		m.cluster.Datastores.Release(v)
	}
	m.cluster.Guests.Remove(m.guest.VMID)
}

// admit are the checks that creating any guest begins with.
func (a guests) admit(c *api.Call) error {
	vmid, pool := c.VMID(), c.Str("pool")
	if pool != "" && a.cluster.Pools.Get(pool) == nil {
		return refusal.Forbidden("pool '%s' does not exist", pool)
	}
	if err := c.RequireVM(vmid, pool, "VM.Allocate"); err != nil {
		return err
	}
	if other := a.cluster.Guests.Get(vmid); other != nil {
		text := fmt.Sprintf("%s %d already exists on node '%s'", other.Noun(), vmid, other.Node)
		if a.kind == "qemu" {
			text = fmt.Sprintf("unable to create VM %d - %s", vmid, text)
		}
		return refusal.Fail("%s", text)
	}
	return nil
}

// settings are the configuration keys among the parameters.
func (a guests) settings(c *api.Call) conf.File {
	out := conf.File{}
	for k, v := range c.Params {
		if a.cluster.Tables.Has(a.kind, k) {
			out[k] = v
		}
	}
	return out
}
