package guests

import (
	"fmt"
	"strconv"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// power starts, stops and destroys guests.
type power struct{ guests }

func (a power) routes() []*api.Route {
	may := api.Need("/vms/{vmid}", "VM.PowerMgmt")
	start, stop, shutdown := "debug bool\nskiplock bool", "overrule-shutdown bool\nskiplock bool", "forceStop bool\ntimeout int 0.."
	destroy := "destroy-unreferenced-disks bool\nforce bool\npurge bool"
	if a.kind == "qemu" {
		const wait = "timeout int 0..\nskiplock bool\n"
		start, stop, shutdown = "force-cpu str\nmachine str props=machine\n"+wait, "keepActive bool\noverrule-shutdown bool\n"+wait, "forceStop bool\nkeepActive bool\n"+wait
		destroy = "destroy-unreferenced-disks bool\npurge bool\nskiplock bool"
	}
	at := a.one() + "/status"
	return []*api.Route{
		{Method: "POST", Path: at + "/start", Groups: groups(), Params: start, Check: may, Handle: a.start},
		{Method: "POST", Path: at + "/stop", Groups: groups(), Params: stop, Check: may, Handle: a.stop},
		{Method: "POST", Path: at + "/shutdown", Groups: groups(), Params: shutdown, Check: may, Handle: a.shutdown},
		{Method: "POST", Path: at + "/reboot", Groups: groups(), Params: "timeout int 0..", Check: may, Handle: a.reboot},
		{Method: "DELETE", Path: a.one(), Groups: groups(), Params: destroy, Check: api.Need("/vms/{vmid}", "VM.Allocate"), Handle: a.on(a.destroy)},
	}
}

// run runs a power task. Containers are checked before the task begins, VMs within
// it, as in the real code.
func (a power) run(c *api.Call, verb string, check func(*store.Guest) error, do func(*store.Guest)) (any, error) {
	if a.kind == "lxc" {
		g, err := a.find(c)
		if err == nil {
			err = check(g)
		}
		if err != nil {
			return nil, err
		}
	}
	return c.Start(a.pick("vz", "qm")+verb, strconv.Itoa(c.VMID()), func(*task.Task) error {
		g, err := a.find(c)
		if err != nil {
			return a.lost(c)
		}
		if a.kind == "qemu" {
			if err := check(g); err != nil {
				return err
			}
		}
		do(g)
		return nil
	}).UPID, nil
}

func (a power) start(c *api.Call) (any, error) {
	return a.run(c, "start", func(g *store.Guest) error {
		switch {
		case g.CheckLock() != nil && !g.Hibernated() && !c.Bool("skiplock"):
			return g.CheckLock()
		case g.IsTemplate() && a.kind == "qemu":
			return refusal.Fail("you can't start a vm if it's a template")
		case g.IsTemplate():
			return refusal.Fail("you can't start a CT if it's a template")
		case g.Running:
			return refusal.Fail("%s %d already running", g.Noun(), g.VMID)
		}
		return nil
	}, func(g *store.Guest) { a.cluster.SetRunning(g, true) })
}

func (a power) stop(c *api.Call) (any, error) {
	return a.run(c, "stop", func(g *store.Guest) error {
		if !g.Running && a.kind == "lxc" {
			return refusal.Fail("CT %d not running", g.VMID)
		}
		return g.CheckLock()
	}, func(g *store.Guest) { a.cluster.SetRunning(g, false) })
}

// running wants a guest that runs and is not locked.
func running(g *store.Guest) error {
	if !g.Running {
		return refusal.Fail("%s %d not running", g.Noun(), g.VMID)
	}
	return g.CheckLock()
}

func (a power) shutdown(c *api.Call) (any, error) {
	return a.run(c, "shutdown", running, func(g *store.Guest) { a.cluster.SetRunning(g, false) })
}

func (a power) reboot(c *api.Call) (any, error) {
	switch g, err := a.present(c); {
	case a.kind == "lxc":
	case err != nil:
		return nil, err
	case !g.Running:
		return nil, refusal.Fail("VM %d not running", g.VMID)
	}
	return a.run(c, "reboot", running, func(g *store.Guest) {
		a.cluster.SetRunning(g, false)
		a.cluster.SetRunning(g, true)
	})
}

func (a power) destroy(c *api.Call, g *store.Guest) (any, error) {
	switch {
	case g.Config["protection"] == "1":
		return nil, refusal.Fail("can't remove %s %d - protection mode enabled", g.Noun(), g.VMID)
	case g.CheckLock() != nil && !c.Bool("skiplock"):
		return nil, g.CheckLock()
	case a.kind == "lxc" && g.Running && !c.Bool("force"):
		return nil, refusal.Fail("unable to destroy CT %d - container is running", g.VMID)
	case a.kind == "qemu" && g.Running:
		return nil, refusal.Fail("VM %d is running - destroy failed", g.VMID)
	}
	for _, v := range a.cluster.Volumes.Owned(g) {
		if a.cluster.Datastores.HasChild(v) {
			return nil, refusal.Fail("base volume '%s' is still in use by linked cloned", v)
		}
	}
	return c.Start(a.pick("vz", "qm")+"destroy", strconv.Itoa(g.VMID), func(t *task.Task) error {
		if g.Running && a.kind == "lxc" {
			t.Logf("forced to stop CT %d before destroying!", g.VMID)
		}
		if c.Bool("purge") {
			t.Logf("purging %s %d from related configurations..", g.Noun(), g.VMID)
		}
		for _, v := range a.cluster.Volumes.Owned(g) {
			a.cluster.Datastores.Release(v)
		}
		if c.Bool("destroy-unreferenced-disks") {
			a.cluster.Datastores.ReleaseAll(g.VMID)
		}
		a.cluster.Remove(g)
		a.cluster.Access.Forget(fmt.Sprintf("/vms/%d", g.VMID))
		return nil
	}).UPID, nil
}
