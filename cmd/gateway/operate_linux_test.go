package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/stats/control"
	"syslog-gateway/internal/testkit"
)

// userSite is a site whose statistics page has a user, who may use drain and maintenance.
func userSite(t *testing.T, extra string) *site {
	t.Helper()
	s := newSite(t, extra)
	s.write(strings.Replace(s.read(), "stats: {", "stats: {admin: true, username: ops, password: s3cret, ", 1))
	return s
}

// socket is the path of the control socket.
func (s *site) socket() string { return s.dir + "/queue/" + control.Name }

// post sends an action by the control socket and returns where it leads, or what was said.
func (s *site) post(server, proxy, action string) string {
	s.t.Helper()
	c := http.Client{
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return control.Dial(ctx, s.socket())
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer c.CloseIdleConnections()
	r := testkit.Try(c.PostForm("http://localhost/stats", url.Values{"s": {server}, "b": {proxy}, "action": {action}}))(s.t)
	defer r.Body.Close()
	if to := r.Header.Get("Location"); to != "" {
		return to
	}
	text, _ := io.ReadAll(r.Body)
	return string(text)
}

func (s *site) api(path string, into any) {
	s.t.Helper()
	r := testkit.Try(http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.stats, path)))(s.t)
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		s.t.Fatalf("%s: %v", path, err)
	}
}

// A shard that is drained takes no new batches and empties; in maintenance it keeps what
// it has; an endpoint that is drained gets no new requests; and nothing is lost of it.
func TestDrainAndMaintenance(t *testing.T) {
	t.Parallel()
	s := newSite(t, "balancer: {shards: 2}\n")
	p := s.start()
	if to := s.post("0", "shards", "drain"); to != "/stats;st=DONE" {
		t.Fatal(to)
	}
	first := marks("first", 2000)
	sendTCP(t, s.dial("tcp", "linux"), "linux", first)
	s.waitEvents(len(first))
	var got struct {
		Shards []struct {
			Name     string
			Aside    string
			Appended int `json:"appended_records"`
			Events   int
		}
	}
	s.api("/api/v1/shards", &got)
	if a, b := got.Shards[0], got.Shards[1]; a.Aside != "drain" || a.Appended != 0 || a.Events != 0 || b.Aside != "" || b.Appended == 0 {
		t.Errorf("%+v", got.Shards)
	}
	if s.metrics().Sum("gateway_shard_aside", `shard="0"`) != 1 {
		t.Error("gateway_shard_aside does not say it")
	}

	endpoint := strings.TrimPrefix(s.hec.URL(), "http://")
	if to := s.post(endpoint, "splunk", "drain"); to != "/stats;st=DONE" {
		t.Fatal(to)
	}
	requests := s.hec.Requests()
	second := marks("second", 2000)
	sendTCP(t, s.dial("tcp", "linux"), "linux", second)
	testkit.Eventually(t, "they are queued", func() bool { return s.metrics().Sum("gateway_queue_events") == float64(len(second)) })
	if n := s.hec.Requests() - requests; n != 0 || s.sink.count() != len(first) {
		t.Errorf("%d requests to a drained endpoint", n)
	}
	s.post("1", "shards", "maint")
	s.post(endpoint, "splunk", "ready")
	third := marks("third", 100)
	c := s.dial("tcp", "linux")
	sendTCP(t, c, "linux", third) // no shard takes batches: they wait
	testkit.Eventually(t, "senders are blocked", func() bool {
		var st struct{ Blocked bool }
		s.api("/api/v1/status", &st)
		return st.Blocked
	})
	if s.sink.count() > len(first)+len(second) {
		t.Error("messages sent while no shard took batches are delivered already")
	}
	s.post("0", "shards", "ready")
	s.post("1", "shards", "ready")
	assertOnce(t, s.waitEvents(len(first)+len(second)+len(third)), append(append(first, second...), third...))
	s.assertBalance()
	s.post("0", "shards", "maint") // a stop does not hang on it
	testkit.Equal(t, "exit code", p.stop(), 0)
}

// tapped runs the tap verb until it has shown a number of lines with "needle" in them.
func (s *site) tapped(n int, env []string, args ...string) []string {
	s.t.Helper()
	cmd := gatewayCommand(s.dir, append([]string{"tap", "-c", s.file, "--source", "linux", "--text", "NEEDLE", "--limit", fmt.Sprint(n)}, args...)...)
	cmd.Env = append(cmd.Env, env...)
	out, in := io.Pipe() // not StdoutPipe, which ends with the process, before its last line is read
	cmd.Stdout = in
	p := s.spawn(cmd)
	lines := make(chan string, n)
	go func() {
		<-p.exited
		in.Close()
	}()
	go func() {
		defer close(lines)
		r := bufio.NewScanner(out)
		for r.Scan() {
			lines <- r.Text()
		}
	}()
	c := s.dial("tcp", "linux")
	var got []string
	testkit.Eventually(s.t, "the tap shows its lines", func() bool {
		fmt.Fprintf(c, "%s\n%s\n", line("linux", "hay"), line("linux", "needle"))
		select {
		case l, ok := <-lines:
			if ok {
				got = append(got, l)
			}
			return !ok || len(got) == n
		default:
			return false
		}
	})
	return got
}

func TestTapVerb(t *testing.T) {
	t.Parallel()
	s := userSite(t, "")
	s.start()
	address := []string{"--address", fmt.Sprintf("127.0.0.1:%d", s.stats)}
	for name, got := range map[string][]string{
		"by the socket":     s.tapped(2, nil),
		"over the network":  s.tapped(2, nil, address...),
		"with TAP_PASSWORD": s.tapped(2, []string{"TAP_PASSWORD=s3cret"}),
	} {
		var m struct {
			Source, Class, Raw string
			Event              struct{ Event, Sourcetype string }
		}
		if len(got) != 2 {
			t.Errorf("%s: %q", name, got)
		} else if err := json.Unmarshal([]byte(got[0]), &m); err != nil || m.Source != "linux" || !strings.Contains(m.Raw, "needle") || m.Event.Event != m.Raw || m.Event.Sourcetype != "linux_secure" {
			t.Errorf("%s: %s: %v", name, got[0], err)
		}
	}
	good := s.read()
	s.write(strings.Replace(good, "password: s3cret", "password: other", 1))
	if _, errs, code := s.gateway("", append([]string{"tap", "-c", s.file}, address...)...); code != 1 || !strings.Contains(errs, "401") {
		t.Errorf("with another password: exit %d, %s", code, errs)
	}
	s.write(strings.Replace(good, s.dir+"/queue", s.dir+"/elsewhere", 1))
	if got := s.tapped(1, nil); len(got) != 1 {
		t.Errorf("where there is no socket: %q", got)
	}
	s.write(strings.Replace(strings.Replace(good, s.dir+"/queue", s.dir+"/elsewhere", 1), "admin: true, username: ops, password: s3cret, ", "", 1))
	if _, errs, code := s.gateway("", "tap", "-c", s.file); code != 1 || !strings.Contains(errs, "elsewhere/"+control.Name) {
		t.Errorf("with neither socket nor user: exit %d, %s", code, errs)
	}
}

// The exit codes of status are what scripts go by: 0 well, 1 not ready or not there, 2
// wrong usage, 3 something is wrong.
func TestStatusVerb(t *testing.T) {
	t.Parallel()
	s := userSite(t, "")
	status := func(want int, args ...string) (string, string) {
		t.Helper()
		out, errs, code := s.gateway("", append([]string{"status", "-c", s.file}, args...)...)
		if code != want {
			t.Errorf("exit %d, want %d: %s%s", code, want, out, errs)
		}
		return out, errs
	}
	if _, errs := status(1); !strings.Contains(errs, "is it running") {
		t.Errorf("before the start: %s", errs)
	}
	p := s.start()
	fmt.Fprintf(s.dial("tcp", "linux"), "%s\n", line("linux", "mark=one "))
	s.waitEvents(1)
	testkit.Eventually(t, "all is well", func() bool {
		out, _, code := s.gateway("", "status", "-c", s.file)
		return code == 0 && strings.Contains(out, "ok listening") && strings.Contains(out, "linux") && strings.Contains(out, s.hec.URL())
	})
	out, _ := status(0, "--json")
	var got struct {
		Ready      bool
		Conditions []string
		Health     struct{ Level string }
		Sources    []struct{ Received int }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || !got.Ready || len(got.Conditions) != 3 || got.Health.Level != "ok" || len(got.Sources) != 5 {
		t.Errorf("%+v, %v", got, err)
	}
	status(2, "--no-such-flag")
	status(2, "extra")
	s.hec.SetDown(true)
	testkit.Eventually(t, "it is degraded", func() bool {
		out, errs, code := s.gateway("", "status", "-c", s.file)
		return code == 3 && strings.Contains(errs, "degraded") && strings.Contains(out, "no endpoint is up")
	})
	testkit.Equal(t, "exit code", p.stop(), 0)
	status(1)
}

// The gateway's own numbers take the path of all events, and are counted.
func TestOwnNumbersGoToSplunk(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.write(strings.Replace(s.read(), "stats: {", "stats: {to_splunk: true, splunk_interval: 1s, splunk_index: gwstats, ", 1))
	p := s.start()
	testkit.Eventually(t, "numbers of all kinds are delivered", func() bool {
		s.sink.mu.Lock()
		defer s.sink.mu.Unlock()
		kinds := make(map[string]bool)
		for _, l := range s.sink.lines {
			var e struct {
				Sourcetype, Index, Source string
				Event                     struct{ Kind string }
			}
			if json.Unmarshal([]byte(l), &e) == nil && e.Sourcetype == "syslog_gateway:stats" && e.Index == "gwstats" && e.Source == "gateway" {
				kinds[e.Event.Kind] = true
			}
			if code := hectest.Validate([]byte(l)); code != 0 {
				t.Fatalf("HEC refuses %s with code %d", l, code)
			}
		}
		return len(kinds) == 4
	})
	s.assertBalance()
	if n := s.metrics().Sum("gateway_delivered_events_total", `source="gateway"`); n < 8 {
		t.Errorf("%v events are counted", n)
	}
	testkit.Equal(t, "exit code", p.stop(), 0)
}

// The real promtool finds nothing wrong with what the gateway exposes.
func TestMetricsAreLintClean(t *testing.T) {
	t.Parallel()
	promtool := need(t, "promtool", "prometheus")
	s := newSite(t, "")
	s.start()
	sendTCP(t, s.dial("tcp", "linux"), "linux", marks("lint", 10))
	s.waitEvents(10)
	r := testkit.Try(http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", s.stats)))(t)
	defer r.Body.Close()
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = r.Body
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
