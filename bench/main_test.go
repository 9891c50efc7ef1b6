package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"syslog-gateway/bench/hecsink"
	"syslog-gateway/bench/runner"
	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/testkit"
)

// TestMain makes this test binary every program of a run: with the arguments of the
// gateway it is the stand-in, with those of bench it is bench.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "load", "sink":
			main()
		case "run":
			os.Exit(playGateway(os.Args[3]))
		case "--version":
			fmt.Println("stand-in 1.0")
			os.Exit(0)
		case "--quiet": // as Vector
			os.Exit(playVector(os.Args[3]))
		}
	}
	// A program built with -race sleeps a second at its end, unless configured otherwise.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(cli.Failed)
	}
	goleak.VerifyTestMain(m)
}

// playVector takes and sends what a configuration of Vector says.
func playVector(config string) int {
	data, err := os.ReadFile(config)
	var s struct {
		Sources map[string]struct{ Mode, Address string }
		Sinks   map[string]struct {
			Endpoint string
			Token    string `yaml:"default_token"`
		}
	}
	if err == nil {
		err = yaml.Unmarshal(data, &s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var b strings.Builder
	b.WriteString("sources:\n")
	for name, src := range s.Sources {
		host, port, _ := net.SplitHostPort(src.Address)
		if src.Mode == "tcp" { // the stand-in takes both at one port
			fmt.Fprintf(&b, "  %s: {address: %s, port: %s}\n", name, host, port)
		}
	}
	fmt.Fprintf(&b, "hec: {endpoints: [%s]}\nstats: {listen: 127.0.0.1:0}\n", s.Sinks["hec"].Endpoint)
	file := config + ".stand-in"
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv("SPLUNK_HEC_TOKEN", s.Sinks["hec"].Token)
	return playGateway(file)
}

func playGateway(config string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	number := func(name string) uint64 {
		n, _ := strconv.ParseUint(os.Getenv(name), 10, 64)
		return n
	}
	if number("STAND_IN_DIE") > 0 {
		fmt.Fprintln(os.Stderr, "the stand-in dies of its own accord")
		return 3
	}
	err := runStandIn(ctx, config, os.Getenv("SPLUNK_HEC_TOKEN"), standInFaults{
		DropEvery: number("STAND_IN_DROP"), RepeatEvery: number("STAND_IN_REPEAT"),
		Miscount: number("STAND_IN_MISCOUNT") > 0, Burn: time.Duration(number("STAND_IN_BURN_MS")) * time.Millisecond,
		Delay: time.Duration(number("STAND_IN_DELAY_MS")) * time.Millisecond,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return int(number("STAND_IN_EXIT"))
}

// quiet is how long nothing moves until a run ends with messages missing. A run in
// which all arrive does not wait for it, so it is long: a loaded machine stands still
// for seconds.
const quiet = 15 * time.Second

// suite measures the stand-in.
func suite(t *testing.T, name string, messages uint64) (runner.Report, error) {
	t.Helper()
	sc := testkit.Try(runner.Find([]string{name}))(t)
	return runner.Options{
		Scenarios: sc, Gateway: os.Args[0], Bench: os.Args[0], Messages: messages, Repeat: 1,
		Dir: t.TempDir(), Quiet: quiet, Idle: 300 * time.Millisecond, Progress: t.Output(),
	}.Run(t.Context())
}

func one(t *testing.T, name string, messages uint64) runner.Run {
	t.Helper()
	rep := testkit.Try(suite(t, name, messages))(t)
	return rep.Runs[0]
}

func TestRunMeasuresAFaultlessGateway(t *testing.T) {
	for _, name := range []string{"tcp-flat", "tcp-mixed", "conservation"} {
		t.Run(name, func(t *testing.T) {
			const n = 5_003
			r := one(t, name, n)
			if len(r.Problems) > 0 && name != "conservation" {
				t.Errorf("problems: %v", r.Problems)
			}
			if r.Sent() != n || r.Sink.Unique+r.Sink.Lost != n || r.Counts.Received != int64(r.Sink.Unique) {
				t.Errorf("%+v does not count %d messages", r, n)
			}
			if r.Rate <= 0 || r.CPUPerMessage <= 0 || r.RSSHigh < 1<<20 || r.Startup <= 0 || r.LoadCPU <= 0 || r.Sink.Latency.Count == 0 {
				t.Errorf("%+v lacks figures", r)
			}
		})
	}
}

// TestRunFindsWhatIsWrong: the faults are made by construction, so their numbers are
// known exactly.
func TestRunFindsWhatIsWrong(t *testing.T) {
	const n = 5_000
	t.Run("drops every 1000th", func(t *testing.T) {
		t.Setenv("STAND_IN_DROP", "1000")
		r := one(t, "tcp-flat", n)
		if r.Sink.Lost != n/1000 || r.Sink.Duplicated != 0 || r.Counts.Dropped != n/1000 || !strings.Contains(fmt.Sprint(r.Problems), "5 messages are lost") {
			t.Errorf("lost %d, counts %+v, problems %v, want %d lost", r.Sink.Lost, r.Counts, r.Problems, n/1000)
		}
	})
	t.Run("repeats every 500th", func(t *testing.T) {
		t.Setenv("STAND_IN_REPEAT", "500")
		r := one(t, "tcp-flat", n)
		if r.Sink.Duplicated != n/500 || r.Sink.Lost != 0 || !strings.Contains(fmt.Sprint(r.Problems), "10 messages came twice") {
			t.Errorf("twice %d, problems %v, want %d", r.Sink.Duplicated, r.Problems, n/500)
		}
	})
	t.Run("miscounts", func(t *testing.T) {
		t.Setenv("STAND_IN_MISCOUNT", "1")
		r := one(t, "tcp-flat", 1000)
		if r.Counts.Difference() != -1000 || !strings.Contains(fmt.Sprint(r.Problems), "differ by -1000") {
			t.Errorf("counts %+v, problems %v", r.Counts, r.Problems)
		}
	})
	t.Run("delays", func(t *testing.T) {
		t.Setenv("STAND_IN_DELAY_MS", "400")
		// The first request holds the first message alone, the others wait for it.
		r := one(t, "tcp-flat", 1000)
		if l := r.Sink.Latency; l.P50 < 400 || l.P50 > 2*400+400 || len(r.Problems) > 0 {
			t.Errorf("a delay of 400 ms in each of few requests shows as %+v, problems %v", l, r.Problems)
		}
	})
	t.Run("ends with exit code 4", func(t *testing.T) {
		t.Setenv("STAND_IN_EXIT", "4")
		r := one(t, "startup", 0)
		if r.ExitCode != 4 || len(r.Problems) != 1 {
			t.Errorf("exit code %d, problems %v", r.ExitCode, r.Problems)
		}
	})
	t.Run("does not start", func(t *testing.T) {
		t.Setenv("STAND_IN_DIE", "1")
		if _, err := suite(t, "startup", 0); err == nil || !strings.Contains(err.Error(), "of its own accord") {
			t.Errorf("error %v does not show the gateway's last words", err)
		}
	})
}

// TestRunAccountsForCPU: 1,000 ms of CPU that are burned for certain are found in the
// gateway's account, and once. The stand-in counts them by its thread's own CPU clock,
// so a loaded machine changes how long they take but not how many they are.
func TestRunAccountsForCPU(t *testing.T) {
	plain := one(t, "tcp-flat", 1000)
	t.Setenv("STAND_IN_BURN_MS", "1000")
	burned := one(t, "tcp-flat", 1000)
	const tick = 0.02 // of /proc, at both ends
	if burned.CPU < 1-tick {
		t.Errorf("1,000 ms of CPU are measured as %.2f s", burned.CPU)
	}
	if plain.CPU >= 1 {
		t.Errorf("a run without the burn is measured as %.2f s of CPU: the test cannot see it", plain.CPU)
	}
	if all := float64(runtime.NumCPU()) * burned.Watched; burned.CPU+burned.OtherCPU > all+10*tick {
		t.Errorf("%.2f s of the gateway and %.2f s of others are more than the machine has in %.2f s", burned.CPU, burned.OtherCPU, burned.Watched)
	}
}

func TestRunIdle(t *testing.T) {
	r := one(t, "idle", 0)
	if r.Watched < 0.3 || r.CPUShare < 0 || r.CPUShare > 0.5 || len(r.Problems) > 0 {
		t.Errorf("idle for %.2f s at %.2f of a core, problems %v", r.Watched, r.CPUShare, r.Problems)
	}
}

// TestCeiling: the harness states what it does alone; no gateway is needed for that.
func TestCeiling(t *testing.T) {
	dir := t.TempDir()
	short := filepath.Join(dir, "short.yaml")
	testkit.Must(t, os.WriteFile(short, []byte("about: short\nmeasure: ceiling\nlasts: 300ms\n"), 0o600))
	runs := filepath.Join(t.TempDir(), "runs.json")
	code, stdout, stderr := bench(t.Context(), "run", "--scenario="+short, "--gateway=/no/gateway", "--dir="+dir, "--json="+runs)
	if code != 0 || !strings.Contains(stdout, "The harness alone, without a gateway: sink with gzip ") {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	var rep runner.Report
	data, err := os.ReadFile(runs)
	if err != nil || json.Unmarshal(data, &rep) != nil {
		t.Fatalf("the report is %s (%v)", data, err)
	}
	var components []string
	for _, c := range rep.Ceilings {
		components = append(components, c.Component)
		if c.Messages == 0 || c.Seconds < 0.2 || c.Rate <= 0 || c.CPUPerMessage <= 0 || c.Watched < c.Seconds {
			t.Errorf("%+v lacks figures", c)
		}
	}
	if want := []string{runner.SinkGzip, runner.SinkPlain, runner.GeneratorTCP, runner.GeneratorUDP}; !slices.Equal(components, want) || len(rep.Runs) > 0 {
		t.Errorf("the ceilings are of %q beside %d runs, want %q and none", components, len(rep.Runs), want)
	}
	if remaining, err := os.ReadDir(dir); err != nil || len(remaining) != 1 {
		t.Errorf("left behind beside the scenario: %v, %v", remaining, err)
	}
}

// TestInterruptedRunLeavesNothing: neither processes nor folders.
func TestInterruptedRunLeavesNothing(t *testing.T) {
	sc := testkit.Try(runner.Find([]string{"idle"}))(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := runner.Options{
			Scenarios: sc, Gateway: os.Args[0], Bench: os.Args[0], Repeat: 1,
			Dir: dir, Quiet: time.Minute, Idle: time.Hour, Progress: t.Output(),
		}.Run(ctx)
		done <- err
	}()
	testkit.Eventually(t, "the gateway is started", func() bool {
		logs, _ := filepath.Glob(filepath.Join(dir, "*", "gateway.log")) // a good pattern
		return len(logs) == 1
	})
	cancel()
	if err := <-done; err == nil {
		t.Error("an interrupted run gives no error")
	}
	remaining, err := os.ReadDir(dir)
	if err != nil || len(remaining) > 0 {
		t.Errorf("left behind: %v, %v", remaining, err)
	}
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("children are left: wait4 = %d, %v", pid, err)
	}
}

// cli runs bench in this process.
func bench(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(ctx, args, cli.Streams{Out: &out, Err: &errs})
	return code, out.String(), errs.String()
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"--help"}, 0, ""},
		{[]string{"run", "--help"}, 0, ""},
		{[]string{"load", "--nonsense"}, 2, "nonsense"},
		{[]string{"sink", "--exit-when-complete"}, 2, "--expect"},
		{[]string{"sink", "--fail-status=200"}, 2, "--fail-status"},
		{[]string{"sink", "--listen=127.0.0.1:99999"}, 1, "listen"},
		{[]string{"run", "--scenario=x"}, 2, "tcp-flat"},
		{[]string{"run", "--scenario=startup", "--gateway=/no/gateway"}, 1, "go build"},
		{[]string{"run", "--repeat=-1"}, 1, "repeat -1"},
		{[]string{"run", "--peers=x"}, 2, "syslog-ng"},
		{[]string{"report", "/no/runs.json"}, 1, "runs"},
		{[]string{"size", "--rate=0"}, 2, "positive"},
		{[]string{"size"}, 0, ""},
		{[]string{"load", "--profile=x"}, 2, "10s:5000"},
		{[]string{"load", "--transport=x", "--count=1"}, 1, "transport"},
	} {
		code, _, stderr := bench(t.Context(), c.args...)
		if code != c.code || !strings.Contains(stderr, c.text) {
			t.Errorf("bench %v: exit code %d, %q, want %d and %q", c.args, code, stderr, c.code, c.text)
		}
	}
}

// TestSinkPrintsItsCounts: the sink's process on SIGTERM.
func TestSinkPrintsItsCounts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "counts.json")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, stdout, stderr := bench(ctx, "sink", "--listen=127.0.0.1:0", "--expect=7", "--json-out="+file)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	written := testkit.Try(os.ReadFile(file))(t)
	var s hecsink.Stats
	if err := json.Unmarshal(written, &s); err != nil || s.Lost != 7 || s.Complete || string(written) != stdout {
		t.Errorf("counts are %q on stdout and %q in the file (%v), want 7 lost", stdout, written, err)
	}
}

// TestRunWritesItsReport runs the verb as a user does.
func TestRunWritesItsReport(t *testing.T) {
	dir := t.TempDir()
	jsonOut, markdown, htmlOut := filepath.Join(dir, "r.json"), filepath.Join(dir, "new", "r.md"), filepath.Join(dir, "new", "r.html")
	readme := filepath.Join(dir, "README.md")
	testkit.Must(t, os.WriteFile(readme, []byte("a\n<!-- bench: begin --><!-- bench: end -->\nz\n"), 0o600))
	code, stdout, stderr := bench(t.Context(), "run", "--scenario=startup,tcp-flat,peers-tcp", "--gateway="+os.Args[0], "--repeat=2",
		"--messages=2000", "--dir="+dir, "--json="+jsonOut, "--markdown="+markdown, "--readme="+readme)
	if code != 0 || !strings.Contains(stdout, "| tcp-flat | gateway | 2 | 2000 | 0 | 0 |") || !strings.Contains(stderr, "startup, gateway, run 2") {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	md, err := os.ReadFile(markdown)
	if err != nil || string(md) != stdout {
		t.Errorf("the file holds %q (%v), stdout %q", md, err, stdout)
	}
	data, err := os.ReadFile(jsonOut)
	var rep runner.Report
	if err != nil || json.Unmarshal(data, &rep) != nil || len(rep.Runs) != 6 || rep.Machine.Cores == 0 || len(rep.Gateway) != 64 {
		t.Errorf("the JSON report is %s (%v)", data, err)
	}
	if text, err := os.ReadFile(readme); err != nil || !strings.Contains(string(text), "| peers-tcp | gateway |") || strings.Contains(string(text), "tcp-flat") {
		t.Errorf("the README is %s (%v)", text, err)
	}
	if code, again, stderr := bench(t.Context(), "report", jsonOut, "--html="+htmlOut); code != 0 || again != stdout {
		t.Errorf("the report of the same runs: exit code %d, %s\n%s\nwant\n%s", code, stderr, again, stdout)
	}
	if html, err := os.ReadFile(htmlOut); err != nil || !strings.Contains(string(html), "<svg") {
		t.Errorf("the page is %s (%v)", html, err)
	}
}

// TestAnotherVersion: it takes its turn in every scenario, the report compares the two, and what
// it does wrong is no fault of the gateway.
func TestAnotherVersion(t *testing.T) {
	file := filepath.Join(t.TempDir(), "runs.json")
	run := func(before string) (stdout string, rep runner.Report) {
		code, stdout, _ := bench(t.Context(), "run", "--scenario=tcp-flat,startup", "--before="+before, "--messages=5000", "--repeat=2",
			"--gateway="+os.Args[0], "--dir="+t.TempDir(), "--json="+file, "--quiet="+quiet.String())
		testkit.Equal(t, "exit code", code, 0)
		testkit.Must(t, json.Unmarshal(testkit.Try(os.ReadFile(file))(t), &rep))
		for i, r := range rep.Runs {
			testkit.Equal(t, "subject", r.Subject, []string{"gateway", "before"}[i%2])
		}
		testkit.Equal(t, "runs", len(rep.Runs), 8)
		return stdout, rep
	}
	stdout, rep := run(os.Args[0])
	testkit.Holds(t, "the report", stdout, "; before sha256 ", "## tcp-flat: the gateway beside others")
	testkit.Equal(t, "messages that came through", rep.Runs[1].Through, 5000)
	_, rep = run("/bin/false")
	testkit.Equal(t, "problems of the other", len(rep.Runs[1].Problems), 1)
	code, _, stderr := bench(t.Context(), "run", "--scenario=tcp-flat", "--gateway="+os.Args[0], "--before=/no/such/program")
	if code == 0 || !strings.Contains(stderr, "/no/such/program") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// TestAPeerOfTheUsersOwn: a program that is named by its path gets a configuration, takes its
// turn beside the gateway, and the report shows how it was set up.
func TestAPeerOfTheUsersOwn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "runs.json")
	code, stdout, stderr := bench(t.Context(), "run", "--scenario=peers-tcp-five", "--peer=vector="+os.Args[0], "--messages=5000", "--repeat=2",
		"--gateway="+os.Args[0], "--dir="+t.TempDir(), "--json="+file, "--quiet="+quiet.String())
	if code != 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	testkit.Holds(t, "the report", stdout, "stand-in 1.0", "mode: tcp", "type: splunk_hec_logs", "compression: gzip", "buffer: {type: disk")
	var rep runner.Report
	testkit.Must(t, json.Unmarshal(testkit.Try(os.ReadFile(file))(t), &rep))
	for i, r := range rep.Runs {
		testkit.Equal(t, "subject", r.Subject, []string{"gateway", "vector"}[i%2])
		testkit.Equal(t, "messages that came through", r.Through, 5000)
	}
	testkit.Equal(t, "runs", len(rep.Runs), 4)
	for arg, want := range map[string]string{
		"logstash=/bin/true": "NAME=PATH", "vector=": "NAME=PATH", "vector": "NAME=PATH", "vector=/no/such/program": "no such file", "vector=/bin/false": "is it the right program",
	} {
		code, _, stderr := bench(t.Context(), "run", "--scenario=peers-tcp", "--peer="+arg, "--gateway="+os.Args[0])
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("--peer=%s: exit code %d, %s", arg, code, stderr)
		}
	}
}
