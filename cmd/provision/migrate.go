package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/printable"
)

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
