package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/testkit"
)

// widget is a pack for the lines of a program, with a sourcetype.
func widget(program, sourcetype string) string {
	return fmt.Sprintf(`format: 1
pack: acme_%[1]s
source: its manual
match: {program: [%[1]s]}
sourcetype: %s
role: netops
tests:
  - {line: '<13>Mar 14 14:28:52 w1 %[1]s[3]: up', host: w1}
  - {line: '<13>Mar 14 14:28:52 w1 other[3]: up', pack: none}
`, program, sourcetype)
}

// pack writes a file of packs of the site.
func (s *site) pack(name, text string) {
	s.t.Helper()
	folder := filepath.Join(s.dir, "packs")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// reload sends SIGHUP and waits until the n-th reload with this result is counted.
func (s *site) reload(p *process, result string, n float64) {
	s.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGHUP)
	testkit.Eventually(s.t, "the reload is counted", func() bool {
		return s.metrics().Sum("gateway_config_reloads_total", `result="`+result+`"`) == n
	})
}

// A reload reads the packs. A good change is live at once, also over a connection that is
// open; a set with one error is refused whole, and the old one goes on; no event is missing
// in the counts by class.
func TestPacksAreReloaded(t *testing.T) {
	t.Parallel()
	s := newSite(t, "packs: {folder: DIR/packs}\n")
	p := s.start()
	before := s.metrics()["gateway_packs_loaded"]
	c := s.dial("tcp", "linux")
	sent := 0
	became := func(want string) {
		t.Helper()
		fmt.Fprintf(c, "<13>%s w1 widgetd[3]: up\n", stampBSD())
		sent++
		s.waitEvents(sent)
		s.sink.mu.Lock()
		defer s.sink.mu.Unlock()
		var e struct{ Sourcetype string }
		if err := json.Unmarshal([]byte(s.sink.lines[sent-1]), &e); err != nil || e.Sourcetype != want {
			t.Errorf("event %d has the sourcetype %q, want %q", sent, e.Sourcetype, want)
		}
	}
	problems := func() string {
		_, list := s.health()
		return strings.Join(list, "\n")
	}
	became("syslog")
	s.pack("widget.yaml", widget("widgetd", "acme:widget"))
	s.reload(p, "success", 1)
	became("acme:widget")
	if n := s.metrics()["gateway_packs_loaded"]; n != before+1 || before < 100 {
		t.Errorf("%v packs are in force, %v were", n, before)
	}

	// One mistake in one file: the good change in the other is not live either.
	s.pack("widget.yaml", widget("widgetd", "acme:changed"))
	s.pack("gadget.yaml", widget("gadgetd", "acme:gadget")+"sourcetpe: x\n")
	s.reload(p, "failure", 1)
	became("acme:widget")
	if n := s.metrics()["gateway_packs_loaded"]; n != before+1 {
		t.Errorf("%v packs are in force after a refused reload", n)
	}
	if got := problems(); !strings.Contains(got, "was refused") || !strings.Contains(got, "gadget.yaml:10") || !strings.Contains(got, "sourcetpe") {
		t.Errorf("the page says %q", got)
	}
	if !strings.Contains(p.log.String(), "gadget.yaml:10") {
		t.Error("the log does not say where the mistake is")
	}
	s.pack("gadget.yaml", widget("gadgetd", "acme:gadget"))
	s.reload(p, "success", 2)
	became("acme:changed")
	if got := problems(); got != "" {
		t.Errorf("what was mended is still said: %q", got)
	}

	var shown struct {
		Packs struct {
			Hash string
			Site []struct {
				Name, File string
				Classes    []string
			}
		}
	}
	s.api("/api/v1/classes", &shown)
	if list := shown.Packs.Site; len(list) != 2 || list[0].Name != "acme_gadgetd" || !slices.Equal(list[1].Classes, []string{"acme_widgetd"}) {
		t.Errorf("packs: %+v", shown.Packs)
	}
	var hashes []string
	for _, m := range regexp.MustCompile(`msg="packs loaded" hash=([0-9a-f]{12}) in_force=`).FindAllStringSubmatch(p.log.String(), -1) {
		hashes = append(hashes, m[1])
	}
	if len(hashes) != 3 || hashes[2] != shown.Packs.Hash || len(slices.Compact(slices.Sorted(slices.Values(hashes)))) != 3 {
		t.Errorf("the log has the hashes %v, the page %s", hashes, shown.Packs.Hash)
	}

	m := s.metrics()
	if n := m.Sum("gateway_class_events_total", `source="linux"`); n != float64(sent) {
		t.Errorf("%v events by class, want %d", n, sent)
	}
	if n := m[`gateway_class_events_total{class="acme_widgetd",source="linux"}`]; n != 3 {
		t.Errorf("%v events of the pack, want 3", n)
	}
	s.sink.mu.Lock()
	bytes := 0
	for _, text := range s.sink.events {
		bytes += len(text)
	}
	s.sink.mu.Unlock()
	if n := m.Sum("gateway_class_bytes_total"); n != float64(bytes) {
		t.Errorf("%v bytes by class, want %d", n, bytes)
	}
	s.assertBalance()
	if code := p.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// At a start all mistakes of all files are told at once.
func TestStartRefusesWrongPacks(t *testing.T) {
	t.Parallel()
	s := newSite(t, "packs: {folder: DIR/packs}\n")
	s.pack("a.yaml", widget("widgetd", "acme:widget")+"sourcetpe: x\n")
	s.pack("b.yaml", strings.Replace(widget("gadgetd", "acme:gadget"), "role: netops", "role: netopps", 1))
	out, errs, code := s.gateway("", "run", "-c", s.file)
	if code != 1 || !strings.Contains(errs, "a.yaml:10") || !strings.Contains(errs, "b.yaml:6") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
}

// What no rule knows is shown with `tap --unknown`: what is kept at once, then what comes,
// each line once and as it was received.
func TestTapUnknown(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.write(strings.Replace(s.read(), "vendor: unifi", "vendor: auto", 1))
	s.start()
	// A datagram is one message, whatever it has in it.
	c := s.dial("udp", "unifi")
	say := func(i int) { fmt.Fprintf(c, "<13>nobody=%d a\tb \x1b[31m\x07 \\ é", i) }
	want := func(i int) string { return fmt.Sprintf("<13>nobody=%d a\tb \\x1b[31m\\a \\ é", i) }
	for i := range 5 {
		say(i)
	}
	s.say("linux", line("linux", "known"))
	s.waitEvents(6)
	for args, n := range map[string]int{"--unknown 3 --no-follow": 3, "--unknown 200": 5, "--unknown 200 --follow --limit 2": 2, "--unknown 9 --limit 5 --follow": 5, "--unknown 9 --source linux": 0} {
		out, errs, code := s.gateway("", append([]string{"tap", "-c", s.file}, strings.Fields(args)...)...)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		first := 0
		if strings.Contains(args, "--unknown 3") {
			first = 2
		}
		if code != 0 || strings.Count(out, "\n") != n || n > 0 && lines[0] != want(first) {
			t.Errorf("%s: exit %d, %q %s", args, code, lines, errs)
		}
	}
	for _, args := range []string{"--unknown 0", "--unknown 201", "--no-follow", "--follow", "--unknown 3 --follow --no-follow", "--unknown 3 --class fallback"} {
		if _, errs, code := s.gateway("", append([]string{"tap", "-c", s.file}, strings.Fields(args)...)...); code != 2 {
			t.Errorf("%s: exit %d, %s", args, code, errs)
		}
	}

	next := 5
	follows := func(out io.Reader, cmd *exec.Cmd) {
		t.Helper()
		p := s.spawn(cmd)
		lines := bufio.NewScanner(out)
		for i := next - 2; i < next+3; i++ {
			if i >= next {
				say(i)
			}
			if !lines.Scan() || lines.Text() != want(i) { // a Scanner takes the CR of a terminal away
				t.Fatalf("line %d is %q, want %q", i, lines.Text(), want(i))
			}
		}
		next += 3
		_ = p.cmd.Process.Signal(os.Interrupt)
		if code := p.wait(); code != 0 {
			t.Errorf("exit code %d after Ctrl-C", code)
		}
	}
	inPipe := gatewayCommand(s.dir, "tap", "-c", s.file, "--unknown", "2", "--follow")
	follows(testkit.Try(inPipe.StdoutPipe())(t), inPipe)
	onTerminal := gatewayCommand(s.dir, "tap", "-c", s.file, "--unknown", "2")
	screen, tty := terminal(t)
	onTerminal.Stdout = tty
	follows(screen, onTerminal)

	// The lines are secret: over the port nobody sees them without a user.
	r, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/api/v1/unparsed", s.stats))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusForbidden {
		t.Errorf("over the port: %s", r.Status)
	}
}

// terminal returns a pseudo-terminal: what a person sees, and what a program writes to.
func terminal(t *testing.T) (screen, tty *os.File) {
	t.Helper()
	screen = testkit.Try(os.OpenFile("/dev/ptmx", os.O_RDWR, 0))(t)
	t.Cleanup(func() { screen.Close() })
	testkit.Must(t, unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0))
	n := testkit.Try(unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN))(t)
	tty = testkit.Try(os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0))(t)
	t.Cleanup(func() { tty.Close() })
	return screen, tty
}

// playPacks: a reload whose packs are refused is said until one is not.
func playPacks(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "packs: {folder: DIR/packs}\n")
	sc := on(t, s)
	p := s.start()
	s.pack("a.yaml", widget("widgetd", "acme:widget"))
	sc.when(saidSoon, func() {
		s.pack("b.yaml", "format: 1\npack: none\n")
		_ = p.cmd.Process.Signal(syscall.SIGHUP)
	}, func() {
		if _, problems := s.health(); len(problems) != 1 || !strings.Contains(problems[0], "was refused") || !strings.Contains(problems[0], "b.yaml") {
			t.Errorf("problems: %q", problems)
		}
		if err := os.Remove(filepath.Join(s.dir, "packs", "b.yaml")); err != nil {
			t.Fatal(err)
		}
		_ = p.cmd.Process.Signal(syscall.SIGHUP)
	}, "%s below")
}
