package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/suggest"
	"syslog-gateway/internal/tap"
	"syslog-gateway/internal/wiring"
)

// tapOptions are the flags of `gateway tap`.
type tapOptions struct {
	source, sender, class, pack, rule, text, address string
	limit                                            int
	raw                                              bool
	unknown                                          int  // the last so many lines that no rule knows; 0: the tap
	follow, noFollow                                 bool // and those that come, or not
}

func newTap() *cobra.Command {
	var o tapOptions
	cmd := runningVerb("tap", "Show some of the messages that go through a running gateway", o.run)
	cmd.Long = `Shows a sample of the messages that the running gateway receives, each as a JSON line:
the raw line beside the event that Splunk gets. Ends with Ctrl-C, or after --limit.

With --unknown N it shows the messages that no rule knows: at once the last N of those that
the gateway keeps (200), then those that come. In a pipe or a file it ends after the first, so
that the next program of the pipe ends, too; --follow and --no-follow say otherwise. They are
raw, one a line, at most 2 KiB of each.

Raw lines, with --raw or --unknown, are as they were received, except that a control character
other than the tab is written as \n, \r, \x1b and the like, so that the line stays one and no
terminal obeys it, and that bytes which are not UTF-8 are U+FFFD.

It asks by the control socket beside the queue, which is for root and the user that the
gateway runs as. Others, and with --address another machine's, ask the statistics page as
the user of the configuration, whose password is needed as it is: a hash will not do.
TAP_PASSWORD wins over the configuration.`
	f := cmd.Flags()
	f.StringVar(&o.source, "source", "", "only this source")
	f.StringVar(&o.sender, "sender", "", "only this address, network or host name")
	f.StringVar(&o.class, "class", "", "only this class (docs/metadata.md)")
	f.StringVar(&o.pack, "pack", "", "only messages of classes of this pack")
	f.StringVar(&o.rule, "rule", "", "only messages on which this rule acted, such as site.no_dns")
	f.StringVar(&o.text, "text", "", "only lines with this text in them")
	f.IntVar(&o.limit, "limit", 0, "end after so many; 0: never")
	f.BoolVar(&o.raw, "raw", false, "only the raw lines, control characters escaped")
	f.IntVar(&o.unknown, "unknown", 0, "only the messages that no rule knows, raw: the last so many, then those that come")
	f.BoolVar(&o.follow, "follow", false, "with --unknown: go on with those that come in a pipe, too")
	f.BoolVar(&o.noFollow, "no-follow", false, "with --unknown: end after the last ones on a terminal, too")
	for _, flag := range []string{"class", "pack", "rule"} {
		cmd.MarkFlagsMutuallyExclusive("unknown", flag)
	}
	cmd.MarkFlagsMutuallyExclusive("follow", "no-follow")
	cmd.Example = `  gateway tap --source linux --sender 10.1.0.0/16 --text denied
  gateway tap --unknown 200 | gateway pack new acme_widget`
	f.StringVar(&o.address, "address", "", "host:port of the statistics page, when it is not this machine")
	return cmd
}

// check refuses flags that do not fit together, and chooses whether to follow.
func (o *tapOptions) check(cmd *cobra.Command) error {
	chosen := cmd.Flags().Changed("unknown")
	switch {
	case chosen && (o.unknown < 1 || o.unknown > tap.RingSize):
		return &cli.Exit{Code: cli.Usage, Err: fmt.Errorf("--unknown is a number from 1 to %d", tap.RingSize)}
	case (o.follow || o.noFollow) && !chosen:
		return &cli.Exit{Code: cli.Usage, Err: errors.New("--follow and --no-follow go with --unknown")}
	}
	if isTerminal(cmd.OutOrStdout()) {
		o.follow = !o.noFollow
	}
	return nil
}

// query is what the gateway is asked for, and where.
func (o *tapOptions) query() (path string, q url.Values) {
	path, q = "/api/v1/tap", url.Values{"format": {"ndjson"}}
	for name, value := range map[string]string{"source": o.source, "sender": o.sender, "class": o.class, "pack": o.pack, "rule": o.rule, "text": o.text} {
		if value != "" {
			q.Set(name, value)
		}
	}
	switch {
	case o.unknown > 0:
		path = "/api/v1/unparsed"
		q.Set("limit", strconv.Itoa(o.unknown))
		q.Set("follow", strconv.FormatBool(o.follow))
	case o.limit > 0:
		q.Set("limit", strconv.Itoa(o.limit))
	}
	return path, q
}

func (o *tapOptions) run(cmd *cobra.Command, c config.Config) error {
	if err := o.check(cmd); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	a, err := newAsker(ctx, c, o.address)
	if err != nil {
		return err
	}
	defer a.close()
	if err := o.known(ctx, c, a); err != nil {
		return err
	}
	path, query := o.query()
	answer, err := a.get(ctx, path, query)
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

// show writes the lines as they come, and ends after limit.
func (o *tapOptions) show(out io.Writer, lines io.Reader) error {
	r := bufio.NewReader(lines)
	for shown := 0; o.limit <= 0 || shown < o.limit; {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 && err == nil {
			if line, err = o.shown(line); err != nil {
				return err
			}
			if _, err := out.Write(line); err != nil {
				return fmt.Errorf("write a line: %w", err)
			}
			shown++
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("the tap broke off: %w", err)
		}
	}
	return nil
}

// shown is how a line of JSON is shown.
func (o *tapOptions) shown(line []byte) ([]byte, error) {
	if !o.raw && o.unknown == 0 {
		return escapeInJSON(line), nil
	}
	var m struct{ Raw string }
	if err := json.Unmarshal(line, &m); err != nil {
		return nil, fmt.Errorf("read what the tap sent: %w", err)
	}
	return append([]byte(printable.EscapeControls(m.Raw)), '\n'), nil
}

// escapeInJSON escapes the control characters that JSON allows as they are, DEL and U+0080
// to U+009F: a terminal may obey them.
func escapeInJSON(line []byte) []byte {
	text, end := bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\n'}
	if !bytes.ContainsFunc(text, unicode.IsControl) {
		return line
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		if unicode.IsControl(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return append(b.Bytes(), end...)
}

// known refuses a source that the gateway does not have, and a class that neither this
// program nor the gateway knows: nothing would ever come.
func (o *tapOptions) known(ctx context.Context, c config.Config, a *asker) error {
	var errs []error
	if o.source != "" {
		names, err := a.sources(ctx)
		if err != nil {
			return err
		}
		if !slices.Contains(names, o.source) {
			errs = append(errs, fmt.Errorf("--source %q is none of the gateway's sources: %s", o.source, strings.Join(names, ", ")))
		}
	}
	if o.class != "" {
		names, err := o.classes(ctx, c, a)
		if err != nil {
			return err
		}
		if !slices.Contains(names, o.class) {
			errs = append(errs, fmt.Errorf("--class %q is not a class: did you mean %s? `gateway pack list` and docs/metadata.md have them",
				o.class, strings.Join(suggest.Closest(o.class, names, 3), ", ")))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return &cli.Exit{Code: cli.Usage, Err: err}
	}
	return nil
}

// sources returns the names of the sources of the gateway.
func (a *asker) sources(ctx context.Context) ([]string, error) {
	body, err := a.read(ctx, "/api/v1/status", nil)
	if err != nil {
		return nil, err
	}
	var s monitor.Status
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, fmt.Errorf("read the gateway's status: %w", err)
	}
	var names []string
	for _, src := range s.Sources {
		names = append(names, src.Balance.Source)
	}
	return names, nil
}

// classes returns those that this configuration has, and those of the gateway that is asked.
func (o *tapOptions) classes(ctx context.Context, c config.Config, a *asker) ([]string, error) {
	names, err := wiring.ClassNames(c)
	if err != nil {
		return nil, err
	}
	body, err := a.read(ctx, "/api/v1/classes", nil)
	if err != nil {
		return nil, err
	}
	var seen struct {
		Classes []struct{ Class string }
		Packs   status.Packs
	}
	if err := json.Unmarshal(body, &seen); err != nil {
		return nil, fmt.Errorf("read the gateway's classes: %w", err)
	}
	for _, class := range seen.Classes {
		names = append(names, class.Class)
	}
	for i := range seen.Packs.Site {
		names = append(names, seen.Packs.Site[i].Classes...)
	}
	return names, nil
}
