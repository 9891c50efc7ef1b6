package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"syslog-gateway/internal/tap"
	"syslog-gateway/internal/testkit"
)

// stranger is a message that nothing recognises.
type stranger struct {
	tap.Message
	ago time.Duration
}

func strangers() []stranger {
	return []stranger{
		{tap.Message{Source: "linux", Transport: "udp", From: netip.MustParseAddr("10.9.0.30"), Raw: []byte("<14>Nov 24 13:20:52 door-1 reader[2]: badge 4411 accepted, gate north")}, 3 * time.Minute},
		{tap.Message{Source: "linux", Transport: "udp", From: netip.MustParseAddr("10.30.0.77"), Raw: []byte("ups-2: output load 41 %, battery 100 %, runtime 52 min")}, time.Minute},
	}
}

// TestDay is a day of nine sources with an outage of an indexer, as an operator sees it in its
// middle and after office hours. With SCREENSHOTS it writes the pictures of the handbook.
func TestDay(t *testing.T) {
	t.Run("in the outage", func(t *testing.T) {
		d := newDay()
		b := visit(t, d.open(t, midOutage))
		b.says("headline", "Splunk takes less than comes in")
		b.says("part-health", "1 of 2 endpoints take nothing splunk-idx-2:8088 is down (503 Server is busy (code 9))", "since 13:10", "412 in the dead-letter store", "Splunk is behind")
		b.says("part-flow", "full in ")
		b.says("part-time", "splunk-idx-2:8088 is down")
		b.window(1500, 1840, 1)
		b.open("/stats?range=6h")
		b.live()
		b.picture("stats-incident")
		b.nothingBad()
	})
	t.Run("at the end", func(t *testing.T) {
		d := newDay()
		g := d.open(t, dayEnds)
		b := visit(t, g)
		b.says("part-health", "412 in the dead-letter store", "1 sender fell silent fw-branch-2 (10.20.2.12)")
		if got := b.js(`document.getElementById("part-health").innerText`); strings.Contains(got, "behind") || strings.Contains(got, "splunk-idx-2") {
			t.Errorf("what is over is still said: %s", got)
		}
		b.open("/stats?range=24h")
		b.says("part-time", "splunk-idx-2:8088 is down", "endpoint is back: splunk-idx-2:8088", "Splunk is behind", "configuration reloaded")
		testkit.Equal(t, "books that do not balance", b.js(`document.querySelectorAll("#books tr.bad").length`), "0")
		testkit.Equal(t, "sources", b.js(`document.querySelectorAll("#books tbody tr").length`), "9")
		for _, one := range []struct {
			name, scheme string
		}{{"stats-light", "light"}, {"stats-dark", "dark"}} {
			b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: one.scheme}}))
			b.window(1500, 1840, 1)
			b.open("/stats?range=24h")
			b.live()
			b.picture(one.name)
		}
		b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}))
		b.window(390, 844, 2)
		b.open("/stats?range=24h")
		b.live()
		b.picture("stats-phone")
		b.window(1500, 900, 1)
		b.open("/stats")
		b.tap(d)
		b.nothingBad()
	})
}

// visit opens the page as an operator.
func visit(t *testing.T, g *gateway) *tab {
	t.Helper()
	b := openTab(t, g)
	b.logIn("ops", "s3cret")
	b.open("/stats")
	b.live()
	return b
}

func (b *tab) live() {
	b.t.Helper()
	b.becomes(`document.getElementById("state").textContent`, "Live")
}

// says checks that an element has texts.
func (b *tab) says(id string, texts ...string) {
	b.t.Helper()
	got := b.js(fmt.Sprintf(`document.getElementById(%q).innerText.replace(/\s+/g, " ")`, id))
	testkit.Holds(b.t, id, got, texts...)
}

func (b *tab) window(width, height int64, scale float64) {
	b.t.Helper()
	b.run(emulation.SetDeviceMetricsOverride(width, height, scale, width < 700))
}

// tap listens to lines of the day.
func (b *tab) tap(d *day) {
	b.t.Helper()
	lines := parsed(b.t)
	b.run(chromedp.Click("#tap-go"))
	b.becomes(`document.getElementById("tap-note").textContent.startsWith("Listening: ")`, "true")
	for i, m := range lines {
		d.mu.Lock()
		m.Received = d.snap.Now.Add(time.Duration(i) * 7 * time.Millisecond)
		d.mu.Unlock()
		d.taps.Show(m)
	}
	d.taps.Examined(200, 9020)
	b.becomes(`document.querySelectorAll("#lines > li").length`, fmt.Sprint(len(lines)))
	b.becomes(`document.getElementById("tap-note").textContent.includes("of 9,020")`, "true") // the counts have come
	b.run(chromedp.Evaluate(`document.getElementById("tap-title").closest("section").scrollIntoView()`, nil))
	b.picture("stats-tap")
	b.run(chromedp.Click("#tap-go"))
}

// parsed are lines of the day with the events that the program makes of them.
func parsed(t *testing.T) (list []tap.Message) {
	t.Helper()
	dir := t.TempDir()
	program, file := build(t, dir), filepath.Join(dir, "gateway.yaml")
	testkit.Must(t, os.WriteFile(file, []byte("hec: {endpoints: ['https://splunk-idx-1:8088']}\nsources: {fortigate: {port: 1519, vendor: auto}, "+
		"cisco_asa: {port: 1516, vendor: cisco_asa}, linux: {port: 1517, vendor: linux}, windows: {port: 1518, vendor: windows}}\n"), 0o600))
	for _, one := range []struct{ source, from, line string }{
		{"cisco_asa", "10.20.2.10", "<166>Nov 24 16:40:01 fw-hq-1 : %ASA-6-302013: Built outbound TCP connection 4411 for outside:198.51.100.7/443 (198.51.100.7/443) to inside:10.20.4.7/50122 (10.20.4.7/50122)"},
		{"linux", "10.20.3.10", "<38>Nov 24 16:40:01 web1 sshd[2140]: Accepted publickey for deploy from 10.20.9.4 port 51514 ssh2"},
		{"fortigate", "10.20.5.10", `<189>date=2026-11-24 time=16:40:02 devname="fgt-branch-3" devid="FGT60F0000000001" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=10.23.0.14 dstip=203.0.113.9 dstport=443 policyid=7 action="accept"`},
		{"windows", "10.20.4.10", "<14>Nov 24 16:40:02 dc01 MSWinEventLog\t1\tSecurity\t4411\tTue Nov 24 16:40:02 2026\t4634\tMicrosoft-Windows-Security-Auditing\tN/A\tN/A\tSuccess Audit\tdc01\tLogoff\t\tAn account was logged off.\t99"},
	} {
		cmd := exec.Command(program, "parse", "-c", file, "--source", one.source, "--sender", one.from)
		cmd.Stdin = strings.NewReader(one.line + "\n")
		out, err := cmd.Output()
		var event struct {
			Host   string
			Fields struct{ Class string }
		}
		if err != nil || json.Unmarshal(out, &event) != nil {
			t.Fatalf("gateway parse: %v\n%s", err, out)
		}
		list = append(list, tap.Message{
			Source: one.source, Transport: "udp", Class: event.Fields.Class, Host: event.Host, From: netip.MustParseAddr(one.from),
			Raw: []byte(one.line), Event: bytes.TrimSpace(out),
		})
	}
	return list
}

// largestPicture is how large a picture may be, in bytes.
const largestPicture = 400_000

// picture writes docs/img/NAME.png, what is in the window, when SCREENSHOTS names the folder.
func (b *tab) picture(name string) {
	b.t.Helper()
	b.save("SCREENSHOTS", name, func(png *[]byte) {
		b.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
			*png, err = page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatPng).WithOptimizeForSpeed(false).Do(ctx)
			return err
		}))
		if len(*png) > largestPicture {
			b.t.Errorf("%s has %d bytes", name, len(*png))
		}
	})
}
