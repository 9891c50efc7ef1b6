package runner

import (
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"
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

func TestScaledSharesOut(t *testing.T) {
	for _, sc := range Scenarios() {
		s := sc.scaled(1003)
		if want := min(sc.messages(), 1003); s.messages() != want {
			t.Errorf("%s scaled to 1003 has %d messages", sc.Name, s.messages())
		}
		if same := sc.scaled(0); same.messages() != sc.messages() {
			t.Errorf("%s scaled to 0 has %d messages, want %d", sc.Name, same.messages(), sc.messages())
		}
	}
}

func TestFind(t *testing.T) {
	if all, err := Find([]string{"all"}); err != nil || len(all) != len(Scenarios()) {
		t.Errorf("all are %d scenarios, %v", len(all), err)
	}
	if two, err := Find([]string{"idle", "tcp-flat"}); err != nil || len(two) != 2 || two[1].Name != "tcp-flat" {
		t.Errorf("Find = %v, %v", two, err)
	}
}

func TestConfig(t *testing.T) {
	s, err := newSite(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ports := map[int]bool{s.sink: true, s.stats: true}
	for _, p := range s.sources {
		ports[p] = true
	}
	if len(ports) != 7 {
		t.Errorf("the ports are not all different: %+v", s)
	}
	for name, want := range map[string]int{"tcp-flat": 5, "tcp-mixed": 1} {
		sc, err := Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		path, err := s.writeConfig(sc[0])
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Sources map[string]struct{ Port int }
			HEC     struct{ Compression, Token string }
		}
		if err := yaml.Unmarshal(data, &c); err != nil || len(c.Sources) != want || c.HEC.Compression != "gzip" || c.HEC.Token != "" {
			t.Errorf("%s: %+v, %v from\n%s", name, c, err, data)
		}
	}
}

func TestMediansAndSpread(t *testing.T) {
	var rep Report
	for i, rate := range []float64{300, 100, 200, 400} {
		rep.Runs = append(rep.Runs, Run{Scenario: "x", Number: i, Rate: rate})
	}
	rep.Runs[2].Problems = []string{"it rained"}
	var b strings.Builder
	if err := rep.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| x | 4 |", "| 250 (100–400) |", "| 1 |\n", "Problem in x run 2: it rained"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
}

// TestStopKillsTheDeaf: a child that ignores SIGTERM does not stay.
func TestStopKillsTheDeaf(t *testing.T) {
	p, err := start(t.TempDir(), "deaf", true, nil, "/bin/sh", "-c", `trap "" TERM; echo ready; while :; do read x; done </dev/zero`)
	if err != nil {
		t.Fatal(err)
	}
	if code := p.stop(50 * time.Millisecond); code != -1 || !p.ended() {
		t.Errorf("stop = %d, ended %v, want -1, true", code, p.ended())
	}
	if code := p.stop(time.Hour); code != -1 {
		t.Errorf("a second stop = %d, want the same", code)
	}
}
