package runner

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"
	"golang.org/x/sys/unix"

	"syslog-gateway/bench/child"
	"syslog-gateway/bench/marker"
	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSumMetrics(t *testing.T) {
	got, err := sumMetrics(strings.NewReader(`# HELP a text
# TYPE a counter
a{source="x",reason="with } and \"quote\" and blank"} 3
a{source="y"} 4 1767225600000
b 1.5e+06
c{quantile="0.5"} NaN

`))
	if err != nil || got["a"] != 7 || got["b"] != 1_500_000 || got["c"] != 0 {
		t.Errorf("sumMetrics = %v, %v", got, err)
	}
	for _, in := range []string{"a", "a b", "a{x=\"y\"}", "a{x=\"y\"} z"} {
		if got, err := sumMetrics(strings.NewReader(in)); err == nil {
			t.Errorf("sumMetrics(%q) = %v, want an error", in, got)
		}
	}
}

func FuzzSumMetrics(f *testing.F) {
	f.Add("a{b=\"c\"} 1\n")
	f.Fuzz(func(t *testing.T, in string) {
		_, _ = sumMetrics(strings.NewReader(in)) // must only not panic
	})
}

func TestParseStat(t *testing.T) {
	const stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 1 2 3 4 100 20 3 1 20 0 7 0 99 1 2"
	if got, err := parseStat([]byte(stat)); err != nil || got != 1240*time.Millisecond {
		t.Errorf("parseStat = %v, %v, want 1.24s", got, err)
	}
	for _, in := range []string{"", "42 (x) S 1 2", "42 (x) S 1 1 1 1 1 1 1 1 1 1 a b c d e"} {
		if got, err := parseStat([]byte(in)); err == nil {
			t.Errorf("parseStat(%q) = %v, want an error", in, got)
		}
	}
}

func TestReadUsageOfThisProcess(t *testing.T) {
	u, err := readUsage(os.Getpid())
	if err != nil || u.rssHigh < 1<<20 || u.rssHigh > 1<<36 || u.cpu > ownCPU()+time.Second {
		t.Errorf("readUsage = %+v, %v", u, err)
	}
	if _, err := readUsage(1 << 30); err == nil {
		t.Error("readUsage of no process gives no error")
	}
	before, err := machineCPU()
	if err != nil || before < ownCPU() {
		t.Errorf("machineCPU = %v, %v, less than the %v of this process", before, err, ownCPU())
	}
}

// TestCPUAgreesWithTime: what is read from /proc is within 3 % of what GNU time says.
func TestCPUAgreesWithTime(t *testing.T) {
	const gnuTime = "/usr/bin/time"
	if _, err := os.Stat(gnuTime); err != nil {
		t.Fatalf("%v: it is in Debian's package time", err)
	}
	dir := t.TempDir()
	report, fifo := filepath.Join(dir, "time"), filepath.Join(dir, "fifo")
	testkit.Must(t, unix.Mkfifo(fifo, 0o600))
	// The child uses some 2 s of CPU, says its PID, and ends when the FIFO is opened.
	p, err := child.Start(child.Options{Dir: dir, Name: "timed", Keep: true, Path: gnuTime, Args: []string{"-v", "-o", report, "sh", "-c",
		`i=0; while [ $i -lt 3000000 ]; do i=$((i+1)); done; echo $$; read x <"$1"`, "sh", fifo}})
	testkit.Must(t, err)
	defer p.Stop(time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	children := fmt.Sprintf("/proc/%d/task/%d/children", p.PID(), p.PID())
	child, last, same := 0, time.Duration(-1), 0
	for deadline := time.Now().Add(time.Minute); same < 30; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("the child does not come to rest")
		}
		text, _ := os.ReadFile(children)
		if child, _ = strconv.Atoi(strings.TrimSpace(string(text))); child == 0 {
			continue
		}
		u, err := readUsage(child)
		if err != nil {
			continue // between fork and exec
		}
		if same++; u.cpu != last {
			last, same = u.cpu, 0
		}
	}
	testkit.Must(t, os.WriteFile(fifo, []byte("\n"), 0o600))
	<-p.Done()
	text := testkit.Try(os.ReadFile(report))(t)
	var total float64
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "): ")
		if key == "User time (seconds" || key == "System time (seconds" {
			f := testkit.Try(strconv.ParseFloat(value, 64))(t)
			total += f
		}
	}
	if diff := math.Abs(last.Seconds() - total); total < 0.5 || diff > 0.03*total {
		t.Errorf("/proc says %.2f s, %s says %.2f s", last.Seconds(), gnuTime, total)
	}
}

func TestScaledSharesOut(t *testing.T) {
	all, err := Scenarios()
	if err != nil || len(all) < 15 {
		t.Fatal(len(all), err)
	}
	for _, sc := range all {
		for _, sc := range sc.points() {
			s := sc.scaled(1003)
			profiled := len(sc.Loads) > 0 && sc.Loads[0].Profile != ""
			if want := min(sc.messages(), 1003); s.messages() != want && !profiled {
				t.Errorf("%s scaled to 1003 has %d messages", sc.label(), s.messages())
			}
			if same := sc.scaled(0); same.messages() != sc.messages() {
				t.Errorf("%s scaled to 0 has %d messages, want %d", sc.label(), same.messages(), sc.messages())
			}
		}
	}
}

func TestFind(t *testing.T) {
	known := testkit.Try(Scenarios())(t)
	isSoak := func(s Scenario) bool { return s.Name == "soak" }
	if all, err := Find([]string{"all"}); err != nil || len(all) != len(known)-1 || slices.ContainsFunc(all, isSoak) {
		t.Errorf("all are %d scenarios, %v", len(all), err)
	}
	if soak, err := Find([]string{"soak"}); err != nil || len(soak) != 1 {
		t.Errorf("Find = %v, %v", soak, err)
	}
	if two, err := Find([]string{"idle", "tcp-flat"}); err != nil || len(two) != 2 || two[1].Name != "tcp-flat" {
		t.Errorf("Find = %v, %v", two, err)
	}
}

func TestConfig(t *testing.T) {
	s := testkit.Try(newSite(t.TempDir()))(t)
	ports := map[int]bool{s.sink: true, s.stats: true}
	for _, p := range s.sources {
		ports[p] = true
	}
	if len(ports) != 7 {
		t.Errorf("the ports are not all different: %+v", s)
	}
	for name, want := range map[string]int{"tcp-flat": 5, "tcp-mixed": 1} {
		sc := testkit.Try(Find([]string{name}))(t)
		path := testkit.Try(s.writeConfig(sc[0]))(t)
		data := testkit.Try(os.ReadFile(path))(t)
		var c struct {
			Sources map[string]struct{ Port int }
			HEC     struct{ Compression, Token string }
		}
		if err := yaml.Unmarshal(data, &c); err != nil || len(c.Sources) != want || c.HEC.Compression != "gzip" || c.HEC.Token != "" {
			t.Errorf("%s: %+v, %v from\n%s", name, c, err, data)
		}
	}
}

// TestScenarioFiles: what is wrong in a file of the user's is said.
func TestScenarioFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.yaml")
	write := func(text string) {
		t.Helper()
		testkit.Must(t, os.WriteFile(path, []byte(text), 0o600))
	}
	write("about: mine\nvary: {rate: [10, 20]}\nloads: [{transport: udp, connections: 1, seconds: 3}]\n")
	found, err := Find([]string{path})
	if err != nil || len(found) != 1 || found[0].Name != "mine" {
		t.Fatalf("%+v, %v", found, err)
	}
	points := found[0].points()
	if len(points) != 2 || points[1].messages() != 60 || points[1].label() != "mine 20/s" || points[1].lossless() {
		t.Errorf("the points are %+v", points)
	}
	for text, want := range map[string]string{
		"speed: 3":                 "speed",
		"measure: war":             "measure",
		"measure: ceiling":         "lasts",
		"measure: idle\nlasts: 3s": "lasts",
		"measure: idle\nloads: [{transport: tcp, connections: 1, count: 1}]":                                  "loads",
		"loads: [{transport: pigeon, connections: 1, count: 1}]":                                              "transport",
		"loads: [{transport: tcp, connections: 1}]":                                                           "count",
		"loads: [{transport: tcp, connections: 1, profile: x}]":                                               "profile",
		"vary: {rate: [1], connections: [1]}\nloads: [{transport: tcp, connections: 1, rate: 1, seconds: 1}]": "one thing",
		"vary: {vendor: [acme]}\nloads: [{transport: tcp, connections: 1, count: 1}]":                         "vendor",
	} {
		write(text)
		if _, err := Find([]string{path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want a word of %q", text, err, want)
		}
	}
	if _, err := Find([]string{"nothing"}); err == nil || !strings.Contains(err.Error(), "tcp-flat") {
		t.Errorf("an unknown scenario: %v", err)
	}
}

// TestBodiesAreFullAndDiffer: what the sink's ceiling is taken with has the size of the
// gateway's requests, its compression, and no number twice.
func TestBodiesAreFullAndDiffer(t *testing.T) {
	plain := testkit.Try(makeBodies(10, false))(t)
	packed := testkit.Try(makeBodies(10, true))(t)
	var next uint64
	for i, b := range plain {
		if len(b.data) < bodySize || len(b.data) > bodySize+(64<<10) || packed[i].events != b.events {
			t.Errorf("body %d has %d bytes and %d events, packed %d events", i, len(b.data), b.events, packed[i].events)
		}
		if ratio := float64(len(b.data)) / float64(len(packed[i].data)); ratio < 5 || ratio > 16 {
			t.Errorf("body %d is compressed %.1f times", i, ratio)
		}
		for line := range bytes.Lines(b.data) {
			if m, _, ok := marker.Find(line); !ok || m.Seq != next {
				t.Fatalf("body %d holds %s, want number %d", i, line, next)
			}
			next++
		}
	}
	var all uint64
	for _, b := range plain {
		all += b.events
	}
	if next != all {
		t.Errorf("%d numbers in %d events", next, all)
	}
}
