package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/printable"
)

func newValidate(s *settings) *cobra.Command {
	var explain bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the declaration, offline: all problems at once",
		Long: `Reads ` + declaration.Precedence + ` (later ones
win) and checks everything that can be known without Proxmox VE. The only credential that
is needed is the key of terraform.sops.json, if that file exists.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&explain, "explain", false, "print every effective value and where it came from")
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error {
		if explain {
			values, err := declaration.Explain(cmd.Context(), s.site().Declaration)
			return errors.Join(err, printValues(s.output(cmd), values))
		}
		e, err := s.site().Check(cmd.Context())
		return printVerdict(s.output(cmd), s.deployment(), e, err)
	})
	return cmd
}

// verdict is the JSON form of validate.
type verdict struct {
	Fine     bool                 `json:"fine"`
	Problems declaration.Problems `json:"problems"`
	Notes    declaration.Problems `json:"notes"`
}

// printVerdict says what loading a file gave: the estate, or the error.
func printVerdict(o output, file string, e *declaration.Estate, err error) error {
	problems := declaration.Problems{}
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	if o.json {
		v := verdict{Fine: err == nil, Problems: problems, Notes: declaration.Problems{}}
		if e != nil {
			v.Notes = append(v.Notes, e.Notes...)
		}
		if printed := o.document(v); printed != nil {
			return printed
		}
		if err != nil {
			return fmt.Errorf("%s in %s", printable.Count(len(problems), "problem"), file)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s:\n%w", printable.Count(len(problems), "problem"), problems)
	}
	for _, n := range e.Notes {
		fmt.Fprintf(o.messages, "note: %v\n", n)
	}
	_, err = fmt.Fprintf(o.messages, "fine: %s, %s, %s, %s\n", printable.Count(len(e.Containers), "container"), printable.Count(len(e.AllVMs()), "VM"),
		printable.Count(len(e.Pools), "pool"), printable.Count(len(e.Firewall.Groups), "security group"))
	return err
}

func printValues(o output, values []declaration.Setting) error {
	if o.json {
		return o.document(values)
	}
	fmt.Fprintf(o.messages, "# the later wins: %s\n", declaration.Precedence)
	t := o.table()
	for _, v := range values {
		fmt.Fprintf(t, "%s\t%s\t%s\n", v.Path, v.Value, v.From)
	}
	return t.Flush()
}
