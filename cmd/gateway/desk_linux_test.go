package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/testkit"
)

// namedWithin is how soon gateway status names what is wrong.
const namedWithin = 10 * time.Second

// finding is what /api/v1/status says is wrong.
type finding struct {
	ID, Level, Text, Row, Help string
	Since, Ended               time.Time
}

// open returns the findings of gateway status --json that have not ended.
func (s *site) open() (open []finding) {
	out, _, _ := s.gateway("", "status", "-c", s.file, "--json")
	var st struct{ Health struct{ Findings []finding } }
	_ = json.Unmarshal([]byte(out), &st)
	for _, f := range st.Health.Findings {
		if f.Ended.IsZero() {
			open = append(open, f)
		}
	}
	return open
}

// prometheus runs a Prometheus with the rules and alerts of deploy/prometheus, which reads a
// site's metrics each second, until the test ends.
func (s *site) prometheus() {
	s.t.Helper()
	program := need(s.t, "prometheus", "prometheus")
	rules := testkit.Try(filepath.Abs("../../deploy/prometheus"))(s.t)
	dir := s.t.TempDir()
	s.alerts = freePort(s.t)
	file := filepath.Join(dir, "prometheus.yml")
	testkit.Must(s.t, os.WriteFile(file, fmt.Appendf(nil, `global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [%[1]s/rules.yml, %[1]s/alerts.yml]
scrape_configs: [{job_name: syslog-gateway, static_configs: [{targets: ["127.0.0.1:%[2]d"]}]}]
`, rules, s.stats), 0o600))
	cmd := exec.Command(program, "--config.file="+file, "--storage.tsdb.path="+dir+"/data", fmt.Sprintf("--web.listen-address=127.0.0.1:%d", s.alerts))
	testkit.Must(s.t, cmd.Start())
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	testkit.Eventually(s.t, "Prometheus has read the metrics", func() bool { return s.holds(`up{job="syslog-gateway"} == 1`) })
}

// holds reports whether an expression of Prometheus has a result.
func (s *site) holds(expression string) bool {
	r, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/api/v1/query?query=%s", s.alerts, url.QueryEscape(expression)))
	if err != nil {
		return false
	}
	defer r.Body.Close()
	var got struct {
		Data struct{ Result []json.RawMessage }
	}
	return json.NewDecoder(r.Body).Decode(&got) == nil && len(got.Data.Result) > 0
}

// alert is the expression of an alert that is pending or fires: how long it must last is left
// out.
func alert(name string) string { return fmt.Sprintf("ALERTS{alertname=%q}", name) }

// pageText is the text of the page without its markup.
func (s *site) pageText() string {
	r, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/stats", s.stats))
	if err != nil {
		return ""
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body) // what is missing is seen
	_, section, _ := strings.Cut(string(body), `id="part-health" aria-label="Health">`)
	section, _, _ = strings.Cut(section, "</section>")
	return plainWords(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(section, " ")))
}

// plainWords is a text with single spaces and without colons: the page has what is wrong and
// why in two columns.
func plainWords(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, ":", " ")), " ")
}

// named plays a situation: gateway status, the page and an expression of Prometheus, and none of
// them before it, name it within 10 s, say what to do, and go quiet when it ends. An expression
// over a window of minutes is not waited for.
func (s *site) named(id, help string, code int, words, expression string, begin, end func()) {
	s.t.Helper()
	s.prometheus()
	if s.holds(expression) {
		s.t.Fatalf("control: %s before it began", expression)
	}
	has := func() bool {
		for _, f := range s.open() {
			if f.ID == id {
				return true
			}
		}
		return false
	}
	if has() {
		s.t.Fatalf("control: %s before it began: %+v", id, s.open())
	}
	begin()
	began := time.Now()
	var out string
	var got int
	if !testkit.Within(namedWithin, func() bool {
		out, _, got = s.gateway("", "status", "-c", s.file)
		return got == code && strings.Contains(strings.Join(strings.Fields(out), " "), words) && strings.Contains(out, "do: gateway help "+help)
	}) {
		s.t.Fatalf("after %v status does not say %q, %q with exit code %d, but with %d:\n%s", namedWithin, words, help, code, got, out)
	}
	named := time.Since(began).Seconds()
	shown := ""
	if !testkit.Within(namedWithin-time.Since(began), func() bool { shown = s.pageText(); return strings.Contains(shown, plainWords(words)) }) {
		s.t.Fatalf("after %v the page does not say %q, but: %s", namedWithin, words, shown)
	}
	paged := time.Since(began).Seconds()
	if !testkit.Within(namedWithin-time.Since(began), func() bool { return s.holds(expression) }) {
		s.t.Fatalf("after %v Prometheus has no %s", namedWithin, expression)
	}
	s.t.Logf("%s: status %.1f s, exit code %d; page %.1f s, %q; %s %.1f s", id, named, code, paged, shown, expression, time.Since(began).Seconds())
	if !has() {
		s.t.Errorf("it is no finding: %+v", s.open())
	}
	text, _, helped := s.gateway("", "help", help)
	if helped != 0 || !strings.HasPrefix(text, "#") {
		s.t.Errorf("gateway help %s: exit %d: %s", help, helped, text)
	}
	r := testkit.Try(http.Get(fmt.Sprintf("http://127.0.0.1:%d/help/%s", s.stats, help)))(s.t)
	r.Body.Close()
	testkit.Equal(s.t, "/help/"+help, r.StatusCode, http.StatusOK)
	end()
	ended := time.Now()
	if !testkit.Within(saidAtLast, func() bool { return !has() }) {
		s.t.Fatalf("it has ended, and is still there: %+v", s.open())
	}
	s.t.Logf("%s: quiet after %.1f s", id, time.Since(ended).Seconds())
	if slices.Contains(windowed(), expression) {
		return
	}
	if !testkit.Within(saidAtLast, func() bool { return !s.holds(expression) }) {
		s.t.Fatalf("it has ended, and Prometheus still has %s", expression)
	}
	s.t.Logf("%s: Prometheus is quiet after %.1f s", id, time.Since(ended).Seconds())
}

// windowed are the alerts about what happened in the last 5 or 15 minutes.
func windowed() []string {
	return []string{alert("GatewayDeadLetters"), alert("GatewayKernelDrops"), alert("GatewayUnparsed")}
}

// TestStatusNamesWhatIsWrong plays situations with a real process and a real Prometheus.
func TestStatusNamesWhatIsWrong(t *testing.T) {
	situations := map[string]func(*testing.T){
		"Splunk answers 503": func(t *testing.T) {
			s := newSite(t, "batch: {max_events: 20}\n")
			s.start()
			s.traffic("linux", 5)
			s.waitEvents(5)
			s.named("posts-fail", "slow-splunk", exitDegraded, "Nothing delivered for", "gateway_queue_oldest_seconds > 2",
				func() { s.hec.SetScript(hectest.Always(hectest.Busy())) }, func() { s.hec.SetScript(nil) })
			testkit.Eventually(t, "all is well", func() bool { _, _, code := s.gateway("", "status", "-c", s.file); return code == 0 })
		},
		"the token is wrong": func(t *testing.T) {
			s := newSite(t, "batch: {max_events: 20}\n")
			s.start()
			s.traffic("linux", 5)
			s.waitEvents(5)
			s.named("endpoint-down", "endpoint-down-or-refused", exitDegraded, "403 Invalid token", alert("GatewayEndpointDown"),
				func() {
					s.hec.SetScript(hectest.Always(hectest.Refuse(http.StatusForbidden, 4, "Invalid token")))
				}, func() { s.hec.SetScript(nil) })
		},
		"the certificate is wrong": func(t *testing.T) {
			s := newSite(t, "batch: {max_events: 20}\n")
			other := hectest.New(hectest.Options{Token: testToken, TLS: true})
			t.Cleanup(other.Close)
			plain := s.read()
			p := s.start()
			s.named("endpoint-down", "endpoint-down-or-refused", exitDegraded, "certificate", alert("GatewayEndpointDown"), func() {
				p.stop()
				s.write(strings.Replace(plain, `["`+s.hec.URL()+`"]`, `["`+s.hec.URL()+`", "`+other.URL()+`"]`, 1))
				p = s.start()
			}, func() { p.stop(); s.write(plain); s.start() })
		},
		"the queue is nearly full": func(t *testing.T) {
			s := newSite(t, "queue: {path: DIR/queue, min_free: 1MB, max_size: 4MiB, segment_size: 64KiB}\nbatch: {max_bytes: 32KiB, max_age: 20ms}\nbalancer: {shards: 1}\n")
			s.uncompressed()
			s.start()
			s.named("queue-nearly-full", "queue-fills", exitDegraded, "The queue is nearly full", alert("GatewayQueueNearlyFull"), func() {
				s.hec.SetDown(true)
				stop := s.traffic("linux", 100) // slowly: there is little between nearly full and full
				testkit.Eventually(t, "it fills", func() bool { return s.metrics().Sum("gateway_queue_bytes") > 3.45e6 })
				stop()
			}, func() { s.hec.SetDown(false) })
		},
		"a flood from one host": func(t *testing.T) {
			s := newSite(t, "")
			s.start()
			s.traffic("linux", 2)
			s.known(35 * time.Second)
			stop := func() {}
			s.named("sender-floods", "a-sender-floods", exitDegraded, "web1 (127.0.0.1) sends many times its usual rate", alert("GatewaySenderFloods"),
				func() { stop = s.traffic("linux", 600) }, func() { stop() })
		},
		"a firewall falls silent": func(t *testing.T) {
			s := newSite(t, "")
			s.write(strings.Replace(s.read(), "vendor: cisco_asa, ", "vendor: cisco_asa, silent_after: 3s, ", 1))
			s.start()
			stop := s.traffic("cisco_asa", 2)
			testkit.Eventually(t, "it is known", func() bool { return s.metrics().Sum("gateway_received_events_total") > 20 })
			s.named("sender-silent", "silent-senders", 0, "1 sender fell silent: fw01 (127.0.0.1)", alert("GatewaySenderSilent"), stop, func() { s.traffic("cisco_asa", 2) })
		},
		"a wrong zone": func(t *testing.T) {
			s := newSite(t, "")
			s.start()
			device := func(ahead time.Duration) func() {
				return func() {
					for range 2 {
						var lines []string
						for range 40 {
							lines = append(lines, "<13>"+time.Now().UTC().Add(ahead).Format(time.Stamp)+" cest app: hello")
						}
						s.say("cisco_asa", lines...)
					}
				}
			}
			s.named("wrong-times", "wrong-times", exitDegraded, "the times of cest (127.0.0.1) are", alert("GatewaySenderSkewed"), device(2*time.Hour), device(0))
		},
		"dead letters": func(t *testing.T) {
			s := newSite(t, "")
			s.start()
			s.named("dead-letters", "dead-letters", exitDegraded, "5 in the dead-letter store", alert("GatewayDeadLetters"), func() {
				for i := range 5 {
					s.say("windows", line("windows", fmt.Sprintf("POISON mark=%d", i)))
				}
			}, func() {
				var got struct {
					Groups []struct {
						Reason, Source, Sourcetype, Index string
						Events                            int
						Hosts                             []string
					}
				}
				s.api("/api/v1/deadletters/groups", &got)
				if len(got.Groups) != 1 || got.Groups[0].Events != 5 || got.Groups[0].Source != "windows" || got.Groups[0].Index == "" || got.Groups[0].Sourcetype == "" || len(got.Groups[0].Hosts) != 1 {
					t.Errorf("%+v", got)
				}
				s.sink.forgive.Store(true)
				if out, errs, code := s.gateway("", "deadletter", "replay", "-c", s.file); code != 0 {
					t.Errorf("replay: exit %d\n%s%s", code, out, errs)
				}
			})
		},
		"an unknown product": func(t *testing.T) {
			s := newSite(t, "")
			s.start()
			stop := func() {}
			s.named("unrecognised", "classes-and-unknown-lines", 0, "Many messages of linux are not recognised", alert("GatewayUnparsed"), func() {
				ctx, cancel := context.WithCancel(t.Context())
				var sending sync.WaitGroup
				sending.Go(func() {
					for i := 0; ctx.Err() == nil && i < 100; i++ {
						s.say("linux", strings.Repeat("one of an unknown product\n", 20)+"the last")
						select {
						case <-ctx.Done():
						case <-time.After(100 * time.Millisecond):
						}
					}
				})
				stop = func() { cancel(); sending.Wait() }
			}, func() { stop(); s.traffic("linux", 300) }) // what is known makes up nine in ten again
		},
		"the disk is nearly full": func(t *testing.T) {
			s := newSite(t, "")
			var disk unix.Statfs_t
			testkit.Must(t, unix.Statfs(s.dir, &disk))
			const margin = 1 << 30 // others use the disk meanwhile
			free := int64(disk.Bavail) * disk.Bsize
			if free < 4*margin {
				t.Skip("the disk has less than 4 GB")
			}
			s.write(strings.Replace(s.read(), "min_free: 1MB", fmt.Sprintf("min_free: %dMiB", (free-margin)>>20), 1))
			s.start()
			s.traffic("linux", 2)
			fill := testkit.Try(os.Create(s.dir + "/of-somebody-else"))(t)
			t.Cleanup(func() { fill.Close() })
			s.named("low-space", "queue-fills", exitDegraded, "the queue counts as full", alert("GatewayQueueNearlyFull"), func() {
				testkit.Must(t, unix.Fallocate(int(fill.Fd()), 0, 0, 2*margin))
			}, func() { testkit.Must(t, fill.Truncate(0)) })
		},
		"the kernel drops": func(t *testing.T) {
			s := newSite(t, "")
			s.write(strings.Replace(s.read(), "vendor: unifi, ", "vendor: unifi, receive_buffer: 64KiB, ", 1))
			p := s.start()
			text := []byte(line("unifi", strings.Repeat("x", 500)))
			s.named("losing", "kernel-drops", exitDegraded, "Events are being lost", alert("GatewayKernelDrops"), func() {
				c := s.dial("udp", "unifi")
				testkit.Must(t, p.cmd.Process.Signal(syscall.SIGSTOP))
				for range 2000 {
					_, _ = c.Write(text) // what does not fit is what is to be dropped
				}
				testkit.Must(t, p.cmd.Process.Signal(syscall.SIGCONT))
			}, nothing)
		},
	}
	for name, play := range situations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t)
		})
	}
}

// TestHistoryOfAProcess: what a process did is in the history of the next one, also after a
// kill, with what happened and how much came under which names.
func TestHistoryOfAProcess(t *testing.T) {
	t.Parallel()
	s := newSite(t, "metadata: {overrides: {linux_secure: {index: secure}}}\n")
	p := s.start()
	stop := s.traffic("linux", 10)
	received := func() (n uint64, events string) {
		var h struct {
			Points []struct{ Received uint64 }
			Events []struct{ Kind, Text string }
		}
		s.api("/api/v1/history?range=24h", &h)
		for _, p := range h.Points {
			n += p.Received
		}
		return n, fmt.Sprint(h.Events)
	}
	testkit.Eventually(t, "the history has some", func() bool { n, _ := received(); return n > 300 })
	_ = p.cmd.Process.Signal(syscall.SIGHUP)
	testkit.Eventually(t, "the reload is in the history", func() bool { _, e := received(); return strings.Contains(e, "reload") })
	stop()
	stopped := time.Now()
	testkit.Eventually(t, "the second of that is over, and written", func() bool {
		return testkit.Try(os.Stat(s.dir+"/queue/history"))(t).ModTime().Sub(stopped) > 2*history.FlushEvery
	})
	last, _ := received()
	p.kill()
	p = s.start()
	n, events := received()
	if n+uint64(n)/5 < last || !strings.Contains(events, "reload") || strings.Count(events, "start") < 2 {
		t.Errorf("after a kill: %d of %d, %s", n, last, events)
	}
	testkit.Equal(t, "stop", p.stop(), 0)
	p = s.start()
	var v struct {
		Rows []struct {
			Name  string
			Today struct{ Events uint64 }
		}
	}
	s.api("/api/v1/volume?by=index", &v)
	s.say("linux", line("linux", "one more"))
	testkit.Eventually(t, "the index of the rule has a volume", func() bool {
		s.api("/api/v1/volume?by=index", &v)
		return len(v.Rows) > 0 && v.Rows[0].Name == "secure"
	})
	p.kill()
	testkit.Must(t, os.Truncate(s.dir+"/queue/history", 5000))
	p = s.start()
	testkit.Holds(t, "the log", p.log.String(), "the old file was set aside", "it was cut")
	info := testkit.Try(os.Stat(filepath.Join(s.dir, "queue/history.aside")))(t)
	testkit.Equal(t, "what was set aside", info.Size(), 5000)
}

// pty is a pseudo-terminal: what a program writes to slave is read from master.
func pty(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master = testkit.Try(os.OpenFile("/dev/ptmx", os.O_RDWR, 0))(t)
	fd := int(master.Fd())
	testkit.Must(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n := testkit.Try(unix.IoctlGetInt(fd, unix.TIOCGPTN))(t)
	slave = testkit.Try(os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0))(t)
	testkit.Must(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120}))
	t.Cleanup(func() { master.Close(); slave.Close() })
	return master, slave
}

// TestTopInATerminal: gateway top shows a real gateway in a real terminal, a hostile name is
// text in it, and q ends it with the terminal as it was.
func TestTopInATerminal(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.start()
	s.say("linux", "<38>1 - ev\x1bil]0;owned app - - - x", "<38>"+stampBSD()+" e\x1b[2Jvil app: x")
	master, slave := pty(t)
	cmd := gatewayCommand(s.dir, "top", "-c", s.file)
	cmd.Env = append(cmd.Env, "TERM=xterm-256color", "LC_ALL=C.UTF-8")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	testkit.Must(t, cmd.Start())
	var mu sync.Mutex
	var screen bytes.Buffer
	var reading sync.WaitGroup
	reading.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			mu.Lock()
			screen.Write(buf[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	text := func() string { mu.Lock(); defer mu.Unlock(); return screen.String() }
	testkit.Eventually(t, "it shows the sources", func() bool { return strings.Contains(text(), "palo_alto") && strings.Contains(text(), "RECEIVED") })
	testkit.Eventually(t, "it shows the sender and its class", func() bool { return strings.Contains(text(), "SENDER") && strings.Contains(text(), "linux_syslog") })
	testkit.Try(master.WriteString("?"))(t)
	testkit.Eventually(t, "it shows the keys", func() bool { return strings.Contains(text(), "hold, and go on") })
	testkit.Try(master.WriteString("q"))(t)
	testkit.Equal(t, "end", cmd.Wait(), nil)
	testkit.Lacks(t, "the screen", text(), "\x1bil]0;owned", "e\x1b[2Jvil")
	slave.Close()
	master.Close()
	reading.Wait()

	out, errs, code := s.gateway("", "top", "-c", s.file)
	if code != 2 || !strings.Contains(errs, "needs a terminal") {
		t.Errorf("without a terminal: exit %d, %s%s", code, out, errs)
	}
	if out, _, code := s.gateway("", "status", "-c", s.file, "--short"); code != 0 || strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "ok: ") {
		t.Errorf("--short: exit %d, %q", code, out)
	}
	if _, errs, code := s.gateway("", "help", "no-such-thing"); code != 2 || !strings.Contains(errs, "runbook") {
		t.Errorf("no such help: exit %d, %s", code, errs)
	}
	for _, args := range [][]string{{"help"}, {"help", "queue", "status"}, {"help", "runbook"}} {
		if out, errs, code := s.gateway("", args...); code != 0 || len(out) < 100 {
			t.Errorf("%v: exit %d, %s%s", args, code, out, errs)
		}
	}
}
