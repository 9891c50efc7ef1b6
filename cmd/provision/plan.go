package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/plan"
)

func newPlan(s *settings) *cobra.Command {
	var what planFlags
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "What differs between the declaration and the live cluster, field by field",
		Long: `Compares the declaration with what is live on Proxmox VE. It only reads. Exit code 0:
nothing to do; 2: there are changes, also if they would be refused; 1: an error.`,
		Args: cobra.NoArgs,
	}
	what.flags(cmd)
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error {
		session, err := s.session(cmd)
		if err != nil {
			return err
		}
		defer session.Close()
		p, err := session.Plan(cmd.Context(), what.options())
		if err != nil {
			return err
		}
		return printPlan(s.output(cmd), p)
	})
	return cmd
}

func printPlan(o output, p *plan.Plan) (err error) {
	if o.json {
		err = o.document(p)
	} else {
		err = p.Text(o.messages, o.colour)
	}
	if err != nil {
		return fmt.Errorf("print the plan: %w", err)
	}
	if !p.Empty() {
		return errChanges
	}
	return nil
}
