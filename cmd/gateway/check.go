package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/config"
)

// configVerb is a command that needs nothing but the configuration: it has the flag
// -c, and do gets what was loaded.
func configVerb(use, short string, args cobra.PositionalArgs, do func(cmd *cobra.Command, c config.Config, args []string) error) *cobra.Command {
	var file string
	cmd := &cobra.Command{Use: use, Short: short, Args: args}
	cmd.Flags().StringVarP(&file, "config", "c", defaultFile, "configuration file")
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		c, err := config.Load(file, os.Environ(), cmd.Flags())
		if err != nil {
			return err
		}
		return do(cmd, c, args)
	})
	return cmd
}

// runningVerb is a command that asks a running gateway. With --dev it is that of
// `gateway run --dev` in the same folder.
func runningVerb(use, short string, do func(cmd *cobra.Command, c config.Config) error) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	cmd.Flags().StringVarP(&o.file, "config", "c", defaultFile, "configuration file")
	cmd.Flags().BoolVar(&o.dev, "dev", false, "the gateway that runs with --dev in this folder")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		c, err := o.load(cmd)
		if err != nil {
			return err
		}
		return do(cmd, c)
	})
	return cmd
}

func newCheck() *cobra.Command {
	return configVerb("check", "Validate the configuration, secrets and paths; print all problems", cobra.NoArgs,
		func(cmd *cobra.Command, c config.Config, _ []string) error {
			if err := c.Check(); err != nil {
				return err
			}
			if _, err := sourceOptions(c); err != nil { // what only the parsers know
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "fine: %d sources, %d shards, %d endpoints\n",
				len(c.Sources), c.Balancer.Shards, len(c.HEC.Endpoints))
			return err
		})
}

func newConfig() *cobra.Command {
	return configVerb("config", "Print the effective configuration, secrets as <secret>", cobra.NoArgs,
		func(cmd *cobra.Command, c config.Config, _ []string) error {
			text, err := c.YAML()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		})
}
