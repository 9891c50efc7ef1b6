package main

import (
	"fmt"

	"syslog-gateway/internal/cli"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and Go version",
		Args:  cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), cli.ThisBuild().Text("syslog-gateway"))
			return err
		}),
	}
}
