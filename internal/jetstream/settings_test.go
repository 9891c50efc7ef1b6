package jetstream

import (
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

// TestSettings: what cannot be had of real servers in a test.
func TestSettings(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	node := func(name string, clock time.Time, free int64) server {
		s := server{Name: name, Now: clock, at: now}
		s.JetStream.Config = &struct {
			MaxStorage int64 `json:"max_storage"`
			SyncAlways bool  `json:"sync_always"`
		}{1000 + free, true}
		s.JetStream.Stats.Reserved = 1000
		return s
	}
	o := Options{Streams: 2, Replicas: 3, MaxSize: 200}
	for name, c := range map[string]struct {
		servers []server
		missing int
		want    string // empty: fine
	}{
		"good":                 {[]server{node("a", now, 200), node("b", now.Add(-50*time.Second), 200), node("c", now, 200)}, 2, ""},
		"a clock of 1970":      {[]server{node("a", now, 200), node("b", time.Unix(7, 0), 200), node("c", now, 200)}, 2, "b: its clock differs by"},
		"a clock that is fast": {[]server{node("a", now, 200), node("b", now, 200), node("c", now.Add(time.Hour), 200)}, 2, "c: its clock differs by 1h0m0s"},
		"one is small":         {[]server{node("a", now, 200), node("b", now, 199), node("c", now, 200)}, 2, "no room for 2 streams of 100 bytes on 3 servers each"},
		"a large one does not help, since replicas are on different servers": {[]server{node("a", now, 9000), node("b", now, 100), node("c", now, 100)}, 2, "no room"},
		"five share":            {[]server{node("a", now, 200), node("b", now, 100), node("c", now, 100), node("d", now, 100), node("e", now, 100)}, 2, ""},
		"the streams are there": {[]server{node("a", now, -50), node("b", now, 0), node("c", now, 0)}, 0, ""},
		"no JetStream on one":   {[]server{node("a", now, 200), node("b", now, 200), {Name: "c", Now: now, at: now}}, 2, "2 servers have JetStream"},
	} {
		t.Run(name, func(t *testing.T) {
			var f Findings
			f.settings(o, c.servers, c.missing)
			text := strings.Join(f.Refused, "\n")
			testkit.Holds(t, "refused", text, c.want)
			testkit.Equal(t, "refuses", text != "", c.want != "")
		})
	}
}

func TestTooOld(t *testing.T) {
	for version, want := range map[string]bool{"2.9.25": true, "2.14.9": true, "1.99.0": true, "2.15.0": false, "2.15.3-RC.1": false, "2.100.0": false, "3.0.0": false, "": false, "dev": false} {
		testkit.Equal(t, version, tooOld(version), want)
	}
}
