package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/workflow"
	"syslog-gateway/internal/printable"
)

func newAdopt(s *settings) *cobra.Command {
	var wait lockWait
	cmd := &cobra.Command{
		Use:   "adopt [KEY…]",
		Short: "Take over guests that exist already: record them, show what differs",
		Long: `Finds the declared guests that are live already, by VMID, and records them as ours.
Nothing is changed on Proxmox VE: differences are shown, and the next apply changes them in
place. A guest of another kind or name under a declared VMID is not taken over.`,
	}
	wait.flag(cmd)
	cmd.RunE = cli.Does(func(cmd *cobra.Command, keys []string) error {
		w, err := s.begin(cmd, wait)
		if err != nil {
			return err
		}
		all, err := w.Adopt(cmd.Context(), keys)
		if err == nil {
			err = printAdoptions(s.output(cmd), all)
		}
		return errors.Join(err, w.Close())
	})
	return cmd
}

func printAdoptions(o output, all []workflow.Adoption) error {
	refused := 0
	for _, a := range all {
		if a.Refused {
			refused++
		}
	}
	var err error
	if o.json {
		err = o.document(all)
	} else {
		err = adoptionTable(o, all)
	}
	if err == nil && refused > 0 {
		err = fmt.Errorf("not taken over: %s, because another guest has the VMID or for the reason shown", printable.Count(refused, "guest"))
	}
	return err
}

func adoptionTable(o output, all []workflow.Adoption) error {
	t := o.table()
	for _, a := range all {
		verb := "left"
		if a.Adopted {
			verb = "adopted"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\n", verb, a.Key, a.VMID, printable.Escape(a.Says))
		for _, f := range a.Fields {
			fmt.Fprintf(t, "\t\t\t  %s\n", field(f))
		}
		for _, b := range a.Blocks {
			fmt.Fprintf(t, "\t\t\t  refused: %s\n", printable.Escape(strings.TrimSpace(b.Why+" "+b.Flag)))
		}
		for _, m := range a.Manual {
			fmt.Fprintf(t, "\t\t\t  by hand: %s\n", printable.Escape(m))
		}
	}
	return t.Flush()
}
