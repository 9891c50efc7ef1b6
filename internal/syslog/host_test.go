package syslog

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

func TestHost(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		// Names of devices.
		{"web1", "web1"}, {"UCK-G2+", "UCK-G2+"}, {"U6+", "U6+"}, {"UXG+", "UXG+"}, {"pa+1", "pa+1"}, {"7", ""},
		{"Joe's-UDM", "Joe's-UDM"}, {"UDM(Home)", "UDM(Home)"}, {"fw#1", "fw#1"}, {"AP#101", "AP#101"}, {"R&D-sw", "R&D-sw"},
		{"_gw", "_gw"}, {"a_b", "a_b"}, {"core@site", "core@site"}, {"3com", "3com"}, {"WS1$", "WS1$"}, {"core~1", "core~1"},
		{"6befb258da22", "6befb258da22"}, {"localhost", "localhost"}, {"a", "a"}, {"X4711", "X4711"},
		{"Büro-AP", "Büro-AP"}, {"Joe’s-UDM", "Joe’s-UDM"}, {"東京-sw1", "東京-sw1"}, {"AP–2", "AP–2"}, {"🔥wall", "🔥wall"},
		{"fw.example.com", "fw.example.com"}, {"fw.example.com.", "fw.example.com"}, {"fw.", "fw"},
		{"sun", "sun"}, {"may", "may"}, {"March", "March"}, {"MSK-01", "MSK-01"}, {"UTC-gw", "UTC-gw"}, {"PM-2", "PM-2"}, {"pm1", "pm1"},
		{"err1", "err1"}, {"user.example", "user.example"}, {"ntp.info", "ntp.info"}, {"clock.info", "clock.info"}, {"2go", "2go"}, {strings.Repeat("x", 255), strings.Repeat("x", 255)},

		// Addresses.
		{"192.0.2.1", "192.0.2.1"}, {"192.0.2.1.", "192.0.2.1"}, {"255.255.255.255", "255.255.255.255"},
		{"2001:db8::7", "2001:db8::7"}, {"2001:DB8::7", "2001:DB8::7"}, {"::1", "::1"}, {"2001:db8:247e:5804:29e3::", "2001:db8:247e:5804:29e3::"},
		{"[2001:db8::7]", "2001:db8::7"}, {"fe80::1%eth0", "fe80::1"}, {"[fe80::1%25eth0]", "fe80::1"},
		{"::ffff:192.0.2.1", "192.0.2.1"}, {"::FFFF:192.0.2.1", "192.0.2.1"}, {"0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"}, {"[::ffff:192.0.2.1]", "192.0.2.1"},
		{"::192.0.2.1", "::192.0.2.1"}, {"64:ff9b::192.0.2.1", "64:ff9b::192.0.2.1"}, {"1::ffff:192.0.2.1", "1::ffff:192.0.2.1"},
		{"999.999.999.999", ""}, {"256.1.1.1", ""}, {"1.2.3", ""}, {"1.2.3.4.5", ""}, {"192.168.001.010", ""}, {"0.0.0.0", ""}, {"1..2.3", ""},
		{"::", ""}, {"0:0:0:0:0:0:0:0", ""}, {"::ffff:0.0.0.0", ""}, {"::ffff:192.0.2.256", ""}, {"2001:db8::7::1", ""}, {"[::1", ""}, {"[]", ""}, {"[web1]", ""},
		{"12:30:01", ""}, {"9c:05:d6:00:00:01", ""}, {"192.0.2.1:514", ""}, {"web1:514", ""}, {"%eth0", ""}, {":", ""}, {"[", ""}, {"%", ""},

		// Words that are never a host.
		{"", ""}, {"-", ""}, {"--", ""}, {".", ""}, {"...", ""}, {"..", ""}, {"4711", ""}, {"000123", ""}, {"2026-03-14", ""}, {"2026", ""}, {"1-2", ""},
		{"+1", ""}, {".hidden", ""}, {"-h", ""}, {"#1", ""}, {"(none)", ""}, {"'web1'", ""}, {"@cee", ""}, {"Loading...", ""}, {"a..", ""}, {"a..b", ""},
		{"UTC", ""}, {"CEST", ""}, {"IST", ""}, {"WIB", ""}, {"Z", ""}, {"UTC+1", ""}, {"GMT-5", ""}, {"UTC+99", ""}, {"UTC+5:30", ""}, {"EST5EDT", ""}, {"CST-6", ""},
		{"PM", ""}, {"am", ""}, {"p.m.", ""}, {"Mar", ""}, {"AUG", ""}, {"Sun", ""}, {"MON", ""},
		{"INFO", ""}, {"ERROR", ""}, {"user.info", ""}, {"local0.notice", ""}, {"kern.warn", ""}, {"auth.error", ""}, {"2y10w", ""}, {"3d04h", ""}, {"MSWinEventLog", ""},
		{"sshd[1]:", ""}, {"[1234]", ""}, {"kernel:", ""}, {"a=b", ""}, {"a|b", ""}, {"{host}", ""}, {`"web1"`, ""}, {"<web1>", ""}, {"a,b", ""}, {"a;b", ""},
		{"a/b", ""}, {`CORP\ws1`, ""}, {"%ASA-6-302013", ""}, {"*", ""}, {"why?", ""}, {"ws1#011MSWinEventLog", ""}, {"a\tb", ""}, {"a b", ""}, {"a\x00", ""},
		{"caf\xe9", ""}, {"a\u200b", ""}, {"a\u00a0b", ""}, {"“quoted”", ""}, {"\ufeffweb1", ""}, {"a\u0085", ""}, {strings.Repeat("x", 256), ""},
	} {
		w := []byte(c.in)
		got := Host(w)
		if string(got) != c.want || (got == nil) != (c.want == "") || !within(got, w) {
			t.Errorf("Host(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// FuzzHost checks the promises of Host, and compares addresses with net/netip.
func FuzzHost(f *testing.F) {
	for _, in := range []string{"UCK-G2+", "192.0.2.1", "::ffff:192.0.2.1", "fe80::1%eth0", "[::1]", "Büro", "1.2.3.256", "::1.2.3.4", "0:0:0:0:0:0:0:1", "a."} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, w []byte) {
		got := Host(w)
		if !within(got, w) || got != nil && len(got) == 0 {
			t.Fatalf("Host(%q) = %q", w, got)
		}
		if n, _ := hostname(append(bytes.Clone(w), " x"...)); got != nil && n != len(w) {
			t.Fatalf("hostname reads %d bytes of %q, which is a host", n, w)
		}
		if again := Host(got); got != nil && !bytes.Equal(again, got) {
			t.Fatalf("Host(%q) = %q, and of that %q", w, got, again)
		}
		if bytes.ContainsAny(got, " \t\",;|={}<>/\\*?[]%") {
			t.Fatalf("Host(%q) = %q", w, got)
		}
		a, err := netip.ParseAddr(string(w))
		if err == nil && a.Zone() == "" && !a.Is4In6() && (got == nil) != a.IsUnspecified() {
			t.Fatalf("Host(%q) = %q, an address for net/netip", w, got)
		}
		if got != nil && bytes.IndexByte(got, ':') >= 0 {
			if _, err := netip.ParseAddr(string(got)); err != nil {
				t.Fatalf("Host(%q) = %q: %v", w, got, err)
			}
		}
	})
}
