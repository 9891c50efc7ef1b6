package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/infra/state/backend"
	"syslog-gateway/internal/printable"
)

func newState(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "The record of what was applied: list, show, forget, unlock, pull, push, versions, migrate",
		Long: `The record says which guests are ours. It does not decide what exists: Proxmox VE does,
and a plan is right without it. It is in the state folder, or where the declaration says
under state.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(newStateList(s), newStateShow(s), newForget(s), newUnlock(s), newPull(s), newPush(s), newVersions(s), newMigrate(s))
	return cmd
}

func newStateList(s *settings) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "One line for each object", Args: cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
			record, err := s.site().Record(cmd.Context())
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
			record, err := s.site().Record(cmd.Context())
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
		Use:   "unlock [ID]",
		Short: "Take the locks from a run that died",
		Long: `Takes the lock of the state folder from a run that died on another host, and with it the
lock that this run shares with Terraform. The shared lock of any other run is shown, and is
taken only if its ID is given. Look first whether that run is still working: two at once
damage each other's work.`,
		Args: cobra.MaximumNArgs(1),
		RunE: cli.Does(func(cmd *cobra.Command, args []string) error {
			u, err := s.site().Unlock(cmd.Context(), strings.Join(args, ""), force)
			if s.asJSON && err == nil {
				return s.output(cmd).document(u)
			}
			return errors.Join(printUnlocked(s.output(cmd), u, err == nil), err)
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "from any run, even from one that is alive on this host")
	return cmd
}

func printUnlocked(o output, u backend.Unlocked, all bool) error {
	if u.Local == nil && len(u.Shared) == 0 && all {
		_, err := fmt.Fprintln(o.messages, "the lock is free")
		return err
	}
	if u.Local != nil {
		fmt.Fprintf(o.messages, "taken from %s\n", printable.Escape(u.Local.String()))
	}
	for _, l := range u.Shared {
		fmt.Fprintf(o.messages, "taken away: %s\n", printable.Escape(l.String()))
	}
	return nil
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
