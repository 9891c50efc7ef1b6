package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

// front is a port of a proxy.
type front struct {
	name   string
	proxy  string // "haproxy" or "nginx"
	server string // what HAProxy's server line or nginx's server has
	to     string // source
	udp    bool
}

func fronts() []front {
	const check = " check inter 100ms"
	return []front{
		{name: "haproxy-v1", proxy: "haproxy", server: "send-proxy" + check, to: "linux"},
		{name: "haproxy-v2", proxy: "haproxy", server: "send-proxy-v2" + check, to: "linux"},
		{name: "haproxy-v2-crc", proxy: "haproxy", server: "send-proxy-v2 proxy-v2-options unique-id,crc32c" + check, to: "linux"},
		{name: "haproxy-tls", proxy: "haproxy", server: "send-proxy-v2" + check, to: "secure"},
		{name: "haproxy-tls-v1", proxy: "haproxy", server: "send-proxy" + check, to: "secure"},
		{name: "haproxy-tls-checked", proxy: "haproxy", server: "send-proxy-v2 check-ssl verify none" + check, to: "secure"},
		{name: "nginx-tcp", proxy: "nginx", server: "proxy_protocol on;", to: "linux"},
		{name: "nginx-udp", proxy: "nginx", server: "proxy_protocol on; proxy_responses 0;", to: "linux", udp: true},
	}
}

// proxySite is a gateway behind HAProxy and nginx as Debian ships them.
type proxySite struct {
	*site
	gateway *process
	ports   map[string]int // of the fronts
}

func newProxySite(t *testing.T) *proxySite {
	t.Helper()
	s := &proxySite{site: newSite(t, "batch: {max_age: 20ms}\n"), ports: make(map[string]int)}
	authority := testkit.Try(testkit.NewAuthority())(t)
	cert, key, err := testkit.Files(testkit.Try(authority.Issue(time.Now().Add(time.Hour)))(t))
	testkit.Must(t, err)
	testkit.Must(t, os.WriteFile(s.dir+"/cert", cert, 0o600))
	testkit.Must(t, os.WriteFile(s.dir+"/key", key, 0o600))
	ports := freePorts(t, len(fronts())+1)
	to := map[string]int{"linux": s.site.ports["linux"], "secure": ports[len(fronts())]}
	const trust = "proxy_protocol: [127.0.0.1/32], "
	s.write(strings.NewReplacer("linux: {", "linux: {"+trust, "sources:\n", fmt.Sprintf(
		"sources:\n  secure: {%sport: %d, vendor: linux, index: main, address: 127.0.0.1, protocols: [tls], tls: {cert_file: %s/cert, key_file: %[3]s/key}}\n",
		trust, to["secure"], s.dir)).Replace(s.read()))
	haproxy := "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 50s\n  timeout server 50s\n"
	nginx := "daemon off; master_process off; pid DIR/nginx.pid; error_log DIR/nginx.log;\nload_module /usr/lib/nginx/modules/ngx_stream_module.so;\nevents {}\nstream {\n"
	for i, f := range fronts() {
		s.ports[f.name] = ports[i]
		if f.proxy == "haproxy" {
			haproxy += fmt.Sprintf("listen %s\n  bind 127.0.0.1:%d\n  unique-id-format %%ci_%%cp_%%Ts\n  server s 127.0.0.1:%d %s\n", f.name, ports[i], to[f.to], f.server)
			continue
		}
		udp := ""
		if f.udp {
			udp = " udp"
		}
		nginx += fmt.Sprintf("server { listen 127.0.0.1:%d%s; proxy_pass 127.0.0.1:%d; %s }\n", ports[i], udp, to[f.to], f.server)
	}
	s.gateway = s.start()
	s.proxy("haproxy", "haproxy", haproxy, "-db", "-f", "FILE")
	s.proxy("nginx", "libnginx-mod-stream", nginx+"}\n", "-c", "FILE", "-p", "DIR")
	return s
}

// proxy runs a proxy until the test ends.
func (s *proxySite) proxy(program, pkg, config string, args ...string) {
	s.t.Helper()
	file := filepath.Join(s.dir, program+".conf")
	testkit.Must(s.t, os.WriteFile(file, []byte(strings.ReplaceAll(config, "DIR", s.dir)), 0o600))
	for i := range args {
		args[i] = strings.NewReplacer("FILE", file, "DIR", s.dir).Replace(args[i])
	}
	cmd := exec.Command(need(s.t, program, pkg), args...)
	out := &testkit.Log{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	testkit.Must(s.t, cmd.Start())
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // the test does not check how a proxy ends
		if s.t.Failed() {
			s.t.Logf("%s: %s", program, out)
		}
	})
}

// dialFrom connects to a front from an address; nil if it refuses.
func (s *proxySite) dialFrom(f front, client string) net.Conn {
	to := fmt.Sprintf("127.0.0.1:%d", s.ports[f.name])
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
	network := "tcp"
	if f.udp {
		d.LocalAddr, network = &net.UDPAddr{IP: net.ParseIP(client)}, "udp"
	}
	c, err := d.Dial(network, to)
	if err != nil {
		return nil
	}
	s.t.Cleanup(func() { c.Close() })
	if f.to == "secure" {
		return tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	return c
}

const eachClient = 5

var proxyClients = []string{"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"}

// send has each client send some lines through each front and returns how many in all.
func (s *proxySite) send(round string) (sent int) {
	for _, f := range fronts() {
		for _, client := range proxyClients {
			c := s.dialFrom(f, client)
			if c == nil {
				continue
			}
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			for i := range eachClient {
				msg := line("linux", fmt.Sprintf("mark=%s/%s/%s/%d ", round, f.name, client, i))
				if !f.udp {
					msg += "\n"
				}
				if _, err := fmt.Fprint(c, msg); err == nil {
					sent++
				}
			}
		}
	}
	return sent
}

// proxiedEvents are all events that reached Splunk.
func (s *proxySite) proxiedEvents() (all []arrived) {
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	for _, line := range s.sink.lines {
		var e arrived
		testkit.Must(s.t, json.Unmarshal([]byte(line), &e))
		all = append(all, e)
	}
	return all
}

// senders are the addresses that the API shows as senders.
func (s *proxySite) senders() (addresses []string) {
	s.t.Helper()
	r := testkit.Try(http.Get(fmt.Sprintf("http://127.0.0.1:%d/api/v1/senders", s.stats)))(s.t)
	defer r.Body.Close()
	var answer struct {
		Senders []struct{ Address string }
	}
	testkit.Must(s.t, json.NewDecoder(r.Body).Decode(&answer))
	for _, x := range answer.Senders {
		addresses = append(addresses, x.Address)
	}
	slices.Sort(addresses)
	return slices.Compact(addresses)
}

// TestProxyProtocol: behind HAProxy and nginx every event has its client's address and none
// is junk, and their health checks are no events and no lines in the log. Without trust no
// event has an address of a header.
func TestProxyProtocol(t *testing.T) {
	s := newProxySite(t)
	checks := func() float64 { return s.metrics().Sum("gateway_proxy_checks_total") }
	await := func(more float64) {
		t.Helper()
		before := checks()
		testkit.Eventually(t, "HAProxy checks", func() bool { return checks() >= before+more })
	}
	await(12) // two of each front
	s.awaitFronts()

	sent := s.send("trusted")
	testkit.Equal(t, "sent", sent, len(fronts())*len(proxyClients)*eachClient)
	s.waitEvents(sent)
	await(12)
	seen := make(map[string]int)
	for _, e := range s.proxiedEvents() {
		_, client, _ := strings.Cut(mark(e.Event), "/")
		name, client, _ := strings.Cut(client, "/")
		client, _, _ = strings.Cut(client, "/")
		seen[name]++
		if e.Fields["sender_ip"] != client || client == "" || e.Fields["proxy_ip"] != "127.0.0.1" || e.Host != "web1" ||
			e.Sourcetype != "linux_secure" || !strings.HasPrefix(e.Event, "<38>") {
			t.Errorf("%+v", e)
		}
	}
	for _, f := range fronts() {
		testkit.Equal(t, f.name, seen[f.name], len(proxyClients)*eachClient)
	}
	testkit.Equal(t, "events", s.sink.count(), sent)
	m := s.metrics()
	for _, name := range []string{"gateway_connections_rejected_total", "gateway_dropped_events_total", "gateway_framing_errors_total"} {
		testkit.Equal(t, name, m.Sum(name), 0)
	}
	testkit.Lacks(t, "the log", s.gateway.log.String(), "handshake", "connection closed", "proxy_protocol", "level=ERROR")
	testkit.Eventually(t, "the senders are the clients", func() bool { return slices.Equal(s.senders(), proxyClients) })
	s.assertBalance()

	// Nobody is trusted now: the same bytes are text, or no TLS.
	s.write(strings.ReplaceAll(s.read(), "proxy_protocol: [127.0.0.1/32]", "proxy_protocol: [192.0.2.1/32]"))
	_ = s.gateway.cmd.Process.Signal(syscall.SIGHUP)
	testkit.Eventually(t, "the reload is counted", func() bool { return s.metrics().Sum("gateway_config_reloads_total", `result="success"`) == 1 })
	s.send("strange")
	junk := func(text string) func() bool {
		return func() bool {
			return slices.ContainsFunc(s.proxiedEvents()[sent:], func(e arrived) bool { return strings.HasPrefix(e.Event, text) })
		}
	}
	testkit.Eventually(t, "a header of version 1 is an event", junk("PROXY TCP4 127.0.0.2"))
	testkit.Eventually(t, "a check is an event", junk("QUIT"))
	testkit.Eventually(t, "TLS behind a header fails", func() bool {
		return s.metrics().Sum("gateway_connections_rejected_total", `reason="tls_handshake"`) > 0
	})
	for _, e := range s.proxiedEvents()[sent:] {
		if _, has := e.Fields["proxy_ip"]; has || e.Fields["sender_ip"] != "127.0.0.1" {
			t.Errorf("without trust: %+v", e)
		}
	}
	testkit.Equal(t, "exit code", s.gateway.stop(), 0)
}

// awaitFronts waits until each front takes connections. A connection through which nothing
// comes is no event; over TLS it would be a failed handshake, but there HAProxy says by its
// checks that it listens.
func (s *proxySite) awaitFronts() {
	s.t.Helper()
	for _, f := range fronts() {
		if f.proxy != "nginx" || f.udp {
			continue
		}
		testkit.Eventually(s.t, f.name+" listens", func() bool { return s.dialFrom(f, "127.0.0.1") != nil })
	}
}
