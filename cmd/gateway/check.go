package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/preflight"
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
	var o connectOptions
	cmd := configVerb("check", "Validate the configuration, packs, secrets and paths; print all problems", cobra.NoArgs,
		func(cmd *cobra.Command, c config.Config, _ []string) error { return o.check(cmd, c) })
	cmd.Long = `Validates the configuration, the site's packs, secrets and paths, and prints all problems.
Without --connect it reaches nobody but the name servers.

It also runs the tests of all packs. A test that fails is a warning, and so is a pack of the
site that takes a line of another pack: the gateway starts with it.

With --connect it also checks the machine and the way to Splunk, within 5 s: whether the ports
can be bound, limits of the kernel, what the service's user may read and write, the room on
the disk, and of each endpoint its name, TLS, health, token, acknowledgement and clock. It
sends no event: --send-events sends one to each index, which alone shows whether the token
may write there. Run it as root: then it sees with the rights of the service's user.

The token is the one that the service would get: SPLUNK_HEC_TOKEN, hec.token_file,
` + credentials + `/hec_token if this user may read it, or hec.token.`
	cmd.Example = `  sudo gateway check --connect
  sudo gateway check --connect --send-events`
	o.flags(cmd)
	return cmd
}

// check prints warnings, and returns all problems.
func (o *connectOptions) check(cmd *cobra.Command, c config.Config) error {
	if o.sendEvents && !o.connect {
		return &cli.Exit{Code: cli.Usage, Err: errors.New("--send-events goes with --connect")}
	}
	out := cmd.OutOrStdout()
	if note := useCredentials(credentials); note != "" {
		fmt.Fprintln(out, note)
	}
	if !o.connect {
		err := checkConfig(cmd, c)
		if err == nil {
			_, err = fmt.Fprintln(out, unconnected)
		}
		if err == nil && c.Queue.Clustered() {
			_, err = fmt.Fprintln(out, "not checked: the servers of queue.jetstream; gateway check --connect reaches them")
		}
		return err
	}
	// The servers are waited for while the packs are tested.
	found := make(chan []preflight.Finding)
	go func() {
		found <- preflight.Run(cmd.Context(), connectChecks(cmd.Context(), cmd.Flag("config").Value.String(), c, o.sendEvents))
	}()
	err := checkConfig(cmd, c)
	return joinOnce(err, report(out, <-found))
}

// checkConfig checks what the configuration says, without reaching anybody but name servers.
func checkConfig(cmd *cobra.Command, c config.Config) error {
	packs, err := loadPacks(c)
	if err != nil {
		return joinOnce(c.Check(), err)
	}
	if err = packs.refuse(cmd.ErrOrStderr()); err == nil {
		_, err = wiring.Sources(c) // only the parsers know classes
	}
	if err := joinOnce(c.Check(), err); err != nil {
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
	_, err = fmt.Fprintf(out, "fine: %d sources, %d shards, %d endpoints\n", len(c.Sources), c.Balancer.ShardCount(), len(c.HEC.Endpoints))
	return err
}

// joinOnce joins errors, each line of them once.
func joinOnce(errs ...error) error {
	if errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil }); len(errs) < 2 {
		return errors.Join(errs...)
	}
	var lines []error
	seen := make(map[string]bool)
	for line := range strings.SplitSeq(errors.Join(errs...).Error(), "\n") {
		if !seen[line] {
			seen[line] = true
			lines = append(lines, errors.New(line))
		}
	}
	return errors.Join(lines...)
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
	cmd := configVerb("config", "Print the effective configuration, secrets as <secret>", cobra.NoArgs,
		func(cmd *cobra.Command, c config.Config, _ []string) error {
			text, err := c.YAML()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		})
	cmd.AddCommand(&cobra.Command{
		Use:   "schema",
		Short: "Print a JSON Schema of the configuration file, for editors",
		Long: `Prints a JSON Schema (draft 7) of gateway.yaml. Editors with a YAML language server complete
keys by it, show what they mean, and mark mistakes. In the first line of the file:

  # yaml-language-server: $schema=/usr/local/share/gateway.schema.json`,
		Example: "  gateway config schema > /usr/local/share/gateway.schema.json",
		Args:    cobra.NoArgs,
		RunE: cli.Does(func(cmd *cobra.Command, _ []string) error {
			text, err := config.Schema()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		}),
	})
	return cmd
}
