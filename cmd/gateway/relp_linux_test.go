package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

// TestRsyslogRELP runs rsyslog's omrelp against the gateway: in clear, over both of its TLS
// libraries, and with client certificates. It has rsyslog's default window, and all that it
// sends must arrive once.
//
// librelp corks its socket: on a loopback with its large segments a window would not fill
// one, and the kernel would hold it back for 200 ms. So the test has its own network.
func TestRsyslogRELP(t *testing.T) {
	rsyslogd := need(t, "rsyslogd", "rsyslog")
	if !testkit.Network(t) {
		return
	}
	runSender(t, need(t, "ip", "iproute2"), "link", "set", "lo", "up", "mtu", "1500")
	dir := t.TempDir()
	authority := testkit.Try(testkit.NewAuthority())(t)
	certificate := testkit.Try(authority.Issue(time.Now().Add(time.Hour)))(t)
	cert, key, err := testkit.Files(certificate)
	testkit.Must(t, err)
	for name, data := range map[string][]byte{"ca.pem": authority.PEM(), "cert.pem": cert, "key.pem": key} {
		testkit.Must(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	secured := `tls="on" tls.caCert="DIR/ca.pem" tls.myCert="DIR/cert.pem" tls.myPrivKey="DIR/key.pem" tls.authMode="name" tls.permittedPeer=["localhost"]`
	server := "protocols: [relp_tls], tls: {cert_file: DIR/cert.pem, key_file: DIR/key.pem"
	for _, c := range []struct{ name, module, action, source string }{
		{"clear", "", "", "protocols: [relp]"},
		{"clear and queued", "", "", "protocols: [relp], relp: {ack: queued}"},
		{"gnutls", "", secured, server + "}"},
		{"gnutls with client certificate", "", secured, server + ", client_ca_file: DIR/ca.pem, client_names: [localhost]}"},
		{"openssl", ` tls.tlslib="openssl"`, secured, server + "}"},
		{"openssl with client certificate", ` tls.tlslib="openssl"`, secured, server + ", client_ca_file: DIR/ca.pem}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			// A window that waited for one of these would take a minute.
			s := newSite(t, "batch: {max_age: 1m}\nqueue: {path: DIR/queue, min_free: 1MB, sync_interval: 1m}\n")
			s.write(strings.Replace(s.read(), "vendor: linux,", "vendor: linux, "+strings.ReplaceAll(c.source, "DIR", dir)+",", 1))
			p := s.start()
			const n = 5_000 // 39 windows
			relay := s.startRELP(rsyslogd, c.module, strings.ReplaceAll(c.action, "DIR", dir))
			began := time.Now()
			relay.send(0, n)
			s.waitEvents(n)
			took := time.Since(began)
			t.Logf("%d messages in %v: %.0f/s", n, took, n/took.Seconds())
			s.wantOnce(n)
			testkit.Equal(t, "unacknowledged", s.metrics().Sum("gateway_relp_unacknowledged"), 0)
			s.assertBalance()
			relay.kill()
			testkit.Equal(t, "exit code", p.stop(), 0)
		})
	}
}

// rsyslogRELP is an rsyslog that takes lines over TCP and passes them on by RELP.
type rsyslogRELP struct {
	*process
	input int
}

// startRELP starts it. module and action are appended to what it is configured with.
func (s *site) startRELP(rsyslogd, module, action string) *rsyslogRELP {
	s.t.Helper()
	dir := s.t.TempDir()
	r := &rsyslogRELP{input: freePort(s.t)}
	file := filepath.Join(dir, "rsyslog.conf")
	testkit.Must(s.t, os.WriteFile(file, fmt.Appendf(nil, `
module(load="imtcp")
module(load="omrelp"%s)
main_queue(queue.type="linkedlist" queue.size="500000")
input(type="imtcp" address="127.0.0.1" port="%d")
action(type="omrelp" target="localhost" port="%d" template="RSYSLOG_ForwardFormat" action.resumeRetryCount="-1" action.resumeInterval="1" %s)
`, module, r.input, s.ports["linux"], action), 0o600))
	r.process = s.spawn(exec.Command(rsyslogd, "-n", "-f", file, "-i", filepath.Join(dir, "pid")))
	return r
}

// send gives it messages with the numbers from first on.
func (r *rsyslogRELP) send(first, n int) {
	r.t.Helper()
	var c net.Conn
	testkit.Eventually(r.t, "rsyslog listens", func() (ok bool) {
		var err error
		c, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", r.input))
		return err == nil
	})
	defer c.Close()
	var b bytes.Buffer
	for i := first; i < first+n; i++ {
		fmt.Fprintf(&b, "<38>%s web1 sshd[7]: %s number %d\n", stampBSD(), strings.Repeat("x", 200), i)
	}
	testkit.Try(c.Write(b.Bytes()))(r.t)
}

// wantOnce wants that each of n numbered messages has arrived, and none twice.
func (s *site) wantOnce(n int) {
	s.t.Helper()
	times := make([]int, n)
	for _, e := range s.sink.texts() {
		var i int
		if _, err := fmt.Sscanf(e[strings.LastIndex(e, "number ")+1:], "umber %d", &i); err != nil || i >= n {
			s.t.Fatalf("%q was not sent: %v", e, err)
		}
		times[i]++
	}
	lost, twice := 0, 0
	for _, k := range times {
		switch {
		case k == 0:
			lost++
		case k > 1:
			twice += k - 1
		}
	}
	testkit.Equal(s.t, "lost", lost, 0)
	testkit.Equal(s.t, "twice", twice, 0)
}
