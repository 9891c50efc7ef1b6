package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/state"
)

func newState(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "The record of what was applied: list, show, forget, unlock, migrate",
		Long: `The record says which guests are ours. It does not decide what exists: Proxmox VE does,
and a plan is right without it.`,
		Args: cobra.NoArgs,
	}
	list := &cobra.Command{Use: "list", Short: "One line for each object", Args: cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error { return s.stateList(cmd) })}
	show := &cobra.Command{Use: "show KEY", Short: "All that is recorded of one", Args: cobra.ExactArgs(1),
		RunE: does(func(cmd *cobra.Command, args []string) error { return s.stateShow(cmd, args[0]) })}
	cmd.AddCommand(list, show, newForget(s), newUnlock(s), newMigrate(s))
	return cmd
}

func (s *settings) stateList(cmd *cobra.Command) error {
	record, err := s.loadRecord()
	if err != nil {
		return err
	}
	if s.asJSON {
		return printJSON(cmd.OutOrStdout(), record)
	}
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "kind\tkey\tvmid\tnode\tname\tapplied")
	for _, o := range record.Objects {
		vmid := "-"
		if o.VMID != 0 {
			vmid = fmt.Sprint(o.VMID)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", o.Kind, o.Key, vmid, o.Node, o.Name, o.Applied.UTC().Format(time.RFC3339))
	}
	return t.Flush()
}

func (s *settings) stateShow(cmd *cobra.Command, key string) error {
	record, err := s.loadRecord()
	if err != nil {
		return err
	}
	var found []state.Object
	for _, o := range record.Objects {
		if o.Key == key || fmt.Sprint(o.VMID) == key {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		return fmt.Errorf("nothing called %q is recorded in %s; `provision state list` shows what is", key, s.state())
	}
	return printJSON(cmd.OutOrStdout(), found)
}

func newUnlock(s *settings) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "unlock",
		Short: "Take the lock from a run that died on another host",
		Args:  cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			dir, err := state.Open(s.state())
			if err != nil {
				return err
			}
			holder, was, err := dir.Unlock(force)
			if err != nil {
				return err
			}
			if !was {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "nobody holds the lock")
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "taken from %s\n", holder)
			return err
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "even from a run that is alive on this host")
	return cmd
}
