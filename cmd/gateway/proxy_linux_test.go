package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"syslog-gateway/internal/testkit"
)

// proxied is a real proxy, as its package ships it, in front of the statistics page.
type proxied struct {
	name, program, pkg string
	config             string // LISTEN and STATS are ports, DIR is a folder
	args               []string
}

func proxies() []proxied {
	return []proxied{
		{"nginx", "nginx", "nginx-light", `daemon off; master_process off; pid DIR/pid; error_log DIR/error;
events {}
http { access_log off; client_body_temp_path DIR/a; proxy_temp_path DIR/b; fastcgi_temp_path DIR/c; uwsgi_temp_path DIR/d; scgi_temp_path DIR/e;
server { listen 127.0.0.1:LISTEN; location / { proxy_pass http://127.0.0.1:STATS; } } }
`, []string{"-c", "FILE", "-p", "DIR"}},
		{"haproxy", "haproxy", "haproxy", `defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
frontend f
  bind 127.0.0.1:LISTEN
  default_backend b
backend b
  server s 127.0.0.1:STATS
`, []string{"-db", "-f", "FILE"}},
		{"haproxy in mode tcp", "haproxy", "haproxy", `defaults
  mode tcp
  timeout connect 5s
  timeout client 50s
  timeout server 50s
listen l
  bind 127.0.0.1:LISTEN
  server s 127.0.0.1:STATS
`, []string{"-db", "-f", "FILE"}},
	}
}

// start runs the proxy and returns its address.
func (x proxied) start(t *testing.T, stats int) string {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	file := filepath.Join(dir, "config")
	fill := strings.NewReplacer("LISTEN", fmt.Sprint(port), "STATS", fmt.Sprint(stats), "DIR", dir, "FILE", file)
	testkit.Must(t, os.WriteFile(file, []byte(fill.Replace(x.config)), 0o644))
	var args []string
	for _, a := range x.args {
		args = append(args, fill.Replace(a))
	}
	cmd := exec.Command(need(t, x.program, x.pkg), args...)
	out := &testkit.Log{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	testkit.Must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // the test does not check how a proxy ends
		if t.Failed() {
			t.Logf("%s: %s", x.name, out)
		}
	})
	address := fmt.Sprintf("127.0.0.1:%d", port)
	testkit.Eventually(t, x.name+" listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return address
}

// TestProxyOnThisMachine: a proxy as it is shipped, on the machine itself, asks from
// 127.0.0.1, for 127.0.0.1, and need not say for whom. It opens neither lines nor actions
// to those behind it; a user gets both through it; and on the machine there is the socket.
func TestProxyOnThisMachine(t *testing.T) {
	t.Parallel()
	for _, users := range []string{"", "username: ops, password: s3cret, "} {
		s := newSite(t, "")
		s.write(strings.Replace(s.read(), "stats: {", "stats: {admin: true, pprof: true, "+users, 1))
		s.start()
		ask := func(method, url, body string, user bool) int {
			t.Helper()
			r := testkit.Try(http.NewRequest(method, url, strings.NewReader(body)))(t)
			if body != "" {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			if user {
				r.SetBasicAuth("ops", "s3cret")
			}
			c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			defer c.CloseIdleConnections()
			resp := testkit.Try(c.Do(r))(t)
			defer resp.Body.Close()
			_, _ = io.Copy(io.Discard, resp.Body)
			return resp.StatusCode
		}
		addresses := map[string]string{"no proxy": fmt.Sprintf("127.0.0.1:%d", s.stats)}
		for _, x := range proxies() {
			addresses[x.name] = x.start(t, s.stats)
		}
		for name, address := range addresses {
			for _, path := range []string{"/api/v1/tap?format=ndjson&seconds=1", "/api/v1/deadletters", "/api/v1/unparsed", "/debug/pprof/heap"} {
				if code := ask("GET", "http://"+address+path, "", false); code != http.StatusForbidden && code != http.StatusUnauthorized {
					t.Errorf("%s (users %q): GET %s: %d", name, users, path, code)
				}
				if users == "" {
					continue
				}
				if code := ask("GET", "http://"+address+path, "", true); code != http.StatusOK {
					t.Errorf("%s: GET %s as a user: %d", name, path, code)
				}
			}
			const drain, ready = "s=0&b=shards&action=drain", "s=0&b=shards&action=ready"
			if code := ask("POST", "http://"+address+"/stats", drain, false); code != http.StatusForbidden && code != http.StatusUnauthorized {
				t.Errorf("%s (users %q): an action: %d", name, users, code)
			}
			if users != "" {
				if code := ask("POST", "http://"+address+"/stats", ready, true); code != http.StatusSeeOther {
					t.Errorf("%s: an action of a user: %d", name, code)
				}
			}
			if code := ask("GET", "http://"+address+"/readyz", "", false); code != http.StatusOK {
				t.Errorf("%s: /readyz: %d", name, code)
			}
		}
		if to := s.post("0", "shards", "ready"); to != "/stats;st=DONE" {
			t.Errorf("by the control socket: %s", to)
		}
	}
}
