// Package manual is the verb that packages are built with: the manual pages come out of the
// commands themselves.
package manual

import (
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"syslog-gateway/internal/cli"
)

// Command returns the hidden verb "man FOLDER". The date of the pages is SOURCE_DATE_EPOCH
// where that is set.
func Command() *cobra.Command {
	return &cobra.Command{
		Use:    "man FOLDER",
		Short:  "Write the manual pages into a folder",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: cli.Does(func(cmd *cobra.Command, args []string) error {
			cmd.Root().DisableAutoGenTag = true
			return doc.GenManTree(cmd.Root(), &doc.GenManHeader{
				Section: "1",
				Source:  "syslog-gateway",
				Manual:  "Syslog gateway",
			}, args[0])
		}),
	}
}
