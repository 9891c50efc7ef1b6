package main

import (
	"os"
	"path/filepath"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
)

// newMan is the verb that packages are built with: the manual pages come out of the
// commands themselves, and gateway.yaml(5) out of the table of keys. Their date is SOURCE_DATE_EPOCH where that is set.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man FOLDER",
		Short:  "Write the manual pages into a folder",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: cli.Does(func(cmd *cobra.Command, args []string) error {
			cmd.Root().DisableAutoGenTag = true
			err := doc.GenManTree(cmd.Root(), &doc.GenManHeader{
				Section: "1",
				Source:  "syslog-gateway",
				Manual:  "Syslog gateway",
			}, args[0])
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(args[0], "gateway.yaml.5"), md2man.Render(config.Manual()), 0o644)
		}),
	}
}
