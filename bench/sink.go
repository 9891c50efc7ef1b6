package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"syslog-gateway/bench/hecsink"
	"syslog-gateway/internal/cli"
)

func sinkCommand() *cobra.Command {
	var o hecsink.Options
	var listen, lines, jsonOut string
	c := &cobra.Command{
		Use:   "sink",
		Short: "Be a HEC endpoint that counts the numbered messages",
		Long: "Be a HEC endpoint that counts the numbered messages. GET /stats gives the counts at any time;\n" +
			"at the end (SIGTERM, or --exit-when-complete) they are printed.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.ExitWhenComplete && o.Expect == 0 {
				return fmt.Errorf("--exit-when-complete needs --expect")
			}
			if o.Faults.Status < 400 || o.Faults.Status > 599 {
				return fmt.Errorf("--fail-status %d: use 400 to 599", o.Faults.Status)
			}
			ln, err := net.Listen("tcp", listen)
			if err != nil {
				return cli.Fail(fmt.Errorf("listen for HEC: %w", err))
			}
			s := hecsink.New(o)
			if err := serve(c.Context(), s, ln, lines); err != nil {
				return cli.Fail(err)
			}
			out, err := json.Marshal(s.Stats())
			if err != nil {
				return cli.Fail(fmt.Errorf("encode the counts: %w", err))
			}
			out = append(out, '\n')
			if jsonOut != "" {
				if err := os.WriteFile(jsonOut, out, 0o644); err != nil {
					return cli.Fail(fmt.Errorf("write the counts: %w", err))
				}
			}
			if _, err := c.OutOrStdout().Write(out); err != nil {
				return cli.Fail(fmt.Errorf("print the counts: %w", err))
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:18088", "address of the endpoint")
	f.StringVar(&lines, "lines", "", "also count the messages of plain syslog streams at this TCP address")
	f.StringVar(&o.Token, "token", "", "HEC token that requests must carry; empty = any")
	f.Uint64Var(&o.Expect, "expect", 0, "messages that there are, numbered from 0; 0 = unknown")
	f.StringVar(&jsonOut, "json-out", "", "also write the counts to this file at the end")
	f.BoolVar(&o.Validate, "validate", false, "read all JSON and refuse a request with a bad event, as Splunk does")
	f.BoolVar(&o.Latency, "latency", false, "keep the distribution of the time from sending to arrival")
	f.BoolVar(&o.ExitWhenComplete, "exit-when-complete", false, "end when all expected messages have arrived")
	f.DurationVar(&o.Faults.Delay, "delay", 0, "wait so long before each request")
	f.DurationVar(&o.Faults.FailFor, "fail-for", 0, "refuse all requests for so long after the start")
	f.IntVar(&o.Faults.Status, "fail-status", http.StatusServiceUnavailable, "HTTP status of these refusals")
	f.Uint64Var(&o.Faults.CutEvery, "cut-every", 0, "count every n-th request and close its connection without an answer; 0 = never")
	return c
}

// serve runs the sink, and its port for streams where one is wanted.
func serve(ctx context.Context, s *hecsink.Sink, hec net.Listener, lines string) error {
	if lines == "" {
		return s.Run(ctx, hec)
	}
	ln, err := net.Listen("tcp", lines)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for streams: %w", err), hec.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	streams := make(chan error, 1)
	go func() { streams <- s.RunLines(ctx, ln) }()
	err = s.Run(ctx, hec)
	cancel()
	return errors.Join(err, <-streams)
}
