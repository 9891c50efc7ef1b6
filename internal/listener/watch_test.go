package listener

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/syslog"
	"syslog-gateway/internal/tap"
)

// watched returns a replay of a stream whose senders and messages are watched.
func watched(t testing.TB, book *senders.Book, hub *tap.Hub) (*Replay, *event.Account) {
	t.Helper()
	pool := event.NewPool(1, 64<<10)
	ledger := event.NewLedger()
	r := NewReplay(SourceOptions{Name: "linux", Port: 1517, Settings: settings(t, "linux")},
		Batching{MaxBytes: 32 << 10, MaxEvents: 1000, MaxAge: time.Hour, Pool: pool, Sink: discard{pool}, Senders: book, Tap: hub},
		ledger, syslog.LF, netip.MustParseAddr("192.0.2.7"))
	return r, ledger.Account("linux")
}

func TestSendersAreRemembered(t *testing.T) {
	book := senders.New(100)
	r, _ := watched(t, book, new(tap.Hub))
	now := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	r.Write([]byte("<13>Nov 22 17:00:00 web1 app: a\n<13>Nov 22 17:00:00 web1 app: bc\n"), now)
	r.Write([]byte("<13>Nov 22 17:00:01 web1 app: d\n"), now.Add(time.Second))
	got := book.Senders()
	if len(got) != 1 || got[0].Events != 3 || got[0].Bytes != 94 || got[0].Name != "web1" ||
		got[0].Source != "linux" || got[0].Address.String() != "192.0.2.7" || !got[0].Last.Equal(now.Add(time.Second)) || !got[0].First.Equal(now) {
		t.Errorf("%+v", got)
	}
	r.Close(now)
}

func TestDatagramSendersAreRemembered(t *testing.T) {
	book := senders.New(100)
	s := newSource(SourceOptions{Name: "linux", Port: 1517, Settings: settings(t, "linux")}, event.NewLedger())
	pool := event.NewPool(1, 64<<10)
	in := newIntake(s.account, event.UDP, Batching{MaxBytes: 32 << 10, MaxEvents: 1000, MaxAge: time.Hour, Pool: pool, Sink: discard{pool}, Senders: book})
	p := &udpPort{source: s, intake: in, known: knownSenders{source: s, by: make(map[netip.Addr]*sender)}}
	for turn := range 3 {
		in.begin(time.Unix(int64(1000+turn), 0))
		for i := range 50 {
			p.datagram(&p.known, []byte("<13>x"), netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 5)}))
		}
		in.end()
	}
	all := book.Senders()
	if len(all) != 5 {
		t.Fatalf("%d senders: %+v", len(all), all)
	}
	for _, s := range all {
		if s.Events != 30 || s.Bytes != 150 || s.Last.Unix() != 1002 || s.Name != s.Address.String() {
			t.Errorf("%+v", s)
		}
	}
	in.close()
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
	var e decoded
	if err := json.Unmarshal(m.Event, &e); err != nil || e.Event != string(m.Raw) || e.Host != "web1" || e.Sourcetype != "linux_secure" {
		t.Errorf("event %s: %v", m.Event, err)
	}
	if len(one.Messages()) != 0 || one.Counts() != (tap.Counts{Passed: 3, Looked: 3}) {
		t.Errorf("%d more, %+v", len(one.Messages()), one.Counts())
	}
	one.Close()
	all, _ := hub.Listen(tap.Filter{})
	r.Write([]byte("  \n"), now)
	if m := <-all.Messages(); m.Dropped != dropEmpty || m.Event != nil || m.Class != "" {
		t.Errorf("a blank message: %+v", m)
	}
	all.Close()
	r.Close(now)
}

// However much goes through, a tap looks at no more than its allowance, and says so.
func TestTapIsBounded(t *testing.T) {
	hub := new(tap.Hub)
	r, account := watched(t, nil, hub)
	all, _ := hub.Listen(tap.Filter{Text: "never there"})
	var block bytes.Buffer
	for i := range 5000 {
		fmt.Fprintf(&block, "<13>Nov 22 17:00:00 web1 app: %d\n", i)
	}
	now := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	var looked []uint64
	for _, later := range []time.Duration{0, 0, 500 * time.Millisecond, time.Hour} {
		now = now.Add(later)
		r.Write(block.Bytes(), now)
		looked = append(looked, all.Counts().Looked)
	}
	if want := []uint64{200, 200, 300, 500}; !slices.Equal(looked, want) {
		t.Errorf("looked at %d, want %d", looked, want)
	}
	if c := all.Counts(); c.Passed != 20000 || account.Balance().Received != 20000 {
		t.Errorf("%+v", c)
	}
	all.Close()
	r.Close(now)
}

// BenchmarkWatched is the way of a message with senders remembered, and with somebody
// at the tap. It must cost what BenchmarkPath/linux costs.
func BenchmarkWatched(b *testing.B) {
	line := "<38>Nov 22 17:00:00 web1 sshd[4123]: Accepted publickey for deploy from 10.1.2.3 port 50022 ssh2: RSA SHA256:abcdef"
	for _, c := range []struct {
		name string
		book *senders.Book
		hub  *tap.Hub
		tap  bool
	}{{"off", nil, nil, false}, {"senders", senders.New(1000), new(tap.Hub), false}, {"tap", senders.New(1000), new(tap.Hub), true}} {
		b.Run(c.name, func(b *testing.B) {
			r, _ := watched(b, c.book, c.hub)
			if c.tap {
				t, _ := c.hub.Listen(tap.Filter{})
				defer t.Close()
			}
			block := bytes.Repeat([]byte(line+"\n"), 200)
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
