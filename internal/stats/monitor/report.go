package monitor

import "time"

// Report returns the gateway's own numbers as they are sent to Splunk (stats.to_splunk):
// one JSON object for the gateway, and one for each source, shard and endpoint.
func (m *Monitor) Report() []any {
	st := m.Status()
	head := func(kind, name string) reportHead {
		return reportHead{Kind: kind, Name: name, Gateway: st.Host, Version: st.Version}
	}
	all := []any{struct {
		reportHead
		Health  string  `json:"health"`
		Summary string  `json:"summary"`
		Uptime  float64 `json:"uptime_seconds"`
		Totals
		reportQueue
	}{
		head("gateway", st.Host), st.Health.Level, st.Health.Summary, st.UptimeSeconds, st.Totals,
		reportQueue{st.Queue.CapacityBytes, st.Queue.UsedBytes, st.Queue.OldestSeconds, st.Queue.FillsInSeconds},
	}}
	for _, src := range st.Sources {
		all = append(all, struct {
			reportHead
			Received     uint64 `json:"received"`
			Bytes        uint64 `json:"received_bytes"`
			Delivered    uint64 `json:"delivered"`
			Pending      int64  `json:"pending"`
			Dropped      uint64 `json:"dropped"`
			Deadlettered uint64 `json:"deadlettered"`
			KernelDrops  uint64 `json:"udp_kernel_drops"`
			Unparsed     uint64 `json:"unparsed"`
			Senders      int    `json:"senders"`
			Silent       int    `json:"silent_senders"`
			Rates
		}{
			head("source", src.Balance.Source), src.Received, src.ReceivedBytes, src.Delivered, src.Pending, src.Dropped,
			src.Deadlettered, src.KernelDrops, src.Unparsed, src.Senders, src.Silent, src.Rates,
		})
	}
	for _, sh := range st.Shards {
		all = append(all, struct {
			reportHead
			Events int64   `json:"events"`
			Bytes  int64   `json:"bytes"`
			Oldest float64 `json:"oldest_seconds"`
			State  string  `json:"state"`
		}{head("shard", sh.Name), sh.Events, sh.Bytes, seconds(st.Now, sh.Oldest), sh.Word()})
	}
	for _, r := range st.Streams {
		all = append(all, struct {
			reportHead
			State    string  `json:"state"`
			Records  uint64  `json:"records"`
			Bytes    uint64  `json:"bytes"`
			Capacity int64   `json:"capacity_bytes"`
			Oldest   float64 `json:"oldest_seconds"`
			Current  int     `json:"replicas_current"`
		}{head("stream", r.Name), r.Word(), r.Records, r.Bytes, r.CapacityBytes, seconds(st.Now, r.Oldest), r.Current})
	}
	for _, e := range st.Endpoints {
		all = append(all, struct {
			reportHead
			State    string  `json:"state"`
			Requests uint64  `json:"requests"`
			Failures uint64  `json:"failures"`
			InFlight int     `json:"in_flight"`
			Latency  float64 `json:"latency_ms"`
		}{head("endpoint", e.URL), e.Word(), e.Requests, e.Failures, e.InFlight, e.LatencyMillis})
	}
	return all
}

// reportHead begins each object.
type reportHead struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Gateway string `json:"gateway"`
	Version string `json:"version"`
}

type reportQueue struct {
	Capacity int64   `json:"queue_capacity_bytes"`
	Used     int64   `json:"queue_used_bytes"`
	Oldest   float64 `json:"queue_oldest_seconds"`
	FillsIn  float64 `json:"queue_fills_in_seconds"`
}

func seconds(now, t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return now.Sub(t).Seconds()
}
