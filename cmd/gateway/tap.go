package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/printable"
)

// tapOptions are the flags of `gateway tap`.
type tapOptions struct {
	source, sender, class, text, address string
	limit                                int
	raw                                  bool
}

func newTap() *cobra.Command {
	var o tapOptions
	cmd := runningVerb("tap", "Show some of the messages that go through a running gateway", o.run)
	cmd.Long = `Shows a sample of the messages that the running gateway receives, each as a JSON line:
the raw line beside the event that Splunk gets. Ends with Ctrl-C, or after --limit.

It asks by the control socket beside the queue, which is for root and the user that the
gateway runs as. Others, and with --address another machine's, ask the statistics page as
the user of the configuration, whose password is needed as it is: a hash will not do.
TAP_PASSWORD wins over the configuration.`
	f := cmd.Flags()
	f.StringVar(&o.source, "source", "", "only this source")
	f.StringVar(&o.sender, "sender", "", "only this address, network or host name")
	f.StringVar(&o.class, "class", "", "only this class (docs/metadata.md)")
	f.StringVar(&o.text, "text", "", "only lines with this text in them")
	f.IntVar(&o.limit, "limit", 0, "end after so many; 0: never")
	f.BoolVar(&o.raw, "raw", false, "only the raw lines")
	f.StringVar(&o.address, "address", "", "host:port of the statistics page, when it is not this machine")
	return cmd
}

// query is what the tap is asked for.
func (o *tapOptions) query() url.Values {
	q := url.Values{"format": {"ndjson"}}
	for name, value := range map[string]string{"source": o.source, "sender": o.sender, "class": o.class, "text": o.text} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if o.limit > 0 {
		q.Set("limit", strconv.Itoa(o.limit))
	}
	return q
}

func (o *tapOptions) run(cmd *cobra.Command, c config.Config) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	a, err := newAsker(ctx, c, o.address)
	if err != nil {
		return err
	}
	defer a.close()
	answer, err := a.get(ctx, "/api/v1/tap", o.query())
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	err = o.show(cmd.OutOrStdout(), answer.Body)
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// show writes the lines as they come.
func (o *tapOptions) show(out io.Writer, lines io.Reader) error {
	r := bufio.NewReader(lines)
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 && err == nil {
			if o.raw {
				var m struct{ Raw string }
				if err := json.Unmarshal(line, &m); err != nil {
					return fmt.Errorf("read what the tap sent: %w", err)
				}
				line = append([]byte(printable.Dots(m.Raw)), '\n')
			}
			if _, err := out.Write(line); err != nil {
				return fmt.Errorf("write a line: %w", err)
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("the tap broke off: %w", err)
		}
	}
}
