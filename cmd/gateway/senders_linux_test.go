package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// runSender runs a program that sends and ends by itself.
func runSender(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
}

// expect waits for events and checks that each text ends one of them.
func (s *site) expect(from int, ends ...string) {
	s.t.Helper()
	events := s.waitEvents(from + len(ends))[from:]
	for _, end := range ends {
		found := 0
		for _, e := range events {
			if strings.HasSuffix(e, end) {
				found++
			}
		}
		if found != 1 {
			s.t.Errorf("%d events end with %q; there are %q", found, end, events)
		}
	}
	if len(events) != len(ends) {
		s.t.Errorf("%d events, want %d: %q", len(events), len(ends), events)
	}
}

func TestLogger(t *testing.T) {
	t.Parallel()
	logger := need(t, "logger", "bsdutils")
	s := newSite(t, "")
	p := s.start()
	port := fmt.Sprint(s.ports["linux"])
	send := func(ends []string, args ...string) {
		t.Helper()
		from := s.sink.count()
		runSender(t, logger, append([]string{"-n", "127.0.0.1", "-P", port}, args...)...)
		s.expect(from, ends...)
	}
	send([]string{"tcp default"}, "-T", "tcp default")
	send([]string{"udp default"}, "-d", "udp default")
	send([]string{"no flag is udp"}, "no flag is udp")
	send([]string{"old format"}, "-T", "--rfc3164", "old format")
	send([]string{"octets"}, "-T", "--octet-count", "octets")
	send([]string{"octets over udp"}, "-d", "--octet-count", "octets over udp")
	send([]string{"old octets"}, "-T", "--octet-count", "--rfc3164", "old octets")
	send([]string{"with data"}, "-T", "--sd-id", "a@1", "--sd-param", `k="v"`, "with data")
	send([]string{"first", "second"}, "-T", "first\nsecond") // LF framing splits at LF
	if e := s.sink.texts()[5]; strings.HasPrefix(e, "1") {
		t.Errorf("the count is in the event: %q", e)
	}
	s.assertBalance()
	p.stop()
}

func TestPythonSysLogHandler(t *testing.T) {
	t.Parallel()
	python := need(t, "python3", "python3")
	s := newSite(t, "")
	p := s.start()
	for i, transport := range []string{"SOCK_STREAM", "SOCK_DGRAM"} {
		runSender(t, python, "-c", fmt.Sprintf(`
import logging, logging.handlers, socket
h = logging.handlers.SysLogHandler(("127.0.0.1", %d), socktype=socket.%s)
log = logging.getLogger("x")
log.addHandler(h)
for i in range(3):
    log.error("message %%d äöü", i)
h.close()
`, s.ports["linux"], transport))
		s.expect(3*i, "message 0 äöü", "message 1 äöü", "message 2 äöü")
	}
	s.assertBalance()
	p.stop()
}

func TestRsyslog(t *testing.T) {
	t.Parallel()
	rsyslogd := need(t, "rsyslogd", "rsyslog")
	logger := need(t, "logger", "bsdutils")
	for name, action := range map[string]string{
		"lf":            `target="127.0.0.1" port="PORT" protocol="tcp"`,
		"octet-counted": `target="127.0.0.1" port="PORT" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"`,
		"forward":       `target="127.0.0.1" port="PORT" protocol="tcp" template="RSYSLOG_ForwardFormat"`,
		"udp":           `target="127.0.0.1" port="PORT" protocol="udp"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "")
			p := s.start()
			dir := t.TempDir()
			input := freePort(t)
			conf := fmt.Sprintf("module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"%d\")\naction(type=\"omfwd\" %s)\n",
				input, strings.ReplaceAll(action, "PORT", fmt.Sprint(s.ports["linux"])))
			file := filepath.Join(dir, "rsyslog.conf")
			testkit.Must(t, os.WriteFile(file, []byte(conf), 0o600))
			relay := s.spawn(exec.Command(rsyslogd, "-n", "-f", file, "-i", filepath.Join(dir, "pid")))
			const n = 200
			var ends []string
			for i := range n {
				ends = append(ends, fmt.Sprintf("relayed %d of %s", i, name))
			}
			// rsyslog listens when it answers nothing: the first message is repeated
			// until it comes through.
			testkit.Eventually(t, "rsyslog relays", func() bool {
				runSender(t, logger, "-n", "127.0.0.1", "-P", fmt.Sprint(input), "-d", "--rfc3164", "-t", "app", "warm up")
				return s.sink.count() > 0
			})
			c := s.dialPort("udp", input)
			for i, end := range ends {
				fmt.Fprintf(c, "<13>%s relay app: %s", stampBSD(), end)
				if i%50 == 49 {
					testkit.Eventually(t, "rsyslog keeps up", func() bool { return s.relayed(name) >= i+1 })
				}
			}
			testkit.Eventually(t, "all have come", func() bool { return s.relayed(name) >= n })
			for _, end := range ends {
				found := 0
				for _, e := range s.sink.texts() {
					if strings.HasSuffix(e, end) {
						found++
					}
				}
				if found != 1 {
					t.Errorf("%q came %d times", end, found)
				}
			}
			relay.kill()
			s.assertBalance()
			p.stop()
		})
	}
}

// relayed counts the events that came through the relay, without the warm-up.
func (s *site) relayed(name string) (n int) {
	for _, e := range s.sink.texts() {
		if strings.HasSuffix(e, " of "+name) {
			n++
		}
	}
	return n
}

// libraries lists the folders with shared libraries of a package that was unpacked;
// root is its usr. An installed one needs no list.
func libraries(root string) string {
	if root == "/usr" {
		return ""
	}
	var dirs []string
	_ = filepath.WalkDir(filepath.Dir(root), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(d.Name(), ".so") && !slices.Contains(dirs, filepath.Dir(path)) {
			dirs = append(dirs, filepath.Dir(path))
		}
		return nil
	})
	return strings.Join(dirs, ":")
}

func TestLoggen(t *testing.T) {
	t.Parallel()
	loggen := need(t, "loggen", "syslog-ng-core")
	root := strings.TrimSuffix(loggen, "/bin/loggen")
	s := newSite(t, "")
	p := s.start()
	total := 0
	for _, c := range []struct {
		args   []string
		expect int
	}{
		{[]string{"-S", "--active-connections=3"}, 3 * 100}, // RFC 3339 stamps, LF
		{[]string{"-S", "-P"}, 100},                         // RFC 5424, octet counting, LF inside the count
		{[]string{"-S", "-P", "-F"}, 100},                   // RFC 5424, LF
		{[]string{"-D"}, 100},
	} {
		cmd := exec.Command(loggen, append([]string{"-i", "-n", "100", "-r", "1000", "-s", "300", "-Q"}, append(c.args, "127.0.0.1", fmt.Sprint(s.ports["linux"]))...)...)
		cmd.Env = append(os.Environ(), "SYSLOGNG_PREFIX="+root, "LD_LIBRARY_PATH="+libraries(root))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("loggen %q: %v\n%s", c.args, err, out)
		}
		total += c.expect
		if n := len(s.waitEvents(total)); n != total {
			t.Fatalf("loggen %q: %d events in all, want %d", c.args, n, total)
		}
	}
	for _, e := range s.sink.texts() {
		if !strings.Contains(e, "seq: ") || strings.Count(e, "seq: ") != 1 {
			t.Errorf("no single loggen message: %q", e)
		}
	}
	if n := s.metrics().Sum("gateway_unparsed_events_total") + s.metrics().Sum("gateway_framing_errors_total"); n != 0 {
		t.Errorf("%v messages were not understood", n)
	}
	s.assertBalance()
	p.stop()
}
