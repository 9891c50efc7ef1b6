package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest/ingesttest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/syslog"
	"syslog-gateway/internal/tap"
	"syslog-gateway/internal/testkit"
)

// watched returns a replay of a stream whose senders and messages are watched.
func watched(t testing.TB, table *senders.Table, hub *tap.Hub) (*Replay, *ledger.Account) {
	t.Helper()
	pool := event.NewPool(1, 64<<10)
	accounts := ledger.New()
	r := NewStreamReplay(NewSource("linux", 1517, settings(t, "linux"), accounts), Options{MaxBytes: 32 << 10, MaxEvents: 1000, MaxAge: time.Hour, Pool: pool, Sink: discard{pool}, Senders: table, Tap: hub}, syslog.LF, netip.MustParseAddr("192.0.2.7"))
	return r, accounts.Account("linux")
}

func TestSendersAreRemembered(t *testing.T) {
	table := senders.New(100)
	r, _ := watched(t, table, new(tap.Hub))
	now := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	r.Write([]byte("<13>Nov 22 17:00:00 web1 app: a\n<13>Nov 22 17:00:00 web1 app: bc\n"), now)
	r.Write([]byte("<13>Nov 22 17:00:01 web1 app: d\n"), now.Add(time.Second))
	got := table.Senders()
	if len(got) != 1 || got[0].Events != 3 || got[0].Bytes != 94 || got[0].Name != "web1" ||
		got[0].Source != "linux" || got[0].Address.String() != "192.0.2.7" || !got[0].Last.Equal(now.Add(time.Second)) || !got[0].First.Equal(now) {
		t.Errorf("%+v", got)
	}
	r.Close(now)
}

func TestDatagramSendersAreRemembered(t *testing.T) {
	table := senders.New(100)
	s := NewSource("linux", 1517, settings(t, "linux"), ledger.New())
	pool := event.NewPool(1, 64<<10)
	b := NewBatcher(s, ledger.UDP, Options{MaxBytes: 32 << 10, MaxEvents: 1000, MaxAge: time.Hour, Pool: pool, Sink: discard{pool}, Senders: table})
	d := NewDatagrams(s, b)
	for round := range 3 {
		d.Begin(time.Unix(int64(1000+round), 0))
		for i := range 50 {
			d.Take([]byte("<13>x"), netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 5)}))
		}
		d.End()
	}
	all := table.Senders()
	if len(all) != 5 {
		t.Fatalf("%d senders: %+v", len(all), all)
	}
	for _, s := range all {
		if s.Events != 30 || s.Bytes != 150 || s.Last.Unix() != 1002 || s.Name != s.Address.String() {
			t.Errorf("%+v", s)
		}
	}
	b.Close()
}

// A relay's hosts are senders of their own, and what has no host is one more; counts are
// exact, whatever the order in which they come.
func TestHostsBehindARelay(t *testing.T) {
	table := senders.New(100)
	r, _ := watched(t, table, new(tap.Hub))
	now := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	var block bytes.Buffer
	want := map[string]uint64{}
	for i := range 600 {
		host := []string{"web1", "web1", "db1", "192.0.2.7", ""}[i%5]
		if host == "" {
			fmt.Fprintf(&block, "<13>no header %d\n", i)
		} else {
			fmt.Fprintf(&block, "<13>Nov 22 17:00:00 %s app: %d\n", host, i)
		}
		if host == "192.0.2.7" { // its own address is no name
			host = ""
		}
		want[host]++
	}
	for range 3 {
		r.Write(block.Bytes(), now)
	}
	got := table.Senders()
	for _, s := range got {
		if s.Events != 3*want[s.Host] || s.Address.String() != "192.0.2.7" {
			t.Errorf("%+v, want %d events", s, 3*want[s.Host])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d senders: %+v", len(got), got)
	}
	// However many hosts there are, memory is bounded.
	for i := range 3 * maxSenders {
		block.Reset()
		fmt.Fprintf(&block, "<13>Nov 22 17:00:00 h%d app: x\n", i)
		r.Write(block.Bytes(), now)
	}
	if n := len(r.batcher.counts.byHost); n > maxSenders || len(table.Senders()) > 100 {
		t.Errorf("%d hosts, %d senders", n, len(table.Senders()))
	}
	r.Close(now)
}

// The times of messages are compared with their receipt; what has no time, a time that does
// not exist, or the receive time for it says nothing.
func TestTimesAreCompared(t *testing.T) {
	now := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		line string
		want senders.Skew
	}{
		"right":           {"<13>Nov 22 16:59:58 web1 app: a", senders.Skew{}},
		"a zone ahead":    {"<13>Nov 22 18:00:00 web1 app: a", senders.Skew{Offset: time.Hour, Zone: true, Last: time.Hour}},
		"a zone behind":   {"<13>Nov 22 11:30:00 web1 app: a", senders.Skew{Offset: -5*time.Hour - 30*time.Minute, Zone: true, Last: -5*time.Hour - 30*time.Minute}},
		"with its zone":   {"<13>1 2026-11-22T18:00:00+00:00 web1 app - - - a", senders.Skew{Offset: time.Hour, Zone: true, Zoned: true, Last: time.Hour}},
		"another's zone":  {"<13>1 2026-11-22T18:00:00+01:00 web1 app - - - a", senders.Skew{}},
		"no time":         {"<13>web1 says something", senders.Skew{}},
		"days ahead":      {"<13>1 2026-11-24T17:20:00Z web1 app - - - a", senders.Skew{Offset: 48*time.Hour + 20*time.Minute, Zoned: true, Last: 48*time.Hour + 20*time.Minute}},
		"years ago":       {"<13>1 1970-01-01T00:00:00Z web1 app - - - a", senders.Skew{}},
		"no such day":     {"<13>1 2026-02-30T18:00:00Z web1 app - - - a", senders.Skew{}},
		"seven minutes":   {"<13>Nov 22 17:07:00 web1 app: a", senders.Skew{Offset: 7 * time.Minute, Last: 7 * time.Minute}},
		"twenty late":     {"<13>Nov 22 16:40:00 web1 app: a", senders.Skew{}},
		"before 1786":     {"<13>1 1701-01-01T00:00:00Z web1 app - - - a", senders.Skew{}},
		"octets of a cut": {"<13>Nov 22 18:00:00 web1 app: " + string(bytes.Repeat([]byte("x"), 2000)), senders.Skew{Offset: time.Hour, Zone: true, Last: time.Hour}},
	} {
		table := senders.New(100)
		r, _ := watched(t, table, new(tap.Hub))
		r.Write(bytes.Repeat([]byte(c.line+"\n"), 20), now)
		got := table.Senders()
		if len(got) != 1 || got[0].Skew != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		r.Close(now)
	}
}

func TestTapShowsMessageAndEvent(t *testing.T) {
	hub := new(tap.Hub)
	r, _ := watched(t, senders.New(10), hub)
	now := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	r.Write([]byte("<13>Nov 22 17:00:00 web1 app: nobody looks\n"), now)
	one, err := hub.Listen(tap.Filter{Text: "needle"})
	if err != nil {
		t.Fatal(err)
	}
	r.Write([]byte("<13>Nov 22 17:00:00 web1 app: hay\n<38>Nov 22 17:00:00 web1 sshd[1]: a Needle\n \n"), now)
	m := <-one.Messages()
	if m.Source != "linux" || m.Class != "linux_secure" || m.Host != "web1" || m.Transport != "tcp" || m.From.String() != "192.0.2.7" ||
		string(m.Raw) != "<38>Nov 22 17:00:00 web1 sshd[1]: a Needle" || !m.Received.Equal(now) {
		t.Errorf("%+v", m)
	}
	var e ingesttest.Event
	if err := json.Unmarshal(m.Event, &e); err != nil || e.Event != string(m.Raw) || e.Host != "web1" || e.Sourcetype != "linux_secure" {
		t.Errorf("event %s: %v", m.Event, err)
	}
	if len(one.Messages()) != 0 || one.Counts() != (tap.Counts{Passed: 3, Examined: 3}) {
		t.Errorf("%d more, %+v", len(one.Messages()), one.Counts())
	}
	one.Close()
	all, _ := hub.Listen(tap.Filter{})
	r.Write([]byte("  \n"), now)
	if m := <-all.Messages(); m.Dropped != dropEmpty.String() || m.Event != nil || m.Class != "" {
		t.Errorf("a blank message: %+v", m)
	}
	all.Close()
	r.Close(now)
}

// A tap examines no more messages than its allowance, and reports how many.
func TestTapIsBounded(t *testing.T) {
	hub := new(tap.Hub)
	r, account := watched(t, nil, hub)
	all, _ := hub.Listen(tap.Filter{Text: "never there"})
	var block bytes.Buffer
	for i := range 5000 {
		fmt.Fprintf(&block, "<13>Nov 22 17:00:00 web1 app: %d\n", i)
	}
	now := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	var examined []uint64
	for _, later := range []time.Duration{0, 0, 500 * time.Millisecond, time.Hour} {
		now = now.Add(later)
		r.Write(block.Bytes(), now)
		examined = append(examined, all.Counts().Examined)
	}
	if want := []uint64{200, 200, 300, 500}; !slices.Equal(examined, want) {
		t.Errorf("examined %d, want %d", examined, want)
	}
	if c := all.Counts(); c.Passed != 20000 || account.Balance().Received != 20000 {
		t.Errorf("%+v", c)
	}
	all.Close()
	r.Close(now)
}

// tapShare is how much of the messages taps may examine at tapTestRate a second. That is less than
// 2 % of the path while looking at a message costs less than five times what receiving it does.
const (
	tapTestRate = 50_000
	tapShare    = 0.004
)

// tapWork receives seconds of messages while so many people listen, and counts how many messages
// were looked at for them: as many for ten as for one.
func tapWork(t testing.TB, seconds, listeners int) (examined, received uint64) {
	t.Helper()
	hub := new(tap.Hub)
	r, account := watched(t, nil, hub)
	var taps []*tap.Tap
	for range listeners {
		taps = append(taps, testkit.Try(hub.Listen(tap.Filter{}))(t))
	}
	block := bytes.Repeat([]byte("<13>Nov 22 17:00:00 web1 app: hello\n"), tapTestRate/250)
	now := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	for range 250 * seconds {
		now = now.Add(4 * time.Millisecond)
		r.Write(block, now)
	}
	r.Close(now)
	for _, one := range taps {
		examined = one.Counts().Examined
		one.Close()
	}
	received = account.Balance().Received
	most := uint64(min(listeners, 1) * (tapRate*seconds + tapBurst))
	if examined > most || float64(examined) > tapShare*float64(received)+tapBurst || listeners > 0 && examined < uint64(tapRate*seconds*9/10) {
		t.Fatalf("%d listeners: %d of %d messages were examined, at most %d should be", listeners, examined, received, most)
	}
	return examined, received
}

// TestTapWork: a tap costs a fixed number of messages a second, for one listener and for ten.
func TestTapWork(t *testing.T) {
	one, _ := tapWork(t, 10, 1)
	ten, _ := tapWork(t, 10, 10)
	none, received := tapWork(t, 10, 0)
	testkit.Equal(t, "examined for ten listeners", ten, one)
	testkit.Equal(t, "examined for nobody", none, uint64(0))
	testkit.Equal(t, "received", received, uint64(10*tapTestRate))
}

// BenchmarkTapWork is a second of 50,000 messages; it reports the messages that taps examine.
func BenchmarkTapWork(b *testing.B) {
	for _, listeners := range []int{0, 1, 10} {
		b.Run(strconv.Itoa(listeners), func(b *testing.B) {
			b.ReportAllocs()
			examined, received := tapWork(b, b.N, listeners)
			b.ReportMetric(float64(examined)/float64(b.N), "examined/s")
			b.ReportMetric(100*float64(examined)/float64(received), "examined%")
		})
	}
}

// BenchmarkWatched is the way of a message with senders remembered, and with somebody
// at the tap. It must cost what BenchmarkPath/linux costs.
func BenchmarkWatched(b *testing.B) {
	line := "<38>Nov 22 17:00:00 web1 sshd[4123]: Accepted publickey for deploy from 10.1.2.3 port 50022 ssh2: RSA SHA256:abcdef"
	for _, c := range []struct {
		name  string
		table *senders.Table
		hub   *tap.Hub
		tap   bool
		hosts int // of a relay
	}{
		{"off", nil, nil, false, 1}, {"senders", senders.New(1000), new(tap.Hub), false, 1}, {"tap", senders.New(1000), new(tap.Hub), true, 1},
		{"relay", senders.New(1000), new(tap.Hub), false, 50},
	} {
		b.Run(c.name, func(b *testing.B) {
			r, _ := watched(b, c.table, c.hub)
			if c.tap {
				t, _ := c.hub.Listen(tap.Filter{})
				defer t.Close()
			}
			var block []byte
			for i := range 200 {
				block = append(block, strings.Replace(line, "web1", fmt.Sprintf("web%d", i%c.hosts), 1)+"\n"...)
			}
			now := time.Now()
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += 200 {
				now = now.Add(400 * time.Microsecond) // 500,000 a second
				r.Write(block, now)
			}
		})
	}
}
