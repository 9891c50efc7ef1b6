package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/authority"
	"syslog-gateway/internal/infra/amazon/amazontest"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// tunnel is a proxy that takes CONNECT to any host, and answers there itself with a
// certificate and a handler: what certbot's plugin takes for Amazon.
func tunnel(t *testing.T, pair tls.Certificate, h http.Handler) string {
	t.Helper()
	l := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	inside := &pipe{conns: make(chan net.Conn), done: make(chan struct{}), addr: l.Addr()}
	amazon := &http.Server{Handler: h}
	go func() { _ = amazon.Serve(inside) }()
	proxy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "CONNECT only", http.StatusMethodNotAllowed)
			return
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
		select {
		case inside.conns <- tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}}):
		case <-inside.done:
			c.Close()
		}
	})}
	go func() { _ = proxy.Serve(l) }()
	t.Cleanup(func() { proxy.Close(); amazon.Close() })
	return "http://" + l.Addr().String()
}

// pipe is a listener whose connections are handed in.
type pipe struct {
	conns chan net.Conn
	done  chan struct{}
	addr  net.Addr
}

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, errors.New("closed")
	}
}

func (p *pipe) Close() error   { close(p.done); return nil }
func (p *pipe) Addr() net.Addr { return p.addr }

const declaredCertificates = `"guest_certificates": {
    "gateway": {"guest": "gateway", "domains": ["gateway.lab.example", "*.gateway.lab.example"], "server": "https://localhost:14000/dir",
      "ca_file": "/CA", "email": "ops@lab.example", "reload": "touch reloaded"},
    "web": {"guest": "dns", "domains": ["dns.lab.example"], "challenge": "http", "server": "https://localhost:14000/dir", "ca_file": "/CA"},
    "inside": {"guest": "gateway", "domains": ["gateway.lab.example", "gateway"], "challenge": "internal"}
  }, "domain"`

// TestCertbotTakesWhatIsRendered: certbot runs with the rendered files alone. Its plugin for
// Route 53 proves a name and a wildcard by dns-01, and standalone proves a name by http-01.
func TestCertbotTakesWhatIsRendered(t *testing.T) {
	pebble := program(t, "pebble", "it is a Go module")
	dns := program(t, "pebble-challtestsrv", "it is a Go module")
	certbot := program(t, "certbot", "install Debian's package certbot")
	if out, _ := exec.Command(certbot, "plugins").CombinedOutput(); !strings.Contains(string(out), "* dns-route53") {
		t.Skip("certbot has no plugin for Route 53: install Debian's package python3-certbot-dns-route53, or run .ci/tools")
	}
	if !testkit.Network(t) {
		return
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	w := newWorld(t, pvesim.Options{})
	w.Edit(`"domain"`, strings.ReplaceAll(declaredCertificates, "/CA", w.Path("tls/ca.pem")))
	ca := testkit.Try(authority.Open(w.Path("tls")))(t)
	_ = testkit.Try(ca.Server([]string{"localhost", "*.amazonaws.com"}))(t)
	pair := testkit.Try(tls.LoadX509KeyPair(w.Path("tls/server.pem"), w.Path("tls/server.key")))(t)

	settings := testkit.Try(json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
		"certificate": w.Path("tls/server.pem"), "privateKey": w.Path("tls/server.key"),
		"httpPort": 80, "tlsPort": 5001, "keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{"default": map[string]any{"description": "90 days", "validityPeriod": 7776000}},
	}}))(t)
	w.Write("pebble.json", string(settings))
	service(t, exec.Command(dns, "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-dnsserver", "127.0.0.1:8053", "-management", "127.0.0.1:8055"))
	server := exec.Command(pebble, "-config", w.Path("pebble.json"), "-dnsserver", "127.0.0.1:8053", "-strict")
	server.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	service(t, server)
	for _, at := range []string{"127.0.0.1:14000", "127.0.0.1:8055"} {
		testkit.Eventually(t, "somebody answers at "+at, func() bool {
			c, err := net.Dial("tcp", at)
			if err == nil {
				c.Close()
			}
			return err == nil
		})
	}

	// What is changed in the zone is what pebble's resolver says.
	a := amazontest.Start(t)
	tell := func(path string, body map[string]string) {
		r, err := http.Post("http://127.0.0.1:8055/"+path, "application/json", bytes.NewReader(testkit.Try(json.Marshal(body))(t)))
		if err == nil {
			r.Body.Close()
		}
	}
	var actions []string
	a.Route53.Changed = func(action string, s amazontest.Set) {
		actions = append(actions, action+" "+s.Name)
		tell("clear-txt", map[string]string{"host": s.Name})
		for _, v := range s.Texts() {
			if action != "DELETE" {
				tell("set-txt", map[string]string{"host": s.Name, "value": strings.Trim(v, `"`)})
			}
		}
	}
	a.AddZone("Z1", "lab.example")

	folder := w.mkdir("rendered")
	w.expect(0, []string{"gateway.ini", "gateway.service.conf", "inside.sh", "web.ini"}, "render", "certificates", "-o", folder)
	w.expect(0, []string{"gateway tls init"}, "render", "certificates", "inside")
	_, bundle, _ := strings.Cut(w.Read("rendered/gateway.service.conf"), "Environment=")
	env := append(os.Environ(), strings.TrimSpace(bundle), "HTTPS_PROXY="+tunnel(t, pair, a), "NO_PROXY=localhost", "AWS_CA_BUNDLE="+w.Path("tls/ca.pem"))
	for k, v := range a.Env(w.Dir) {
		env = append(env, k+"="+v)
	}
	env = slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "AWS_PROFILE=") || strings.HasSuffix(kv, "=") })
	run := func(args ...string) string {
		t.Helper()
		for _, dir := range []string{"config", "work", "logs"} {
			args = append(args, "--"+dir+"-dir", w.Path("certbot/"+dir))
		}
		cmd := exec.Command(certbot, append(args, "--no-random-sleep-on-renew")...)
		cmd.Env, cmd.Dir = env, w.Dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("certbot %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	leaf := func(key string) *x509.Certificate {
		t.Helper()
		block, _ := pem.Decode([]byte(w.Read("certbot/config/live/" + key + "/fullchain.pem")))
		return testkit.Try(x509.ParseCertificate(block.Bytes))(t)
	}
	begin := time.Now()
	run("certonly", "-c", w.Path("rendered/gateway.ini"))
	t.Logf("dns-01 for two names after %v: %v", time.Since(begin), actions)
	first := leaf("gateway")
	slices.Sort(first.DNSNames)
	testkit.Equal(t, "names", fmt.Sprint(first.DNSNames), "[*.gateway.lab.example gateway.lab.example]")
	testkit.Equal(t, "first change", actions[0], "UPSERT _acme-challenge.gateway.lab.example")
	if !w.exists("reloaded") {
		t.Error("the command of reload did not run")
	}
	testkit.Equal(t, "records that are left", len(a.Sets("Z1")), 0)
	run("certonly", "-c", w.Path("rendered/gateway.ini")) // again: it is kept
	testkit.Equal(t, "serial number after a second run", leaf("gateway").SerialNumber.String(), first.SerialNumber.String())
	run("renew", "--force-renewal", "--cert-name", "gateway")
	if leaf("gateway").SerialNumber.Cmp(first.SerialNumber) == 0 {
		t.Error("the renewal by the stored settings makes nothing")
	}
	run("certonly", "-c", w.Path("rendered/web.ini"))
	testkit.Equal(t, "names by http-01", fmt.Sprint(leaf("web").DNSNames), "[dns.lab.example]")
}

// TestInternalCertificateScript: the script calls gateway tls init with the names.
func TestInternalCertificateScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pvesim.Options{})
	w.Edit(`"domain"`, declaredCertificates)
	w.Write("inside.sh", w.expect(0, nil, "render", "certificates", "inside").out)
	testkit.Must(t, os.WriteFile(filepath.Join(w.mkdir("bin"), "gateway"), []byte("#!/bin/sh\necho \"$@\"\n"), 0o700))
	cmd := exec.Command("sh", w.Path("inside.sh"), "/tls")
	cmd.Env = []string{"PATH=" + w.Path("bin") + ":/bin:/usr/bin"}
	testkit.Equal(t, "command", string(testkit.Try(cmd.Output())(t)), "tls init /tls --name gateway.lab.example,gateway\n")
	w.expect(1, []string{`"nobody" is not declared under guest_certificates; these are: gateway, inside, web`}, "render", "certificates", "nobody")
}
