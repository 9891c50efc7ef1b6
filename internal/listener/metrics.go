package listener

import (
	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/status"
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
		name := s.Balance.Source
		for transport, open := range s.Connections {
			ch <- prometheus.MustNewConstMetric(d.connections, prometheus.GaugeValue, float64(open), name, transport)
		}
		for reason, n := range s.Rejected {
			ch <- prometheus.MustNewConstMetric(d.rejected, prometheus.CounterValue, float64(n), name, reason)
		}
		for reason, n := range s.Partial {
			ch <- prometheus.MustNewConstMetric(d.partial, prometheus.CounterValue, float64(n), name, reason)
		}
		if s.UDP {
			ch <- prometheus.MustNewConstMetric(d.drops, prometheus.CounterValue, float64(s.KernelDrops), name)
		}
	}
}

// SourceStatus is the state of a source. Of the balance it has the name.
type SourceStatus struct {
	status.Source
	Partial map[string]uint64 // messages delivered before they had ended, by reason
	UDP     bool              // it has a UDP port
}

// Status returns the state of all sources in the order of the configuration.
func (l *Listener) Status() []SourceStatus {
	var all []SourceStatus
	for _, s := range l.sources {
		st := SourceStatus{Source: status.Source{
			Balance: ledger.Balance{Source: s.Name()}, Port: s.options.Port,
			Connections: make(map[string]int64), Rejected: make(map[string]uint64),
		}}
		for _, t := range s.options.Transports {
			st.Transports = append(st.Transports, t.String())
			if t != ledger.UDP {
				st.Connections[t.String()] = s.conns[t].Load()
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
