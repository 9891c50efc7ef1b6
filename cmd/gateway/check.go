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
)

// configVerb is a command that needs nothing but the configuration: it has the flag
// -c, and do gets what was loaded.
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

// runningVerb is a command that asks a running gateway. With --dev it is that of
// `gateway run --dev` in the same folder.
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
			if _, err := sourceOptions(c); err != nil { // what only the parsers know
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

// lookupTime is how long a check looks names up.
const lookupTime = 3 * time.Second

// resolver finds the addresses of a host.
type resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// sharedNames warns of endpoints with several addresses, where acknowledgements depend
// on one connection: they are kept by the server that gave the ackId. A name that can
// not be looked up gets no warning; that it resolves is for the running gateway to say.
func sharedNames(ctx context.Context, endpoints []string, names resolver) (warnings []string) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	for _, endpoint := range endpoints {
		u, err := url.Parse(endpoint)
		if err != nil {
			continue
		}
		all, err := names.LookupHost(ctx, u.Hostname())
		kinds := make(map[bool]int) // one address each of IPv4 and IPv6 are one server
		for _, a := range all {
			kinds[strings.Contains(a, ":")]++
		}
		if err == nil && max(kinds[true], kinds[false]) > 1 {
			warnings = append(warnings, fmt.Sprintf("warning: hec.ack.enabled, and %s has %d addresses: each server behind a name knows only its own "+
				"acknowledgements, and when a connection breaks they may come late or the events twice; "+
				"name each indexer in hec.endpoints, or see that the balancer keeps sessions by cookie", redact.URL(endpoint), len(all)))
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
