package faults

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"syslog-gateway/internal/testkit"
	"time"
)

// Counts are the terms of the gateway's equation, from /metrics.
type Counts struct {
	Received, Recovered, Delivered, Deadlettered, Dropped int64
	Secured, Taken, GivenBack                             int64 // with a cluster: into its streams, out of them, and back
	Pending                                               int64 // in memory and in the queue
	Queued                                                int64 // of those, in the queue
}

// Difference is 0 when the equation holds.
func (b Counts) Difference() int64 {
	return b.Received + b.Recovered + b.Taken - b.Secured - b.GivenBack - b.Delivered - b.Deadlettered - b.Dropped - b.Pending
}

// series are the samples of one scrape.
type series struct{ testkit.Series }

// sum adds the samples of a metric whose labels hold all of the texts.
func (s series) sum(name string, labels ...string) int64 { return int64(s.Sum(name, labels...)) }

func (s series) counts() Counts {
	return Counts{
		Received:     s.sum("gateway_received_events_total"),
		Recovered:    s.sum("gateway_recovered_events_total"),
		Delivered:    s.sum("gateway_delivered_events_total"),
		Deadlettered: s.sum("gateway_deadlettered_events_total"),
		Dropped:      s.sum("gateway_dropped_events_total"),
		Secured:      s.sum("gateway_secured_events_total"),
		Taken:        s.sum("gateway_taken_events_total"),
		GivenBack:    s.sum("gateway_given_back_events_total"),
		Pending:      s.sum("gateway_pending_events"),
		Queued:       s.sum("gateway_queue_events"),
	}
}

// web reads the gateway's pages over HTTP.
type web struct {
	address string
	client  *http.Client
}

// get reads a page; the status is 0 when there is no answer.
func (p web) get(ctx context.Context, path string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+path, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// scrape reads /metrics.
func (p web) scrape(ctx context.Context) (series, error) {
	status, body, err := p.get(ctx, "/metrics")
	if err != nil {
		return series{}, err
	}
	if status != http.StatusOK {
		return series{}, fmt.Errorf("scrape the gateway: status %d", status)
	}
	all, err := testkit.ReadSeries(bytes.NewReader(body))
	return series{all}, err
}

// ready is the answer of /readyz: whether it is 200, and what it says.
func (p web) ready(ctx context.Context) (bool, string) {
	status, body, err := p.get(ctx, "/readyz")
	if err != nil {
		return false, ""
	}
	return status == http.StatusOK, string(body)
}
