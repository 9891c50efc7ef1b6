package jetstream_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/jetstream"
	"syslog-gateway/internal/jetstream/jetstreamtest"
	"syslog-gateway/internal/testkit"
)

// read returns the numbers of the whole and of the damaged records of a stream.
func read(t *testing.T, v *jetstream.Visitor, name string) (whole, damaged []uint64, last uint64) {
	t.Helper()
	last = testkit.Try(v.Each(t.Context(), name, func(r event.Record) error {
		testkit.Equal(t, "events", r.Events, 3)
		whole = append(whole, r.Seq)
		return nil
	}, func(sequence uint64, _ error) { damaged = append(damaged, sequence) }))(t)
	return whole, damaged, last
}

// TestVisit: what looks at a stream takes nothing from it, sees what is damaged, and removes
// what it has seen and not what came later.
func TestVisit(t *testing.T) {
	servers := jetstreamtest.Start(t, 3)
	o := seeing(t, servers, 3)
	v := testkit.Try(jetstream.Visit(o))(t)
	defer v.Close()
	testkit.Holds(t, "problem", v.Status(t.Context(), "SYSLOG-00").Problem, "there is no stream SYSLOG-00")
	_, err := v.Each(t.Context(), "SYSLOG-00", nil, nil)
	testkit.Fails(t, err, "there is no stream SYSLOG-00")

	g := join(t, servers, "gw1", nil).up(t)
	stream := g.Streams()[0]
	publish(t, stream, record(1), record(2), record(3), record(4))
	taken := next(t, stream.Source())
	stream.Source().Ack(taken.Seq)
	held := next(t, stream.Source())
	conn := testkit.Try(nats.Connect(servers.URLs()[0]))(t)
	defer conn.Close()
	m := nats.NewMsg("syslog.00.linux.gw1")
	for k, value := range map[string]string{"Ev": "3", "Raw": "9", "Src": "linux", "Rcv": "1", "Crc": "1"} {
		m.Header.Set(k, value)
	}
	m.Data = []byte("not what was stored")
	testkit.Try(conn.RequestMsg(m, 5*time.Second))(t)

	testkit.Eventually(t, "a copy that is behind has caught up", func() bool {
		whole, damaged, last := read(t, v, "SYSLOG-00")
		return fmt.Sprint(whole, damaged, last) == "[2 3 4] [5] 5"
	})
	st := v.Status(t.Context(), "SYSLOG-00")
	testkit.Equal(t, "records", st.Records, 4)
	testkit.Equal(t, "taken", st.AckPending, 1)
	testkit.Equal(t, "up", st.Up, true)
	testkit.Equal(t, "problem", st.Problem, "")
	stop := errors.New("no room")
	_, err = v.Each(t.Context(), "SYSLOG-00", func(event.Record) error { return stop }, nil)
	testkit.Equal(t, "error", errors.Is(err, stop), true)

	publish(t, stream, record(9))
	p := testkit.Try(v.Purge(t.Context(), "SYSLOG-00", 5))(t)
	testkit.Equal(t, "purged", fmt.Sprint(p), "{3 map[linux:9] 1}") // one of them is damaged
	stream.Source().Ack(held.Seq)                                   // it was taken before: it is delivered
	testkit.Eventually(t, "only what came later is left", func() bool { return v.Status(t.Context(), "SYSLOG-00").Records == 1 })
	left := next(t, stream.Source())
	testkit.Equal(t, "body", string(left.Body), "body 9")
	_, err = v.Purge(t.Context(), "SYSLOG-99", 5)
	testkit.Fails(t, err, "stream not found")
}

// TestVisitGoesOn: a reader whose server dies goes on at the others.
func TestVisitGoesOn(t *testing.T) {
	servers := jetstreamtest.Start(t, 3)
	g := join(t, servers, "gw1", nil).up(t)
	for i := range uint64(20) {
		publish(t, g.Streams()[0], record(i))
	}
	v := testkit.Try(jetstream.Visit(seeing(t, servers, 3)))(t)
	defer v.Close()
	seen := 0
	testkit.Try(v.Each(t.Context(), "SYSLOG-00", func(event.Record) error {
		if seen++; seen == 5 {
			servers.Kill(0) // it is connected to this one
		}
		return nil
	}, nil))(t)
	testkit.Equal(t, "records", seen, 20)
}

// TestVisitNobody: without servers the error names each, and what to do.
func TestVisitNobody(t *testing.T) {
	_, err := jetstream.Visit(jetstream.Options{Servers: []string{"nats://127.0.0.1:1", "nats://127.0.0.1:2"}, Gateway: "gw1"})
	testkit.Fails(t, err, "127.0.0.1:1: cannot be reached", "127.0.0.1:2: cannot be reached", "start the server")
}
