// Package manual is the verb that packages are built with: the manual pages come out of the
// commands themselves.
package manual

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"syslog-gateway/internal/cli"
)

// Command returns the hidden verb "man FOLDER". The date of the pages is SOURCE_DATE_EPOCH
// where that is set. others are further pages by their file names, such as gateway.yaml.5, in
// the Markdown of md2man.
func Command(others map[string]func() []byte) *cobra.Command {
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
			for name, page := range others {
				if err := os.WriteFile(filepath.Join(args[0], name), md2man.Render(page()), 0o644); err != nil {
					return fmt.Errorf("write a manual page: %w", err)
				}
			}
			return nil
		}),
	}
}
