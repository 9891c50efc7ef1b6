package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/printable"
)

// How many changes use one thing at a time. Full clones hold the template's lock for
// their copy: more than a few of them run into its timeout.
const (
	maxParallel    = 8
	perTemplate    = 2
	perStorage     = 4
	maxReplans     = 3 // repeated plans of one change, after lost answers
	templatePrefix = "template/"
)

// Event is one thing that happened to a change.
type Event struct {
	Time    time.Time
	Change  change.Change
	Step    string        // "" for the change itself
	State   EventState    //
	Text    string        // a line of the task's log, or the error
	Elapsed time.Duration // since the change began
}

// EventState is what an Event is about.
type EventState string

// The events.
const (
	Begun    EventState = "begun"
	Working  EventState = "working" // Text has a line of the task's log
	Finished EventState = "done"
	Stopped  EventState = "failed"
	Skipped  EventState = "not begun"
)

// runner carries one plan out.
type runner struct {
	api     API
	plan    *plan.Plan
	opts    Options
	slots   chan struct{}            // changes that run at once
	limited map[string]chan struct{} // the same for one storage or template
	mu      sync.Mutex               // of Progress and Done
}

func newRunner(api API, p *plan.Plan, o Options) *runner {
	if o.Parallel <= 0 {
		o.Parallel = maxParallel
	}
	if o.Sleep == nil {
		o.Sleep = pve.Sleep
	}
	if o.Journal == nil {
		o.Journal = nowhere{}
	}
	r := &runner{api: api, plan: p, opts: o, slots: make(chan struct{}, o.Parallel), limited: map[string]chan struct{}{}}
	for _, c := range p.Changes {
		for _, resource := range c.Limited {
			n := perStorage
			if strings.HasPrefix(resource, templatePrefix) {
				n = perTemplate
			}
			if r.limited[resource] == nil {
				r.limited[resource] = make(chan struct{}, n)
			}
		}
	}
	return r
}

// nowhere is the journal of a run without one.
type nowhere struct{}

func (nowhere) Begin(string) error        { return nil }
func (nowhere) Task(string, string) error { return nil }
func (nowhere) End(string, error) error   { return nil }

// all carries out every change as soon as those before it are done.
//
// Two changes of one ID would wait for each other's end: refusals rejects them.
func (r *runner) all(ctx context.Context) []Outcome {
	outcomes := make([]Outcome, 0, len(r.plan.Changes))
	for _, c := range r.plan.Changes {
		if c.Action != change.Manual {
			outcomes = append(outcomes, Outcome{Change: c, State: NotBegun, Reboot: c.Reboot && !restarts(c)})
		}
	}
	ended := map[string]chan struct{}{}
	at := map[string]*Outcome{}
	for i := range outcomes {
		id := outcomes[i].Change.ID()
		ended[id], at[id] = make(chan struct{}), &outcomes[i]
	}
	var all sync.WaitGroup
	for i := range outcomes {
		o := &outcomes[i]
		all.Go(func() {
			defer close(ended[o.Change.ID()])
			for _, id := range o.Change.After {
				if ended[id] == nil {
					continue
				}
				<-ended[id]
				if at[id].State != Done {
					r.skip(o, fmt.Errorf("it waits for %s, which is not done", id))
					return
				}
			}
			r.one(ctx, o)
		})
	}
	all.Wait()
	return outcomes
}

// restarts reports whether the plan restarts the guest itself.
func restarts(c change.Change) bool {
	for _, s := range c.Steps {
		if strings.HasSuffix(s.Path, "/status/reboot") {
			return true
		}
	}
	return false
}

func (r *runner) skip(o *Outcome, err error) {
	o.Err, o.Reason = err, err.Error()
	r.report(Event{Change: o.Change, State: Skipped, Text: o.Reason})
}

// one carries out one change, once it has a slot for each of its limited resources.
func (r *runner) one(ctx context.Context, o *Outcome) {
	leave, err := r.enter(ctx, o.Change.Limited)
	if err != nil {
		r.skip(o, err)
		return
	}
	defer leave()
	begun := time.Now()
	r.report(Event{Change: o.Change, State: Begun})
	err = r.change(ctx, o.Change, begun)
	if err == nil && r.opts.Done != nil {
		r.mu.Lock()
		err = r.opts.Done(o.Change)
		r.mu.Unlock()
	}
	o.Elapsed = time.Since(begun)
	if err != nil {
		o.State, o.Err, o.Reason = Failed, err, err.Error()
		r.report(Event{Change: o.Change, State: Stopped, Text: o.Reason, Elapsed: o.Elapsed})
		return
	}
	o.State = Done
	r.report(Event{Change: o.Change, State: Finished, Elapsed: o.Elapsed})
}

// enter waits for a slot of every limited resource, and for one of the run. The resources
// are sorted, so that two changes never wait for each other.
func (r *runner) enter(ctx context.Context, limited []string) (leave func(), err error) {
	var in []chan struct{}
	leave = func() {
		for _, c := range in {
			<-c
		}
	}
	for _, resource := range limited {
		in = append(in, r.limited[resource])
	}
	in = append(in, r.slots)
	for i, c := range in {
		select {
		case c <- struct{}{}:
			if ctx.Err() == nil {
				continue
			}
			i++
		case <-ctx.Done():
		}
		in = in[:i]
		leave()
		return nil, ctx.Err()
	}
	return leave, nil
}

// change takes the steps of a change. After a lost answer, and after a wait, the object
// is planned again, and what remains to be done is done.
func (r *runner) change(ctx context.Context, c change.Change, begun time.Time) error {
	for try := 0; ; try++ {
		err := r.steps(ctx, c, begun)
		if err == nil || ctx.Err() != nil || try >= maxReplans || !needsReplan(err) {
			return err
		}
		next, remains, planErr := r.replan(ctx, c)
		switch {
		case planErr != nil:
			return fmt.Errorf("%w; checking what became of it failed: %w", err, planErr)
		case !remains:
			return nil
		case next.Blocked():
			return fmt.Errorf("%w; it cannot go on: %s", err, next.Blocks[0].Why)
		}
		c = next
	}
}

// replan plans a change again, after the tasks that still work on it have ended.
func (r *runner) replan(ctx context.Context, c change.Change) (change.Change, bool, error) {
	if c.Guest() {
		if err := r.idle(ctx, c); err != nil && !errors.Is(err, errSettled) {
			return c, false, err
		}
	}
	return r.plan.Again(ctx, r.api, c)
}

func (r *runner) report(e Event) {
	if r.opts.Progress == nil {
		return
	}
	e.Time, e.Text = time.Now(), printable.Escape(e.Text)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opts.Progress(e)
}
