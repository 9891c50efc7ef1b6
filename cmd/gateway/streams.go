package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/certificate"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/jetstream"
	"syslog-gateway/internal/printable"
	show "syslog-gateway/internal/stats/text"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/wiring"
)

// streamVerbs are the verbs of gateway queue with --stream. Gateways go on meanwhile.
type streamVerbs struct {
	wanted      bool // --stream
	file        string
	asJSON, yes *bool
	verbs       map[string]func(*cobra.Command, *jetstream.Visitor) error
}

func newStreamVerbs(asJSON, yes *bool) *streamVerbs {
	s := &streamVerbs{asJSON: asJSON, yes: yes}
	s.verbs = map[string]func(*cobra.Command, *jetstream.Visitor) error{
		"status": s.status, "verify": s.verify, "export": s.export, "purge": s.purge,
	}
	return s
}

func (s *streamVerbs) has(verb string) bool { return s.verbs[verb] != nil }

// flags adds the flags of a verb that also works on streams.
func (s *streamVerbs) flags(c *cobra.Command) {
	c.Flags().BoolVar(&s.wanted, "stream", false, "the streams of the cluster instead of a disk queue; gateways may run")
	c.MarkFlagsMutuallyExclusive("path", "stream")
}

// run connects to the cluster and carries out a verb.
func (s *streamVerbs) run(cmd *cobra.Command) error {
	c, err := config.Load(s.file, os.Environ(), nil)
	if err != nil {
		return err
	}
	if !c.Queue.Clustered() {
		return fmt.Errorf("%s has no cluster: queue.kind is disk; use --path %s", s.file, c.Queue.Path)
	}
	o, err := wiring.Cluster(c, os.Environ(), certificate.New(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	v, err := jetstream.Visit(o)
	if err != nil {
		return err
	}
	defer v.Close()
	return s.verbs[cmd.Name()](cmd, v)
}

func (s *streamVerbs) status(cmd *cobra.Command, v *jetstream.Visitor) error {
	var all []status.Stream
	for _, name := range v.Names() {
		all = append(all, v.Status(cmd.Context(), name))
	}
	if *s.asJSON {
		return printJSON(cmd.OutOrStdout(), all)
	}
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "stream\tstate\tleader\treplicas\trecords\tsize\tcapacity\toldest\ttaken\tredelivered")
	for _, st := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d/%d\t%d\t%s\t%s\t%s\t%d\t%d\n", st.Name, st.Word(), cmp.Or(printable.Dots(st.Leader), "-"), st.Current, st.Replicas,
			st.Records, show.Size(st.Bytes), show.Size(st.CapacityBytes), moment(st.Oldest), st.AckPending, st.Redelivered)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, st := range all {
		if st.Problem != "" {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", st.Name, printable.Dots(st.Problem))
		}
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// streamReport is what was read of a stream.
type streamReport struct {
	Name    string           `json:"name"`
	Records uint64           `json:"records"`
	Events  int64            `json:"events"`
	Bytes   int64            `json:"bytes"`
	Sources map[string]int64 `json:"events_by_source"`
	Oldest  time.Time        `json:"oldest"` // when it was received
	Damage  []string         `json:"damage,omitempty"`
	last    uint64           // the sequence up to which it was read
}

// readStream reads a stream to its present end, and gives each whole record to do.
func readStream(cmd *cobra.Command, v *jetstream.Visitor, name string, do func(*event.Record) error) (streamReport, error) {
	r := streamReport{Name: name, Sources: map[string]int64{}}
	last, err := v.Each(cmd.Context(), name, func(rec event.Record) error {
		r.Records++
		r.Events += int64(rec.Events)
		r.Bytes += int64(len(rec.Body))
		r.Sources[rec.Source] += int64(rec.Events)
		if r.Oldest.IsZero() || rec.Received.Before(r.Oldest) {
			r.Oldest = rec.Received
		}
		return do(&rec)
	}, func(sequence uint64, err error) {
		r.Damage = append(r.Damage, fmt.Sprintf("%s, sequence %d: %v", name, sequence, err))
	})
	r.last = last
	return r, err
}

func (r *streamReport) sources() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(r.Sources)) {
		all = append(all, fmt.Sprintf("%s=%d", printable.Dots(name), r.Sources[name]))
	}
	return strings.Join(all, " ")
}

func (s *streamVerbs) verify(cmd *cobra.Command, v *jetstream.Visitor) error {
	var all []streamReport
	damaged := false
	for _, name := range v.Names() {
		r, err := readStream(cmd, v, name, func(*event.Record) error { return nil })
		if err != nil {
			return err
		}
		all = append(all, r)
		damaged = damaged || len(r.Damage) > 0
	}
	if err := printStreams(cmd.OutOrStdout(), all, *s.asJSON); err != nil {
		return err
	}
	if damaged {
		return errors.New("a stream is damaged: gateways take the damaged records out and count them as corrupt; look at the disks of the servers")
	}
	return nil
}

func printStreams(w io.Writer, all []streamReport, asJSON bool) error {
	if asJSON {
		return printJSON(w, all)
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "stream\trecords\tevents\tbytes\toldest\tsources")
	for i := range all {
		r := &all[i]
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t%s\n", r.Name, r.Records, r.Events, r.Bytes, moment(r.Oldest), r.sources())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range all {
		for _, d := range r.Damage {
			fmt.Fprintf(w, "damaged: %s\n", printable.Dots(d))
		}
	}
	return nil
}

func (s *streamVerbs) export(cmd *cobra.Command, v *jetstream.Visitor) error {
	w := bufio.NewWriterSize(cmd.OutOrStdout(), 256<<10)
	var bodies event.Decompressor
	var bad []error
	for _, name := range v.Names() {
		r, err := readStream(cmd, v, name, func(rec *event.Record) error {
			body, err := bodies.Plain(rec)
			if err != nil {
				bad = append(bad, fmt.Errorf("%s, sequence %d: %w", name, rec.Seq, err))
				return nil
			}
			if _, err := w.Write(body); err != nil {
				return fmt.Errorf("export: %w", err)
			}
			if n := len(body); n > 0 && body[n-1] != '\n' {
				return w.WriteByte('\n')
			}
			return nil
		})
		for _, d := range r.Damage {
			bad = append(bad, errors.New(printable.Dots(d)))
		}
		if err != nil {
			return errors.Join(err, w.Flush())
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(bad) > 0 {
		return fmt.Errorf("%s could not be exported: %w", count(len(bad), "record"), errors.Join(bad...))
	}
	return nil
}

func (s *streamVerbs) purge(cmd *cobra.Command, v *jetstream.Visitor) error {
	var all []streamReport
	var events int64
	for _, name := range v.Names() {
		r, err := readStream(cmd, v, name, func(*event.Record) error { return nil })
		if err != nil {
			return err
		}
		events += r.Events
		all = append(all, r)
	}
	out := cmd.OutOrStdout()
	if !*s.yes {
		if err := printStreams(out, all, false); err != nil {
			return err
		}
		fmt.Fprintf(out, "%d events in the streams of the cluster will be lost for good, whichever gateway has received them. Type yes to go on: ", events)
		answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		if strings.TrimSpace(answer) != "yes" {
			return errors.New("nothing was removed")
		}
	}
	for i := range all {
		r := &all[i]
		p, err := v.Purge(cmd.Context(), r.Name, r.last)
		r.Events, r.Sources = 0, p.Events
		for _, n := range p.Events {
			r.Events += n
		}
		fmt.Fprintf(out, "%s: purged %d records with %d events: %s\n", r.Name, p.Records, r.Events, r.sources())
		if err != nil {
			return err
		}
		if p.Kept > 0 {
			fmt.Fprintf(out, "%s: %d records stay: gateways have taken them, and deliver them or give them back\n", r.Name, p.Kept)
		}
	}
	return nil
}
