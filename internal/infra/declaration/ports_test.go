package declaration

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

func testNetwork() Network {
	return Network{
		Internal: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.0.0/16")},
		Splunk:   []netip.Addr{netip.MustParseAddr("192.168.0.200"), netip.MustParseAddr("192.168.0.199")},
	}
}

func TestPorts(t *testing.T) {
	want := Constants{
		Service: map[string]int{"haproxy_stats": 8404, "splunk_web": 8000, "splunk_hec": 8088, "splunk_mgmt": 8089, "cribl_edge_api": 9420,
			"cribl_stream_api": 9000, "apt_cacher_ng": 3142, "minio_api": 9000, "minio_console": 9001},
		Syslog:       map[string]int{"unifi": 1514, "palo_alto": 1515, "cisco_asa": 1516, "linux": 1517, "windows": 1518},
		Netflow:      map[string]int{"unifi": 2055},
		Notification: map[string]int{"mailpit_smtp": 1025, "mailpit_web": 8025, "ntfy_http": 8080},
		VectorDB:     map[string]int{"qdrant_http": 6333, "qdrant_grpc": 6334},
	}
	if got := Ports(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestGroups(t *testing.T) {
	const s, k = "10.0.0.0/8,192.168.0.0/16", "192.168.0.200,192.168.0.199"
	in := func(proto, dport, source string) Rule {
		return Rule{Type: "in", Action: "ACCEPT", Proto: proto, DPort: dport, Source: source}
	}
	out := func(proto, dport, dest string) Rule {
		return Rule{Type: "out", Action: "ACCEPT", Proto: proto, DPort: dport, Dest: dest}
	}
	want := map[string][]Rule{
		"internal-access":   {in("tcp", "22", s), in("icmp", "", s)},
		"splunk-services":   {in("tcp", "8000", s), in("tcp", "8088", s), in("tcp", "9997", s)},
		"syslog":            {in("udp", "514", s), in("tcp", "514", s), in("udp", "1514:1518", s), in("tcp", "1514:1518", s)},
		"pipeline-services": {in("tcp", "8404", s), in("tcp", "9420", s)},
		"netflow":           {in("udp", "2055", s)},
		"splunk-cluster":    {in("tcp", "8089", k), in("tcp", "8080", k), in("tcp", "9887", k)},
		"outbound-internal": {out("tcp", "", s), out("udp", "", s), out("icmp", "", s), out("tcp", "8089", k), out("tcp", "8080", k), out("tcp", "9887", k)},
		"notification-svc":  {in("tcp", "1025", s), in("tcp", "8025", s), in("tcp", "8080", s)},
		"vectordb-svc":      {in("tcp", "6333", s), in("tcp", "6334", s)},
		"apt-cacher-ng-svc": {in("tcp", "3142", s)},
		"cribl-stream-svc":  {in("tcp", "9000", s)},
		"minio-svc":         {in("tcp", "9000", s), in("tcp", "9001", s)},
		"ntp-server":        {in("udp", "123", s)},
		"idrac-kvm-svc":     {in("tcp", "5800", s), in("tcp", "5801", s)},
		"queue-svc":         {in("tcp", "4222", s), in("tcp", "6222", s), in("tcp", "8222", s)},
		"keepalived-svc":    {in("vrrp", "", s), out("vrrp", "", "224.0.0.18,"+s)},
	}
	f := firewall(testNetwork())
	got := make(map[string][]Rule)
	for _, g := range f.Groups {
		got[g.Name] = g.Rules
		if len(g.Name) > maxGroupName || g.Comment == "" {
			t.Errorf("group %q has %d characters, comment %q", g.Name, len(g.Name), g.Comment)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("group %s is\n%v, want\n%v", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d groups, want %d", len(got), len(want))
	}
	if !reflect.DeepEqual(f.Node, []Rule{{Type: "group", Action: "ntp-server"}}) {
		t.Errorf("node: %v", f.Node)
	}
}

// TestWithoutSplunkNoRuleIsOpenToAll: a rule whose source is empty would be.
func TestWithoutSplunkNoRuleIsOpenToAll(t *testing.T) {
	n := testNetwork()
	n.Splunk = nil
	for _, g := range firewall(n).Groups {
		for _, r := range g.Rules {
			if r.Source == "" && r.Dest == "" {
				t.Errorf("group %s: %+v", g.Name, r)
			}
		}
	}
}

func TestEveryGroupIsAttachedAndExists(t *testing.T) {
	f := firewall(testNetwork())
	attached := make(map[string]bool)
	for _, r := range f.Node {
		attached[r.Action] = true
	}
	known := make(map[string]bool)
	for _, g := range f.Groups {
		known[g.Name] = true
	}
	for _, c := range f.Classes {
		for _, g := range c.Groups {
			attached[g] = true
			if !known[g] {
				t.Errorf("class %s has the group %s, which is not made", c.Name, g)
			}
		}
	}
	for g := range known {
		if !attached[g] {
			t.Errorf("group %s is attached to nothing", g)
		}
	}
	for _, p := range table() {
		if !known[p.group] {
			t.Errorf("port %d is in the group %s, which is not made", p.number, p.group)
		}
	}
}

// TestEveryConstantIsOpenWhereItIsServed: a port that the inventory names is let in by
// the groups of every class that serves it.
func TestEveryConstantIsOpenWhereItIsServed(t *testing.T) {
	f := firewall(testNetwork())
	c := Ports()
	served := []struct {
		ports   map[string]int
		proto   []string
		classes map[string][]string // by name of the port; "" for all of the group
	}{
		{c.Service, []string{"tcp"}, map[string][]string{
			"haproxy_stats": {"pipeline"}, "cribl_edge_api": {"pipeline"}, "cribl_stream_api": {"cribl_stream"},
			"splunk_web": {"splunk_vm", "splunk_container"}, "splunk_hec": {"splunk_vm", "splunk_container"}, "splunk_mgmt": {"splunk_vm", "splunk_container"},
			"apt_cacher_ng": {"apt_cacher_ng"}, "minio_api": {"minio"}, "minio_console": {"minio"},
		}},
		{c.Syslog, []string{"udp", "tcp"}, map[string][]string{"": {"pipeline", "cribl_stream", "splunk_vm", "splunk_container"}}},
		{c.Netflow, []string{"udp"}, map[string][]string{"": {"pipeline", "cribl_stream"}}},
		{c.Notification, []string{"tcp"}, map[string][]string{"": {"notification"}}},
		{c.VectorDB, []string{"tcp"}, map[string][]string{"": {"vectordb"}}},
	}
	for _, s := range served {
		for name, port := range s.ports {
			classes := s.classes[name]
			if classes == nil {
				classes = s.classes[""]
			}
			if len(classes) == 0 {
				t.Errorf("the test knows no class that serves %s", name)
			}
			for _, class := range classes {
				for _, proto := range s.proto {
					if !open(f, class, proto, port) {
						t.Errorf("%s (%s/%d) is closed on class %s", name, proto, port, class)
					}
				}
			}
		}
	}
}

func open(f Firewall, class, proto string, port int) bool {
	c, _ := f.Class(class)
	for _, g := range f.Groups {
		if !slices.Contains(c.Groups, g.Name) {
			continue
		}
		for _, r := range g.Rules {
			low, high, ranged := strings.Cut(r.DPort, ":")
			if !ranged {
				high = low
			}
			first, _ := strconv.Atoi(low)
			last, _ := strconv.Atoi(high)
			if r.Type == "in" && r.Proto == proto && first <= port && port <= last {
				return true
			}
		}
	}
	return false
}

func TestClasses(t *testing.T) {
	for _, c := range classes() {
		out := "DROP"
		if c.Name == "notification" || c.Name == "apt_cacher_ng" {
			out = "ACCEPT"
		}
		if c.PolicyIn != "DROP" || c.PolicyOut != out || c.Groups[0] != "internal-access" {
			t.Errorf("%+v", c)
		}
		// A guest without access to the internet may reach the estate.
		if out == "DROP" && c.Groups[len(c.Groups)-1] != "outbound-internal" {
			t.Errorf("%+v", c)
		}
	}
	for _, c := range []struct {
		kind Kind
		tags string
		want string
	}{
		{LXC, "haproxy", "pipeline"},
		{LXC, "syslog-gateway", "pipeline"},
		{LXC, "cribl edge", "pipeline"},
		{LXC, "cribl", ""},
		{LXC, "edge", ""},
		{LXC, "cribl stream", "cribl_stream"},
		{LXC, "notifications", "notification"},
		{LXC, "database", ""},
		{LXC, "minio", "minio"},
		{LXC, "idrac", ""},
		{LXC, "splunk", "splunk_container"},
		{LXC, "rag", "rag"},
		{LXC, "vectordb", "vectordb"},
		{LXC, "apt-cache", "apt_cacher_ng"},
		{QEMU, "idrac", "idrac_kvm"},
		{QEMU, "splunk", "splunk_vm"},
		{QEMU, "docker", ""},
		{QEMU, "haproxy", ""},
		{LXC, "cribl edge stream", "pipeline cribl_stream"},
	} {
		testkit.Equal(t, string(c.kind)+" "+c.tags, strings.Join(classesOf(c.kind, strings.Fields(c.tags)), " "), c.want)
	}
}
