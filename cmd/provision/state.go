package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/printable"
)

func newState(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "The record of what was applied: list, show, forget, unlock, migrate",
		Long: `The record says which guests are ours. It does not decide what exists: Proxmox VE does,
and a plan is right without it.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(newStateList(s), newStateShow(s), newForget(s), newUnlock(s), newMigrate(s))
	return cmd
}

func newStateList(s *settings) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "One line for each object", Args: cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
			record, err := s.site().Record()
			if err != nil {
				return err
			}
			return printRecord(s.output(cmd), record)
		})}
}

func printRecord(o output, record *state.Record) error {
	if o.json {
		return o.document(record)
	}
	t := o.table()
	fmt.Fprintln(t, "kind\tkey\tvmid\tnode\tname\tapplied")
	for _, r := range record.Objects {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Kind, r.Key, vmid(r.VMID), r.Node, r.Name, r.Applied.UTC().Format(time.RFC3339))
	}
	return t.Flush()
}

// vmid is - for an object that has none.
func vmid(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

func newStateShow(s *settings) *cobra.Command {
	return &cobra.Command{Use: "show KEY", Short: "Everything that is recorded of one object", Args: cobra.ExactArgs(1),
		RunE: cli.Does(func(cmd *cobra.Command, args []string) error {
			record, err := s.site().Record()
			if err != nil {
				return err
			}
			found, err := s.site().Find(record, args[0])
			if err != nil {
				return err
			}
			return s.output(cmd).document(found)
		})}
}

func newForget(s *settings) *cobra.Command {
	var wait lockWait
	cmd := &cobra.Command{
		Use:   "forget KEY",
		Short: "Stop managing a guest, which stays as it is",
		Long: `Takes a guest or pool, named by its key, its VMID or KIND/KEY, out of the record.
Nothing is sent to Proxmox VE, and nothing changes there.

A guest also counts as ours while it is declared, or while it has both the tag terraform
and the environment's tag. To hand a guest over, remove it from the declaration, take the
tag terraform off it in Proxmox VE, and forget it.`,
		Args: cobra.ExactArgs(1),
	}
	wait.flag(cmd)
	cmd.RunE = cli.Does(func(cmd *cobra.Command, args []string) error {
		gone, err := s.site().Forget(cmd.Context(), wait.options(cmd), args[0])
		if err != nil {
			return err
		}
		o := s.output(cmd)
		if o.json {
			return o.document(gone)
		}
		_, err = fmt.Fprintf(o.messages, "forgotten: %s/%s. It stays as it is on Proxmox VE.\n", gone.Kind, gone.Key)
		return err
	})
	return cmd
}

func newUnlock(s *settings) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "unlock",
		Short: "Take the lock from a run that died on another host",
		Args:  cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
			dir, err := state.Open(s.site().State)
			if err != nil {
				return err
			}
			holder, was, err := dir.Unlock(force)
			if err != nil {
				return err
			}
			if !was {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "the lock is free")
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "taken from %s\n", holder)
			return err
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "even from a run that is alive on this host")
	return cmd
}

func newMigrate(s *settings) *cobra.Command {
	var from state.Source
	var wait lockWait
	cmd := &cobra.Command{
		Use:   "migrate FILE | s3://BUCKET/KEY",
		Short: "Record what a Terraform or OpenTofu state manages",
		Long: `Reads a Terraform state, from a file or from S3, and records its guests and pools as ours,
so that a guest that is no longer declared is recognised. Nothing is written to S3, and the
state stays as it is. A locked state is refused.`,
		Args: cobra.ExactArgs(1),
	}
	f := cmd.Flags()
	f.StringVar(&from.Region, "region", "", "of the bucket and the table (default: AWS_REGION or the profile's)")
	f.StringVar(&from.Table, "lock-table", "", "DynamoDB table that holds the lock")
	f.StringVar(&from.Endpoint, "endpoint-url", "", "URL of S3 and DynamoDB if they are not those of AWS")
	wait.flag(cmd)
	cmd.RunE = cli.Does(func(cmd *cobra.Command, args []string) error {
		from.Location = args[0]
		m, err := s.site().Migrate(cmd.Context(), wait.options(cmd), from)
		if err != nil {
			return err
		}
		o := s.output(cmd)
		if o.json {
			return o.document(m)
		}
		if m.Warning != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", m.Warning)
		}
		return printMigration(o, m)
	})
	return cmd
}

func printMigration(o output, m *state.Migration) error {
	t := o.table()
	for _, i := range m.Items {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", i.Kind, i.Key, vmid(i.VMID), i.Note, i.Address)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(o.messages, "recorded %s of %s (serial %d). Next: `provision adopt`, then `provision plan`.\n",
		printable.Count(len(m.Guests()), "guest"), m.Source, m.Serial)
	return err
}
