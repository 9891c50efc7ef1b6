package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/printable"
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

func newOrphans(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "orphans",
		Short: "Guests that are live but not declared",
		Long: `Lists guests that are live and not declared, without templates: ours (recorded by an
earlier apply, or with both the tag terraform and the environment's tag) and other
people's. Only guests that are recorded, unprotected and without data disks are called
removable. Nothing is removed. Exit code 0 whether or not there are any.`,
		Args: cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
			session, err := s.session(cmd)
			if err != nil {
				return err
			}
			defer session.Close()
			found, err := session.Orphans(cmd.Context())
			if err != nil {
				return err
			}
			return printOrphans(s.output(cmd), found)
		}),
	}
}

func printOrphans(o output, found []plan.Orphan) error {
	if o.json {
		return o.document(append([]plan.Orphan{}, found...))
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(o.messages, "none: every live guest is declared")
		return err
	}
	t := o.table()
	fmt.Fprintln(t, "vmid\tkind\tname\tnode\tstatus\twhose\tdisks")
	for _, g := range found {
		whose := "somebody else's"
		switch {
		case g.Protected:
			whose = "protected"
		case g.Removable:
			whose = "ours, removable"
		case g.Marked && !g.Recorded:
			whose = "has our tags, was never applied here"
		case g.Marked:
			whose = "ours, with data"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", g.VMID, g.Kind, printable.Escape(g.Name), g.Node, g.Status, whose, printable.Escape(strings.Join(g.Volumes, "; ")))
	}
	return t.Flush()
}
