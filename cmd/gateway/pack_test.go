package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/cli"
)

// packSite is a configuration with a folder of packs.
type packSite struct {
	t            *testing.T
	file, folder string
}

func newPackSite(t *testing.T, extra string) *packSite {
	t.Helper()
	dir := t.TempDir()
	s := &packSite{t, filepath.Join(dir, "gateway.yaml"), filepath.Join(dir, "packs")}
	s.write(s.file, fmt.Sprintf("packs: {folder: %s}\nhec: {token: x, endpoints: ['http://192.0.2.1:8088']}\nqueue: {path: %s/queue}\ndead_letter: {path: %s/dead}\n%s", s.folder, dir, dir, extra))
	return s
}

func (s *packSite) write(file, text string) {
	s.t.Helper()
	if !filepath.IsAbs(file) {
		file = filepath.Join(s.folder, file)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// run runs a verb to its end.
func (s *packSite) run(stdin string, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = run(s.t.Context(), args, cli.Streams{In: strings.NewReader(stdin), Out: &out, Err: &errs})
	return out.String(), errs.String(), code
}

// plain is the gateway without the race detector, for verbs that work in one goroutine and
// would take five times as long with it.
type plain string

// newPlain builds it as make build does, out of what that has compiled.
func newPlain(t *testing.T) plain {
	t.Helper()
	program := filepath.Join(t.TempDir(), "gateway")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the gateway: %v\n%s", err, out)
	}
	return plain(program)
}

// run runs a verb to its end. env is appended to the environment.
func (p plain) run(t *testing.T, stdin string, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(string(p), args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

const ownPack = `format: 1
pack: acme_widget
about: Widgets of Acme
source: Acme Widget guide
match: {program: [widgetd]}
read: kv
classes:
  - {name: alarm, when: {keys: {kind: alarm}}, sourcetype: acme:alarm, role: netids}
  - {name: other, sourcetype: 'acme:{program}', role: netops, sc4s: {source: 'program:{program}'}}
tests:
  - {line: '<13>Mar 14 14:28:52 w1 widgetd[3]: kind=alarm up', class: alarm, host: w1}
  - {line: '<13>Mar 14 14:28:52 w1 widgets[3]: up', pack: none}
`

// greedyPack takes a line of an embedded pack's tests.
const greedyPack = "format: 1\npack: own_all\nmatch: {program: ['vpx*']}\nsourcetype: own:all\nrole: main\n"

const failingPack = "format: 1\npack: own_bad\nmatch: {program: [zzz]}\nsourcetype: own:bad\nrole: main\ntests: [{line: '<13>Mar 14 14:28:52 w1 yyy: up'}]\n"

const line1 = "<13>Mar 14 14:28:52 w1 widgetd[3]: kind=alarm up"

func TestPackVerbs(t *testing.T) {
	t.Parallel()
	gateway := newPlain(t)
	for _, c := range []struct {
		name   string
		files  map[string]string
		extra  string // of the configuration
		args   []string
		stdin  string
		code   int
		out    []string // one line has all of its words, divided by blanks
		errs   []string // texts on stderr
		not    []string // texts that are nowhere
		silent bool     // nothing on stderr
	}{
		{name: "list", files: map[string]string{"a.yaml": ownPack}, args: []string{"list"}, silent: true, out: []string{
			"pack kind classes matched by tests file", "acme_widget yours 2 program 2 ok a.yaml", "cisco_asa built in 6 message id -",
			"mikrotik_routeros embedded 2 ok", "packs, classes, 0 conflicts",
		}},
		{name: "list without packs of the site", args: []string{"list"}, silent: true, out: []string{"packs, 0 conflicts"}},
		{name: "list of pins", files: map[string]string{"a.yaml": "format: 1\npack: own_pin\nsourcetype: x\n"}, extra: "packs: {senders: {192.0.2.0/24: own_pin}}\n", args: []string{"list"},
			out: []string{"own_pin yours 1 sender 192.0.2.0/24"}},
		{name: "show a pin", files: map[string]string{"a.yaml": "format: 1\npack: own_pin\nsourcetype: x\n"}, extra: "packs: {senders: {192.0.2.0/24: own_pin}}\n", args: []string{"show", "own_pin"},
			out: []string{"pinned by sender 192.0.2.0/24", "recognised by a pin only"}},
		{name: "list of rules", args: []string{"list"}, out: []string{"cisco_asa_rules embedded 0 rules only"}},
		{name: "show rules", extra: "packs: {options: [cisco_asa_rules.no_build]}\n", args: []string{"show", "cisco_asa_rules"}, silent: true, not: []string{"product ", "sourcetype"},
			out: []string{"recognised by nothing", "rule no_build Connections", "rule no_teardown off unless packs.options has cisco_asa_rules.no_teardown", "cisco_asa, the rule no_build leaves it out"}},
		{name: "list with one that is off", files: map[string]string{"a.yaml": ownPack}, extra: "packs: {disable: [acme_widget]}\n", args: []string{"list"},
			out: []string{"acme_widget yours 2 program off"}},
		{name: "list with a warning", files: map[string]string{"a.yaml": greedyPack}, args: []string{"list"},
			out: []string{"own_all yours 1 program -", "vmware_vsphere embedded of ok"}, errs: []string{"warning: ", `a.yaml:3: program "vpx*" takes messages of the embedded pack vmware_vsphere`}},
		{name: "list with what is meant", files: map[string]string{"a.yaml": greedyPack + "replaces: vmware_vsphere\n"}, args: []string{"list"}, silent: true, out: []string{"own_all yours"}},
		{name: "list with a conflict", files: map[string]string{"a.yaml": ownPack, "b.yaml": strings.ReplaceAll(ownPack, "acme_widget", "acme_second")}, args: []string{"list"}, code: 1,
			out: []string{"acme_second yours", "1 conflict"}, errs: []string{"b.yaml:5: program \"widgetd\" is also in ", "a.yaml:5 (pack acme_widget)"}, not: []string{"gateway:"}},
		{name: "list with problems", files: map[string]string{"a.yaml": "format: 1\npack: acme\nsourcetpye: x\nmatch: {contains: ab}\n", "b.yaml": ownPack}, args: []string{"list"}, code: 1,
			out: []string{"acme_widget yours"}, errs: []string{`a.yaml:3: "sourcetpye" is not a key here: did you mean sourcetype?`, "a.yaml:4: match: contains is no anchor"}},
		{name: "show", files: map[string]string{"a.yaml": ownPack}, args: []string{"show", "acme_widget"}, silent: true, out: []string{
			"acme_widget (yours, a.yaml:2): Widgets of Acme", "documented in Acme Widget guide", "recognised by program widgetd a.yaml:5", "reads kv", "host header", "event raw",
			"class alarm key kind=alarm", "class other the rest",
			"acme_widget_alarm default acme:alarm syslog:PORT netids → the port's", "acme_widget_alarm sc4s acme:alarm sc4s netids",
			"acme_widget_other default acme:{program} syslog:PORT netops", "acme_widget_other sc4s acme:{program} program:{program} netops",
			"2 tests, 0 failed", "1 " + line1, "ok: this pack takes it, class alarm, host w1", "ok: no pack takes it",
		}},
		{name: "show with indexes of the site", files: map[string]string{"a.yaml": ownPack}, extra: "metadata: {indexes: {netids: ids}}\n", args: []string{"show", "acme_widget"}, out: []string{"acme_widget_alarm default netids → ids"}},
		{name: "show a family", args: []string{"show", "unifi"}, silent: true, out: []string{"unifi (built in):", "documented in docs/devices/unifi.md", "unifi_firewall default ubiquiti:firewall netfw → firewall", "unifi_firewall sc4s ubnt:fw netfw"}},
		{name: "show a row", args: []string{"show", "qnap_qulog"}, code: 1, errs: []string{`"qnap_qulog" is not a pack; did you mean qnap_`}},
		{name: "show one that fails", files: map[string]string{"a.yaml": failingPack}, args: []string{"show", "own_bad"}, out: []string{"1 test, 1 failed", "own_bad test 1, profile default: pack is \"none\""}},
		{name: "show without a name", args: []string{"show"}, code: 2, errs: []string{"accepts 1 arg"}},
		{name: "test", files: map[string]string{"a.yaml": ownPack}, args: []string{"test"}, silent: true, out: []string{"packs, tests, 0 failed"}},
		{name: "test fails", files: map[string]string{"a.yaml": ownPack, "b.yaml": failingPack}, args: []string{"test"}, code: 1,
			out: []string{`b.yaml:6: own_bad test 1, profile default: pack is "none", want "own_bad" (class linux_syslog)`, "packs, tests, 1 failed"}, not: []string{"gateway:"}},
		{name: "test of a file", files: map[string]string{"b.yaml": failingPack, "../new.yaml": ownPack}, args: []string{"test", "NEW"}, silent: true, out: []string{"1 pack, 2 tests, 0 failed"}},
		{name: "test of a file that takes a line", files: map[string]string{"../new.yaml": greedyPack}, args: []string{"test", "NEW"}, code: 1,
			out: []string{"`vpx*` of new.yaml:3 takes the line vmware_vsphere test", "1 pack, 0 tests, 1 failed"}, errs: []string{"warning: "}},
		{name: "test of the folder itself", files: map[string]string{"a.yaml": ownPack, "b.yaml": ownPack[:0]}, args: []string{"test", "FOLDER"}, silent: true, out: []string{"1 pack, 2 tests, 0 failed"}},
		{name: "test of a file beside its like", files: map[string]string{"a.yaml": ownPack, "../new.yaml": strings.ReplaceAll(ownPack, "acme_widget", "acme_second")}, args: []string{"test", "NEW"}, code: 1,
			errs: []string{"new.yaml:5: program \"widgetd\" is also in"}},
		{name: "test of what is broken", files: map[string]string{"../new.yaml": "pack: x\n"}, args: []string{"test", "NEW"}, code: 1, errs: []string{"new.yaml:1: format: 1 is missing"}},
		{name: "test of nothing", files: map[string]string{"../new.yaml": ""}, args: []string{"test", "NEW"}, code: 1, errs: []string{"there is no pack in "}},
		{name: "test of what is not there", args: []string{"test", "/nowhere.yaml"}, code: 1, errs: []string{"/nowhere.yaml"}},
		{name: "explain a pack", files: map[string]string{"a.yaml": ownPack}, args: []string{"explain", line1}, silent: true, out: []string{
			"decided by: header bsd → program widgetd → pack acme_widget (yours, a.yaml:5) → class acme_widget_alarm by key kind=alarm", "came near: nothing",
			"Splunk gets: sourcetype acme:alarm, index of the port, source syslog:514", `host "w1" by header, time`, "fields class=acme_widget_alarm vendor_product=acme_widget", "event as received",
		}},
		{name: "explain a family", args: []string{"explain", "<13>Mar 14 14:28:52 ap1 hostapd: wlan0: up"}, out: []string{
			"decided by: header bsd → program hostapd → no pack → family linux by tag → class linux_syslog", "came near: vmware_vsphere: program host* in any case (profile sc4s only)", "sourcetype syslog",
		}},
		{name: "explain in the other profile", args: []string{"explain", "--profile", "sc4s", "<13>Mar 14 14:28:52 ap1 hostapd: wlan0: up"}, out: []string{"pack vmware_vsphere (embedded,", "index infraops"}},
		{name: "explain what is nothing", args: []string{"explain", "hello there"}, out: []string{"decided by: header bare without PRI → no pack → no family → class fallback", "sourcetype syslog:fallback"}},
		{name: "explain a pin", files: map[string]string{"a.yaml": "format: 1\npack: own_pin\nsourcetype: own:pin\nrole: main\n"}, extra: "packs: {senders: {192.0.2.0/24: own_pin}}\n",
			args: []string{"explain", "--sender", "192.0.2.7", "<13>hello"}, out: []string{"decided by: header bare → pin → pack own_pin (yours,", "sourcetype own:pin", "host 192.0.2.7 by the sender's address"}},
		{name: "explain lines", files: map[string]string{"a.yaml": ownPack}, args: []string{"explain"}, stdin: line1 + "\n\n<13>Mar 14 14:28:52 w1 widgetd[3]: up\n", out: []string{"line 1: " + line1, "line 2: <13>Mar", "class acme_widget_other"}},
		{name: "explain what is dropped", extra: "metadata: {drop: [linux_syslog]}\n", args: []string{"explain", "<13>Mar 14 14:28:52 w1 zzz: up"}, out: []string{"Splunk gets: nothing: dropped by metadata.drop"}},
		{name: "explain on a port of a vendor", args: []string{"explain", "--vendor", "cisco_asa", "<13>Mar 14 14:28:52 w1 zzz: up"}, out: []string{"class"}},
		{name: "explain for nobody", args: []string{"explain", "--vendor", "nobody", "x"}, code: 1, errs: []string{"nobody", "palo_alto"}},
		{name: "explain for no profile", args: []string{"explain", "--profile", "other", "x"}, code: 1, errs: []string{"other", "sc4s"}},
		{name: "explain with two lines", args: []string{"explain", "x", "y"}, code: 2},
		{name: "new", args: []string{"new", "acme_widget"}, stdin: line1 + "\n<13>Mar 14 14:28:52 w1 widgetd[3]: kind=x up\n<166>Mar 14 14:28:54 fw %ASA-6-302013: Built\n", out: []string{"pack: acme_widget", "match: {program: widgetd}", "host: host-a", "pack: none"},
			errs: []string{"line 3 is left out: the built-in family cisco_asa knows it", "acme_widget: 2 of 2 lines recognised; 3 tests, all ok"}},
		{name: "new out of the tap", args: []string{"new", "acme_widget"}, stdin: `{"raw":"` + line1 + `","event":{}}` + "\n", out: []string{"match: {program: widgetd}"}},
		{name: "new with lines that are known", files: map[string]string{"a.yaml": ownPack}, args: []string{"new", "acme_second"}, stdin: line1 + "\n", code: 1, errs: []string{"line 1 is left out: the pack acme_widget knows it", "no line that no pack knows"}},
		{name: "new with a name that is there", files: map[string]string{"a.yaml": ownPack}, args: []string{"new", "acme_widget"}, stdin: line1, code: 1, errs: []string{"there is a pack acme_widget already", "a.yaml:2"}},
		{name: "new with a wrong name", args: []string{"new", "Acme-Widget"}, stdin: line1, code: 1, errs: []string{"Acme-Widget", "is not a name"}},
		{name: "new without lines", args: []string{"new", "acme_widget"}, code: 1, errs: []string{"no line"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newPackSite(t, "")
			if c.extra != "" {
				text, _ := os.ReadFile(s.file)
				config := string(text)
				if packs, ok := strings.CutPrefix(c.extra, "packs: {"); ok {
					config = strings.Replace(config, "packs: {", "packs: {"+strings.TrimSuffix(packs, "}\n")+", ", 1)
				} else {
					config += c.extra
				}
				s.write(s.file, config)
			}
			for name, text := range c.files {
				s.write(name, text)
			}
			args := []string{"pack", c.args[0], "-c", s.file}
			for _, arg := range c.args[1:] {
				switch arg {
				case "NEW":
					arg = filepath.Join(filepath.Dir(s.folder), "new.yaml")
				case "FOLDER":
					arg = s.folder
				}
				args = append(args, arg)
			}
			out, errs, code := gateway.run(t, c.stdin, nil, args...)
			if code != c.code || c.silent && errs != "" {
				t.Errorf("exit %d, want %d\n%s%s", code, c.code, out, errs)
			}
			plain := strings.ReplaceAll(strings.ReplaceAll(out, s.folder+"/", ""), filepath.Dir(s.folder)+"/", "")
			for _, want := range c.out {
				if !hasLine(plain, want) {
					t.Errorf("no line has %q:\n%s", want, plain)
				}
			}
			for _, want := range c.errs {
				if !strings.Contains(errs, want) {
					t.Errorf("stderr lacks %q: %s", want, errs)
				}
			}
			for _, lack := range c.not {
				if strings.Contains(out+errs, lack) {
					t.Errorf("%q is there: %s%s", lack, out, errs)
				}
			}
		})
	}
}

// hasLine reports whether one line of a text has all words of another, in order.
func hasLine(text, words string) bool {
	return slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
		for _, w := range strings.Fields(words) {
			i := strings.Index(line, w)
			if i < 0 {
				return false
			}
			line = line[i+len(w):]
		}
		return true
	})
}

func TestPackListAsJSON(t *testing.T) {
	s := newPackSite(t, "")
	s.write("a.yaml", ownPack)
	s.write("b.yaml", greedyPack)
	out, _, code := s.run("", "pack", "list", "--json", "-c", s.file)
	var list packList
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 {
		t.Fatalf("exit %d, %v: %s", code, err, out)
	}
	at := slices.IndexFunc(list.Packs, func(r packRow) bool { return r.Name == "acme_widget" })
	want := packRow{Name: "acme_widget", Kind: "yours", About: "Widgets of Acme", Classes: 2, MatchedBy: "program", Tests: 2, File: filepath.Join(s.folder, "a.yaml"), Line: 2}
	if at < 0 || list.Packs[at] != want || len(list.Warnings) == 0 || list.Conflicts == nil || list.Problems == nil {
		t.Errorf("%+v, %q", list.Packs[max(at, 0)], list.Warnings)
	}
}

// All tests of embedded packs run in less than two seconds.
func TestEmbeddedPacksAreTestedFast(t *testing.T) {
	s := newPackSite(t, "")
	began := time.Now()
	out, errs, code := s.run("", "pack", "test", "-c", s.file)
	if took := time.Since(began); code != 0 || took > slower*2*time.Second {
		t.Errorf("exit %d after %s: %s%s", code, took, out, errs)
	}
}

// What pack new writes can be saved, and is live at once.
func TestNewPackIsLive(t *testing.T) {
	s := newPackSite(t, "")
	text, _, code := s.run(line1+"\n", "pack", "new", "acme_widget", "-c", s.file)
	if code != 0 {
		t.Fatal(text)
	}
	s.write("acme.yaml", text)
	for _, verb := range []string{"list", "test"} {
		if out, errs, code := s.run("", "pack", verb, "-c", s.file); code != 0 || errs != "" {
			t.Errorf("%s: exit %d: %s%s", verb, code, out, errs)
		}
	}
	if out, _, _ := s.run("", "pack", "explain", "-c", s.file, line1); !strings.Contains(out, "sourcetype acme:widget") {
		t.Error(out)
	}
}

func TestCheckTestsPacks(t *testing.T) {
	t.Parallel()
	gateway := newPlain(t)
	for _, c := range []struct {
		name, file string
		code       int
		wants      []string
	}{
		{"fine", ownPack, 0, []string{"packs: 1 of the site, ", " embedded, ", " tests\n", "fine: 5 sources"}},
		{"none", "", 0, []string{"packs: 0 of the site, "}},
		{"takes another's line", greedyPack, 0, []string{"warning: `vpx*` of ", "a.yaml:3 takes the line vmware_vsphere test ", "takes messages of the embedded pack vmware_vsphere", "fine: "}},
		{"fails", failingPack, 0, []string{"a.yaml:6: own_bad test 1", "fine: "}},
		{"broken", "format: 1\npack: acme\nsourcetpye: x\nmatch: {contains: ab}\n", 1, []string{"a.yaml:3: \"sourcetpye\"", "a.yaml:4: match: contains is no anchor"}},
		{"conflict", ownPack + "---\n" + strings.ReplaceAll(ownPack, "acme_widget", "acme_second"), 1, []string{`program "widgetd" is also in`}},
	} {
		s := newPackSite(t, "")
		s.write("a.yaml", c.file)
		out, errs, code := gateway.run(t, "", nil, "check", "-c", s.file)
		if code != c.code {
			t.Errorf("%s: exit %d: %s%s", c.name, code, out, errs)
		}
		for _, want := range c.wants {
			if !strings.Contains(out+errs, want) {
				t.Errorf("%s: lacks %q: %s%s", c.name, want, out, errs)
			}
		}
	}
}

func TestParseWithoutConfiguration(t *testing.T) {
	if _, err := os.Stat(defaultFile); err == nil {
		t.Skip("this machine has " + defaultFile)
	}
	s := newPackSite(t, "")
	s.write("a.yaml", ownPack)
	t.Setenv("GATEWAY_PACKS__FOLDER", s.folder)
	for _, c := range []struct {
		args []string
		line string
		want string
	}{
		{nil, "<13>Mar 14 14:28:52 w1 acme: up", `"sourcetype":"syslog"`},
		{nil, "<134>Mar 14 14:28:52 rtr1 system,error,critical login failure for user root", `"sourcetype":"routeros"`},
		{nil, line1, `"sourcetype":"acme:alarm"`},
		{[]string{"--source", "auto"}, "<166>Mar 14 14:28:54 fw %ASA-6-302013: Built", `"sourcetype":"cisco:asa"`},
		{[]string{"--source", "linux"}, "<13>Mar 14 14:28:52 w1 acme: up", `"index":"os"`},
	} {
		out, errs, code := s.run(c.line+"\n", append([]string{"parse"}, c.args...)...)
		if code != 0 || !strings.Contains(out, c.want) {
			t.Errorf("%q %s: exit %d: %s%s", c.args, c.line, code, out, errs)
		}
	}
	if _, errs, code := s.run("", "parse", "-c", s.file); code != cli.Usage || !strings.Contains(errs, "--source") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestPackNamesAreCompleted(t *testing.T) {
	s := newPackSite(t, "")
	s.write("a.yaml", ownPack)
	for begin, want := range map[string]string{"acme_": "acme_widget", "mikro": "mikrotik_routeros", "pal": "palo_alto"} {
		out, _, code := s.run("", "__complete", "pack", "show", "-c", s.file, begin)
		if code != 0 || !strings.Contains(out, want+"\n") || strings.Contains(out, "linux") {
			t.Errorf("%s: exit %d: %s", begin, code, out)
		}
	}
}

// The end of the context, as Ctrl-C brings it, ends the input of pack new: what was read counts.
func TestPackNewEndsWithItsInput(t *testing.T) {
	r, w := io.Pipe()
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		fmt.Fprintf(w, "%s\n", line1)
		fmt.Fprintf(w, "%s", line1[:20]) // read only after the line before was taken
		interrupt()
	}()
	lines, err := rawLines(ctx, r)
	if err != nil || !slices.Equal(lines, []string{line1}) {
		t.Errorf("%q, %v", lines, err)
	}
	_ = w.CloseWithError(errors.New("lost"))
	if _, err := rawLines(t.Context(), r); err == nil || !strings.Contains(err.Error(), "lost") {
		t.Error(err)
	}
}
