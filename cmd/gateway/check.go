package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/certificate"
	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/jetstream"
	"syslog-gateway/internal/printable"
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
	var reach bool
	cmd := configVerb("check", "Validate the configuration, packs, secrets and paths; print all problems", cobra.NoArgs,
		func(cmd *cobra.Command, c config.Config, _ []string) error {
			if err := check(cmd, c); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			var err error
			switch {
			case reach && c.Queue.Clustered():
				err = checkCluster(cmd, c)
			case reach:
				_, err = fmt.Fprintln(out, "cluster: none, since queue.kind is disk")
			case c.Queue.Clustered():
				_, err = fmt.Fprintln(out, "not checked: the servers of queue.jetstream; gateway check --connect reaches them")
			}
			return err
		})
	cmd.Flags().BoolVar(&reach, "connect", false, "also reach the servers of queue.jetstream, and refuse what would lose records")
	cmd.Long = `Validates the configuration, the site's packs, secrets and paths, and prints all problems.
Without --connect it reaches nobody but the name servers.

It also runs the tests of all packs. A test that fails is a warning, and so is a pack of the
site that takes a line of another pack: the gateway starts with it.`
	return cmd
}

func check(cmd *cobra.Command, c config.Config) error {
	packs, err := loadPacks(c)
	if err != nil {
		return errors.Join(c.Check(), err)
	}
	refused := packs.refuse(cmd.ErrOrStderr())
	if err := c.Check(); err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	if _, err := wiring.Sources(c); err != nil { // only the parsers know classes
		return err
	}
	out := cmd.OutOrStdout()
	if c.HEC.Ack.Enabled {
		for _, warning := range sharedNames(cmd.Context(), c.HEC.Endpoints, net.DefaultResolver) {
			fmt.Fprintln(out, warning)
		}
	}
	if err := packs.check(out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "fine: %d sources, %d shards, %d endpoints\n", len(c.Sources), c.Balancer.Shards, len(c.HEC.Endpoints))
	return err
}

// checkCluster reaches the servers of the cluster.
func checkCluster(cmd *cobra.Command, c config.Config) error {
	o, err := wiring.Cluster(c, os.Environ(), certificate.New(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	found := jetstream.Check(cmd.Context(), o, int64(c.Batch.MaxBytes))
	out := cmd.OutOrStdout()
	for _, w := range found.Warnings {
		fmt.Fprintln(out, "warning: "+printable.Dots(w))
	}
	if len(found.Refused) != 0 {
		errs := make([]error, 0, len(found.Refused))
		for _, r := range found.Refused {
			errs = append(errs, errors.New(printable.Dots(r)))
		}
		return fmt.Errorf("the cluster of queue.jetstream cannot be used as it is:\n%w", errors.Join(errs...))
	}
	_, err = fmt.Fprintf(out, "cluster: %s, %d streams, %d replicas\n", count(found.Servers, "server"), o.Streams, o.Replicas)
	return err
}

// check prints what in the set, which is sound, is probably not meant.
func (s *packSet) check(w io.Writer) error {
	report, err := s.test()
	if err != nil {
		return err
	}
	s.warn(w)
	for i := range report.Thefts {
		fmt.Fprintln(w, "warning: "+report.Thefts[i].String())
	}
	for _, f := range report.Failed {
		fmt.Fprintln(w, "warning: "+f.String())
	}
	_, err = fmt.Fprintf(w, "packs: %d of the site, %d embedded, %s\n", len(s.on(s.Site)), len(s.on(s.Embedded)), count(report.Tests, "test"))
	return err
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
