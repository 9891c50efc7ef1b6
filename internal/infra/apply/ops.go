package apply

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/rules"
	"syslog-gateway/internal/infra/pve"
)

// alreadySo reports whether a write was refused because its result is already there, as
// after an interruption.
func alreadySo(s change.Step, err error) bool {
	text := err.Error()
	switch {
	case strings.HasSuffix(s.Path, "/status/start"):
		return strings.Contains(text, "already running")
	case s.Path == "/pools" && s.Params.Has("vms"):
		return strings.Contains(text, "already a pool member")
	}
	return false
}

// maxRuleSteps bounds the writes of one list, in case another program keeps changing the list.
const maxRuleSteps = 500

// rules brings an ordered list of rules to what is wanted, one write at a time, each
// from a fresh read: positions shift with every write. A lost answer needs no care:
// the next read shows the result.
func (t *taking) rules(ctx context.Context) error {
	lost := 0
	for n := range maxRuleSteps {
		var live []rules.Live
		if err := t.r.api.Get(ctx, t.s.Path, nil, &live); err != nil {
			return fmt.Errorf("read %s: %w", t.s.Path, err)
		}
		digest := ""
		if len(live) > 0 {
			digest = live[0].Digest
		}
		if n == 0 && digest != t.s.Digest && t.s.Digest != "" && !t.wrote[t.s.Source] {
			return stale(t.c, nil)
		}
		op := rules.Next(live, t.s.Rules, t.s.Keep)
		switch t.s.Op {
		case change.OpLeave:
			op = rules.Leave(live, t.s.Groups)
		case change.OpJoin:
			op = rules.Join(live, t.s.Groups)
		default: // OpRules: Next
		}
		if op.Method == "" {
			return nil
		}
		path := t.s.Path
		if op.Method != "POST" {
			path += "/" + strconv.Itoa(op.Pos)
		}
		if digest != "" {
			op.Params.Set("digest", digest)
		}
		err := t.run(ctx, op.Method, path, op.Params)
		switch {
		case err == nil:
		case pve.IsStale(err):
			return stale(t.c, err)
		case pve.IsUnknownOutcome(err) && ctx.Err() == nil && lost < maxReplans:
			lost++
		default:
			return err
		}
	}
	return fmt.Errorf("the rules at %s are not as declared after %d writes: another program keeps changing them: plan again", t.s.Path, maxRuleSteps)
}

// stop shuts a guest down, and stops it when it does not go down by itself.
func (t *taking) stop(ctx context.Context) error {
	if _, _, err := t.guard(ctx); err != nil {
		return err
	}
	params := url.Values{"timeout": {strconv.Itoa(t.s.Timeout)}}
	err := t.run(ctx, "POST", t.s.Path+"/status/shutdown", params)
	if err == nil || ctx.Err() != nil || pve.IsUnknownOutcome(err) || pve.IsForbidden(err) {
		return err
	}
	if strings.Contains(err.Error(), "not running") {
		return nil
	}
	return t.run(ctx, "POST", t.s.Path+"/status/stop", url.Values{})
}

// running fails unless the guest runs.
func (t *taking) running(ctx context.Context) error {
	var now struct{ Status string }
	path := t.s.Path + "/status/current"
	if err := t.r.api.Get(ctx, path, nil, &now); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if now.Status != "running" {
		return fmt.Errorf("it is made, but it is not running (%s): the log of its creation on %s says why; start it there", now.Status, t.c.Node)
	}
	return nil
}

// pause is how long to wait between two checks of a lock.
const pause = time.Second

// idle waits until no task works on a guest any more: errSettled means that it waited,
// nil that there was nothing to wait for. A guest that stays locked although no task
// works on it belongs to a creation that died.
func (r *runner) idle(ctx context.Context, c change.Change) error {
	path := guestPath(c)
	for alone := 0; ; {
		var conf pve.Config
		err := r.api.Get(ctx, path+"/config", nil, &conf)
		if err != nil && !pve.IsNotFound(err) {
			return fmt.Errorf("read %s: %w", path, err)
		}
		working, err := r.working(ctx, c, conf["lock"])
		if err != nil {
			return err
		}
		lock := conf["lock"]
		switch {
		case working:
			alone = 0
		case lock == "":
			return errSettled
		default:
			alone++
		}
		if alone > 2 {
			tool := "pct"
			if c.Object == change.ObjectVM {
				tool = "qm"
			}
			return fmt.Errorf("it is locked (%s), and no task works on it: its creation died half way; check it on %s, "+
				"remove it with `%s unlock %d && %s destroy %d`, and apply again", lock, c.Node, tool, c.VMID, tool, c.VMID)
		}
		if err := r.opts.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func guestPath(c change.Change) string {
	kind := "lxc"
	if c.Object == change.ObjectVM {
		kind = "qemu"
	}
	return pve.Path("nodes", c.Node, kind, strconv.Itoa(c.VMID))
}

// cloning are the types of tasks that carry the VMID of their source, not of the guest
// that they create.
var cloning = []string{"qmclone", "vzclone"}

// consoles are the types of tasks that run as long as a console is open.
var consoles = []string{"vncproxy", "termproxy", "spiceproxy", "vncshell", "spiceshell"}

// working reports whether a task works on a guest. The task of a clone does not name the
// guest that it makes: while the guest is locked, every clone counts.
func (r *runner) working(ctx context.Context, c change.Change, lock string) (bool, error) {
	var tasks []struct {
		Type    string
		ID      string
		EndTime pve.Int
	}
	if err := r.api.Get(ctx, "/cluster/tasks", nil, &tasks); err != nil {
		return false, fmt.Errorf("read the tasks of %s: %w", c.ID(), err)
	}
	for _, t := range tasks {
		if t.EndTime != 0 || slices.Contains(consoles, t.Type) {
			continue
		}
		if t.ID == strconv.Itoa(c.VMID) || lock == "clone" && slices.Contains(cloning, t.Type) {
			return true, nil
		}
	}
	return false, nil
}
