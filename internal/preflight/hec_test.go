package preflight

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

// limit is the longest that a check may take, whatever a server does.
const limit = 5 * time.Second

// serving is what a check says of a server that answers all requests by handle.
func serving(t *testing.T, h HEC, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handle)
	defer server.Close()
	h.Endpoints = []string{server.URL}
	var said strings.Builder
	began := time.Now()
	for _, f := range Run(t.Context(), h.Checks()) {
		said.WriteString(string(f.Result) + " " + f.Name + ": " + f.Text + "\n")
	}
	if took := time.Since(began); took > limit {
		t.Errorf("it takes %s", took)
	}
	return said.String()
}

// A server that lies, floods or dawdles is found out in time, with bounded memory.
func TestServersThatLie(t *testing.T) {
	const token = "8f3a91c2-5d7e-4b60-a1f9-c27d3e80b64a"
	f := func(want string, handle http.HandlerFunc) {
		t.Helper()
		said := serving(t, HEC{Token: token, Ack: true, Indexes: []string{"a"}, SendEvents: true}, handle)
		testkit.Holds(t, "what is said", said, want)
		testkit.Lacks(t, "what is said", said, token)
	}
	healthy := func(then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = w.Write([]byte(`{"text":"HEC is healthy","code":17}`))
				return
			}
			then(w, r)
		}
	}
	f("there is no HEC", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) })
	f("does not answer", func(w http.ResponseWriter, r *http.Request) { // byte by byte
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte(" "))
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	f("there is no HEC", func(w http.ResponseWriter, r *http.Request) { // without end
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	f("no answer", func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nDate: " + strings.Repeat("x", 1<<20) + "\r\n\r\n"))
			c.Close()
		}
	})
	f("no answer of HEC: Splunk <secret>", healthy(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Header.Get("Authorization"))) }))
	f("disabled", healthy(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"text":"Token disabled","code":1}`))
	}))
	f("too busy to say", healthy(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"text":"Server is busy","code":9}`))
	}))
	// Takes all, and has no acknowledgement to give.
	f("it cannot be asked for", healthy(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"text":"Success","code":0}`)) }))
}

// A server that takes the connection and says nothing, with TLS and without.
func TestServersThatHang(t *testing.T) {
	l := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t) // the kernel accepts, nobody reads
	defer l.Close()
	began := time.Now()
	found := Run(t.Context(), HEC{Token: "t", Endpoints: []string{"https://" + l.Addr().String(), "http://" + l.Addr().String()}}.Checks())
	testkit.Equal(t, "findings", len(found), 3)
	testkit.Holds(t, "with TLS", found[0].Text, "then says nothing")
	testkit.Holds(t, "without", found[2].Text, "does not answer")
	if took := time.Since(began); took > limit {
		t.Errorf("it takes %s", took)
	}
}

// A name server that does not answer ends the check in time.
func TestHangingNameServer(t *testing.T) {
	old := net.DefaultResolver
	defer func() { net.DefaultResolver = old }()
	silent := testkit.Try(net.ListenPacket("udp", "127.0.0.1:0"))(t)
	defer silent.Close()
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", silent.LocalAddr().String())
	}}
	began := time.Now()
	found := Run(t.Context(), HEC{Endpoints: []string{"https://splunk.example.com:8088"}}.Checks())
	testkit.Equal(t, "findings", len(found), 1)
	testkit.Holds(t, "sentence", found[0].Text, "give no answer for splunk.example.com", "/etc/resolv.conf")
	if took := time.Since(began); took > limit {
		t.Errorf("it takes %s", took)
	}
}

// Whatever a server answers, what is shown is short, and has neither the token nor a control
// character.
func FuzzAnswer(f *testing.F) {
	const token = "8f3a91c2-5d7e-4b60-a1f9-c27d3e80b64a"
	f.Add([]byte(`{"text":"` + token + `","code":4}`))
	f.Add([]byte("\x1b[2J" + token))
	f.Fuzz(func(t *testing.T, body []byte) {
		p := &probe{HEC: HEC{Token: token}}
		p.hide.Add(token)
		var a answer
		p.read(&a, body)
		text := a.String()
		if len([]rune(text)) > maxShown+100 || strings.Contains(text, token) || strings.ContainsAny(text, "\x1b\n\x7f") {
			t.Errorf("%q", text)
		}
	})
}
