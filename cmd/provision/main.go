// Command provision plans and builds the guests of a Proxmox VE estate, and writes the
// inventory that Ansible configures them by.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version and commit are set by the linker.
var (
	version = "dev"
	commit  = "unknown"
)

// The exit codes. A plan with changes and wrong usage share one, as with Terraform's
// -detailed-exitcode.
const (
	exitFine    = 0
	exitFail    = 1
	exitUsage   = 2
	exitChanges = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal does not wait
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// errChanges ends a plan with changes. It is no failure, and is not printed.
var errChanges = errors.New("there are changes")

// run carries out one command and returns its exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(expandLists(args))
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errChanges):
		return exitChanges
	}
	fmt.Fprintf(errs, "provision: %s\n", safe(err.Error()))
	if failed := new(failure); errors.As(err, &failed) {
		return exitFail
	}
	return exitUsage
}

// failure is an error of the work, not of wrong usage: exit code 1.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// does makes the errors of a verb failures.
func does(verb func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := verb(cmd, args); err != nil {
			return &failure{err}
		}
		return nil
	}
}

func newRoot() *cobra.Command {
	s := new(settings)
	var ask dynamic
	root := &cobra.Command{
		Use:   "provision",
		Short: "Plan and build the guests of a Proxmox VE estate, and write their inventory",
		Long: `provision compares deployment.json with what is live on Proxmox VE, shows every field
that differs, and makes the changes. Plans need no state: guests are found by their VMIDs.
With --list or --host it is an Ansible dynamic inventory.

Exit codes: 0 fine, 1 failed, 2 wrong usage; plan: 0 nothing to do, 2 changes, 1 error.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
	}
	s.flags(root)
	ask.flags(root)
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if !ask.asked(cmd) {
			return cmd.Help()
		}
		return does(func(cmd *cobra.Command, _ []string) error { return ask.answer(cmd, s) })(cmd, args)
	}
	root.AddCommand(newValidate(s), newPlan(s), newApply(s), newDestroy(s), newInventory(s), newAdopt(s), newOrphans(s),
		newCheck(s), newEnv(s), newState(s), newRender(s), newSimulate(s), newVersion(s))
	return root
}
