package dialect_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/syslog"
)

// bodies has lines of each family without their header, and their class.
var bodies = []struct{ port, tag, text, class string }{
	{"unifi", "", "CEF:0|Ubiquiti|UniFi Network|10.2.105|544|Admin|1|msg=x", "unifi_cef"},
	{"unifi", "", "e063daccbd48,U6+-6.7.41+15623: hostapd[4429]: wifi1ap1: x", "unifi_device"},
	{"unifi", "", `[WAN_LAN-D-10001] DESCR="x" IN=eth8 OUT=br202 MAC= SRC=198.51.100.168 DST=192.0.2.6 PROTO=TCP`, "unifi_firewall"},
	{"unifi", "mcad[7]: ", "x", "unifi_mcad"},
	{"palo_alto", "", `1,,0072,SYSTEM,general,0,,,general,,0,0,general,informational,"test",1,0x0`, "pan_system"},
	{"cisco_asa", "", ": %ASA-6-302013: Built", "cisco_asa"},
	{"cisco_asa", "", "%FTD-6-430003: DeviceUUID: x", "cisco_ftd"},
	{"linux", "sshd[1]: ", "Accepted publickey for alice", "linux_secure"},
	{"linux", "app: ", "x", "linux_syslog"},
	{"windows", "", "MSWinEventLog\t1\tSecurity\t13\t\t4634\tx", "windows_snare"},
	{"windows", "", `{"EventTime":"","EventID":4624,"Channel":"Security"}`, "windows_nxlog_json"},
}

// lineOf puts a header before a body: "%h" is the host, "%t" the tag, "%f" the fields of
// RFC 5424 that have the tag.
func lineOf(header, host, tag, text string) string {
	fields := "- - - -"
	if app, _, ok := strings.Cut(tag, "["); ok {
		fields = app + " 1 - -"
	} else if app, _, ok := strings.Cut(tag, ":"); ok {
		fields = app + " - - -"
	}
	return strings.NewReplacer("%h", host, "%t", tag, "%f", fields).Replace(header) + text
}

var hostHeaders = []string{
	"<30>Jun  3 16:33:07 %h %t", "Jun  3 16:33:07 %h %t", "<30>Jun  3 2026 16:33:07 %h %t", "<30>2026-06-03T16:33:07Z %h %t",
	"<30>1 2026-06-03T16:33:07Z %h %f ", "<30>1 Jun  3 16:33:07 %h %t", "<30>1780504387 %h %t",
}

const relayHeader = "<13>Jun  3 16:33:08 relay1 "

// TestHostNames puts every kind of name into every header before lines of every family,
// with and without the header of a relay. The class does not depend on the host.
func TestHostNames(t *testing.T) {
	accepted := []struct{ name, host string }{
		{"web1", "web1"}, {"UCK-G2+", "UCK-G2+"}, {"U6+", "U6+"}, {"Joe's-UDM", "Joe's-UDM"}, {"UDM(Home)", "UDM(Home)"},
		{"fw#1", "fw#1"}, {"R&D-gw", "R&D-gw"}, {"a_b", "a_b"}, {"Büro-AP", "Büro-AP"}, {"Joe’s-AP", "Joe’s-AP"}, {"192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"}, {"2001:db8::7", "2001:db8::7"}, {"[2001:db8::7]", "2001:db8::7"}, {"fe80::1%eth0", "fe80::1"},
		{"fw.example.com.", "fw.example.com"},
	}
	for _, n := range accepted {
		for _, b := range bodies {
			for _, header := range hostHeaders {
				line := lineOf(header, n.name, b.tag, b.text)
				checkHeader(t, b.port, line, b.class, n.host)
				checkHeader(t, b.port, relayHeader+line, b.class, n.host)
				checkHeader(t, "auto", line, "", n.host)
			}
		}
	}
	refused := []string{
		"999.999.999.999", "10.321.1.1", "0.0.0.0", "...", "::", "PM", "UTC", "UTC+1", "4711", "Mar", "(none)", "kern.info", "2y10w", "INFO",
		"weird|name", `"q"`, "web/1", "<none>", "{h}", "a=b", "12:30:01", "9c:05:d6:00:00:01", "192.0.2.1:514", "*", "-",
	}
	for _, name := range refused {
		for _, b := range bodies {
			for _, header := range hostHeaders {
				checkHeader(t, b.port, lineOf(header, name, b.tag, b.text), b.class, "")
			}
		}
	}
}

func checkHeader(t *testing.T, port, line, class, host string) {
	t.Helper()
	r := parse(t, port, []byte(line))
	if string(r.Host) != host || class != "" && r.Class.String() != class {
		t.Errorf("port %s, %q: class %s and host %q, want %s and %q", port, line, r.Class, r.Host, class, host)
	}
}

// timeForms are the headers with a time of day. %s is the text from the hour on. The host is
// empty if the header has none.
var timeForms = []struct{ port, form, class, host string }{
	{"linux", "<13>May  6 %s web1 sshd[1]: x", "linux_secure", "web1"},
	{"linux", "<13>May  6 2026 %s web1 sshd[1]: x", "linux_secure", "web1"},
	{"linux", "May  6 %s web1 sshd[1]: x", "linux_secure", "web1"},
	{"linux", "<13>2026-05-06 %s web1 sshd[1]: x", "linux_secure", "web1"},
	{"linux", "<13>2026-05-06T%s web1 sshd[1]: x", "linux_secure", "web1"},
	{"linux", "<13>1 2026-05-06T%s web1 sshd 1 - - x", "linux_secure", "web1"},
	{"linux", "<189>55: web1: 000012: .May  6 %s: %%SYS-5-CONFIG_I: x", "cisco_ios", "web1"},
	{"cisco_asa", "<166>May  6 2026 %s web1 : %%ASA-6-302013: Built", "cisco_asa", "web1"},
	{"cisco_asa", "<166>May  6 %s: %%ASA-6-302013: Built", "cisco_asa", ""},
	{"cisco_asa", "<166>:May 06 %s: %%ASA-6-302013: Built", "cisco_asa", ""},
	{"cisco_asa", "<189>55: web1: May  6 2026 %s: %%SYS-5-CONFIG_I: x", "cisco_ios", "web1"},
	{"cisco_asa", "<189>web1: *May  6 %s: %%SYS-5-CONFIG_I: x", "cisco_ios", "web1"},
	{"cisco_asa", "<189>: 2026 May  6 %s: %%ETHPORT-5-IF_UP: x", "cisco_ios", ""},
	{"cisco_asa", "<189>1: web1 RP/0/RSP0/CPU0:May  6 %s: pim[1]: %%ROUTING-5-NBRCHG : x", "cisco_ios", "web1"},
	{"unifi", "<30>May  6 %s web1 e063daccbd48,U6+-6.7.41+15623: hostapd[4429]: x", "unifi_device", "web1"},
	{"unifi", "May  6 %s web1 CEF:0|Ubiquiti|UniFi Network|10.2.105|544|Admin|1|msg=x", "unifi_cef", "web1"},
	{"palo_alto", `<14>May  6 %s web1 1,,0072,SYSTEM,general,0,,,general,,0,0,general,informational,"test",1,0x0`, "pan_system", "web1"},
	{"windows", "<14>May  6 %s web1 MSWinEventLog\t1\tSecurity\t13\t\t4634\tx", "windows_snare", "web1"},
}

// TestTimeForms writes one moment in every form, and times that do not exist, into every
// header. The rest of the header must be read in any case.
func TestTimeForms(t *testing.T) {
	received := time.Date(2026, 5, 6, 15, 13, 10, 0, time.UTC).UnixNano()
	moment := time.Date(2026, 5, 6, 15, 13, 9, 0, time.UTC).UnixNano()
	for _, f := range timeForms {
		for _, clock := range []string{
			"15:13:09", "16:13:09 UTC+1", "10:13:09 GMT-5", "20:43:09 UTC+5:30", "20:58:09 UTC+05:45", "20:43:09 UTC+0530", "11:13:09 TZ-4", "16:13:09 +01:00",
			"03:13:09 PM", "03:13:09PM", "03:13:09 p.m.", "03:13:09 PM UTC", "04:13:09 PM UTC+1", "15:13:09 WIB",
		} {
			line := fmt.Sprintf(f.form, clock)
			r := checkTime(t, f.port, line, f.class, f.host)
			if got, ok := syslog.NewClock(time.UTC).Instant(&r.Stamp, received); !ok || got != moment {
				t.Errorf("%q: %s (%v)", line, time.Unix(0, got).UTC(), ok)
			}
		}
		for _, clock := range []string{"24:00:00", "25:61:00", "15:60:09", "15:13:61", "15:13:09 UTC+99", "24:00:00 PM"} {
			line := fmt.Sprintf(f.form, clock)
			r := checkTime(t, f.port, line, f.class, f.host)
			var h syslog.Header
			syslog.Scan([]byte(line), &h)
			if !r.Stamp.IsZero() || h.Stamp.IsZero() || h.Stamp.Exists() {
				t.Errorf("%q: stamps %+v and %+v", line, r.Stamp, h.Stamp)
			}
		}
	}
}

func checkTime(t *testing.T, port, line, class, host string) dialect.Result {
	t.Helper()
	checkHeader(t, port, line, class, host)
	return parse(t, port, []byte(line))
}

// TestImpossibleTimes has messages with a time that does not exist, some with another one.
func TestImpossibleTimes(t *testing.T) {
	for _, c := range []struct{ port, line, class, host, time string }{
		{"linux", "<13>2025-11-31T14:99:16.000000+01:00 localhost mbp[11]: x", "linux_syslog", "localhost", ""},
		{"linux", "<13>1 2025-02-29T14:00:16Z web1 app - - - x", "linux_syslog", "web1", ""},
		{"linux", "<13>0000-00-00T00:00:00Z web1 app: x", "linux_syslog", "web1", ""},
		{"linux", "<13>Feb 30 10:00:00 host1 mbp[11]: x", "linux_syslog", "host1", ""},
		{"linux", "<13>May 00 00:00:00 host1 mbp[11]: x", "linux_syslog", "host1", ""},
		{"linux", "<13>Mar 14 24:00:00 web1 audispd: node=web1 type=EOE msg=audit(1700000000.123:4567): x", "linux_audit", "web1", "@1700000000.123"},
		{"palo_alto", "<14>Mar 14 25:61:00 pa1 1,2026/03/14 14:28:52,0072,SYSTEM,general,0,2026/03/14 14:28:51,,general", "pan_system", "pa1", "2026-03-14 14:28:51"},
		{"palo_alto", "<14>Mar 14 14:28:53 pa1 1,2026/03/32 14:28:52,0072,SYSTEM,general,0,2026/03/14 24:28:51,,general", "pan_system", "pa1", "0000-03-14 14:28:53"},
		{"windows", "<14>Mar 14 14:28:53 ws1 MSWinEventLog\t1\tSecurity\t13\tFri Feb 30 13:33:30 2026\t4634", "windows_snare", "ws1", "0000-03-14 14:28:53"},
		{"unifi", "Mar 14 14:28:53 gw CEF:0|Ubiquiti|UniFi Network|10.2.105|544|Admin|1|UNIFIutcTime=2026-03-14T25:33:06.904Z msg=x", "unifi_cef", "gw", "0000-03-14 14:28:53"},
		{"cisco_asa", "<166>Mar 14 14:28:53 relay1 : Mar 14 2026 24:28:53 fw1 : %ASA-6-302013: Built", "cisco_asa", "fw1", "0000-03-14 14:28:53"},
	} {
		if r := checkTime(t, c.port, c.line, c.class, c.host); stampText(r.Stamp) != c.time {
			t.Errorf("%q: time %q, want %q", c.line, stampText(r.Stamp), c.time)
		}
	}
}

// TestByteOrderMark puts the byte order mark in all places where senders put it.
func TestByteOrderMark(t *testing.T) {
	const mark = "\xef\xbb\xbf"
	for _, b := range bodies {
		for _, header := range hostHeaders {
			checkHeader(t, b.port, mark+lineOf(header, "web1", b.tag, b.text), b.class, "web1")
			checkHeader(t, b.port, lineOf(header, "web1", b.tag, mark+b.text), b.class, "web1")
			if pri := strings.IndexByte(header, '>') + 1; pri != 0 {
				checkHeader(t, b.port, header[:pri]+mark+lineOf(header[pri:], "web1", b.tag, b.text), b.class, "web1")
			}
		}
		if b.tag == "" && b.text[0] != ':' {
			checkHeader(t, b.port, mark+b.text, b.class, "")
		}
	}
}

// TestXMLProlog puts everything before the event that XML permits there.
func TestXMLProlog(t *testing.T) {
	const event = `<Event xmlns='x'><System><TimeCreated SystemTime='2020-05-18T07:00:00.0Z'/><Channel>Security</Channel>` +
		`<Computer>host.example.com</Computer></System></Event>`
	for _, prolog := range []string{"", `<?xml version="1.0" encoding="UTF-8"?>`, "<?xml version='1.0'?> ", "\xef\xbb\xbf<?xml version='1.0'?>"} {
		for _, header := range append(hostHeaders, "", "<13>", "<13>Jun  3 16:33:07 ", "<13>Jun  3 16:33:07 %h app[1]: ") {
			for _, port := range []string{"windows", "linux"} {
				line := lineOf(header, "wec1", "", prolog+event)
				checkHeader(t, port, line, "windows_xml", "host.example.com")
				r := parse(t, port, []byte(line))
				if string(r.Body) != event || string(r.Source) != "Security" || stampText(r.Stamp) != "2020-05-18 07:00:00+00:00" {
					t.Errorf("%q: body %q, source %q, time %s", line, r.Body, r.Source, stampText(r.Stamp))
				}
			}
		}
	}
}

// TestIOSOrigins has the header forms of IOS, IOS XR and NX-OS on every port. They are
// recognised by the identifier.
func TestIOSOrigins(t *testing.T) {
	for _, c := range []struct{ line, host string }{
		{"<189>: sw01: Jan  6 2022 21:01:34.964: %SYS-5-CONFIG_I: x", "sw01"},
		{"<189>: 192.0.2.77: Jan  6 2022 21:01:34.964: %SYS-5-CONFIG_I: x", "192.0.2.77"},
		{"<189>sw01: 000123: Jan  6 21:01:34.964 UTC: %SYS-5-CONFIG_I: x", "sw01"},
		{"<189>sw01: Jan  6 21:01:34.964 UTC: %SYS-5-CONFIG_I: x", "sw01"},
		{"<189>192.0.2.77: *Jan  6 21:01:34.964: %SYS-5-CONFIG_I: x", "192.0.2.77"},
		{"<189>55: ::ffff:192.0.2.77: Jan  6 21:01:34.964: %SYS-5-CONFIG_I: x", "192.0.2.77"},
		{"<189>55: sw01.example.com.: Jan  6 21:01:34.964: %SYS-5-CONFIG_I: x", "sw01.example.com"},
		{"<189>55: SW+1: 000123: Jan  6 21:01:34.964: %SYS-5-CONFIG_I: x", "SW+1"},
		{"<189>55: 999.1.1.1: Jan  6 21:01:34.964: %SYS-5-CONFIG_I: x", ""},
		{"<189>55: Core Switch 1: Jan  6 21:01:34.964: %SYS-5-CONFIG_I: x", ""},
		{"<189>55: Jan  6 21:01:34.964 Berlin: %SYS-5-CONFIG_I: x", ""},
		{"sw01: 000123: Jan  6 2022 21:01:34.964: %SYS-5-CONFIG_I: x", "sw01"},
		{"<189>nx01: 2022 Jan  6 21:01:34.964 UTC: %ETHPORT-5-IF_UP: x", "nx01"},
		{"<189>: nx01: 2022 Jan  6 21:01:34.964 UTC: %ETHPORT-5-IF_UP: x", "nx01"},
		{"<189>nx01: 2022 Jan  6 21:01:34.964: %$ VDC-1 %$ %ETHPORT-5-IF_UP: x", "nx01"},
		{"<189>2022 Jan  6 21:01:34.964 nx01 %ETHPORT-5-IF_UP: x", "nx01"},
		{"<189>123: rtr1 RP/0/RSP0/CPU0:Jan  6 21:01:34.964 UTC: pim[1234]: %ROUTING-IPV4_PIM-5-NBRCHG : x", "rtr1"},
		{"<189>123: RP/0/RSP0/CPU0:Jan  6 21:01:34.964 : pim[1234]: %ROUTING-IPV4_PIM-5-NBRCHG : x", ""},
		{"<189>123: rtr1 RP/0/RSP0/CPU0:Jan  6 21:01:34.964 Berlin: pim[1234]: %ROUTING-5-NBRCHG : x", "rtr1"},
		{"<189>123: rtr1 RP/0/RSP0/CPU0:Jan  6 09:01:34.964 pm: pim[1234]: %ROUTING-5-NBRCHG : x", "rtr1"},
		{"<187>3408: CLC 6/0: Jan  6 21:01:34.964 EST: %PKI-3-CERTIFICATE_INVALID_EXPIRED: x", ""},
		{"<189>rtr1 0/RP0/ADMIN0:Jan  6 21:01:34.964 : vm[1]: %MGBL-VM-5-UP : x", "rtr1"},
	} {
		for _, port := range dialect.Names() {
			checkHeader(t, port, c.line, "cisco_ios", c.host)
			if r := parse(t, port, []byte(c.line)); r.Stamp.Nanos != 964e6 || r.Stamp.Hour != 21 {
				t.Errorf("port %s, %q: time %s", port, c.line, stampText(r.Stamp))
			}
		}
	}
	for _, line := range []string{ // programs, not devices
		"<13>app: Jan  6 21:01:34: started", "<13>app: 7: Jan  6 of this year", "<13>mcad: sub: Jan  6 21:01:34: 5% done",
	} {
		checkHeader(t, "linux", line, "linux_syslog", "")
	}
}
