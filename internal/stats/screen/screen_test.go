package screen

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"
	"go.uber.org/goleak"

	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// evil is what a device or a server may call itself.
const evil = "\x1b]0;owned\x07\x1b[2J\x1b[31mfw\u202e\u009b1m\r\n世界\xff"

// state is a gateway with many of everything, all named by somebody evil.
func state() State {
	now := time.Date(2026, 12, 1, 3, 12, 7, 0, time.UTC)
	s := State{Conditions: []string{"ok queue: " + evil}, Known: 5000}
	s.Status.Now, s.Status.Host, s.Status.Version, s.Status.UptimeSeconds = now, "gw-1", "1.4.0", 2e6
	s.Status.Health = monitor.Health{Level: "critical", Summary: "Events are being lost; " + evil + strings.Repeat(" x", 100)}
	for i := range 12 {
		f := monitor.Finding{ID: "x", Level: []string{"critical", "warning", "note"}[i%3], Text: evil + strings.Repeat("long", 30), Since: now.Add(-time.Duration(i*i) * time.Hour), Help: "/help/kernel-drops"}
		if i == 2 {
			f.Ended = now
		}
		s.Status.Health.Findings = append(s.Status.Health.Findings, f)
	}
	for i := range 9 {
		src := monitor.Source{Rates: monitor.Rates{Received: float64(i * 1000), Lost: float64(i % 2)}}
		src.Balance.Source, src.Configured = fmt.Sprint("source", i, evil), true
		s.Status.Sources = append(s.Status.Sources, src)
		s.Status.Endpoints = append(s.Status.Endpoints, monitor.Endpoint{Endpoint: status.Endpoint{URL: "https://splunk" + fmt.Sprint(i) + strings.Repeat("x", 90), LastAnswer: evil, Up: i%2 == 0}})
	}
	for i := range 100 {
		s.Senders = append(s.Senders, monitor.Sender{Name: evil + strings.Repeat("世", 40), Address: "2001:db8::" + fmt.Sprint(i), Floods: i == 0, Silent: i == 1, Skewed: i == 2, Rate: float64(i)})
		s.Volume.Rows = append(s.Volume.Rows, monitor.VolumeRow{Name: evil})
		s.Points = append(s.Points, Point{ReceivedRate: float64(i), DeliveredRate: 1})
		s.Letters = append(s.Letters, status.DeadLetterGroup{Reason: evil, Source: evil, Sourcetype: evil, Index: evil, Hosts: []string{evil}, Text: evil, Last: now})
	}
	s.Points[50].P50, s.Points[50].P99 = 562, 579
	return s
}

// harmless reports what of a text a terminal would obey, or that is too wide.
func harmless(t *testing.T, what, line string, most int) {
	t.Helper()
	for _, r := range line {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e {
			t.Errorf("%s: %q", what, line)
			return
		}
	}
	if width(line) > most {
		t.Errorf("%s: %d columns: %s", what, width(line), line)
	}
}

func TestStatusIsText(t *testing.T) {
	var b strings.Builder
	testkit.Must(t, WriteStatus(&b, state()))
	for line := range strings.Lines(b.String()) {
		harmless(t, "status", strings.TrimSuffix(line, "\n"), columns)
	}
	testkit.Holds(t, "status", b.String(), "critical: Events are being lost", "gw-1  syslog-gateway 1.4.0, up 23 d 3 h", "2026-12-01 03:12:07 UTC", `\x1b]0;owned`,
		"do: gateway help kernel-drops", "  4 more: ", "  received   36,000/s", "p50 9 min 22 s", "ended 03:12", "since 30 Nov")
	harmless(t, "short", Short(state()), 9999)
	var empty strings.Builder
	testkit.Must(t, WriteStatus(&empty, State{}))
}

// Every view, at every size, fits and is text.
func TestFramesFit(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}, {40, 10}, {20, 5}, {1, 1}, {0, 0}} {
		for view := Main; view <= Help; view++ {
			for _, ascii := range []bool{false, true} {
				f := Frame{State: state(), View: view, Range: "15m", Help: "## T\n\n| a | " + strings.Repeat("b ", 300) + "|\n- x\n  " + evil, Width: size[0], Height: size[1], ASCII: ascii, Trouble: map[bool]string{true: evil}[ascii]}
				for _, offset := range []int{0, 7, 1 << 20} {
					f.Offset = offset
					lines := f.Lines()
					if len(lines) > size[1] {
						t.Fatalf("view %d at %v: %d lines", view, size, len(lines))
					}
					for _, line := range lines {
						most := size[0]
						if size[0] < 80 { // the terminal cuts them
							most = 9999
						}
						harmless(t, fmt.Sprintf("view %d at %v", view, size), line.String(), most)
					}
				}
			}
		}
	}
	f := Frame{State: state(), Range: "15m", Width: 120, Height: 40}
	var text strings.Builder
	for _, line := range f.Lines() {
		text.WriteString(line.String() + "\n")
	}
	testkit.Holds(t, "main", text.String(), "✖ ", "▲ ", "RECEIVED", "36,000/s", "█", "p99 9 min 39 s", "SOURCE", "ENDPOINT", "SENDER", "q quit", "5,000 senders in all")
	(&f).State = State{}
	for view := Main; view <= Help; view++ { // of nothing
		f.View = view
		f.Lines()
	}
}

// TestTop plays the screen on a simulated terminal: keys, an answer that does not come, the end.
func TestTop(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	s := &display{SimulationScreen: tcell.NewSimulationScreen("UTF-8")}
	fails := make(chan bool, 1)
	fails <- false
	ask := func(context.Context, Frame) (State, error) {
		is := <-fails
		fails <- is
		if is {
			return State{}, errors.New("connection refused")
		}
		return state(), nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- Top(ctx, s, ask, func(section string) string { return "## About " + section }) }()
	shows := func(what string) {
		t.Helper()
		testkit.Eventually(t, "the screen shows "+what, func() bool {
			return strings.Contains(s.shown(), what)
		})
	}
	shows("RECEIVED")
	s.InjectKey(tcell.KeyRune, 's', 0)
	shows("WHY")
	s.InjectKey(tcell.KeyEscape, 0, 0)
	s.InjectKey(tcell.KeyEnter, 0, 0)
	shows("About kernel-drops")
	s.InjectKey(tcell.KeyRune, 'i', 0)
	shows("INDEX")
	s.InjectKey(tcell.KeyRune, 'd', 0)
	shows("REASON")
	s.InjectKey(tcell.KeyRune, '?', 0)
	shows("hold, and go on")
	<-fails
	fails <- true
	shows("NO ANSWER: connection refused")
	s.InjectKey(tcell.KeyRune, 'q', 0)
	testkit.Equal(t, "end", <-done, nil)
}

func TestWrap(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a bc d", "a bc|d"}, {"abcdefgh i", "abcd|efgh|i"}, {"", ""}, {"世界世界", "世界|世界"},
	} {
		testkit.Equal(t, c.text, strings.Join(wrap(c.text, 4), "|"), c.want)
	}
}

// display keeps what is shown: the cells of the simulation have no lock for readers.
type display struct {
	tcell.SimulationScreen

	mu   sync.Mutex
	text string
}

func (d *display) Show() {
	d.SimulationScreen.Show()
	cells, w, _ := d.GetContents()
	var b strings.Builder
	for i, c := range cells {
		if w > 0 && i%w == 0 {
			b.WriteByte('\n')
		}
		b.WriteString(string(c.Runes))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.text = b.String()
}

func (d *display) shown() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text
}
