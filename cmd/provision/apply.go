package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/workflow"
	"syslog-gateway/internal/printable"
)

func newApply(s *settings) *cobra.Command {
	var what planFlags
	var targets keys
	var yes bool
	var wait lockWait
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Make the live cluster as it is declared",
		Long: `Shows the plan, asks, then applies it: pools, storage checks, guests, firewall. Each step
is written to a journal before it is taken: an apply that was interrupted at any point is
finished by running it again. It waits for another run on the same state folder.

When the whole estate is as declared, the inventory is published to inventory_sync of the
declaration and to --sync. It is not published after an apply of a part (--only), after a
failed one, or while a guest does not have its declared address.`,
		Args: cobra.NoArgs,
	}
	what.flags(cmd)
	yesFlag(cmd, &yes)
	wait.flag(cmd)
	cmd.Flags().Var(&targets, "sync", "`PATH`… to publish the inventory to as well: a .json file, or a repository that has it in inventory/")
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error {
		return s.work(cmd, wait, func(ctx context.Context, w *workflow.Work, o output) error {
			p, err := w.Plan(ctx, what.options())
			if err != nil {
				return err
			}
			result, err := carryOut(ctx, w, p, confirmation{yes: yes, in: cmd.InOrStdin()}, o)
			if err != nil {
				return err
			}
			if !result.Converged {
				fmt.Fprintln(o.messages, "this apply covered a part of the estate: the inventory is not published")
				return nil
			}
			published, err := w.Conclude(ctx, p, targets, writer())
			if err != nil {
				return err
			}
			if err := printTargets(o.messages, published); err != nil {
				return fmt.Errorf("the estate is as declared, but %w", err)
			}
			return nil
		})
	})
	return cmd
}

// work runs do with the lock, after the tasks of an interrupted apply have ended.
func (s *settings) work(cmd *cobra.Command, wait lockWait, do func(context.Context, *workflow.Work, output) error) error {
	ctx, o := cmd.Context(), s.output(cmd)
	w, err := s.begin(cmd, wait)
	if err != nil {
		return err
	}
	err = w.Settle(ctx, func(steps int) {
		fmt.Fprintf(o.messages, "an earlier apply was interrupted during %s; finishing it\n", printable.Count(steps, "step"))
	})
	if err == nil {
		err = do(ctx, w, o)
	}
	return errors.Join(err, w.Close())
}

// report is the JSON form of apply and destroy.
type report struct {
	Plan      *plan.Plan      `json:"plan"`
	Outcomes  []apply.Outcome `json:"outcomes"`
	Converged bool            `json:"converged"`
	Error     string          `json:"error,omitempty"`
}

// carryOut shows a plan, asks, carries it out, and says what was done.
func carryOut(ctx context.Context, w *workflow.Work, p *plan.Plan, c confirmation, o output) (*apply.Result, error) {
	var progress func(apply.Event)
	if !o.json {
		if err := p.Text(o.messages, o.colour); err != nil {
			return nil, fmt.Errorf("print the plan: %w", err)
		}
		progress = newProgress(o).print
	}
	nothing := p.Empty() || len(p.Blocks()) > 0
	if !nothing {
		if err := c.ask(o.messages, "Type yes to apply this: "); err != nil {
			return nil, err
		}
	}
	result, err := w.CarryOut(ctx, p, progress)
	if err == nil && !nothing {
		fmt.Fprintf(o.messages, "%d done.\n", result.Count(apply.Done))
	}
	if !o.json {
		return result, err
	}
	out := report{Plan: p, Outcomes: append([]apply.Outcome{}, result.Outcomes...), Converged: result.Converged}
	if err != nil {
		out.Error = err.Error()
	}
	return result, errors.Join(err, o.document(out))
}

// confirmation is how a person agrees to a plan.
type confirmation struct {
	yes bool // given by a flag
	in  io.Reader
}

// ask asks, unless the flag is given. Every answer but yes is an error.
func (c confirmation) ask(w io.Writer, prompt string) error {
	if c.yes {
		return nil
	}
	fmt.Fprint(w, prompt)
	answer, err := bufio.NewReader(c.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		return errors.New("nothing was done; answer yes, or use --yes")
	}
	return nil
}

func newDestroy(s *settings) *cobra.Command {
	var yes bool
	var wait lockWait
	cmd := &cobra.Command{
		Use:   "destroy KEY…",
		Short: "Remove declared guests with their disks; protected ones are refused",
		Long: `Shuts guests down and removes them with their disks. Protected guests and those with data
are refused until "protection": false is declared; Splunk is always refused. The guests
remain declared: the next apply creates them again, unless you remove them from the
declaration.`,
		Args: cobra.MinimumNArgs(1),
	}
	yesFlag(cmd, &yes)
	wait.flag(cmd)
	cmd.RunE = cli.Does(func(cmd *cobra.Command, keys []string) error {
		return s.work(cmd, wait, func(ctx context.Context, w *workflow.Work, o output) error {
			p, err := w.PlanDestroy(ctx, keys)
			if err != nil {
				return err
			}
			if _, err := carryOut(ctx, w, p, confirmation{yes: yes, in: cmd.InOrStdin()}, o); err != nil {
				return err
			}
			fmt.Fprintf(o.messages, "still declared, the next apply creates them again: %s\n", strings.Join(keys, ", "))
			return nil
		})
	})
	return cmd
}
