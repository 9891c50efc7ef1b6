// Package browser looks at the statistics page as people do: with a real browser, at a
// real gateway. It has tests only.
package browser

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

const token = "11111111-2222-3333-4444-555555555555"

// names of the sources, in the order of their ports.
func names() []string { return []string{"unifi", "palo_alto", "cisco_asa", "linux", "windows"} }

// gateway is a running one.
type gateway struct {
	t     *testing.T
	url   string
	ports map[string]int
	hec   *hectest.Server
	log   *safe
	halt  func() // stops it before the end of the test; only of a state
}

// safe is a buffer that a process writes and the test reads.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	return testkit.Try(testkit.FreePorts(n))(t)
}

// start builds the gateway and runs it with an endpoint that takes everything. more are
// further keys of queue.
func start(t *testing.T, more ...string) *gateway {
	t.Helper()
	dir := t.TempDir()
	program := build(t, dir)
	g := &gateway{t: t, ports: make(map[string]int), hec: hectest.New(hectest.Options{Token: token}), log: new(safe)}
	t.Cleanup(g.hec.Close)
	ports := freePorts(t, 6)
	g.url = fmt.Sprintf("http://127.0.0.1:%d", ports[5])
	var y strings.Builder
	y.WriteString("sources:\n")
	for i, name := range names() {
		g.ports[name] = ports[i]
		fmt.Fprintf(&y, "  %s: {port: %d, vendor: %s, address: 127.0.0.1, silent_after: 2s}\n", name, ports[i], name)
	}
	fmt.Fprintf(&y, "hec: {endpoints: [%q], health_interval: 1s}\nstats: {listen: '127.0.0.1:%d', username: ops, password: s3cret, admin: true}\n", g.hec.URL(), ports[5])
	fmt.Fprintf(&y, "queue: {path: %s/queue, min_free: 1MB, max_size: 1GiB%s}\ndead_letter: {path: %s/dead}\nbalancer: {shards: 2}\n",
		dir, strings.Join(append([]string{""}, more...), ", "), dir)
	fmt.Fprintf(&y, "packs: {folder: %s/packs}\n", dir)
	testkit.Must(t, os.Mkdir(filepath.Join(dir, "packs"), 0o700))
	testkit.Must(t, os.WriteFile(filepath.Join(dir, "packs", "site.yaml"), []byte("{format: 1, pack: site, rules: [{name: no_noise, when: {program: noise}, drop: true}]}"), 0o600))
	file := filepath.Join(dir, "gateway.yaml")
	testkit.Must(t, os.WriteFile(file, []byte(y.String()), 0o600))
	g.run(exec.Command(program, "run", "-c", file), "SPLUNK_HEC_TOKEN="+token)
	return g
}

// build builds the gateway into a folder.
func build(t *testing.T, dir string) (program string) {
	t.Helper()
	program = filepath.Join(dir, "gateway")
	if out, err := exec.Command("go", "build", "-o", program, "syslog-gateway/cmd/gateway").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// startDev runs the gateway as `make run` does, and returns the address that it prints.
func startDev(t *testing.T) (g *gateway, address string) {
	t.Helper()
	dir := t.TempDir()
	g = &gateway{t: t, ports: make(map[string]int), log: new(safe)}
	ports := freePorts(t, 6)
	g.url = fmt.Sprintf("http://127.0.0.1:%d", ports[5])
	env := []string{fmt.Sprintf("GATEWAY_STATS__LISTEN=127.0.0.1:%d", ports[5])}
	for i, name := range names() {
		g.ports[name] = ports[i]
		env = append(env, fmt.Sprintf("GATEWAY_SOURCES__%s__PORT=%d", strings.ToUpper(name), ports[i]))
	}
	cmd := exec.Command(build(t, dir), "run", "--dev")
	cmd.Dir = dir
	g.run(cmd, env...)
	for line := range strings.Lines(g.log.String()) {
		if at, ok := strings.CutPrefix(line, "look at "); ok {
			return g, strings.TrimSpace(at)
		}
	}
	t.Fatalf("no address is printed:\n%s", g.log)
	return nil, ""
}

// run starts the gateway, waits until it is ready, and stops it with the test.
func (g *gateway) run(cmd *exec.Cmd, env ...string) {
	t := g.t
	t.Helper()
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
	cmd.Stderr = g.log
	testkit.Must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("the gateway ended: %v\n%s", err, g.log)
		}
	})
	g.eventually("the gateway is ready", func() bool {
		r, err := http.Get(g.url + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

func (g *gateway) eventually(what string, done func() bool) {
	g.t.Helper()
	if !testkit.Within(30*time.Second, done) {
		g.t.Fatalf("it is not so that %s\n%s", what, g.log)
	}
}

// send sends lines to a source by TCP.
func (g *gateway) send(source string, lines ...string) {
	g.t.Helper()
	c := testkit.Try(net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.ports[source])))(g.t)
	defer c.Close()
	testkit.Try(fmt.Fprint(c, strings.Join(lines, "\n")+"\n"))(g.t)
}

// tab is an open page, with what it should not have done.
type tab struct {
	t   *testing.T
	g   *gateway
	ctx context.Context
	mu  sync.Mutex
	bad []string
}

// openTab starts a browser.
func openTab(t *testing.T, g *gateway) *tab {
	t.Helper()
	chromium := testkit.Tool(t, "chromium", "chromium fonts-dejavu-core")
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.WindowSize(1500, 900), chromedp.WSURLReadTimeout(60*time.Second))
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	ctx, cancelTime := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(func() { cancelTime(); cancel(); cancelAllocator() })
	b := &tab{t: t, g: g, ctx: ctx}
	chromedp.ListenTarget(ctx, b.watch)
	b.run(network.Enable(), log.Enable())
	return b
}

// watch records errors of the console and requests to elsewhere.
func (b *tab) watch(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u := withoutUser(e.Request.URL); !strings.HasPrefix(u, b.g.url) && !strings.HasPrefix(u, "data:") {
			b.bad = append(b.bad, "request to "+u)
		}
	case *runtime.EventConsoleAPICalled:
		b.bad = append(b.bad, fmt.Sprintf("console.%s", e.Type))
	case *runtime.EventExceptionThrown:
		b.bad = append(b.bad, "exception "+e.ExceptionDetails.Error())
	case *log.EventEntryAdded:
		b.bad = append(b.bad, fmt.Sprintf("log: %s %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	}
}

// withoutUser takes a name and password out of an address.
func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.User = nil
	return u.String()
}

func (b *tab) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatalf("%v\n%s", err, b.g.log)
	}
}

// open loads a path.
func (b *tab) open(path string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.g.url + path))
}

// logIn opens the page with a name and password in its address, as people paste it. The
// browser sends them with every request from then on.
func (b *tab) logIn(user, password string) {
	b.t.Helper()
	b.run(chromedp.Navigate(strings.Replace(b.g.url, "://", "://"+user+":"+password+"@", 1) + "/stats?login"))
}

// js evaluates an expression to a text.
func (b *tab) js(expression string) (text string) {
	b.t.Helper()
	b.run(chromedp.Evaluate("String("+expression+")", &text))
	return text
}

// becomes waits until an expression is a text.
func (b *tab) becomes(expression, want string) {
	b.t.Helper()
	var got string
	var err error
	if !testkit.Within(20*time.Second, func() bool {
		err = chromedp.Run(b.ctx, chromedp.Evaluate("String("+expression+")", &got))
		return err == nil && got == want
	}) {
		b.t.Fatalf("%s is %q (%v), want %q", expression, got, err, want)
	}
}

// cell is the text of a cell of the row with a head. The table may be folded.
func cell(table, head string, column int) string {
	return fmt.Sprintf(`([...document.querySelectorAll("#%s tbody tr")].find((r) => r.cells[0].textContent.trim().startsWith(%q)) || {cells: []}).cells[%d]?.textContent.trim().replace(/\s+/g, " ")`, table, head, column)
}

// press presses a button of a mode, which asks back in a fold.
func (b *tab) press(mode, proxy, server string) {
	b.t.Helper()
	button := fmt.Sprintf(`[id="ask-%s-%s-%s"] button`, proxy, server, mode)
	b.js(fmt.Sprintf(`(() => { for (let d = document.querySelector(%q).closest("details"); d; d = d.parentElement.closest("details")) if (!d.open) d.querySelector("summary").click() })()`, button))
	b.run(chromedp.Click(button))
}
