// Command provision plans and builds the guests of a Proxmox VE estate, and writes the
// inventory that Ansible configures them by.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	_ "time/tzdata" // not every machine has the names of time zones

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/cli/manual"
	"syslog-gateway/internal/printable"
)

// errChanges ends a plan with changes. It is no failure, and is not printed. Its exit code
// is that of wrong usage too, as with Terraform's -detailed-exitcode.
var errChanges = &cli.Exit{Code: 2}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal does not wait
	code := run(ctx, os.Args[1:], cli.Std())
	stop()
	os.Exit(code)
}

// run carries out one command and returns its exit code.
func run(ctx context.Context, args []string, s cli.Streams) int {
	return cli.Run(ctx, newRoot(), expandLists(args), s, printable.EscapeLines)
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
		Args: cobra.NoArgs,
	}
	s.flags(root)
	ask.flags(root)
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if !ask.asked(cmd) {
			return cmd.Help()
		}
		return cli.Does(func(cmd *cobra.Command, _ []string) error { return ask.answer(cmd, s) })(cmd, args)
	}
	root.AddCommand(newValidate(s), newPlan(s), newApply(s), newDestroy(s), newInventory(s), newAdopt(s), newOrphans(s),
		newCheck(s), newEnv(s), newState(s), newSecrets(s), newRender(s), newSimulate(s), newInit(s), newImport(s), newSchema(s), newVersion(s), manual.Command(nil))
	return root
}

func newVersion(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and Go version",
		Args:  cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
			build := cli.ThisBuild()
			if s.asJSON {
				return s.output(cmd).document(map[string]string{"version": build.Version, "commit": build.Commit, "go": runtime.Version()})
			}
			_, err := fmt.Fprint(cmd.OutOrStdout(), build.Text("provision"))
			return err
		}),
	}
}
