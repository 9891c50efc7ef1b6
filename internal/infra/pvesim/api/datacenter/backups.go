package datacenter

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// backups are the archives that vzdump makes, and the jobs that would make them in time.
// No clock starts a job.
type backups struct{ cluster *store.Cluster }

func (a backups) routes() []*api.Route {
	see, set := api.Need("/", "Sys.Audit"), api.Need("/", "Sys.Modify")
	one, options := "/cluster/backup/{id}", []string{"vzdump", "backupjob"}
	return []*api.Route{
		{Method: "POST", Path: "/nodes/{node}/vzdump", Groups: []string{"vzdump"}, Params: "job-id str len=..50\nstdout bool", Handle: a.run},
		{Method: "GET", Path: "/nodes/{node}/vzdump/defaults", Groups: []string{"node"}, Params: "storage storage", Handle: func(*api.Call) (any, error) {
			return map[string]any{"mode": "snapshot", "compress": "zstd", "remove": 1, "prune-backups": "keep-all=1"}, nil
		}},
		{Method: "GET", Path: "/cluster/backup", Check: see, Handle: a.jobs},
		{Method: "POST", Path: "/cluster/backup", Groups: options, Params: "id configid", Check: set, Handle: a.create},
		{Method: "GET", Path: one, Params: "id! str len=..50", Check: see, Handle: api.On(a.find, func(c *api.Call, j conf.File) (any, error) { return a.job(c.Str("id"), j), nil })},
		{Method: "PUT", Path: one, Groups: options, Params: "id! str len=..50\ndelete configids", Check: set, Handle: api.On(a.find, a.update)},
		{Method: "DELETE", Path: one, Params: "id! str len=..50", Check: set, Handle: api.On(a.find, func(c *api.Call, _ conf.File) (any, error) {
			delete(a.cluster.Backups, c.Str("id"))
			return nil, nil
		})},
		{Method: "GET", Path: "/cluster/backup-info/not-backed-up", Check: see, Handle: a.uncovered},
	}
}

// wanted are the guests that options name, on all nodes or on one.
func (a backups) wanted(o map[string]string, node string) []*store.Guest {
	listed, excluded := schema.SplitList(o["vmid"]), schema.SplitList(o["exclude"])
	var out []*store.Guest
	for _, g := range a.cluster.Guests.Sorted() {
		id := strconv.Itoa(g.VMID)
		p := a.cluster.Pools.Of(g.VMID)
		in := slices.Contains(listed, id) || o["all"] == "1" || o["pool"] != "" && p != nil && p.ID == o["pool"]
		if in && !slices.Contains(excluded, id) && (node == "" || g.Node == node) {
			out = append(out, g)
		}
	}
	return out
}

func (a backups) run(c *api.Call) (any, error) {
	if !c.Has("vmid") && !c.Bool("all") && !c.Has("pool") {
		return nil, refusal.Fail("no guests specified")
	}
	id := cmp.Or(c.Str("storage"), "local")
	st, err := a.cluster.Datastores.On(c.Node.Name, id)
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains(st.Content, "backup"):
		return nil, refusal.Fail("storage '%s' does not support backups", id)
	}
	if err := c.User.Require("/storage/"+id, "Datastore.AllocateSpace"); err != nil {
		return nil, err
	}
	guests := a.wanted(c.Params, c.Node.Name)
	for _, g := range guests {
		if err := c.User.Require("/vms/"+strconv.Itoa(g.VMID), "VM.Backup"); err != nil {
			return nil, err
		}
	}
	label := ""
	if ids := schema.SplitList(c.Str("vmid")); len(ids) == 1 {
		label = ids[0]
	}
	return c.Start("vzdump", label, func(t *task.Task) error {
		for _, g := range guests {
			if err := a.dump(c, st, g, t); err != nil {
				return err
			}
		}
		return nil
	}).UPID, nil
}

// dump makes the archive of one guest: half as large as its volumes.
func (a backups) dump(c *api.Call, st *store.Datastore, g *store.Guest, t *task.Task) error {
	size := int64(0)
	for k := range g.Config {
		if g.IsVolume(k) {
			if _, v, _ := a.cluster.Volumes.Of(g, k); v != nil {
				size += v.Size / 2
			}
		}
	}
	if !st.Fits(size) {
		return refusal.Fail("job errors")
	}
	ending := map[string]string{"zstd": ".zst", "gzip": ".gz", "1": ".lzo", "lzo": ".lzo"}[c.Str("compress")]
	format := map[string]string{"lxc": "tar", "qemu": "vma"}[g.Kind] + ending
	name := fmt.Sprintf("vzdump-%s-%d-%s.%s", g.Kind, g.VMID, a.cluster.Now().UTC().Format("2006_01_02-15_04_05"), format)
	t.Logf("INFO: Starting Backup of VM %d (%s)", g.VMID, g.Kind)
	notes := strings.NewReplacer("{{guestname}}", g.Name(), "{{vmid}}", strconv.Itoa(g.VMID), "{{node}}", g.Node).Replace(c.Str("notes-template"))
	a.cluster.Datastores.PutFile(st, &store.Volume{ID: st.ID + ":backup/" + name, Content: "backup", Format: format, Size: size, VMID: g.VMID,
		Notes: notes, Protected: c.Bool("protected"), Subtype: g.Kind})
	t.Logf("INFO: Finished Backup of VM %d (%s)", g.VMID, (time.Second).String())
	return nil
}

// job is a backup job as the API shows it: property strings as objects.
func (a backups) job(id string, j conf.File) map[string]any {
	out := map[string]any{"id": id, "type": "vzdump"}
	for k, v := range j {
		switch t := a.cluster.Tables; {
		case t.IsProps("vzdump", k):
			out[k] = t.Object("vzdump", k, v)
		case t.Has("vzdump", k):
			out[k] = t.Shown("vzdump", k, v)
		default:
			out[k] = t.Shown("backupjob", k, v)
		}
	}
	return out
}

func (a backups) jobs(*api.Call) (any, error) {
	out := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(a.cluster.Backups)) {
		j := a.cluster.Backups[id]
		out = append(out, a.job(id, j))
		if at, ok := nextRun(j["schedule"], a.cluster.Now().UTC()); ok && j["enabled"] == "1" {
			out[len(out)-1]["next-run"] = at.Unix()
		}
	}
	return out, nil
}

func (a backups) find(c *api.Call) (conf.File, error) {
	if j := a.cluster.Backups[c.Str("id")]; j != nil {
		return j, nil
	}
	return nil, refusal.Fail("No such job '%s'", c.Str("id"))
}

func (a backups) create(c *api.Call) (any, error) {
	id := cmp.Or(c.Str("id"), "backup-"+a.cluster.IDs.UUID()[:13])
	switch {
	case a.cluster.Backups[id] != nil:
		return nil, refusal.Fail("Job '%s' already exists", id)
	case !c.Has("schedule") && !c.Has("starttime"):
		return nil, refusal.BadParam("schedule", "missing property - 'schedule' or 'starttime' is required")
	}
	j := conf.File{"enabled": "1"}
	a.cluster.Backups[id] = j
	return a.update(c, j)
}

func (a backups) update(c *api.Call, j conf.File) (any, error) {
	for _, k := range schema.SplitList(c.Str("delete")) {
		delete(j, k)
	}
	for k, v := range c.Params {
		if k != "id" && k != "delete" {
			j[k] = v
		}
	}
	return nil, nil
}

// uncovered are the guests that no job backs up.
func (a backups) uncovered(*api.Call) (any, error) {
	covered := map[int]bool{}
	for _, j := range a.cluster.Backups {
		for _, g := range a.wanted(j, j["node"]) {
			covered[g.VMID] = true
		}
	}
	out := []map[string]any{}
	for _, g := range a.cluster.Guests.Sorted() {
		if !covered[g.VMID] {
			out = append(out, map[string]any{"vmid": g.VMID, "name": g.Name(), "type": g.Kind})
		}
	}
	return out, nil
}
