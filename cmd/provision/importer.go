package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/tfimport"
)

func newImport(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Write a declaration from what another tool knows",
		Args:  cobra.NoArgs,
	}
	var out string
	tfstate := &cobra.Command{
		Use:   "tfstate FILE",
		Short: "Print a declaration made of a Terraform state (bpg/proxmox)",
		Long: `Reads a Terraform state of the provider bpg/proxmox (- for standard input, such as the
output of terraform state pull) and prints a declaration of its pools, containers and VMs.
What is not taken over is said. Read it before you use it, then:

  provision validate
  provision state migrate FILE    (records what Terraform manages)
  provision adopt                 (shows what differs)`,
		Args: cobra.ExactArgs(1),
		RunE: cli.Does(func(cmd *cobra.Command, args []string) error {
			data, err := readState(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			d, err := tfimport.Read(data)
			if err != nil {
				return fmt.Errorf("Terraform's state %s: %w", args[0], err) //nolint:staticcheck // a name
			}
			for _, n := range d.Notes {
				fmt.Fprintln(cmd.ErrOrStderr(), "note:", n)
			}
			return writeDeclaration(s.output(cmd), out, d.Document)
		}),
	}
	tfstate.Flags().StringVarP(&out, "output", "o", "", "write to this `file`, which must not be there, instead of standard output")
	cmd.AddCommand(tfstate)
	return cmd
}

// maxTerraformState is the largest state that is read, in bytes.
const maxTerraformState = 64 << 20

func readState(stdin io.Reader, name string) ([]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxTerraformState+1))
	if err == nil && len(data) > maxTerraformState {
		err = fmt.Errorf("Terraform's state %s is larger than %d MiB", name, maxTerraformState>>20) //nolint:staticcheck // a name
	}
	return data, err
}

// writeDeclaration prints a declaration, or writes it to a file that is not there yet.
func writeDeclaration(o output, file string, document map[string]any) error {
	if file == "" {
		return o.document(document)
	}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already: name another file, or move it away", file)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		fmt.Fprintf(o.messages, "%s is written\n", file)
	}
	return err
}

func newSchema(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of the declaration, for editors",
		Long: `Prints the JSON schema of deployment.json (draft 7). Editors complete and check with it:
write it to a file, and put "$schema": "./deployment.schema.json" on top of the declaration.`,
		Args: cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error { return s.output(cmd).document(declaration.Schema()) }),
	}
}
