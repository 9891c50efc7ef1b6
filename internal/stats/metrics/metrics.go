// Package metrics has the Prometheus metrics of the gateway as a whole: the ledger, the
// senders, the modes of shards and endpoints, reloads. Each stage registers its own.
package metrics

import (
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/status"
)

// Reloads counts reloads of the configuration by their result. Its zero value is ready. It
// outlives the server, which a reload may replace.
type Reloads struct{ done, refused atomic.Uint64 }

// Count counts one reload: done if err is nil, else refused.
func (r *Reloads) Count(err error) {
	if err != nil {
		r.refused.Add(1)
		return
	}
	r.done.Add(1)
}

// descriptions of the metrics of this package.
type descriptions struct {
	receivedEvents, receivedBytes, recovered *prometheus.Desc
	unparsed, truncated, framing             *prometheus.Desc
	pending, dropped, delivered, dead        *prometheus.Desc
	reloads, build, ready                    *prometheus.Desc
	senders, silent, shardMode, endpointMode *prometheus.Desc
	skewed, flooding, deadLetters, queueFree *prometheus.Desc
	classEvents, classBytes, packs, slow     *prometheus.Desc
	secured, taken, givenBack                *prometheus.Desc
}

func describe() descriptions {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("gateway_"+name, help, labels, nil)
	}
	return descriptions{
		receivedEvents: desc("received_events_total", "Messages received.", "source", "transport"),
		receivedBytes:  desc("received_bytes_total", "Bytes of the messages received, without framing.", "source", "transport"),
		recovered:      desc("recovered_events_total", "Events of an earlier process that were found in the queue at the start.", "source"),
		unparsed:       desc("unparsed_events_total", "Messages that no parser knew; they are delivered raw.", "source"),
		truncated:      desc("truncated_events_total", "Messages longer than max_message_size; they are delivered cut.", "source"),
		framing:        desc("framing_errors_total", "Errors in the framing of TCP and TLS streams.", "source"),
		pending:        desc("pending_events", "Events not delivered yet, in memory or in the queue.", "source", "stage"),
		dropped:        desc("dropped_events_total", "Events dropped, by reason.", "source", "reason"),
		delivered:      desc("delivered_events_total", "Events that Splunk has confirmed.", "source"),
		secured:        desc("secured_events_total", "Events that left the disk queue for a stream of the cluster, which has confirmed them.", "source"),
		taken:          desc("taken_events_total", "Events that this gateway took from a stream of the cluster.", "source"),
		givenBack:      desc("given_back_events_total", "Events that it took and gave back to the stream.", "source"),
		dead:           desc("deadlettered_events_total", "Events that Splunk refused and that are kept in the dead-letter store, by reason.", "reason"),
		reloads:        desc("config_reloads_total", "Reloads of the configuration, by result: success or failure.", "result"),
		senders:        desc("senders", "Senders that are remembered.", "source"),
		silent:         desc("silent_senders", "Senders that sent regularly and then nothing for silent_after.", "source"),
		skewed:         desc("skewed_senders", "Senders whose times are off by a time zone, or ahead."),
		flooding:       desc("flooding_senders", "Senders that send many times their usual rate, and a fifth or more of all."),
		queueFree:      desc("queue_free_bytes", "Bytes by which the queue may still grow: below queue.max_size, and on the disk above queue.min_free."),
		deadLetters:    desc("deadletter_held_events", "Events that are in the dead-letter store now."),
		classEvents:    desc("class_events_total", "Events that were put into batches, by class. Classes without events have no series.", "source", "class"),
		classBytes:     desc("class_bytes_total", "Bytes of the texts of these events, as Splunk's licence counts them.", "source", "class"),
		packs:          desc("packs_loaded", "Packs in force: those of the site and the embedded ones."),
		slow:           desc("pack_slow_total", "Messages for which a pack or its rules searched with a regular expression, or the pack built the event anew.", "pack"),
		shardMode:      desc("shard_aside", "Whether an operator has set the shard to drain or maint (1) or not (0).", "shard"),
		endpointMode:   desc("hec_endpoint_aside", "Whether an operator has set the HEC endpoint to drain or maint (1) or not (0).", "endpoint"),
		ready:          desc("ready", "Whether /readyz says that the gateway can do its work (1) or not (0)."),
		build:          desc("build_info", "Always 1; version, commit and Go version of the program.", "version", "commit", "goversion"),
	}
}

// NewRefused counts requests and connections that the server refused.
func NewRefused() *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gateway_stats_refused_total",
		Help: "What the statistics page refused, by reason: connections (closed for a new one), streams, password, wait (too many wrong passwords).",
	}, []string{"reason"})
	for _, reason := range []string{"connections", "streams", "password", "wait"} {
		v.WithLabelValues(reason)
	}
	return v
}

// Options say what /metrics shows. Monitor, Ready and Refused are required.
type Options struct {
	Monitor *monitor.Monitor
	// Ready reports whether /readyz says so.
	Ready func() bool
	// Refused counts what the statistics page refused; see NewRefused.
	Refused prometheus.Collector
	// Reloads and Stages are optional. Stages has the metrics of the stages, and none of
	// this package, of Go and of the process.
	Reloads *Reloads
	Stages  prometheus.Gatherer
	// Errors gets errors of collectors.
	Errors promhttp.Logger
	// MaxScrapes bounds the scrapes at a time.
	MaxScrapes int
}

// Handler returns the handler of /metrics. Its own collectors are in a registry of their
// own, so that several handlers can follow each other over one Options.Stages.
func Handler(o Options) (http.Handler, error) {
	if o.Reloads == nil {
		o.Reloads = new(Reloads)
	}
	own := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		o.Refused,
		&collector{describe(), o},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := own.Register(c); err != nil {
			return nil, fmt.Errorf("stats: register metrics: %w", err)
		}
	}
	all := prometheus.Gatherers{own}
	if o.Stages != nil {
		all = append(all, o.Stages)
	}
	return promhttp.HandlerFor(all, promhttp.HandlerOpts{
		ErrorLog: o.Errors,
		// A collector that fails is logged and counted; the others are still shown.
		ErrorHandling:       promhttp.ContinueOnError,
		Registry:            own,
		MaxRequestsInFlight: o.MaxScrapes,
	}), nil
}

// collector takes a reading at each scrape.
type collector struct {
	descriptions
	from Options
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.receivedEvents, c.receivedBytes, c.recovered, c.unparsed, c.truncated, c.framing,
		c.pending, c.dropped, c.delivered, c.dead, c.reloads, c.build, c.ready,
		c.senders, c.silent, c.skewed, c.flooding, c.deadLetters, c.queueFree, c.shardMode, c.endpointMode,
		c.classEvents, c.classBytes, c.packs, c.slow, c.secured, c.taken, c.givenBack,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. The series of a configured source start at
// zero, so that rate() sees the first message.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		for i := range labels {
			labels[i] = strings.ToValidUTF8(labels[i], "\ufffd") // else the library refuses it
		}
		m, err := prometheus.NewConstMetric(d, kind, value, labels...)
		if err != nil {
			m = prometheus.NewInvalidMetric(d, err)
		}
		ch <- m
	}
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		send(d, prometheus.CounterValue, float64(n), labels...)
	}
	snap := c.from.Monitor.Snapshot()
	dead := fromZero(true, nil, deadReasons())
	slow := make(map[string]uint64)
	for _, s := range snap.Sources {
		for _, class := range s.Classes {
			if class.Events > 0 {
				count(c.classEvents, class.Events, s.Source, class.Name)
				count(c.classBytes, class.Bytes, s.Source, class.Name)
			}
			if class.Slow > 0 {
				slow[class.Pack] += class.Slow
			}
		}
		c.collectReceived(count, s)
		count(c.recovered, s.Recovered, s.Source)
		count(c.unparsed, s.Unparsed, s.Source)
		count(c.truncated, s.Truncated, s.Source)
		count(c.framing, s.FramingErrors, s.Source)
		count(c.delivered, s.Delivered, s.Source)
		if len(snap.Streams) != 0 {
			count(c.secured, s.Secured, s.Source)
			count(c.taken, s.Taken, s.Source)
			count(c.givenBack, s.GivenBack, s.Source)
		}
		for reason, n := range fromZero(s.Configured, s.DropReasons, dropReasons()) {
			count(c.dropped, n, s.Source, reason)
		}
		for reason, n := range s.DeadReasons {
			dead[reason] += n
		}
		send(c.pending, prometheus.GaugeValue, float64(s.InMemory), s.Source, "memory")
		send(c.pending, prometheus.GaugeValue, float64(s.Queued), s.Source, "queue")
	}
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		send(d, prometheus.GaugeValue, float64(n), labels...)
	}
	list := c.from.Monitor.Senders(snap)
	gauge(c.skewed, len(list.Skewed))
	gauge(c.flooding, list.Flooding())
	send(c.queueFree, prometheus.GaugeValue, float64(snap.Queue.Free()))
	send(c.deadLetters, prometheus.GaugeValue, float64(snap.DeadLetters.Events))
	list.BySource(func(source string, known, silent int) {
		gauge(c.senders, known, source)
		gauge(c.silent, silent, source)
	})
	for _, sh := range snap.Shards {
		gauge(c.shardMode, len(sh.Mode)/max(len(sh.Mode), 1), sh.Name)
	}
	for _, e := range snap.Endpoints {
		gauge(c.endpointMode, len(e.Mode)/max(len(e.Mode), 1), e.URL)
	}
	for reason, n := range dead {
		count(c.dead, n, reason)
	}
	for _, r := range snap.Rules {
		if r.Slow > 0 {
			slow[r.Pack] += r.Slow
		}
	}
	for pack, n := range slow {
		count(c.slow, n, pack)
	}
	gauge(c.packs, snap.Packs.InForce)
	count(c.reloads, c.from.Reloads.done.Load(), "success")
	count(c.reloads, c.from.Reloads.refused.Load(), "failure")
	ready := 0
	if c.from.Ready() {
		ready = 1
	}
	gauge(c.ready, ready)
	send(c.build, prometheus.GaugeValue, 1, snap.Version, snap.Commit, runtime.Version())
}

// dropReasons are the names of ledger.DropReasons. Their series start at zero, else
// increase() would not see the first drop.
func dropReasons() (names []string) {
	for _, r := range ledger.DropReasons() {
		names = append(names, r.Name)
	}
	return names
}

// deadReasons are those of dead letters.
func deadReasons() []string {
	return []string{
		"no_data", "invalid_data_format", "incorrect_index", "event_required", "event_blank",
		"invalid_fields", "too_large", "refused", "unreadable_body",
	}
}

// fromZero adds zeros for reasons that have not occurred yet.
func fromZero(add bool, counts map[string]uint64, names []string) map[string]uint64 {
	all := make(map[string]uint64, len(counts)+len(names))
	if add {
		for _, name := range names {
			all[name] = 0
		}
	}
	maps.Copy(all, counts)
	return all
}

// collectReceived writes the configured transports, and those that received something
// before a reload removed them.
func (c *collector) collectReceived(count func(*prometheus.Desc, uint64, ...string), s status.Source) {
	by := make(map[string]ledger.TransportCount)
	for _, t := range s.Transports {
		by[t] = ledger.TransportCount{Transport: t}
	}
	for _, t := range s.ByTransport {
		if _, configured := by[t.Transport]; configured || t.Events > 0 {
			by[t.Transport] = t
		}
	}
	for transport, t := range by {
		count(c.receivedEvents, t.Events, s.Source, transport)
		count(c.receivedBytes, t.Bytes, s.Source, transport)
	}
}
