// Command syslog-gateway-queue is a NATS server: the queue of a cluster of gateways. It is
// the server as its authors wrote it, and what makes the files of a new cluster.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/cli/manual"
	"syslog-gateway/internal/redact"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], cli.Std())) }

func run(ctx context.Context, args []string, s cli.Streams) int {
	return cli.Run(ctx, newRoot(), args, s, redact.URLs)
}

func newRoot() *cobra.Command {
	var file string
	var check bool
	build := cli.ThisBuild()
	cmd := &cobra.Command{
		Use:   "syslog-gateway-queue -c FILE",
		Short: "A NATS server that keeps the queue of a cluster of gateways",
		Long: `Runs a NATS server with JetStream, by a configuration file of NATS. SIGHUP reads the file
again, SIGUSR2 hands the clients over to the other servers and stops, SIGTERM stops.

"syslog-gateway-queue init" makes the files of a new cluster.`,
		Args:    cobra.NoArgs,
		Version: fmt.Sprintf("%s (%s, nats-server %s)", build.Version, build.Commit, server.VERSION),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return cmd.Usage()
			}
			return cli.Fail(serve(cmd, file, check))
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file, in the language of NATS")
	cmd.Flags().BoolVarP(&check, "test", "t", false, "check the file and end")
	cmd.AddCommand(newInit(), manual.Command(nil))
	return cmd
}

// serve runs the server until a signal ends it.
func serve(cmd *cobra.Command, file string, check bool) error {
	// Names in the file are relative to it, not to where somebody started the program.
	if err := os.Chdir(filepath.Dir(file)); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	o, err := server.ProcessConfigFile(filepath.Base(file))
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	if check {
		fmt.Fprintf(cmd.OutOrStdout(), "%s is valid\n", file)
		return nil
	}
	s, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	s.ConfigureLogger()
	if err := server.Run(s); err != nil {
		return err
	}
	s.WaitForShutdown()
	return nil
}
