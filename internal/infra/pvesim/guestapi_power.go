package pvesim

import (
	"fmt"
	"strconv"
)

// setRunning starts or stops a guest.
func (s *Sim) setRunning(g *guest, on bool) {
	if on && !g.running {
		s.settlePending(g)
		g.since = s.opt.Now()
	}
	g.running = on
	if !on {
		s.settlePending(g)
	}
}

// power runs a power task. Containers are checked before the task begins, VMs within
// it, as in the real code.
func (c *call) power(kind, verb string, check func(*guest) error, do func(*guest)) (any, error) {
	prefix, missing := "qm", fail("unable to find configuration file for VM %d on node '%s'", c.vmid(), c.node.name)
	if kind == "lxc" {
		prefix = "vz"
		g, err := c.guest("lxc")
		if err == nil {
			err = check(g)
		}
		if err != nil {
			return nil, err
		}
	}
	vmid, node := c.vmid(), c.node.name
	_, upid := c.spawn(prefix+verb, strconv.Itoa(vmid), func(*task) error {
		g := c.guests[vmid]
		if g == nil || g.kind != kind || g.node != node {
			return missing
		}
		if kind == "qemu" {
			if err := check(g); err != nil {
				return err
			}
		}
		do(g)
		return nil
	})
	return upid, nil
}

func startGuest(c *call, kind string) (any, error) {
	return c.power(kind, "start", func(g *guest) error {
		switch {
		case g.checkLock() != nil && !c.bool("skiplock"):
			return g.checkLock()
		case g.config["template"] == "1" && kind == "qemu":
			return fail("you can't start a vm if it's a template")
		case g.config["template"] == "1":
			return fail("you can't start a CT if it's a template")
		case g.running:
			return fail("%s %d already running", g.noun(), g.vmid)
		}
		return nil
	}, func(g *guest) { c.setRunning(g, true) })
}

func stopGuest(c *call, kind string) (any, error) {
	return c.power(kind, "stop", func(g *guest) error {
		if !g.running && kind == "lxc" {
			return fail("CT %d not running", g.vmid)
		}
		return g.unlessCreating()
	}, func(g *guest) { c.setRunning(g, false) })
}

func shutdownGuest(c *call, kind string) (any, error) {
	return c.power(kind, "shutdown", func(g *guest) error {
		if !g.running {
			return fail("%s %d not running", g.noun(), g.vmid)
		}
		return g.unlessCreating()
	}, func(g *guest) { c.setRunning(g, false) })
}

func rebootGuest(c *call, kind string) (any, error) {
	g := c.guests[c.vmid()]
	switch {
	case kind == "qemu" && (g == nil || g.kind != kind || g.node != c.node.name):
		return nil, fail("unable to find configuration file for VM %d on node '%s'", c.vmid(), c.node.name)
	case kind == "qemu" && !g.running:
		return nil, fail("VM %d not running", g.vmid)
	}
	return c.power(kind, "reboot", func(g *guest) error {
		if !g.running {
			return fail("%s %d not running", g.noun(), g.vmid)
		}
		return g.checkLock()
	}, func(g *guest) {
		c.setRunning(g, false)
		c.setRunning(g, true)
	})
}

func (g *guest) unlessCreating() error {
	if g.flocked || g.config["lock"] != "" {
		return g.checkLock()
	}
	return nil
}

func destroyGuest(c *call, kind string) (any, error) {
	g, err := c.guest(kind)
	if err != nil {
		return nil, err
	}
	switch {
	case g.config["protection"] == "1":
		return nil, fail("can't remove %s %d - protection mode enabled", g.noun(), g.vmid)
	case g.checkLock() != nil && !c.bool("skiplock"):
		return nil, g.checkLock()
	case kind == "lxc" && g.running && !c.bool("force"):
		return nil, fail("unable to destroy CT %d - container is running", g.vmid)
	case kind == "qemu" && g.running:
		return nil, fail("VM %d is running - destroy failed", g.vmid)
	}
	if err := c.linkedClones(g); err != nil {
		return nil, err
	}
	prefix := map[string]string{"lxc": "vz", "qemu": "qm"}[kind]
	_, upid := c.spawn(prefix+"destroy", strconv.Itoa(g.vmid), func(t *task) error {
		if g.running && kind == "lxc" {
			t.logf("forced to stop CT %d before destroying!", g.vmid)
		}
		if c.bool("purge") {
			t.logf("purging %s %d from related configurations..", g.noun(), g.vmid)
		}
		for _, v := range c.ownVolumes(g) {
			c.release(v)
		}
		if c.bool("destroy-unreferenced-disks") {
			c.releaseAll(g.vmid)
		}
		c.leave(g)
		delete(c.guests, g.vmid)
		c.auth.forget(fmt.Sprintf("/vms/%d", g.vmid))
		return nil
	})
	return upid, nil
}

// linkedClones refuses to destroy a template whose disks others build upon.
func (c *call) linkedClones(g *guest) error {
	own := map[string]bool{}
	for _, v := range c.ownVolumes(g) {
		own[v] = true
	}
	for _, st := range c.storages {
		for _, v := range st.volumes {
			if own[v.parent] {
				return fail("base volume '%s' is still in use by linked cloned", v.parent)
			}
		}
	}
	return nil
}

func (s *Sim) releaseAll(vmid int) {
	for _, st := range s.storages {
		for id, v := range st.volumes {
			if v.vmid == vmid {
				delete(st.volumes, id)
			}
		}
	}
}

// forget removes a path's ACL entries.
func (a *auth) forget(path string) {
	var kept []ACL
	for _, e := range a.acl {
		if e.Path != path {
			kept = append(kept, e)
		}
	}
	a.acl = kept
}
