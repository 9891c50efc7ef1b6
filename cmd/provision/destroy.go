package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/workflow"
)

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
