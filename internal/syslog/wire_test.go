package syslog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// summary returns what Scan finds as "pri shape host app[procid] sd|content". A "-" stands
// for an empty field.
func summary(msg string) string {
	var h Header
	Scan([]byte(msg), &h)
	or := func(p []byte) string {
		if len(p) == 0 {
			return "-"
		}
		return string(p)
	}
	return fmt.Sprintf("%d %v %s %s[%s] %s|%s", h.Priority, h.Shape, or(h.Hostname), or(h.AppName), or(h.ProcID), or(h.StructuredData), h.Content)
}

// padding is as long as the default message size of a program.
var padding = strings.Repeat("PAD4", 250)

// withCount puts the MSG-LEN before a message.
func withCount(msg string) string { return fmt.Sprintf("%d %s", len(msg), msg) }

const (
	quality = `[timeQuality tzKnown="1" isSynced="1" syncAccuracy="5"]`
	at      = "2026-05-06T07:08:09.000001+00:00"
)

var wireStreams = []struct {
	sender string
	in     string
	want   []string
}{
	{"util-linux logger, -T", "<13>1 " + at + " box1 job - - " + quality + " started\n",
		[]string{"13 rfc5424 box1 job[-] " + quality + "|started"}},
	{"util-linux logger, local zone", "<13>1 2026-05-06T09:08:09.000001+02:00 box1 job - - - started\n",
		[]string{"13 rfc5424 box1 job[-] -|started"}},
	{"util-linux logger, --sd-param", `<13>1 ` + at + ` box1 job - MID [shop@99 owner="li" q="x\]y"][z@1] body` + "\n",
		[]string{`13 rfc5424 box1 job[-] [shop@99 owner="li" q="x\]y"][z@1]|body`}},
	{"util-linux logger, notime", "<13>1 - box1 job - - - x\n", []string{"13 rfc5424 box1 job[-] -|x"}},
	{"util-linux logger, notq and nohost", "<13>1 " + at + " - job - - - x\n", []string{"13 rfc5424 - job[-] -|x"}},
	{"util-linux logger, --rfc3164", "<13>May  6 07:08:09 box1 job: one\n<13>May  6 07:08:09 box1 job: two\n",
		[]string{"13 bsd box1 job[-] -|one", "13 bsd box1 job[-] -|two"}},
	{"util-linux logger, --octet-count", withCount("<13>1 "+at+" box1 job - - - wörld") + withCount("<13>1 "+at+" box1 job - - - b"),
		[]string{"13 rfc5424 box1 job[-] -|wörld", "13 rfc5424 box1 job[-] -|b"}},
	{"util-linux logger, --rfc3164 --octet-count", withCount("<13>May  6 07:08:09 box1 job: one"),
		[]string{"13 bsd box1 job[-] -|one"}},
	{"util-linux logger, LF in the argument", "<13>1 " + at + " box1 job - - - x\ny\tz\x02\n",
		[]string{"13 rfc5424 box1 job[-] -|x", "-1 bare - -[-] -|y\tz\x02"}},
	{"util-linux logger, lines of stdin, one empty", "<13>1 " + at + " box1 job - - - x\n<13>1 " + at + " box1 job - - - \n",
		[]string{"13 rfc5424 box1 job[-] -|x", "13 rfc5424 box1 job[-] -|"}},
	{"util-linux logger, --prio-prefix", "<11>1 " + at + " box1 job - - - bad\n<13>1 " + at + " box1 job - - - <777>odd\n",
		[]string{"11 rfc5424 box1 job[-] -|bad", "13 rfc5424 box1 job[-] -|<777>odd"}},
	{"util-linux logger, Latin 1", "<13>1 " + at + " box1 job - - - na\xefve\n", []string{"13 rfc5424 box1 job[-] -|na\xefve"}},
	{"util-linux logger, long input split in two", "<13>1 " + at + " box1 job - - - " + padding + "\n<13>1 " + at + " box1 job - - - " + padding + "\n",
		[]string{"13 rfc5424 box1 job[-] -|" + padding, "13 rfc5424 box1 job[-] -|" + padding}},
	{"util-linux logger, nothing", "", nil},

	{"Go log/syslog", "<134>2026-05-06T07:08:09Z box1 svc[77]: up\n<131>2026-05-06T07:08:09Z box1 svc[77]: a\nb\n<132>2026-05-06T07:08:09Z box1 svc[77]: \n",
		[]string{"134 iso box1 svc[77] -|up", "131 iso box1 svc[77] -|a", "-1 bare - -[-] -|b", "132 iso box1 svc[77] -|"}},
	{"Python SysLogHandler", "<142>first\x00<139>two\nlines\x00<140>wörld\x00",
		[]string{"142 bare - -[-] -|first", "139 bare - -[-] -|two", "-1 bare - -[-] -|lines", "140 bare - -[-] -|wörld"}},
	{"Python SysLogHandler, append_nul=False: no delimiter", "<142>first<139>second",
		[]string{"142 bare - -[-] -|first<139>second"}},
	{"winston-syslog, BSD: no delimiter", `<150>May  6 07:08:09 box1 web[5]: {"a":"b"}<147>May  6 07:08:09 box1 web[5]: {"c":"d"}`,
		[]string{`150 bsd box1 web[5] -|{"a":"b"}<147>May  6 07:08:09 box1 web[5]: {"c":"d"}`}},
	{"winston-syslog, 5424: no delimiter", `<150>1 2026-05-06T07:08:09.001Z box1 web 5 - - {"a":"b"}`,
		[]string{`150 rfc5424 box1 web[5] -|{"a":"b"}`}},

	{"loggen, no size: no delimiter", "<38>2026-05-06T07:08:09 localhost prg[1]: seq: 0 <38>2026-05-06T07:08:09 localhost prg[1]: seq: 1 ",
		[]string{"38 iso localhost prg[1] -|seq: 0 <38>2026-05-06T07:08:09 localhost prg[1]: seq: 1 "}},
	{"loggen", "<38>2026-05-06T07:08:09 localhost prg[1]: seq: 0 PADD\n<38>2026-05-06T07:08:09 localhost prg[1]: seq: 1 PADD\n",
		[]string{"38 iso localhost prg[1] -|seq: 0 PADD", "38 iso localhost prg[1] -|seq: 1 PADD"}},
	{"loggen, -P", withCount("<38>1 2026-05-06T07:08:09+00:00 localhost prg 1 - - \xef\xbb\xbfseq: 0\n") + withCount("<38>1 2026-05-06T07:08:09+00:00 localhost prg 1 - [t n=\"v\"] \xef\xbb\xbfseq: 1\n"),
		[]string{"38 rfc5424 localhost prg[1] -|seq: 0", `38 rfc5424 localhost prg[1] [t n="v"]|seq: 1`}},
	{"loggen, -P --no-framing", "<38>1 2026-05-06T07:08:09+00:00 localhost prg 1 - - \xef\xbb\xbfseq: 0\n<38>1 2026-05-06T07:08:09+00:00 localhost prg 1 - - \xef\xbb\xbfseq: 1\n",
		[]string{"38 rfc5424 localhost prg[1] -|seq: 0", "38 rfc5424 localhost prg[1] -|seq: 1"}},
	{"loggen, -H: PROXY v1 with LF", "PROXY TCP4 198.51.100.7 198.51.100.1 4000 514\n",
		[]string{"-1 bare - -[-] -|PROXY TCP4 198.51.100.7 198.51.100.1 4000 514"}},

	{"rsyslog", "<134>May  6 07:08:09 box1 app: hi\n<19>May  6 07:08:09 box1 web[42]: a#012b#011c\n",
		[]string{"134 bsd box1 app[-] -|hi", "19 bsd box1 web[42] -|a#012b#011c"}},
	{"rsyslog, RFC 5424 line through the socket", "<13>May  6 07:08:09 box1 1 " + at + " box1 app - ID1 - x\n",
		[]string{"13 bsd box1 -[-] -|1 " + at + " box1 app - ID1 - x"}},
	{"rsyslog, @@(o)", withCount("<134>May  6 07:08:09 box1 app: hi") + withCount("<13>May  6 07:08:09 box1 app: wörld"),
		[]string{"134 bsd box1 app[-] -|hi", "13 bsd box1 app[-] -|wörld"}},
	{"rsyslog, ForwardFormat", "<134>" + at + " box1 app: hi\n<19>" + at + " box1 web[42]: x\n",
		[]string{"134 iso box1 app[-] -|hi", "19 iso box1 web[42] -|x"}},
	{"rsyslog, FileFormat: no PRI", at + " box1 app: hi\n" + at + " box1 web[42]: x\n",
		[]string{"-1 iso box1 app[-] -|hi", "-1 iso box1 web[42] -|x"}},
	{"rsyslog, Protocol23Format, octet-counted", withCount("<134>1 "+at+" box1 app - - -  hi\n") + withCount("<19>1 "+at+" box1 web 42 - -  x\n"),
		[]string{"134 rfc5424 box1 app[-] -| hi", "19 rfc5424 box1 web[42] -| x"}},
	{"rsyslog, control characters kept", withCount("<19>1 "+at+" box1 web 42 - -  a\nb\tc\n") + withCount("<134>1 "+at+" box1 app - - -  hi\n"),
		[]string{"19 rfc5424 box1 web[42] -| a\nb\tc", "134 rfc5424 box1 app[-] -| hi"}},
	{"rsyslog, TCP_FrameDelimiter=0", "<134>1 " + at + " box1 app - - -  hi\n\x00<19>1 " + at + " box1 web 42 - -  x\n\x00",
		[]string{"134 rfc5424 box1 app[-] -| hi", "19 rfc5424 box1 web[42] -| x"}},
	{"rsyslog, ZipLevel", withCount("zx\xda\x0a\x00\n<1") + withCount("<134>May  6 07:08:09 box1 app: hi"),
		[]string{"-1 bare - -[-] -|zx\xda\x0a\x00\n<1", "134 bsd box1 app[-] -|hi"}},
	{"rsyslog, JSON template", "{\"@timestamp\":\"" + at + "\", \"host\":\"box1\"}\n{\"a\":1}\n",
		[]string{`-1 bare - -[-] -|{"@timestamp":"` + at + `", "host":"box1"}`, `-1 bare - -[-] -|{"a":1}`}},
	{"rsyslog, RELP: not spoken, and not mistaken for a count", "1 open 86 relp_version=0\nrelp_software=x\ncommands=syslog\n2 syslog 34 <134>May  6 07:08:09 box1 app: hi\n",
		[]string{"-1 bare - -[-] -|1 open 86 relp_version=0", "-1 bare - -[-] -|relp_software=x", "-1 bare - -[-] -|commands=syslog", "-1 bare - -[-] -|2 syslog 34 <134>May  6 07:08:09 box1 app: hi"}},

	{"syslog-ng, network()", "<134>May  6 07:08:09 box1 app: hi\n<19>May  6 07:08:09 box1 web[42]: a\nb\n",
		[]string{"134 bsd box1 app[-] -|hi", "19 bsd box1 web[42] -|a", "-1 bare - -[-] -|b"}},
	{"syslog-ng, network() with syslog-protocol", "<134>1 2026-05-06T07:08:09+00:00 box1 app - - [meta sequenceId=\"1\"] hi\n",
		[]string{`134 rfc5424 box1 app[-] [meta sequenceId="1"]|hi`}},
	{"syslog-ng, syslog()", withCount("<134>1 2026-05-06T07:08:09+00:00 box1 app - - [meta sequenceId=\"1\"] hi\n") + withCount("<19>1 2026-05-06T07:08:09+00:00 box1 web 42 - [meta sequenceId=\"2\"] a\nb\n"),
		[]string{`134 rfc5424 box1 app[-] [meta sequenceId="1"]|hi`, `19 rfc5424 box1 web[42] [meta sequenceId="2"]|a` + "\nb"}},
}

// TestWireStreams sends what programs really write to a TCP or TLS connection: their
// framing, with invented content.
func TestWireStreams(t *testing.T) {
	for _, c := range wireStreams {
		t.Run(c.sender, func(t *testing.T) {
			for _, chunk := range []int{1 << 20, 1, 5} {
				f := &Framer{Max: 64 << 10}
				var got []string
				for _, m := range drive(t, f, []byte(c.in), constant(chunk)) {
					got = append(got, summary(m))
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("in reads of %d bytes\ngot  %q\nwant %q", chunk, got, c.want)
				}
				if f.Errors != 0 {
					t.Errorf("%d framing errors", f.Errors)
				}
			}
		})
	}
}

// TestWireDatagrams sends what programs really write into a datagram.
func TestWireDatagrams(t *testing.T) {
	for _, c := range []struct {
		sender, in string
		want       []string
	}{
		{"busybox syslogd -R", "<134>May  6 07:08:09 job: hi\n", []string{"134 bsd - job[-] -|hi"}},
		{"util-linux logger", "<13>1 2026-05-06T07:08:09.000001+00:00 box1 job - - - wörld", []string{"13 rfc5424 box1 job[-] -|wörld"}},
		{"util-linux logger, --rfc3164", "<156>May  6 07:08:09 box1 job[7323]: x", []string{"156 bsd box1 job[7323] -|x"}},
		{"util-linux logger, --octet-count", withCount("<13>1 2026-05-06T07:08:09.000001+00:00 box1 job - - - x"), []string{"13 rfc5424 box1 job[-] -|x"}},
		{"util-linux logger, /dev/log", "<30>May  6 07:08:09 job: x", []string{"30 bsd - job[-] -|x"}},
		{"Go log/syslog", "<131>2026-05-06T07:08:09Z box1 svc[77]: a\nb\n", []string{"131 iso box1 svc[77] -|a\nb"}},
		{"Python SysLogHandler", "<139>boom\nTraceback (most recent call last):\n  File \"x\", line 6\x00", []string{"139 bare - -[-] -|boom\nTraceback (most recent call last):\n  File \"x\", line 6"}},
		{"Python SysLogHandler, ident", "<142>svc: svc[9]: INFO hi\x00", []string{"142 bare - svc[-] -|svc[9]: INFO hi"}},
		{"HAProxy, rfc3164", "<134>May  6 07:08:09 haproxy[109]: 192.0.2.1:338 [06/May/2026:07:08:09.298] fe\n", []string{"134 bsd - haproxy[109] -|192.0.2.1:338 [06/May/2026:07:08:09.298] fe"}},
		{"HAProxy, rfc5424", "<134>1 2026-05-06T07:08:09.000001+00:00 - haproxy 109 - - 192.0.2.1:338 fe\n", []string{"134 rfc5424 - haproxy[109] -|192.0.2.1:338 fe"}},
		{"HAProxy, iso: no PRI", "2026-05-06T07:08:09.000001+00:00 192.0.2.1:338 [06/May/2026] fe\n", []string{"-1 iso - -[-] -|192.0.2.1:338 [06/May/2026] fe"}},
		{"nginx", "<190>May  6 07:08:09 box1 ngx: 192.0.2.1 - - \"GET / HTTP/1.1\"", []string{`190 bsd box1 ngx[-] -|192.0.2.1 - - "GET / HTTP/1.1"`}},
		{"nginx before its workers start: empty host", "<189>May  6 07:08:09  ngx: 2026/05/06 07:08:09 [notice] 1#1: x", []string{"189 bsd - ngx[-] -|2026/05/06 07:08:09 [notice] 1#1: x"}},
		{"winston-syslog", `<147>May  6 07:08:09 box1 web[5]: {"a":"x\ny"}`, []string{`147 bsd box1 web[5] -|{"a":"x\ny"}`}},
		{"loggen", "<38>2026-05-06T07:08:09 localhost prg[1]: seq: 0\n", []string{"38 iso localhost prg[1] -|seq: 0"}},
		{"rsyslog", "<19>May  6 07:08:09 box1 web[42]: a#012b", []string{"19 bsd box1 web[42] -|a#012b"}},
		{"syslog-ng, network(udp)", "<19>May  6 07:08:09 box1 web[42]: a\nb\n", []string{"19 bsd box1 web[42] -|a\nb"}},
		{"syslog-ng, syslog(udp)", "<19>1 2026-05-06T07:08:09+00:00 box1 web 42 - [meta sequenceId=\"2\"] a\nb\n", []string{`19 rfc5424 box1 web[42] [meta sequenceId="2"]|a` + "\nb"}},
		{"UniFi switch", "<27>Sep 24 16:22:16 USW-1 74fa291da500,USW-Pro-7.5.15+17: udhcpc[977]: lease\n", []string{"27 bsd USW-1 -[-] -|74fa291da500,USW-Pro-7.5.15+17: udhcpc[977]: lease"}},
	} {
		var got []string
		for rest := []byte(c.in); len(rest) > 0; {
			var msg []byte
			msg, rest = Datagram(rest)
			got = append(got, summary(string(msg)))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s\ngot  %q\nwant %q", c.sender, got, c.want)
		}
	}
}
