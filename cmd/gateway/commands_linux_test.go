package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"syslog-gateway/internal/testkit"
)

func TestWrongUseAndWrongConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	good := s.read()
	f := func(code int, yaml string, args []string, wants ...string) {
		t.Helper()
		s.write(yaml)
		out, errs, got := s.gateway("", args...)
		if got != code {
			t.Errorf("%q: exit %d, want %d\n%s", args, got, code, errs)
		}
		for _, want := range wants {
			if !strings.Contains(errs, want) {
				t.Errorf("%q: %q is not in %q", args, want, errs)
			}
		}
		if strings.Contains(out+errs, testToken) {
			t.Errorf("%q: the token is shown", args)
		}
	}
	check := []string{"check", "-c", s.file}
	run := []string{"run", "-c", s.file}
	f(0, good, check)
	f(1, good, append(run, "--log.level", "loud"), "--log.level", "loud", "debug")
	f(2, good, []string{"chekc"}, "chekc")
	f(2, good, []string{"check", "--no-such-flag"}, "no-such-flag")
	f(2, good, []string{"parse", "-c", s.file}, "source", "linux")
	f(1, good, []string{"parse", "--source", "nobody"}, "nobody", "linux")
	f(1, good, []string{"parse", "--source", "nobody", "--framing", "crlf", "--sender", "me", "--received-at", "now"}, "nobody", "--framing", "--sender", "--received-at")
	f(2, good, []string{"queue", "stauts"}, "did you mean status?")
	f(2, good, []string{"tls", "init", s.dir + "/tls", "--name", "a b", "--client", "c d"}, "a b", "c d")
	f(1, good+"metadata: {overrides: {cisco_as: {index: x}}, drop: [linux_secur], hosts_file: /no/such}\npacks: {disable: [nosuchpack]}\n", check, "cisco_as", "linux_secur", "/no/such")
	f(1, good, []string{"check", "-c", s.dir + "/missing.yaml"}, "missing.yaml")
	f(1, good+"hecc: {}\n", check, "hecc", "hec")
	f(1, good+"hecc: {}\n", run, "hecc")
	f(1, good+"batch: {max_age: 200}\nlog: {level: loud}\n", check, "batch.max_age", "log.level", "loud")
	f(1, good+"metadata: {overrides: {cisco_as: {index: x}}}\n", check, "cisco_as", "cisco_asa")
	f(1, strings.Replace(good, fmt.Sprint(s.ports["unifi"]), fmt.Sprint(s.ports["linux"]), 1), check, fmt.Sprint(s.ports["linux"]))
	f(1, good+"balancer: {policy: random}\n", run, "balancer.policy", "round_robin")
	testkit.Must(t, os.WriteFile(s.dir+"/file", nil, 0o600))
	f(1, strings.Replace(good, s.dir+"/queue", s.dir+"/file/queue", 1), check, "queue.path")
	f(1, strings.Replace(good, s.dir+"/queue", s.dir+"/file/queue", 1), run, "/file")
}

func TestMissingTokenIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	for _, verb := range []string{"check", "run"} {
		cmd := gatewayCommand(s.dir, verb, "-c", s.file)
		cmd.Env = slices.DeleteFunc(cmd.Env, func(e string) bool { return strings.HasPrefix(e, "SPLUNK") })
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "SPLUNK_HEC_TOKEN") {
			t.Errorf("%s: exit %d: %s", verb, cmd.ProcessState.ExitCode(), out)
		}
	}
}

func TestConfigShowsNoSecret(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.write(strings.Replace(s.read(), "hec: {", "hec: {token: hush-hush-hush, ", 1))
	out, _, code := s.gateway("", "config", "-c", s.file)
	if code != 0 || strings.Contains(out, "hush") || !strings.Contains(out, "<secret>") || !strings.Contains(out, "max_age: 200ms") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestSecondInstanceIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	p := s.start()
	yaml := s.read()
	// the same queue on other ports
	other := strings.Replace(yaml, fmt.Sprint(s.stats), "OTHER", 1)
	for _, port := range s.ports {
		other = strings.Replace(other, fmt.Sprint(port), "OTHER", 1)
	}
	for _, port := range freePorts(t, 6) {
		other = strings.Replace(other, "OTHER", fmt.Sprint(port), 1)
	}
	s.write(other)
	if _, errs, code := s.gateway("", "run", "-c", s.file); code != 1 || !strings.Contains(errs, s.dir+"/queue") {
		t.Errorf("a second gateway on one queue: exit %d: %s", code, errs)
	}
	// the same UDP port with another queue: SO_REUSEPORT would share the traffic
	taken := strings.Replace(other, s.dir+"/queue", s.dir+"/queue2", 1)
	taken = regexp.MustCompile(`linux: \{port: \d+, `).ReplaceAllString(taken, fmt.Sprintf("linux: {port: %d, protocols: [udp], ", s.ports["linux"]))
	s.write(taken)
	if _, errs, code := s.gateway("", "run", "-c", s.file); code != 1 || !strings.Contains(errs, "linux") || !strings.Contains(errs, "taken") {
		t.Errorf("a second gateway on one UDP port: exit %d: %s", code, errs)
	}
	if to := s.post("0", "shards", "ready"); to != "/stats;st=DONE" {
		t.Errorf("those that were refused have taken the control socket: %s", to)
	}
	c := s.dial("udp", "linux")
	fmt.Fprint(c, line("linux", "mark=alone "))
	s.waitEvents(1)
	p.stop()
}

func TestReload(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	p := s.start()
	c := s.dial("tcp", "linux")
	fmt.Fprintf(c, "%s\n", line("linux", "mark=before "))
	s.waitEvents(1)
	reload := func(result string, n float64) {
		t.Helper()
		_ = p.cmd.Process.Signal(syscall.SIGHUP)
		testkit.Eventually(t, "the reload is counted", func() bool {
			return s.metrics().Sum("gateway_config_reloads_total", `result="`+result+`"`) == n
		})
	}
	good := s.read()
	s.write(strings.Replace(good, "linux: {", "linux: {sourcetype: changed, ", 1))
	reload("success", 1)
	fmt.Fprintf(c, "%s\n", line("linux", "mark=after ")) // over the same connection
	s.waitEvents(2)
	s.write(good + "nonsense: 1\n")
	reload("failure", 1)
	fmt.Fprintf(c, "%s\n", line("linux", "mark=still "))
	s.waitEvents(3)
	s.write(good + "batch: {max_age: 50ms}\n")
	reload("success", 2)
	var types []string
	for _, l := range s.sink.lines {
		var e struct{ Sourcetype string }
		_ = json.Unmarshal([]byte(l), &e)
		types = append(types, e.Sourcetype)
	}
	if !slices.Equal(types, []string{"linux_secure", "changed", "changed"}) {
		t.Errorf("sourcetypes %v", types)
	}
	log := p.log.String()
	testkit.Holds(t, "the log", log, "nonsense", "batch.max_age", "restart")
	p.stop()
}

// The names that /metrics must have: they are used outside of this repository.
func TestMetricsContract(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	p := s.start()
	fmt.Fprint(s.dial("udp", "linux"), line("linux", "mark=one "))
	s.waitEvents(1)
	testkit.Eventually(t, "the delivery is booked", func() bool { return s.metrics().Sum("gateway_hec_requests_total") > 0 })
	m := s.metrics()
	for _, want := range []string{
		`gateway_received_events_total{source="linux",transport="udp"}`,
		`gateway_received_bytes_total{source="linux",transport="udp"}`,
		`gateway_unparsed_events_total{source="linux"}`,
		`gateway_truncated_events_total{source="linux"}`,
		`gateway_framing_errors_total{source="linux"}`,
		`gateway_connections{source="linux",transport="tcp"}`,
		`gateway_connections_rejected_total{reason="max_connections",source="linux"}`,
		`gateway_proxy_checks_total{source="linux"}`,
		`gateway_udp_kernel_drops_total{source="linux"}`,
		`gateway_queue_events{shard="0"}`,
		`gateway_queue_bytes{shard="3"}`,
		`gateway_queue_capacity_bytes`,
		`gateway_queue_oldest_seconds`,
		`gateway_queue_sync_duration_seconds_count`,
		`gateway_queue_corrupt_records_total{shard="0"}`,
		`gateway_hec_requests_total{code="200",endpoint="` + s.hec.URL() + `"}`,
		`gateway_hec_request_duration_seconds_count{endpoint="` + s.hec.URL() + `"}`,
		`gateway_hec_endpoint_up{endpoint="` + s.hec.URL() + `"}`,
		`gateway_hec_in_flight{endpoint="` + s.hec.URL() + `"}`,
		`gateway_hec_concurrency_limit{endpoint="` + s.hec.URL() + `"}`,
		`gateway_delivered_events_total{source="linux"}`,
		`gateway_delivery_latency_seconds_count`,
		`gateway_config_reloads_total{result="success"}`,
	} {
		if _, ok := m[want]; !ok {
			t.Errorf("%s is missing", want)
		}
	}
	if m.Sum("gateway_build_info") != 1 {
		t.Error("gateway_build_info is not 1")
	}
	for _, path := range []string{"/healthz", "/readyz", "/stats", "/api/v1/status"} {
		r := testkit.Try(http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.stats, path)))(t)
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
	p.stop()
}

func TestDevPrintsEventsOnStdoutAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	cmd := gatewayCommand(s.dir, "run", "--dev")
	for name, port := range s.ports {
		cmd.Env = append(cmd.Env, fmt.Sprintf("GATEWAY_SOURCES__%s__PORT=%d", strings.ToUpper(name), port))
	}
	cmd.Env = append(cmd.Env, fmt.Sprintf("GATEWAY_STATS__LISTEN=127.0.0.1:%d", s.stats))
	out := &testkit.Log{}
	cmd.Stdout = out
	p := s.spawn(cmd)
	p.waitReady(s.stats)
	logger := need(t, "logger", "bsdutils")
	runSender(t, logger, "-n", "127.0.0.1", "-P", fmt.Sprint(s.ports["linux"]), "-T", "hello")
	runSender(t, logger, "-n", "127.0.0.1", "-P", fmt.Sprint(s.ports["unifi"]), "-d", "hello")
	testkit.Eventually(t, "both events are on stdout", func() bool { return strings.Count(out.String(), "\n") == 2 })
	testkit.Equal(t, "exit code", p.stop(), 0)
	for l := range strings.Lines(out.String()) {
		var e struct{ Event, Index string }
		if err := json.Unmarshal([]byte(l), &e); err != nil || !strings.HasSuffix(e.Event, "hello") || e.Index == "" {
			t.Errorf("stdout has %q: %v", l, err)
		}
	}
	for _, dir := range []string{"data/queue", "data/dead-letter"} {
		if _, err := os.Stat(filepath.Join(s.dir, dir)); err != nil {
			t.Error(err)
		}
	}
}

// parse prints what run delivers.
func TestParseIsWhatRunSends(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	p := s.start()
	var input strings.Builder
	for source := range s.ports {
		msg := line(source, "mark="+source+" ")
		fmt.Fprintf(s.dial("tcp", source), "%s\n", msg)
		out, errs, code := s.gateway(msg+"\n", "parse", "--source", source, "-c", s.file)
		if code != 0 {
			t.Fatalf("parse: exit %d: %s", code, errs)
		}
		input.WriteString(out)
	}
	s.waitEvents(len(s.ports))
	time := regexp.MustCompile(`"time":[0-9.]+`) // the clock of a header without a year is the reader's
	want := slices.Sorted(strings.Lines(time.ReplaceAllString(input.String(), "")))
	var got []string
	for _, l := range s.sink.lines {
		got = append(got, time.ReplaceAllString(strings.TrimSuffix(l, "\n")+"\n", ""))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("run sent\n%s\nparse printed\n%s", strings.Join(got, ""), strings.Join(want, ""))
	}
	p.stop()
}

func TestParseOptions(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	f := func(in string, wants []string, args ...string) {
		t.Helper()
		out, errs, code := s.gateway(in, append([]string{"parse", "-c", s.file, "--received-at", "2026-11-22T17:00:00Z"}, args...)...)
		if code != 0 || strings.Count(out, "\n") != len(wants) {
			t.Errorf("exit %d, %d lines: %s%s", code, strings.Count(out, "\n"), out, errs)
		}
		for i, l := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
			if i < len(wants) && !strings.Contains(l, wants[i]) {
				t.Errorf("line %d: %s lacks %s", i, l, wants[i])
			}
		}
	}
	f("<13>Nov 22 16:00:00 h app: x\n<13>y\n", []string{`"time":1795363200,"host":"h"`, `"time":1795366800,"host":"10.9.8.7"`}, "--source", "linux", "--sender", "10.9.8.7")
	f("5 <13>a5 <13>b", []string{`<13>a"`, `<13>b"`}, "--source", "linux", "--framing", "octet")
	f("9 <13>text\n", []string{`"event":"9 <13>text"`}, "--source", "linux", "--framing", "lf")
	f("8 <13>text\n<13>x", []string{`"event":"<13>text"`, `"transport":"udp"`}, "--source", "linux", "--framing", "datagram")
}

func TestQueueVerbs(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	p := s.start()
	s.hec.SetDown(true)
	all := marks("kept", 100)
	sendTCP(t, s.dial("tcp", "linux"), "linux", all)
	testkit.Eventually(t, "all are in the queue", func() bool { return s.metrics().Sum("gateway_queue_events") == 100 })
	path := []string{"--path", s.dir + "/queue"}
	if _, errs, code := s.gateway("", append([]string{"queue", "status"}, path...)...); code != 1 || !strings.Contains(errs, "queue") {
		t.Errorf("status of a running gateway's queue: exit %d: %s", code, errs)
	}
	p.stop()
	if out, _, code := s.gateway("", append([]string{"queue", "verify"}, path...)...); code != 0 {
		t.Errorf("verify: exit %d: %s", code, out)
	}
	out, _, code := s.gateway("", append([]string{"queue", "export"}, path...)...)
	if code != 0 || strings.Count(out, "\n") != 100 || strings.Count(out, "mark=kept") != 100 {
		t.Errorf("export: exit %d, %d lines", code, strings.Count(out, "\n"))
	}
	if out, errs, code := s.gateway("no\n", append([]string{"queue", "purge"}, path...)...); code != 1 || !strings.Contains(out+errs, "100 events") {
		t.Errorf("purge, answered no: exit %d: %s%s", code, out, errs)
	}
	if out, errs, code := s.gateway("yes\n", append([]string{"queue", "purge"}, path...)...); code != 0 || !strings.Contains(out, "removed 100") {
		t.Errorf("purge: exit %d: %s%s", code, out, errs)
	}
	if out, _, _ := s.gateway("", append([]string{"queue", "status", "--json"}, path...)...); !strings.Contains(out, `"events": 0`) {
		t.Errorf("after the purge: %s", out)
	}
}

func TestDeadLetterVerbs(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	p := s.start()
	c := s.dial("tcp", "linux")
	fmt.Fprintf(c, "%s\n%s\n%s\n", line("linux", "mark=good1 "), line("linux", "mark=POISON "), line("linux", "mark=good2 "))
	s.waitEvents(2)
	testkit.Eventually(t, "the third is a dead letter", func() bool { return s.metrics().Sum("gateway_deadlettered_events_total") == 1 })
	s.assertBalance()
	p.stop()
	config := []string{"-c", s.file}
	out, errs, code := s.gateway("", append([]string{"deadletter", "list"}, config...)...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || len(lines) != 2 {
		t.Fatalf("list: exit %d: %s%s", code, out, errs)
	}
	id := strings.Fields(lines[1])[0]
	if out, _, code := s.gateway("", append([]string{"deadletter", "show", id}, config...)...); code != 0 || !strings.Contains(out, "POISON") {
		t.Errorf("show: exit %d: %s", code, out)
	}
	s.sink.forgive.Store(true)
	if out, errs, code := s.gateway("", append([]string{"deadletter", "replay"}, config...)...); code != 0 || !strings.Contains(out, "delivered 1,") {
		t.Errorf("replay: exit %d: %s%s", code, out, errs)
	}
	testkit.Equal(t, "events", len(s.waitEvents(3)), 3)
}

func TestVersion(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	out, _, code := s.gateway("", "version")
	if code != 0 || !strings.Contains(out, "commit") || !strings.Contains(out, "go1.") {
		t.Errorf("exit %d: %s", code, out)
	}
}
