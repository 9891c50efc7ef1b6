package monitor

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/status/statustest"
	"syslog-gateway/internal/testkit"
)

var (
	alertName = regexp.MustCompile(`(?m)^\s+- alert: (\S+)$`)
	alarmRow  = regexp.MustCompile("(?m)^\\| `(Gateway[A-Za-z]+)` \\| `(.*)` \\|$")
	quoted    = regexp.MustCompile(`"([^"]*)"`)
	aliased   = regexp.MustCompile(`AS ([a-z]+)`)
	word      = regexp.MustCompile(`[a-z_]+`)
)

// TestAlarmsInDocuments: each alert of deploy/prometheus stands in the runbook and, as a
// search, in the page on troubleshooting. A search names only fields that stats.to_splunk
// sends, sentences of the page, and lines of the log that the runbook lists.
func TestAlarmsInDocuments(t *testing.T) {
	read := func(name string) string { return string(testkit.Try(os.ReadFile("../../../" + name))(t)) }
	runbook, alerts := read("docs/operations.md"), read("deploy/prometheus/alerts.yml")
	searches := make(map[string]string)
	for _, m := range alarmRow.FindAllStringSubmatch(read("docs/troubleshooting.md"), -1) {
		searches[m[1]] = strings.ReplaceAll(m[2], `\|`, "|")
	}
	names := alertName.FindAllStringSubmatch(alerts, -1)
	if len(names) < 30 || len(names) != len(searches) {
		t.Errorf("%d alerts, %d searches", len(names), len(searches))
	}
	known := reportFields(t)
	var texts []string
	for _, w := range wordings() {
		texts = append(texts, w.text)
	}
	_, lines, _ := strings.Cut(runbook, "## Lines of the log")
	for _, m := range names {
		testkit.Holds(t, "the runbook", runbook, "`"+m[1]+"`")
		for _, wrong := range unknownIn(searches[m[1]], known, texts, lines) {
			t.Errorf("%s: %s", m[1], wrong)
		}
	}
	for _, wrong := range []string{"", `kind=source no_such>0`, `kind=gateway summary="*all is lost*"`, `index=os "it rains"`} {
		if len(unknownIn(wrong, known, texts, lines)) == 0 {
			t.Errorf("control: %q passes", wrong)
		}
	}
}

// reportFields are the names of what stats.to_splunk sends.
func reportFields(t *testing.T) []string {
	t.Helper()
	m := New(Options{Ledger: ledger.New(), History: history.New("", nil), Snapshot: func() status.Snapshot {
		s := statustest.Calm()
		s.Streams = statustest.Streams(s.Now)
		return s
	}})
	m.Sample()
	names := []string{"index", "sourcetype", "earliest", "d", "stats", "latest", "range", "max", "by", "where", "now", "abs", "_time", "os", "syslog_gateway"}
	kinds := make(map[string]bool)
	for _, v := range m.Report() {
		var fields map[string]any
		testkit.Must(t, json.Unmarshal(testkit.Try(json.Marshal(v))(t), &fields))
		for name := range fields {
			names = append(names, name)
		}
		kinds[fields["kind"].(string)] = true
	}
	for _, kind := range []string{"gateway", "source", "shard", "stream", "endpoint"} {
		if !kinds[kind] {
			t.Errorf("the report has no %s", kind)
		}
		names = append(names, kind)
	}
	return append(names, "down", "refused", "degraded", "drain", "maint") // states, status.Word
}

// unknownIn says what a search names that there is not.
func unknownIn(search string, fields, sentences []string, lines string) (wrong []string) {
	if search == "" {
		return []string{"there is no search"}
	}
	for _, m := range quoted.FindAllStringSubmatch(search, -1) {
		text := strings.Trim(m[1], "*")
		switch {
		case text == "syslog_gateway:stats" || text == "drain" || text == "maint":
		case strings.HasPrefix(search, "index=os"):
			if !strings.Contains(lines, text) {
				wrong = append(wrong, "the runbook has no line of the log "+text)
			}
		case !slices.ContainsFunc(sentences, func(s string) bool { return strings.Contains(s, text) }):
			wrong = append(wrong, "no sentence has "+text)
		}
	}
	rest := quoted.ReplaceAllString(search, "")
	for _, m := range aliased.FindAllStringSubmatch(rest, -1) {
		fields = append(fields, m[1])
	}
	for _, name := range word.FindAllString(rest, -1) {
		if !slices.Contains(fields, name) {
			wrong = append(wrong, "no field "+name)
		}
	}
	return wrong
}
