package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"syslog-gateway/internal/testkit"
)

// openState opens the page of a state as an operator.
func openState(t *testing.T, s *state) *tab {
	t.Helper()
	b := openTab(t, serve(t, s))
	b.logIn("ops", "s3cret")
	b.open("/stats")
	b.becomes(`document.getElementById("state").textContent`, "Live")
	return b
}

// clock is the time on the page.
const clock = `document.getElementById("clock").textContent`

// later waits until the page has been updated some times.
func (b *tab) later(updates int) {
	b.t.Helper()
	for range updates {
		now := b.js(clock)
		b.g.eventually("the page is updated", func() bool { return b.js(clock) != now })
	}
}

// Every problem links to a row that is there, also in a fold, and to help that is there.
func TestProblemsLeadSomewhere(t *testing.T) {
	for name, make := range map[string]func() *state{"incident": incident, "cluster": cluster, "hostile": hostile} {
		t.Run(name, func(t *testing.T) {
			b := openState(t, make())
			if n := b.js(`document.querySelectorAll(".problems .what a").length`); n == "0" {
				t.Fatal("there is no problem")
			}
			testkit.Equal(t, "links that lead nowhere", b.js(`[...document.querySelectorAll(".problems .what a, .flow a")].map((a) => decodeURIComponent(a.hash.slice(1))).filter((id) => !document.getElementById(id)).join(" ")`), "")
			testkit.Equal(t, "help that is not there", b.await(`Promise.all([...document.querySelectorAll(".problems .do a")].map((a) => fetch(a.href).then((r) => r.ok ? "" : a.href))).then((l) => l.join(""))`), "")
			b.js(`(document.querySelectorAll(".fold").forEach((f) => { f.open = false }), 0)`)
			b.js(`document.querySelector('.flow .to a').click()`)
			b.becomes(`document.getElementById("fold-endpoints").open`, "true")
			b.later(2)
			testkit.Equal(t, "open after updates", b.js(`document.getElementById("fold-endpoints").open`), "true")
			b.nothingBad()
		})
	}
}

// await evaluates a promise to a text.
func (b *tab) await(expression string) (text string) {
	b.t.Helper()
	b.run(chromedp.Evaluate(expression, &text, awaited))
	return text
}

// places are where rows and sections are.
const places = `[...document.querySelectorAll("section, .body > div, tr[id], .from li, .to li, .plot")].map((e, i) => (e.id || e.className || e.tagName + i) + "@" + Math.round(e.getBoundingClientRect().top + scrollY)).join("\n")`

// Rows keep their places while the rates change, and what is selected, open and under the focus
// stays; the rates do change.
func TestNothingJumps(t *testing.T) {
	s := calm()
	b := openState(t, s)
	b.run(chromedp.Click("#fold-books > summary"), chromedp.Focus(".flow .from a"))
	b.later(6) // lists are updated every fifth time
	before, rate := b.js(places), b.js(`document.querySelector("#senders tbody td:nth-child(4)").textContent`)
	b.js(`window.stayed = document.querySelector("#senders tbody tr[id]")`)
	s.mu.Lock()
	for i := range s.feeds {
		s.feeds[i].rate = 1000 + 450*(5-i) // the first becomes the last
	}
	s.mu.Unlock()
	b.later(10)
	if after := b.js(places); after != before {
		a, c := strings.Split(before, "\n"), strings.Split(after, "\n")
		for i := range min(len(a), len(c)) {
			if a[i] != c[i] {
				t.Errorf("%s has moved to %s", a[i], c[i])
				break
			}
		}
		if len(a) != len(c) {
			t.Errorf("there were %d rows, and are %d", len(a), len(c))
		}
	}
	testkit.Equal(t, "the row is the same", b.js(`window.stayed === document.querySelector("#senders tbody tr[id]")`), "true")
	testkit.Equal(t, "the fold is open", b.js(`document.getElementById("fold-books").open`), "true")
	testkit.Equal(t, "the focus stays", b.js(`document.activeElement === document.querySelector(".flow .from a")`), "true")
	if b.js(`document.querySelector("#senders tbody td:nth-child(4)").textContent`) == rate {
		t.Error("no rate has changed: the test sees nothing")
	}
	b.open("/stats")
	b.becomes(`document.getElementById("fold-books").open`, "true") // a choice is kept
	b.nothingBad()
}

// The values of the charts come by pointer and by keys, in a place that covers no curve.
func TestChartValues(t *testing.T) {
	b := openState(t, incident())
	const values = `document.getElementById("values").textContent`
	b.run(chromedp.Focus(".chart"), chromedp.KeyEvent(kb.End))
	last := b.js(values)
	testkit.Holds(t, "the values", last, "UTC received ", "/s, delivered ", "waiting ", "p99 ", "lost ")
	b.run(chromedp.KeyEvent(kb.ArrowLeft))
	if got := b.js(values); got == last || !strings.Contains(got, "received") {
		t.Errorf("one point to the left it is %q", got)
	}
	testkit.Holds(t, "for who does not see it", b.js(`document.activeElement.getAttribute("aria-valuetext")`), "received")
	at := b.js(`document.querySelector(".cursor").getAttribute("x1")`)
	testkit.Equal(t, "one line in all charts", b.js(`[...document.querySelectorAll(".cursor")].filter((c) => c.getAttribute("x1") !== "`+at+`").length`), "0")
	b.later(7)
	testkit.Equal(t, "it stays over updates", b.js(`document.getElementById("charts").classList.contains("on")`), "true")
	b.run(chromedp.KeyEvent(kb.Escape))
	testkit.Holds(t, "after Escape", b.js(values), "times are UTC")
	b.run(chromedp.Evaluate(`document.activeElement.blur()`, nil), chromedp.ScrollIntoView(".chart"))
	var box []float64
	b.run(chromedp.Evaluate(`(() => { const r = document.querySelector(".chart").getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2] })()`, &box))
	b.run(chromedp.MouseEvent("mouseMoved", box[0], box[1]))
	b.becomes(values+`.includes("received")`, "true")
	for _, window := range []string{"6 h", "7 days"} {
		b.run(chromedp.Evaluate(fmt.Sprintf(`[...document.querySelectorAll("#part-time .choose a")].find((a) => a.textContent === %q).click()`, window), nil))
		b.becomes(`document.querySelector("#part-time h2")?.textContent`, "The last "+window)
	}
	b.nothingBad()
}

// When the gateway does not answer, the page says so, and what it shows looks old.
func TestStale(t *testing.T) {
	b := openState(t, calm())
	b.g.halt()
	b.becomes(`document.getElementById("state").textContent.startsWith("No answer for ")`, "true")
	b.becomes(`document.getElementById("headline").textContent.startsWith("The gateway does not answer. What follows is of ")`, "true")
	testkit.Equal(t, "its shape", b.js(`document.querySelector(".say use").getAttribute("href")`), "#i-none")
	testkit.Equal(t, "it looks old", b.js(`document.body.className`), "stale")
	testkit.Equal(t, "a band", b.js(`getComputedStyle(document.querySelector(".band.flows")).fill`), "none")
	testkit.Equal(t, "nothing is hidden", b.js(`document.querySelectorAll("#senders tr[id]").length > 5`), "true")
	b.look("stale-1440-light")
}

// "stop updates" holds the page, and lets it go on.
func TestPause(t *testing.T) {
	b := openState(t, calm())
	b.run(chromedp.Click("#pause"))
	testkit.Equal(t, "the state", b.js(`document.getElementById("state").textContent`), "Paused at")
	now := b.js(clock)
	b.run(chromedp.Evaluate(`new Promise((r) => setTimeout(() => r("waited"), 2500))`, nil, awaited))
	testkit.Equal(t, "the clock while it is paused", b.js(clock), now)
	b.run(chromedp.Click("#pause"))
	b.later(1)
	b.nothingBad()
}
