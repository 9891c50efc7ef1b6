package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/config"
)

// plan is a site's requirements and the assumptions behind them.
type plan struct {
	Rate   float64       // messages a second, the mean
	Peak   float64       // the same in the busiest minutes
	Bytes  float64       // of a message
	Outage time.Duration // that Splunk may be away
	Queue  float64       // bytes of disk, queue.max_size
	// Measured figures; README has ours.
	Ratio    float64 // of the compression, JSON to gzip
	CPU      float64 // microseconds a message
	Capacity float64 // messages a second that the machine carries
}

// envelope is what HEC's JSON adds to a message with this program's fields, in bytes.
const envelope = 240

const (
	gb  = 1e9
	day = 24 * time.Hour
)

// sizes is the answer. Sizes are bytes, rates are a second's.
type sizes struct {
	MessagesDay  float64 `json:"messages_per_day"`
	RawDay       float64 `json:"raw_bytes_per_day"` // what Splunk's licence counts
	WireDay      float64 `json:"wire_bytes_per_day"`
	DiskRate     float64 `json:"disk_bytes_per_second"`
	QueueHours   float64 `json:"queue_hours"` // until the queue is full
	OutageBytes  float64 `json:"outage_bytes"`
	OutageFits   bool    `json:"outage_fits"`
	DrainMinutes float64 `json:"drain_minutes"` // after the outage, while new messages come in
	Cores        float64 `json:"cores"`
	PeakCores    float64 `json:"peak_cores"`
	PeakFits     bool    `json:"peak_fits"`
}

// check returns what cannot be calculated with.
func (p plan) check() error {
	if min(p.Rate, p.Bytes, p.Queue, p.Ratio, p.CPU, p.Capacity) <= 0 || p.Outage < 0 {
		return errors.New("rate, bytes, queue, ratio, cpu and capacity must be positive, and outage not negative")
	}
	if p.Capacity <= p.Rate {
		return fmt.Errorf("a machine that carries %.0f messages/s never drains a queue at %.0f/s: use a larger one, or more than one", p.Capacity, p.Rate)
	}
	return nil
}

// size works it out: a message of n bytes is an event of n+envelope bytes of JSON, and a
// Ratio-th of that on the wire and on disk.
func (p plan) size() sizes {
	stored := (p.Bytes + envelope) / p.Ratio
	peak := max(p.Peak, p.Rate)
	s := sizes{
		MessagesDay: p.Rate * day.Seconds(),
		RawDay:      p.Rate * day.Seconds() * p.Bytes,
		WireDay:     p.Rate * day.Seconds() * stored,
		DiskRate:    p.Rate * stored,
		QueueHours:  p.Queue / (p.Rate * stored) / time.Hour.Seconds(),
		OutageBytes: p.Rate * stored * p.Outage.Seconds(),
		Cores:       p.Rate * p.CPU / 1e6,
		PeakCores:   peak * p.CPU / 1e6,
		PeakFits:    peak <= p.Capacity,
	}
	s.OutageFits = s.OutageBytes <= p.Queue
	backlog := min(s.OutageBytes, p.Queue) / stored
	s.DrainMinutes = backlog / (p.Capacity - p.Rate) / 60
	return s
}

func (s sizes) print(out io.Writer, p plan) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(what, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", what, fmt.Sprintf(format, args...))
	}
	row("messages a day", "%.0f million", s.MessagesDay/1e6)
	row("raw data a day (Splunk's licence)", "%.1f GB", s.RawDay/gb)
	row("to Splunk a day, compressed", "%.1f GB (%.2f Mbit/s)", s.WireDay/gb, s.DiskRate*8/1e6)
	row("written to disk", "%.2f MB/s", s.DiskRate/1e6)
	row(fmt.Sprintf("a queue of %.0f GB lasts", p.Queue/gb), "%.0f hours", s.QueueHours)
	if p.Outage > 0 {
		fits := "fits"
		if !s.OutageFits {
			fits = fmt.Sprintf("DOES NOT FIT: set queue.max_size to %.0f GB", s.OutageBytes*1.2/gb)
		}
		row(fmt.Sprintf("an outage of %v fills", p.Outage), "%.1f GB, %s", s.OutageBytes/gb, fits)
		row("it drains in", "%.1f minutes, while new messages come in", s.DrainMinutes)
	}
	row("CPU", "%.2f cores (%.2f at the peak)", s.Cores, s.PeakCores)
	if !s.PeakFits {
		row("peak", "MORE THAN THE MACHINE CARRIES: %.0f/s", p.Capacity)
	}
	return w.Flush()
}

func sizeCommand() *cobra.Command {
	var p plan
	var asJSON bool
	c := &cobra.Command{
		Use:   "size",
		Short: "Work out disk, CPU and network for a site",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := p.check(); err != nil {
				return err
			}
			s := p.size()
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(s)
			}
			return s.print(c.OutOrStdout(), p)
		},
	}
	f := c.Flags()
	f.Float64Var(&p.Rate, "rate", 1000, "messages a second, the mean")
	f.Float64Var(&p.Peak, "peak", 0, "messages a second in the busiest minutes; 0 = as the mean")
	f.Float64Var(&p.Bytes, "bytes", 340, "bytes of a message, the mean")
	f.DurationVar(&p.Outage, "outage", 8*time.Hour, "how long Splunk may be away")
	p.Queue = 100 * gb
	f.Var((*diskSize)(&p.Queue), "queue", "queue.max_size, such as 100GB")
	f.Float64Var(&p.Ratio, "ratio", 6, "compression of the JSON: 8 to 12 for the lines of most vendors, 6 is careful, 1 for none")
	f.Float64Var(&p.CPU, "cpu", 4, "CPU of the gateway in microseconds a message: 1.8 for TCP, 3 to 4 for UDP")
	f.Float64Var(&p.Capacity, "capacity", 200_000, "messages a second that the machine carries: measure it with bench run")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// diskSize is a flag for a number of bytes, written as in the configuration: 100GB.
type diskSize float64

// Set implements pflag.Value.
func (d *diskSize) Set(text string) error {
	size, err := config.ParseSize(text)
	if err == nil {
		*d = diskSize(size)
		return nil
	}
	number, numberErr := strconv.ParseFloat(text, 64) // as 1e11
	if numberErr != nil {
		return fmt.Errorf("%q %w", text, err)
	}
	*d = diskSize(number)
	return nil
}

// String implements pflag.Value.
func (d *diskSize) String() string { return config.Size(*d).String() }

// Type implements pflag.Value.
func (*diskSize) Type() string { return "size" }
