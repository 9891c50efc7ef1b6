package browser

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"syslog-gateway/internal/testkit"
)

// widths are those of a phone, a tablet, and of screens.
func widths() []int64 { return []int64{360, 768, 1024, 1440, 2560} }

// states are what the page is shown with, by name.
func states() map[string]func() *state {
	return map[string]func() *state{"calm": calm, "incident": incident, "empty": empty, "hostile": hostile, "cluster": cluster}
}

// largestPaint is how large the page may be, with its style and drawings, in bytes.
const largestPaint = 100_000

// load loads a page as an operator.
func (g *gateway) load(t *testing.T, path string) string {
	t.Helper()
	r := testkit.Try(http.NewRequest(http.MethodGet, g.url+path, nil))(t)
	r.SetBasicAuth("ops", "s3cret")
	answer := testkit.Try(http.DefaultClient.Do(r))(t)
	defer answer.Body.Close()
	return string(testkit.Try(io.ReadAll(answer.Body))(t))
}

// wide lists the elements that are wider than the page.
const wide = `[...document.querySelectorAll("body *")].filter((e) => !e.closest(".off, .skip, svg, .wide, select, input") && (e.getBoundingClientRect().right > innerWidth + 1 || e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && !["A", "SPAN", "SMALL"].includes(e.tagName))).map((e) => e.tagName + "." + e.className + "#" + e.id + " " + e.textContent.trim().slice(0, 20)).slice(0, 5).join(" | ")`

// At each width and in each state, with all folds open: no sideways scroll, nothing on the
// console, no request to elsewhere, and the first paint is small.
func TestWidths(t *testing.T) {
	for name, make := range states() {
		t.Run(name, func(t *testing.T) {
			g := serve(t, make())
			b := openTab(t, g)
			b.logIn("ops", "s3cret")
			for _, window := range []string{"15m", "6h", "24h", "7d"} {
				if n := len(g.load(t, "/stats?range="+window)); n > largestPaint {
					t.Errorf("the first paint of %s has %d bytes", window, n)
				}
			}
			for _, scheme := range []string{"light", "dark"} {
				b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
				for _, width := range widths() {
					if scheme == "dark" && width != 360 && width != 1440 {
						continue // the same but for colours
					}
					b.run(emulation.SetDeviceMetricsOverride(width, 900, 1, width < 700))
					b.open("/stats")
					b.becomes(`document.getElementById("state").textContent`, "Live")
					b.look(fmt.Sprintf("%s-%d-%s", name, width, scheme))
					b.run(chromedp.Evaluate(`document.querySelectorAll("details").forEach((d) => { d.open = true })`, nil))
					if got := b.js("document.documentElement.scrollWidth"); got != fmt.Sprint(width) {
						t.Errorf("at %d the page is %s wide: %s", width, got, b.js(wide))
					}
					testkit.Equal(t, fmt.Sprintf("what is wider than %d", width), b.js(wide), "")
				}
			}
			b.nothingBad()
		})
	}
}

// look writes a picture for people when LOOK names a folder.
func (b *tab) look(name string) {
	b.t.Helper()
	b.save("LOOK", name, func(png *[]byte) {
		b.run(chromedp.Evaluate("scrollTo(0, 0)", nil), chromedp.FullScreenshot(png, 100))
	})
}

// save writes NAME.png into the folder that a variable names, if it names one.
func (b *tab) save(variable, name string, shoot func(png *[]byte)) {
	b.t.Helper()
	folder := os.Getenv(variable)
	if folder == "" {
		return
	}
	var png []byte
	shoot(&png)
	testkit.Must(b.t, os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644))
}

// nothingBad checks the console and the requests.
func (b *tab) nothingBad() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, bad := range b.bad {
		b.t.Error(bad)
	}
	b.bad = nil
}

// awaited waits for a promise.
func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// axe is the program with the rules of accessibility (.ci/tools installs it where there is npm).
const axe = "../../../bin/tools/axe.min.js"

// TestAxe judges the page by the rules of WCAG 2.2 AA in each state, with all folds open.
func TestAxe(t *testing.T) {
	program, err := os.ReadFile(axe)
	if err != nil {
		t.Skip("bin/tools/axe.min.js is missing: make test-tools installs it where there is npm")
	}
	const run = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then((r) =>
		r.violations.map((v) => v.impact + " " + v.id + ": " + v.help + " " + v.nodes.slice(0, 4).map((n) => n.target + " " + n.failureSummary.replace(/\s+/g, " ")).join(" | ")).join("\n"))`
	for name, make := range states() {
		t.Run(name, func(t *testing.T) {
			g := serve(t, make())
			b := openTab(t, g)
			b.logIn("ops", "s3cret")
			for i, width := range []int64{360, 1440, 1440} {
				scheme := []string{"light", "light", "dark"}[i]
				b.run(emulation.SetDeviceMetricsOverride(width, 900, 1, false),
					emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
				b.open("/stats")
				b.becomes(`document.getElementById("state").textContent`, "Live")
				var found string
				b.run(chromedp.Evaluate(`document.querySelectorAll("details").forEach((d) => { d.open = true })`, nil), chromedp.Evaluate(string(program)+"; 0", nil),
					chromedp.Evaluate(run, &found, awaited))
				if found != "" {
					t.Errorf("%d %s:\n%s", width, scheme, found)
				}
			}
			b.nothingBad()
		})
	}
}
