package vendor_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/syslog"
	"syslog-gateway/internal/vendor"
)

// expectation is one entry of a corpus file's .expected.json. The vocabulary is
// that of the project that the lines come from.
type expectation struct {
	Line     int    `json:"line"`
	Raw      string `json:"raw"`
	Expected struct {
		Sourcetype string `json:"sourcetype"`
		Index      string `json:"index"`
		Host       string `json:"host"`
		HOST       string `json:"HOST"`           // AxoSyslog
		Output     string `json:"rsyslog_output"` // rsyslog: "PRI,facility,severity,time,host,…"
		Template   string `json:"rsyslog_template"`
		Search     string `json:"search"` // SC4S: "search _time=1773498532 index=…"
	} `json:"expected"`
}

// TestCorpus reports how real lines are read; `make test-corpus CORPUS=folder`
// runs it. The lines are not part of this repository (their licences differ), so
// without the variable there is nothing to run.
func TestCorpus(t *testing.T) {
	root := os.Getenv("CORPUS")
	if root == "" {
		return
	}
	ports := map[string]string{
		"unifi": "unifi", "paloalto": "palo_alto", "cisco_asa": "cisco_asa",
		"linux": "linux", "windows": "windows", "other": "auto",
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no *.log below %s (%v)", root, err)
	}
	for _, file := range files {
		port := ports[filepath.Base(filepath.Dir(file))]
		if port == "" {
			t.Errorf("%s: no port for this folder", file)
			continue
		}
		corpusFile(t, file, port)
	}
}

func corpusFile(t *testing.T, file, port string) {
	lines := readLines(t, file)
	counts := map[string]int{}
	unparsed := 0
	for _, line := range lines {
		r := parse(t, port, line)
		counts[r.Class.String()]++
		if r.Unparsed {
			unparsed++
			t.Logf("    unparsed: %.160s", line)
		}
		if testing.Verbose() && os.Getenv("CORPUS_LINES") != "" {
			t.Logf("    %-18s host=%-20s %s %v | %.110s", r.Class, r.Host, r.TimeBy, r.Stamp, line)
		}
	}
	t.Logf("%s on %s: %d lines, %d parsed, %s", file, port, len(lines), len(lines)-unparsed, tally(counts))
	corpusExpected(t, strings.TrimSuffix(file, ".log")+".expected.json", port)
}

// corpusExpected compares with what the other project says, by its own profile.
func corpusExpected(t *testing.T, file, port string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return // not every file has one
	}
	var all []expectation
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	name := "sc4s"
	if strings.Contains(file, "-seed-") { // the system whose names "default" keeps
		name = "default"
	}
	profile, err := vendor.NewProfile(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	var sourcetypes, hosts, times agreement
	for _, e := range all {
		r := parse(t, port, []byte(e.Raw))
		m := profile.Metadata(r.Class, vendor.SourceInfo{Name: port, Vendor: port, Port: 514, Index: "main"})
		sourcetypes.add(t, e, "sourcetype", m.Sourcetype, e.Expected.Sourcetype)
		hosts.add(t, e, "host", strings.ToLower(string(r.Host)), strings.ToLower(e.wantHost()))
		if want := e.wantTime(); want != 0 {
			got, _ := syslog.NewClock(time.UTC).Instant(&r.Stamp, want*1e9)
			times.add(t, e, "time", itoa(int(got/1e9)), itoa(int(want)))
		}
	}
	t.Logf("%s: sourcetype %s, host %s, time %s", file, &sourcetypes, &hosts, &times)
}

// agreement counts how often we say what another project says, where it says
// anything.
type agreement struct{ agreed, of int }

func (a *agreement) add(t *testing.T, e expectation, what, got, want string) {
	if want == "" {
		return
	}
	a.of++
	if got == want {
		a.agreed++
		return
	}
	t.Logf("    line %d: %s %q, there %q: %.120s", e.Line, what, got, want, e.Raw)
}

func (a *agreement) String() string { return itoa(a.agreed) + " of " + itoa(a.of) }

func (e *expectation) wantHost() string {
	if e.Expected.HOST != "" || e.Expected.Host != "" {
		return e.Expected.HOST + e.Expected.Host
	}
	if strings.HasPrefix(e.Expected.Template, "%PRI%,%syslogfacility-text%,%syslogseverity-text%,%timestamp%,%hostname%,") {
		return strings.Split(e.Expected.Output, ",")[4]
	}
	return ""
}

var searchTime = regexp.MustCompile(`_time=(\d+)`)

func (e *expectation) wantTime() int64 {
	if m := searchTime.FindStringSubmatch(e.Expected.Search); m != nil {
		seconds, _ := strconv.ParseInt(m[1], 10, 64)
		return seconds
	}
	return 0
}

func parse(t testing.TB, port string, msg []byte) vendor.Result {
	t.Helper()
	p, err := vendor.New(port)
	if err != nil {
		t.Fatal(err)
	}
	var h syslog.Header
	var r vendor.Result
	syslog.Scan(msg, &h)
	p.Parse(msg, &h, &r)
	return r
}

func readLines(t testing.TB, file string) [][]byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]byte
	s := bufio.NewScanner(bytes.NewReader(raw))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		lines = append(lines, bytes.Clone(s.Bytes()))
	}
	return lines
}

func tally(counts map[string]int) string {
	names := make([]string, 0, len(counts))
	for n := range counts {
		names = append(names, n)
	}
	sort.Strings(names)
	var b strings.Builder
	for _, n := range names {
		b.WriteString(" " + n + "=" + itoa(counts[n]))
	}
	return b.String()
}

func itoa(n int) string { return strconv.Itoa(n) }
