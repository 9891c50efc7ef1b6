package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/inventory"
	"syslog-gateway/internal/printable"
)

// dynamic are the flags by which Ansible calls a dynamic inventory.
type dynamic struct {
	list bool
	host string
}

func (d *dynamic) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&d.list, "list", false, "Ansible dynamic inventory: all groups and hosts")
	cmd.Flags().StringVar(&d.host, "host", "", "Ansible dynamic inventory: the variables of one host")
	cmd.MarkFlagsMutuallyExclusive("list", "host")
}

func (d *dynamic) asked(cmd *cobra.Command) bool { return d.list || cmd.Flags().Changed("host") }

// answer prints one JSON document and nothing else.
func (d *dynamic) answer(cmd *cobra.Command, s *settings) error {
	site := s.site()
	e, err := site.Load(cmd.Context())
	if err == nil {
		e, err = site.Located(cmd.Context(), e)
	}
	if err != nil {
		return err
	}
	inv, err := inventory.Build(e)
	if err != nil {
		return err
	}
	var text []byte
	if d.list {
		text, err = inv.List(ansibleOptions())
	} else {
		text, err = inv.Host(d.host, ansibleOptions())
	}
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}

func ansibleOptions() inventory.AnsibleOptions {
	return inventory.AnsibleOptions{NodeHost: os.Getenv("PROXMOX_VE_HOSTNAME")}
}

// inventoryOptions are the flags of `provision inventory`.
type inventoryOptions struct {
	dynamic
	format string
	toAll  bool
	legacy bool
}

// errUsage is the error of flags that contradict each other: exit code 2.
var errUsage = errors.New("wrong usage")

func newInventory(s *settings) *cobra.Command {
	var o inventoryOptions
	cmd := &cobra.Command{
		Use:   "inventory",
		Short: "The inventory of the whole estate: print it, publish it, serve it to Ansible",
		Long: `Prints the inventory: json (terraform_inventory.json as the Terraform output had it),
yaml (the same as YAML) or ansible (a static Ansible inventory; with --json as JSON).
It is built from the declaration alone and is always whole; the record only adds the node
where a migrated guest was when it was last applied or adopted.

With --sync it is published to inventory_sync of the declaration, if the declaration is
what was applied last: to all targets or none, each by a rename, with a diff. A target
whose folder is missing is skipped, and the exit code is 1. With --list or --host the
output is that of an Ansible dynamic inventory.`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	o.dynamic.flags(cmd)
	f.StringVar(&o.format, "format", "json", "json, yaml or ansible")
	f.BoolVar(&o.toAll, "sync", false, "publish to the targets of inventory_sync in the declaration")
	f.BoolVar(&o.legacy, "strict-legacy-schema", false, "report what the old schema of ansible-proxmox-apps would refuse, on standard error")
	cmd.MarkFlagsMutuallyExclusive("list", "host", "sync")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case o.format != "json" && o.format != "yaml" && o.format != "ansible":
			return fmt.Errorf("%w: --format is json, yaml or ansible, not %q", errUsage, o.format)
		case o.asked(cmd):
			return cli.Does(func(cmd *cobra.Command, _ []string) error { return o.answer(cmd, s) })(cmd, args)
		}
		return cli.Does(func(cmd *cobra.Command, _ []string) error { return o.run(cmd, s) })(cmd, args)
	}
	return cmd
}

func (i *inventoryOptions) run(cmd *cobra.Command, s *settings) error {
	site := s.site()
	e, err := site.Load(cmd.Context())
	if err != nil {
		return err
	}
	if i.legacy {
		if err := reportLegacy(cmd.ErrOrStderr(), e); err != nil {
			return err
		}
	}
	if i.toAll {
		results, err := site.Publish(cmd.Context(), e, writer())
		if err != nil {
			return err
		}
		return printTargets(cmd.OutOrStdout(), results)
	}
	if e, err = site.Located(cmd.Context(), e); err != nil {
		return err
	}
	text, err := i.text(e, s.asJSON)
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}

func (i *inventoryOptions) text(e *declaration.Estate, asJSON bool) ([]byte, error) {
	inv, err := inventory.Build(e)
	if err != nil {
		return nil, err
	}
	switch {
	case i.format == "yaml":
		return inv.YAML()
	case i.format == "ansible" && asJSON:
		return inv.AnsibleJSON(ansibleOptions())
	case i.format == "ansible":
		return inv.AnsibleYAML(ansibleOptions())
	}
	return inv.JSON()
}

// writer is how published files name this program.
func writer() string { return "provision " + cli.ThisBuild().Version }

func reportLegacy(w io.Writer, e *declaration.Estate) error {
	text, err := inventory.Document(e)
	if err != nil {
		return err
	}
	wrong, err := inventory.CheckLegacy(text)
	if err != nil {
		return err
	}
	for _, line := range wrong {
		fmt.Fprintf(w, "legacy schema: %s\n", line)
	}
	if len(wrong) == 0 {
		fmt.Fprintln(w, "legacy schema: nothing to report")
	}
	return nil
}

// printTargets says what became of each target. A skipped target is an error, or it
// would go unnoticed.
func printTargets(w io.Writer, results []inventory.Result) error {
	skipped := 0
	for _, r := range results {
		printTarget(w, r)
		if r.Skipped != "" {
			skipped++
		}
	}
	if skipped > 0 {
		return fmt.Errorf("%d of %s skipped: see above", skipped, printable.Count(len(results), "inventory target"))
	}
	return nil
}

func printTarget(w io.Writer, r inventory.Result) {
	switch {
	case r.Skipped != "":
		fmt.Fprintf(w, "inventory %s: SKIPPED: %s\n", r.Target, r.Skipped)
		return
	case r.Created:
		fmt.Fprintf(w, "inventory %s: written for the first time\n", r.Target)
		return
	case len(r.Changes) == 0:
		fmt.Fprintf(w, "inventory %s: unchanged\n", r.Target)
		return
	case r.Damaged:
		fmt.Fprintf(w, "inventory %s: the file was not JSON; replaced\n", r.Target)
		return
	}
	fmt.Fprintf(w, "inventory %s: %s\n", r.Target, printable.Count(len(r.Changes), "change"))
	for _, c := range r.Changes {
		fmt.Fprintf(w, "  %s\n", printable.Cut(printable.Escape(c.String()), 160))
	}
}
