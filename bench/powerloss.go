package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"syslog-gateway/bench/powerloss"
)

func powerlossCommand() *cobra.Command {
	o := powerloss.Options{}
	c := &cobra.Command{
		Use:   "powerloss",
		Short: "Pull the plug again and again: nothing that was synced is lost (root, /dev/fuse)",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Cuts < 1 {
				return fmt.Errorf("cuts %d: give at least 1", o.Cuts)
			}
			o.Progress = c.ErrOrStderr()
			rep, err := o.Run(c.Context())
			return printTable(c, rep, err)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Gateway, "gateway", "bin/gateway", "the gateway's program")
	f.IntVar(&o.Cuts, "cuts", 100, "cuts in each model")
	f.Uint64Var(&o.Seed, "seed", 1, "the first seed")
	f.StringArrayVar(&o.Only, "only", nil, "only series whose name holds one of these")
	f.StringVar(&o.Dir, "dir", "", "where to make the temporary folders (default: the system's temporary folder)")
	f.BoolVar(&o.Keep, "keep", false, "leave the folders of series that fail")
	return c
}
