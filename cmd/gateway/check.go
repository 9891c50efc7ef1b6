package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/redact"
	"syslog-gateway/internal/wiring"
)

// configVerb returns a command that needs only the configuration. It has the flag -c and
// calls do with the loaded configuration.
func configVerb(use, short string, args cobra.PositionalArgs, do func(cmd *cobra.Command, c config.Config, args []string) error) *cobra.Command {
	var file string
	cmd := &cobra.Command{Use: use, Short: short, Args: args}
	cmd.Flags().StringVarP(&file, "config", "c", defaultFile, "configuration file")
	cmd.RunE = cli.Does(func(cmd *cobra.Command, args []string) error {
		c, err := config.Load(file, os.Environ(), cmd.Flags())
		if err != nil {
			return err
		}
		return do(cmd, c, args)
	})
	return cmd
}

// runningVerb returns a command that queries a running gateway. With --dev that is the one
// of `gateway run --dev` in the same folder.
func runningVerb(use, short string, do func(cmd *cobra.Command, c config.Config) error) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	cmd.Flags().StringVarP(&o.file, "config", "c", defaultFile, "configuration file")
	cmd.Flags().BoolVar(&o.dev, "dev", false, "the gateway that runs with --dev in this folder")
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error {
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
			if _, err := wiring.Sources(c); err != nil { // only the parsers know classes
				return err
			}
			if c.HEC.Ack.Enabled {
				for _, warning := range sharedNames(cmd.Context(), c.HEC.Endpoints, net.DefaultResolver) {
					fmt.Fprintln(cmd.OutOrStdout(), warning)
				}
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "fine: %d sources, %d shards, %d endpoints\n",
				len(c.Sources), c.Balancer.Shards, len(c.HEC.Endpoints))
			return err
		})
}

// lookupTime limits the name lookups of a check.
const lookupTime = 3 * time.Second

// resolver finds the addresses of a host.
type resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// sharedNames returns a warning for each endpoint whose name has several addresses: only
// the server that issued an ackId knows its acknowledgement. A name that cannot be
// resolved gets no warning, since the running gateway reports it.
func sharedNames(ctx context.Context, endpoints []string, names resolver) (warnings []string) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	for _, endpoint := range endpoints {
		u, err := url.Parse(endpoint)
		if err != nil {
			continue
		}
		all, err := names.LookupHost(ctx, u.Hostname())
		kinds := make(map[bool]int) // by IPv6: one IPv4 and one IPv6 address are one server
		for _, a := range all {
			kinds[strings.Contains(a, ":")]++
		}
		if err == nil && max(kinds[true], kinds[false]) > 1 {
			warnings = append(warnings, fmt.Sprintf("warning: hec.ack.enabled is set and %s has %d addresses: each server behind this name knows only its own "+
				"acknowledgements, and after a broken connection events may be delivered late or twice; "+
				"list each indexer in hec.endpoints, or make the load balancer keep sessions by cookie", redact.URL(endpoint), len(all)))
		}
	}
	return warnings
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
