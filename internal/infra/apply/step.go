package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/guest"
	"syslog-gateway/internal/infra/pve"
)

// errSettled means that a wait is over and the object must be planned again.
var errSettled = errors.New("a task that was running has ended")

// needsReplan reports whether an error leaves open what has been done.
func needsReplan(err error) bool { return errors.Is(err, errSettled) || pve.IsUnknownOutcome(err) }

// steps takes the steps of a change, each between two entries of the journal.
func (r *runner) steps(ctx context.Context, c change.Change, begun time.Time) error {
	wrote := map[string]bool{} // by us, so that the planned digest is outdated
	for i, s := range c.Steps {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("before %s: %w", s.Title, err)
		}
		t := &taking{
			r: r, c: c, s: s, wrote: wrote, begun: begun,
			id: c.ID() + " " + strconv.Itoa(i+1) + "/" + strconv.Itoa(len(c.Steps)) + " " + s.Title,
		}
		r.report(Event{Change: c, Step: s.Title, State: Begun, Elapsed: time.Since(begun)})
		if err := r.opts.Journal.Begin(t.id); err != nil {
			return fmt.Errorf("%s: journal: %w", s.Title, err)
		}
		err := t.take(ctx)
		if jerr := r.opts.Journal.End(t.id, err); jerr != nil && err == nil {
			err = fmt.Errorf("journal: %w", jerr)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.Title, err)
		}
		wrote[s.Source] = true
	}
	return nil
}

// taking is one step being taken.
type taking struct {
	r     *runner
	c     change.Change
	s     change.Step
	id    string // in the journal
	wrote map[string]bool
	begun time.Time
}

func (t *taking) take(ctx context.Context) error {
	switch t.s.Op {
	case change.OpWrite:
		return t.write(ctx)
	case change.OpRules, change.OpLeave, change.OpJoin:
		return t.rules(ctx)
	case change.OpRunning:
		return t.running(ctx)
	case change.OpStop:
		return t.stop(ctx)
	case change.OpSettle:
		return t.r.idle(ctx, t.c)
	case change.OpRecords:
		return t.r.opts.Zone.Change(ctx, t.s.Edits)
	case change.OpUpload:
		return t.r.opts.Upload(ctx, t.s.Path, t.s.Volume, t.s.Content)
	}
	return fmt.Errorf("unknown step %q", t.s.Op)
}

// write sends one request and waits for its task.
func (t *taking) write(ctx context.Context) error {
	if t.s.Free > 0 {
		if err := t.free(ctx); err != nil {
			return err
		}
	}
	params := t.s.Params
	if t.s.Source == "" && len(t.s.Disks) > 0 {
		params = guest.Complete(t.s, nil) // a guest that is not there yet
	}
	if t.s.Source != "" {
		conf, digest, err := t.guard(ctx)
		if err != nil {
			return err
		}
		params = maps.Clone(params)
		if len(t.s.Disks) > 0 {
			params = guest.Complete(t.s, conf)
		}
		if t.s.Method != http.MethodDelete && digest != "" {
			params.Set("digest", digest)
		}
	}
	err := t.run(ctx, t.s.Method, t.s.Path, params)
	switch {
	case pve.IsStale(err):
		return stale(t.c, err)
	case err != nil && alreadySo(t.s, err):
		return nil
	}
	return err
}

// guard returns the digest that the write carries: the planned one, or the present one
// after a write of our own. A request without a digest parameter is checked here instead.
func (t *taking) guard(ctx context.Context) (pve.Config, string, error) {
	fresh := t.s.Digest == "" || t.wrote[t.s.Source]
	compare := t.s.Method == http.MethodDelete || t.s.Op == change.OpStop
	if !fresh && !compare && len(t.s.Disks) == 0 {
		return nil, t.s.Digest, nil
	}
	var conf pve.Config
	if err := t.r.api.Get(ctx, t.s.Source, nil, &conf); err != nil {
		return nil, "", fmt.Errorf("read %s: %w", t.s.Source, err)
	}
	if !fresh && conf.Digest() != t.s.Digest {
		return nil, "", stale(t.c, nil)
	}
	return conf, conf.Digest(), nil
}

func stale(c change.Change, err error) error {
	text := fmt.Sprintf("%s was changed after it was planned; this step was not taken: plan again and check what is shown", c.ID())
	if err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return errors.New(text)
}

// free checks that the VMID was not taken since the plan. The list of resources lags
// behind; this request does not.
func (t *taking) free(ctx context.Context) error {
	query := url.Values{"vmid": {strconv.Itoa(t.s.Free)}}
	err := t.r.api.Get(ctx, "/cluster/nextid", query, nil)
	if pve.IsExists(err) {
		return fmt.Errorf("VMID %d was taken after the plan was made; nothing was made: plan again: %w", t.s.Free, err)
	}
	return err
}

// run sends a request with the client that may, and follows its task.
func (t *taking) run(ctx context.Context, method, path string, params url.Values) error {
	api := t.r.api
	if t.s.Root {
		api = t.r.opts.Root
	}
	begun := func(upid string) error { return t.r.opts.Journal.Task(t.id, upid) }
	progress := func(s pve.TaskStatus) {
		for _, line := range s.Lines {
			t.r.report(Event{Change: t.c, Step: t.s.Title, State: Working, Text: line, Elapsed: time.Since(t.begun)})
		}
	}
	return api.Run(ctx, pve.Request{Method: method, Path: path, Params: params}, begun, progress)
}
