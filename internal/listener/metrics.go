package listener

import (
	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/ledger"
)

// collector reads the listener's numbers when somebody asks; the books are kept
// elsewhere.
type collector struct{ l *Listener }

// descriptions of the listener's metrics.
type descriptions struct{ connections, rejected, partial, drops *prometheus.Desc }

func (collector) descriptions() descriptions {
	return descriptions{
		connections: prometheus.NewDesc("gateway_connections",
			"Open connections.", []string{"source", "transport"}, nil),
		rejected: prometheus.NewDesc("gateway_connections_rejected_total",
			"Connections that were refused, closed to make room for new ones, or closed because they brought no syslog.", []string{"source", "reason"}, nil),
		partial: prometheus.NewDesc("gateway_partial_messages_total",
			"Messages on TCP and TLS that were delivered before they had ended.", []string{"source", "reason"}, nil),
		drops: prometheus.NewDesc("gateway_udp_kernel_drops_total",
			"Datagrams that the kernel dropped because the receive buffer was full.", []string{"source"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	d := c.descriptions()
	ch <- d.connections
	ch <- d.rejected
	ch <- d.partial
	ch <- d.drops
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	d := c.descriptions()
	for _, s := range c.l.Status() {
		for _, conns := range s.Connections {
			ch <- prometheus.MustNewConstMetric(d.connections, prometheus.GaugeValue, float64(conns.Open), s.Name, conns.Transport)
		}
		for reason, n := range s.Rejected {
			ch <- prometheus.MustNewConstMetric(d.rejected, prometheus.CounterValue, float64(n), s.Name, reason)
		}
		for reason, n := range s.Partial {
			ch <- prometheus.MustNewConstMetric(d.partial, prometheus.CounterValue, float64(n), s.Name, reason)
		}
		if s.UDP {
			ch <- prometheus.MustNewConstMetric(d.drops, prometheus.CounterValue, float64(s.KernelDrops), s.Name)
		}
	}
}

// SourceStatus is what the listener knows of a source beside the books.
type SourceStatus struct {
	Name          string            `json:"name"`
	Port          int               `json:"port"`
	Transports    []string          `json:"transports"`
	Connections   []Connections     `json:"connections"`
	Rejected      map[string]uint64 `json:"rejected"`
	Partial       map[string]uint64 `json:"partial_messages"` // delivered before they had ended
	UDP           bool              `json:"udp"`
	KernelDrops   uint64            `json:"udp_kernel_drops"`
	ReceiveBuffer int               `json:"udp_receive_buffer_bytes"` // as the kernel granted it
}

// Connections counts the open connections by transport.
type Connections struct {
	Transport string `json:"transport"`
	Open      int64  `json:"open"`
}

// Status returns the state of all sources in the order of the configuration.
func (l *Listener) Status() []SourceStatus {
	var all []SourceStatus
	for _, s := range l.sources {
		st := SourceStatus{Name: s.Name(), Port: s.options.Port, Rejected: make(map[string]uint64)}
		for _, t := range s.options.Transports {
			st.Transports = append(st.Transports, t.String())
			if t != ledger.UDP {
				st.Connections = append(st.Connections, Connections{t.String(), s.conns[t].Load()})
			}
		}
		for _, reason := range []string{
			rejectMaxConnections, rejectNotAllowed, rejectTLS, rejectCompressed,
			rejectHTTP, rejectHandshake, rejectDescriptors,
		} {
			st.Rejected[reason] = s.rejected.counter(reason).Load()
		}
		st.Partial = map[string]uint64{partialFull: s.partial.full.Load(), partialSilent: s.partial.silent.Load()}
		for _, p := range l.udp.ports {
			if p.source == s {
				st.UDP = true
				st.KernelDrops, st.ReceiveBuffer = l.udp.kernel(p)
			}
		}
		all = append(all, st)
	}
	return all
}
