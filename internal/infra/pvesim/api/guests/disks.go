package guests

import (
	"cmp"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// disks resizes, moves and detaches the volumes of guests.
type disks struct{ guests }

func (a disks) routes() []*api.Route {
	may := api.Need("/vms/{vmid}", "VM.Config.Disk")
	const (
		size = "digest str len=..40\nsize! str re=\\+?\\d+(\\.\\d+)?[KMGT]?\n"
		move = "delete bool\ndigest str len=..40\nstorage storage\ntarget-digest str len=..40\ntarget-vmid int 100..999999999\n"
	)
	if a.kind == "lxc" {
		return []*api.Route{
			{Method: "PUT", Path: a.one() + "/resize", Groups: groups(), Check: may, Handle: a.on(a.resize), Params: size + `disk! str re=rootfs|mp\d+`},
			{Method: "POST", Path: a.one() + "/move_volume", Groups: groups(), Check: may, Handle: a.on(a.moveVolume), Params: move + `
				bwlimit num 0..
				target-volume str re=rootfs|mp\d+|unused\d+
				volume! str re=rootfs|mp\d+|unused\d+`},
		}
	}
	return []*api.Route{
		{Method: "PUT", Path: a.one() + "/resize", Groups: groups(), Check: may, Handle: a.on(a.resize), Params: size + `
			disk! str re=(ide|sata|scsi|virtio)\d+|efidisk0|tpmstate0
			skiplock bool`},
		{Method: "POST", Path: a.one() + "/move_disk", Groups: groups(), Check: may, Handle: a.on(a.moveDisk), Params: move + `
			bwlimit int 0..
			disk! str re=(ide|sata|scsi|virtio|unused)\d+|efidisk0|tpmstate0
			format str enum=raw|qcow2|vmdk
			target-disk str`},
		{Method: "PUT", Path: a.one() + "/unlink", Groups: groups(), Check: may, Handle: api.On(a.unlocked, a.unlink), Params: "force bool\nidlist! configids"},
	}
}

func (a disks) resize(c *api.Call, g *store.Guest) (any, error) {
	if err := cmp.Or(g.CheckDigest(c.Str("digest")), g.CheckLock()); err != nil {
		return nil, err
	}
	k := c.Str("disk")
	if _, ok := g.Config[k]; !ok {
		if a.kind == "lxc" {
			return nil, &refusal.Error{Status: 500, Reason: "format error", Params: map[string]string{"mp": schema.MissingParam, "volume": schema.MissingParam}}
		}
		return nil, refusal.Fail("disk '%s' does not exist", k)
	}
	_, v, _ := a.cluster.Volumes.Of(g, k)
	if v == nil {
		return nil, refusal.Fail("disk '%s' has no volume that can be resized", k)
	}
	size := store.ParseSize(strings.TrimPrefix(c.Str("size"), "+"))
	if strings.HasPrefix(c.Str("size"), "+") {
		size += v.Size
	}
	if a.kind == "lxc" && size < v.Size {
		return nil, refusal.Fail("unable to shrink disk size")
	}
	return c.Start("resize", strconv.Itoa(g.VMID), func(t *task.Task) error { return a.cluster.Volumes.Grow(g, k, size, t) }).UPID, nil
}

func (a disks) moveDisk(c *api.Call, g *store.Guest) (any, error) {
	return a.move(c, g, c.Str("disk"), "qmmove")
}

func (a disks) moveVolume(c *api.Call, g *store.Guest) (any, error) {
	return a.move(c, g, c.Str("volume"), "move_volume")
}

// move moves a volume to another storage.
func (a disks) move(c *api.Call, g *store.Guest, k, taskKind string) (any, error) {
	if c.Has("target-vmid") {
		return nil, refusal.Fail("the simulator does not move volumes between guests")
	}
	if !c.Has("storage") {
		return nil, refusal.BadParam("storage", "either 'storage' or 'target-vmid' is required")
	}
	st, err := rightsOf(c, a.guests, "").store(c.Str("storage"))
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(g.CheckDigest(c.Str("digest")), g.CheckLock()); err != nil {
		return nil, err
	}
	if _, ok := g.Config[k]; !ok {
		return nil, refusal.Fail("disk '%s' does not exist", k)
	}
	from, v, _ := a.cluster.Volumes.Of(g, k)
	switch {
	case v == nil:
		return nil, refusal.Fail("you can't move a cdrom")
	case from == st && c.Str("format") == "":
		return nil, refusal.Fail("you can't move to the same storage with same format")
	case a.kind == "lxc" && g.Running:
		return nil, refusal.Fail("cannot move volumes of a running container")
	}
	return c.Start(taskKind, strconv.Itoa(g.VMID), func(t *task.Task) error {
		return a.cluster.Volumes.Move(g, k, v, st, c.Str("format"), c.Bool("delete"), t)
	}).UPID, nil
}

func (a disks) unlink(c *api.Call, g *store.Guest) (any, error) {
	ch := &store.Change{Set: conf.File{}, Delete: schema.SplitList(c.Str("idlist")), Force: c.Bool("force")}
	for _, k := range ch.Delete {
		if !store.IsDrive(k) && !store.IsUnused(k) {
			return nil, refusal.BadParam("idlist", "invalid disk '%s'", k)
		}
	}
	return nil, a.cluster.Apply(g, ch)
}
