// Command bench measures the gateway: a load generator, a counting HEC endpoint, and a
// runner that puts the gateway between them. README.md has the method.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/cli/manual"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], cli.Std()))
}

// run is the whole program; it returns the exit code.
func run(ctx context.Context, args []string, s cli.Streams) int {
	root := &cobra.Command{Use: "bench", Short: "Measure the syslog gateway"}
	root.AddCommand(loadCommand(), sinkCommand(), runCommand(), reportCommand(), sizeCommand(), faultsCommand(), crashCommand(), powerlossCommand(), manual.Command(nil))
	return cli.Run(ctx, root, args, s, nil)
}
