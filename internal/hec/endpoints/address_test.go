package endpoints

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"syslog-gateway/internal/testkit"
)

func TestEndpointURLs(t *testing.T) {
	for _, row := range []struct{ in, name, event, health string }{
		{"https://splunk:8088", "https://splunk:8088", "https://splunk:8088/services/collector/event", "https://splunk:8088/services/collector/health"},
		{"https://splunk:8088/", "https://splunk:8088", "https://splunk:8088/services/collector/event", "https://splunk:8088/services/collector/health"},
		{" http://[::1]:8088", "http://[::1]:8088", "http://[::1]:8088/services/collector/event", "http://[::1]:8088/services/collector/health"},
		{"https://lb/hec", "https://lb/hec", "https://lb/hec/services/collector/event", "https://lb/hec/services/collector/health"},
		{"https://lb/services/collector", "https://lb/services/collector", "https://lb/services/collector", "https://lb/services/collector/health"},
		{"https://lb/services/collector/event/", "https://lb/services/collector/event", "https://lb/services/collector/event", "https://lb/services/collector/health"},
		{"https://lb/a/services/collector/event/1.0", "https://lb/a/services/collector/event/1.0", "https://lb/a/services/collector/event/1.0", "https://lb/a/services/collector/health"},
		{"https://lb/services/collectors", "https://lb/services/collectors", "https://lb/services/collectors/services/collector/event", "https://lb/services/collectors/services/collector/health"},
		{"https://u:p@lb?x=1#f", "https://lb", "https://lb/services/collector/event?x=1", "https://lb/services/collector/health"},
	} {
		e, err := parse(row.in)
		if err != nil {
			t.Errorf("%s: %v", row.in, err)
			continue
		}
		if e.Name != row.name || e.Event.String() != row.event || e.Health.String() != row.health {
			t.Errorf("%s: %s, %s, %s", row.in, e.Name, e.Event, e.Health)
		}
	}
	for _, in := range []string{"", "splunk:8088", "https://", "https://:8088", "tcp://splunk:8088", "https://splunk/services/collector/raw", "https://splunk:port"} {
		if _, err := parse(in); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

func TestAddressesTakeTurns(t *testing.T) {
	var all []netip.Addr
	for _, a := range []string{"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.2", "192.0.2.3"} {
		all = append(all, netip.MustParseAddr(a))
	}
	same := ofOneKind(all)
	if len(same) != 3 || len(ofOneKind(all[1:2])) != 1 || len(ofOneKind(nil)) != 0 {
		t.Fatalf("%v", same)
	}
	first := make(map[netip.Addr]int)
	for i := range uint64(30) {
		list := rotated(same, i)
		first[list[0]]++
		slices.SortFunc(list, netip.Addr.Compare)
		if !slices.Equal(list, same) {
			t.Fatalf("%v", list)
		}
	}
	for a, n := range first {
		if n != 10 {
			t.Errorf("%v is first %d times of 30", a, n)
		}
	}
}

// Addresses of a name that refuse the connection are skipped.
func TestDeadAddressIsPassedOver(t *testing.T) {
	l := testkit.Try(net.Listen("tcp", "127.0.0.2:0"))(t)
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	all := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}
	for i := range uint64(3) {
		conn := testkit.Try(newDialer().dialOneOf(t.Context(), "tcp", rotated(all, i), port))(t)
		conn.Close()
	}
	if _, err := newDialer().dialOneOf(t.Context(), "tcp", all[:1], port); err == nil {
		t.Error("a closed port accepts a connection")
	}
}
