package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/dns"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/infra/workflow"
	"syslog-gateway/internal/printable"
)

// fileName is the declaration's name if no flag gives one.
const fileName = "deployment.json"

// settings are the flags that every verb has, completed from the environment.
type settings struct {
	file     string
	stateDir string
	noColor  bool
	asJSON   bool
}

func (s *settings) flags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVarP(&s.file, "file", "f", "", "the declaration (default: PROVISION_FILE, else deployment.json in this folder, else beside the program as it was called)")
	f.StringVar(&s.stateDir, "state-dir", "", "folder of lock and journal, and of the record unless it is declared in S3 (default: PROVISION_STATE_DIR, else .provision beside the declaration)")
	f.BoolVar(&s.noColor, "no-color", false, "print without colours; they are used on a terminal only, and never if NO_COLOR is set")
	f.BoolVar(&s.asJSON, "json", false, "print JSON for programs")
}

// deployment is the path of the declaration. Loading it reports whether it exists.
func (s *settings) deployment() string {
	if named := cmp.Or(s.file, os.Getenv("PROVISION_FILE")); named != "" {
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

// site is where the declaration and the record are.
func (s *settings) site() workflow.Site {
	file := s.deployment()
	return workflow.Site{
		Declaration: declaration.Options{Deployment: file, Env: os.Getenv, Home: home()},
		State:       cmp.Or(s.stateDir, os.Getenv("PROVISION_STATE_DIR"), filepath.Join(filepath.Dir(file), ".provision")),
	}
}

// home is the home folder; "" if there is none.
func home() string {
	dir, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return dir
}

// access is how Proxmox VE is reached, from the environment alone.
func access() workflow.Access {
	return workflow.Access{
		API: pve.Options{
			Endpoint: os.Getenv("PROXMOX_VE_ENDPOINT"),
			Token:    os.Getenv("PROXMOX_VE_API_TOKEN"),
			Ticket:   os.Getenv("PROXMOX_VE_AUTH_TICKET"), CSRF: os.Getenv("PROXMOX_VE_CSRF_PREVENTION_TOKEN"),
			Username: os.Getenv("PROXMOX_VE_USERNAME"), Password: os.Getenv("PROXMOX_VE_PASSWORD"),
			CAFile: os.Getenv("PROXMOX_VE_CACERT"), Insecure: isTrue(os.Getenv("PROXMOX_VE_INSECURE")),
			MinTLS: os.Getenv("PROXMOX_VE_MIN_TLS"),
		},
		NodeHost:   os.Getenv("PROXMOX_VE_HOSTNAME"),
		KnownHosts: filepath.Join(home(), ".ssh", "known_hosts"),
	}
}

func isTrue(s string) bool { return s == "1" || s == "true" || s == "True" || s == "TRUE" }

// output is where a verb prints, and in which form.
func (s *settings) output(cmd *cobra.Command) output {
	o := output{doc: cmd.OutOrStdout(), messages: cmd.OutOrStdout(), json: s.asJSON}
	if s.asJSON {
		o.messages = cmd.ErrOrStderr()
	}
	o.colour = !s.noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && terminal(o.messages) && takesColours(o.messages.(*os.File))
	return o
}

// session is the estate beside its live cluster. Close it.
func (s *settings) session(cmd *cobra.Command) (*workflow.Session, error) {
	return workflow.Open(cmd.Context(), s.site(), access())
}

// begin is session, with the lock. Close it.
func (s *settings) begin(cmd *cobra.Command, wait lockWait) (*workflow.Work, error) {
	return workflow.Begin(cmd.Context(), s.site(), access(), wait.options(cmd))
}

// lockWait is the flag of verbs that take the lock.
type lockWait time.Duration

func (w *lockWait) flag(cmd *cobra.Command) {
	cmd.Flags().DurationVar((*time.Duration)(w), "lock-timeout", state.DefaultWait, "how long to wait for another run to end")
}

func (w lockWait) options(cmd *cobra.Command) state.LockOptions {
	o := state.LockOptions{Command: cmd.CommandPath(), Version: cli.ThisBuild().Version, Wait: time.Duration(w)}
	if o.Wait == 0 {
		o.Wait = -1 // for state: do not wait
	}
	report := func(w io.Writer, format string) func(fmt.Stringer) {
		return func(h fmt.Stringer) { fmt.Fprintf(w, format, printable.Escape(h.String())) }
	}
	o.Waiting = report(cmd.ErrOrStderr(), "waiting for another run: %s\n")
	o.Took = report(cmd.ErrOrStderr(), "took the lock of %s, which died\n")
	return o
}

func yesFlag(cmd *cobra.Command, yes *bool) {
	cmd.Flags().BoolVar(yes, "yes", false, "do not ask")
}

// listFlags take several keys: --only a b, --only a,b and --only a --only b are the same.
func listFlags() []string {
	return []string{"--only", "--allow-destroy", "--allow-replace", "--allow-reboot", "--allow-reuse", "--allow-detach"}
}

// expandLists writes --only a b as --only=a --only=b, which flags can be.
func expandLists(args []string) []string {
	var out []string
	list := ""
	for i, arg := range args {
		switch {
		case arg == "--":
			return append(out, args[i:]...)
		case slices.Contains(listFlags(), arg) && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-"):
			list = arg
		case list != "" && !strings.HasPrefix(arg, "-"):
			out = append(out, list+"="+arg)
		default:
			list = ""
			out = append(out, arg)
		}
	}
	return out
}

// keys is the value of a list flag. An empty one is wrong usage: --only "$KEY" in a
// script whose variable is empty must not mean everything.
type keys []string

// Set implements pflag.Value.
func (k *keys) Set(s string) error {
	for key := range strings.SplitSeq(s, ",") {
		if key = strings.TrimSpace(key); key == "" {
			return errors.New("it names nothing; leave the flag out if nothing is meant")
		}
		*k = append(*k, key)
	}
	return nil
}

// String implements pflag.Value.
func (k *keys) String() string { return strings.Join(*k, ",") }

// Type implements pflag.Value.
func (k *keys) Type() string { return "keys" }

// planFlags choose what is planned, and allow what a plan refuses by itself.
type planFlags struct{ only, destroy, replace, reboot, reuse, detach keys }

func (p *planFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(&p.only, "only", "`KEY`… of the guests to plan; all others stay as they are")
	f.Var(&p.destroy, "allow-destroy", "`KEY`… of guests that may be removed, dns/NAME of DNS records")
	f.Var(&p.replace, "allow-replace", "`KEY`… of guests that may be removed and created again")
	f.Var(&p.reboot, "allow-reboot", "`KEY`… of guests that may be restarted for changes to take effect")
	f.Var(&p.detach, "allow-detach", "`KEY:PATH`… of mount points, KEY:INTERFACE of disks, that may be taken off; their volumes stay")
	f.Var(&p.reuse, "allow-reuse", "`KEY`… of guests that may take over the VMID of another one, in place; dns/NAME of DNS records that may be taken over")
}

func (p *planFlags) options() plan.Options {
	o := plan.Options{Only: p.only, AllowReplace: p.replace, AllowReboot: p.reboot, AllowDetach: p.detach}
	o.AllowDestroy, o.AllowRecords.Destroy = dns.Split(p.destroy)
	o.AllowReuse, o.AllowRecords.Reuse = dns.Split(p.reuse)
	return o
}
