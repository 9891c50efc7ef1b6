package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// overTLS adds the source secure to a site: a port over TLS with the keys given.
func (s *site) overTLS(keys string) {
	s.t.Helper()
	s.ports["secure"] = freePort(s.t)
	s.write(strings.Replace(s.read(), "sources:\n", fmt.Sprintf("sources:\n  secure: {port: %d, address: 127.0.0.1, protocols: [tls], tls: {%s}}\n",
		s.ports["secure"], strings.ReplaceAll(keys, "DIR", s.dir)), 1))
}

// ca runs gateway tls init in the folder tls of a site.
func (s *site) ca(args ...string) string {
	s.t.Helper()
	out, errs, code := s.gateway("", append([]string{"tls", "init", filepath.Join(s.dir, "tls")}, args...)...)
	if code != 0 {
		s.t.Fatalf("tls init %v: %d %s", args, code, errs)
	}
	return out
}

// pair reads a certificate of the folder tls.
func (s *site) pair(name string) tls.Certificate {
	s.t.Helper()
	base := filepath.Join(s.dir, "tls", name)
	return testkit.Try(tls.LoadX509KeyPair(base+".pem", base+".key"))(s.t)
}

// dialTLS connects to a port and verifies it by the CA of the folder tls. With TLS 1.2 the
// handshake tells a client that it is refused.
func (s *site) dialTLS(port int, client string) (*tls.Conn, error) {
	s.t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(testkit.Try(os.ReadFile(filepath.Join(s.dir, "tls", "ca.pem")))(s.t))
	config := &tls.Config{ServerName: "localhost", RootCAs: roots, MaxVersion: tls.VersionTLS12}
	if client != "" {
		config.Certificates = []tls.Certificate{s.pair(client)}
	}
	return tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", fmt.Sprintf("127.0.0.1:%d", port), config)
}

// shownBy is the serial number of the certificate that a port shows, or why there is none.
func (s *site) shownBy(port int, client string) string {
	c, err := s.dialTLS(port, client)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// TestTLSInit: the verb makes what it says, never overwrites a key, and renews.
func TestTLSInit(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	dir := filepath.Join(s.dir, "tls")
	_, errs, code := s.gateway("", "tls", "init", dir)
	testkit.Equal(t, "exit code without names", code, 2)
	testkit.Holds(t, "without names", errs, "--name")
	_, errs, code = s.gateway("", "tls", "init", dir, "--name", "no/name")
	testkit.Equal(t, "exit code of a bad name", code, 2)
	testkit.Holds(t, "bad name", errs, `"no/name" is neither a DNS name nor an IP address`)
	_, errs, code = s.gateway("", "tls", "init", dir, "--client", "web1")
	testkit.Equal(t, "exit code of a client before the server", code, 1)
	testkit.Holds(t, "client first", errs, "give --name")

	out := s.ca("--name", "localhost,127.0.0.1", "--client", "web1.example.com")
	testkit.Holds(t, "lines", out, "client_names: [web1.example.com]", "cert_file: "+dir+"/server.pem", "crypto ca trustpoint", "logging host inside 127.0.0.1 tcp/6514 secure", "transport SSL",
		`StreamDriver="gtls"`, `module(load="omrelp")`, "/etc/syslog-ng/tls/client-web1.example.com.pem", "chown syslog-gateway "+dir+"/server.key")
	testkit.Lacks(t, "no template is left", out, "{{", "<no value>")
	server, client := s.pair("server").Leaf, s.pair("client-web1.example.com").Leaf
	for what, err := range map[string]error{
		"name": server.VerifyHostname("localhost"), "address": server.VerifyHostname("127.0.0.1"), "client": client.VerifyHostname("web1.example.com"),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if days := time.Until(server.NotAfter).Hours() / 24; days < 824 || days > 825 {
		t.Errorf("valid for %v days", days)
	}
	keys := make(map[string]string)
	for _, name := range []string{"ca", "server", "client-web1.example.com"} {
		path := filepath.Join(dir, name+".key")
		testkit.Equal(t, "mode of "+name, testkit.Try(os.Stat(path))(t).Mode().Perm(), 0o600)
		keys[path] = string(testkit.Try(os.ReadFile(path))(t))
	}

	out = s.ca("--name", "localhost", "--client", "2001:db8::1")
	testkit.Lacks(t, "second time", out, "ca.pem until", "made     "+dir+"/ca.pem")
	if again := s.pair("server").Leaf; again.SerialNumber.Cmp(server.SerialNumber) == 0 || len(again.IPAddresses) != 0 {
		t.Error("the certificate is not renewed with the names given")
	}
	if got := s.pair("client-2001_db8__1").Leaf.IPAddresses; len(got) != 1 {
		t.Errorf("addresses of the client: %v", got)
	}
	for path, text := range keys {
		testkit.Equal(t, path, string(testkit.Try(os.ReadFile(path))(t)), text)
	}

	foreign := filepath.Join(s.dir, "foreign")
	testkit.Must(t, os.MkdirAll(foreign, 0o700))
	testkit.Must(t, os.Link(filepath.Join(dir, "server.pem"), filepath.Join(foreign, "server.pem")))
	_, errs, code = s.gateway("", "tls", "init", foreign, "--name", "localhost")
	testkit.Equal(t, "exit code", code, 1)
	testkit.Holds(t, "certificate of another CA", errs, "is not a certificate of the CA in this folder, and is not overwritten")
	testkit.Must(t, os.Remove(filepath.Join(dir, "ca.key")))
	_, errs, code = s.gateway("", "tls", "init", dir, "--name", "localhost")
	testkit.Equal(t, "exit code", code, 1)
	testkit.Holds(t, "CA without key", errs, "ca.key", "no such file")
}

// TestTLSFollowsItsFiles: certificates of a source and of the statistics page, the CA of
// HEC and the names of clients change while the gateway runs.
func TestTLSFollowsItsFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.ca("--name", "localhost", "--client", "web1,web2")
	a, b := testkit.Try(testkit.NewAuthority())(t), testkit.Try(testkit.NewAuthority())(t)
	var issuer atomic.Pointer[testkit.Authority]
	issuer.Store(a)
	splunk := hectest.New(hectest.Options{Token: testToken, OnEvent: s.sink.take, Certificate: func() *tls.Certificate {
		c, _ := issuer.Load().Issue(time.Now().Add(time.Hour))
		return c
	}})
	t.Cleanup(splunk.Close)
	hecCA := filepath.Join(s.dir, "hec-ca.pem")
	testkit.Must(t, os.WriteFile(hecCA, a.PEM(), 0o600))
	s.overTLS("cert_file: DIR/tls/server.pem, key_file: DIR/tls/server.key, client_ca_file: DIR/tls/ca.pem, client_names: [web1]")
	pageTLS := fmt.Sprintf(", tls: {cert_file: %s/tls/server.pem, key_file: %[1]s/tls/server.key}}", s.dir)
	s.write(strings.NewReplacer(
		`hec: {endpoints: ["`+s.hec.URL()+`"]`, `hec: {endpoints: ["`+splunk.URL()+`"], tls: {ca_file: `+hecCA+`}`,
		fmt.Sprintf(`stats: {listen: "127.0.0.1:%d"}`, s.stats), fmt.Sprintf(`stats: {listen: "127.0.0.1:%d"`, s.stats)+pageTLS,
	).Replace(s.read()))
	p := s.spawn(gatewayCommand(s.dir, "run", "-c", s.file))
	port := s.ports["secure"]
	testkit.Eventually(t, "the port is open", func() bool {
		c, err := s.dialTLS(port, "client-web1")
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(testkit.Try(os.ReadFile(filepath.Join(s.dir, "tls", "ca.pem")))(t))
	browser := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	metrics := func() testkit.Series {
		r := testkit.Try(browser.Get(fmt.Sprintf("https://localhost:%d/metrics", s.stats)))(t)
		defer r.Body.Close()
		testkit.Equal(t, "protocol of the page", r.Proto, "HTTP/2.0")
		return testkit.Try(testkit.ReadSeries(r.Body))(t)
	}
	m := metrics()
	for _, use := range []string{"source/secure", "stats", "hec"} {
		if at := m.Sum("gateway_certificate_expiry_timestamp_seconds", `use="`+use+`"`); at < float64(time.Now().Unix()) {
			t.Errorf("%s expires at %v", use, at)
		}
	}

	old := testkit.Try(s.dialTLS(port, "client-web1"))(t)
	defer old.Close()
	send := func(c *tls.Conn, text string) {
		_ = testkit.Try(fmt.Fprintf(c, "<13>1 - - - - - - %s\n", text))(t)
	}
	send(old, "before")
	s.waitEvents(1)
	before := s.shownBy(port, "client-web1")
	s.ca("--name", "localhost")
	begin := time.Now()
	for _, one := range []int{port, s.stats} {
		testkit.Eventually(t, "a new certificate is shown", func() bool { return s.shownBy(one, "client-web1") != before })
		testkit.Equal(t, "certificate", s.shownBy(one, "client-web1"), s.pair("server").Leaf.SerialNumber.String())
	}
	t.Logf("shown after %v", time.Since(begin))
	send(old, "after")
	s.waitEvents(2)

	// Splunk changes to another CA, and the file follows.
	issuer.Store(b)
	splunk.HTTP().CloseClientConnections()
	send(old, "between")
	testkit.Eventually(t, "the certificate of HEC is refused", func() bool { return strings.Contains(p.log.String(), "x509: certificate signed by unknown authority") })
	testkit.Equal(t, "delivered with the old CA", s.sink.count(), 2)
	testkit.Must(t, os.WriteFile(hecCA, b.PEM(), 0o600))
	s.waitEvents(3)

	// The names of clients are a live key.
	refused := func(client string) bool {
		c, err := s.dialTLS(port, client)
		if err == nil {
			c.Close()
		}
		return err != nil && strings.Contains(err.Error(), "remote error")
	}
	if refused("client-web1") || !refused("client-web2") {
		t.Error("client_names: [web1] does not count")
	}
	s.write(strings.Replace(s.read(), "client_names: [web1]", "client_names: [web2]", 1))
	testkit.Must(t, p.cmd.Process.Signal(syscall.SIGHUP))
	testkit.Eventually(t, "the names have changed", func() bool { return refused("client-web1") && !refused("client-web2") })
	testkit.Eventually(t, "the reload is logged", func() bool { return strings.Contains(p.log.String(), "applied=[sources.secure.tls.client_names]") })
	testkit.Holds(t, "log", p.log.String(), `has none of the client_names; it has [\"web2\"]`)
	send(old, "to the end") // a connection that was let in stays
	s.waitEvents(4)
	testkit.Equal(t, "exit code", p.stop(), 0)
	testkit.Lacks(t, "log", p.log.String(), "certificates are not replaced")
}

// TestRsyslogOverTLS: rsyslog with GnuTLS shows its certificate, also over TLS 1.3, and is
// let in by its name alone. The lines are those of gateway tls init.
func TestRsyslogOverTLS(t *testing.T) {
	t.Parallel()
	rsyslogd := need(t, "rsyslogd", "rsyslog")
	if found, _ := filepath.Glob("/usr/lib/*/rsyslog/lmnsd_gtls.so"); len(found) == 0 {
		t.Fatal("rsyslog has no driver for GnuTLS: install Debian's package rsyslog-gnutls, or run .ci/tools")
	}
	s := newSite(t, "")
	s.ca("--name", "localhost", "--client", "other.example.com")
	lines := s.ca("--name", "localhost", "--client", "web1.example.com")
	s.overTLS(`cert_file: DIR/tls/server.pem, key_file: DIR/tls/server.key, client_ca_file: DIR/tls/ca.pem, client_names: [web1.example.com]`)
	p := s.start()
	_, action, _ := strings.Cut(lines, "action(type=\"omfwd\"")
	action, _, _ = strings.Cut(action, "rsyslog over RELP")
	relay := func(client string) *process {
		dir := t.TempDir()
		conf := fmt.Sprintf("global(workDirectory=%q)\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\ninput(type=\"imuxsock\" Socket=\"%s/log\")\naction(type=\"omfwd\"%s",
			dir, dir, strings.NewReplacer(`port="6514"`, fmt.Sprintf("port=%q", fmt.Sprint(s.ports["secure"])), "/etc/rsyslog.d/tls/", s.dir+"/tls/",
				"web1.example.com", client).Replace(action))
		file := filepath.Join(dir, "rsyslog.conf")
		testkit.Must(t, os.WriteFile(file, []byte(conf), 0o600))
		r := s.spawn(exec.Command(rsyslogd, "-n", "-f", file, "-i", filepath.Join(dir, "pid")))
		var c net.Conn
		testkit.Eventually(t, "rsyslog takes lines", func() (ok bool) {
			var err error
			c, err = net.Dial("unixgram", filepath.Join(dir, "log"))
			return err == nil
		})
		defer c.Close()
		for i := range 50 {
			_ = testkit.Try(fmt.Fprintf(c, "<13>Mar 14 14:28:52 app: %s %d", client, i))(t)
		}
		return r
	}
	refused := relay("other.example.com")
	testkit.Eventually(t, "a client with another name is refused", func() bool {
		return strings.Contains(p.log.String(), "has none of the client_names") && strings.Contains(p.log.String(), "other.example.com")
	})
	_ = refused.cmd.Process.Kill()
	relay("web1.example.com")
	s.waitEvents(50)
	for _, text := range s.sink.texts() {
		testkit.Holds(t, "event", text, "web1.example.com")
	}
	testkit.Lacks(t, "GnuTLS sends its certificate", p.log.String(), "didn't provide a certificate")
}

// acmeTool is the path of a program of pebble, or "" with the test skipped.
func acmeTool(t *testing.T, name string) string {
	t.Helper()
	if path, err := filepath.Abs("../../bin/tools/" + name); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skipf("%s, the ACME server of this test, is not in bin/tools: run .ci/tools, which fetches it from the module proxy", name)
	return ""
}

// TestCertbotRenews: certbot obtains a certificate by ACME and renews it; the running
// gateway shows each without a restart, and nothing tells it about the renewal.
func TestCertbotRenews(t *testing.T) {
	t.Parallel()
	pebble, dns := acmeTool(t, "pebble"), acmeTool(t, "pebble-challtestsrv")
	certbot, err := exec.LookPath("certbot")
	if err != nil {
		t.Skip("certbot is not on this machine: install Debian's package certbot, or run .ci/tools")
	}
	if !testkit.Network(t) {
		return
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	s := newSite(t, "")
	s.ca("--name", "localhost") // for the ACME server itself
	ca := filepath.Join(s.dir, "tls", "ca.pem")
	settings := testkit.Try(json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
		"certificate": filepath.Join(s.dir, "tls", "server.pem"), "privateKey": filepath.Join(s.dir, "tls", "server.key"),
		"httpPort": 5002, "tlsPort": 5001, "keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{"shortlived": map[string]any{"description": "six days", "validityPeriod": 518400}},
	}}))(t)
	file := filepath.Join(s.dir, "pebble.json")
	testkit.Must(t, os.WriteFile(file, settings, 0o600))
	s.spawn(exec.Command(dns, "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-dnsserver", "127.0.0.1:8053", "-management", "127.0.0.1:8055"))
	server := exec.Command(pebble, "-config", file, "-dnsserver", "127.0.0.1:8053", "-strict")
	server.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	s.spawn(server)
	testkit.Eventually(t, "pebble answers", func() bool {
		c, err := s.dialTLS(14000, "")
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	run := func(args ...string) {
		t.Helper()
		for _, dir := range []string{"config", "work", "logs"} {
			args = append(args, "--"+dir+"-dir", filepath.Join(s.dir, "certbot", dir))
		}
		cmd := exec.Command(certbot, append(args, "--non-interactive", "--no-random-sleep-on-renew")...)
		cmd.Env = append(os.Environ(), "REQUESTS_CA_BUNDLE="+ca)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("certbot %v: %v\n%s", args, err, out)
		}
	}
	run("certonly", "--standalone", "--http-01-port", "5002", "--server", "https://localhost:14000/dir", "--agree-tos", "--register-unsafely-without-email",
		"-d", "gateway.example.com")
	live := filepath.Join(s.dir, "certbot", "config", "live", "gateway.example.com")
	s.overTLS("cert_file: " + live + "/fullchain.pem, key_file: " + live + "/privkey.pem")
	p := s.start()
	shown := func() *x509.Certificate {
		c := testkit.Try(tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports["secure"]), &tls.Config{InsecureSkipVerify: true}))(t)
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0]
	}
	first := shown()
	testkit.Must(t, first.VerifyHostname("gateway.example.com"))
	open := testkit.Try(tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports["secure"]), &tls.Config{InsecureSkipVerify: true}))(t)
	defer open.Close()
	testkit.Must(t, os.Chmod(filepath.Join(live, "privkey.pem"), 0o640)) // docs/tls.md: the group may read it
	run("renew", "--force-renewal")
	begin := time.Now()
	testkit.Eventually(t, "the renewed certificate is shown", func() bool { return !bytes.Equal(shown().Raw, first.Raw) })
	t.Logf("shown after %v", time.Since(begin))
	testkit.Equal(t, "rights of the renewed key", testkit.Try(os.Stat(filepath.Join(live, "privkey.pem")))(t).Mode().Perm(), 0o640)
	at := s.metrics().Sum("gateway_certificate_expiry_timestamp_seconds", `use="source/secure"`)
	testkit.Equal(t, "expiry", at, float64(shown().NotAfter.Unix()))
	_ = testkit.Try(io.WriteString(open, "<13>1 - - - - - - over the old connection\n"))(t)
	s.waitEvents(1)
	testkit.Holds(t, "six days are less than fourteen", p.log.String(), "a certificate expires soon")
	testkit.Equal(t, "exit code", p.stop(), 0)
}
