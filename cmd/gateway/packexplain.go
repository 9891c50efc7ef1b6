package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/packwhy"
	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/wiring"
)

// whyOptions are the flags of `gateway pack explain`.
type whyOptions struct{ vendor, sender, profile string }

func newPackExplain() *cobra.Command {
	var o whyOptions
	cmd := packVerb("explain [LINE]", "Say which pack takes a message, which came near, and what Splunk gets",
		`Says of LINE, or of each line on stdin, what decided, which packs came near and by what
they do not have the message, and what Splunk gets.`,
		cobra.MaximumNArgs(1), func(cmd *cobra.Command, s *packSet, args []string) error {
			if err := s.refuse(cmd.ErrOrStderr()); err != nil {
				return err
			}
			w, err := o.why(s)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return w.say(cmd.OutOrStdout(), []byte(args[0]))
			}
			return w.each(cmd.InOrStdin(), cmd.OutOrStdout())
		})
	cmd.Example = `  gateway pack explain '<13>Mar 14 14:28:52 w1 widgetd[3]: up'
  gateway tap --raw --class fallback --limit 10 | gateway pack explain`
	f := cmd.Flags()
	f.StringVar(&o.vendor, "vendor", dialect.Auto, "vendor of the source that receives the message")
	f.StringVar(&o.sender, "sender", "127.0.0.1", "IP address of the sender")
	f.StringVar(&o.profile, "profile", "", "default or sc4s (default the configured one)")
	_ = cmd.RegisterFlagCompletionFunc("vendor", cobra.FixedCompletions(dialect.Names(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("profile", cobra.FixedCompletions([]string{"default", "sc4s"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// why explains messages.
type why struct {
	set     *packSet
	profile string
	packs   []*pack.Pack // that are on
	from    netip.Addr
	parser  *dialect.Parser
	source  *ingest.Source
	pool    *event.Pool
}

func (o *whyOptions) why(s *packSet) (*why, error) {
	from, err := netip.ParseAddr(o.sender)
	if err != nil {
		return nil, fmt.Errorf("--sender: %w", err)
	}
	c := s.config
	c.Metadata.Profile = cmp.Or(o.profile, c.Metadata.Profile)
	c.Sources = map[string]config.Source{dialect.Auto: sourceOf(o.vendor)}
	settings, err := wiring.Settings(c, dialect.Auto)
	if err != nil {
		return nil, err
	}
	w := &why{set: s, profile: c.Metadata.Profile, from: from, parser: settings.Parser, pool: event.NewPool(1, 1<<20)}
	w.source = ingest.NewSource(dialect.Auto, c.Sources[dialect.Auto].Port, settings, ledger.New())
	for _, p := range s.all() {
		if !s.off(p) {
			w.packs = append(w.packs, p)
		}
	}
	return w, nil
}

// sourceOf returns a source of a vendor that is in no configuration.
func sourceOf(vendor string) config.Source {
	s := config.Default().Sources["linux"]
	s.Port, s.Vendor, s.Index = 514, vendor, ""
	return s
}

// each explains every line.
func (w *why) each(in io.Reader, out io.Writer) error {
	r := bufio.NewReaderSize(in, 64<<10)
	for n := 1; ; {
		line, err := r.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			if n > 1 {
				fmt.Fprintln(out)
			}
			fmt.Fprintf(out, "line %d:      %s\n", n, printable.Dots(line))
			if err := w.say(out, []byte(line)); err != nil {
				return err
			}
			n++
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read stdin: %w", err)
		}
	}
}

// maxNear is how many packs that came near are told.
const maxNear = 8

// say explains one message.
func (w *why) say(out io.Writer, line []byte) error {
	kept := &keeper{pool: w.pool}
	replay := ingest.NewDatagramReplay(w.source, ingest.Options{MaxBytes: 1 << 20, MaxEvents: 1, MaxAge: time.Hour, Pool: w.pool, Sink: kept}, w.from)
	a := &packwhy.Asker{Profile: w.profile, Views: w.parser.Views(line, w.from)}
	decided, taken, body, dropped, where, rules := "", "", "as received", "", "", ""
	replay.Explain(func(e ingest.Explanation) {
		if e.Result != nil {
			decided, taken = w.decided(a, e), e.Result.Pack
			where = hostText(e) + ", " + timeText(e)
			if !bytes.Equal(e.Result.Body, line) {
				body = ""
			}
		}
		if e.Dropped != "" {
			dropped = dropText(&e)
		}
		rules = strings.Join(e.Rules, ", ")
	})
	now := time.Now()
	replay.Write(line, now)
	replay.Close(now)
	fmt.Fprintf(out, "decided by:  %s\n", decided)
	title := "came near:  "
	near := a.Near(w.packs, taken)
	for i := range near[:min(len(near), maxNear)] {
		fmt.Fprintf(out, "%s %s\n", title, near[i].String())
		title = "            "
	}
	if len(near) > maxNear {
		fmt.Fprintf(out, "%s and %d more\n", title, len(near)-maxNear)
	}
	if len(near) == 0 {
		fmt.Fprintf(out, "%s nothing\n", title)
	}
	if rules != "" {
		fmt.Fprintf(out, "rules:       %s\n", rules)
	}
	if dropped != "" {
		_, err := fmt.Fprintf(out, "Splunk gets: nothing: dropped %s\n", dropped)
		return err
	}
	return printEvent(out, kept.data, where, body)
}

// decided says by what a message has its class.
func (w *why) decided(a *packwhy.Asker, e ingest.Explanation) string {
	steps := []string{headerText(e.Header)}
	r := e.Result
	if r.Pack == "" {
		program := a.Views[len(a.Views)-1].Program
		if len(program) != 0 {
			steps = append(steps, "program "+printable.Dots(string(program)))
		}
		steps = append(steps, "no pack")
		if class := w.parser.Class(r.Class); class.Family != "" {
			steps = append(steps, fmt.Sprintf("family %s by %s", class.Family, r.ClassBy))
		} else {
			steps = append(steps, "no family")
		}
		return strings.Join(append(steps, "class "+e.Class), " → ")
	}
	for _, p := range w.packs {
		if p.Name != r.Pack {
			continue
		}
		at, by := p.Pos, r.Rule
		if reason := a.By(p, p.Finders()); reason != nil && by != "pin" {
			at, by = reason.Pos, reason.String()
		}
		class := "class " + e.Class
		if reason := a.Class(p, e.Class); reason != nil {
			class += " by " + reason.String()
		}
		steps = append(steps, by, fmt.Sprintf("pack %s (%s, %s)", p.Name, kindOf(p), at), class)
	}
	return strings.Join(steps, " → ")
}

// printEvent prints what Splunk gets. where says what host and time are and by what, body that
// the event is the message, if it is.
func printEvent(w io.Writer, data []byte, where, body string) error {
	var e struct {
		Source, Sourcetype, Index, Event string
		Fields                           map[string]string
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("read the event: %w", err)
	}
	fmt.Fprintf(w, "Splunk gets: sourcetype %s, index %s, source %s\n             %s\n", e.Sourcetype, cmp.Or(e.Index, "of the port"), e.Source, where)
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		fields = append(fields, name+"="+e.Fields[name])
	}
	if len(fields) != 0 {
		fmt.Fprintf(w, "             fields %s\n", strings.Join(fields, " "))
	}
	_, err := fmt.Fprintf(w, "             event %s\n", cmp.Or(body, printable.Dots(e.Event)))
	return err
}

// keeper is a sink that keeps the events.
type keeper struct {
	data []byte
	pool *event.Pool
}

// Handle takes the batch.
func (k *keeper) Handle(b *event.Batch) error {
	k.data = append(k.data, b.Data...)
	k.pool.Put(b)
	return nil
}
