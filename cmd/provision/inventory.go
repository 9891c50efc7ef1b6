package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/inventory"
	"syslog-gateway/internal/printable"
)

// dynamic are the questions of Ansible to a dynamic inventory.
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
	e, err := s.estate(cmd)
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
		Short: "The inventory of the whole estate: print it, publish it, answer Ansible",
		Long: `Prints the inventory: json (terraform_inventory.json as the Terraform output had it),
yaml (the same as YAML) or ansible (a static Ansible inventory; with --json as JSON).
It comes out of the declaration alone and is always whole.

With --sync it is published to inventory_sync of the declaration, if the declaration is
what was applied last: to all targets or none, each by a rename, with a diff. A target
whose folder is missing is skipped, and the exit code is 1. With --list or --host it
answers as an Ansible dynamic inventory.`,
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
			return does(func(cmd *cobra.Command, _ []string) error { return o.answer(cmd, s) })(cmd, args)
		}
		return does(func(cmd *cobra.Command, _ []string) error { return o.run(cmd, s) })(cmd, args)
	}
	return cmd
}

func (o *inventoryOptions) run(cmd *cobra.Command, s *settings) error {
	e, err := s.estate(cmd)
	if err != nil {
		return err
	}
	if o.legacy {
		if err := s.reportLegacy(cmd.ErrOrStderr(), e); err != nil {
			return err
		}
	}
	if o.toAll {
		if len(e.InventorySync) == 0 {
			return errors.New("the declaration names no target: list them under inventory_sync, or name them with `provision apply --sync PATH`")
		}
		if err := s.applied(e); err != nil {
			return err
		}
		return s.sync(cmd.OutOrStdout(), e, e.InventorySync)
	}
	text, err := o.text(s, e)
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}

// applied refuses a declaration that is not in force: guests would be published that are
// not there, and others vanish that are.
func (s *settings) applied(e *declaration.Estate) error {
	record, err := s.loadRecord()
	if err != nil {
		return err
	}
	if err := s.sameDeclaration(record); err != nil {
		return err
	}
	fingerprint, err := inventory.Fingerprint(e)
	if err != nil {
		return err
	}
	if record.Fingerprint != fingerprint {
		return fmt.Errorf("nothing is published: %s is not what was applied last, as far as the record in %s tells; "+
			"run `provision apply`, which publishes when it is done", s.deployment(), s.state())
	}
	return nil
}

func (o *inventoryOptions) text(s *settings, e *declaration.Estate) ([]byte, error) {
	inv, err := inventory.Build(e)
	if err != nil {
		return nil, err
	}
	switch {
	case o.format == "yaml":
		return inv.YAML()
	case o.format == "ansible" && s.asJSON:
		return inv.AnsibleJSON(ansibleOptions())
	case o.format == "ansible":
		return inv.AnsibleYAML(ansibleOptions())
	}
	return inv.JSON()
}

func (s *settings) reportLegacy(w io.Writer, e *declaration.Estate) error {
	text, err := s.document(e)
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

// sync publishes the inventory of the whole estate and prints what became of each
// target. That one was skipped is an error: nobody would miss it otherwise.
func (s *settings) sync(w io.Writer, e *declaration.Estate, targets []string) error {
	text, err := s.document(e)
	if err != nil {
		return err
	}
	meta, err := inventory.NewMeta(e, text, "provision "+version)
	if err != nil {
		return err
	}
	results, err := inventory.Sync(targets, text, meta)
	if err != nil {
		return err
	}
	skipped := 0
	for _, r := range results {
		s.printTarget(w, r)
		if r.Skipped != "" {
			skipped++
		}
	}
	if skipped > 0 {
		return fmt.Errorf("%d of %s skipped: see above", skipped, count(len(results), "inventory target"))
	}
	return nil
}

func (s *settings) printTarget(w io.Writer, r inventory.Result) {
	switch {
	case r.Skipped != "":
		fmt.Fprintf(w, "inventory %s: SKIPPED: %s\n", r.Target, r.Skipped)
		return
	case r.Created:
		fmt.Fprintf(w, "inventory %s: written for the first time\n", r.Target)
		return
	case len(r.Changes) == 0:
		fmt.Fprintf(w, "inventory %s: as it was\n", r.Target)
		return
	case r.Damaged:
		fmt.Fprintf(w, "inventory %s: what was there was no JSON; replaced\n", r.Target)
		return
	}
	fmt.Fprintf(w, "inventory %s: %s\n", r.Target, count(len(r.Changes), "change"))
	for _, c := range r.Changes {
		fmt.Fprintf(w, "  %s\n", shorten(printable.Escape(c.String()), 160))
	}
}
