package main

import (
	"os"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/redact"
)

// defaultFile is the configuration file of the packages.
const defaultFile = "/etc/syslog-gateway/gateway.yaml"

// runOptions are the flags of `gateway run`.
type runOptions struct {
	file     string
	dev      bool
	password string // of the statistics page with --dev, generated for this run; empty: none
}

// devUser is the user of the statistics page of `gateway run --dev`.
const devUser = "dev"

func newRun() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the gateway",
		Long: `Runs the gateway until SIGTERM or SIGINT: it then stops accepting, drains what has
been received within shutdown_timeout, keeps the rest on disk and exits 0; a second
signal does not wait. SIGHUP reloads the configuration.

With --dev no file is needed: the five ports on localhost, the queue in ./data, and
an embedded HEC endpoint that prints each delivered event as a JSON line on stdout. The
address of the statistics page is printed on stderr, with a password made for this run.`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error { return o.run(cmd) })
	cmd.Flags().StringVarP(&o.file, "config", "c", defaultFile, "configuration file")
	// Flags with the name of a key win over the file and the environment.
	cmd.Flags().String("log.level", "", "debug, info, warn or error")
	cmd.Flags().String("log.format", "", "auto, text, json or journal")
	cmd.Flags().String("queue.path", "", "folder of the disk queue")
	cmd.Flags().String("stats.listen", "", "address of the statistics page")
	cmd.Flags().BoolVar(&o.dev, "dev", false, "run without a configuration file, on localhost, events to stdout")
	return cmd
}

// load reads the configuration. With --dev it reads a file only if the flag names one.
func (o *runOptions) load(cmd *cobra.Command) (config.Config, error) {
	if !o.dev {
		return config.Load(o.file, os.Environ(), cmd.Flags())
	}
	file := ""
	if cmd.Flags().Changed("config") {
		file = o.file
	}
	return config.LoadOver(config.Dev(), file, os.Environ(), cmd.Flags())
}

// giveUser configures the user of this run for the statistics page, if there is one.
func (o *runOptions) giveUser(c *config.Config) {
	if o.password != "" {
		c.Stats.Username, c.Stats.Password = devUser, redact.Secret(o.password)
	}
}
