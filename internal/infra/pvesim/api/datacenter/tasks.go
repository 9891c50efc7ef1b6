package datacenter

import (
	"cmp"
	"errors"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/refusal"
	"syslog-gateway/internal/infra/pvesim/store"
	"syslog-gateway/internal/infra/pvesim/task"
)

// tasks are the workers: their lists, status and logs.
type tasks struct{ cluster *store.Cluster }

func (a tasks) routes() []*api.Route {
	return []*api.Route{
		{Method: "GET", Path: "/nodes/{node}/tasks", Groups: []string{"node"}, Params: `
			errors bool
			limit int 0..
			since int
			source str enum=archive|active|all
			start int 0..
			statusfilter statuses
			typefilter str
			until int
			userfilter str
			vmid int 100..999999999`, Handle: a.ofNode},
		{Method: "GET", Path: "/nodes/{node}/tasks/{upid}/status", Groups: []string{"node"}, Handle: api.On(a.find, a.status)},
		{Method: "GET", Path: "/nodes/{node}/tasks/{upid}/log", Groups: []string{"node"}, Params: "download bool\nlimit int 0..\nstart int 0..", Handle: a.log},
		{Method: "DELETE", Path: "/nodes/{node}/tasks/{upid}", Groups: []string{"node"}, Handle: api.On(a.find, a.stop)},
		{Method: "GET", Path: "/cluster/tasks", Handle: a.ofCluster},
	}
}

// errNoTask is the text for a UPID of no task.
const errNoTask = "no such task"

// find returns the task of a path. Those of others need Sys.Audit on the node.
func (a tasks) find(c *api.Call) (*task.Task, error) {
	upid := c.Str("upid")
	if !task.IsUPID(upid) {
		return nil, refusal.BadParam("upid", "unable to parse worker upid")
	}
	t := a.cluster.Tasks.Find(c.Node.Name, upid)
	if t == nil {
		return nil, refusal.BadParam("upid", errNoTask)
	}
	return t, a.allowed(c, t, "Sys.Audit")
}

// allowed refuses what is done to the task of somebody else without a privilege on its
// node.
func (a tasks) allowed(c *api.Call, t *task.Task, priv string) error {
	if t.User == c.User.Name() {
		return nil
	}
	return c.User.Require("/nodes/"+t.Node, priv)
}

func describe(t *task.Task) map[string]any {
	user, token, isToken := strings.Cut(t.User, "!")
	out := map[string]any{"upid": t.UPID, "node": t.Node, "type": t.Kind, "id": t.ID, "user": user, "starttime": t.Begin.Unix()}
	if isToken {
		out["tokenid"] = token
	}
	return out
}

func (a tasks) status(_ *api.Call, t *task.Task) (any, error) {
	out := describe(t)
	out["pid"], out["pstart"], out["status"] = t.PID, t.PStart, "running"
	if t.Done {
		out["status"], out["exitstatus"] = "stopped", t.Status
	}
	return out, nil
}

func (a tasks) log(c *api.Call) (any, error) {
	t, err := a.find(c)
	if err != nil {
		if e, ok := errors.AsType[*refusal.Error](err); ok && e.Params["upid"] == errNoTask {
			return api.List{Data: []map[string]any{{"n": 1, "t": "unable to open file - No such file or directory"}}, Total: 1}, nil
		}
		return nil, err
	}
	lines := t.Log(a.cluster.Now())
	start, limit := c.Int("start"), 50
	if c.Has("limit") {
		limit = c.Int("limit")
	}
	limit = cmp.Or(limit, len(lines))
	out := []map[string]any{}
	for i := max(start, 0); i < len(lines) && len(out) < limit; i++ {
		out = append(out, map[string]any{"n": i + 1, "t": lines[i]})
	}
	return api.List{Data: out, Total: len(lines)}, nil
}

func (a tasks) stop(c *api.Call, t *task.Task) (any, error) {
	if err := a.allowed(c, t, "Sys.Modify"); err != nil {
		return nil, err
	}
	if !t.Done {
		t.Faults.Error = "interrupted by signal"
		t.Finish()
	}
	return nil, nil
}

// listed is a task as lists show it: status is the exit status there.
func listed(t *task.Task) map[string]any {
	out := describe(t)
	if t.Done {
		out["status"], out["endtime"], out["saved"] = t.Status, t.Due.Unix(), "1"
	}
	return out
}

func (a tasks) ofCluster(c *api.Call) (any, error) {
	out := []map[string]any{}
	for _, t := range a.cluster.Tasks.Newest() {
		if len(out) < 25 && a.allowed(c, t, "Sys.Audit") == nil {
			out = append(out, listed(t))
		}
	}
	return out, nil
}

func (a tasks) ofNode(c *api.Call) (any, error) {
	var all []map[string]any
	for _, t := range a.cluster.Tasks.Newest() {
		if t.Node != c.Node.Name || !a.wanted(c, t) {
			continue
		}
		entry := listed(t)
		delete(entry, "saved")
		entry["pid"], entry["pstart"] = t.PID, t.PStart
		all = append(all, entry)
	}
	start, limit := c.Int("start"), 50
	if c.Has("limit") {
		limit = c.Int("limit")
	}
	total := len(all)
	all = all[min(start, total):]
	return api.List{Data: append([]map[string]any{}, all[:min(limit, len(all))]...), Total: total}, nil
}

// wanted reports whether the filters of a list let a task through.
func (a tasks) wanted(c *api.Call, t *task.Task) bool {
	failed := t.Done && t.Status != "OK" && !strings.HasPrefix(t.Status, "WARNINGS")
	switch {
	case a.allowed(c, t, "Sys.Audit") != nil:
	case c.Has("vmid") && t.ID != strconv.Itoa(c.VMID()):
	case c.Has("typefilter") && t.Kind != c.Str("typefilter"):
	case c.Has("userfilter") && !strings.Contains(t.User, c.Str("userfilter")):
	case c.Has("since") && t.Begin.Unix() < int64(c.Int("since")):
	case c.Has("until") && t.Begin.Unix() > int64(c.Int("until")):
	case c.Bool("errors") && !failed:
	case c.Str("source") == "active" && t.Done:
	case (c.Str("source") == "archive" || !c.Has("source")) && !t.Done:
	default:
		return true
	}
	return false
}
