package runner

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Counts are the terms of the gateway's conservation equation, from /metrics.
type Counts struct {
	Received     int64 `json:"received"`
	Delivered    int64 `json:"delivered"`
	Queued       int64 `json:"queued"`
	Deadlettered int64 `json:"deadlettered"`
	Dropped      int64 `json:"dropped"`
	Unparsed     int64 `json:"unparsed"`
	KernelDrops  int64 `json:"udp_kernel_drops"`
}

// Difference is 0 when the equation holds.
func (b Counts) Difference() int64 {
	return b.Received - b.Delivered - b.Queued - b.Deadlettered - b.Dropped
}

func (b Counts) minus(a Counts) Counts {
	return Counts{b.Received - a.Received, b.Delivered - a.Delivered, b.Queued - a.Queued,
		b.Deadlettered - a.Deadlettered, b.Dropped - a.Dropped, b.Unparsed - a.Unparsed, b.KernelDrops - a.KernelDrops}
}

// web reads the sink and the gateway over HTTP.
type web struct{ client *http.Client }

func (w web) get(ctx context.Context, url string, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, resp.Body)
		return fmt.Errorf("get %s: %s", url, resp.Status)
	}
	if err := read(resp.Body); err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	return nil
}

func (w web) json(ctx context.Context, url string, v any) error {
	return w.get(ctx, url, func(r io.Reader) error { return json.NewDecoder(r).Decode(v) })
}

func (w web) up(ctx context.Context, url string) error {
	return w.get(ctx, url, func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
}

// metrics scrapes the gateway at url; the samples of each name are added up.
func (w web) metrics(ctx context.Context, url string) (sums map[string]int64, err error) {
	err = w.get(ctx, url+"/metrics", func(r io.Reader) (err error) {
		sums, err = sumMetrics(r)
		return err
	})
	return sums, err
}

func (w web) counts(ctx context.Context, url string) (Counts, error) {
	sums, err := w.metrics(ctx, url)
	return Counts{
		Received:     sums["gateway_received_events_total"],
		Delivered:    sums["gateway_delivered_events_total"],
		Queued:       sums["gateway_queue_events"],
		Deadlettered: sums["gateway_deadlettered_events_total"],
		Dropped:      sums["gateway_dropped_events_total"],
		Unparsed:     sums["gateway_unparsed_events_total"],
		KernelDrops:  sums["gateway_udp_kernel_drops_total"],
	}, err
}

// sumMetrics reads the Prometheus text format and adds up all samples of each name.
func sumMetrics(r io.Reader) (map[string]int64, error) {
	sums := make(map[string]int64)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest, labelled := strings.Cut(line, "{")
		if labelled {
			rest = rest[strings.LastIndexByte(rest, '}')+1:]
		} else if name, rest, _ = strings.Cut(line, " "); rest == "" {
			return nil, fmt.Errorf("the metrics line %q has no value", line)
		}
		value, _, _ := strings.Cut(strings.TrimSpace(rest), " ") // a time stamp may follow
		f, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("the metrics line %q has no number: %w", line, err)
		}
		if f == f { // not NaN, which the quantiles of an empty summary are
			sums[name] += int64(f)
		}
	}
	return sums, lines.Err()
}
