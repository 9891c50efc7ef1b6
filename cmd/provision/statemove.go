package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/printable"
)

func newPull(s *settings) *cobra.Command {
	var version string
	var toFolder bool
	var wait lockWait
	cmd := &cobra.Command{
		Use:   "pull",
		Short: "Print the record, or bring it back from S3 into the state folder",
		Long: `Prints the record as JSON, such as to keep a copy. With --to-folder it is brought back from
S3 into the state folder instead; then remove state from the declaration. The object in S3
stays.`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&version, "version-id", "", "`ID` of an older version in S3: see state versions")
	f.BoolVar(&toFolder, "to-folder", false, "bring it back into the state folder")
	cmd.MarkFlagsMutuallyExclusive("version-id", "to-folder")
	wait.flag(cmd)
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error {
		o := s.output(cmd)
		if !toFolder {
			record, err := s.site().Pull(cmd.Context(), version)
			if err != nil {
				return err
			}
			return o.document(record)
		}
		record, err := s.site().PullToFolder(cmd.Context(), wait.options(cmd))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(o.messages, "serial %d is in %s. Next: remove state from the declaration.\n", record.Serial, s.site().State)
		return err
	})
	return cmd
}

func newPush(s *settings) *cobra.Command {
	var force bool
	var wait lockWait
	cmd := &cobra.Command{
		Use:   "push [FILE]",
		Short: "Put a record into the declared place: that of the state folder, or a file",
		Long: `Moves the record of the state folder to S3, after the declaration says so under state. With
a FILE (- is the standard input), puts that record in place of the present one. An older
record, or one of another lineage or Proxmox VE, is refused without --force.`,
		Args: cobra.MaximumNArgs(1),
	}
	cmd.Flags().BoolVar(&force, "force", false, "also an older record, or another one")
	wait.flag(cmd)
	cmd.RunE = cli.Does(func(cmd *cobra.Command, args []string) error {
		record, err := readRecord(cmd.InOrStdin(), args)
		if err != nil {
			return err
		}
		place, err := s.site().Push(cmd.Context(), wait.options(cmd), record, force)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.output(cmd).messages, "the record is in %s\n", place)
		return err
	})
	return cmd
}

// maxRecord is the largest record that is read, in bytes.
const maxRecord = 64 << 20

// readRecord reads the record of a file; nil if none is named.
func readRecord(in io.Reader, args []string) (*state.Record, error) {
	if len(args) == 0 {
		return nil, nil
	}
	if args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxRecord))
	if err != nil {
		return nil, fmt.Errorf("read the record %s: %w", args[0], err)
	}
	record, err := state.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s is no record: %w", args[0], err)
	}
	return record, nil
}

func newVersions(s *settings) *cobra.Command {
	return &cobra.Command{Use: "versions", Short: "The versions of a record in S3, the newest first", Args: cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
			all, err := s.site().Versions(cmd.Context())
			if err != nil {
				return err
			}
			o := s.output(cmd)
			if o.json {
				return o.document(all)
			}
			t := o.table()
			fmt.Fprintln(t, "version-id\tsaved\tbytes")
			for _, v := range all {
				fmt.Fprintf(t, "%s\t%s\t%d\n", printable.Escape(v.ID), v.Modified.UTC().Format(time.RFC3339), v.Size)
			}
			return t.Flush()
		})}
}
