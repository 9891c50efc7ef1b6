package listener

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/listener/udp"
	"syslog-gateway/internal/status"
)

// collector reads the listener's numbers when it is scraped. The ledger has metrics of
// its own.
type collector struct {
	listener                              *Listener
	connections, rejected, partial, drops *prometheus.Desc
	checks, unanswered                    *prometheus.Desc
	socketDatagrams, socketDrops          *prometheus.Desc
}

func newCollector(l *Listener) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("gateway_"+name, help, labels, nil)
	}
	return &collector{
		listener: l,
		connections: desc("connections",
			"Open connections.", "source", "transport"),
		rejected: desc("connections_rejected_total",
			"Connections that were refused, closed to make room for new ones, or closed because they brought no syslog.", "source", "reason"),
		checks: desc("proxy_checks_total",
			"Connections and datagrams of proxies (proxy_protocol) that were for no client and brought no message: health checks.", "source"),
		partial: desc("partial_messages_total",
			"Messages on TCP and TLS that were delivered before they had ended.", "source", "reason"),
		drops: desc("udp_kernel_drops_total",
			"Datagrams that the kernel dropped because the receive buffer was full.", "source"),
		socketDatagrams: desc("udp_socket_datagrams_total",
			"Datagrams that were read from a socket of the port.", "source", "socket"),
		socketDrops: desc("udp_socket_drops_total",
			"Datagrams that the kernel dropped at a socket of the port because its receive buffer was full.", "source", "socket"),
		unanswered: desc("relp_unacknowledged",
			"Messages by RELP that were taken and are not acknowledged to their senders yet.", "source"),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.connections
	ch <- c.rejected
	ch <- c.checks
	ch <- c.partial
	ch <- c.drops
	ch <- c.unanswered
	ch <- c.socketDatagrams
	ch <- c.socketDrops
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.listener.Status() {
		name := s.Balance.Source
		for transport, open := range s.Connections {
			ch <- prometheus.MustNewConstMetric(c.connections, prometheus.GaugeValue, float64(open), name, transport)
		}
		for reason, n := range s.Rejected {
			ch <- prometheus.MustNewConstMetric(c.rejected, prometheus.CounterValue, float64(n), name, reason)
		}
		ch <- prometheus.MustNewConstMetric(c.checks, prometheus.CounterValue, float64(s.Checks), name)
		for reason, n := range s.Partial {
			ch <- prometheus.MustNewConstMetric(c.partial, prometheus.CounterValue, float64(n), name, reason)
		}
		if s.RELP {
			ch <- prometheus.MustNewConstMetric(c.unanswered, prometheus.GaugeValue, float64(s.Unanswered), name)
		}
		if s.Sockets != nil {
			ch <- prometheus.MustNewConstMetric(c.drops, prometheus.CounterValue, float64(s.KernelDrops), name)
		}
		for i, one := range s.Sockets {
			n := strconv.Itoa(i)
			ch <- prometheus.MustNewConstMetric(c.socketDatagrams, prometheus.CounterValue, float64(one.Received), name, n)
			ch <- prometheus.MustNewConstMetric(c.socketDrops, prometheus.CounterValue, float64(one.Drops), name, n)
		}
	}
}

// SourceStatus is the state of a source. Of the balance it has the name.
type SourceStatus struct {
	status.Source
	Partial    map[string]uint64 // messages delivered before they had ended, by reason
	Checks     uint64            // health checks of proxies
	Sockets    []udp.Socket      // of its UDP port
	RELP       bool              // it takes RELP
	Unanswered int64             // messages by RELP that are not answered yet
}

// Status returns the state of all sources in the order of the configuration.
func (l *Listener) Status() []SourceStatus {
	var all []SourceStatus
	udpPort := 0 // its number among the UDP ports
	for _, s := range l.sources {
		st := SourceStatus{Source: status.Source{
			Balance: ledger.Balance{Source: s.Name()}, Port: s.options.Port,
			Connections: make(map[string]int64), Rejected: make(map[string]uint64, numRejections),
		}, Partial: s.Partial(), Checks: s.Checks(), Unanswered: s.unanswered.Load()}
		for _, c := range s.Classes() {
			st.Classes = append(st.Classes, status.Class{Name: c.Class, Pack: c.Pack, Events: c.Events, Bytes: c.Bytes, Slow: c.Slow})
		}
		for _, v := range s.Volumes() {
			st.Volumes = append(st.Volumes, status.Volume{Class: v.Class, Sourcetype: v.Sourcetype, Index: v.Index, Events: v.Events, Bytes: v.Bytes})
		}
		for _, t := range s.options.Transports {
			st.Transports = append(st.Transports, t.String())
			if t != ledger.UDP {
				st.Connections[t.String()] = s.open[t].Load()
			}
			st.RELP = st.RELP || t.Answered()
		}
		for reason := range numRejections {
			st.Rejected[reason.String()] = s.rejected[reason].Load()
		}
		if s.has(ledger.UDP) {
			st.Sockets = l.udp.Sockets(udpPort)
			udpPort++
			for i, one := range st.Sockets {
				st.KernelDrops += one.Drops
				if i == 0 || one.Granted < st.ReceiveBuffer {
					st.ReceiveBuffer = one.Granted
				}
			}
		}
		all = append(all, st)
	}
	return all
}
