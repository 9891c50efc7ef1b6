// Command gateway receives syslog and delivers it to Splunk's HTTP Event Collector.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // a container may have no zone files

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/cli/manual"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/redact"
)

// exitDegraded says that the gateway works, but that something is wrong.
const exitDegraded = 3

func main() {
	os.Exit(run(context.Background(), os.Args[1:], cli.Std()))
}

// run carries out one command and returns its exit code.
func run(ctx context.Context, args []string, s cli.Streams) int {
	return cli.Run(ctx, newRoot(), args, s, redact.URLs)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "gateway",
		Short: "Receive syslog, keep it on disk, deliver it to Splunk HEC",
		Long: `gateway receives syslog over UDP, TCP and TLS, parses each vendor's format,
keeps every message in a queue on disk, and delivers it to Splunk's HTTP Event
Collector. Without a verb it does what "gateway run" does.`,
		Args: cobra.NoArgs,
	}
	serve := newRun()
	root.Flags().AddFlagSet(serve.Flags())
	root.RunE = serve.RunE
	root.AddCommand(serve, newCheck(), newConfig(), newParse(), newPack(), newQueue(), newDeadLetter(), newTap(), newStatus(), newTop(), newTLS(), newImport(), newVersion(), manual.Command(map[string]func() []byte{"gateway.yaml.5": config.Manual}), newBundle())
	root.SetHelpCommand(newHelp())
	completions(root)
	return root
}
