package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/config"
)

func newCheck() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Validate the configuration, secrets and paths; print all problems",
		Args:  cobra.NoArgs,
	}
	cmd.Flags().StringVarP(&file, "config", "c", defaultFile, "configuration file")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		c, err := config.Load(file, os.Environ(), cmd.Flags())
		if err != nil {
			return err
		}
		if err := c.Check(); err != nil {
			return err
		}
		if _, err := sourceOptions(c); err != nil { // what only the parsers know
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is fine: %d sources, %d shards, %d endpoints\n",
			file, len(c.Sources), c.Balancer.Shards, len(c.HEC.Endpoints))
		return err
	})
	return cmd
}

func newConfig() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the effective configuration, secrets as <secret>",
		Args:  cobra.NoArgs,
	}
	cmd.Flags().StringVarP(&file, "config", "c", defaultFile, "configuration file")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		c, err := config.Load(file, os.Environ(), cmd.Flags())
		if err != nil {
			return err
		}
		text, err := c.YAML()
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	})
	return cmd
}
