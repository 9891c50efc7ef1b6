package syslog_test

import (
	"testing"

	"syslog-gateway/internal/syslog"
)

func TestRepair(t *testing.T) {
	for _, c := range []struct{ form, text, host, app, content string }{
		{"no_time_z", "Z esx-1 Hostd: text", "esx-1", "Hostd", "text"},
		{"no_time_z", "1 Z esx-1 vpxa 4321 - - text", "esx-1", "vpxa", "text"},
		{"netscaler", "03/14/2026:14:28:52 GMT ns-1 0-PPE-0 : default TCP x", "ns-1", "", "0-PPE-0 : default TCP x"},
		{"netscaler", " 14/03/2026:14:28:52 ns-1 0-PPE-0 : x", "ns-1", "", "0-PPE-0 : x"},
		{"netscaler", "03/14/26:14:28:52 x", "", "", ""},
		{"no_time_z", "ZZ esx-1 x", "", "", ""},
		{"other", "Z esx-1 x", "", "", ""},
	} {
		var h syslog.Header
		ok := syslog.Repair(c.form, []byte(c.text), &h)
		if ok != (c.host != "") {
			t.Errorf("%q: %v", c.text, ok)
		}
		if ok && (string(h.Host) != c.host || string(h.AppName) != c.app || string(h.Content) != c.content) {
			t.Errorf("%q: host %q, app %q, content %q", c.text, h.Host, h.AppName, h.Content)
		}
		if ok && c.form == "netscaler" && (h.Stamp.Month != 3 || h.Stamp.Day != 14 || h.Stamp.Hour != 14) {
			t.Errorf("%q: %+v", c.text, h.Stamp)
		}
	}
}
