package stats

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/testkit"

	"go.yaml.in/yaml/v3"
)

const deploy = "../../deploy"

func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(testkit.Tool(t, "promtool", "prometheus"), args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %q: %v\n%s", args, err, out)
	}
}

func TestPrometheusRules(t *testing.T) {
	dir := filepath.Join(deploy, "prometheus")
	promtool(t, dir, "check", "rules", "rules.yml", "alerts.yml")
	promtool(t, dir, "check", "config", "prometheus.yml")
	promtool(t, dir, "test", "rules", "alerts_test.yml")
}

// dashboard is what a test needs of a Grafana dashboard.
type dashboard struct {
	Panels []struct {
		Title   string
		GridPos struct{ X, Y, W, H int } `json:"gridPos"`
		Targets []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
	Annotations struct{ List []struct{ Expr string } }
}

// TestGrafanaDashboard: promtool parses every query, with the variables filled in, and
// every metric in them is one that somebody writes.
func TestGrafanaDashboard(t *testing.T) {
	text := testkit.Try(os.ReadFile(filepath.Join(deploy, "grafana", "dashboard.json")))(t)
	var d dashboard
	testkit.Must(t, json.Unmarshal(text, &d))
	var queries []string
	for i, p := range d.Panels {
		if len(p.Targets) == 0 || p.Title == "" {
			t.Errorf("panel %q asks nothing", p.Title)
		}
		for _, q := range p.Targets {
			queries = append(queries, q.Expr)
		}
		for _, o := range d.Panels[:i] {
			a, b := p.GridPos, o.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("panels %q and %q overlap", p.Title, o.Title)
			}
		}
	}
	for _, a := range d.Annotations.List {
		queries = append(queries, a.Expr)
	}
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	var rules []rule
	fill := strings.NewReplacer("$__rate_interval", "5m", "$__range", "6h", "$instance", ".*", "$source", ".*", "$job", ".*")
	for i, q := range queries {
		q = fill.Replace(q)
		testkit.Lacks(t, "a variable is not known", q, "$")
		rules = append(rules, rule{fmt.Sprint("dashboard:query:", i), q})
	}
	file := testkit.Try(yaml.Marshal(map[string]any{"groups": []map[string]any{{"name": "dashboard", "rules": rules}}}))(t)
	dir := t.TempDir()
	testkit.Must(t, os.WriteFile(filepath.Join(dir, "queries.yml"), file, 0o600))
	promtool(t, dir, "check", "rules", "queries.yml")
	for _, v := range d.Templating.List {
		queries = append(queries, v.Definition)
	}
	known(t, strings.Join(queries, "\n"))
	for _, name := range []string{"rules.yml", "alerts.yml"} {
		text := testkit.Try(os.ReadFile(filepath.Join(deploy, "prometheus", name)))(t)
		known(t, string(text))
	}
}

// known fails for a metric of ours in a text that no Go source writes.
func known(t *testing.T, text string) {
	t.Helper()
	source := ""
	for _, pattern := range []string{"*.go", "../*/*.go", "../*/*/*.go"} {
		files := testkit.Try(filepath.Glob(pattern))(t)
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			b := testkit.Try(os.ReadFile(f))(t)
			source += string(b)
		}
	}
	for _, name := range regexp.MustCompile(`\bgateway_[a-z_]+`).FindAllString(text, -1) {
		base := strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
		short := strings.TrimPrefix(base, "gateway_")
		_, own, _ := strings.Cut(short, "_") // those of queues and streams have a prefix of their own
		if !strings.Contains(source, `"`+base+`"`) && !strings.Contains(source, `desc("`+short+`"`) && !strings.Contains(source, `desc("`+own+`"`) {
			t.Errorf("nobody writes the metric %s", name)
		}
	}
}

// TestSplunkDashboard: Simple XML that is well formed, and asks for nothing that the
// gateway does not send.
func TestSplunkDashboard(t *testing.T) {
	text := testkit.Try(os.ReadFile(filepath.Join(deploy, "splunk", "dashboards", "syslog_gateway.xml")))(t)
	var queries []string
	dec, inQuery := xml.NewDecoder(strings.NewReader(string(text))), false
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		testkit.Must(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			inQuery = token.Name.Local == "query"
		case xml.CharData:
			if inQuery {
				queries = append(queries, string(token))
			}
			inQuery = false
		}
	}
	if len(queries) < 8 {
		t.Fatalf("%d queries", len(queries))
	}
	p := open(t)
	sent := make(map[string][]string)
	for _, n := range p.server.Monitor().Report() {
		body := testkit.Try(json.Marshal(n))(t)
		var fields map[string]any
		testkit.Must(t, json.Unmarshal(body, &fields))
		for name := range fields {
			sent[fmt.Sprint(fields["kind"])] = append(sent[fmt.Sprint(fields["kind"])], name)
		}
	}
	asked := regexp.MustCompile(`(?:latest|avg|max)\(([a-z_]+)\)`)
	for _, q := range queries {
		_, rest, _ := strings.Cut(q, "kind=")
		kind, _, _ := strings.Cut(rest, " ")
		for _, m := range asked.FindAllStringSubmatch(q, -1) {
			if m[1] != "_time" && !slices.Contains(sent[kind], m[1]) {
				t.Errorf("%s is not sent of a %s: %v", m[1], kind, sent[kind])
			}
		}
	}
}

// TestRealPrometheus scrapes the port as it will be scraped, with our rules.
func TestRealPrometheus(t *testing.T) {
	p := open(t)
	traffic(p.ledger)
	dir := t.TempDir()
	for _, name := range []string{"rules.yml", "alerts.yml", "prometheus.yml"} {
		text := testkit.Try(os.ReadFile(filepath.Join(deploy, "prometheus", name)))(t)
		s := strings.NewReplacer("127.0.0.1:8404", p.server.Addr().String(), "scrape_interval: 15s", "scrape_interval: 200ms\n  scrape_timeout: 200ms\n  evaluation_interval: 500ms").Replace(string(text))
		testkit.Must(t, os.WriteFile(filepath.Join(dir, name), []byte(s), 0o600))
	}
	suppressed := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	address := suppressed.Addr().String()
	suppressed.Close()
	log := new(testkit.Log)
	cmd := exec.Command(testkit.Tool(t, "prometheus", "prometheus"), "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "tsdb"), "--web.listen-address="+address)
	cmd.Stderr = log
	testkit.Must(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	ask := func(query string) (value string) {
		resp := poll(t, p.client, "http://"+address+"/api/v1/query?query="+query, log)
		defer resp.Body.Close()
		var got struct {
			Data struct{ Result []struct{ Value [2]any } }
		}
		if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&got) != nil || len(got.Data.Result) == 0 {
			return ""
		}
		return fmt.Sprint(got.Data.Result[0].Value[1])
	}
	for query, want := range map[string]string{
		"up": "1",
		`gateway_received_events_total{source="linux",transport="tcp"}`: "1234567",
		`gateway:books:difference`:                                      "0",
	} {
		if !testkit.Within(30*time.Second, func() bool { return ask(query) == want }) {
			t.Fatalf("%s is %q, want %s\n%s", query, ask(query), want, log)
		}
	}
}

// One list says which reasons are losses. The manual, the alerts and the dashboard go by it.
func TestDropReasonsAreTheSameEverywhere(t *testing.T) {
	read := func(path string) string {
		return string(testkit.Try(os.ReadFile(path))(t))
	}
	manual := read("../../docs/operations.md")
	_, table, _ := strings.Cut(manual, "## Events dropped")
	table, _, _ = strings.Cut(table, "\n## ")
	var intended []string
	for _, r := range ledger.DropReasons() {
		yes := "no"
		if r.Lost {
			yes = "yes"
		} else {
			intended = append(intended, r.Name)
		}
		if row := regexp.MustCompile("(?m)^\\| [^|]*`" + r.Name + "`[^|]*\\|[^|]*\\| " + yes + " \\|"); !row.MatchString(table) {
			t.Errorf("the manual does not say %s of the loss of %s", yes, r.Name)
		}
	}
	for _, path := range []string{"../../deploy/prometheus/rules.yml", "../../deploy/grafana/dashboard.json"} {
		found := regexp.MustCompile(`reason!~\\?"([a-z_|]+)\\?"`).FindAllStringSubmatch(read(path), -1)
		if len(found) == 0 {
			t.Errorf("%s leaves no reason out", path)
		}
		for _, m := range found {
			got := strings.Split(m[1], "|")
			slices.Sort(got)
			want := slices.Sorted(slices.Values(intended))
			if !slices.Equal(got, want) {
				t.Errorf("%s leaves %q out, want %q", path, got, want)
			}
		}
	}
}
