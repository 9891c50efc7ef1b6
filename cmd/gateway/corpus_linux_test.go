package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// corpusReceived is when the corpus is received: an hour after the time that its lines
// were made for, so that a receive time differs from one that was read.
const corpusReceived = "2026-03-14T15:28:52Z"

// corpusPorts are the sources that the folders of the corpus belong to.
var corpusPorts = map[string]string{
	"unifi": "unifi", "paloalto": "palo_alto", "cisco_asa": "cisco_asa",
	"linux": "linux", "windows": "windows", "other": "auto",
}

// corpusEvent is what `gateway parse` prints.
type corpusEvent struct {
	Time       float64
	Host       string
	Source     string
	Sourcetype string
	Index      string
	Event      string
	Fields     map[string]string
}

// expectation is one entry of a corpus file's .expected.json, in the vocabulary of
// the project that the lines come from.
type expectation struct {
	Line     int    `json:"line"`
	Raw      string `json:"raw"`
	Expected struct {
		Sourcetype string `json:"sourcetype"`
		Index      string `json:"index"`
		Source     string `json:"source"`
		Host       string `json:"host"`
		HOST       string `json:"HOST"`           // AxoSyslog
		Output     string `json:"rsyslog_output"` // rsyslog: "PRI,facility,severity,time,host,…"
		Template   string `json:"rsyslog_template"`
		Search     string `json:"search"` // SC4S: "search _time=1773498532 index=…"
	} `json:"expected"`
}

// corpus runs `gateway parse` on the lines of one folder.
type corpus struct {
	t    *testing.T
	dir  string
	root string
	met  map[string]bool // exceptions that were needed
}

// TestCorpus puts real lines through `gateway parse` and compares with what their
// projects say of them; `make test-corpus CORPUS=folder` runs it. The lines are not
// part of this repository (their licences differ), so without the variable there is
// nothing to run.
func TestCorpus(t *testing.T) {
	root := os.Getenv("CORPUS")
	if root == "" {
		return
	}
	c := &corpus{t: t, dir: t.TempDir(), root: root, met: make(map[string]bool)}
	for _, profile := range []string{"default", "sc4s"} {
		text := "metadata: {profile: " + profile + "}\nsources:\n"
		for i, port := range corpusVendors() {
			text += fmt.Sprintf("  %s: {port: %d, vendor: %s, index: main}\n", port, 1514+i, port)
		}
		if profile == "default" { // the index that the port of a live system has
			text = strings.Replace(text, "vendor: unifi, index: main", "vendor: unifi, index: unifi", 1)
		}
		testkit.Must(t, os.WriteFile(c.config(profile), []byte(text), 0o600))
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no *.log below %s (%v)", root, err)
	}
	for _, file := range files {
		port := corpusPorts[filepath.Base(filepath.Dir(file))]
		if port == "" {
			t.Errorf("%s: no port for this folder", file)
			continue
		}
		c.file(file, port)
	}
	for _, x := range corpusExceptions {
		if !c.met[x.key()] {
			t.Errorf("the exception %s is not needed any more: %s", x.key(), x.reason)
		}
	}
	t.Logf("%d exceptions, each with its reason in corpus_exceptions_test.go", len(corpusExceptions))
}

func corpusVendors() []string {
	return []string{"unifi", "palo_alto", "cisco_asa", "linux", "windows", "auto"}
}

func (c *corpus) config(profile string) string { return filepath.Join(c.dir, profile+".yaml") }

// parse returns the events of some messages, one each.
func (c *corpus) parse(profile, port string, messages []string) []corpusEvent {
	c.t.Helper()
	var in bytes.Buffer
	for _, m := range messages {
		fmt.Fprintf(&in, "%d %s", len(m), m)
	}
	cmd := gatewayCommand(c.dir, "parse", "-c", c.config(profile), "--source", port,
		"--framing", "octet", "--received-at", corpusReceived, "--sender", "192.0.2.7")
	cmd.Stdin = &in
	cmd.Stderr = os.Stderr
	out := testkit.Try(cmd.Output())(c.t)
	var events []corpusEvent
	decoder := json.NewDecoder(bytes.NewReader(out))
	for decoder.More() {
		var e corpusEvent
		if err := decoder.Decode(&e); err != nil {
			c.t.Fatalf("%s, event %d: %v", port, len(events)+1, err)
		}
		events = append(events, e)
	}
	if len(events) != len(messages) {
		c.t.Fatalf("%s: %d events of %d messages", port, len(events), len(messages))
	}
	return events
}

// file checks one file and prints a line about it.
func (c *corpus) file(path, port string) {
	c.t.Helper()
	raw := testkit.Try(os.ReadFile(path))(c.t)
	lines := strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
	events := c.parse("default", port, lines)
	classified, whole := 0, 0
	for i, e := range events {
		if e.Fields["class"] != "fallback" {
			classified++
		}
		if e.Event != "" && strings.Contains(strings.ToValidUTF8(lines[i], "\ufffd"), e.Event) {
			whole++
		} else {
			c.t.Errorf("%s:%d: the event is not of the line: %q", path, i+1, e.Event)
		}
	}
	name := testkit.Try(filepath.Rel(c.root, strings.TrimSuffix(path, ".log")))(c.t)
	text := fmt.Sprintf("%-48s port %-9s  lines %3d  classified %3d  lost %d", name, port, len(lines), classified, len(lines)-whole)
	if filepath.Dir(name) == "other" {
		text += "  " + c.neighbours(name, lines)
	} else {
		text += c.expected(name, port)
	}
	c.t.Log(text)
}

// expectations reads what is stated of a file; not every one has such statements.
func (c *corpus) expectations(name string) (all []expectation) {
	raw, err := os.ReadFile(filepath.Join(c.root, name+".expected.json"))
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil && !os.IsNotExist(err) {
		c.t.Fatalf("%s: %v", name, err)
	}
	return all
}

func raws(all []expectation) []string {
	messages := make([]string, len(all))
	for i, e := range all {
		messages[i] = e.Raw
	}
	return messages
}

// expected compares with the statements: by the profile sc4s those of Splunk Connect
// for Syslog, by the default one the others.
func (c *corpus) expected(name, port string) string {
	all := c.expectations(name)
	profile := "default"
	if strings.Contains(name, "-sc4s-") {
		profile = "sc4s"
	}
	counts := map[string]*agreement{}
	for i, got := range c.parse(profile, port, raws(all)) {
		e := all[i]
		for what, pair := range map[string][2]string{
			"sourcetype": {got.Sourcetype, e.Expected.Sourcetype},
			"index":      {got.Index, e.Expected.Index},
			"source":     {got.Source, e.Expected.Source},
			"host":       {got.Host, e.wantHost()},
			"time":       {second(got.Time), e.wantTime()},
		} {
			if counts[what] == nil {
				counts[what] = &agreement{}
			}
			c.compare(counts[what], exception{file: name, line: e.Line, what: what}, pair[0], pair[1])
		}
	}
	text := ""
	for _, what := range []string{"sourcetype", "index", "source", "host", "time"} {
		if a := counts[what]; a != nil && a.of != 0 {
			text += fmt.Sprintf("  %s %d/%d", what, a.agreed, a.of)
			if a.excepted != 0 {
				text += fmt.Sprintf(" (+%d excepted)", a.excepted)
			}
		}
	}
	return text
}

// agreement counts how often we say what another project says, where it says anything.
type agreement struct{ agreed, excepted, of int }

// count reports whether a comparison disagrees.
func (a *agreement) count(got, want string) (differs bool) {
	if want == "" {
		return false
	}
	a.of++
	if got == want {
		a.agreed++
	}
	return got != want
}

func (c *corpus) compare(a *agreement, x exception, got, want string) {
	if !a.count(got, want) {
		return
	}
	if c.excepted(x) {
		a.excepted++
		return
	}
	c.t.Errorf("%s: got %q, stated is %q", x.key(), got, want)
}

// excepted reports whether a disagreement is one that is listed.
func (c *corpus) excepted(x exception) bool {
	for _, listed := range corpusExceptions {
		if listed.key() == x.key() {
			c.met[x.key()] = true
			return true
		}
	}
	return false
}

// neighbours sends the lines of other devices to every port: nobody else's line may
// be taken for one of a family that the port does not belong to.
func (c *corpus) neighbours(name string, lines []string) string {
	stated := make(map[int]string)
	var hosts, times agreement
	all := c.expectations(name)
	for i, got := range c.parse("sc4s", "auto", raws(all)) {
		e := all[i]
		stated[e.Line] = e.Expected.Sourcetype
		hosts.count(got.Host, e.wantHost())
		times.count(second(got.Time), e.wantTime())
	}
	misfiled, generic := 0, 0
	for _, port := range corpusVendors() {
		for i, e := range c.parse("default", port, lines) {
			family := familyOf(e.Sourcetype)
			switch {
			case family == "" && port == "auto" && e.Fields["class"] == "linux_syslog":
				generic++
				continue
			case family == "" || family == port || family == familyOf(stated[i+1]):
				continue
			}
			if x := (exception{file: name, line: i + 1, what: "family"}); !c.excepted(x) {
				misfiled++
				c.t.Errorf("%s: taken for %s on port %s: %.120s", x.key(), e.Sourcetype, port, lines[i])
			}
		}
	}
	c.multiline(filepath.Join(c.root, name+".multiline.jsonl"))
	return fmt.Sprintf("host %d/%d  time %d/%d (no promise)  misfiled %d on any of %d ports (%d are generic syslog on auto)",
		hosts.agreed, hosts.of, times.agreed, times.of, misfiled, len(corpusVendors()), generic)
}

// familyOf is the family that a sourcetype belongs to, ours or Splunk Connect's;
// plain syslog and CEF are everybody's.
func familyOf(sourcetype string) string {
	for prefix, family := range map[string]string{
		"ubiquiti:": "unifi", "ubnt": "unifi", "pan:": "palo_alto", "windows:": "windows", "XmlWinEventLog": "windows",
		"cisco:asa": "cisco_asa", "cisco:ftd": "cisco_asa", "cisco:pix": "cisco_asa", "cisco:fwsm": "cisco_asa",
		"cisco:ios": "cisco_asa", "cisco:firepower": "cisco_asa", "linux_": "linux", "nix:": "linux",
	} {
		if strings.HasPrefix(sourcetype, prefix) {
			return family
		}
	}
	return ""
}

// multiline sends messages that hold line ends: each stays one event.
func (c *corpus) multiline(path string) {
	raw, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return
	}
	var messages []string
	decoder := json.NewDecoder(bytes.NewReader(raw))
	for decoder.More() {
		var m struct{ Raw string }
		if err = decoder.Decode(&m); err != nil {
			break
		}
		messages = append(messages, m.Raw)
	}
	if err != nil {
		c.t.Fatalf("%s: %v", path, err)
	}
	for i, e := range c.parse("default", "auto", messages) {
		if whole := strings.TrimRight(messages[i], "\r\n"); e.Event == "" || !strings.HasSuffix(whole, e.Event) {
			c.t.Errorf("%s:%d: got %q of %q", path, i+1, e.Event, messages[i])
		}
	}
}

func (e *expectation) wantHost() string {
	if e.Expected.HOST != "" || e.Expected.Host != "" {
		return e.Expected.HOST + e.Expected.Host
	}
	if strings.HasPrefix(e.Expected.Template, "%PRI%,%syslogfacility-text%,%syslogseverity-text%,%timestamp%,%hostname%,") {
		return strings.Split(e.Expected.Output, ",")[4]
	}
	return ""
}

func second(t float64) string { return strconv.FormatInt(int64(math.Floor(t)), 10) }

var searchTime = regexp.MustCompile(`_time=(\d+)`)

func (e *expectation) wantTime() string {
	if m := searchTime.FindStringSubmatch(e.Expected.Search); m != nil {
		return m[1]
	}
	return ""
}
