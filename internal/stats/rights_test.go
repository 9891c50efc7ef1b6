package stats

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/status/statustest"
	"syslog-gateway/internal/tap"
	"syslog-gateway/internal/testkit"
)

func TestHashAndRights(t *testing.T) {
	hash := testkit.Try(bcrypt.GenerateFromPassword([]byte("pa ss:word"), bcrypt.MinCost))(t)
	hub := new(tap.Hub)
	p := open(t, func(o *Options) {
		o.Users = []auth.User{{Name: "ops", Hash: string(hash)}, {Name: "root", Password: "toor", Admin: true}}
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
	for range 30 { // who is known is not compared again
		if a := p.do("GET", "/stats", ops); a.code != 200 {
			t.Fatalf("ops: %d", a.code)
		}
	}
	testkit.Equal(t, "dead letters", p.do("GET", "/api/v1/deadletters", ops).code, 200)
	testkit.Equal(t, "profiles", p.do("GET", "/debug/pprof/", ops).code, 200)
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
	for range 20 {
		last = p.do("GET", "/stats", as("ops", "wrong"))
	}
	if last.code != http.StatusTooManyRequests || last.header.Get("Retry-After") == "" {
		t.Errorf("guessing goes on: %d", last.code)
	}
	testkit.Equal(t, "guessing keeps ops out", p.do("GET", "/stats", ops).code, 200)
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
	p := open(t, func(o *Options) {
		o.Operator, o.Users = p0(o), []auth.User{{Name: "root", Password: "toor", Admin: true}}
	})
	post := func(body string, header ...string) answer {
		t.Helper()
		return p.do("POST", "/stats", func(r *http.Request) {
			*r = *mustPost(r.URL.String(), body, r)
			r.SetBasicAuth("root", "toor")
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
		{"s=0&action=drain&b=shards", []string{"Origin", here, "Host", "evil.example:8404"}, 403, ""}, // DNS rebinding
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
	testkit.Holds(t, "the page does not say that it is done", p.do("GET", "/stats;st=DONE", func(r *http.Request) { r.SetBasicAuth("root", "toor") }).body, "Done.")
	testkit.Holds(t, "the log does not say who set what", p.log.String(), "an operator set the mode")
}

// Where a request comes from proves nothing: over TCP nobody sees a line or sets anything
// in drain or maint without a user, whatever the headers say.
func TestNothingWithoutAUser(t *testing.T) {
	hub := new(tap.Hub)
	for name, users := range map[string][]auth.User{
		"none configured": nil,
		"not logged in":   {{Name: "ops", Password: "s3cret", Admin: true}},
	} {
		for _, readers := range []bool{false, true} {
			p := open(t, func(o *Options) { o.Operator, o.Taps, o.Pprof, o.Users, o.Readers = p0(o), hub, true, users, readers })
			for _, header := range []string{"", "X-Forwarded-For", "Via"} {
				say := func(r *http.Request) {
					if header != "" {
						r.Header.Set(header, "127.0.0.1")
					}
					r.Host = "localhost"
				}
				for _, path := range []string{"/api/v1/tap?format=ndjson&seconds=1", "/api/v1/deadletters", "/api/v1/unparsed", "/api/v1/unparsed?format=ndjson&follow=true", "/debug/pprof/", "/debug/pprof/heap"} {
					if a := p.do("GET", path, say); a.code != http.StatusForbidden && a.code != http.StatusUnauthorized {
						t.Errorf("%s: GET %s: %d", name, path, a.code)
					}
				}
				a := p.do("POST", "/stats", func(r *http.Request) { say(r); *r = *mustPost(r.URL.String(), "s=0&action=drain&b=shards", r) })
				if a.code != http.StatusForbidden && a.code != http.StatusUnauthorized {
					t.Errorf("%s: POST: %d", name, a.code)
				}
			}
			if len(p.stages.orders) > 0 {
				t.Errorf("%s: it did %q", name, p.stages.orders)
			}
			if open := readers || users == nil; open != (p.do("GET", "/metrics").code == 200) {
				t.Errorf("%s: reading is open or not as it should be (%v)", name, open)
			}
		}
	}
}

// With readers everybody reads, and /stats?login asks for the user.
func TestLogIn(t *testing.T) {
	hub := new(tap.Hub)
	p := open(t, func(o *Options) {
		o.Taps, o.Users, o.Readers = hub, []auth.User{{Name: "dev", Password: "pass"}}, true
	})
	if a := p.do("GET", "/stats"); a.code != 200 || !strings.Contains(a.body, `href="/stats?login"`) || strings.Contains(a.body, `id="tap"`) {
		t.Errorf("without a user: %d %s", a.code, a.body)
	}
	if a := p.do("GET", "/stats?login"); a.code != 401 || a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("?login: %d", a.code)
	}
	as := func(r *http.Request) { r.SetBasicAuth("dev", "pass") }
	if a := p.do("GET", "/stats?login", as); a.code != 303 || a.header.Get("Location") != "//"+p.server.Addr().String()+"/stats" {
		t.Errorf("?login as the user: %d %v", a.code, a.header)
	}
	if a := p.do("GET", "/stats", as); a.code != 200 || !strings.Contains(a.body, `id="tap"`) {
		t.Errorf("as the user: %d", a.code)
	}
	testkit.Equal(t, "with a wrong password", p.do("GET", "/metrics", func(r *http.Request) { r.SetBasicAuth("dev", "wrong") }).code, 401)
	none := open(t)
	if a := none.do("GET", "/stats?login"); a.code != 200 || !strings.Contains(a.body, "gateway tap") {
		t.Errorf("?login where there are no users: %d", a.code)
	}
}

// An IPv6 network counts as one machine, an IPv4 address in IPv6 form as itself.
func TestParty(t *testing.T) {
	if a, b := party("[2001:db8:1:2::3]:1"), party("[2001:db8:1:2:ffff::4]:2"); a != b || a == party("[2001:db8:1:3::3]:1") || party("[::ffff:192.0.2.1]:1") != party("192.0.2.1:2") {
		t.Error("an IPv6 network of one machine is several parties, or two machines are one")
	}
}

// FuzzAction posts anything: it is refused with a status and a sentence, or it names what
// there is.
func FuzzAction(f *testing.F) {
	for _, seed := range []string{"s=0&action=drain&b=shards", "s=%00&b=%23&action=", "s=splunk:8088&b=%238&action=ready", "&&&=;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		stages := &stages{snap: statustest.Calm()}
		server := testkit.Try(New(Options{Listen: "127.0.0.1:0", Provider: stages, Ledger: ledger.New(), Operator: stages, Users: []auth.User{{Name: "root", Password: "toor", Admin: true}}}))(t)
		r := mustPost("http://127.0.0.1/stats", body, &http.Request{Header: make(http.Header)})
		r.RemoteAddr = "127.0.0.1:1"
		r.SetBasicAuth("root", "toor")
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
	server, err := New(Options{Listen: "127.0.0.1:0", Provider: &stages{snap: statustest.Calm()}, Ledger: ledger.New()})
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
