package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newPlan(s *settings) *cobra.Command {
	var only keys
	var a allowances
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "What differs between the declaration and what is live, field by field",
		Long: `Compares the declaration with what is live on Proxmox VE. It only reads. Exit code 0:
nothing to do; 2: there are changes, also such as would be refused; 1: an error.`,
		Args: cobra.NoArgs,
	}
	onlyFlag(cmd, &only)
	a.flags(cmd)
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error { return s.plan(cmd, only, a) })
	return cmd
}

func (s *settings) plan(cmd *cobra.Command, only []string, a allowances) error {
	r, err := s.open(cmd)
	if err != nil {
		return err
	}
	defer r.close()
	p, err := r.makePlan(cmd.Context(), only, a)
	if err != nil {
		return err
	}
	if s.asJSON {
		err = printJSON(cmd.OutOrStdout(), p)
	} else {
		err = p.Text(cmd.OutOrStdout(), s.colour(cmd.OutOrStdout()))
	}
	if err != nil {
		return fmt.Errorf("print the plan: %w", err)
	}
	if !p.Empty() {
		return errChanges
	}
	return nil
}
