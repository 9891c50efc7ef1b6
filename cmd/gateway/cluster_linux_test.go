package main

import (
	"bufio"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/jetstream/jetstreamtest"
	"syslog-gateway/internal/testkit"
)

// newMember lays out a gateway of a cluster that posts to the endpoint of another one's site.
func newMember(t *testing.T, servers *jetstreamtest.Servers, to *site, name, more string) *site {
	t.Helper()
	extra := fmt.Sprintf("queue: {path: DIR/queue, min_free: 1MB, kind: jetstream, jetstream: {servers: [%s], gateway_id: %s, streams: 2, max_size: 64MB, ack_wait: 5s, %s}}\n",
		strings.Join(servers.URLs(), ", "), name, more)
	s := newSite(t, extra)
	if to != nil {
		s.write(strings.Replace(s.read(), s.hec.URL(), to.hec.URL(), 1))
		s.hec, s.sink = to.hec, to.sink
	}
	return s
}

// TestClusterDeliversOfADeadGateway: a gateway that only receives is killed for ever; another
// one delivers what it has secured, and the leader of the streams dies meanwhile.
func TestClusterDeliversOfADeadGateway(t *testing.T) {
	t.Parallel()
	servers := jetstreamtest.Start(t, 3)
	first := newMember(t, servers, nil, "first", "deliver: false")
	one := first.start()
	all := marks("secured", 2000)
	sendTCP(t, first.dial("tcp", "linux"), "linux", all[:1000])
	secured := func(n float64) func() bool {
		return func() bool { return first.metrics().Sum("gateway_secured_events_total") >= n }
	}
	testkit.Eventually(t, "the first half is secured", secured(1000))
	servers.Kill(servers.Leader("SYSLOG-00"))
	sendTCP(t, first.dial("tcp", "linux"), "linux", all[1000:])
	testkit.Eventually(t, "all is secured", secured(2000))
	first.assertBalance()
	if n := first.sink.count(); n != 0 {
		t.Errorf("%d events delivered by a gateway that only receives", n)
	}
	one.kill()

	second := newMember(t, servers, first, "second", "deliver: true")
	second.start()
	assertOnce(t, second.waitEvents(len(all)), all)
	testkit.Eventually(t, "the streams are empty", func() bool { return second.metrics().Sum("gateway_stream_records") == 0 })
	second.assertBalance()
}

// TestClusterAway: a gateway takes messages while no server of the cluster is there, and
// delivers them when they come.
func TestClusterAway(t *testing.T) {
	t.Parallel()
	servers := jetstreamtest.Start(t, 1)
	servers.Kill(0)
	s := newMember(t, servers, nil, "alone", "replicas: 1")
	p := s.start()
	all := marks("away", 500)
	sendTCP(t, s.dial("tcp", "linux"), "linux", all)
	testkit.Eventually(t, "all is in the disk queue", func() bool { return s.metrics().Sum("gateway_queue_events") == 500 })
	servers.Run(0)
	assertOnce(t, s.waitEvents(len(all)), all)
	s.assertBalance()
	if code := p.stop(); code != 0 {
		t.Errorf("it ends with %d", code)
	}
	if text := s.sink.texts(); !slices.ContainsFunc(text, func(e string) bool { return strings.Contains(e, all[0]) }) {
		t.Errorf("%q is not among the events", all[0])
	}
}

// TestStopWithoutServers: a gateway whose servers are away stops without waiting for them, and
// keeps what it has.
func TestStopWithoutServers(t *testing.T) {
	servers := jetstreamtest.Start(t, 1)
	s := newMember(t, servers, nil, "alone", "replicas: 1")
	p := s.start()
	testkit.Eventually(t, "the streams are up", func() bool { return s.metrics().Sum("gateway_stream_up") == 2 })
	servers.Kill(0)
	all := marks("kept", 500)
	sendTCP(t, s.dial("tcp", "linux"), "linux", all)
	testkit.Eventually(t, "all is in the disk queue", func() bool { return s.metrics().Sum("gateway_queue_events") == 500 })
	began := time.Now()
	if code := p.stop(); code != 0 {
		t.Errorf("it ends with %d", code)
	}
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	servers.Run(0)
	s.start()
	assertOnce(t, s.waitEvents(len(all)), all)
}

// TestClusterAnswersRELP: with relp.ack: secured a message is answered when the cluster has it,
// and not while the cluster is away.
func TestClusterAnswersRELP(t *testing.T) {
	t.Parallel()
	servers := jetstreamtest.Start(t, 1)
	s := newMember(t, servers, nil, "alone", "replicas: 1")
	s.write(strings.Replace(s.read(), "vendor: linux,", "vendor: linux, protocols: [relp], relp: {ack: secured},", 1))
	p := s.start()
	c := s.dial("tcp", "linux")
	answers := bufio.NewReader(c)
	answer := func(want string) {
		t.Helper()
		testkit.Must(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		for {
			if line := testkit.Try(answers.ReadString('\n'))(t); strings.HasPrefix(line, want) {
				return
			}
		}
	}
	send := func(txnr int, text string) {
		testkit.Try(fmt.Fprintf(c, "%d syslog %d %s\n", txnr, len(text), text))(t)
	}
	testkit.Try(fmt.Fprintf(c, "1 open 30 relp_version=0\ncommands=syslog\n"))(t)
	answer("commands=syslog")
	send(2, line("linux", "first"))
	answer("2 rsp 6 200 OK")
	servers.Kill(0)
	testkit.Eventually(t, "the gateway knows that the cluster is away", func() bool { return s.metrics().Sum("gateway_stream_up") == 0 })
	send(3, line("linux", "second"))
	testkit.Eventually(t, "it is in the disk queue", func() bool { return s.metrics().Sum("gateway_queue_events") == 1 })
	testkit.Equal(t, "unanswered", s.metrics().Sum("gateway_relp_unacknowledged"), 1)
	servers.Run(0)
	answer("3 rsp 6 200 OK")
	s.waitEvents(2)
	testkit.Equal(t, "exit code", p.stop(), 0)
}
