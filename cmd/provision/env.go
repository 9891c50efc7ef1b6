package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/secrets/needs"
	"syslog-gateway/internal/printable"
)

// variable is an environment variable that is read, with its alternatives.
type variable struct {
	names  []string // the first one that is set counts
	needed bool
	what   string
	file   string // below the home folder; an alternative to the variables
}

// variables are what the verbs read. Values never leave os.Getenv.
func variables() []variable {
	return []variable{
		{names: []string{"PROXMOX_VE_ENDPOINT"}, needed: true, what: "plan, apply, …: https://HOST:8006"},
		{names: []string{"PROXMOX_VE_API_TOKEN", "PROXMOX_VE_PASSWORD", "PROXMOX_VE_AUTH_TICKET"}, needed: true,
			what: "credentials: a token user@realm!name=secret, or a password for PROXMOX_VE_USERNAME"},
		{names: []string{"PROXMOX_VE_USERNAME"}, what: "user@realm of the password; root@pam for container features"},
		{names: []string{"PROXMOX_VE_CACERT"}, what: "CA that signed the node's certificate"},
		{names: []string{"PROXMOX_VE_INSECURE"}, what: "true: any certificate is accepted"},
		{names: []string{"PROXMOX_VE_NODE"}, what: "node of guests that do not name one; default pve"},
		{names: []string{"PROXMOX_SSH_PRIVATE_KEY", "PROXMOX_SSH_KEY_PATH"}, what: "SSH key of the node, by content or by path: for Splunk's first-boot file"},
		{names: []string{"PROXMOX_SSH_USERNAME"}, what: "user of that key; default root"},
		{names: []string{"SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD", "SOPS_AGE_SSH_PRIVATE_KEY_FILE"},
			what: "key of terraform.sops.json, if there is one", file: ".config/sops/age/keys.txt"},
		{names: []string{"PROXMOX_VE_HOSTNAME"}, what: "inventory: the node's address for SSH; default its name"},
		{names: []string{"SPLUNK_HEC_TOKEN"}, what: "render splunk --with-token"},
		{names: []string{"AWS_ACCESS_KEY_ID", "AWS_PROFILE"}, what: "a state in S3, Terraform's lock, state migrate s3://…, DNS records", file: ".aws/credentials"},
		{names: []string{"AWS_REGION", "AWS_DEFAULT_REGION"}, what: "region of these, unless state.region is declared"},
		{names: []string{"AWS_CREDENTIAL_EXPIRATION"}, what: "when the credentials end; aws-vault sets it"},
		{names: tokens(), what: "secrets check and sync --github: a token with Secrets (read and write)"},
		{names: []string{"GITHUB_API_URL"}, what: "another GitHub than github.com: https://HOST/api/v3"},
	}
}

// finding says whether a variable is set.
type finding struct {
	Name   string `json:"name"`
	State  string `json:"state"`           // found, missing or unset
	Where  string `json:"where,omitempty"` // doppler PROJECT/CONFIG, aws-vault PROFILE, environment, file
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
			f.Name, f.State, f.Where = name, "found", needs.Environment(os.Getenv, name)
			return f
		}
	}
	if v.file != "" && home() != "" {
		if _, err := os.Stat(filepath.Join(home(), v.file)); err == nil {
			f.Name, f.State, f.Where = "~/"+v.file, "found", "file"
		}
	}
	return f
}

func newEnv(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Which variables and secrets are needed, found, missing; never their values",
		Long: `Prints which environment variables are read, what for, whether they are set, and by whom:
doppler run and aws-vault exec leave variables that say so. What terraform.sops.json has
is listed by its keys, for which nothing is decrypted. Values are never printed. Exit
code 1 if a needed variable is missing.`,
		Args: cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
			encrypted, err := encryptedKeys(filepath.Join(filepath.Dir(s.deployment()), sopsFile))
			return errors.Join(printVariableStates(s.output(cmd), encrypted), err)
		}),
	}
}

// sopsFile is the encrypted layer of the declaration.
const sopsFile = "terraform.sops.json"

// encryptedKeys are the keys of a file that SOPS has encrypted, which are in clear; none if
// there is no such file.
func encryptedKeys(path string) ([]finding, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var keys map[string]json.RawMessage
	if err == nil && json.Unmarshal(data, &keys) != nil {
		err = fmt.Errorf("%s is no JSON object", path)
	}
	delete(keys, "sops")
	var all []finding
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		all = append(all, finding{Name: key, State: "found", Where: sopsFile, For: "the declaration; a variable of the same meaning wins"})
	}
	return all, err
}

func printVariableStates(o output, encrypted []finding) error {
	var all []finding
	var missing []string
	for _, v := range variables() {
		f := v.find()
		all = append(all, f)
		if f.State == "missing" {
			missing = append(missing, f.Name)
		}
	}
	all = append(all, encrypted...)
	var err error
	if o.json {
		err = o.document(all)
	} else {
		t := o.table()
		for _, f := range all {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.State, printable.Escape(f.Name), printable.Escape(cmp.Or(f.Where, "-")), f.For)
		}
		err = t.Flush()
	}
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("missing: %s; set them, or run this under `doppler run --` or `sops exec-env`", strings.Join(missing, ", "))
	}
	return err
}
