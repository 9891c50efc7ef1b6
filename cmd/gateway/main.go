// Command gateway receives syslog and delivers it to Splunk's HTTP Event Collector.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	_ "time/tzdata" // a container may have no zone files

	"github.com/spf13/cobra"

	"syslog-gateway/internal/redact"
)

// version and commit are set by the linker.
var (
	version = "dev"
	commit  = "unknown"
)

// The exit codes.
const (
	exitFine     = 0
	exitFail     = 1
	exitUsage    = 2
	exitDegraded = 3 // it works, but something is wrong
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run carries out one command and returns its exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitFine
	}
	fmt.Fprintf(errs, "gateway: %s\n", redact.URLs(err.Error()))
	if so := new(degraded); errors.As(err, &so) {
		return exitDegraded
	}
	if failed := new(failure); errors.As(err, &failed) {
		return exitFail
	}
	return exitUsage
}

// failure is an error of the work, not of how it was asked for: exit code 1.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// does makes a cobra function of a verb whose errors are failures.
func does(verb func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := verb(cmd, args); err != nil {
			return &failure{err}
		}
		return nil
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "gateway",
		Short: "Receive syslog, keep it on disk, deliver it to Splunk HEC",
		Long: `gateway receives syslog over UDP, TCP and TLS, parses each vendor's format,
keeps every message in a queue on disk, and delivers it to Splunk's HTTP Event
Collector. Without a verb it does what "gateway run" does.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
	}
	serve := newRun()
	root.Flags().AddFlagSet(serve.Flags())
	root.RunE = serve.RunE
	root.AddCommand(serve, newCheck(), newConfig(), newParse(), newQueue(), newDeadLetter(), newTap(), newStatus(), newVersion(), newMan())
	return root
}
