package ingest

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest/ingesttest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/splunk"
	"syslog-gateway/internal/syslog"
)

func TestTimeIsClamped(t *testing.T) {
	received := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	f := func(msg, want string, clamped bool) {
		t.Helper()
		pool := event.NewPool(1, 4096)
		sink := ingesttest.NewSink(pool)
		r := NewDatagramReplay(NewSource("linux", 1517, settings(t, "linux"), ledger.New()), Options{MaxBytes: 1 << 20, MaxEvents: 100, MaxAge: time.Hour, Pool: pool, Sink: sink}, netip.MustParseAddr("192.0.2.7"))
		r.Write([]byte(msg), received)
		r.Close(received)
		e := sink.Decode(t)[0]
		if string(e.Time) != want || (e.Fields["time_clamped"] == "true") != clamped {
			t.Errorf("%q: time %s, clamped %q", msg, e.Time, e.Fields["time_clamped"])
		}
	}
	f("<13>2026-11-22T16:59:59.25Z host app: x", "1795366799.25", false)
	f("<13>Nov 22 16:59:59 host app: x", "1795366799", false)
	f("<13>2020-01-01T00:00:00Z host app: x", "1795366800", true)
	f("<13>2026-11-24T17:00:01Z host app: x", "1795366800", true)
	f("<13>no time at all", "1795366800", false)
	f("<13>Nov 22 24:00:00 host app: x", "1795366800", true)
	f("<13>2026-11-31T16:59:59+01:00 host app: x", "1795366800", true)
	f("<13>1 2026-11-22T16:99:59Z host app - - - x", "1795366800", true)
	f("<13>Nov 22 05:59:59 PM UTC+1 host app: x", "1795366799", false)
}

func TestZoneByNetwork(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s := settings(t, "linux")
	s.Zones = []Zone{
		{netip.MustParsePrefix("10.0.0.0/8"), time.FixedZone("", 3600*9)},
		{netip.MustParsePrefix("10.1.0.0/16"), berlin},
	}
	if got := s.location(netip.MustParseAddr("10.1.2.3")); got != berlin {
		t.Errorf("got %v", got)
	}
	if got := s.location(netip.MustParseAddr("192.0.2.1")); got != time.UTC {
		t.Errorf("got %v", got)
	}
}

func TestSendersAreBounded(t *testing.T) {
	d := NewDatagrams(NewSource("linux", 1517, settings(t, "linux"), ledger.New()), nil)
	for i := range maxSenders * 2 {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if s := d.sender(a); string(s.address) != a.String() {
			t.Fatalf("%s became %s", a, s.address)
		}
	}
	if len(d.senders) > maxSenders {
		t.Errorf("%d senders are remembered", len(d.senders))
	}
}

func TestWholeRunes(t *testing.T) {
	for in, want := range map[string]string{
		"abc": "abc", "ab\xc3": "ab", "ab\xc3\xa4": "abä", "\xe2\x82": "", "x\xf0\x9f\x98": "x", "\x80": "\x80", "a\xff": "a\xff",
	} {
		if got := string(wholeRunes([]byte(in))); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// A parser that fails costs nothing but its own understanding.
func TestPanickingParser(t *testing.T) {
	pool := event.NewPool(1, 4096)
	sink := ingesttest.NewSink(pool)
	s := settings(t, "linux")
	accounts := ledger.New()
	source := NewSource("linux", 1517, s, accounts)
	f := source.format.Load()
	f.class(dialect.Fallback)
	f.settings.Parser = nil // fails
	r := NewDatagramReplay(source, Options{MaxBytes: 1 << 20, MaxEvents: 100, MaxAge: time.Hour, Pool: pool, Sink: sink}, netip.MustParseAddr("192.0.2.7"))
	r.Write([]byte("<13>first"), time.Now())
	r.Write([]byte("<13>second"), time.Now())
	r.Close(time.Now())
	events := sink.Decode(t)
	if len(events) != 2 || events[0].Event != "<13>first" || events[1].Host != "192.0.2.7" {
		t.Errorf("events %+v", events)
	}
	if bal := accounts.Account("linux").Balance(); bal.Unparsed != 2 || bal.Difference() != 0 {
		t.Errorf("balance %+v", bal)
	}
}

// What goes on with a message shares its fate under the rules for its class.
func TestContinuationFollowsTheRules(t *testing.T) {
	f := func(keep map[string]int, want ...string) {
		t.Helper()
		pool := event.NewPool(1, 4096)
		sink := ingesttest.NewSink(pool)
		s := settings(t, "linux")
		s.Keep = keep
		accounts := ledger.New()
		r := NewStreamReplay(NewSource("linux", 1517, s, accounts), Options{MaxBytes: 4096, MaxEvents: 100, MaxAge: time.Hour, Pool: pool, Sink: sink}, syslog.Auto, netip.MustParseAddr("192.0.2.7"))
		for _, b := range []byte("<13>Nov 22 17:00:00 h a: 1\n 1a\n \n\t1b\n<13>Nov 22 17:00:00 h a: 2\n 2a\n<13>Nov 22 17:00:00 h a: 3\n 3a\n") {
			r.Write([]byte{b}, time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC))
		}
		r.Close(time.Now())
		var got []string
		for _, e := range sink.Decode(t) {
			got = append(got, strings.TrimPrefix(e.Event, "<13>Nov 22 17:00:00 h a: "))
			if e.Host != "h" {
				t.Errorf("%q has the host %s", e.Event, e.Host)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if bal := accounts.Account("linux").Balance(); bal.Difference() != 0 || bal.Received != 8 || bal.DropReasons[dropEmpty.String()] != 1 {
			t.Errorf("balance %+v", bal)
		}
	}
	f(nil, "1", " 1a", "\t1b", "2", " 2a", "3", " 3a")
	f(map[string]int{"linux_syslog": 0})
	f(map[string]int{"linux_syslog": 2}, "1", " 1a", "\t1b", "3", " 3a")
}

// FuzzPath gives arbitrary bytes as a stream, in two pieces, and as a datagram:
// whatever they are, what comes out is valid JSON in which the books balance.
func FuzzPath(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s+"\n"+s), 100, byte(0))
		f.Add([]byte("12 "+s), 3, byte(5))
	}
	f.Add([]byte("<14>CEF:0|a\"|b|c|d|e|f|x=y\n"+samples[2]), 9, byte(10))
	f.Add([]byte("<14>1 - - - - - \xff\x00\n20 <13>cut"), 7, byte(3))
	vendors := []string{"unifi", "palo_alto", "cisco_asa", "linux", "windows", "auto"}
	received := time.Date(2026, 11, 22, 17, 0, 1, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte, at int, pick byte) {
		pool := event.NewPool(1, 4096)
		sink := ingesttest.NewSink(pool)
		accounts := ledger.New()
		name := vendors[int(pick)%len(vendors)]
		s := settings(t, name)
		if int(pick)/len(vendors)%2 == 1 {
			profile, err := splunk.NewProfile("sc4s", splunk.Naming{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.Profile = profile
			s.Fields = []splunk.Field{{Name: "site", Value: "berlin"}}
			s.Keep = map[string]int{"linux_syslog": 2, "cisco_asa": 0}
		}
		o := Options{MaxBytes: 4096, MaxEvents: 100, MaxAge: time.Hour, Pool: pool, Sink: sink}
		from := netip.MustParseAddr("192.0.2.7")
		at = max(0, min(at, len(data)))
		source := NewSource(name, 1514, s, accounts)
		stream := NewStreamReplay(source, o, syslog.Auto, from)
		stream.Write(data[:at], received)
		stream.Write(data[at:], received)
		stream.Close(received)
		datagrams := NewDatagramReplay(source, o, from)
		datagrams.Write(data, received)
		datagrams.Close(received)
		for _, line := range sink.Lines() {
			var e struct {
				Time  json.Number
				Event *string
				Host  string
			}
			if err := json.Unmarshal(line, &e); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			at, _ := e.Time.Float64()
			if e.Event == nil || *e.Event == "" || e.Host == "" || at < float64(received.Add(-maxPast).Unix()) || at > float64(received.Add(maxFuture).Unix()) {
				t.Fatalf("event %q", line)
			}
		}
		if bal := accounts.Account(name).Balance(); bal.Difference() != 0 || bal.InMemory != 0 || int(bal.Received) != sink.Count()+int(bal.Dropped) {
			t.Fatalf("balance %+v with %d events", bal, sink.Count())
		}
		var counted uint64
		for _, c := range source.Classes() {
			counted += c.Events
		}
		if counted != uint64(sink.Count()) {
			t.Fatalf("%d events by class, %d in batches", counted, sink.Count())
		}
	})
}
