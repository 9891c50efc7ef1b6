package guests

import (
	"strconv"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// suspends pauses VMs in memory or on disk, lets them go on, and resets them. The memory
// itself is not kept: there is none.
type suspends struct{ guests }

func (a suspends) routes() []*api.Route {
	may := api.Need("/vms/{vmid}", "VM.PowerMgmt")
	at := a.one() + "/status"
	return []*api.Route{
		{Method: "POST", Path: at + "/suspend", Groups: groups(), Params: "skiplock bool\nstatestorage storage requires=todisk\ntodisk bool", Check: may, Handle: a.on(a.suspend)},
		{Method: "POST", Path: at + "/resume", Groups: groups(), Params: "nocheck bool\nskiplock bool", Check: may, Handle: a.on(a.resume)},
		{Method: "POST", Path: at + "/reset", Groups: groups(), Params: "skiplock bool", Check: may, Handle: a.on(a.reset)},
	}
}

// change begins a task that changes a VM which runs, or may be on disk.
func (a suspends) change(c *api.Call, kind string, g *store.Guest, ready bool, do func()) (any, error) {
	if !ready {
		return nil, refusal.Fail("VM %d not running", g.VMID)
	}
	return c.Start(kind, strconv.Itoa(g.VMID), func(*task.Task) error {
		if err := g.CheckLock(); err != nil && !g.Hibernated() && !c.Bool("skiplock") {
			return err
		}
		do()
		return nil
	}).UPID, nil
}

func (a suspends) suspend(c *api.Call, g *store.Guest) (any, error) {
	if !c.Bool("todisk") {
		return a.change(c, "qmpause", g, g.Running, func() { g.Paused = true })
	}
	if err := c.User.Require("/vms/"+c.Str("vmid"), "VM.Config.Disk"); err != nil {
		return nil, err
	}
	if a.cluster.HA.Resources[store.SID(g)] != nil {
		return nil, refusal.Fail("Cannot suspend HA managed VM to disk")
	}
	return a.change(c, "qmsuspend", g, g.Running, func() {
		a.cluster.SetRunning(g, false)
		g.Config["lock"] = store.LockSuspended
	})
}

func (a suspends) resume(c *api.Call, g *store.Guest) (any, error) {
	return a.change(c, "qmresume", g, g.Running || g.Hibernated(), func() {
		if g.Hibernated() {
			a.cluster.SetRunning(g, true)
		}
		g.Paused = false
	})
}

func (a suspends) reset(c *api.Call, g *store.Guest) (any, error) {
	return a.change(c, "qmreset", g, g.Running, func() {})
}
