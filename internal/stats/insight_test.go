package stats

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/status/statustest"
	"syslog-gateway/internal/testkit"
)

// Parameters that are wrong are refused with what is right.
func TestInsightParameters(t *testing.T) {
	p := open(t)
	for path, want := range map[string]string{
		"/api/v1/history?range=1h": "15m, 6h, 24h or 7d", "/api/v1/volume?by=host": "class, sourcetype", "/api/v1/volume?limit=0": "from 1 to",
		"/api/v1/drops?limit=x": "from 1 to", "/api/v1/deadletters/groups?limit=1001": "from 1 to", "/api/v1/senders?sort=name": "events or rate",
	} {
		if a := p.do(http.MethodGet, path); a.code != http.StatusBadRequest || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", path, a.code, a.body)
		}
	}
}

// Help is a page of our own, and asks for a user as all else does; what is asked for is text.
func TestHelp(t *testing.T) {
	p := open(t)
	testkit.Holds(t, "a section", p.get("/help/kernel-drops"), `<h2 id="kernel-drops">Kernel drops</h2>`, "<title>Kernel drops", `href="/help/style.css"`)
	testkit.Holds(t, "a page", p.get("/help/devices/linux.md"), `href="/help/tls.md#devices"`)
	if a := p.do(http.MethodGet, "/help/style.css"); a.code != http.StatusOK || a.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("style.css: %d %v", a.code, a.header)
	}
	testkit.Holds(t, "the list", p.get("/help/"), `<a href="/help/dead-letters">Dead letters</a>`)
	testkit.Lacks(t, "the list", p.get("/help/"), "<script", `="http://`, `="https://`)
	a := p.do(http.MethodGet, "/help/%3Cscript%3E%1b")
	if a.code != http.StatusNotFound || strings.Contains(a.body, "\x1b") || a.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %q", a.code, a.body)
	}
	closed := open(t, func(o *Options) { o.Users = []auth.User{{Name: "ops", Password: "s3cret"}} })
	for _, path := range []string{"/help/", "/help/kernel-drops", "/api/v1/history", "/api/v1/deadletters/groups"} {
		testkit.Equal(t, path, closed.do(http.MethodGet, path).code, http.StatusUnauthorized)
	}
}

// ticking are stages whose clock goes.
type ticking struct{ *stages }

func (s ticking) Snapshot() status.Snapshot {
	snap := s.stages.Snapshot()
	snap.Now = time.Now()
	return snap
}

// The history is there after a restart, in the file and nowhere else; a broken file is set
// aside, and the server works.
func TestHistoryOverRestarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	run := func(mark string) string {
		p := open(t, func(o *Options) {
			o.History, o.Sample, o.Provider = path, 10*time.Millisecond, ticking{o.Provider.(*stages)}
		})
		p.server.monitor.Mark(history.Reload, mark)
		testkit.Eventually(t, "there are points", func() bool { return strings.Contains(p.get("/api/v1/history"), `"received_per_second"`) })
		body := p.get("/api/v1/history")
		testkit.Equal(t, "run", p.stop(), nil)
		testkit.Equal(t, "close", p.server.Close(t.Context()), nil)
		return body
	}
	run("alpha")
	testkit.Holds(t, "after a restart", run("beta"), "alpha", "beta", `"kind": "start"`, `"kind": "stop"`)
	testkit.Must(t, os.WriteFile(path, []byte("somebody else's"), 0o600))
	testkit.Lacks(t, "after it was broken", run("gamma"), "alpha", "beta")
	kept := testkit.Try(os.ReadFile(path + history.Aside))(t)
	testkit.Equal(t, "set aside", string(kept), "somebody else's")
}

// crowd is a server with 5,000 senders, 500 classes of 9 sources, and a week of history.
func crowd(t testing.TB) *Server {
	t.Helper()
	table := senders.New(16384)
	books := ledger.New()
	now := time.Now()
	snap := statustest.Calm()
	for i := range 9 {
		if i >= len(snap.Sources) {
			snap.Sources = append(snap.Sources, status.Source{Balance: ledger.Balance{Source: fmt.Sprint("more", i)}})
		}
		for c := range 500 {
			if c%9 == i {
				snap.Sources[i].Classes = append(snap.Sources[i].Classes, status.Class{Name: fmt.Sprint("class", c), Events: 5, Bytes: 50})
				snap.Sources[i].Volumes = append(snap.Sources[i].Volumes, status.Volume{Class: fmt.Sprint("class", c), Sourcetype: fmt.Sprint("st", c), Index: fmt.Sprint("i", c%20), Events: 5, Bytes: 50})
			}
		}
		books.Account(snap.Sources[i].Source).Receive(ledger.UDP, 1000, 1000)
	}
	st := &stages{snap: snap}
	for i := range 200 {
		st.groups = append(st.groups, status.DeadLetterGroup{Reason: fmt.Sprint(i), Hosts: []string{"a", "b"}})
	}
	s := testkit.Try(New(Options{Listen: "127.0.0.1:0", Provider: st, Ledger: books, Senders: table}))(t)
	for hour := range 7 * 24 { // each is an hour of the volumes, and some points
		at := now.Add(-7 * 24 * time.Hour).Add(time.Duration(hour) * time.Hour)
		st.set(func(st *stages) {
			st.snap.Now = at
			for i := range st.snap.Sources {
				fresh := make([]status.Volume, len(st.snap.Sources[i].Volumes))
				for k, v := range st.snap.Sources[i].Volumes {
					v.Events, v.Bytes = v.Events+7, v.Bytes+77
					fresh[k] = v
				}
				st.snap.Sources[i].Volumes = fresh
			}
		})
		s.monitor.Sample()
		for m := range 60 {
			s.history.Add(history.Point{At: at.Add(time.Duration(m) * time.Minute), Covered: time.Second, Received: 1})
		}
	}
	for i := range 5000 {
		e := table.Entry("linux", netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), fmt.Sprint("host", i))
		e.Add(1+i%7, 100, now.UnixNano(), new(senders.Times))
		var m senders.Mix
		for c := range 6 {
			m.Add(fmt.Sprint("class", c), 5)
		}
		e.AddOutcome(&m, senders.Dropped{Rule: uint64(i % 2)})
	}
	for range 2 { // the senders have rates
		st.set(func(st *stages) { st.snap.Now = st.snap.Now.Add(10 * time.Second) })
		s.monitor.Sample()
	}
	return s
}

// paths are all answers that are not streams.
func paths() []string {
	return []string{
		"/stats", "/api/v1/status", "/api/v1/senders?limit=1000&sort=rate", "/api/v1/senders?silent=true&text=host", "/api/v1/classes?limit=500", "/api/v1/rules",
		"/api/v1/volume?by=class&limit=500", "/api/v1/volume?by=sourcetype", "/api/v1/volume?by=index", "/api/v1/volume?by=source", "/api/v1/drops?limit=500",
		"/api/v1/counters", "/api/v1/history?range=15m", "/api/v1/history?range=24h", "/api/v1/history?range=7d", "/api/v1/deadletters/groups", "/help/slow-splunk", "/metrics",
	}
}

// TestAnswersAreBounded: with 5,000 senders and 500 classes no answer is large or makes much
// work, which is what its time depends on.
func TestAnswersAreBounded(t *testing.T) {
	s := crowd(t)
	for _, path := range paths() {
		var size, code int
		allocs := testing.AllocsPerRun(1, func() {
			s.live.renew()
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			size, code = w.Body.Len(), w.Code
		})
		t.Logf("%-45s %8d bytes %8.0f allocations", path, size, allocs)
		if code != http.StatusOK || size > 1200<<10 || allocs > 60_000 {
			t.Errorf("%s: %d, %d bytes, %.0f allocations", path, code, size, allocs)
		}
	}
	if v := s.monitor.Volume(time.Now(), monitor.ByIndex, 5); len(v.Rows) != 5 || v.Others != 15 || v.Rest.Week.Events == 0 {
		t.Errorf("%+v", v)
	}
}

// BenchmarkAnswers is how long each answer takes to its first byte: it is made whole before
// that. A page that is asked for needs 20 ms at most.
func BenchmarkAnswers(b *testing.B) {
	s := crowd(b)
	for _, path := range paths() {
		b.Run(strings.ReplaceAll(path, "/", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.live.renew()
				s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
			}
		})
	}
}

// BenchmarkSample is what a second costs.
func BenchmarkSample(b *testing.B) {
	s := crowd(b)
	st := s.monitor
	b.ReportAllocs()
	for b.Loop() {
		st.Sample()
	}
}
