package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/importer"
)

// exitUnsaid says that an import was written, and that it does not say everything.
const exitUnsaid = 3

func newImport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Make a configuration of that of SC4S, Cribl, HAProxy, rsyslog or syslog-ng",
		Long: `Reads the configuration of another collector and writes gateway.yaml and packs that say the
same. What the gateway cannot say is listed with file and line. Nothing of the old
configuration is changed, and no file that is there is overwritten.

The HEC token is never written into gateway.yaml, but into the file hec_token beside it, which
its owner alone can read.

The exit code is 0 if all was said, 3 if something is listed, 1 if nothing was written, and
2 if the command line is wrong.`,
	}
	for _, product := range importer.Products() {
		cmd.AddCommand(newImportOf(product))
	}
	return cmd
}

func newImportOf(product string) *cobra.Command {
	about := map[string][2]string{
		"sc4s":      {"Import the folder of Splunk Connect for Syslog: env_file, local/context, local/config", "/opt/sc4s"},
		"cribl":     {"Import an exported configuration or an unpacked pack of Cribl Stream", "./cribl"},
		"haproxy":   {"Import log-forward sections and syslog proxies of haproxy.cfg", "/etc/haproxy/haproxy.cfg"},
		"rsyslog":   {"Import inputs, rulesets and HEC actions of rsyslog", "/etc/rsyslog.conf"},
		"syslog-ng": {"Import sources, filters and HEC destinations of syslog-ng", "/etc/syslog-ng"},
	}[product]
	var dir string
	cmd := &cobra.Command{
		Use:     product + " PATH",
		Short:   about[0],
		Example: "  gateway import " + product + " " + about[1] + " -o ./imported\n  gateway check -c ./imported/gateway.yaml",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVarP(&dir, "output", "o", "imported", "folder for gateway.yaml, packs and hec_token")
	cmd.RunE = cli.Does(func(cmd *cobra.Command, args []string) error {
		made, err := importer.Read(product, args[0], dir)
		if err != nil {
			return err
		}
		if err := writeImport(made, dir); err != nil {
			return err
		}
		printImport(cmd.OutOrStdout(), made, product, dir)
		if len(made.Unsaid) != 0 {
			return &cli.Exit{Code: exitUnsaid}
		}
		return nil
	})
	return cmd
}

// writeImport writes the files of an import. None of them may be there.
func writeImport(made *importer.Imported, dir string) error {
	names := slices.Sorted(maps.Keys(made.Files))
	modes := map[string]fs.FileMode{}
	for _, name := range names {
		modes[name] = 0o644
	}
	files := maps.Clone(made.Files)
	if made.Token != "" {
		names = append(names, "hec_token")
		files["hec_token"], modes["hec_token"] = []byte(made.Token+"\n"), 0o600
	}
	var there []string
	for _, name := range names {
		switch _, err := os.Lstat(filepath.Join(dir, name)); {
		case err == nil:
			there = append(there, name)
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("write %s: %w", filepath.Join(dir, name), err)
		}
	}
	if len(there) > 0 {
		return fmt.Errorf("write the import into %s: there already: %s; nothing was written. Name another folder with -o, or move these away", dir, strings.Join(there, ", "))
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := durable.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make a folder for the import: %w", err)
		}
		if err := durable.WriteFile(path, files[name], modes[name]); err != nil {
			return err
		}
	}
	return nil
}

// printImport tells what was written, and what was not said.
func printImport(w io.Writer, made *importer.Imported, product, dir string) {
	said := []string{count(made.Sources, "source")}
	if made.Packs != 0 {
		said = append(said, count(made.Packs, "product"))
	}
	if made.Rules != 0 {
		said = append(said, count(made.Rules, "rule"))
	}
	fmt.Fprintf(w, "said:    %s\n", strings.Join(said, ", "))
	for _, name := range slices.Sorted(maps.Keys(made.Files)) {
		fmt.Fprintf(w, "written: %s\n", filepath.Join(dir, name))
	}
	if made.Token != "" {
		fmt.Fprintf(w, "written: %s: the HEC token, mode 0600; it is nowhere else\n", filepath.Join(dir, "hec_token"))
	}
	if made.Skipped != 0 {
		fmt.Fprintf(w, "left:    %s of the old program alone, such as its threads, its own log and its buffers\n", count(made.Skipped, "setting"))
	}
	printNotes(w, "to know", made.Hints)
	printNotes(w, "the gateway cannot say", made.Unsaid)
	fmt.Fprintf(w, "\nnext:    gateway check -c %s; docs/migrate/%s.md has the way over\n", filepath.Join(dir, "gateway.yaml"), product)
}

func printNotes(w io.Writer, title string, notes []importer.Note) {
	if len(notes) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s (%d):\n", title, len(notes))
	for _, n := range notes {
		fmt.Fprintf(w, "  %s\n", n)
	}
}
