package pvesim

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// task is a worker. Its work is done when the clock has passed due.
type task struct {
	upid, node, kind, id, user string
	pid                        int
	pstart                     int64
	begin, due                 time.Time
	lines                      []string     // of the log, as far as known
	work                       func() error // nil once done
	undo                       func()       // what a failure takes back
	done                       bool
	status                     string // exitstatus
	failError                  string
	dies                       bool
	warnings                   int
	staysDown                  bool
}

// logf adds a line to the task's log.
func (t *task) logf(format string, args ...any) {
	t.lines = append(t.lines, fmt.Sprintf(format, args...))
}

// spawn starts a worker on the call's node and returns its UPID. work runs when the
// task is due.
func (c *call) spawn(kind, id string, work func(t *task) error) (*task, string) {
	now := c.opt.Now()
	c.pid += 1 + c.rng.IntN(40)
	t := &task{
		node: c.node.name, kind: kind, id: id, user: c.user.name(), pid: c.pid,
		pstart: 300000 + int64(now.Sub(c.start)/(10*time.Millisecond)),
		begin:  now, due: now.Add(c.opt.TaskDelay),
	}
	t.upid = fmt.Sprintf("UPID:%s:%08X:%08X:%08X:%s:%s:%s:", t.node, t.pid, t.pstart, now.Unix(), kind, id, t.user)
	t.work = func() error { return work(t) }
	c.tasks = append(c.tasks, t)
	return t, t.upid
}

// advance carries out what is due, in the order of the due times.
func (s *Sim) advance() {
	now := s.opt.Now()
	for {
		var next *task
		for _, t := range s.tasks {
			if !t.done && !t.due.After(now) && (next == nil || t.due.Before(next.due)) {
				next = t
			}
		}
		if next == nil {
			s.poll()
			return
		}
		s.finish(next)
	}
}

// finish ends a task.
func (s *Sim) finish(t *task) {
	if t.done {
		return
	}
	t.done = true
	if t.dies {
		t.status = "unexpected status"
		return
	}
	var err error
	if t.failError != "" {
		err = &apiError{status: 500, reason: t.failError}
	} else {
		err = t.work()
	}
	switch {
	case err != nil:
		t.status = err.Error()
		if e, ok := err.(*apiError); ok {
			t.status = oneLine(e.text())
		}
		if t.undo != nil {
			t.undo()
		}
		t.logf("TASK ERROR: %s", t.status)
	case t.warnings > 0:
		for i := range t.warnings {
			t.logf("WARN: injected warning %d", i+1)
		}
		t.status = fmt.Sprintf("WARNINGS: %d", t.warnings)
		t.logf("TASK %s", t.status)
	default:
		t.status = "OK"
		t.logf("TASK OK")
	}
}

func taskRoutes() []*route {
	return []*route{
		{method: "GET", path: "/nodes/{node}/tasks", groups: []string{"node"}, params: `
			errors bool
			limit int 0..
			since int
			source str enum=archive|active|all
			start int 0..
			statusfilter statuses
			typefilter str
			until int
			userfilter str
			vmid int 100..999999999`, handle: listNodeTasks},
		{method: "GET", path: "/nodes/{node}/tasks/{upid}/status", groups: []string{"node"}, handle: taskStatus},
		{method: "GET", path: "/nodes/{node}/tasks/{upid}/log", groups: []string{"node"}, params: "download bool\nlimit int 0..\nstart int 0..", handle: taskLog},
		{method: "DELETE", path: "/nodes/{node}/tasks/{upid}", groups: []string{"node"}, handle: taskStop},
		{method: "GET", path: "/cluster/tasks", handle: listClusterTasks},
	}
}

var upidText = regexp.MustCompile(`^UPID:([a-zA-Z0-9-]+):([0-9A-Fa-f]{8}):([0-9A-Fa-f]{8,9}):([0-9A-Fa-f]{8}):([^:\s/]+):([^:\s/]*):([^:\s/]+):$`)

func (c *call) task() (*task, error) {
	upid := c.str("upid")
	if !upidText.MatchString(upid) {
		return nil, badParam("upid", "unable to parse worker upid")
	}
	for _, t := range c.tasks {
		if t.upid == upid && t.node == c.node.name {
			if t.user != c.user.name() && !c.user.can(c.Sim, "/nodes/"+c.node.name, "Sys.Audit") {
				return nil, forbidden("/nodes/%s, Sys.Audit", c.node.name)
			}
			return t, nil
		}
	}
	return nil, badParam("upid", "no such task")
}

func (t *task) describe() map[string]any {
	user, token, isToken := strings.Cut(t.user, "!")
	out := map[string]any{"upid": t.upid, "node": t.node, "type": t.kind, "id": t.id, "user": user, "starttime": t.begin.Unix()}
	if isToken {
		out["tokenid"] = token
	}
	return out
}

func taskStatus(c *call) (any, error) {
	t, err := c.task()
	if err != nil {
		return nil, err
	}
	out := t.describe()
	out["pid"], out["pstart"], out["status"] = t.pid, t.pstart, "running"
	if t.done {
		out["status"], out["exitstatus"] = "stopped", t.status
	}
	return out, nil
}

func taskLog(c *call) (any, error) {
	t, err := c.task()
	if err != nil {
		if e, ok := err.(*apiError); ok && e.errors["upid"] == "no such task" {
			return list{[]map[string]any{{"n": 1, "t": "unable to open file - No such file or directory"}}, 1}, nil
		}
		return nil, err
	}
	lines := t.visible(c.opt.Now())
	start, limit := c.int("start"), 50
	if c.has("limit") {
		limit = c.int("limit")
	}
	if limit == 0 {
		limit = len(lines)
	}
	out := []map[string]any{}
	for i := max(start, 0); i < len(lines) && len(out) < limit; i++ {
		out = append(out, map[string]any{"n": i + 1, "t": lines[i]})
	}
	return list{out, len(lines)}, nil
}

// visible is the log as it has grown so far.
func (t *task) visible(now time.Time) []string {
	if t.done || len(t.lines) == 0 {
		return t.lines
	}
	total := max(t.due.Sub(t.begin), 1)
	n := int(int64(len(t.lines)) * int64(now.Sub(t.begin)) / int64(total))
	return t.lines[:min(max(n, 1), len(t.lines))]
}

func taskStop(c *call) (any, error) {
	t, err := c.task()
	if err != nil {
		return nil, err
	}
	if t.user != c.user.name() && !c.user.can(c.Sim, "/nodes/"+c.node.name, "Sys.Modify") {
		return nil, forbidden("/nodes/%s, Sys.Modify", c.node.name)
	}
	if !t.done {
		t.failError = "interrupted by signal"
		c.finish(t)
	}
	return nil, nil
}

// listed is a task as lists show it: status is the exit status there.
func (t *task) listed() map[string]any {
	out := t.describe()
	if t.done {
		out["status"], out["endtime"], out["saved"] = t.status, t.due.Unix(), "1"
	}
	return out
}

func listClusterTasks(c *call) (any, error) {
	out := []map[string]any{}
	for i := len(c.tasks) - 1; i >= 0 && len(out) < 25; i-- {
		t := c.tasks[i]
		if t.user == c.user.name() || c.user.can(c.Sim, "/nodes/"+t.node, "Sys.Audit") {
			out = append(out, t.listed())
		}
	}
	return out, nil
}

func listNodeTasks(c *call) (any, error) {
	var all []map[string]any
	for i := len(c.tasks) - 1; i >= 0; i-- {
		t := c.tasks[i]
		if t.node != c.node.name || !t.wanted(c) {
			continue
		}
		entry := t.listed()
		delete(entry, "saved")
		entry["pid"], entry["pstart"] = t.pid, t.pstart
		all = append(all, entry)
	}
	start, limit := c.int("start"), 50
	if c.has("limit") {
		limit = c.int("limit")
	}
	total := len(all)
	all = all[min(start, total):]
	return list{append([]map[string]any{}, all[:min(limit, len(all))]...), total}, nil
}

// wanted says whether the filters of a list let a task through.
func (t *task) wanted(c *call) bool {
	failed := t.done && t.status != "OK" && !strings.HasPrefix(t.status, "WARNINGS")
	switch {
	case t.user != c.user.name() && !c.user.can(c.Sim, "/nodes/"+c.node.name, "Sys.Audit"):
	case c.has("vmid") && t.id != strconv.Itoa(c.vmid()):
	case c.has("typefilter") && t.kind != c.str("typefilter"):
	case c.has("userfilter") && !strings.Contains(t.user, c.str("userfilter")):
	case c.has("since") && t.begin.Unix() < int64(c.int("since")):
	case c.has("until") && t.begin.Unix() > int64(c.int("until")):
	case c.bool("errors") && !failed:
	case c.str("source") == "active" && t.done:
	case (c.str("source") == "archive" || !c.has("source")) && !t.done:
	default:
		return true
	}
	return false
}
