package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// fileName is the declaration's, where no flag names it.
const fileName = "deployment.json"

// settings are the flags that every verb has.
type settings struct {
	file     string
	stateDir string
	noColor  bool
	asJSON   bool
}

func (s *settings) flags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVarP(&s.file, "file", "f", "", "the declaration (default: PROVISION_FILE, or deployment.json here, or beside the program as it was called)")
	f.StringVar(&s.stateDir, "state-dir", "", "folder of lock, record and journal (default: PROVISION_STATE_DIR, or .provision beside the declaration)")
	f.BoolVar(&s.noColor, "no-color", false, "print no colours; they are only used on a terminal, and never with NO_COLOR set")
	f.BoolVar(&s.asJSON, "json", false, "print JSON for programs")
}

// deployment is the path of the declaration. That it exists is not checked here: a file
// that is missing is an error of loading.
func (s *settings) deployment() string {
	if s.file != "" {
		return s.file
	}
	if named := os.Getenv("PROVISION_FILE"); named != "" {
		return named
	}
	// Ansible calls a dynamic inventory by the path of its link, from anywhere.
	beside := filepath.Join(filepath.Dir(os.Args[0]), fileName)
	if _, err := os.Stat(fileName); err != nil {
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	return fileName
}

// state is the folder of lock, record and journal.
func (s *settings) state() string {
	if s.stateDir != "" {
		return s.stateDir
	}
	if named := os.Getenv("PROVISION_STATE_DIR"); named != "" {
		return named
	}
	return filepath.Join(filepath.Dir(s.deployment()), ".provision")
}

// options are what a declaration is loaded with.
func (s *settings) options() declaration.Options {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "" // no key is looked for below it
	}
	return declaration.Options{Deployment: s.deployment(), Env: os.Getenv, Home: home}
}

// estate loads the declaration with all its layers.
func (s *settings) estate(cmd *cobra.Command) (*declaration.Estate, error) {
	return declaration.Load(cmd.Context(), s.options())
}

// connect builds the client out of the environment. Nothing is sent.
func (s *settings) connect(node string) (*pve.Client, error) {
	return s.client(node, os.Getenv("PROXMOX_VE_API_TOKEN"))
}

// client is one with that token, or with the ticket or password where it is "".
func (s *settings) client(node, token string) (*pve.Client, error) {
	return pve.New(pve.Options{
		Endpoint: os.Getenv("PROXMOX_VE_ENDPOINT"),
		Token:    token,
		Ticket:   os.Getenv("PROXMOX_VE_AUTH_TICKET"), CSRF: os.Getenv("PROXMOX_VE_CSRF_PREVENTION_TOKEN"),
		Username: os.Getenv("PROXMOX_VE_USERNAME"), Password: os.Getenv("PROXMOX_VE_PASSWORD"),
		CAFile: os.Getenv("PROXMOX_VE_CACERT"), Insecure: isTrue(os.Getenv("PROXMOX_VE_INSECURE")),
		MinTLS: os.Getenv("PROXMOX_VE_MIN_TLS"), Node: node,
	})
}

func isTrue(s string) bool { return s == "1" || s == "true" || s == "True" || s == "TRUE" }

// colour says whether w is to get colours.
func (s *settings) colour(w io.Writer) bool {
	return !s.noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && terminal(w)
}

func terminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// printJSON prints one document for programs.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
