package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/bench/runner"
)

func runCommand() *cobra.Command {
	o := runner.Options{}
	var names []string
	var jsonOut, markdownOut string
	var about strings.Builder
	about.WriteString("Put the gateway between the load generator and the sink, and measure it.\n\nScenarios:\n")
	for _, s := range runner.Scenarios() {
		fmt.Fprintf(&about, "  %-16s %s\n", s.Name, s.About)
	}
	c := &cobra.Command{
		Use:   "run",
		Short: "Measure the gateway in one scenario or more",
		Long:  about.String(),
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if o.Scenarios, err = runner.Find(names); err != nil {
				return err
			}
			if o.Bench, err = os.Executable(); err != nil {
				return failure{fmt.Errorf("find this program: %w", err)}
			}
			o.Progress = c.ErrOrStderr()
			rep, err := o.Run(c.Context())
			if err != nil && len(rep.Runs) == 0 {
				return failure{err}
			}
			if werr := publish(rep, c.OutOrStdout(), jsonOut, markdownOut); werr != nil {
				return failure{werr}
			}
			if err != nil {
				return failure{err}
			}
			if n := rep.Problems(); n > 0 {
				return failure{fmt.Errorf("%d of %d runs have problems", n, len(rep.Runs))}
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringSliceVar(&names, "scenario", []string{"tcp-flat"}, "scenarios to run, or all")
	f.StringVar(&o.Gateway, "gateway", "bin/gateway", "the gateway's program")
	f.Uint64Var(&o.Messages, "messages", 0, "messages a run; 0 = the scenario's own number")
	f.IntVar(&o.Repeat, "repeat", 1, "runs of each scenario")
	f.StringVar(&jsonOut, "json", "", "write all runs to this file")
	f.StringVar(&markdownOut, "markdown", "", "write the table to this file")
	f.StringVar(&o.Dir, "dir", "", "where to make the temporary folders, which hold the queue (default: the system's place)")
	f.BoolVar(&o.Keep, "keep", false, "leave the temporary folders (configuration, logs, queue)")
	f.DurationVar(&o.Quiet, "quiet", 10*time.Second, "end a run in which nothing has moved for so long")
	f.DurationVar(&o.Idle, "idle", 20*time.Second, "how long the scenario idle watches")
	return c
}

// publish prints the table and writes the files that are wanted.
func publish(rep runner.Report, out io.Writer, jsonOut, markdownOut string) error {
	if err := rep.WriteMarkdown(out); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	if jsonOut != "" {
		data, err := json.MarshalIndent(rep, "", "  ")
		if err != nil {
			return fmt.Errorf("encode the report: %w", err)
		}
		if err := os.WriteFile(jsonOut, append(data, '\n'), 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if markdownOut != "" {
		var md strings.Builder
		if err := rep.WriteMarkdown(&md); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		if err := os.WriteFile(markdownOut, []byte(md.String()), 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}
