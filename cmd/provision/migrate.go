package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/state"
)

func newMigrate(s *settings) *cobra.Command {
	var from state.Source
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "migrate FILE | s3://BUCKET/KEY",
		Short: "Record what a Terraform or OpenTofu state manages",
		Long: `Reads a Terraform state, from a file or from S3, and records its guests and pools as ours,
so that a guest that is declared no more is recognised. Nothing is written to S3, and the
state stays as it is. A state that somebody holds the lock of is refused.`,
		Args: cobra.ExactArgs(1),
	}
	f := cmd.Flags()
	f.StringVar(&from.Region, "region", "", "of the bucket and the table (default: AWS_REGION or the profile's)")
	f.StringVar(&from.Table, "lock-table", "", "DynamoDB table that holds the lock")
	f.StringVar(&from.Endpoint, "endpoint-url", "", "of an S3 that is not AWS's")
	waitFlag(cmd, &wait)
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		from.Location = args[0]
		return s.migrate(cmd, from, wait)
	})
	return cmd
}

func (s *settings) migrate(cmd *cobra.Command, from state.Source, wait time.Duration) error {
	m, err := state.Migrate(cmd.Context(), from)
	if err != nil {
		return err
	}
	if len(m.Locks) > 0 {
		return fmt.Errorf("%s: nothing was recorded; wait for it to end", m.Locks[0])
	}
	if err := s.recordMigration(cmd, m, wait); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if s.asJSON {
		return printJSON(out, m)
	}
	if m.Warning != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", m.Warning)
	}
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, i := range m.Items {
		vmid := "-"
		if i.VMID != 0 {
			vmid = strconv.Itoa(i.VMID)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", i.Kind, i.Key, vmid, i.Note, i.Address)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "recorded %s of %s (serial %d). Next: `provision adopt`, then `provision plan`.\n",
		count(len(m.Guests()), "guest"), m.Source, m.Serial)
	return err
}

// recordMigration adds what Terraform manages to the record. What is there already
// stays: it is newer.
func (s *settings) recordMigration(cmd *cobra.Command, m *state.Migration, wait time.Duration) error {
	return s.editRecord(cmd, wait, func(record *state.Record) error {
		if err := s.sameDeclaration(record); err != nil {
			return err
		}
		putMigration(record, m)
		return nil
	})
}

func putMigration(record *state.Record, m *state.Migration) {
	for _, i := range m.Items {
		if i.Kind != state.KindPool && i.Kind != state.KindContainer && i.Kind != state.KindVM {
			continue
		}
		if _, known := record.Guest(i.VMID); known && i.VMID != 0 {
			continue
		}
		if _, known := record.Find(i.Kind, i.Key); known {
			continue
		}
		record.Put(state.Object{
			Kind: i.Kind, Key: i.Key, VMID: i.VMID, Node: i.Node, Name: i.Name, Applied: now(),
			Protected: strings.HasPrefix(i.Address, "module.splunk_vm."), // there: lifecycle prevent_destroy
		})
	}
}
