package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"syslog-gateway/internal/cli"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/testkit"
)

// underTest makes the test binary be the gateway.
const underTest = "GATEWAY_UNDER_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(underTest) != "" {
		os.Unsetenv(underTest) // GATEWAY_ is the prefix of configuration keys
		os.Exit(run(context.Background(), os.Args[1:], cli.Std()))
	}
	flag.Parse()
	// Most tests wait for other processes and for intervals of the gateway: several run for each
	// processor, unless -parallel says how many.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set(strconv.Itoa(3 * runtime.GOMAXPROCS(0))) // a number is taken
	}
	os.Exit(m.Run())
}

const testToken = "11111111-2222-3333-4444-555555555555"

// site is a gateway with its configuration, ports and HEC endpoint.
type site struct {
	t      *testing.T
	dir    string
	file   string
	ports  map[string]int
	stats  int
	alerts int // the port of Prometheus, if it runs
	hec    *hectest.Server
	sink   *sink
}

// sink remembers every event that was delivered.
type sink struct {
	mu      sync.Mutex
	events  []string // the event texts, in the order of their arrival
	lines   []string // whole HEC objects
	more    chan struct{}
	forgive atomic.Bool // take events with POISON in them, too
}

// check is the endpoint's verdict on an event: its HEC code, 0 for a good one.
func (s *sink) check(line []byte) int {
	if bytes.Contains(line, []byte("POISON")) && !s.forgive.Load() {
		return 6
	}
	return hectest.Validate(line)
}

func (s *sink) take(line []byte) {
	var e struct{ Event string }
	if err := json.Unmarshal(line, &e); err != nil {
		e.Event = "INVALID JSON " + err.Error()
	}
	s.mu.Lock()
	s.events = append(s.events, e.Event)
	s.lines = append(s.lines, string(line))
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.events)
}

func (s *sink) texts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.events...)
}

// newSite lays out a gateway that is not running yet. extra is YAML that is appended
// to its configuration.
func newSite(t *testing.T, extra string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), ports: make(map[string]int), sink: &sink{more: make(chan struct{}, 1)}}
	s.hec = hectest.New(hectest.Options{Token: testToken, Check: s.sink.check, OnEvent: s.sink.take})
	t.Cleanup(s.hec.Close)
	ports := freePorts(t, 6)
	s.stats = ports[5]
	var y strings.Builder
	y.WriteString("sources:\n")
	for i, name := range []string{"unifi", "palo_alto", "cisco_asa", "linux", "windows"} {
		s.ports[name] = ports[i]
		fmt.Fprintf(&y, "  %s: {port: %d, vendor: %s, index: main, address: 127.0.0.1}\n", name, s.ports[name], name)
	}
	fmt.Fprintf(&y, `hec: {endpoints: ["%s"], retry: {initial: 20ms, max: 200ms}, health_interval: 200ms}
stats: {listen: "127.0.0.1:%d"}
dead_letter: {path: %s/dead}
shutdown_timeout: 20s
`, s.hec.URL(), s.stats, s.dir)
	if !strings.Contains(extra, "queue:") {
		fmt.Fprintf(&y, "queue: {path: %s/queue, min_free: 1MB}\n", s.dir)
	}
	y.WriteString(strings.ReplaceAll(extra, "DIR", s.dir))
	s.file = filepath.Join(s.dir, "gateway.yaml")
	s.write(y.String())
	return s
}

func (s *site) write(yaml string) {
	s.t.Helper()
	testkit.Must(s.t, os.WriteFile(s.file, []byte(yaml), 0o600))
}

// uncompressed makes records large, so that small queues fill.
func (s *site) uncompressed() {
	s.write(strings.Replace(s.read(), "hec: {", "hec: {compression: none, ", 1))
}

func (s *site) read() string {
	return string(testkit.Try(os.ReadFile(s.file))(s.t))
}

// withoutPacks turns the embedded packs off. Their tests are nearly all that a check does.
func (s *site) withoutPacks() {
	s.t.Helper()
	var names []string
	for _, p := range testkit.Try(catalog.Load())(s.t) {
		names = append(names, p.Name)
	}
	s.write(s.read() + "packs: {disable: [" + strings.Join(names, ", ") + "]}\n")
}

// freePort finds a port that is free for UDP and TCP.
func freePort(t testing.TB) int {
	t.Helper()
	return freePorts(t, 1)[0]
}

// freePorts finds several.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	return testkit.Try(testkit.FreePorts(n))(t)
}

// process is a running gateway.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    *testkit.Log
	exited chan struct{}
	err    error
}

// gatewayCommand is the gateway as a command.
func gatewayCommand(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = []string{
		underTest + "=1", "SPLUNK_HEC_TOKEN=" + testToken, "PATH=" + os.Getenv("PATH"), "HOME=" + dir,
		"GORACE=atexit_sleep_ms=0", // a binary with the race detector lingers for a second otherwise
	}
	return cmd
}

// start runs the gateway and waits until it is ready.
func (s *site) start() *process {
	s.t.Helper()
	p := s.spawn(gatewayCommand(s.dir, "run", "-c", s.file))
	p.waitReady(s.stats)
	return p
}

func (s *site) spawn(cmd *exec.Cmd) *process {
	s.t.Helper()
	p := &process{t: s.t, cmd: cmd, log: &testkit.Log{}, exited: make(chan struct{})}
	cmd.Stderr = p.log
	testkit.Must(s.t, cmd.Start())
	go func() {
		defer close(p.exited)
		p.err = cmd.Wait()
	}()
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.exited
		if s.t.Failed() {
			s.t.Logf("log of the gateway:\n%s", p.log)
		}
	})
	return p
}

// waitReady polls /readyz.
func (p *process) waitReady(stats int) {
	p.t.Helper()
	url := fmt.Sprintf("http://127.0.0.1:%d/readyz", stats)
	testkit.Eventually(p.t, "the gateway is ready", func() bool {
		select {
		case <-p.exited:
			p.t.Fatalf("the gateway ended: %v\n%s", p.err, p.log)
		default:
		}
		r, err := http.Get(url)
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

// stop sends SIGTERM and returns the exit code.
func (p *process) stop() int {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return p.wait()
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(60 * time.Second):
		p.t.Fatal("the gateway did not end within 60 s")
	}
	if e := new(exec.ExitError); errors.As(p.err, &e) {
		return e.ExitCode()
	}
	return 0
}

// metrics scrapes the gateway.
func (s *site) metrics() testkit.Series {
	s.t.Helper()
	r := testkit.Try(http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", s.stats)))(s.t)
	defer r.Body.Close()
	return testkit.Try(testkit.ReadSeries(r.Body))(s.t)
}

// assertBalance checks the equation that is promised, on a gateway that has come to
// rest: a scrape reads one number after the other.
func (s *site) assertBalance() {
	s.t.Helper()
	testkit.Eventually(s.t, "received + recovered = delivered + pending + deadlettered + dropped", func() bool {
		m := s.metrics()
		in := m.Sum("gateway_received_events_total") + m.Sum("gateway_recovered_events_total") + m.Sum("gateway_taken_events_total")
		out := m.Sum("gateway_delivered_events_total") + m.Sum("gateway_pending_events", `stage="queue"`) +
			m.Sum("gateway_secured_events_total") + m.Sum("gateway_given_back_events_total") +
			m.Sum("gateway_deadlettered_events_total") + m.Sum("gateway_dropped_events_total") +
			m.Sum("gateway_pending_events", `stage="memory"`)
		return in == out
	})
}

// waitEvents waits until the endpoint has n events.
func (s *site) waitEvents(n int) []string {
	s.t.Helper()
	deadline := time.After(90 * time.Second)
	for s.sink.count() < n {
		select {
		case <-s.sink.more:
		case <-deadline:
			s.t.Fatalf("%d of %d events were delivered after 90 s", s.sink.count(), n)
		}
	}
	return s.sink.texts()
}

func (s *site) dial(network, source string) net.Conn {
	s.t.Helper()
	return s.dialPort(network, s.ports[source])
}

func (s *site) dialPort(network string, port int) net.Conn {
	s.t.Helper()
	c := testkit.Try(net.Dial(network, fmt.Sprintf("127.0.0.1:%d", port)))(s.t)
	s.t.Cleanup(func() { c.Close() })
	return c
}

// gateway runs a verb to its end.
func (s *site) gateway(stdin string, args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	cmd := gatewayCommand(s.dir, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if e := new(exec.ExitError); err != nil && !errors.As(err, &e) {
		s.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// need returns the path of a program; that it is missing fails the test.
func need(t *testing.T, program, pkg string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/opt/loggen/usr/bin", "/opt/loggen/usr/sbin") {
		path := filepath.Join(dir, program)
		if st, err := os.Stat(path); err == nil && !st.IsDir() {
			return path
		}
	}
	t.Fatalf("%s is not on this machine: install Debian's package %s, or run .ci/tools", program, pkg)
	return ""
}
