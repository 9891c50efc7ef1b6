package browser

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"syslog-gateway/internal/jetstream/jetstreamtest"
	"syslog-gateway/internal/testkit"
)

// A whole visit, so that the browser starts once.
func TestPage(t *testing.T) {
	g := start(t)
	b := openTab(t, g)
	b.logIn("ops", "s3cret")
	for _, step := range []struct {
		name string
		do   func(*testing.T, *gateway, *tab)
	}{
		{"first paint without scripts", firstPaint},
		{"live update", liveUpdate},
		{"tap with filter", tapWithFilter},
		{"drain and ready", drainAndReady},
		{"silent sender", silentSender},
		{"rules", rules},
		{"accessible", accessible},
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
	testkit.Holds(t, "the first paint", text, "5 sources listening, nothing received yet; nothing sent to Splunk yet; 0 lost.")
}

func liveUpdate(t *testing.T, g *gateway, b *tab) {
	b.open("/stats")
	b.becomes(`document.getElementById("state").textContent`, "Live")
	b.js(`window.stayed = document.querySelector("#books tbody tr")`)
	var lines []string
	for i := range 70 {
		lines = append(lines, fmt.Sprintf("<38>Nov 22 17:00:00 <script>alert(%d)</script> sshd[4123]: Accepted publickey for deploy", i))
	}
	g.send("linux", lines...)
	b.becomes(cell("books", "linux", 1), "70")
	b.becomes(cell("books", "linux", 3), "70")
	b.becomes(`document.querySelector("#sentence").textContent`, "1 of 5 sources receiving; nothing from cisco_asa, palo_alto, unifi, windows yet; Splunk is keeping up; 0 lost.")
	b.becomes(cell("senders", "", 5), "70")
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
	b.becomes(`document.querySelectorAll("#lines > li").length`, "1")
	testkit.Equal(t, "the raw line", b.js(`document.querySelector("#lines p.raw").textContent`), "<13>Nov 22 17:00:00 web1 app: a <img src=x onerror=alert(1)> needle")
	testkit.Equal(t, "the event's sourcetype", b.js(`JSON.parse(document.querySelector("#lines pre").textContent).sourcetype`), "syslog")
	testkit.Equal(t, "the command", b.js(`document.querySelector("#lines [data-copy]").dataset.copy`),
		`printf '%s\n' '<13>Nov 22 17:00:00 web1 app: a <img src=x onerror=alert(1)> needle' | gateway parse --source 'linux' --sender '127.0.0.1'`)
	b.run(chromedp.Click("#tap-pause"))
	g.send("linux", "<13>Nov 22 17:00:00 web1 app: needle 2", "<13>Nov 22 17:00:00 web1 app: needle 3")
	b.becomes(`document.getElementById("tap-pause").textContent`, "Go on (held, 2 more)")
	testkit.Equal(t, "lines while it is paused", b.js(`document.querySelectorAll("#lines > li").length`), "1")
	b.run(chromedp.Click("#tap-pause"))
	b.becomes(`document.querySelectorAll("#lines > li").length`, "3")
	b.run(chromedp.Click("#tap-go"))
	b.becomes(`document.getElementById("tap-note").textContent`, "Stopped.")
}

func drainAndReady(_ *testing.T, g *gateway, b *tab) {
	b.becomes(cell("shards", "0", 1), "ok")
	b.press("drain", "shards", "0")
	b.becomes(`location.pathname`, "/stats;st=DONE")
	b.becomes(`document.querySelector(".done").textContent`, "Done.")
	b.becomes(cell("shards", "0", 1), "drain")
	endpoint := strings.TrimPrefix(g.hec.URL(), "http://")
	b.press("drain", "splunk", endpoint)
	b.becomes(`(`+cell("endpoints", g.hec.URL(), 1)+`).startsWith("up, drain")`, "true")
	before := g.hec.Taken()
	g.send("windows", "<14>Nov 22 17:00:00 dc01 app: waits")
	b.becomes(cell("books", "windows", 5), "1")
	if g.hec.Taken() != before {
		b.t.Error("a drained endpoint got a request")
	}
	b.press("ready", "splunk", endpoint)
	b.becomes(cell("books", "windows", 3), "1")
	b.press("ready", "shards", "0")
	b.becomes(cell("shards", "0", 1), "ok")
}

func silentSender(_ *testing.T, _ *gateway, b *tab) {
	b.open("/stats")
	b.becomes(`document.querySelectorAll("#senders tr.note").length > 0`, "true")
	b.becomes(cell("senders", "", 1), "linux")
}

func rules(t *testing.T, g *gateway, b *tab) {
	b.open("/stats")
	b.becomes(cell("rules", "site.no_noise", 3), "0")
	b.becomes(`document.getElementById("state").textContent`, "Live")
	g.send("linux", "<13>Nov 22 17:00:00 web1 noise: x", "<13>Nov 22 17:00:00 web1 noise: xyz")
	b.becomes(cell("rules", "site.no_noise", 3), "2")
	testkit.Equal(t, "bytes saved in the last hour", b.js(cell("rules", "site.no_noise", 6)), "68 B")
}

func accessible(t *testing.T, _ *gateway, b *tab) {
	for expression, want := range map[string]string{
		`document.documentElement.lang`: "en",
		`[...document.querySelectorAll("table")].filter((t) => !t.caption || !t.caption.textContent.trim()).length`:   "0",
		`[...document.querySelectorAll("thead th")].filter((h) => h.scope !== "col").length`:                          "0",
		`[...document.querySelectorAll("input:not([type=hidden]), select")].filter((i) => !i.labels.length).length`:   "0",
		`[...document.querySelectorAll("button")].filter((x) => !(x.ariaLabel || x.textContent.trim())).length`:       "0",
		`document.querySelectorAll("svg[role=img]:not([aria-label])").length`:                                         "0",
		`document.querySelector("#part-health > div").getAttribute("role")`:                                           "status",
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

func dark(t *testing.T, _ *gateway, b *tab) {
	light := b.js(`getComputedStyle(document.body).backgroundColor`)
	b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}))
	if dark := b.js(`getComputedStyle(document.body).backgroundColor`); dark == light || dark != "rgb(15, 18, 21)" {
		t.Errorf("the background is %s, in light %s", dark, light)
	}
	b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}))
}

func phone(t *testing.T, g *gateway, b *tab) {
	b.run(chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile))
	b.open("/stats")
	g.send("linux", "<14>"+strings.Repeat("unknown", 100))
	b.becomes(`String((row => row && row.scrollWidth <= row.clientWidth)(document.querySelector("#part-unknown .raw")))`, "true")
	if wide := b.js(`document.documentElement.scrollWidth`); wide != "390" {
		t.Errorf("the page is %s wide on a phone of 390", wide)
	}
	b.becomes(`document.getElementById("state").textContent`, "Live")
}

// TestClusterPage: the block of the streams and the columns of the books follow what happens.
func TestClusterPage(t *testing.T) {
	servers := jetstreamtest.Start(t, 1)
	g := start(t, "kind: jetstream", fmt.Sprintf("jetstream: {servers: [%s], gateway_id: gw1, streams: 1, replicas: 1, max_size: 64MB}", strings.Join(servers.URLs(), ", ")))
	b := openTab(t, g)
	b.logIn("ops", "s3cret")
	b.open("/stats")
	b.becomes(cell("streams", "SYSLOG-00", 1), "ok")
	b.becomes(cell("streams", "SYSLOG-00", 2), "node0")
	b.becomes(cell("streams", "SYSLOG-00", 3), "1 of 1 current")
	g.send("linux", real("linux", 1), real("linux", 2))
	b.becomes(cell("books", "linux", 8), "2")  // secured
	b.becomes(cell("books", "linux", 9), "2")  // taken
	b.becomes(cell("books", "linux", 3), "2")  // delivered
	b.becomes(cell("books", "linux", 11), "0") // difference
	testkit.Equal(t, "tables without caption", b.js(`[...document.querySelectorAll("table")].filter((t) => !t.caption || !t.caption.textContent.trim()).length`), "0")
	testkit.Equal(t, "heads without scope", b.js(`[...document.querySelectorAll("thead th")].filter((h) => h.scope !== "col").length`), "0")
	servers.Kill(0)
	b.becomes(cell("streams", "SYSLOG-00", 1), "down")
	b.becomes(`document.querySelector("#headline").textContent.startsWith("The cluster takes nothing")`, "true")
	b.run(chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile))
	b.open("/stats")
	testkit.Equal(t, "the width on a phone", b.js(`document.documentElement.scrollWidth`), "390")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, bad := range b.bad {
		t.Error(bad)
	}
}

// The address that `gateway run --dev` prints opens a page that is kept up to date and
// whose tap and buttons work at once; without it everybody may read, and no more.
func TestDevAddress(t *testing.T) {
	g, address := startDev(t)
	b := openTab(t, g)
	b.open("/stats")
	b.becomes(`document.getElementById("state").textContent`, "Live")
	b.becomes(`document.getElementById("tap") === null && document.querySelector(".actions button") === null`, "true")
	b.run(chromedp.Navigate(address))
	b.becomes(`document.getElementById("state").textContent`, "Live")
	b.run(chromedp.Click("#tap-go"))
	b.becomes(`document.getElementById("tap-note").textContent.startsWith("Listening: ")`, "true")
	g.send("linux", "<13>Nov 22 17:00:00 web1 app: hello")
	b.becomes(`document.querySelector("#lines p.raw").textContent`, "<13>Nov 22 17:00:00 web1 app: hello")
	b.press("drain", "shards", "0")
	b.becomes(cell("shards", "0", 1), "drain")
	curl := exec.Command("curl", "-sS", "-m", "10", "-w", "%{http_code}", strings.Replace(address, "/stats?login", "/api/v1/tap?format=ndjson&seconds=1", 1))
	if out, err := curl.CombinedOutput(); err != nil || !strings.HasSuffix(string(out), "200") {
		t.Errorf("curl: %v %s", err, out)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, bad := range b.bad {
		t.Error(bad)
	}
}

// The headers of a browser distinguish it from a program: a page of another site cannot make
// it send an action.
func TestForeignPageCannotAct(t *testing.T) {
	g := start(t)
	foreign := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
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
	b.logIn("ops", "s3cret")
	b.run(chromedp.Navigate("http://"+foreign.Addr().String()+"/"), chromedp.Click("#go"))
	b.becomes(`document.body.innerText.trim()`, "the request was made by another site's page, and is refused")
	b.open("/stats")
	b.becomes(cell("shards", "0", 1), "ok")
}
