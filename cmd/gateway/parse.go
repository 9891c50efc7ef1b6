package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/syslog"
	"syslog-gateway/internal/wiring"
)

// parseOptions are the flags of `gateway parse`.
type parseOptions struct {
	file, source, received, sender, framing string
	explain                                 bool
}

func newParse() *cobra.Command {
	var o parseOptions
	cmd := &cobra.Command{
		Use:   "parse [--source NAME]",
		Short: "Read messages from stdin and print the HEC events that run would send",
		Long: `Reads messages from stdin and prints the events that run would send for them, one JSON
object a line, by the same code.

Without a configuration file it knows the five usual sources, and the source auto, which
takes the messages of all vendors and is used without --source. The packs of the program
and of /etc/syslog-gateway/packs are known as well.

With --explain each message also gets a line on stderr: the form of its header, which
rule chose class, host and time, and what was not understood. stdout stays the same;
2>&1 shows both in order.`,
		Example: `  gateway parse --explain < lines.log
  logger --no-act -s -p auth.info hello 2>&1 | gateway parse --source linux
  gateway parse --source palo_alto --received-at 2026-03-14T14:28:52Z < lines.log
  gateway parse --source unifi --explain < lines.log 2>&1`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "config", "c", "", "configuration file (default "+defaultFile+" when it is there)")
	f.StringVar(&o.source, "source", "", "source whose settings apply: a name under sources (default auto without a configuration file)")
	f.StringVar(&o.received, "received-at", "", "receive time, RFC 3339 (default now)")
	f.StringVar(&o.sender, "sender", "127.0.0.1", "IP address of the sender")
	f.BoolVar(&o.explain, "explain", false, "say on stderr, after each event, what was understood and which rule chose it")
	f.StringVar(&o.framing, "framing", "auto", "lf, octet, auto, or datagram (each input line is one datagram)")
	cmd.RunE = cli.Does(func(cmd *cobra.Command, _ []string) error {
		return o.parse(cmd, cmd.InOrStdin(), cmd.OutOrStdout())
	})
	return cmd
}

// load reads the configuration. Without a file there is also a source for all vendors.
func (o *parseOptions) load(cmd *cobra.Command) (config.Config, error) {
	c, isFile, err := usualConfig(cmd, o.file)
	if err != nil || isFile {
		if err == nil && o.source == "" {
			err = &cli.Exit{Code: cli.Usage, Err: fmt.Errorf("--source is missing: there are the configured sources %q", slices.Sorted(maps.Keys(c.Sources)))}
		}
		return c, err
	}
	o.source = cmp.Or(o.source, dialect.Auto)
	if _, ok := c.Sources[dialect.Auto]; !ok {
		c.Sources[dialect.Auto] = sourceOf(dialect.Auto)
	}
	return c, nil
}

func (o *parseOptions) parse(cmd *cobra.Command, in io.Reader, out io.Writer) error {
	c, err := o.load(cmd)
	if err != nil {
		return err
	}
	received, from, err := o.values(c)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 64<<10)
	replay, err := o.replay(c, from, w)
	if err != nil {
		return err
	}
	if o.explain {
		replay.Explain(newExplainer(cmd.ErrOrStderr()).print)
	}
	if err := o.feed(in, replay, received); err != nil {
		return err
	}
	return w.Flush() // also reports what failed before
}

// framings are the values of --framing besides datagram.
func framings() map[string]syslog.Framing {
	return map[string]syslog.Framing{"lf": syslog.LF, "octet": syslog.Octet, "auto": syslog.Auto}
}

// values reads the values of the flags. The error names all that are wrong.
func (o *parseOptions) values(c config.Config) (received time.Time, from netip.Addr, err error) {
	var errs []error
	if _, ok := c.Sources[o.source]; !ok {
		errs = append(errs, fmt.Errorf("--source %q is none of the configured sources %q", o.source, slices.Sorted(maps.Keys(c.Sources))))
	}
	received = time.Now()
	if o.received != "" {
		if received, err = time.Parse(time.RFC3339Nano, o.received); err != nil {
			errs = append(errs, fmt.Errorf("--received-at: %w", err))
		}
	}
	if from, err = netip.ParseAddr(o.sender); err != nil {
		errs = append(errs, fmt.Errorf("--sender: %w", err))
	}
	if _, ok := framings()[o.framing]; !ok && o.framing != "datagram" {
		errs = append(errs, fmt.Errorf("--framing %q is not one of lf, octet, auto, datagram", o.framing))
	}
	return received, from, errors.Join(errs...)
}

func (o *parseOptions) replay(c config.Config, from netip.Addr, w *bufio.Writer) (*ingest.Replay, error) {
	s := c.Sources[o.source]
	settings, err := wiring.Settings(c, o.source)
	if err != nil {
		return nil, err
	}
	source := ingest.NewSource(o.source, s.Port, settings, ledger.New())
	pool := event.NewPool(1, int(c.Batch.MaxBytes))
	options := ingest.Options{
		MaxBytes: int(c.Batch.MaxBytes), MaxEvents: c.Batch.MaxEvents, MaxAge: time.Hour,
		Pool: pool, Sink: &printer{w: w, pool: pool, flush: o.explain},
	}
	if o.explain {
		options.MaxEvents = 1 // each event before what is said about it
	}
	if o.framing == "datagram" {
		return ingest.NewDatagramReplay(source, options, from), nil
	}
	return ingest.NewStreamReplay(source, options, framings()[o.framing], from), nil
}

// feed gives the input to the replay: as it comes, or line by line as datagrams.
func (o *parseOptions) feed(in io.Reader, replay *ingest.Replay, received time.Time) error {
	defer replay.Close(received)
	if o.framing == "datagram" {
		r := bufio.NewReaderSize(in, 64<<10)
		for {
			line, err := r.ReadBytes('\n')
			if len(line) > 0 {
				replay.Write(line, received)
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read stdin: %w", err)
			}
		}
	}
	buf := make([]byte, 256<<10)
	for {
		n, err := in.Read(buf)
		replay.Write(buf[:n], received)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read stdin: %w", err)
		}
	}
}

// printer is a sink that prints the events.
type printer struct {
	w     *bufio.Writer
	pool  *event.Pool
	flush bool // every batch at once
}

// Handle takes the batch whether or not it can be written: a bufio.Writer keeps its
// first error, and Flush returns it.
func (p *printer) Handle(b *event.Batch) error {
	_, _ = p.w.Write(b.Data)
	if p.flush {
		_ = p.w.Flush()
	}
	p.pool.Put(b)
	return nil
}
