// Package browser looks at the statistics page as people do: with a real browser, at a
// real gateway. It has tests only.
package browser

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"syslog-gateway/internal/hec/hectest"
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

func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// start builds the gateway and runs it with an endpoint that takes everything.
func start(t *testing.T) *gateway {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "gateway")
	if out, err := exec.Command("go", "build", "-o", program, "syslog-gateway/cmd/gateway").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
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
	fmt.Fprintf(&y, "hec: {endpoints: [%q], health_interval: 1s}\nstats: {listen: '127.0.0.1:%d', admin: true}\n", g.hec.URL(), ports[5])
	fmt.Fprintf(&y, "queue: {path: %s/queue, min_free: 1MB, max_size: 1GiB}\ndead_letter: {path: %s/dead}\nbalancer: {shards: 2}\n", dir, dir)
	file := filepath.Join(dir, "gateway.yaml")
	if err := os.WriteFile(file, []byte(y.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "run", "-c", file)
	cmd.Env = []string{"SPLUNK_HEC_TOKEN=" + token, "PATH=" + os.Getenv("PATH")}
	cmd.Stderr = g.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
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
	return g
}

func (g *gateway) eventually(what string, done func() bool) {
	g.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			g.t.Fatalf("it is not so that %s\n%s", what, g.log)
		}
	}
}

// send sends lines to a source by TCP.
func (g *gateway) send(source string, lines ...string) {
	g.t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.ports[source]))
	if err != nil {
		g.t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprint(c, strings.Join(lines, "\n")+"\n"); err != nil {
		g.t.Fatal(err)
	}
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
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is not on this machine: install Debian's packages chromium and fonts-dejavu-core, or run .ci/tools")
	}
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

// watch notes errors of the console and requests to elsewhere.
func (b *tab) watch(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, b.g.url) && !strings.HasPrefix(u, "data:") {
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

// js evaluates an expression to a text.
func (b *tab) js(expression string) (text string) {
	b.t.Helper()
	b.run(chromedp.Evaluate("String("+expression+")", &text))
	return text
}

// becomes waits until an expression is a text.
func (b *tab) becomes(expression, want string) {
	b.t.Helper()
	got := ""
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		err := chromedp.Run(b.ctx, chromedp.Evaluate("String("+expression+")", &got))
		if err == nil && got == want {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatalf("%s is %q (%v), want %q", expression, got, err, want)
		}
	}
}

// cell is the text of a cell of the row with a head.
func cell(table, head string, column int) string {
	return fmt.Sprintf(`([...document.querySelectorAll("#%s tbody tr")].find((r) => r.cells[0].textContent.trim().startsWith(%q)) || {cells: []}).cells[%d]?.innerText.trim()`, table, head, column)
}

// picture writes docs/img/NAME.png when SCREENSHOTS names the folder.
func (b *tab) picture(name string) {
	b.t.Helper()
	b.shot(name, func(png *[]byte) chromedp.Action { return chromedp.FullScreenshot(png, 100) })
}

func (b *tab) shot(name string, how func(*[]byte) chromedp.Action) {
	b.t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	var png []byte
	b.run(chromedp.Evaluate("scrollTo(0, 0)", nil), how(&png))
	if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// A whole visit, so that the browser starts once.
func TestPage(t *testing.T) {
	g := start(t)
	b := openTab(t, g)
	for _, step := range []struct {
		name string
		do   func(*testing.T, *gateway, *tab)
	}{
		{"first paint without scripts", firstPaint},
		{"live update", liveUpdate},
		{"tap with filter", tapWithFilter},
		{"drain and ready", drainAndReady},
		{"silent sender", silentSender},
		{"accessible", accessible},
		{"pictures", pictures},
		{"dark", dark},
		{"phone", phone},
	} {
		t.Run(step.name, func(t *testing.T) {
			b.t, g.t = t, t
			step.do(t, g, b)
		})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, bad := range b.bad {
		t.Error(bad)
	}
}

func firstPaint(t *testing.T, _ *gateway, b *tab) {
	b.run(emulation.SetScriptExecutionDisabled(true))
	b.open("/")
	var text string
	b.run(chromedp.Text("#part-health", &text), emulation.SetScriptExecutionDisabled(false))
	if !strings.Contains(text, "5 sources listening, nothing received yet; Splunk is keeping up; 0 lost.") {
		t.Errorf("the first paint says %q", text)
	}
}

func liveUpdate(t *testing.T, g *gateway, b *tab) {
	b.open("/stats")
	b.becomes(`document.getElementById("state").textContent`, "live")
	b.js(`window.stayed = document.querySelector("#books tbody tr")`)
	var lines []string
	for i := range 70 {
		lines = append(lines, fmt.Sprintf("<38>Nov 22 17:00:00 <script>alert(%d)</script> sshd[4123]: Accepted publickey for deploy", i))
	}
	g.send("linux", lines...)
	b.becomes(cell("books", "linux", 1), "70")
	b.becomes(cell("books", "linux", 3), "70")
	b.becomes(`document.querySelector("#sentence").textContent`, "1 of 5 sources receiving, nothing from the others yet; Splunk is keeping up; 0 lost.")
	b.becomes(cell("senders", "", 2), "70")
	if b.js(`window.stayed === document.querySelector("#books tbody tr")`) != "true" {
		t.Error("an update replaces rows that are there: focus and selection are lost")
	}
}

func tapWithFilter(t *testing.T, g *gateway, b *tab) {
	b.run(chromedp.SetValue(`#tap [name=source]`, "linux"), chromedp.SetValue(`#tap [name=text]`, "NEEDLE"), chromedp.Click("#tap-go"))
	b.becomes(`document.getElementById("tap-go").textContent`, "Stop")
	b.becomes(`document.getElementById("tap-note").textContent.startsWith("Listening: ")`, "true")
	g.send("unifi", "<30>Nov 22 17:00:00 U6-Lite hostapd: a needle of another source")
	g.send("linux", "<13>Nov 22 17:00:00 web1 app: hay", "<13>Nov 22 17:00:00 web1 app: a <img src=x onerror=alert(1)> needle")
	b.becomes(`document.querySelectorAll("#lines tbody tr").length`, "1")
	if raw := b.js(`document.querySelector("#lines tbody .raw").textContent`); raw != "<13>Nov 22 17:00:00 web1 app: a <img src=x onerror=alert(1)> needle" {
		t.Errorf("the raw line is %q", raw)
	}
	if event := b.js(`JSON.parse(document.querySelectorAll("#lines tbody .raw")[1].textContent).sourcetype`); event != "syslog" {
		t.Errorf("the event's sourcetype is %q", event)
	}
	b.picture("stats-tap")
	b.run(chromedp.Click("#tap-go"))
	b.becomes(`document.getElementById("tap-note").textContent`, "Stopped.")
}

func drainAndReady(_ *testing.T, g *gateway, b *tab) {
	b.becomes(cell("shards", "0", 1), "ok")
	b.run(chromedp.Click(`#shards button[aria-label="drain 0"]`))
	b.becomes(`location.pathname`, "/stats;st=DONE")
	b.becomes(`document.querySelector(".done").textContent`, "Done.")
	b.becomes(cell("shards", "0", 1), "drain")
	endpoint := strings.TrimPrefix(g.hec.URL(), "http://")
	b.run(chromedp.Click(`#endpoints button[aria-label="drain ` + endpoint + `"]`))
	b.becomes(cell("endpoints", g.hec.URL(), 1), "up, drain")
	before := g.hec.Taken()
	g.send("windows", "<14>Nov 22 17:00:00 dc01 app: waits")
	b.becomes(cell("books", "windows", 5), "1")
	if g.hec.Taken() != before {
		b.t.Error("a drained endpoint got a request")
	}
	b.run(chromedp.Click(`#endpoints button[aria-label="ready ` + endpoint + `"]`))
	b.becomes(cell("books", "windows", 3), "1")
	b.run(chromedp.Click(`#shards button[aria-label="ready 0"]`))
	b.becomes(cell("shards", "0", 1), "ok")
}

func silentSender(_ *testing.T, _ *gateway, b *tab) {
	b.open("/stats")
	b.becomes(`document.querySelectorAll("#silent tr.quiet").length > 0`, "true")
	b.becomes(cell("silent", "", 1), "linux")
}

func accessible(t *testing.T, _ *gateway, b *tab) {
	for expression, want := range map[string]string{
		`document.documentElement.lang`: "en",
		`[...document.querySelectorAll("table")].filter((t) => !t.caption || !t.caption.textContent.trim()).length`:   "0",
		`[...document.querySelectorAll("thead th")].filter((h) => h.scope !== "col").length`:                          "0",
		`[...document.querySelectorAll("input:not([type=hidden]), select")].filter((i) => !i.labels.length).length`:   "0",
		`[...document.querySelectorAll("button")].filter((x) => !(x.ariaLabel || x.textContent.trim())).length`:       "0",
		`document.querySelectorAll("svg[role=img]:not([aria-label])").length`:                                         "0",
		`document.getElementById("part-health").getAttribute("aria-live")`:                                            "polite",
		`(document.querySelector(".skip").focus(), getComputedStyle(document.activeElement).position !== "absolute")`: "true",
	} {
		if got := b.js(expression); got != want {
			t.Errorf("%s is %q, want %q", expression, got, want)
		}
	}
}

// real is a line as a device of the family sends it.
func real(source string, i int) string {
	switch source {
	case "unifi":
		return fmt.Sprintf("<30>Nov 22 17:00:00 U6-Lite 245a4c112233,U6-Lite-6.5.28+14491: hostapd[%d]: wifi0ap0: STA 0a:1b:2c:3d:4e:5f associated", i)
	case "palo_alto":
		return fmt.Sprintf("<14>Nov 22 17:00:00 PA-220 1,2026/11/22 17:00:00,012801096514,SYSTEM,general,0,2026/11/22 17:00:00,,general,,0,0,general,informational,\"User admin logged in from 10.0.0.5\",%d,0x0", i)
	case "cisco_asa":
		return fmt.Sprintf("<166>Nov 22 17:00:00 fw01 : %%ASA-6-302013: Built outbound TCP connection %d for outside:198.51.100.7/443 to inside", i)
	case "windows":
		return fmt.Sprintf("<14>Nov 22 17:00:00 dc01.corp.example MSWinEventLog\t1\tSecurity\t%d\tSun Nov 22 17:00:00 2026\t4634\tMicrosoft-Windows-Security-Auditing\tN/A\tN/A\tSuccess Audit\tdc01.corp.example\tLogoff\t\tAn account was logged off.\t99", i)
	}
	return fmt.Sprintf("<38>Nov 22 17:00:00 web1 sshd[%d]: Accepted publickey for deploy from 10.1.2.3", i)
}

// pictures lets some traffic of all families be seen.
func pictures(_ *testing.T, g *gateway, b *tab) {
	if os.Getenv("SCREENSHOTS") == "" {
		return
	}
	stop := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for i := 0; ; i++ {
			for j, name := range names() {
				for range (j + 1) * (3 + i%5) {
					g.send(name, real(name, i))
				}
			}
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	b.open("/stats")
	b.becomes(`Number(document.querySelector(".spark polyline").points.numberOfItems) >= 4`, "true")
	b.picture("stats-light")
	close(stop)
	load.Wait()
}

func dark(t *testing.T, _ *gateway, b *tab) {
	light := b.js(`getComputedStyle(document.body).backgroundColor`)
	b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}))
	if dark := b.js(`getComputedStyle(document.body).backgroundColor`); dark == light || dark != "rgb(18, 22, 29)" {
		t.Errorf("the background is %s, in light %s", dark, light)
	}
	b.picture("stats-dark")
	b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}))
}

func phone(t *testing.T, _ *gateway, b *tab) {
	b.run(chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile))
	b.open("/stats")
	if wide := b.js(`document.documentElement.scrollWidth`); wide != "390" {
		t.Errorf("the page is %s wide on a phone of 390", wide)
	}
	b.becomes(`document.getElementById("state").textContent`, "live")
	b.shot("stats-phone", func(png *[]byte) chromedp.Action { return chromedp.CaptureScreenshot(png) })
}

// The browser is told apart from a program by its headers; a page of another site can
// not make it act.
func TestForeignPageCanNotAct(t *testing.T) {
	g := start(t)
	foreign, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	page := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<form method="post" action="%s/stats"><input name="s" value="0"><input name="b" value="shards"><button name="action" value="drain" id="go">x</button></form>`, g.url)
	})}
	served := make(chan error, 1)
	go func() { served <- page.Serve(foreign) }()
	defer func() {
		page.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	b := openTab(t, g)
	b.run(chromedp.Navigate("http://"+foreign.Addr().String()+"/"), chromedp.Click("#go"))
	b.becomes(`document.body.innerText.trim()`, "the request was made by another site's page, and is refused")
	b.open("/stats")
	b.becomes(cell("shards", "0", 1), "ok")
}
