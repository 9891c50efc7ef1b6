package declaration

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// maxGroupName is Proxmox VE's limit for the name of a security group.
const maxGroupName = 18

// firewall makes all groups, classes and the node's rules. The cluster switches the
// firewall on and lets everything pass; what is filtered is filtered at the guests.
func firewall(n Network) Firewall {
	sources := map[peer]string{internal: joined(n.Internal), splunk: joined(n.Splunk)}
	var groups []Group
	for _, g := range []Group{
		{Name: "internal-access", Comment: "Allow SSH and ICMP from internal RFC1918 networks"},
		{Name: "splunk-services", Comment: "Splunk ports accessible from internal RFC1918 networks"},
		{Name: "syslog", Comment: "Syslog from internal networks"},
		{Name: "pipeline-services", Comment: "Statistics (8404) and Cribl Edge API (9420) from internal networks"},
		{Name: "netflow", Comment: "NetFlow and IPFIX from internal networks"},
		{Name: "splunk-cluster", Comment: "Management, key-value store and replication among Splunk hosts"},
		{Name: "outbound-internal", Comment: "Outbound to internal networks only"},
		{Name: "notification-svc", Comment: "Mail and push notifications from internal networks"},
		{Name: "vectordb-svc", Comment: "Vector database from internal networks"},
		{Name: "apt-cacher-ng-svc", Comment: "Package cache from internal networks"},
		{Name: "cribl-stream-svc", Comment: "Cribl Stream API from internal networks"},
		{Name: "minio-svc", Comment: "Object storage from internal networks"},
		{Name: "ntp-server", Comment: "NTP from internal networks"},
		{Name: "idrac-kvm-svc", Comment: "iDRAC consoles from internal networks"},
		{Name: "queue-svc", Comment: "Queue cluster (NATS) from internal networks"},
		{Name: "keepalived-svc", Comment: "VRRP of keepalived pairs"},
	} {
		switch g.Name {
		case "internal-access":
			g.Rules = []Rule{
				{Type: "in", Action: "ACCEPT", Proto: "tcp", DPort: "22", Source: sources[internal]},
				{Type: "in", Action: "ACCEPT", Proto: "icmp", Source: sources[internal]},
			}
		case "keepalived-svc":
			// VRRP's groups (RFC 5798, sections 5.1.1.2 and 5.1.2.2).
			vrrp := "224.0.0.18"
			if strings.Contains(sources[internal], ":") {
				vrrp += ",ff02::12"
			}
			g.Rules = []Rule{
				{Type: "in", Action: "ACCEPT", Proto: "vrrp", Source: sources[internal]},
				{Type: "out", Action: "ACCEPT", Proto: "vrrp", Dest: vrrp + "," + sources[internal]},
			}
		case "outbound-internal":
			g.Rules = outbound(sources)
		default:
			g.Rules = openings(g.Name, sources)
		}
		g.Rules = separated(g.Rules)
		groups = append(groups, g)
	}
	own := Class{Name: ownClass, PolicyIn: "DROP", PolicyOut: "ACCEPT"}
	return Firewall{Groups: groups, Classes: append(classes(), own), Node: []Rule{{Type: "group", Action: "ntp-server"}}}
}

// outbound lets guests reach the internal networks, and Splunk hosts each other even
// where they are not in these.
func outbound(sources map[peer]string) []Rule {
	var rules []Rule
	for _, proto := range []string{"tcp", "udp", "icmp"} {
		rules = append(rules, Rule{Type: "out", Action: "ACCEPT", Proto: proto, Dest: sources[internal]})
	}
	for _, r := range openings("splunk-cluster", sources) {
		r.Type, r.Source, r.Dest = "out", "", r.Source
		rules = append(rules, r)
	}
	return rules
}

func joined[T netip.Addr | netip.Prefix](list []T) string {
	texts := make([]string, len(list))
	for i, x := range list {
		texts[i] = any(x).(interface{ String() string }).String()
	}
	return strings.Join(texts, ",")
}

// classes are what guests get by their tags.
func classes() []Class {
	splunkGroups := []string{"internal-access", "splunk-services", "syslog", "splunk-cluster", "outbound-internal"}
	list := []Class{
		{Name: "splunk_vm", Groups: splunkGroups},
		{Name: "splunk_container", Groups: splunkGroups},
		{Name: "pipeline", Groups: []string{"internal-access", "pipeline-services", "syslog", "netflow", "outbound-internal"}},
		{Name: "cribl_stream", Groups: []string{"internal-access", "cribl-stream-svc", "syslog", "netflow", "outbound-internal"}},
		{Name: "notification", Groups: []string{"internal-access", "notification-svc"}, PolicyOut: "ACCEPT"},
		{Name: "apt_cacher_ng", Groups: []string{"internal-access", "apt-cacher-ng-svc"}, PolicyOut: "ACCEPT"},
		{Name: "vectordb", Groups: []string{"internal-access", "vectordb-svc", "outbound-internal"}},
		{Name: "rag", Groups: []string{"internal-access", "outbound-internal"}},
		{Name: "minio", Groups: []string{"internal-access", "minio-svc", "outbound-internal"}},
		{Name: "idrac_kvm", Groups: []string{"internal-access", "idrac-kvm-svc", "outbound-internal"}},
		{Name: "queue", Groups: []string{"internal-access", "queue-svc", "outbound-internal"}},
		{Name: "keepalived", Groups: []string{"internal-access", "keepalived-svc", "outbound-internal"}},
	}
	for i := range list {
		list[i].PolicyIn = "DROP"
		list[i].PolicyOut = cmp.Or(list[i].PolicyOut, "DROP")
	}
	return list
}

// additions are the groups that tags add to any class. A guest without one gets class,
// which has the group.
var additions = []struct{ tag, group, class string }{
	{"syslog-gateway-queue", "queue-svc", "queue"},
	{"keepalived", "keepalived-svc", "keepalived"},
}

// classesOf are the classes that a guest's tags select: none or one, if all is well.
func classesOf(kind Kind, tags []string) []string {
	has := func(want ...string) bool {
		return !slices.ContainsFunc(want, func(t string) bool { return !slices.Contains(tags, t) })
	}
	if kind == QEMU {
		return selected{
			{"splunk_vm", has("splunk")},
			{"idrac_kvm", has("idrac")},
		}.names()
	}
	return selected{
		{"splunk_container", has("splunk")},
		{"pipeline", has("haproxy") || has("cribl", "edge") || has("syslog-gateway")},
		{"cribl_stream", has("cribl", "stream")},
		{"notification", has("notifications")},
		{"apt_cacher_ng", has("apt-cache")},
		{"vectordb", has("vectordb")},
		{"rag", has("rag")},
		{"minio", has("minio")},
	}.names()
}

type selected []struct {
	class string
	is    bool
}

func (s selected) names() []string {
	var names []string
	for _, c := range s {
		if c.is {
			names = append(names, c.class)
		}
	}
	return names
}
