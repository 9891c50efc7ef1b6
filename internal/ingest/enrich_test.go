package ingest

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest/ingesttest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/splunk"
	"syslog-gateway/internal/syslog"
)

// through puts lines through a stream of a sender and returns events and balance.
func through(t *testing.T, s Settings, from string, lines ...string) ([]ingesttest.Event, ledger.Balance) {
	t.Helper()
	pool := event.NewPool(1, 64<<10)
	sink := ingesttest.NewSink(pool)
	accounts := ledger.New()
	r := NewStreamReplay(NewSource("x", 1514, s, accounts), Options{MaxBytes: 64 << 10, MaxEvents: 1000, MaxAge: time.Hour, Pool: pool, Sink: sink}, syslog.LF, netip.MustParseAddr(from))
	received := time.Date(2026, 11, 22, 17, 0, 1, 0, time.UTC)
	r.Write([]byte(strings.Join(lines, "\n")+"\n"), received)
	r.Close(received)
	return sink.Decode(t), accounts.Account("x").Balance()
}

const (
	asaLine    = "<166>Nov 22 17:00:00 FW1.Example : %ASA-6-302013: Built"
	sshdLine   = "<38>Nov 22 17:00:00 Web1 sshd[7]: Accepted"
	namelessly = "<14>a line of nobody"
)

func TestRules(t *testing.T) {
	s := settings(t, "linux")
	s.Keep = map[string]int{"cisco_asa": 0, "linux_secure": 3}
	var lines []string
	for range 7 {
		lines = append(lines, asaLine, sshdLine, namelessly)
	}
	events, b := through(t, s, "192.0.2.7", lines...)
	counts := map[string]int{}
	for _, e := range events {
		counts[e.Fields["class"]]++
		want := ""
		if e.Fields["class"] == "linux_secure" {
			want = "3"
		}
		if e.Fields[SampleField] != want {
			t.Errorf("%s: %s is %q", e.Fields["class"], SampleField, e.Fields[SampleField])
		}
	}
	if counts["cisco_asa"] != 0 || counts["linux_secure"] != 3 || counts["fallback"] != 7 {
		t.Errorf("kept %v", counts)
	}
	if b.Received != 21 || b.Dropped != 7+4 || b.Difference() != 0 {
		t.Errorf("balance %+v", b)
	}
}

func TestFixedFieldsAndHosts(t *testing.T) {
	s := settings(t, "linux")
	s.Fields = []splunk.Field{{Name: "rack", Value: `7"\`}, {Name: "site", Value: "berlin"}}
	s.Hosts = map[netip.Addr]string{netip.MustParseAddr("192.0.2.7"): "Lab-Switch"}
	f := func(from, line, host string) {
		t.Helper()
		events, _ := through(t, s, from, line)
		if len(events) != 1 {
			t.Fatalf("%d events", len(events))
		}
		e := events[0]
		if e.Host != host || e.Fields["site"] != "berlin" || e.Fields["rack"] != `7"\` || e.Fields["sender_ip"] == "" {
			t.Errorf("%s from %s: %+v, want host %s", line, from, e, host)
		}
	}
	f("192.0.2.7", namelessly, "Lab-Switch")
	f("::ffff:192.0.2.7", namelessly, "Lab-Switch")
	f("192.0.2.7", sshdLine, "Web1")                                                     // the message says it
	f("192.0.2.7", strings.Replace(sshdLine, "Web1", "192.0.2.7", 1), "Lab-Switch")      // it says the address only
	f("192.0.2.7", strings.Replace(sshdLine, "Web1", "198.51.100.9", 1), "198.51.100.9") // of somebody behind the sender
	f("192.0.2.8", namelessly, "192.0.2.8")
}

func TestProfileOfSplunkConnect(t *testing.T) {
	s := settings(t, "windows")
	profile, err := splunk.NewProfile("sc4s", splunk.Naming{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Profile = profile
	s.Hosts = map[netip.Addr]string{netip.MustParseAddr("192.0.2.7"): "Lab-Switch"}
	f := func(line, host string, fields map[string]string) {
		t.Helper()
		events, _ := through(t, s, "192.0.2.7", line)
		if len(events) != 1 {
			t.Fatalf("%d events", len(events))
		}
		e := events[0]
		if e.Host != host {
			t.Errorf("%s: host %q, want %q", line, e.Host, host)
		}
		for _, name := range []string{"sc4s_vendor", "sc4s_product", "sc4s_class"} {
			if e.Fields[name] != fields[name] {
				t.Errorf("%s: %s is %q, want %q", line, name, e.Fields[name], fields[name])
			}
		}
	}
	f(asaLine, "fw1.example", map[string]string{"sc4s_vendor": "cisco", "sc4s_product": "asa"})
	f(namelessly, "lab-switch", map[string]string{"sc4s_vendor": "splunk", "sc4s_product": "sc4s", "sc4s_class": "fallback"})
	f(`CEF:0|Exa "mple|Gate\|Door|1|open:7|Opened|3|dvchost=GATE src=192.0.2.9`, "gate",
		map[string]string{"sc4s_vendor": `Exa "mple`, "sc4s_product": `Gate\|Door`, "sc4s_class": "open:7"})
	f("CEF:0||||||3|x=y", "lab-switch", map[string]string{"sc4s_vendor": "splunk", "sc4s_product": "sc4s", "sc4s_class": "fallback"})
	f("CEF:0|Acme|", "lab-switch", map[string]string{"sc4s_vendor": "Acme"})
}

// TestNamingDoesNotAllocate holds the promise of the hot path with everything on.
func TestNamingDoesNotAllocate(t *testing.T) {
	s := settings(t, "auto")
	profile, err := splunk.NewProfile("sc4s", splunk.Naming{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Profile = profile
	s.Fields = []splunk.Field{{Name: "site", Value: "berlin"}}
	s.Keep = map[string]int{"cisco_asa": 0, "linux_secure": 3}
	s.Hosts = map[netip.Addr]string{netip.MustParseAddr("192.0.2.7"): "Lab-Switch"}
	pool := event.NewPool(2, 600<<10)
	r := NewStreamReplay(NewSource("x", 1514, s, ledger.New()), Options{MaxBytes: 512 << 10, MaxEvents: 10000, MaxAge: time.Hour, Pool: pool, Sink: discard{pool}}, syslog.LF, netip.MustParseAddr("192.0.2.7"))
	cef := "<14>Nov 22 17:00:00 GW CEF:0|Ubiquiti|UniFi Network|10.0.162|544|Admin|1|UNIFIhost=GW msg=x"
	block := []byte(strings.Join(append([]string{asaLine, sshdLine, namelessly, cef}, samples...), "\n") + "\n")
	now := time.Date(2026, 11, 22, 17, 0, 1, 0, time.UTC)
	r.Write(block, now)
	if n := testing.AllocsPerRun(200, func() { r.Write(block, now) }); n != 0 {
		t.Errorf("%v allocations for %d messages", n, len(samples)+4)
	}
}

func TestExplain(t *testing.T) {
	s := settings(t, "linux")
	s.Keep = map[string]int{"cisco_asa": 0}
	s.Hosts = map[netip.Addr]string{netip.MustParseAddr("192.0.2.7"): "lab"}
	pool := event.NewPool(1, 64<<10)
	r := NewStreamReplay(NewSource("x", 1514, s, ledger.New()), Options{MaxBytes: 64 << 10, MaxEvents: 1000, MaxAge: time.Hour, Pool: pool, Sink: discard{pool}}, syslog.LF, netip.MustParseAddr("192.0.2.7"))
	var got []string
	r.Explain(func(e Explanation) {
		text := e.Dropped
		if e.Result != nil {
			text += " " + e.Result.Class.String() + " " + e.Header.Shape.String() + " " + e.Host + " from " + e.HostFrom + " " + e.Time.Format(time.RFC3339)
		}
		if e.Clamped {
			text += " not " + e.Stamped.Format(time.RFC3339)
		}
		got = append(got, strings.TrimSpace(text))
	})
	received := time.Date(2026, 11, 22, 17, 0, 1, 0, time.UTC)
	r.Write([]byte(strings.Join([]string{asaLine, sshdLine, "  ", namelessly, "<13>Jan  1 1970 00:00:00 h p: x", ""}, "\n")), received)
	want := []string{
		"rule cisco_asa bsd FW1.Example from message 2026-11-22T17:00:00Z",
		"linux_secure bsd Web1 from message 2026-11-22T17:00:00Z",
		"empty",
		"fallback bare lab from hosts file 2026-11-22T17:00:01Z",
		"linux_syslog bsd h from message 2026-11-22T17:00:01Z not 1970-01-01T00:00:00Z",
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if string(a) != string(b) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
