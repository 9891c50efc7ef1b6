package stats

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/testkit"
)

var allPaths = []string{"/", "/stats", "/stats;norefresh", "/api/v1/status", "/metrics", "/healthz", "/readyz"}

func TestPaths(t *testing.T) {
	p := open(t)
	p.stages.set(func(s *stages) { s.conditions = []status.Condition{{Name: "queue", OK: true}} })
	for _, c := range []struct {
		path string
		code int
		kind string
	}{
		{"/", 302, "text/plain"},
		{"/stats", 200, "text/html"},
		{"/stats?norefresh", 200, "text/html"},
		{"/stats;norefresh", 200, "text/html"},
		{"/stats;nothing", 404, "text/plain"},
		{"/stats;norefresh;nothing", 404, "text/plain"},
		{"/stats;", 404, "text/plain"},
		{"/stats/", 404, "text/plain"},
		{"/api/v1/status", 200, "application/json"},
		{"/metrics", 200, "text/plain"},
		{"/healthz", 200, "text/plain"},
		{"/readyz", 200, "text/plain"},
		{"/favicon.ico", 404, "text/plain"},
		{"/../etc/passwd", 404, "text/plain"},
		{"//stats", 404, "text/plain"},
	} {
		got := p.do(http.MethodGet, c.path)
		if got.code != c.code || !strings.HasPrefix(got.header.Get("Content-Type"), c.kind) {
			t.Errorf("GET %s: %d %s, want %d %s", c.path, got.code, got.header.Get("Content-Type"), c.code, c.kind)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if have := got.header.Get(name); have != want {
				t.Errorf("GET %s: %s is %q, want %q", c.path, name, have, want)
			}
		}
		if csp := got.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self'; ") || strings.Contains(csp, "unsafe") {
			t.Errorf("GET %s: policy %q", c.path, csp)
		}
	}
	testkit.Equal(t, "/ goes to", p.do(http.MethodGet, "/").header.Get("Location"), "/stats")
	testkit.Equal(t, "/healthz says", p.get("/healthz"), "ok\n")
}

func TestMethods(t *testing.T) {
	p := open(t)
	p.stages.set(func(s *stages) { s.conditions = []status.Condition{{Name: "queue", OK: true}} })
	for _, path := range allPaths {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
			got := p.do(method, path)
			if strings.HasPrefix(path, "/stats") {
				if allow := got.header.Get("Allow"); method != "POST" && (got.code != http.StatusMethodNotAllowed || allow != "GET, HEAD, POST") {
					t.Errorf("%s %s: %d, Allow %q", method, path, got.code, allow)
				}
				continue
			}
			if got.code != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, got.code, got.header.Get("Allow"))
			}
		}
		get, head := p.do("GET", path), p.do("HEAD", path)
		if head.code != get.code || head.body != "" || head.header.Get("Content-Type") != get.header.Get("Content-Type") {
			t.Errorf("HEAD %s: %d %q %q", path, head.code, head.header.Get("Content-Type"), head.body)
		}
	}
	testkit.Equal(t, "POST /unknown", p.do("POST", "/unknown").code, http.StatusNotFound)
}

func TestAuth(t *testing.T) {
	p := open(t, func(o *Options) { o.Users = []auth.User{{Name: "ops", Password: "s3cret:with colon"}} })
	p.stages.set(func(s *stages) { s.conditions = []status.Condition{{Name: "queue", OK: true}} })
	as := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	for i, path := range append(allPaths, "/unknown") {
		p.from(i) // ten wrong passwords of an address make a pause
		free := path == "/healthz" || path == "/readyz"
		for name, change := range map[string]func(*http.Request){
			"nobody":         func(*http.Request) {},
			"wrong password": as("ops", "s3cret"),
			"wrong user":     as("root", "s3cret:with colon"),
			"empty":          as("", ""),
			"no password":    as("ops", ""),
			"not basic":      func(r *http.Request) { r.Header.Set("Authorization", "Bearer s3cret") },
		} {
			got := p.do("GET", path, change)
			if free != (got.code == http.StatusOK) || !free && got.code != http.StatusUnauthorized {
				t.Errorf("GET %s as %s: %d", path, name, got.code)
			}
			if want := `Basic realm="syslog-gateway Statistics", charset="UTF-8"`; !free && got.header.Get("WWW-Authenticate") != want {
				t.Errorf("GET %s as %s asks with %q", path, name, got.header.Get("WWW-Authenticate"))
			}
			if strings.Contains(got.body, "s3cret") {
				t.Errorf("GET %s shows the password", path)
			}
		}
		if got := p.do("GET", path, as("ops", "s3cret:with colon")); got.code == http.StatusUnauthorized {
			t.Errorf("GET %s as the user: %d", path, got.code)
		}
	}
	testkit.Equal(t, "POST without credentials", p.do("POST", "/stats").code, http.StatusUnauthorized)
	testkit.Lacks(t, "the log shows the password", p.log.String(), "s3cret")
}

// TestOptionsStar: net/http would answer OPTIONS * itself, past the password.
func TestOptionsStar(t *testing.T) {
	p := open(t, func(o *Options) { o.Users = []auth.User{{Name: "ops", Password: "secret"}} })
	c := testkit.Try(net.Dial("tcp", p.server.Addr().String()))(t)
	defer c.Close()
	fmt.Fprint(c, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	resp := testkit.Try(http.ReadResponse(bufio.NewReader(c), nil))(t)
	defer resp.Body.Close()
	testkit.Equal(t, "OPTIONS *", resp.StatusCode, http.StatusUnauthorized)
}

// TestHugeHeader: the server stops reading a header that is too long, so the client
// sees the status or a connection that is cut.
func TestHugeHeader(t *testing.T) {
	p := open(t)
	send := func(n int) (answer, error) {
		return p.try("GET", "/healthz", func(r *http.Request) { r.Header.Set("X-Filler", strings.Repeat("x", n)) })
	}
	if got, err := send(8 << 10); err != nil || got.code != http.StatusOK {
		t.Errorf("a header of 8 KiB: %d, %v", got.code, err)
	}
	if got, err := send(64 << 10); err == nil && got.code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 64 KiB: %d", got.code)
	}
}

func TestReady(t *testing.T) {
	p := open(t)
	check := func(code int, body string) {
		t.Helper()
		if got := p.do("GET", "/readyz"); got.code != code || got.body != body {
			t.Errorf("/readyz: %d %q, want %d %q", got.code, got.body, code, body)
		}
		want := map[bool]float64{true: 1}[code == 200]
		if got := series(scrape(t, p)["gateway_ready"])[""]; got != want {
			t.Errorf("gateway_ready is %v with %d of /readyz", got, code)
		}
		testkit.Equal(t, "/healthz", p.get("/healthz"), "ok\n")
	}
	check(503, "not ok start: not finished yet\n")
	p.stages.set(func(s *stages) {
		s.conditions = []status.Condition{{Name: "listeners", OK: true, Why: "5 ports"}, {Name: "splunk", Why: "connection\nrefused"}}
	})
	check(503, "ok listeners: 5 ports\nnot ok splunk: connection refused\n")
	p.stages.set(func(s *stages) {
		s.conditions = []status.Condition{{Name: "listeners", OK: true, Why: "5 ports"}, {Name: "splunk", OK: true}}
	})
	check(200, "ok listeners: 5 ports\nok splunk\n")
}

// certificate is one for 127.0.0.1, with the pool of its authority.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	authority := testkit.Try(testkit.NewAuthority())(t)
	cert := testkit.Try(authority.Issue(time.Now().Add(time.Hour)))(t)
	return *cert, authority.Pool()
}

func TestTLS(t *testing.T) {
	cert, pool := certificate(t)
	p := open(t, func(o *Options) { o.TLS = &tls.Config{Certificates: []tls.Certificate{cert}} })
	p.scheme = "https"
	p.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	testkit.Equal(t, "over TLS", p.get("/healthz"), "ok\n")
	p.scheme = "http"
	testkit.Equal(t, "plain HTTP on the TLS port", p.do("GET", "/healthz").code, http.StatusBadRequest)
	// A complaint of the HTTP server reaches the log.
	c, err := tls.Dial("tcp", p.server.Addr().String(), &tls.Config{})
	if err == nil {
		c.Close()
		t.Fatal("an unknown certificate was accepted")
	}
	testkit.Must(t, p.stop())
	testkit.Holds(t, "the log", p.log.String(), "TLS handshake error")
}

func TestNewRefuses(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"required":    func(o *Options) { o.Provider = nil },
		"Ledger":      func(o *Options) { o.Ledger = nil },
		"password":    func(o *Options) { o.Users = []auth.User{{Name: "ops"}} },
		"user name":   func(o *Options) { o.Users = []auth.User{{Password: "hush-hush"}} },
		"certificate": func(o *Options) { o.TLS = &tls.Config{} },
	} {
		o := Options{Listen: "127.0.0.1:0", Provider: new(stages), Ledger: ledger.New()}
		change(&o)
		_, err := New(o)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestOpen(t *testing.T) {
	suppressed := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer suppressed.Close()
	o := Options{Listen: suppressed.Addr().String(), Provider: new(stages), Ledger: ledger.New()}
	s := testkit.Try(New(o))(t)
	if err := s.Run(t.Context()); err == nil {
		t.Error("Run without Open did not fail")
	}
	if s.Addr() != nil || s.Close(t.Context()) != nil {
		t.Error("a server that is not started has an address, or cannot be closed")
	}
	err := s.Open(t.Context())
	if err == nil || !strings.Contains(err.Error(), o.Listen) || !strings.Contains(err.Error(), "stats.listen") {
		t.Errorf("the port is held by another: %v", err)
	}

	o.Listen = "127.0.0.1:0"
	if s, err = New(o); err != nil {
		t.Fatal(err)
	}
	testkit.Must(t, s.Open(t.Context()))
	if s.Open(t.Context()) == nil {
		t.Error("a second Open did not fail")
	}
	testkit.Equal(t, "error", s.Close(t.Context()), nil)
	// Closed before it is run: that is an end nobody asked Run for.
	if err := s.Run(t.Context()); err == nil {
		t.Error("Run on a closed port did not fail")
	}
}

// TestStop: a connection that never sends its request does not hold the stop up
// without limit, and the port is free afterwards.
func TestStop(t *testing.T) {
	p := open(t)
	c := testkit.Try(net.Dial("tcp", p.server.Addr().String()))(t)
	defer c.Close()
	fmt.Fprint(c, "GET /stats HTTP/1.1\r\nHost: x\r\n")
	p.get("/healthz")
	address := p.server.Addr().String()
	began := time.Now()
	testkit.Must(t, p.stop())
	if took := time.Since(began); took > stopTimeout+3*time.Second {
		t.Errorf("the stop took %v", took)
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	ln.Close()
}

// TestTwoServers: a reload may build the next server over the same registry.
func TestTwoServers(t *testing.T) {
	first := open(t)
	second := open(t, func(o *Options) { o.Registry, o.Reloads = first.registry, first.reloads })
	first.reloads.Count(errors.New("unknown key"))
	for _, p := range []*port{first, second} {
		if text := p.get("/metrics"); !strings.Contains(text, `gateway_config_reloads_total{result="failure"} 1`) {
			t.Error("the reload is not counted")
		}
	}
}

// TestManyAtOnce reads everything while the stages count.
func TestManyAtOnce(t *testing.T) {
	p := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	booked := make(chan struct{})
	go func() {
		defer close(booked)
		a := p.ledger.Account("linux")
		for ctx.Err() == nil {
			a.Receive(ledger.TCP, 10, 1000)
			a.Accept(10)
			a.Deliver(9)
			a.DropQueued("age", 1)
		}
	}()
	paths := []string{"/stats", "/api/v1/status", "/metrics"}
	done := make(chan error, len(paths))
	for _, path := range paths {
		go func() {
			for range 10 {
				if got, err := p.try("GET", path); err != nil || got.code != http.StatusOK {
					done <- fmt.Errorf("GET %s: %d, %w", path, got.code, err)
					return
				}
			}
			done <- nil
		}()
	}
	for range paths {
		testkit.Equal(t, "error", <-done, nil)
	}
	cancel()
	<-booked
}
