package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"syslog-gateway/bench/peers"
	"syslog-gateway/bench/report"
	"syslog-gateway/bench/runner"
	"syslog-gateway/internal/cli"
)

func runCommand() *cobra.Command {
	o := runner.Options{}
	var names, peerNames, givenPeers []string
	var to outputs
	c := &cobra.Command{
		Use:   "run",
		Short: "Measure the gateway in one scenario or more",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if o.Scenarios, err = runner.Find(names); err != nil {
				return err
			}
			if o.Peers, err = peers.Find(peerNames); err != nil {
				return err
			}
			own, err := peers.Given(givenPeers)
			if err != nil {
				return err
			}
			o.Peers = append(o.Peers, own...)
			if o.Bench, err = os.Executable(); err != nil {
				return cli.Fail(fmt.Errorf("find this program: %w", err))
			}
			o.Progress = c.ErrOrStderr()
			rep, err := o.Run(c.Context())
			if err != nil && len(rep.Runs) == 0 {
				return cli.Fail(err)
			}
			rep.Command = strings.Join(os.Args, " ")
			if werr := to.publish(&rep, c.OutOrStdout()); werr != nil {
				return cli.Fail(werr)
			}
			if err != nil {
				return cli.Fail(err)
			}
			if n := rep.Problems(); n > 0 {
				return cli.Fail(fmt.Errorf("%d of the gateway's runs have problems", n))
			}
			return nil
		},
	}
	c.Long = "Put the gateway between the load generator and the sink, and measure it.\n\n" + listScenarios()
	f := c.Flags()
	f.StringSliceVar(&names, "scenario", []string{"tcp-flat"}, "scenarios to run, files of one's own, or all, which is all but the soak")
	f.StringSliceVar(&peerNames, "peers", nil, "other programs to measure in alternation with the gateway, in scenarios that allow it: all or "+peerList())
	f.StringArrayVar(&givenPeers, "peer", nil, "a program of your own to measure in the same way, as NAME=PATH: axosyslog, fluent-bit or vector; repeat it for each")
	f.StringVar(&o.Cache, "cache", cacheFolder(), "where peers are unpacked and built")
	f.StringVar(&o.Gateway, "gateway", "bin/gateway", "the gateway's program")
	f.StringVar(&o.Before, "before", "", "another version of the gateway's program, to measure in alternation in every scenario")
	f.StringVar(&o.Queue, "queue-server", "bin/syslog-gateway-queue", "the program of a cluster's servers")
	f.Uint64Var(&o.Messages, "messages", 0, "messages a run; 0 = the scenario's own number")
	f.IntVar(&o.Repeat, "repeat", 0, "runs of each scenario; 0 = the scenario's own number")
	to.flags(f)
	f.StringVar(&o.Dir, "dir", "", "where to make the temporary folders, which hold the queue (default: the system's temporary folder)")
	f.BoolVar(&o.Keep, "keep", false, "leave the temporary folders (configuration, logs, queue)")
	f.DurationVar(&o.Quiet, "quiet", 10*time.Second, "end a run without progress after this time")
	f.DurationVar(&o.Idle, "idle", 20*time.Second, "how long the scenario idle watches")
	return c
}

// listScenarios is a line for each scenario that comes with the program.
func listScenarios() string {
	all, err := runner.Scenarios()
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	b.WriteString("Scenarios:\n")
	for _, s := range all {
		fmt.Fprintf(&b, "  %-26s %s\n", s.Name, s.About)
	}
	return b.String()
}

func peerList() string {
	var names []string
	for _, p := range peers.All() {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// outputs are where a report goes, beside the standard output.
type outputs struct{ json, markdown, html, readme string }

func (o *outputs) flags(f *pflag.FlagSet) {
	f.StringVar(&o.json, "json", "", "write all runs to this file")
	f.StringVar(&o.markdown, "markdown", "", "write the report as Markdown to this file")
	f.StringVar(&o.html, "html", "", "write the report as one HTML page with plots to this file")
	f.StringVar(&o.readme, "readme", "", "put a short table into this file, between its lines for that; it links to the file of --markdown")
}

// publish prints the report and writes the files that are wanted.
func (o *outputs) publish(rep *runner.Report, out io.Writer) error {
	if o.readme != "" && o.markdown == "" {
		return errors.New("--readme needs --markdown: the table links to that file")
	}
	if err := report.WriteMarkdown(out, rep); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	asJSON := func(w io.Writer, rep *runner.Report) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(rep)
	}
	for _, f := range []struct {
		path  string
		write func(io.Writer, *runner.Report) error
	}{{o.json, asJSON}, {o.markdown, report.WriteMarkdown}, {o.html, report.WriteHTML}} {
		if f.path == "" {
			continue
		}
		var text bytes.Buffer
		if err := f.write(&text, rep); err != nil {
			return fmt.Errorf("make the report: %w", err)
		}
		if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		if err := os.WriteFile(f.path, text.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if o.readme == "" {
		return nil
	}
	old, err := os.ReadFile(o.readme)
	if err != nil {
		return fmt.Errorf("put the table into the README: %w", err)
	}
	text, err := report.Readme(string(old), rep, filepath.ToSlash(o.markdown))
	if err != nil {
		return err
	}
	return os.WriteFile(o.readme, []byte(text), 0o644)
}

// reportCommand makes the pages of runs that were written before.
func reportCommand() *cobra.Command {
	var o outputs
	c := &cobra.Command{
		Use:   "report RUNS.json",
		Short: "Make the pages of a report from the runs that run --json wrote",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return cli.Fail(fmt.Errorf("read the runs: %w", err))
			}
			var rep runner.Report
			if err := json.Unmarshal(data, &rep); err != nil {
				return cli.Fail(fmt.Errorf("read the runs in %s: %w", args[0], err))
			}
			if err := o.publish(&rep, c.OutOrStdout()); err != nil {
				return cli.Fail(err)
			}
			return nil
		},
	}
	o.flags(c.Flags())
	return c
}

// cacheFolder is where peers are unpacked by default.
func cacheFolder() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "syslog-gateway-bench")
}
