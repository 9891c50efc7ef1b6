package syslog

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// typical has lines of each family with their usual length.
var typical = []struct{ name, line string }{
	{"unifi", "<30>Jun  3 16:33:07 AP-Floor1 001122334455,UAP-nanoHD-6.7.40+15000: mcad: mcad[2198]: wireless_stats.log_anomalies(): bssid=02:11:22:33:44:55 radio=rai0 vap=rai2"},
	{"unifi-cef", "Dec 17 12:23:16 Dream-Router CEF:0|Ubiquiti|UniFi Network|10.0.162|544|Admin Accessed UniFi Network|1|src=192.0.2.101 UNIFIcategory=System UNIFIhost=Dream Router msg=x"},
	{"pan-bsd", "<190>Jan 28 01:28:35 PA-VM300 1,2014/01/28 01:28:35,007200001056,TRAFFIC,end,1,2014/01/28 01:28:34,192.0.2.30,192.0.2.255,0.0.0.0,0.0.0.0,allow" + strings.Repeat(",x", 200)},
	{"pan-ietf", "<14>1 2020-10-09T18:39:02-04:00 pa.example.com - - - - 1,2020/10/09 17:43:54,007200001056,TRAFFIC,end,1210,2020/10/09 17:43:54" + strings.Repeat(",x", 200)},
	{"asa", "<166>Mar 14 2026 14:28:52 fw1 : %ASA-6-302013: Built outbound TCP connection 12345 for outside:198.51.100.9/443 (198.51.100.9/443) to inside:192.0.2.3/50505 (203.0.113.4/50505)"},
	{"ios", "<190>3132811: sw01: 3132807: Jul 14 2023 08:23:43.398 UTC: %LINEPROTO-5-UPDOWN: Line protocol on Interface Gi1/0/1, changed state to up"},
	{"linux-bsd", "<38>Jun  9 16:18:00 web1 sshd[7210]: Accepted publickey for alice from 192.0.2.7 port 51515 ssh2: ED25519 SHA256:abc"},
	{"linux-iso", "<38>2026-03-14T14:28:52.123456+00:00 web1 sshd[7210]: Accepted publickey for alice from 192.0.2.7 port 51515 ssh2"},
	{"linux-5424", "<38>1 2026-03-14T14:28:52.123456+00:00 web1 sshd 7210 - - Accepted publickey for alice from 192.0.2.7 port 51515 ssh2"},
	{"snare", "<14>Jan 28 13:33:30 ws1.example.com MSWinEventLog\t1\tSecurity\t1377326\tFri Jan 28 13:33:30 2022\t4634\tMicrosoft-Windows-Security-Auditing\tN/A\tN/A" + strings.Repeat("x", 500)},
	{"nxlog-sd", `<14>1 2026-03-14T14:28:52.123456+01:00 WIN-HOST Microsoft-Windows-Security-Auditing 740 - [NXLOG@14506 Keywords="9232379236109516800" EventType="AUDIT_SUCCESS" EventID="4624" ProviderGuid="{54849625-5478-4994-A5BA-3E3B0328C30D}" Version="2" Task="12544" OpcodeValue="0" RecordNumber="1234" ThreadID="2508" Channel="Security"] An account was successfully logged on.`},
	{"json", `{"EventTime":"2026-03-14 14:28:52","Hostname":"WIN-HOST","EventID":4624}`},
}

func BenchmarkScan(b *testing.B) {
	for _, c := range typical {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.line)))
			msg := []byte(c.line)
			var h Header
			for b.Loop() {
				Scan(msg, &h)
			}
		})
	}
}

// block returns 64 KiB of the typical lines in a framing.
func block(frame func(line string) string) []byte {
	var out []byte
	for i := 0; len(out) < 64<<10; i++ {
		out = append(out, frame(typical[i%len(typical)].line)...)
	}
	return out
}

var framings = []struct {
	name  string
	frame func(string) string
}{
	{"LF", func(s string) string { return s + "\n" }},
	{"NUL", func(s string) string { return s + "\x00" }},
	{"counted", func(s string) string { return fmt.Sprintf("%d %s", len(s), s) }},
}

func BenchmarkFramer(b *testing.B) {
	for _, c := range framings {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			stream := block(c.frame)
			b.SetBytes(int64(len(stream)))
			messages := 0
			for b.Loop() {
				f := Framer{Max: 64 << 10}
				messages = take(&f, stream)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(messages), "ns/message")
		})
	}
}

// take cuts a stream into messages and counts them.
func take(f *Framer, stream []byte) (messages int) {
	for p := stream; len(p) > 0; {
		_, _, n, ok := f.Next(p)
		if !ok {
			break
		}
		p = p[n:]
		messages++
	}
	return messages
}

func BenchmarkClock(b *testing.B) {
	received := time.Date(2026, 7, 14, 12, 28, 53, 0, time.UTC).UnixNano()
	change := time.Date(2026, 10, 25, 1, 0, 5, 0, time.UTC).UnixNano()
	for _, c := range []struct {
		name, stamp string
		received    int64
	}{
		{"no-year", "Jul 14 14:28:52", received},
		{"local", "2026-07-14 14:28:52", received},
		{"fixed", "2026-07-14T14:28:52+02:00", received},
		{"unix", "1784032132", received},
		{"near-change", "Oct 25 02:30:00", change},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			s := stampOf(b, c.stamp)
			clock := NewClock(zone(b, "Europe/Berlin"))
			for b.Loop() {
				if _, ok := clock.Instant(&s, c.received); !ok {
					b.Fatal("no instant")
				}
			}
		})
	}
}

// TestNoAllocations checks that no message allocates.
func TestNoAllocations(t *testing.T) {
	none := func(name string, f func()) {
		t.Helper()
		if n := testing.AllocsPerRun(20, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	var h Header
	for _, c := range scanCases {
		msg := []byte(c.in)
		none("Scan "+c.name, func() { Scan(msg, &h) })
		none("Datagram "+c.name, func() { Datagram(msg) })
	}
	for _, c := range framings {
		stream := block(c.frame)
		f := Framer{Max: 64 << 10}
		none("Framer "+c.name, func() { take(&f, stream) })
	}
	clock := NewClock(zone(t, "Europe/Berlin"))
	received := time.Date(2026, 10, 25, 1, 0, 5, 0, time.UTC).UnixNano()
	for _, text := range []string{"Oct 25 02:30:00", "Jul 14 14:28:52", "Feb 29 14:28:52", "2026-07-14T14:28:52Z", "1784032132"} {
		s := stampOf(t, text)
		none("Instant "+text, func() { clock.Instant(&s, received) })
	}
}
