package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// variable is one that something reads, with the others that can stand in for it.
type variable struct {
	names  []string // the first that is set counts
	needed bool
	what   string
	file   string // below the home folder: being there counts, too
}

// variables are what the verbs read. Values never leave os.Getenv.
func variables() []variable {
	return []variable{
		{names: []string{"PROXMOX_VE_ENDPOINT"}, needed: true, what: "plan, apply, …: https://HOST:8006"},
		{names: []string{"PROXMOX_VE_API_TOKEN", "PROXMOX_VE_PASSWORD", "PROXMOX_VE_AUTH_TICKET"}, needed: true,
			what: "credentials: a token user@realm!name=secret, or a password for PROXMOX_VE_USERNAME"},
		{names: []string{"PROXMOX_VE_USERNAME"}, what: "user@realm of the password; root@pam for container features"},
		{names: []string{"PROXMOX_VE_CACERT"}, what: "CA that signed the node's certificate"},
		{names: []string{"PROXMOX_VE_INSECURE"}, what: "true: any certificate is taken"},
		{names: []string{"PROXMOX_VE_NODE"}, what: "node of guests that name none; default pve"},
		{names: []string{"PROXMOX_SSH_PRIVATE_KEY", "PROXMOX_SSH_KEY_PATH"}, what: "key to the node, by content or by path: Splunk's first-boot file"},
		{names: []string{"PROXMOX_SSH_USERNAME"}, what: "user of that key; default root"},
		{names: []string{"SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD", "SOPS_AGE_SSH_PRIVATE_KEY_FILE"},
			what: "key to terraform.sops.json, where there is one", file: ".config/sops/age/keys.txt"},
		{names: []string{"PROXMOX_VE_HOSTNAME"}, what: "inventory: the node's address for SSH; default its name"},
		{names: []string{"SPLUNK_HEC_TOKEN"}, what: "render splunk --with-token"},
		{names: []string{"AWS_ACCESS_KEY_ID", "AWS_PROFILE"}, what: "state migrate s3://…", file: ".aws/credentials"},
	}
}

// finding is what became of a variable.
type finding struct {
	Name   string `json:"name"`
	State  string `json:"state"` // found, missing or unset
	Needed bool   `json:"needed"`
	For    string `json:"for"`
}

func (v variable) find() finding {
	f := finding{Name: strings.Join(v.names, " | "), State: "unset", Needed: v.needed, For: v.what}
	if v.needed {
		f.State = "missing"
	}
	for _, name := range v.names {
		if os.Getenv(name) != "" {
			f.Name, f.State = name, "found"
			return f
		}
	}
	if home, err := os.UserHomeDir(); err == nil && v.file != "" {
		if _, err := os.Stat(filepath.Join(home, v.file)); err == nil {
			f.Name, f.State = "~/"+v.file, "found"
		}
	}
	return f
}

func newEnv(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Which variables are needed, found, missing; never their values",
		Long: `Prints which variables of the environment are read, what for, and whether they are
set. Values are never printed. Exit code 1 where one is missing that is needed.`,
		Args: cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error { return s.env(cmd) }),
	}
}

func (s *settings) env(cmd *cobra.Command) error {
	var all []finding
	var missing []string
	for _, v := range variables() {
		f := v.find()
		all = append(all, f)
		if f.State == "missing" {
			missing = append(missing, f.Name)
		}
	}
	if err := s.printEnv(cmd, all); err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing: %s; set them, or run this by `doppler run --` or `sops exec-env`", strings.Join(missing, ", "))
	}
	return nil
}

func (s *settings) printEnv(cmd *cobra.Command, all []finding) error {
	if s.asJSON {
		return printJSON(cmd.OutOrStdout(), all)
	}
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	for _, f := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.State, f.Name, f.For)
	}
	return t.Flush()
}
