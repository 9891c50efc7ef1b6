package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"syslog-gateway/internal/infra/pvesim/access"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/firewall"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/task"
)

// Options is what a cluster is made of.
type Options struct {
	Nodes       []string // the first one is asked
	Storages    []Storage
	Access      access.Options // Now, Seed and Pools are set here
	Seed        uint64
	TaskDelay   time.Duration
	ResourceLag time.Duration
	Now         func() time.Time
	Tables      *schema.Tables
}

// Cluster is the state of the simulated cluster.
type Cluster struct {
	Now    func() time.Time
	Start  time.Time
	Seed   uint64
	Tables *schema.Tables

	IDs        *IDs
	Nodes      *Nodes
	Guests     *Guests
	Datastores *Datastores
	Volumes    *Volumes
	Pools      *Pools
	Tasks      *task.List
	Access     *access.Access
	Firewall   *firewall.File
	Settings   conf.File // of the datacenter
	Sections   Sections
	ACME       *ACME
	HA         *HA
	Backups    map[string]conf.File // jobs by ID
	Monitor    *Monitor

	mu sync.Mutex
}

// New fails when the options contradict themselves.
func New(o Options) (*Cluster, error) {
	random := rand.New(rand.NewPCG(o.Seed, 0x7076_6573_696d))
	start := o.Now()
	c := &Cluster{
		Now: o.Now, Start: start, Seed: o.Seed, Tables: o.Tables,
		IDs:        &IDs{random},
		Guests:     &Guests{byID: map[int]*Guest{}},
		Datastores: newDatastores(o.Now),
		Pools:      &Pools{byID: map[string]*Pool{}},
		Tasks:      task.NewList(task.Options{Now: o.Now, Delay: o.TaskDelay, Rand: random}),
		Firewall:   firewall.New(),
		Settings:   conf.File{"keyboard": "en-us"},
		Sections: Sections{"realms": {
			"pam": {"type": "pam", "comment": "Linux PAM standard authentication"},
			"pve": {"type": "pve", "comment": "Proxmox VE authentication server"},
		}},
		ACME:    newACME(),
		HA:      &HA{Resources: map[string]conf.File{}, Rules: map[string]conf.File{}},
		Backups: map[string]conf.File{},
		Monitor: &Monitor{lag: o.ResourceLag, start: start, now: o.Now},
	}
	c.Volumes = &Volumes{stores: c.Datastores, tables: o.Tables}
	var err error
	if c.Nodes, err = newNodes(o.Nodes); err != nil {
		return nil, err
	}
	for _, st := range o.Storages {
		c.Datastores.Add(st)
	}
	o.Access.Now, o.Access.Seed, o.Access.Pools = o.Now, o.Seed, c.Pools
	c.Access, err = access.New(o.Access)
	return c, err
}

// Do runs f under the lock of the cluster.
func (c *Cluster) Do(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// Advance does what is due: tasks, then the measurement of pvestatd.
func (c *Cluster) Advance() {
	c.Tasks.Advance()
	c.Monitor.poll(c.Guests)
}

// SetRunning starts or stops a guest; what was pending becomes active. A VM that was suspended
// to disk wakes up.
func (c *Cluster) SetRunning(g *Guest, on bool) {
	if on && !g.Running {
		c.Volumes.Settle(g)
		g.Since = c.Now()
	}
	if on && g.Hibernated() {
		delete(g.Config, "lock")
	}
	g.Running, g.Paused = on, false
	if !on {
		c.Volumes.Settle(g)
	}
}

// Remove takes a guest away, out of its pool as well. Its volumes are the caller's.
func (c *Cluster) Remove(g *Guest) {
	c.Pools.Leave(g.VMID)
	c.Guests.Remove(g.VMID)
}

// IDs makes the identifiers that Proxmox VE draws at random: equal seeds give equal ones.
type IDs struct{ random *rand.Rand }

// MAC makes an address of Proxmox's prefix.
func (i *IDs) MAC() string {
	n := i.random.Uint32()
	return fmt.Sprintf("BC:24:11:%02X:%02X:%02X", byte(n>>16), byte(n>>8), byte(n))
}

// UUID makes a random UUID, version 4.
func (i *IDs) UUID() string {
	a, b := i.random.Uint64(), i.random.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", uint32(a), uint16(a>>32), uint16(a>>48)&0xfff, uint16(b)&0x3fff|0x8000, b>>16)
}

// Sections are objects that are records and nothing more, by the name of their kind and their ID.
type Sections map[string]map[string]conf.File

// Of are the objects of a kind.
func (s Sections) Of(kind string) map[string]conf.File {
	if s[kind] == nil {
		s[kind] = map[string]conf.File{}
	}
	return s[kind]
}

// builtinPlugin is the plugin that every cluster has.
const builtinPlugin = "standalone"

// ACME is the cluster's accounts and challenge plugins, by name and ID. Both are
// records: no CA is ever asked.
type ACME struct {
	Accounts map[string]conf.File
	Plugins  map[string]conf.File
}

func newACME() *ACME {
	return &ACME{Accounts: map[string]conf.File{}, Plugins: map[string]conf.File{builtinPlugin: {"type": builtinPlugin}}}
}

// Text is the file that the digest of the plugins is made of. The built-in one is not
// in it.
func (a *ACME) Text() string {
	out := ""
	for _, id := range slices.Sorted(maps.Keys(a.Plugins)) {
		p := a.Plugins[id]
		if id == builtinPlugin {
			continue
		}
		out += p["type"] + ": " + id + "\n"
		for _, k := range slices.Sorted(maps.Keys(p)) {
			if k != "type" {
				out += "\t" + k + " " + p[k] + "\n"
			}
		}
		out += "\n"
	}
	return out
}

// Dump is the state as the files below /etc/pve that backup tools see: guests, firewalls,
// pools, storages. Hashes of passwords are left out.
func (c *Cluster) Dump() map[string]string {
	out := map[string]string{}
	for _, g := range c.Guests.byID {
		out[ConfPath(g.Kind, g.Node, g.VMID)] = hidePassword(g.Text())
		if text := g.Firewall.Text(); text != "" {
			out[fmt.Sprintf("firewall/%d.fw", g.VMID)] = text
		}
	}
	for _, n := range c.Nodes.byName {
		if text := n.Firewall.Text(); text != "" {
			out["nodes/"+n.Name+"/host.fw"] = text
		}
		if len(n.Config) > 0 {
			out["nodes/"+n.Name+"/config"] = n.Text()
		}
	}
	if text := c.Firewall.Text(); text != "" {
		out["firewall/cluster.fw"] = text
	}
	out["storage.cfg"] = c.Datastores.Text()
	var pools strings.Builder
	for _, id := range c.Pools.IDs() {
		p := c.Pools.Get(id)
		fmt.Fprintf(&pools, "pool:%s:%s:%s:%s:\n", id, p.Comment, strings.Trim(strings.ReplaceAll(fmt.Sprint(p.Guests), " ", ","), "[]"), strings.Join(p.Storages, ","))
	}
	out["user.cfg"] = pools.String()
	return out
}

func hidePassword(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "cipassword: ") {
			lines[i] = "cipassword: **********"
		}
	}
	return strings.Join(lines, "\n")
}
