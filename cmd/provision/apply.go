package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/inventory"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/state"
)

// applyOptions are the flags of `provision apply`.
type applyOptions struct {
	allowances
	only    keys
	targets keys
	yes     bool
	wait    time.Duration
}

func newApply(s *settings) *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Bring about what is declared",
		Long: `Shows the plan, asks, and carries it out: pools, storage checks, guests, firewall. Steps
are written down before they are taken, so that an apply that was interrupted at any
point is finished by running it again. Another run on the same state folder is waited for.

When the whole estate is as declared, the inventory is published to inventory_sync of the
declaration and to --sync. After an apply of a part (--only), after one that failed, and as
long as a guest has not its declared address, it is not.`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	onlyFlag(cmd, &o.only)
	o.flags(cmd)
	yesFlag(cmd, &o.yes)
	waitFlag(cmd, &o.wait)
	f.Var(&o.targets, "sync", "`PATH`… that the inventory is published to as well: a .json file, or a repository that has it in inventory/")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error { return s.apply(cmd, o) })
	return cmd
}

func yesFlag(cmd *cobra.Command, yes *bool) {
	cmd.Flags().BoolVar(yes, "yes", false, "do not ask")
}

func waitFlag(cmd *cobra.Command, wait *time.Duration) {
	cmd.Flags().DurationVar(wait, "lock-timeout", state.DefaultWait, "how long to wait for another run to end")
}

// report is the JSON form of apply and destroy.
type report struct {
	Plan      *plan.Plan      `json:"plan"`
	Outcomes  []apply.Outcome `json:"outcomes"`
	Converged bool            `json:"converged"`
	Error     string          `json:"error,omitempty"`
}

func (s *settings) apply(cmd *cobra.Command, o applyOptions) error {
	ctx := cmd.Context()
	w, err := s.begin(cmd, o.wait)
	if err != nil {
		return err
	}
	err = w.settle(ctx)
	if err == nil {
		var p *plan.Plan
		if p, err = w.makePlan(ctx, o.only, o.allowances); err == nil {
			err = w.carryOut(ctx, p, o)
		}
	}
	return errors.Join(err, w.end())
}

// carryOut shows, asks, does, records, publishes.
func (w *work) carryOut(ctx context.Context, p *plan.Plan, o applyOptions) error {
	r, err := w.do(ctx, p, o.yes)
	if err != nil {
		return err
	}
	if !r.Converged {
		fmt.Fprintln(w.talk, "only a part was looked at: the inventory is not published")
		return nil
	}
	owed := p.Owed()
	if err := w.recordAll(ctx, len(owed) == 0); err != nil {
		return err
	}
	targets := slices.Clone(w.estate.InventorySync)
	for _, path := range o.targets {
		targets = append(targets, declaration.InventoryFile(path))
	}
	if len(targets) == 0 {
		return nil
	}
	if len(owed) > 0 {
		return fmt.Errorf("the inventory is not published: not at the declared address until the step by hand is done: %s; "+
			"then run this again", strings.Join(owed, ", "))
	}
	if err := w.sync(w.talk, w.estate, targets); err != nil {
		return fmt.Errorf("the estate is as declared, but %w", err)
	}
	return nil
}

// do shows a plan, asks, and carries it out. Its result is not nil when err is.
func (w *work) do(ctx context.Context, p *plan.Plan, yes bool) (*apply.Result, error) {
	if !w.asJSON {
		if err := p.Text(w.talk, w.colour(w.talk)); err != nil {
			return nil, fmt.Errorf("print the plan: %w", err)
		}
	}
	if blocks := p.Blocks(); len(blocks) > 0 {
		return nil, w.reported(p, &apply.Result{}, refusal(blocks))
	}
	if p.Empty() {
		done := &apply.Result{Converged: !p.Partial()}
		return done, w.reported(p, done, w.forgetInterruption())
	}
	if !yes {
		if err := w.ask("Type yes to carry this out: "); err != nil {
			return nil, err
		}
	}
	if err := w.rootLogin(ctx, p); err != nil {
		return nil, w.reported(p, &apply.Result{}, err)
	}
	w.record.Fingerprint = "" // until the whole declaration is in force again
	if err := w.save(); err != nil {
		return nil, err
	}
	journal, err := w.dir.Journal(w.command, "")
	if err != nil {
		return nil, err
	}
	options := apply.Options{Root: w.root(), Journal: journal, Done: w.recordChange, Progress: w.progress()}
	if w.upload.usable() {
		options.Upload = w.upload.Upload
	}
	result, err := apply.Run(ctx, w.client, p, options)
	if err != nil {
		return nil, w.reported(p, result, errors.Join(err, journal.Close()))
	}
	if err := journal.Finish(); err != nil {
		return nil, err
	}
	fmt.Fprintf(w.talk, "%d done.\n", result.Count(apply.Done))
	return result, w.reported(p, result, nil)
}

// refusal is the error of a plan that speaks against itself. It was shown with all
// reasons: one is worth repeating.
func refusal(blocks []string) error {
	if len(blocks) == 1 {
		return fmt.Errorf("refused, nothing was done: %s", blocks[0])
	}
	return fmt.Errorf("refused, nothing was done: %d reasons in the plan", len(blocks))
}

func (w *work) progress() func(apply.Event) {
	if w.asJSON {
		return nil
	}
	return newProgress(w.talk, w.colour(w.talk)).tell
}

// reported prints the result for programs and hands the error on.
func (w *work) reported(p *plan.Plan, r *apply.Result, err error) error {
	if !w.asJSON {
		return err
	}
	out := report{Plan: p, Outcomes: append([]apply.Outcome{}, r.Outcomes...), Converged: r.Converged}
	if err != nil {
		out.Error = err.Error()
	}
	return errors.Join(err, printJSON(w.out, out))
}

// ask reads a yes from whoever started us.
func (w *work) ask(question string) error {
	fmt.Fprint(w.talk, question)
	answer, err := bufio.NewReader(w.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		return errors.New("nothing was done; answer yes, or use --yes")
	}
	return nil
}

// recordAll puts down all that was applied and, if nothing is owed, that the whole
// declaration is in force.
func (w *work) recordAll(ctx context.Context, inForce bool) error {
	if err := w.forgetGone(ctx); err != nil {
		return err
	}
	for _, g := range w.estate.Guests() {
		w.recordGuest(g)
	}
	for _, p := range w.estate.Pools {
		if _, known := w.record.Find(change.ObjectPool, p.ID); !known {
			w.record.Put(state.Object{Kind: change.ObjectPool, Key: p.ID, Applied: now()})
		}
	}
	if w.record.Fingerprint = ""; inForce {
		var err error
		if w.record.Fingerprint, err = inventory.Fingerprint(w.estate); err != nil {
			return err
		}
	}
	return w.save()
}
