package declaration

import (
	"fmt"
	"slices"
	"strconv"
)

// Constants are the ports that the inventory hands on, by group and name.
type Constants struct {
	Service      map[string]int `json:"service_ports"`
	Syslog       map[string]int `json:"syslog_ports"`
	Netflow      map[string]int `json:"netflow_ports"`
	Notification map[string]int `json:"notification_ports"`
	VectorDB     map[string]int `json:"vector_db_ports"`
}

// scope is the group of constants that a port is in.
type scope int

const (
	unnamed scope = iota // no constant: only the firewall knows it
	serviceScope
	syslogScope
	netflowScope
	notificationScope
	vectorScope
)

// peer is who may reach a port.
type peer int

const (
	internal peer = iota // the internal networks
	splunk               // the Splunk hosts among themselves
)

// port is a row of the one table that both the inventory's constants and the rules of
// the security groups are made from. A port that the inventory names is open; one
// that is open by another number cannot be named.
type port struct {
	group  string // security group that opens it
	number int
	protos []string
	from   peer
	scope  scope
	name   string // of the constant
}

// table is all ports, groups in their order, ports in the order of their rules.
func table() []port {
	tcp, udp, both := []string{"tcp"}, []string{"udp"}, []string{"udp", "tcp"}
	return []port{
		{"splunk-services", 8000, tcp, internal, serviceScope, "splunk_web"},
		{"splunk-services", 8088, tcp, internal, serviceScope, "splunk_hec"},
		{"splunk-services", 9997, tcp, internal, unnamed, ""},

		{"syslog", 514, both, internal, unnamed, ""},
		{"syslog", 1514, both, internal, syslogScope, "unifi"},
		{"syslog", 1515, both, internal, syslogScope, "palo_alto"},
		{"syslog", 1516, both, internal, syslogScope, "cisco_asa"},
		{"syslog", 1517, both, internal, syslogScope, "linux"},
		{"syslog", 1518, both, internal, syslogScope, "windows"},

		{"pipeline-services", 8404, tcp, internal, serviceScope, "haproxy_stats"},
		{"pipeline-services", 9420, tcp, internal, serviceScope, "cribl_edge_api"},

		{"netflow", 2055, udp, internal, netflowScope, "unifi"},

		{"splunk-cluster", 8089, tcp, splunk, serviceScope, "splunk_mgmt"},
		{"splunk-cluster", 8080, tcp, splunk, unnamed, ""},
		{"splunk-cluster", 9887, tcp, splunk, unnamed, ""},

		{"notification-svc", 1025, tcp, internal, notificationScope, "mailpit_smtp"},
		{"notification-svc", 8025, tcp, internal, notificationScope, "mailpit_web"},
		{"notification-svc", 8080, tcp, internal, notificationScope, "ntfy_http"},

		{"vectordb-svc", 6333, tcp, internal, vectorScope, "qdrant_http"},
		{"vectordb-svc", 6334, tcp, internal, vectorScope, "qdrant_grpc"},

		{"apt-cacher-ng-svc", 3142, tcp, internal, serviceScope, "apt_cacher_ng"},

		{"cribl-stream-svc", 9000, tcp, internal, serviceScope, "cribl_stream_api"},

		{"minio-svc", 9000, tcp, internal, serviceScope, "minio_api"},
		{"minio-svc", 9001, tcp, internal, serviceScope, "minio_console"},

		{"ntp-server", 123, udp, internal, unnamed, ""},

		{"queue-svc", 4222, tcp, internal, unnamed, ""}, // clients
		{"queue-svc", 6222, tcp, internal, unnamed, ""}, // the members of the cluster
		{"queue-svc", 8222, tcp, internal, unnamed, ""}, // monitoring

		{"idrac-kvm-svc", 5800, tcp, internal, unnamed, ""},
		{"idrac-kvm-svc", 5801, tcp, internal, unnamed, ""},
	}
}

// Ports are the constants of the inventory.
func Ports() Constants {
	named := func(s scope) map[string]int {
		m := make(map[string]int)
		for _, p := range table() {
			if p.scope == s {
				m[p.name] = p.number
			}
		}
		return m
	}
	return Constants{
		Service:      named(serviceScope),
		Syslog:       named(syslogScope),
		Netflow:      named(netflowScope),
		Notification: named(notificationScope),
		VectorDB:     named(vectorScope),
	}
}

// openings are the rules that let in what a security group is for: neighbouring
// ports of the same kind are one rule, protocols follow each other.
func openings(group string, sources map[peer]string) []Rule {
	rows := slices.DeleteFunc(table(), func(p port) bool { return p.group != group })
	var rules []Rule
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].number == rows[n-1].number+1 && rows[n].joins(rows[0]) {
			n++
		}
		dport := strconv.Itoa(rows[0].number)
		if n > 1 {
			dport = fmt.Sprintf("%d:%d", rows[0].number, rows[n-1].number)
		}
		for _, proto := range rows[0].protos {
			// A rule without a source would let everybody in.
			if source := sources[rows[0].from]; source != "" {
				rules = append(rules, Rule{Type: "in", Action: "ACCEPT", Proto: proto, DPort: dport, Source: source})
			}
		}
		rows = rows[n:]
	}
	return rules
}

// joins reports whether two rows can be one rule. Only ports of sources of syslog are:
// others are services of their own, with a rule each.
func (p port) joins(q port) bool {
	return p.scope == syslogScope && q.scope == syslogScope && p.from == q.from && slices.Equal(p.protos, q.protos)
}
