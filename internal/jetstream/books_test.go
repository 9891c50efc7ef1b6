package jetstream_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/jetstream"
	"syslog-gateway/internal/jetstream/jetstreamtest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/testkit"
)

// receives books n records as a gateway does that receives and forwards them, and leaves
// waiting events in its disk queue.
func (g *gateway) receives(t *testing.T, first, n uint64, waiting int) {
	t.Helper()
	for i := range n {
		r := record(first + i)
		a := g.ledger.Account(r.Source)
		a.Receive(ledger.TCP, r.Events, 100)
		a.Accept(r.Events)
		publish(t, g.Streams()[i%2], r)
		a.Secure(r.Events)
	}
	a := g.ledger.Account("linux")
	a.Receive(ledger.TCP, waiting, 100)
	a.Accept(waiting)
}

// delivers takes n records of the streams and delivers them.
func (g *gateway) delivers(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		s := g.Streams()[i%2].Source()
		r := next(t, s)
		g.ledger.Account(r.Source).Deliver(r.Events)
		s.Ack(r.Seq)
	}
}

// sums waits until a gateway says what is wanted of all: the difference, and what is missing.
func (g *gateway) sums(t *testing.T, want string) *status.Cluster {
	t.Helper()
	var sum *status.Cluster
	var got string
	if !testkit.Within(time.Minute, func() bool {
		if sum = g.Sum(); sum == nil {
			return false
		}
		s := sum.Total
		got = fmt.Sprintf("received %d secured %d delivered %d waiting %d dropped %d in the streams %d, %d records of %d, difference %d",
			s.Received, s.Secured, s.Delivered, s.Pending, s.Dropped, sum.InStreams, sum.Records, sum.ServerRecords, sum.Difference)
		return got == want
	}) {
		t.Fatalf("the sum is %q, want %q: %+v", got, want, sum)
	}
	return sum
}

// TestSumOfAllGateways: each gateway knows what all have counted, over their restarts.
func TestSumOfAllGateways(t *testing.T) {
	t.Parallel()
	servers := jetstreamtest.Start(t, 3)
	one, two := join(t, servers, "gw1", nil).up(t), join(t, servers, "gw2", nil).up(t)
	one.receives(t, 1, 10, 7)
	two.delivers(t, 4)
	const before = "received 37 secured 30 delivered 12 waiting 7 dropped 0 in the streams 18, 6 records of 6, difference 0"
	one.sums(t, before)
	sum := two.sums(t, before)
	testkit.Equal(t, "missing", strings.Join(sum.Missing, ""), "")
	testkit.Equal(t, "gateways", fmt.Sprint(sum.Members[0].Name, sum.Members[0].Word(), sum.Members[1].Name), "gw1okgw2")

	// Both end and come back; what waited on disk is recovered.
	two.stop()
	testkit.Eventually(t, "its last report is read", func() bool { return one.Sum().Members[1].Word() == "stopped" })
	one.stop()
	two = join(t, servers, "gw2", nil).up(t)
	one = join(t, servers, "gw1", nil)
	one.ledger.Account("linux").Recover(7)
	one.up(t).receives(t, 11, 2, 0)
	two.delivers(t, 4)
	sum = one.sums(t, "received 43 secured 36 delivered 24 waiting 7 dropped 0 in the streams 12, 4 records of 4, difference 0")
	testkit.Equal(t, "missing", strings.Join(sum.Missing, ""), "")

	// Another process takes its name, and somebody talks nonsense.
	conn := testkit.Try(nats.Connect(servers.URLs()[0]))(t)
	defer conn.Close()
	testkit.Must(t, conn.Publish("syslog.books.gateway.gw9", []byte("nonsense")))
	join(t, servers, "gw1", nil).up(t)
	for _, want := range []string{"Another process says that it is gw1, too", "syslog.books.gateway.gw9 is not the report of a gateway"} {
		testkit.Eventually(t, want, func() bool { return strings.Contains(strings.Join(one.Sum().Missing, "\n"), want) })
	}
}

// TestSumAfterACrash: what a crash has cost is named, at the gateway that crashed, and a gateway
// that says nothing is named, too.
func TestSumAfterACrash(t *testing.T) {
	t.Parallel()
	servers := jetstreamtest.Start(t, 1)
	one, two := join(t, servers, "gw1", nil).up(t), join(t, servers, "gw2", nil).up(t)
	one.receives(t, 1, 4, 9)
	held := next(t, two.Streams()[0].Source())
	one.sums(t, "received 21 secured 12 delivered 0 waiting 12 dropped 0 in the streams 9, 4 records of 4, difference 0")
	one.Close() // no last report
	two.Close()
	three := join(t, servers, "gw3", nil).up(t)
	missing := func(want string) func() bool {
		return func() bool {
			s := three.Sum()
			return s != nil && strings.Contains(strings.Join(s.Missing, "\n"), want)
		}
	}
	testkit.Eventually(t, "it is named as silent", missing("gw1 has said nothing since"))
	testkit.Eventually(t, "with what it had", missing("it had 9 events"))

	// It comes back without 5 of the events that waited on its disk; the other one, without what
	// it held, which the servers give out again.
	one = join(t, servers, "gw1", nil)
	one.ledger.Account("linux").Recover(4)
	two = join(t, servers, "gw2", nil).up(t)
	testkit.Eventually(t, "it is given out again", func() bool {
		r := next(t, two.Streams()[0].Source())
		two.ledger.Account(r.Source).Deliver(r.Events)
		two.Streams()[0].Source().Ack(r.Seq)
		return r.Seq == held.Seq
	})
	testkit.Eventually(t, "the difference has a name", missing("gw1 has ended without a last report, or has lost its disk queue; the difference is 5 events."))
	testkit.Equal(t, "difference", three.Sum().Difference, 5)
}

// TestSumNamesWhatTheServersLack: records that vanish from the streams make the servers and the
// gateways differ.
func TestSumNamesWhatTheServersLack(t *testing.T) {
	t.Parallel()
	servers := jetstreamtest.Start(t, 1)
	g := join(t, servers, "gw1", nil).up(t)
	g.receives(t, 1, 6, 0)
	g.sums(t, "received 18 secured 18 delivered 0 waiting 0 dropped 0 in the streams 18, 6 records of 6, difference 0")
	conn := testkit.Try(nats.Connect(servers.URLs()[0]))(t)
	defer conn.Close()
	testkit.Try(conn.Request("$JS.API.STREAM.PURGE.SYSLOG-00", nil, 5*time.Second))(t)
	sum := g.sums(t, "received 18 secured 18 delivered 0 waiting 0 dropped 0 in the streams 18, 6 records of 3, difference 0")
	testkit.Holds(t, "missing", strings.Join(sum.Missing, "\n"), "The servers have 3 records and the gateways have counted 6", "the servers have lost records")
}

// TestBooksMadeAnew: who deletes the stream of the reports is not taken for a second process.
func TestBooksMadeAnew(t *testing.T) {
	t.Parallel()
	servers := jetstreamtest.Start(t, 1)
	g := join(t, servers, "gw1", nil).up(t)
	g.receives(t, 1, 6, 0)
	const want = "received 18 secured 18 delivered 0 waiting 0 dropped 0 in the streams 18, 6 records of 6, difference 0"
	g.sums(t, want)
	conn := testkit.Try(nats.Connect(servers.URLs()[0]))(t)
	defer conn.Close()
	testkit.Try(conn.Request("$JS.API.STREAM.DELETE.SYSLOG-BOOKS", nil, 5*time.Second))(t)
	before := g.Sum()
	testkit.Eventually(t, "the reports are added up again", func() bool { return g.Sum() != before })
	testkit.Equal(t, "missing", strings.Join(g.sums(t, want).Missing, ""), "")
}

// TestPurgeIsCounted: what is purged is in the sum, and what a gateway holds is not purged.
func TestPurgeIsCounted(t *testing.T) {
	t.Parallel()
	servers := jetstreamtest.Start(t, 1)
	g := join(t, servers, "gw1", nil).up(t)
	g.receives(t, 1, 300, 0)
	held := next(t, g.Streams()[0].Source())
	v := testkit.Try(jetstream.Visit(seeing(t, servers, 1)))(t)
	defer v.Close()
	var first [2]jetstream.Purged
	for i, name := range []string{"SYSLOG-00", "SYSLOG-01"} {
		last := testkit.Try(v.Each(t.Context(), name, func(event.Record) error { return nil }, nil))(t)
		first[i] = testkit.Try(v.Purge(t.Context(), name, last))(t)
	}
	testkit.Equal(t, "purged", fmt.Sprint(first), "[{149 map[linux:447] 1} {150 map[linux:450] 0}]")
	sum := g.sums(t, "received 900 secured 900 delivered 0 waiting 3 dropped 897 in the streams 0, 1 records of 1, difference 0")
	testkit.Equal(t, "reasons", fmt.Sprint(sum.Total.DropReasons), "map[purged:897]")
	testkit.Equal(t, "missing", strings.Join(sum.Missing, ""), "")
	g.ledger.Account(held.Source).Deliver(held.Events)
	g.Streams()[0].Source().Ack(held.Seq)
	g.sums(t, "received 900 secured 900 delivered 3 waiting 0 dropped 897 in the streams 0, 0 records of 0, difference 0")
}
