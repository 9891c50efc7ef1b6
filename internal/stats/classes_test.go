package stats

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/tap"
	"syslog-gateway/internal/testkit"
)

// volumes gives two sources classes, one of them in both.
func volumes(s *stages) {
	s.snap.Sources[0].Volumes = []status.Volume{{Class: "acme_widget", Sourcetype: "acme:widget", Index: "netops", Events: 10, Bytes: 1000}, {Class: "unifi_device", Sourcetype: "ubiquiti:unifi", Index: "unifi", Events: 5, Bytes: 100}}
	s.snap.Sources[1].Volumes = []status.Volume{{Class: "acme_widget", Sourcetype: "acme:widget", Index: "netops", Events: 20, Bytes: 8000}, {Class: "fallback", Sourcetype: "syslog", Events: 9, Bytes: 900}}
	s.snap.Sources[0].Classes = []status.Class{{Name: "acme_widget", Pack: "acme_widget", Events: 10, Bytes: 1000, Slow: 10}, {Name: "unifi_device", Events: 5, Bytes: 100}}
	s.snap.Sources[1].Classes = []status.Class{{Name: "acme_widget", Pack: "acme_widget", Events: 20, Bytes: 8000, Slow: 1}, {Name: "fallback", Events: 9, Bytes: 900}}
}

func TestClasses(t *testing.T) {
	p := open(t, shows(volumes, func(s *stages) {
		s.snap.Packs = status.Packs{
			Hash: "0123456789ab", Loaded: s.snap.Now, InForce: 191, Embedded: 190, Folder: "/etc/packs",
			Site: []status.SitePack{{Name: "acme_widget", About: "widgets", File: "/etc/packs/a.yaml", Line: 3, Classes: []string{"acme_widget"}, Warnings: []string{`line 4: program "x" takes messages of the embedded pack y`}}},
		}
	}))
	p.server.monitor.Sample()
	page := p.get("/stats")
	for table, rows := range map[string][][]string{
		"volumes": {
			{"acme_widget", "acme_widget", "0", "30", "9.0 kB", "90.0 %", ""},
			{"unifi_device", "built in", "0", "5", "100 B", "1.0 %", ""},
		},
		"volumes-beside": {{"netops", "0", "9.0 kB", "90 %"}, {"(default)", "0", "900 B", "9 %"}},
		"packs":          {{"acme_widget widgets", "/etc/packs/a.yaml:3", "acme_widget", "line 4: program &#34;x&#34; takes messages of the embedded pack y"}},
	} {
		for _, want := range rows {
			if got := row(t, page, table, want[0]); !slices.Equal(got, want) {
				t.Errorf("%s:\n got %q\nwant %q", table, got, want)
			}
		}
	}
	if want := "191 packs in force, 190 of them embedded in the program · set 0123456789ab · loaded 2025-03-14 12:00:00 UTC"; !strings.Contains(page, want) {
		t.Errorf("the page lacks %q", want)
	}
	var got struct {
		Classes []struct {
			Class, Pack   string
			Events, Bytes int
			Share         float64
		}
		Rest, Total struct{ Events, Bytes int }
		Others      int
		Packs       status.Packs
	}
	ask := func(query string) {
		t.Helper()
		if err := json.Unmarshal([]byte(p.get("/api/v1/classes"+query)), &got); err != nil {
			t.Fatal(err)
		}
	}
	ask("?limit=2")
	if len(got.Classes) != 2 || got.Classes[1].Class != "fallback" || got.Classes[1].Share != 0.09 || got.Others != 1 ||
		got.Rest.Bytes != 100 || got.Total.Events != 44 || got.Packs.InForce != 191 || len(got.Packs.Site) != 1 {
		t.Errorf("%+v", got)
	}
	if ask("?source=unifi"); len(got.Classes) != 2 || got.Classes[0].Events != 10 || got.Total.Bytes != 1100 {
		t.Errorf("of one source: %+v", got)
	}
	if a := p.do("GET", "/api/v1/classes?limit=0"); a.code != http.StatusBadRequest {
		t.Errorf("limit 0: %d", a.code)
	}
	families := scrape(t, p)
	for name, want := range map[string]map[string]float64{
		"gateway_class_events_total": {"class=acme_widget,source=unifi": 10, "class=acme_widget,source=palo_alto": 20, "class=unifi_device,source=unifi": 5, "class=fallback,source=palo_alto": 9},
		"gateway_class_bytes_total":  {"class=acme_widget,source=unifi": 1000, "class=acme_widget,source=palo_alto": 8000, "class=unifi_device,source=unifi": 100, "class=fallback,source=palo_alto": 900},
		"gateway_pack_slow_total":    {"pack=acme_widget": 11},
		"gateway_packs_loaded":       {"": 191},
		"gateway_skewed_senders":     {"": 0},
	} {
		if got := series(families[name]); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// The volume is shown by class, sourcetype, index or source, of this hour, today or a day.
func TestVolumeOfThePage(t *testing.T) {
	p := open(t, shows(volumes))
	p.server.monitor.Sample()
	for query, want := range map[string][]string{
		"?by=sourcetype":        {"acme:widget", "0", "30", "9.0 kB", "90.0 %", ""},
		"?by=index&span=hour":   {"netops", "0", "30", "9.0 kB", "90.0 %", ""},
		"?by=source&span=today": {"palo_alto", "0", "29", "8.9 kB", "89.0 %", ""},
		"?by=<b>&span=x":        {"acme_widget", "", "0", "30", "9.0 kB", "90.0 %", ""},
	} {
		page := p.get("/stats" + strings.NewReplacer("<", "%3C", ">", "%3E").Replace(query))
		if strings.HasPrefix(query, "?by=<") {
			want[1] = "acme_widget"
		}
		if got := row(t, page, "volumes", want[0]); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", query, got, want)
		}
		wellFormed(t, page)
	}
	traffic(p.ledger) // before that there are steps instead of charts
	testkit.Holds(t, "a choice keeps the others", p.get("/stats?by=index&range=6h"), `href="/stats?by=index&amp;range=7d#time"`, `href="/stats?by=index&amp;range=6h&amp;span=hour#volume"`)
}

// The page shows 12 classes by themselves and the others in one row.
func TestManyClasses(t *testing.T) {
	p := open(t, shows(func(s *stages) {
		for i := range 60 {
			s.snap.Sources[0].Volumes = append(s.snap.Sources[0].Volumes, status.Volume{Class: fmt.Sprintf("c%02d", i), Events: 1, Bytes: uint64(100 + i)})
		}
	}))
	p.server.monitor.Sample()
	page := p.get("/stats")
	if got := row(t, page, "volumes", "48 more"); got[3] != "48" || got[4] != "5.9 kB" {
		t.Errorf("%q", got)
	}
	if row(t, page, "volumes", "c59"); strings.Contains(page, ">c47<") {
		t.Error("a small class is shown by itself")
	}
}

// Unknown lines are shown to those who may see messages, and to nobody else.
func TestUnknownLines(t *testing.T) {
	ring := new(tap.Ring)
	keep := func(i int) {
		ring.Keep(tap.Message{Source: "linux", Transport: "udp", From: addrOf(1), Received: time.Unix(int64(i), 0), Raw: fmt.Appendf(nil, "<13>secret %d <b>\t\xff", i)})
	}
	for i := range 250 {
		keep(i)
	}
	p := open(t, func(o *Options) {
		o.Unknown, o.Users, o.Readers = ring, []auth.User{{Name: "ops", Password: "s3cret"}}, true
	})
	ops := func(r *http.Request) { r.SetBasicAuth("ops", "s3cret") }
	if a := p.do("GET", "/api/v1/unparsed"); a.code != http.StatusForbidden || strings.Contains(a.body, "secret ") {
		t.Errorf("without a user: %d %s", a.code, a.body)
	}
	if strings.Contains(p.get("/stats"), "secret ") {
		t.Error("the page shows lines to everybody")
	}
	page := p.do("GET", "/stats", ops).body
	if !strings.Contains(page, "secret 249 &lt;b&gt;\t\ufffd") || strings.Contains(page, "secret 243") || strings.Index(page, "secret 249") > strings.Index(page, "secret 248") {
		t.Error("the page does not show the newest lines, newest first")
	}
	wellFormed(t, page)
	var got struct{ Unparsed []unknownLine }
	for query, want := range map[string][]string{
		"":                                  {"secret 50 ", "secret 249 "},
		"?limit=3":                          {"secret 247 ", "secret 249 "},
		"?text=SECRET+10":                   {"secret 100 ", "secret 109 "},
		"?sender=192.0.2.0/24&source=unifi": nil,
	} {
		got.Unparsed = nil
		if err := json.Unmarshal([]byte(p.do("GET", "/api/v1/unparsed"+query, ops).body), &got); err != nil {
			t.Fatal(err)
		}
		if list := got.Unparsed; (len(list) == 0) != (want == nil) || want != nil && (!strings.Contains(list[0].Raw, want[0]) || !strings.Contains(list[len(list)-1].Raw, want[1])) {
			t.Errorf("%q: %d lines", query, len(list))
		}
	}
	for _, query := range []string{"?limit=201", "?limit=0", "?follow=maybe", "?follow=true", "?format=xml", "?sender=192.0.2.0/99"} {
		if a := p.do("GET", "/api/v1/unparsed"+query, ops); a.code != http.StatusBadRequest {
			t.Errorf("%s: %d", query, a.code)
		}
	}

	if a := p.do("GET", "/api/v1/unparsed?format=ndjson&limit=3", ops); strings.Count(a.body, "\n") != 3 || !strings.HasPrefix(a.body, "{") {
		t.Errorf("lines: %d %s", a.code, a.body)
	}

	// A follower gets those that are kept, and then each that comes, once.
	r, err := http.NewRequest("GET", "http://"+p.server.Addr().String()+"/api/v1/unparsed?format=ndjson&follow=true&limit=2", nil)
	if err != nil {
		t.Fatal(err)
	}
	ops(r)
	answer, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for i := 248; i < 253; i++ {
		if i >= 250 {
			keep(i)
		}
		var m unknownLine
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &m) != nil || !strings.Contains(m.Raw, fmt.Sprintf("secret %d ", i)) {
			t.Fatalf("line %d is %q", i, lines.Text())
		}
	}
}

func TestFollowersAreBounded(t *testing.T) {
	p := open(t, func(o *Options) { o.Unknown, o.Users = new(tap.Ring), []auth.User{{Name: "ops", Password: "s3cret"}} })
	get := func() *http.Response {
		r, err := http.NewRequest("GET", "http://"+p.server.Addr().String()+"/api/v1/unparsed?format=ndjson&follow=true", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("ops", "s3cret")
		answer, err := p.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	for range maxFollowers {
		answer := get()
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%d", answer.StatusCode)
		}
	}
	answer := get()
	answer.Body.Close()
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d", answer.StatusCode)
	}
}
