package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/printable"
)

func newOrphans(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "orphans",
		Short: "Guests that are live but not declared",
		Long: `Lists guests that are live and not declared, templates left out: those that are ours
(known from an earlier apply, or with the tag terraform and that of the environment), and those of others. Only
what is ours, unprotected and without data disks is called removable; nothing is
removed by this verb. Exit code 0 also where there are some.`,
		Args: cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			r, err := s.open(cmd)
			if err != nil {
				return err
			}
			defer r.close()
			found, err := plan.Orphans(cmd.Context(), r.client, r.estate, r.planOptions(nil, allowances{}))
			if err != nil {
				return err
			}
			return r.printOrphans(cmd, found)
		}),
	}
}

func (r *session) printOrphans(cmd *cobra.Command, found []plan.Orphan) error {
	out := cmd.OutOrStdout()
	if r.asJSON {
		return printJSON(out, append([]plan.Orphan{}, found...))
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(out, "none: every live guest is declared")
		return err
	}
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "vmid\tkind\tname\tnode\tstatus\twhose\tdisks")
	for _, o := range found {
		whose := "somebody else's"
		switch {
		case o.Protected:
			whose = "protected"
		case o.Removable:
			whose = "ours, removable"
		case o.Marked:
			whose = "ours, with data"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", o.VMID, o.Kind, printable.Escape(o.Name), o.Node, o.Status, whose, printable.Escape(strings.Join(o.Volumes, "; ")))
	}
	return t.Flush()
}
