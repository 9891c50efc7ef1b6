package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// sent is a line to a source of an imported gateway, and what its event must hold. Nothing:
// there must be no event.
type sent struct {
	source, line string
	want         []string
}

// TestImportedGatewaysRun: for configurations of the forms that the products' own documents,
// examples and packs have, the gateway runs on what the import has written, and lines get the
// index, the sourcetype and the fate that the old configuration gave them.
func TestImportedGatewaysRun(t *testing.T) {
	const (
		plain   = "<13>Mar 14 14:28:52 web-1 app: ok %s"
		debug   = "<15>Mar 14 14:28:52 web-1 app: ok %s"
		traffic = "<14>Mar 14 14:28:52 fw-1 1,2026/03/14 14:28:52,001801000001,TRAFFIC,end,2561,2026/03/14 14:28:52,192.0.2.1,198.51.100.1,%s"
		built   = "<166>Mar 14 2026 14:28:52 fw-1 : %%ASA-6-302015: Built outbound UDP connection 1 for %s"
		asa7    = "<167>Mar 14 2026 14:28:52 fw-1 : %%ASA-7-609001: Built local-host inside:192.0.2.1 %s"
	)
	for example, lines := range map[string][]sent{
		"haproxy/manual": {
			{"spread", plain, []string{`"host":"web-1"`}},
			{"spread", debug, []string{"app: ok"}}, // the ring takes all
		},
		"haproxy/logforward": {
			{"syslog", plain, []string{`"host":"web-1"`}},
			{"syslog", debug, nil},
		},
		"haproxy/balance": {
			{"edge", debug, []string{"{"}},
			{"urgent", debug, []string{"{"}}, // listed
		},
		"sc4s/shipped": {
			{"default", "<111>Mar 24 10:45:00 gate-1 gatehousebarrier-2: open %s", []string{`"sourcetype":"gatehouse:barrier"`, `"index":"entrances"`, `"source":"gatehouse:barrier"`}},
			{"default", "<111>Mar 24 10:45:00 gate-1 gatehouse: open %s", []string{`"index":"osnix"`}},
			{"gatehouse_barrier", "<111>Mar 24 10:45:00 gate-1 anything: open %s", []string{`"sourcetype":"gatehouse:barrier"`, `"index":"entrances"`}},
			{"gatehouse_camera", "<111>Mar 24 10:45:00 gate-1 anything: seen %s", []string{`"sourcetype":"gatehouse:camera"`, `"index":"cameras"`}},
			{"cisco_asa", built, []string{`"sourcetype":"cisco:asa"`, `"index":"firewalls"`}},
			{"cisco_asa", asa7, nil},
			{"default", "<13>Mar 14 14:28:52 till-9 app: ok %s", []string{`"index":"netfw_pci"`, `"compliance":"pci"`}},
		},
		"cribl/panos": {
			{"linux", traffic, []string{`"sourcetype":"pan:traffic"`}},
			{"linux", strings.Replace(traffic, "TRAFFIC", "SYSTEM", 1), []string{`"sourcetype":"pan:system"`}},
			{"linux", plain, []string{"app: ok"}}, // the pack's last route leaves out all else that comes to the pack, not to the gateway
		},
		"cribl/preprocess": {
			{"linux", strings.Replace(traffic, "001801000001", "PA-VM", 1), []string{`"index":"pan-traffic"`, `"sourcetype":"pan:traffic"`}},
			{"linux", "<22>Mar 14 14:28:52 mx-1 postfix/smtpd[7]: ok %s", []string{`"index":"os"`}}, // its group is off
			{"linux", debug, []string{"app: ok"}},
		},
		"cribl/stream": {
			{"in_firewalls", "<13>Mar 14 14:28:52 lab-1 app: ok %s", []string{`"sourcetype":"lab:syslog"`}},
			{"in_firewalls", "<13>Mar 14 14:28:52 web-1 CRON[3]: job %s", nil},
		},
		"rsyslog/relay": {
			{"imudp", plain, []string{`"index":"os"`}},
			{"imtcp", plain, []string{`"index":"os"`}}, // over TLS
			{"imudp", "<38>Mar 14 14:28:52 bastion-1 sshd[9]: session %s", []string{"session"}},
			{"imudp", "<38>Mar 14 14:28:52 web-1 sshd[9]: session %s", []string{`"index":"os"`}},
			{"imudp", "<30>Mar 14 14:28:52 web-1 snmpd[9]: hello %s", nil},
			{"imudp", "<190>Mar 14 14:28:52 web-1 app: works %s", nil},
			{"imudp", "<190>Mar 14 14:28:52 web-1 app: fails %s", []string{`"index":"os"`}},
		},
		"rsyslog/relay_legacy": {
			{"imtcp", plain, []string{"app: ok"}},
			{"imtcp", "<13>Mar 14 14:28:52 printer-3 lpd: paper %s", nil},
			{"imtcp", debug, []string{"app: ok"}}, // listed: it was not forwarded
		},
		"rsyslog/rulesets": {
			{"imtcp", plain, []string{"app: ok"}},
			{"tcp10515", "<22>Mar 14 14:28:52 mx-1 app: ok %s", []string{"app: ok"}}, // listed
		},
		"syslog-ng/relay": {
			{"s_network", plain, []string{`"host":"web-1"`}},
			{"s_network_2", "<13>1 2026-03-14T14:28:52Z web-1 app - - - ok %s", []string{`"host":"web-1"`}},
		},
		"syslog-ng/splunk": {
			{"s_fw", plain, []string{`"index":"firewalls"`, `"sourcetype":"fw:log"`}},
			{"s_linux", plain, []string{"app: ok"}}, // listed
			{"s_other", plain, []string{"app: ok"}}, // listed
		},
		"syslog-ng/network": {
			{"s_net", "<13>Mar 14 14:28:52 lab-7 app: ok %s", []string{`"sourcetype":"lab:syslog"`, `"index":"lab"`}},
			{"s_net", plain, []string{`"index":"network"`}},
			{"s_net", "<14>Mar 14 14:28:52 web-1 CRON: ok %s", nil},
		},
	} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			for _, wrong := range runImported(t, example, lines, nil) {
				t.Error(wrong)
			}
		})
	}
	t.Run("without its rules", func(t *testing.T) { // the test sees what is wrong
		t.Parallel()
		wrong := runImported(t, "rsyslog/relay", []sent{
			{"imudp", plain, []string{`"index":"os"`}},
			{"imudp", "<30>Mar 14 14:28:52 web-1 snmpd[9]: hello %s", nil},
		}, func(dir string) { testkit.Must(t, os.RemoveAll(filepath.Join(dir, "packs"))) })
		if len(wrong) != 2 {
			t.Errorf("%q", wrong)
		}
	})
}

var (
	portLine    = regexp.MustCompile(`(?m)^( +port: )(\d+)$`)
	addressLine = regexp.MustCompile(`(?m)^ +address: .*\n`)
)

// runImported imports an example, runs the gateway on what was written and sends it the lines.
// Its ports, certificates and endpoint are those of the test. It returns what is wrong.
func runImported(t *testing.T, example string, lines []sent, spoil func(dir string)) (wrong []string) {
	dir, _, _ := importExample(t, example)
	if spoil != nil {
		spoil(dir)
	}
	file := filepath.Join(dir, "gateway.yaml")
	authority := testkit.Try(testkit.NewAuthority())(t)
	cert, key, err := testkit.Files(testkit.Try(authority.Issue(time.Now().Add(time.Hour)))(t))
	testkit.Must(t, err)
	both, ca := filepath.Join(dir, "both.pem"), filepath.Join(dir, "ca.pem")
	testkit.Must(t, os.WriteFile(both, bytes.Join([][]byte{cert, key}, nil), 0o600))
	testkit.Must(t, os.WriteFile(ca, authority.PEM(), 0o600))
	text := string(testkit.Try(os.ReadFile(file))(t))
	text = pemPath.ReplaceAllStringFunc(text, func(line string) string {
		key, _, _ := strings.Cut(line, ":")
		if strings.Contains(key, "ca_file") {
			return key + ": " + ca
		}
		return key + ": " + both
	})
	free := freePorts(t, 2*len(portLine.FindAllString(text, -1))+8)
	text = portLine.ReplaceAllStringFunc(addressLine.ReplaceAllString(text, ""), func(line string) string {
		port := free[0]
		free = free[1:]
		return fmt.Sprint(portLine.FindStringSubmatch(line)[1], port)
	})
	testkit.Must(t, os.WriteFile(file, []byte(text), 0o600))

	s := &site{t: t, dir: dir, file: file, stats: free[0], sink: &sink{more: make(chan struct{}, 1)}}
	s.hec = hectest.New(hectest.Options{Token: importedToken, Check: s.sink.check, OnEvent: s.sink.take})
	t.Cleanup(s.hec.Close)
	cmd := gatewayCommand(dir, "run", "-c", file)
	env := map[string]string{
		"GATEWAY_HEC__ENDPOINTS": s.hec.URL(), "GATEWAY_QUEUE__PATH": dir + "/queue", "GATEWAY_QUEUE__MIN_FREE": "1MB", "GATEWAY_QUEUE__MAX_SIZE": "1GB",
		"GATEWAY_DEAD_LETTER__PATH": dir + "/dead", "GATEWAY_STATS__LISTEN": fmt.Sprintf("127.0.0.1:%d", free[0]), "GATEWAY_STATS__TO_SPLUNK": "false",
		"GATEWAY_HEC__TLS__INSECURE_SKIP_VERIFY": "false",
	}
	if !strings.Contains(text, "sources:") { // the usual ports
		for i, name := range []string{"unifi", "palo_alto", "cisco_asa", "linux", "windows"} {
			env[fmt.Sprintf("GATEWAY_SOURCES__%s__PORT", strings.ToUpper(name))] = fmt.Sprint(free[1+i])
		}
	}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env[1] = "NONE=" // the token that was imported
	if _, err := os.Stat(filepath.Join(dir, "hec_token")); err != nil {
		cmd.Env[1] = "SPLUNK_HEC_TOKEN=" + importedToken
	}
	var environ []string
	for name, value := range env {
		environ = append(environ, name+"="+value)
	}
	c, err := config.Load(file, environ, nil)
	testkit.Must(t, err)
	p := s.spawn(cmd)
	p.waitReady(s.stats)

	expected := 0
	for i, l := range lines {
		marker := fmt.Sprintf("marker-%d-", i)
		to, ok := c.Sources[l.source]
		if !ok {
			t.Fatalf("%s: there is no source %s in\n%s", example, l.source, text)
		}
		send(t, to, ca, fmt.Sprintf(l.line, marker))
		if l.want != nil {
			expected++
		}
	}
	s.waitEvents(expected)
	testkit.Equal(t, "exit code", p.stop(), 0) // which delivers what is left
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	for i, l := range lines {
		marker := fmt.Sprintf("marker-%d-", i)
		var events []string
		for _, e := range s.sink.lines {
			if strings.Contains(e, marker) {
				events = append(events, e)
			}
		}
		switch {
		case l.want == nil && len(events) != 0:
			say("%s to %s is left out by the old configuration, and here it is\n%s", l.line, l.source, events)
		case l.want != nil && len(events) != 1:
			say("%s to %s has %d events", l.line, l.source, len(events))
		}
		for _, part := range l.want {
			if len(events) == 1 && !strings.Contains(events[0], part) {
				say("%s to %s is %s, which lacks %s", l.line, l.source, events[0], part)
			}
		}
	}
	return wrong
}

// send sends a line to a source by the best protocol that it has.
func send(t *testing.T, to config.Source, ca, line string) {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", to.Port)
	var conn net.Conn
	var err error
	switch protocol := to.Protocols[len(to.Protocols)-1]; protocol {
	case "tls":
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(testkit.Try(os.ReadFile(ca))(t))
		conf := &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}
		if to.TLS.ClientCAFile != "" {
			pair := testkit.Try(tls.LoadX509KeyPair(to.TLS.CertFile, to.TLS.KeyFile))(t)
			conf.Certificates = []tls.Certificate{pair}
		}
		conn, err = tls.Dial("tcp", address, conf)
	default:
		conn, err = net.Dial(protocol, address)
	}
	testkit.Must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, line+"\n")
	testkit.Must(t, err)
}
