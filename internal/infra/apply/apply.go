package apply

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/zone"
)

// API is how a plan is carried out; *pve.Client has it.
type API interface {
	Get(ctx context.Context, path string, query url.Values, out any) error
	// Run writes, calls begun with the task that the answer names, and waits for its end.
	Run(ctx context.Context, w pve.Request, begun func(upid string) error, progress func(pve.TaskStatus)) error
}

// Journal is written before and after every step, so that the next
// apply after a kill knows what was in progress. Each call returns when the entry is on
// disk; an error ends the apply, since a step that cannot be recorded must not be taken.
// Its methods are called by several goroutines.
type Journal interface {
	Begin(step string) error
	Task(step, upid string) error
	End(step string, err error) error
}

// Zone changes DNS records. A change is made as a whole or not at all; done when every name
// server has it.
type Zone interface {
	Change(ctx context.Context, edits []zone.Edit) error
}

// Options say how to carry a plan out. All are optional.
type Options struct {
	Root     API // logged in as root@pam itself, with a ticket
	Upload   func(ctx context.Context, node, volume string, content []byte) error
	Zone     Zone // of DNS records
	Journal  Journal
	Progress func(Event) // called one at a time
	// Done is called for each change that was carried out, one at a time. Its error fails
	// the change.
	Done     func(change.Change) error
	Parallel int // changes at a time; 0: 8
	// Sleep waits between two checks of a lock; the default waits on the clock.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Refused is why a plan is not carried out at all.
type Refused struct{ Reasons []string }

// Error names the first reason; the plan shows all of them.
func (r *Refused) Error() string {
	switch n := len(r.Reasons); n {
	case 0:
		return "refused, nothing was done"
	case 1:
		return "refused, nothing was done: " + r.Reasons[0]
	default:
		return fmt.Sprintf("refused, nothing was done, for %d reasons, which the plan shows; the first: %s", n, r.Reasons[0])
	}
}

// State is what became of a change.
type State string

// The states.
const (
	Done     State = "done"
	Failed   State = "failed"
	NotBegun State = "not begun"
)

// Outcome is what became of one change.
type Outcome struct {
	Change  change.Change `json:"change"`
	State   State         `json:"state"`
	Err     error         `json:"-"`
	Reason  string        `json:"reason,omitempty"`
	Elapsed time.Duration `json:"elapsed_ns"`
	// Reboot is true when something waits for the guest's next start.
	Reboot bool `json:"reboot,omitempty"`
}

// Result is what became of a plan.
type Result struct {
	Outcomes []Outcome `json:"outcomes"` // in the order of the plan
	// Converged is true when everything was done, the whole estate was in scope, and no
	// guest waits for its address by hand. Only then may anything be published.
	Converged bool `json:"converged"`
}

// Count is how many changes are in a state.
func (r *Result) Count(s State) int {
	n := 0
	for _, o := range r.Outcomes {
		if o.State == s {
			n++
		}
	}
	return n
}

// Run carries a plan out. It returns a *Refused when the plan has
// blocks, and an error when anything failed or was not begun. The Result is never nil.
func Run(ctx context.Context, api API, p *plan.Plan, o Options) (*Result, error) {
	if reasons := refusals(p, o); len(reasons) > 0 {
		return &Result{}, &Refused{Reasons: reasons}
	}
	r := newRunner(api, p, o)
	result := &Result{Outcomes: r.all(ctx)}
	result.Converged = !p.Partial() && len(p.Owed()) == 0 && result.Count(Done) == len(result.Outcomes)
	return result, result.err(ctx)
}

// refusals are the blocks of the plan, and the steps that lack a client to take them.
func refusals(p *plan.Plan, o Options) []string {
	reasons := p.Blocks()
	seen := map[string]bool{}
	for _, c := range p.Changes {
		if seen[c.ID()] {
			reasons = append(reasons, c.ID()+" is in the plan twice")
		}
		seen[c.ID()] = true
		for _, s := range c.Steps {
			switch {
			case s.Root && o.Root == nil:
				reasons = append(reasons, c.ID()+": "+s.Title+" needs root@pam itself: give PROXMOX_VE_USERNAME=root@pam and PROXMOX_VE_PASSWORD")
			case s.Op == change.OpRecords && o.Zone == nil:
				reasons = append(reasons, c.ID()+": "+s.Title+" needs Route 53")
			case s.Op == change.OpUpload && o.Upload == nil:
				reasons = append(reasons, c.ID()+": "+s.Title+" needs SSH to the node: give PROXMOX_SSH_PRIVATE_KEY or PROXMOX_SSH_KEY_PATH")
			}
		}
	}
	return reasons
}

func (r *Result) err(ctx context.Context) error {
	failed, waiting := r.Count(Failed), r.Count(NotBegun)
	if failed+waiting == 0 {
		return nil
	}
	var first error
	for _, o := range r.Outcomes {
		if o.State == Failed && (first == nil || errors.Is(first, context.Canceled)) {
			first = fmt.Errorf("%s: %w", o.Change.ID(), o.Err)
		}
	}
	if first == nil {
		first = ctx.Err()
	}
	return fmt.Errorf("%d done, %d failed, %d not begun: %w", r.Count(Done), failed, waiting, first)
}

// Settle waits until the tasks of an earlier apply have ended, with or without success:
// the next plan shows their result.
func Settle(ctx context.Context, api interface {
	Wait(ctx context.Context, upid string, progress func(pve.TaskStatus)) error
}, upids []string) error {
	for _, u := range upids {
		if err := api.Wait(ctx, u, nil); err != nil && ctx.Err() != nil {
			return fmt.Errorf("wait for a task of an earlier apply: %w", err)
		}
	}
	return nil
}
