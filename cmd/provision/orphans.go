package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/printable"
)

func newOrphans(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "orphans",
		Short: "Guests that are live but not declared",
		Long: `Lists guests that are live and not declared, without templates: ours (recorded by an
earlier apply, or with both the tag terraform and the environment's tag) and other
people's. Only guests that are ours, unprotected and without data disks are called
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
		case g.Marked:
			whose = "ours, with data"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", g.VMID, g.Kind, printable.Escape(g.Name), g.Node, g.Status, whose, printable.Escape(strings.Join(g.Volumes, "; ")))
	}
	return t.Flush()
}
