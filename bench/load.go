package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"syslog-gateway/bench/loadgen"
	"syslog-gateway/bench/mix"
	"syslog-gateway/internal/cli"
)

func loadCommand() *cobra.Command {
	var o loadgen.Options
	var framing, profile string
	var asJSON bool
	c := &cobra.Command{
		Use:   "load",
		Short: "Send numbered syslog messages",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Framing = mix.Framing(framing)
			if profile != "" {
				var err error
				if o.Profile, err = loadgen.ParseProfile(profile); err != nil {
					return err
				}
			}
			if bar := newBar(c.ErrOrStderr()); bar != nil && !asJSON {
				o.Progress = bar.show
				defer bar.end()
			}
			res, err := loadgen.Run(c.Context(), o)
			if err != nil {
				return cli.Fail(err)
			}
			if asJSON {
				err = json.NewEncoder(c.OutOrStdout()).Encode(res)
			} else {
				_, err = fmt.Fprintf(c.OutOrStdout(), "sent %d messages, %d bytes in %.2f s: %.0f/s, %.2f us CPU a message, %d errors\n",
					res.Sent, res.Bytes, res.Wall, res.Rate, res.CPUPerMessage, res.Errors)
			}
			switch {
			case err != nil:
				return cli.Fail(fmt.Errorf("write the result: %w", err))
			case res.Errors > 0 && !asJSON:
				return cli.Fail(errors.New(res.FirstError))
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&o.Target, "target", "127.0.0.1", "IP address of the receiver")
	f.IntSliceVar(&o.Ports, "ports", []int{1514, 1515, 1516, 1517, 1518}, "ports of the receiver")
	f.StringVar(&o.Transport, "transport", loadgen.TCP, "tcp, udp, tls or relp")
	f.IntVar(&o.Connections, "connections", 1, "sockets to every port")
	f.Uint64Var(&o.Count, "count", 0, "messages to send; 0 = as many as fit in the duration")
	f.Uint64Var(&o.First, "first", 0, "first sequence number")
	f.IntVar(&o.Rate, "rate", 0, "messages a second over all senders; 0 = flat out")
	f.StringVar(&profile, "profile", "", "rates over time instead of one, such as 10s:5000,30s:5000-50000,10s:50000")
	f.StringVar(&o.CAFile, "ca-file", "", "check a TLS receiver's certificate against these; empty = do not check")
	f.StringVar(&o.File, "file", "", "send the lines of this file, each with a marker at its end, instead of a mix")
	f.StringVar(&framing, "framing", string(mix.LF), "framing in a TCP stream: lf or octet")
	f.IntVar(&o.Window, "window", 0, "unanswered messages of a RELP connection at most; 0 = 128, as rsyslog")
	f.StringVar(&o.Mix, "mix", loadgen.MixFive, "five (all vendors in equal parts), unifi, palo_alto, cisco_asa, linux or windows")
	f.BoolVar(&o.Single, "single", false, "make every message a write of its own, on the next connection")
	f.BoolVar(&o.PortPerVendor, "port-per-vendor", false, "send unifi, palo_alto, cisco_asa, linux and windows lines each to one of the five ports, in this order")
	f.IntVar(&o.Sources, "sources", 0, "send from so many addresses, 127.0.0.2 and up; 0 = the kernel's choice")
	f.DurationVar(&o.Duration, "duration", 0, "end at the latest after this time; 0 = when all is sent")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON; refused messages are then in the result and do not change the exit code")
	return c
}
