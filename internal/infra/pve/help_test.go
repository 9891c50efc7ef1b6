package pve

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testToken = "prov@pve!t1=11111111-2222-3333-4444-555555555555"

// received is a request as the server had it.
type received struct {
	Method, Target, Body string
	Header               http.Header
}

// server answers with raw bytes, so that it can say what net/http's would not.
type server struct {
	*httptest.Server
	mu  sync.Mutex
	got []received
}

// cut is the answer of a connection that ends without one.
const cut = ""

// serve answers the n-th request (from 0) with what script gives for it.
func serve(t *testing.T, script func(n int, r received) string) *server {
	t.Helper()
	s := new(server)
	s.Server = httptest.NewServer(s.handler(script))
	t.Cleanup(s.Close)
	return s
}

func (s *server) handler(script func(n int, r received) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got := received{Method: r.Method, Target: r.RequestURI, Body: string(body), Header: r.Header}
		s.mu.Lock()
		n := len(s.got)
		s.got = append(s.got, got)
		s.mu.Unlock()
		answer := script(n, got)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, answer)
		conn.Close()
	})
}

func (s *server) requests() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// answer is an HTTP answer with any status line.
func answer(status, contentType, body string) string {
	head := "HTTP/1.1 " + status + "\r\nConnection: close\r\n"
	if contentType != "" {
		head += "Content-Type: " + contentType + "\r\n"
	}
	return head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

func data(json string) string {
	return answer("200 OK", "application/json;charset=UTF-8", `{"data":`+json+`}`)
}

func refuse(status, message string) string {
	return answer(status+" "+message, "application/json;charset=UTF-8", fmt.Sprintf(`{"data":null,"message":"%s\n"}`, message))
}

// naps takes the place of waiting.
type naps struct {
	mu   sync.Mutex
	took []time.Duration
}

func (n *naps) sleep(ctx context.Context, d time.Duration) error {
	n.mu.Lock()
	n.took = append(n.took, d)
	n.mu.Unlock()
	return ctx.Err()
}

func (n *naps) all() []time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.took)
}

// client is one of s that does not wait. It has a token unless set says otherwise.
func client(t *testing.T, s *server, set func(*Options)) (*Client, *naps) {
	t.Helper()
	n := new(naps)
	o := Options{Endpoint: s.URL, Token: testToken, Sleep: n.sleep, Timeout: 5 * time.Second}
	if set != nil {
		set(&o)
	}
	c := testkit.Try(New(o))(t)
	t.Cleanup(c.Close)
	return c, n
}

// talk is a server with a script, and a client of it.
func talk(t *testing.T, script func(n int, r received) string) (*server, *Client) {
	t.Helper()
	s := serve(t, script)
	c, _ := client(t, s, nil)
	return s, c
}

func always(s string) func(int, received) string { return func(int, received) string { return s } }

func form(kv ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		v.Add(kv[i], kv[i+1])
	}
	return v
}

// debugging is a logger that says everything.
func debugging(to *testkit.Log) *slog.Logger {
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// closedPort is an address where nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	return "http://" + l.Addr().String()
}

// isUnauthorized says whether the credentials were not taken.
func isUnauthorized(err error) bool { return status(err) == http.StatusUnauthorized }

// isLocked says whether a lock was in the way, of either kind.
func isLocked(err error) bool { return isFileLock(err) || ConfigLock(err) != "" }
