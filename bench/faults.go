package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"syslog-gateway/bench/faults"
	"syslog-gateway/internal/cli"
)

func faultsCommand() *cobra.Command {
	o := faults.Options{}
	c := &cobra.Command{
		Use:   "faults",
		Short: "Show that nothing is lost: one row a fault of HEC, the process, the disk, the cluster",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Progress = c.ErrOrStderr()
			rep, err := o.Run(c.Context())
			return printTable(c, rep, err)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Gateway, "gateway", "bin/gateway", "the gateway's program")
	f.StringVar(&o.Queue, "queue-server", "bin/syslog-gateway-queue", "the program of a cluster's nodes")
	f.BoolVar(&o.Quick, "quick", false, "fewer messages and shorter storms")
	f.StringSliceVar(&o.Only, "only", nil, "only rows whose name holds one of these")
	f.StringVar(&o.Dir, "dir", "", "where to make the temporary folders (default: the system's temporary folder)")
	f.BoolVar(&o.Keep, "keep", false, "leave the folders of rows that fail")
	return c
}

func crashCommand() *cobra.Command {
	o := faults.CrashOptions{}
	c := &cobra.Command{
		Use:   "crash",
		Short: "Kill the gateway under load again and again: nothing accepted is lost",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Kills < 1 || o.Seeds < 1 {
				return fmt.Errorf("kills %d, seeds %d: give at least 1", o.Kills, o.Seeds)
			}
			o.Progress = c.ErrOrStderr()
			rep, err := faults.Crash(c.Context(), o)
			return printTable(c, rep, err)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Gateway, "gateway", "bin/gateway", "the gateway's program")
	f.IntVar(&o.Kills, "kills", 20, "kills with each seed")
	f.IntVar(&o.Seeds, "seeds", 1, "how many seeds")
	f.Uint64Var(&o.First, "first-seed", 1, "the first seed")
	f.StringVar(&o.Dir, "dir", "", "where to make the temporary folders (default: the system's temporary folder)")
	f.BoolVar(&o.Keep, "keep", false, "leave the folders of seeds that fail")
	return c
}

// table is the outcome of many rows.
type table interface {
	WriteTable(w io.Writer) error
	Failed() int
}

// printTable prints the rows. It fails when one of them failed.
func printTable[T any, R interface {
	~[]T
	table
}](c *cobra.Command, rep R, err error) error {
	if len(rep) > 0 {
		if werr := rep.WriteTable(c.OutOrStdout()); werr != nil {
			return cli.Fail(fmt.Errorf("print the table: %w", werr))
		}
	}
	if err != nil {
		return cli.Fail(err)
	}
	if n := rep.Failed(); n > 0 {
		return cli.Fail(fmt.Errorf("%d of %d rows failed", n, len(rep)))
	}
	return nil
}
