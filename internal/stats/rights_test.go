package stats

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/tap"
)

func TestHashAndRights(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("pa ss:word"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	hub := new(tap.Hub)
	p := open(t, func(o *Options) {
		o.Users = []User{{Name: "ops", Hash: string(hash)}, {Name: "root", Password: "toor", Admin: true}}
		o.Operator, o.Taps, o.Pprof = p0(o), hub, true
	})
	as := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	form := func(body string) func(*http.Request) {
		return func(r *http.Request) {
			r.Body = http.NoBody
			*r = *mustPost(r.URL.String(), body, r)
		}
	}
	ops, root := as("ops", "pa ss:word"), as("root", "toor")
	for range 3 * maxGuesses { // who is known is not compared again
		if a := p.do("GET", "/stats", ops); a.code != 200 {
			t.Fatalf("ops: %d", a.code)
		}
	}
	if a := p.do("GET", "/api/v1/deadletters", ops); a.code != 200 {
		t.Errorf("dead letters: %d", a.code)
	}
	if a := p.do("GET", "/debug/pprof/", ops); a.code != 200 {
		t.Errorf("profiles: %d", a.code)
	}
	if a := p.do("POST", "/stats", form("s=0&b=shards&action=drain"), ops); a.code != http.StatusForbidden || !strings.Contains(a.body, "admin right") {
		t.Errorf("ops drains: %d %s", a.code, a.body)
	}
	if a := p.do("POST", "/stats", form("s=0&b=shards&action=drain"), root); a.code != http.StatusSeeOther || a.header.Get("Location") != "/stats;st=DONE" {
		t.Errorf("root drains: %d %s", a.code, a.body)
	}
	if strings.Contains(p.do("GET", "/stats", ops).body, "<button name=\"action\"") || !strings.Contains(p.do("GET", "/stats", root).body, "<button name=\"action\"") {
		t.Error("the buttons are shown to the wrong one")
	}
	var last answer
	for range 2 * maxGuesses {
		last = p.do("GET", "/stats", as("ops", "wrong"))
	}
	if last.code != http.StatusTooManyRequests || last.header.Get("Retry-After") == "" {
		t.Errorf("guessing goes on: %d", last.code)
	}
	if a := p.do("GET", "/stats", ops); a.code != 200 {
		t.Errorf("guessing keeps ops out: %d", a.code)
	}
}

// p0 is the operator of a port that is being opened.
func p0(o *Options) Operator { return o.Provider.(*stages) }

func mustPost(url, body string, like *http.Request) *http.Request {
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header = like.Header
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func TestActions(t *testing.T) {
	p := open(t, func(o *Options) { o.Operator, o.LocalAdmin = p0(o), true })
	post := func(body string, header ...string) answer {
		t.Helper()
		return p.do("POST", "/stats", func(r *http.Request) {
			*r = *mustPost(r.URL.String(), body, r)
			for i := 0; i < len(header); i += 2 {
				if header[i] == "Host" {
					r.Host = header[i+1]
				}
				r.Header.Set(header[i], header[i+1])
			}
		})
	}
	here := "http://" + p.server.Addr().String()
	for _, c := range []struct {
		body   string
		header []string
		code   int
		order  string
	}{
		{"s=0&action=drain&b=shards", nil, 303, "shard 0 drain"},
		{"s=1&action=maint&b=%237", nil, 303, "shard 1 maint"},
		{"s=splunk:8088&action=ready&b=splunk", nil, 303, "endpoint https://splunk:8088 ready"},
		{"s=0&s=1&action=ready&b=shards", []string{"Origin", here, "Referer", here + "/stats", "Sec-Fetch-Site", "same-origin"}, 303, "shard 1 ready"},
		{"s=0&action=drain&b=shards", []string{"Origin", "http://evil.example"}, 403, ""},
		{"s=0&action=drain&b=shards", []string{"Origin", "null"}, 403, ""},
		{"s=0&action=drain&b=shards", []string{"Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"s=0&action=drain&b=shards", []string{"Referer", "http://evil.example/x"}, 403, ""},
		{"s=0&action=drain&b=shards", []string{"Host", "evil.example:8404"}, 403, ""}, // DNS rebinding
		{"s=0&action=drain&b=shards", []string{"X-Forwarded-For", "203.0.113.9"}, 403, ""},
		{"s=0&action=explode&b=shards", nil, 400, ""},
		{"s=0&action=&b=shards", nil, 400, ""},
		{"action=drain&b=shards", nil, 400, ""},
		{"s=9&action=drain&b=shards", nil, 404, ""},
		{"s=0&s=9&action=drain&b=shards", nil, 404, ""},
		{"s=0&action=drain&b=linux", nil, 404, ""},
		{"s=%zz", nil, 400, ""},
		{"s=" + strings.Repeat("x", maxForm), nil, 413, ""},
	} {
		before := len(p.stages.orders)
		a := post(c.body, c.header...)
		if a.code != c.code || (c.code != 303 && len(a.body) < 10) {
			t.Errorf("%.60s %v: %d %s", c.body, c.header, a.code, a.body)
		}
		switch orders := p.stages.orders[before:]; {
		case c.order == "" && len(orders) > 0:
			t.Errorf("%.60s did %q", c.body, orders)
		case c.order != "" && (len(orders) == 0 || orders[len(orders)-1] != c.order):
			t.Errorf("%.60s did %q, want %q", c.body, orders, c.order)
		}
	}
	if !strings.Contains(p.get("/stats;st=DONE"), "Done.") {
		t.Error("the page does not say that it is done")
	}
	if !strings.Contains(p.log.String(), "set by hand") {
		t.Error("the log does not say who set what")
	}
	remote := open(t, func(o *Options) { o.Operator = p0(o) })
	if a := remote.do("POST", "/stats", func(r *http.Request) { *r = *mustPost(r.URL.String(), "s=0&action=drain&b=shards", r) }); a.code != 403 {
		t.Errorf("without the admin right: %d", a.code)
	}
}

func TestGuessWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := newDoorman([]User{{Name: "a", Hash: "$2a$04$x"}}, false)
		if err != nil {
			t.Fatal(err)
		}
		var failed error
		for range maxGuesses + 1 {
			_, failed = d.guess(d.digest("x"), "192.0.2.1")
		}
		if _, err := d.guess(d.digest("x"), "192.0.2.2"); err != nil {
			t.Errorf("one address keeps another out: %v", err)
		}
		<-time.After(guessWindow)
		if _, err := d.guess(d.digest("x"), "192.0.2.1"); err != nil || failed == nil {
			t.Errorf("after %v: %v, at once: %v", guessWindow, err, failed)
		}
	})
}

// FuzzAction posts anything: it is refused with a status and a sentence, or it names what
// there is.
func FuzzAction(f *testing.F) {
	for _, seed := range []string{"s=0&action=drain&b=shards", "s=%00&b=%23&action=", "s=splunk:8088&b=%238&action=ready", "&&&=;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		stages := &stages{snap: calm()}
		server, err := New(Options{Listen: "127.0.0.1:0", Provider: stages, Ledger: event.NewLedger(), Operator: stages, LocalAdmin: true})
		if err != nil {
			t.Fatal(err)
		}
		r := mustPost("http://127.0.0.1/stats", body, &http.Request{Header: make(http.Header)})
		r.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		switch {
		case w.Code == http.StatusSeeOther:
			for _, o := range stages.orders {
				fields := strings.Fields(o)
				if len(fields) != 3 || !strings.Contains("0 1 https://splunk:8088", fields[1]) || !strings.Contains("ready drain maint", fields[2]) {
					t.Errorf("%q did %q", body, o)
				}
			}
		case w.Code < 400 || w.Code >= 500 || len(stages.orders) > 0 || len(w.Body.String()) < 10:
			t.Errorf("%q: %d %q, did %q", body, w.Code, w.Body, stages.orders)
		}
	})
}

// FuzzQuery asks for any page with any query: there is an answer, and the page stays well
// formed.
func FuzzQuery(f *testing.F) {
	f.Add(";csv", "scope=%3Cscript%3E")
	f.Add(";up;norefresh", "scope=linux&up")
	f.Add(";st=DONE", "a=%00")
	server, err := New(Options{Listen: "127.0.0.1:0", Provider: &stages{snap: calm()}, Ledger: event.NewLedger()})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		for _, at := range []string{"/stats" + path, "/api/v1/senders"} {
			r := &http.Request{Method: http.MethodGet, Header: make(http.Header), Host: "127.0.0.1", RemoteAddr: "127.0.0.1:1", URL: &url.URL{Path: at, RawQuery: query}}
			w := httptest.NewRecorder()
			server.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Fatalf("%s?%s: %d", at, query, w.Code)
			}
			if w.Code == 200 && strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
				wellFormed(t, w.Body.String())
			}
		}
	})
}
