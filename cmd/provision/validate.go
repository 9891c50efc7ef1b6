package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/inventory"
)

func newValidate(s *settings) *cobra.Command {
	var explain bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the declaration, offline: all problems at once",
		Long: `Reads ` + declaration.Precedence + ` (the later ones
win) and checks everything that can be known without Proxmox VE. No credentials are
needed but the key of terraform.sops.json, where there is one.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&explain, "explain", false, "print every effective value and where it came from")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		if explain {
			return s.explain(cmd)
		}
		return s.validate(cmd)
	})
	return cmd
}

// verdict is the JSON form of validate.
type verdict struct {
	Fine     bool                 `json:"fine"`
	Problems declaration.Problems `json:"problems"`
	Notes    declaration.Problems `json:"notes"`
}

func (s *settings) validate(cmd *cobra.Command) error {
	e, err := s.checked(cmd)
	problems := declaration.Problems{}
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	if s.asJSON {
		v := verdict{Fine: err == nil, Problems: problems, Notes: declaration.Problems{}}
		if e != nil {
			v.Notes = append(v.Notes, e.Notes...)
		}
		if printed := printJSON(cmd.OutOrStdout(), v); printed != nil {
			return printed
		}
		if err != nil {
			return fmt.Errorf("%s in %s", count(len(problems), "problem"), s.deployment())
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s:\n%w", count(len(problems), "problem"), err)
	}
	for _, n := range e.Notes {
		fmt.Fprintf(cmd.OutOrStdout(), "note: %v\n", n)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "fine: %s, %s, %s, %s\n", count(len(e.Containers), "container"), count(len(allVMs(e)), "VM"),
		count(len(e.Pools), "pool"), count(len(e.Firewall.Groups), "security group"))
	return err
}

// checked loads the declaration, and makes sure that its inventory can be made. That
// nothing is declared at all is allowed, and worth a note: more often something was lost.
func (s *settings) checked(cmd *cobra.Command) (*declaration.Estate, error) {
	e, err := s.estate(cmd)
	if err != nil {
		return nil, err
	}
	if _, err := s.document(e); err != nil {
		return nil, declaration.Problems{{File: s.deployment(), What: err.Error()}}
	}
	if len(e.Containers) == 0 {
		e.Notes = append(e.Notes, declaration.Problem{Path: "$.containers", File: s.deployment(), What: "no container is declared",
			Fix: "put them back if they were lost: those that are live would be removed, each by --allow-destroy"})
	}
	return e, nil
}

func (s *settings) explain(cmd *cobra.Command) error {
	settings, err := declaration.Explain(cmd.Context(), s.options())
	out := cmd.OutOrStdout()
	if s.asJSON {
		return errors.Join(err, printJSON(out, settings))
	}
	fmt.Fprintf(out, "# the later wins: %s\n", declaration.Precedence)
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, v := range settings {
		fmt.Fprintf(t, "%s\t%s\t%s\n", v.Path, v.Value, v.From)
	}
	return errors.Join(err, t.Flush())
}

// document is the checked inventory of an estate.
func (s *settings) document(e *declaration.Estate) ([]byte, error) {
	inv, err := inventory.Build(e)
	if err != nil {
		return nil, err
	}
	text, err := inv.JSON()
	if err != nil {
		return nil, err
	}
	wrong, err := inventory.Check(text)
	if err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("the inventory would break its schema: %v", wrong)
	}
	return text, nil
}
